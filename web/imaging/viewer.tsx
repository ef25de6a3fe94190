// The viewer: panes, tools, keys, cine. State goes in and changes come out in the shapes of the consult's table, so that
// whoever holds the floor can be followed; on its own it keeps its state itself.
import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import { ImageError, passes } from './errors';
import { Frames, type Frame } from './frames';
import { zoomed, type Tool } from './hands';
import { enterMpr, useMpr, type Mpr } from './mpr';
import { useOverlayPlanes } from './overlay-glass';
import { crossing } from './crossing';
import { linkNotes, linkedNow, scrolled } from './linking';
import { MarksChoice } from './marks-choice';
import type { Marked } from './marks-glass';
import { lookOf, turned } from './marks-look';
import { Pane } from './pane';
import { isOn, isThere, named, placed } from './places';
import type { SeriesSource, Stack } from './series';
import { SlideTiles } from './slide-tiles';
import { steppedBy } from './slide-view';
import { useStacks, want } from './stacks';
import { PRESETS, applyChange, freshViewport, paneCount, resetViewport, type Drawing, type ImageRef, type Pointer, type ReadingChange, type ReadingState, type ViewportState } from './state';
import { StillTools, Toolbar } from './toolbar';
import { useMarks } from './use-marks';
import { useWaves } from './waves';
import { volumeText, type Language } from './texts';
import './viewer.css';

export interface ViewerProps {
	language: Language;
	token: () => string;
	series: SeriesSource[];
	cpu?: boolean;
	/** Given: the state is somebody else's, and onChange asks for a change of it. */
	state?: ReadingState;
	onChange?: (change: ReadingChange) => void;
	/** Given: drawings are somebody else's, and these ask for changes. */
	drawings?: readonly { id: string; on: object }[];
	onDraw?: (drawing: Drawing) => void;
	onErase?: (id: string) => void;
	onClear?: () => void;
	pointers?: readonly Pointer[];
	onPoint?: (where: { at: number; x: number; y: number } | null) => void;
	/** Nothing can be changed: somebody else has the images in hand. */
	still?: boolean;
	/** Only looking by oneself: nothing is drawn. */
	noDrawing?: boolean;
	/** Which pane is chosen. */
	onActive?: (at: number) => void;
	frames?: Frames;
}

export const firstState = (series: SeriesSource[]): ReadingState => ({
	layout: series.length > 1 ? 'pair' : 'one', linked: series.length > 1,
	viewports: [0, 1, 2, 3].map((at) => freshViewport(at, series[at]?.image ?? null)),
});

const withExtra = (series: SeriesSource[], extra: SeriesSource[]): SeriesSource[] => [...series, ...extra.filter((e, i) => ![...series, ...extra.slice(0, i)].some((s) => s.url === e.url))];

const AGAIN_MS = 1500;
const passesOf = (error: ImageError | null): boolean => error !== null && passes(error);
const ABSENT = new ImageError('gone', 'the list of this series does not have it');

const same = (a: ImageRef | null, b: ImageRef) => a !== null && a.pacs === b.pacs && a.study === b.study && a.series === b.series;

/** Drawings of the table, or of this viewer alone. */
function useDrawings(props: ViewerProps) {
	const [own, setOwn] = useState<Drawing[]>([]);
	const shared = props.onDraw !== undefined || props.drawings !== undefined;
	return {
		all: (shared ? (props.drawings ?? []) : own) as Drawing[],
		draw: (d: Drawing) => (shared ? props.onDraw?.(d) : setOwn((old) => [...old.filter((o) => o.id !== d.id), d])),
		erase: (id: string) => (shared ? props.onErase?.(id) : setOwn((old) => old.filter((o) => o.id !== id))),
		clear: () => (shared ? props.onClear?.() : setOwn([])),
	};
}

