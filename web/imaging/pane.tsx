// One pane: the image, what is written over it, and hands on it. It asks for changes and shows what it is told.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ImageError } from './errors';
import type { Pixels } from './exact';
import { edges, scaleBar, toImage, viewOf, type Point, type Size } from './geometry';
import { Hands, type Tool } from './hands';
import type { Frame } from './frames';
import { windowOf } from './paint';
import { Screen } from './screen';
import type { ViewportState } from './state';
import { errorText, word, type Language } from './texts';

export interface PaneProps {
	language: Language;
	state: ViewportState;
	frame: Frame | null;
	length: number;
	pixels: Pixels | null;
	error: ImageError | null;
	tool: Tool;
	active: boolean;
	cpu: boolean;
	onActive: () => void;
	onScroll: (step: number) => void;
	onChange: (change: Partial<ViewportState>) => void;
	onRetry: () => void;
}

/** What is under the cursor, in modality units. */
export function valueAt(pixels: Pixels, frame: Frame, [x, y]: Point): string {
	const column = Math.round(x), row = Math.round(y);
	if (!pixels.exact || column < 0 || row < 0 || column >= pixels.columns || row >= pixels.rows) return '';
	const at = (row * pixels.columns + column) * pixels.samples;
	if (pixels.samples === 3) return `${column}, ${row}: ${[...pixels.data.subarray(at, at + 3)].join(' ')}`;
	const value = Math.round((pixels.data[at]! * frame.info.slope + frame.info.intercept) * 100) / 100;
	return `${column}, ${row}: ${value}${frame.info.units ? ` ${frame.info.units}` : ''}`;
}

const whole = (v: number) => Math.round(v * 10) / 10;

export function Pane(props: PaneProps) {
	const { state, frame, pixels, error, language } = props;
	const box = useRef<HTMLDivElement>(null), glass = useRef<HTMLDivElement>(null), screen = useRef<Screen | null>(null), latest = useRef(props);
	const [pane, setPane] = useState<Size>({ width: 0, height: 0 }), [cursor, setCursor] = useState<Point | null>(null);
	latest.current = props;

	useEffect(() => {
		const made = (screen.current = new Screen(glass.current!, props.cpu));
		const watch = new ResizeObserver(() => {
			made.resize();
			setPane({ width: box.current?.clientWidth ?? 0, height: box.current?.clientHeight ?? 0 });
		});
		watch.observe(box.current!);
		const hands = new Hands(box.current!, () => ({ ...latest.current, pane: { width: box.current!.clientWidth, height: box.current!.clientHeight } }), setCursor);
		return () => (watch.disconnect(), hands.done(), made.done());
	}, []);

	const view = frame && pane.width > 0 ? viewOf(frame.info, state, pane) : null, shown = error ? null : pixels;
	useLayoutEffect(() => {
		if (screen.current && shown && frame && view) screen.current.show(shown, frame.info, state, view, pane);
	});

	const bar = frame && view ? scaleBar(frame.info, view, pane) : null, letter = frame && view ? edges(frame.info, view) : null;
	const window = shown && frame && shown.samples === 1 ? windowOf(shown, frame.info, state) : null;
	const under = cursor && shown && frame && view ? valueAt(shown, frame, toImage(view, frame.info, pane, cursor)) : '';
	return (
		<div class={`im-pane${props.active ? ' im-active' : ''}`} ref={box} data-testid={`pane-${state.at}`} data-exact={shown ? String(shown.exact) : ''} data-by={screen.current?.by ?? ''}
			data-frame={frame?.id ?? ''} role="img" aria-label={`${word(language, 'image')} ${state.frame + 1}/${props.length}`} onPointerDown={props.onActive}>
			<div class="im-glass" ref={glass} style={{ visibility: shown ? 'visible' : 'hidden' }} />
			{shown && letter && (
				<>
					<span class="im-edge im-left">{letter.left}</span>
					<span class="im-edge im-right">{letter.right}</span>
					<span class="im-edge im-top">{letter.top}</span>
					<span class="im-edge im-bottom">{letter.bottom}</span>
				</>
			)}
			<div class="im-corner im-tl">

				{frame && <div>{`${frame.info.modality} ${state.frame + 1}/${props.length}`}</div>}
				{frame?.info.lossy && <div class="im-warn">{word(language, 'lossy')}</div>}
			</div>
			<div class="im-corner im-tr">
				{window && <div>{`W ${whole(window.width)} L ${whole(window.center)}`}</div>}
				{shown && <div>{`× ${whole(state.zoom)}`}</div>}
			</div>
			<div class="im-corner im-bl" data-testid={`value-${state.at}`}>{under}</div>
			{shown && bar && <div class="im-scale" style={{ width: `${bar.px}px` }}>{`${bar.mm >= 10 ? `${bar.mm / 10} cm` : `${bar.mm} mm`}${frame?.info.projected ? ` ${word(language, 'projected')}` : ''}`}</div>}
			{shown && !shown.exact && <div class="im-coarse" role="status" data-testid={`coarse-${state.at}`}>{word(language, 'coarse')}</div>}
			{error && (
				<div class="im-error" role="alert" data-testid={`error-${state.at}`} data-code={error.code}>
					<p>{errorText(language, error.code)}</p>
					<button type="button" onClick={props.onRetry}>{word(language, 'retry')}</button>
				</div>
			)}
			{!shown && !error && <div class="im-wait" role="status">{word(language, frame ? 'loading' : 'empty')}</div>}
		</div>
	);
}
