// The viewer: panes, tools, keys, cine. State goes in and changes come out in the shapes of the consult's table, so that
// whoever holds the floor can be followed; on its own it keeps its state itself.
import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import { Frames } from './frames';
import type { Tool } from './hands';
import { zoomed } from './hands';
import { Pane } from './pane';
import { openSeries, type SeriesSource, type Stack } from './series';
import { PRESETS, applyChange, freshViewport, paneCount, scrollBy, type ImageRef, type ReadingChange, type ReadingState, type ViewportState } from './state';
import { Toolbar } from './toolbar';
import type { Language } from './texts';
import './viewer.css';

export interface ViewerProps {
	language: Language;
	token: () => string;
	series: SeriesSource[];
	cpu?: boolean;
	/** Given: the state is somebody else's, and onChange asks for a change of it. */
	state?: ReadingState;
	onChange?: (change: ReadingChange) => void;
	frames?: Frames;
}

export const firstState = (series: SeriesSource[]): ReadingState => ({
	layout: series.length > 1 ? 'pair' : 'one', linked: series.length > 1,
	viewports: [0, 1, 2, 3].map((at) => freshViewport(at, series[at]?.image ?? null)),
});

const same = (a: ImageRef | null, b: ImageRef) => a !== null && a.pacs === b.pacs && a.study === b.study && a.series === b.series;

function useStacks(series: SeriesSource[], token: () => string): Stack[] {
	const [stacks, setStacks] = useState<Stack[]>([]);
	const key = series.map((s) => s.url).join(' ');
	useEffect(() => {
		const abort = new AbortController();
		setStacks([]);
		for (const source of series)
			void openSeries(source, token, abort.signal).then((stack) => !abort.signal.aborted && setStacks((old) => [...old.filter((s) => s.source.url !== source.url), stack]));
		return () => abort.abort();
	}, [key]);
	return stacks;
}

/** Fetches what is looked at, then its neighbours, then the rest; lets go of what nobody looks at any more. */
function want(frames: Frames, shown: { stack: Stack; at: number }[]): void {
	const wanted = new Map<string, { frame: Stack['frames'][number]; priority: 0 | 1 | 2 }>();
	for (const { stack, at } of shown)
		for (const [distance, priority] of [[0, 0], [3, 1], [40, 2]] as const)
			for (let i = Math.max(0, at - distance); i <= Math.min(stack.frames.length - 1, at + distance); i++) {
				const frame = stack.frames[i]!, old = wanted.get(frame.id);
				if (!old || priority < old.priority) wanted.set(frame.id, { frame, priority });
			}
	frames.keep(new Set(wanted.keys()));
	for (const { frame, priority } of [...wanted.values()].sort((a, b) => a.priority - b.priority)) {
		const { pixels, error } = frames.get(frame.id);
		if (!pixels?.exact && !error) void frames.load(frame, priority).catch(() => undefined);
	}
}

export function Viewer(props: ViewerProps) {
	const own = useMemo(() => props.frames ?? new Frames(), []), stacks = useStacks(props.series, props.token);
	const [kept, setKept] = useState(() => firstState(props.series)), [tool, setTool] = useState<Tool>('scroll'), [active, setActive] = useState(0);
	const [, redraw] = useReducer((n: number) => n + 1, 0);
	const state = props.state ?? kept, latest = useRef(state);
	latest.current = state;
	const change = (c: ReadingChange) => {
		latest.current = applyChange(latest.current, c);
		if (props.onChange) props.onChange(c);
		if (!props.state) setKept(latest.current);
	};
	const stackOf = (v: ViewportState) => stacks.find((s) => same(v.image, s.source.image)) ?? null;
	const lengths = () => latest.current.viewports.map((v) => stackOf(v)?.frames.length ?? 1);
	const scroll = (at: number, step: number) => change(scrollBy(latest.current, at, step, lengths()));
	const set = (at: number, c: Partial<ViewportState>) => change({ viewports: [{ ...c, at }] });

	useEffect(() => own.onChange(() => redraw(0)), [own]);
	useEffect(() => () => own.done(), [own]);
	const panes = state.viewports.slice(0, paneCount(state.layout));
	const shown = panes.flatMap((v) => (stackOf(v) ? [{ stack: stackOf(v)!, at: Math.min(v.frame, lengths()[v.at]! - 1) }] : []));
	const seen = shown.map((s) => `${s.stack.source.url}:${s.at}:${s.stack.frames.length}`).join(' ');
	useEffect(() => want(own, shown), [seen]);

	const rates = panes.map((v) => v.cine).join(' ');
	useEffect(() => {
		const timers = panes.filter((v) => v.cine > 0 && stackOf(v)).map((v) =>
			setInterval(() => {
				const now = latest.current.viewports[v.at]!, length = lengths()[v.at]!, next = (now.frame + 1) % length;
				if (own.get(stackOf(now)?.frames[next]?.id ?? '').pixels) scroll(v.at, next - now.frame); // waits for what has not come
			}, 1000 / v.cine));
		return () => timers.forEach(clearInterval);
	}, [rates, stacks.length]);

	const current = state.viewports[Math.min(active, panes.length - 1)]!, info = stackOf(current)?.frames[current.frame]?.info;
	const keys = (e: KeyboardEvent) => {
		if (e.ctrlKey || e.altKey || e.metaKey || (e.target as Element).closest('input, select')) return;
		const { at } = current, steps: Record<string, number> = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e6, End: 1e6 };
		const step = steps[e.key], preset = info?.modality === 'CT' ? PRESETS.find((p) => p.key === e.key) : undefined;
		if (step) scroll(at, step);
		else if (preset) set(at, { center: preset.center, width: preset.width });
		else if (e.key === '+' || e.key === '=') set(at, { zoom: zoomed(current.zoom, 1.2) });
		else if (e.key === '-') set(at, { zoom: zoomed(current.zoom, 1 / 1.2) });
		else if (e.key === 'i') set(at, { invert: !current.invert });
		else if (e.key === 'h') set(at, { flip: !current.flip });
		else if (e.key === 'r') set(at, { rotation: (current.rotation + 90) % 360 });
		else if (e.key === '0') set(at, { ...freshViewport(at, current.image), frame: current.frame });
		else if (e.key === ' ' && !(e.target as Element).closest('button')) set(at, { cine: current.cine > 0 ? 0 : info?.cineRate || 10 });
		else return;
		e.preventDefault();
	};
	return (
		<div class="im-viewer" tabIndex={0} onKeyDown={keys} data-testid="viewer">
			<Toolbar language={props.language} state={state} current={current} info={info ?? null} tool={tool} onTool={setTool} onChange={change} />
			<div class={`im-panes im-${state.layout}`}>
				{panes.map((v) => {
					const stack = stackOf(v), at = Math.min(v.frame, (stack?.frames.length ?? 1) - 1), frame = stack?.frames[at] ?? null, held = frame ? own.get(frame.id) : { pixels: null, error: null };
					return (
						<Pane key={v.at} language={props.language} state={{ ...v, frame: at }} frame={frame} length={stack?.frames.length ?? 0} pixels={held.pixels} error={stack?.error ?? held.error} tool={tool}
							active={v.at === current.at} cpu={props.cpu ?? false} onActive={() => setActive(v.at)} onScroll={(step) => scroll(v.at, step)} onChange={(c) => set(v.at, c)}
							onRetry={() => frame && void own.load(frame, 0).catch(() => undefined)} />
					);
				})}
			</div>
		</div>
	);
}