export function Viewer(props: ViewerProps) {
	const own = useMemo(() => props.frames ?? new Frames(), []), drawings = useDrawings(props);
	const [kept, setKept] = useState(() => firstState(props.series)), [tool, setTool] = useState<Tool>('scroll'), [active, setActive] = useState(0), [hidden, setHidden] = useState(false);
	const [, redraw] = useReducer((n: number) => n + 1, 0), some = props.series.length > 0;
	useEffect(() => void (some && own.pool.warm()), [some]);
	const asked = (props.state ?? kept).viewports.slice(0, paneCount((props.state ?? kept).layout)).flatMap((v) => (v.marks ? [v.marks] : [])), [ready, setReady] = useState(false);
	const marks = useMarks(asked, props.series, props.token, ready), { stacks, again } = useStacks(withExtra(props.series, marks.extra), props.token);
	const stackOf = (v: ViewportState): Stack | null => marks.stack(v.marks, stacks)?.stack ?? stacks.find((s) => same(v.image, s.source.image)) ?? null;
	// The planes across a stack have places of their own, which are no objects.
	const across = (v: ViewportState) => latest.current.layout === 'mpr' && v.at > 0;
	const framesOf = (v: ViewportState) => (across(v) ? null : (stackOf(v)?.frames ?? null));
	const latest = useRef(kept); // as the table has it
	latest.current = props.state ?? kept;
	const still = props.still ?? false;
	const now = (): ReadingState => ({ ...latest.current, viewports: latest.current.viewports.map((v) => placed(v, framesOf(v))) });
	const state = now(), mpr = useMpr(own, stackOf(state.viewports[0]!), state);
	const change = (places: ReadingChange) => {
		if (still) return;
		const c = named(places, latest.current.viewports, framesOf);
		latest.current = applyChange(latest.current, c);
		if (props.onChange) props.onChange(c);
		if (!props.state) setKept(latest.current);
	};
	const lengthOf = (v: ViewportState) => (across(v) ? mpr?.pane(v.at)?.length : framesOf(v)?.length) ?? 1;
	const scroll = (at: number, step: number) => change(scrolled(now(), at, step, framesOf, lengthOf(latest.current.viewports[at]!)));
	const set = (at: number, c: Partial<ViewportState>) => change({ viewports: [{ ...c, at }] });
	const activate = (at: number) => (setActive(at), props.onActive?.(at));

	useEffect(() => own.onChange((_, pixels) => (pixels?.exact && setReady(true), redraw(0))), [own]);
	const tiles = useMemo(() => new SlideTiles(own.pool), [own]);
	useEffect(() => () => (tiles.done(), own.done()), [own]);
	const panes = state.viewports.slice(0, paneCount(state.layout));
	const shown = panes.flatMap((v) => (stackOf(v) && !across(v) ? [{ stack: stackOf(v)!, at: v.frame }] : []));
	const seen = shown.map((s) => `${s.stack.source.url}:${s.at}:${s.stack.frames.length}`).join(' ');
	const failing = shown.some(({ stack, at }) => passesOf(own.get(stack.frames[at]?.id ?? '').error)), looked = useRef(shown);
	looked.current = shown;
	useEffect(() => want(own, shown, mpr?.reason === null), [seen, mpr?.reason, failing]); // what failed beside it comes with it
	useEffect(() => {
		const timer = failing ? setInterval(() => looked.current.forEach(({ stack, at }) => stack.frames[at] && own.due(stack.frames[at].id) && void own.load(stack.frames[at], 0).catch(() => undefined)), AGAIN_MS) : undefined;
		return () => clearInterval(timer);
	}, [failing]);
	const overlaid = shown.flatMap(({ stack, at }) => (stack.frames[at]?.info.overlays ? [stack.frames[at]] : [])), planes = useOverlayPlanes(overlaid.filter((f) => own.get(f.id).pixels?.exact)); // the picture first
	const markedBy = (v: ViewportState, frame: Frame | null): Marked | null => {
		const state = frame && marks.stateOf(v.marks, frame);
		return v.marks && !across(v) ? { ...marks.get(v.marks), look: state ? lookOf(state, frame) : null, missing: marks.stack(v.marks, stacks)?.missing ?? 0, hidden } : null;
	};
	const overlays = { there: overlaid.length > 0 || asked.length > 0, shown: !hidden, onToggle: () => setHidden((was) => !was) };
	const waves = useWaves(shown.flatMap(({ stack, at }) => (stack.frames[at]?.wave ? [stack.frames[at]] : [])));

	// A stack that was just opened: the table is told which object is shown.
	const elsewhere = (v: ViewportState) => marks.stack(v.marks, stacks) !== null && !isThere(v, framesOf(v) ?? []); // key images were chosen
	const unnamed = still ? '' : panes.filter((v) => v.image && (v.image.instance === undefined || elsewhere(v)) && framesOf(v)?.length).map((v) => v.at).join(' ');
	useEffect(() => {
		if (unnamed) change({ viewports: unnamed.split(' ').map(Number).map((at) => ({ at, frame: elsewhere(panes[at]!) ? 0 : panes[at]!.frame })) });
	}, [unnamed]);

	// Whoever has the images in hand turns the pages; the others follow.
	const step = useRef<(at: number) => void>(() => undefined);
	step.current = (at) => {
		const v = now().viewports[at]!, stack = stackOf(v), next = (v.frame + 1) % (stack?.frames.length ?? 1);
		const { pixels, error } = own.get(stack?.frames[next]?.id ?? '');
		if (stack?.frames[next]?.wave || pixels || error) scroll(at, next - v.frame); // waits for what has not come, not for what never will
	};
	const rates = still ? '' : panes.map((v) => v.cine).join(' ');
	useEffect(() => {
		if (still) return;
		const timers = panes.filter((v) => v.cine > 0 && stackOf(v)).map((v) => setInterval(() => step.current(v.at), 1000 / v.cine));
		return () => timers.forEach(clearInterval);
	}, [rates, stacks.length, still]);

	// One window for the three planes of a volume.
	const setIn = (v: ViewportState, c: Partial<ViewportState>) => {
		const { center, width, invert, ...rest } = c, look = { ...(center !== undefined && { center }), ...(width !== undefined && { width }), ...(invert !== undefined && { invert }) };
		change({ viewports: across(v) ? [...(Object.keys(look).length > 0 ? [{ ...look, at: 0 }] : []), { ...rest, at: v.at }] : [{ ...c, at: v.at }] });
	};
	const toMpr = () => {
		const first = state.viewports[0]!, stack = stackOf(first);
		if (state.layout === 'mpr') return change({ layout: 'one' });
		if (stack) change(enterMpr(first, stack));
		setTool('cross');
	};
	const current = state.viewports[Math.min(active, panes.length - 1)]!, frameNow = framesOf(current)?.[current.frame], info = frameNow?.info, wave = frameNow?.wave === true, slide = frameNow?.slide !== undefined;
	const links = linkNotes(state, framesOf), slice = (v: ViewportState): Frame | null => framesOf(v)?.[v.frame] ?? null;
	const cutsOf = (v: ViewportState, frame: Frame | null) => (state.layout === 'mpr' || !frame ? [] : panes.flatMap((o) => (o.at !== v.at && slice(o) ? [crossing(frame.info, slice(o)!.info)] : [])).flatMap((c) => (c ? [c] : [])));
	const keys = (e: KeyboardEvent) => {
		if (e.key === 'o' && overlays.there && !e.ctrlKey && !e.altKey && !e.metaKey && !(e.target as Element).closest('input, select')) return overlays.onToggle(), e.preventDefault();
		if (still || e.ctrlKey || e.altKey || e.metaKey || (e.target as Element).closest('input, select')) return;
		const { at } = current, steps: Record<string, number> = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e6, End: 1e6 };
		const by = steps[e.key], preset = info?.modality === 'CT' ? PRESETS.find((p) => p.key === e.key) : undefined;
		const stepped = slide ? steppedBy(e.key, current) : null;
		if (stepped) set(at, stepped);
		else if (by) scroll(at, by);
		else if (preset) set(at, { center: preset.center, width: preset.width });
		else if (e.key === '+' || e.key === '=') set(at, { zoom: zoomed(current.zoom, 1.2) });
		else if (e.key === '-') set(at, { zoom: zoomed(current.zoom, 1 / 1.2) });
		else if (wave && 'ihr'.includes(e.key)) return;
		else if (e.key === 'i') set(at, { invert: !current.invert });
		else if (e.key === 'h') set(at, { flip: !current.flip });
		else if (e.key === 'r') set(at, { rotation: (current.rotation + 90) % 360 });
		else if (e.key === '0') set(at, resetViewport(current));
		else if (e.key === ' ' && !(e.target as Element).closest('button')) set(at, { cine: current.cine > 0 ? 0 : info?.cineRate || 10 });
		else return;
		e.preventDefault();
	};
	return (
		<div class="im-viewer" tabIndex={0} onKeyDown={keys} data-testid="viewer" data-still={still}>
			{still ? <StillTools language={props.language} overlays={overlays} /> : <Toolbar overlays={overlays} language={props.language} state={state} current={current} info={info ?? null} wave={wave} slide={slide} marks={current.image && !wave && !slide && state.layout !== 'mpr' && <MarksChoice language={props.language} current={current} choices={marks.choices(current.marks ?? current.image)} frames={framesOf(current)} onChange={change} onLook={marks.again} />}
				tool={slide ? onSlide(tool) : tool} onTool={setTool} onMpr={toMpr} onLink={() => change(linkedNow(now(), current.at, framesOf))} onChange={change} drawing={!props.noDrawing} marked={drawings.all.length > 0} onClear={drawings.clear} />}
			<div class={`im-panes im-${state.layout}`}>
				{panes.map((v) => {
					const stack = stackOf(v), plane = mpr?.pane(v.at) ?? null, there = across(v) || !stack || isThere(v, stack.frames);
					const frame = across(v) ? (plane?.frame ?? null) : there ? (stack?.frames[v.frame] ?? null) : null;
					const held = across(v) ? { pixels: plane?.pixels ?? null, error: null } : frame ? own.get(frame.id) : { pixels: null, error: there ? null : ABSENT }, paper = frame?.wave ? waves.get(frame) : { wave: null, error: null };
					const marked = markedBy(v, frame), look = marked?.look;
					return (
						<Pane key={v.at} tiles={tiles} language={props.language} state={frame?.wave ? { ...v, rotation: 0, flip: false, invert: false } : across(v) ? inWindowOf(state.viewports[0]!, v, frame) : look ? turned(v, look) : v} marked={marked} wave={paper.wave} frame={frame && look ? { ...frame, info: look.info } : frame} length={plane?.length ?? stack?.frames.length ?? 0} plane={plane?.plane.name} cross={plane?.cross} link={links.get(v.at)} cuts={cutsOf(v, frame)} note={across(v) && mpr ? noteOf(props.language, mpr) : undefined} onCross={(p) => mpr && change(mpr.cross(v.at, p))} loading={v.image !== null && stack === null} pixels={held.pixels} error={stack?.error ?? paper.error ?? held.error} refused={stack && !across(v) ? stack : null} overlaid={frame?.info.overlays && !across(v) ? { ...planes(frame), hidden } : null}
							tool={toolOn(frame, props.noDrawing || across(v) || (tool === 'cross' && !mpr) ? moveTool(tool, mpr !== null) : tool)} still={still} active={v.at === current.at} cpu={props.cpu ?? false}
							drawings={frame && v.image && !across(v) ? drawings.all.filter((d) => isOn(d.on, v.image!, frame)) : []} pointers={(props.pointers ?? []).filter((p) => p.at === v.at)}
							onDraw={drawings.draw} onErase={drawings.erase} onPoint={(p) => props.onPoint?.(p && { at: v.at, x: p[0], y: p[1] })}
							onActive={() => activate(v.at)} onScroll={(by) => scroll(v.at, by)} onChange={(c) => setIn(v, c)} onRetry={() => !frame ? stack?.error && again(stack.source.url) : void (frame.wave ? waves.again(frame) : void own.load(frame, 0).catch(() => undefined))} />
					);
				})}
			</div>
		</div>
	);
}

const moveTool = (tool: Tool, mpr: boolean): Tool => (tool === 'window' || tool === 'zoom' || tool === 'pan' || (tool === 'cross' && mpr) ? tool : 'scroll');
const onSlide = (tool: Tool): Tool => (tool === 'scroll' || tool === 'window' ? 'pan' : tool);
const toolOn = (frame: Frame | null, tool: Tool): Tool => (frame?.slide ? onSlide(tool) : tool);
const inWindowOf = (first: ViewportState, v: ViewportState, frame: Frame | null): ViewportState => ({ ...v, image: v.image ?? first.image, frame: frame?.index ?? v.frame, center: first.center, width: first.width, invert: first.invert });
const noteOf = (language: Language, mpr: Mpr): string | undefined => (mpr.reason ? volumeText(language, mpr.reason) : mpr.done < mpr.of ? `${mpr.done}/${mpr.of}` : undefined);
