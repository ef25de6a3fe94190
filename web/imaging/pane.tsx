// One pane: the image, what is written over it, and hands on it. It asks for changes and shows what it is told.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ImageError } from './errors';
import type { Pixels } from './exact';
import { edges, scaleBar, toImage, toPane, viewOf, type Point, type Size, type View } from './geometry';
import type { Frame } from './frames';
import { Hands, draws, type Marks, type Tool } from './hands';
import { CutLines, LinkNote } from './link-note';
import type { LinkNote as Note } from './linking';
import { MarksGlass, MarksNote, type Marked } from './marks-glass';
import { distanceTo } from './measure';
import { Overlay, shapeOf } from './overlay';
import { OverlayGlass, type Overlaid } from './overlay-glass';
import { lutAt } from './luts';
import { windowOf } from './paint';
import { Pencil, paperOf, words, type Paper } from './pencil';
import { anchorOf } from './places';
import { Screen } from './screen';
import { isColour, lookOf, modalityOf } from './shade';
import type { Stack } from './series';
import { SlideGlass, panTo, useSlide } from './slide-glass';
import type { SlideTiles } from './slide-tiles';
import { captionOnSlide, lengthText, measureOnSlide } from './slide-view';
import type { Anchor, Drawing, Pointer, ViewportState } from './state';
import { errorText, word, type Language, type Word } from './texts';
import type { Wave } from './wave';
import { cursorText, measureOnPaper, paintPaper } from './wave-paper';

export interface PaneProps {
	language: Language;
	state: ViewportState;
	frame: Frame | null;
	length: number;
	loading: boolean;
	pixels: Pixels | null;
	/** Of a frame that is a page of one. */
	wave: Wave | null;
	/** Of all slides. */
	tiles: SlideTiles;
	error: ImageError | null;
	/** What of its series cannot be shown at all; null: nobody asks. */
	refused?: Pick<Stack, 'refused' | 'why'> | null;
	/** Of its overlay planes; null: it has none. hidden: nobody wants to see them. */
	overlaid: (Overlaid & { hidden: boolean }) | null;
	tool: Tool;
	active: boolean;
	cpu: boolean;
	/** Nothing can be changed here: somebody else has the images in hand. */
	still: boolean;
	/** On this frame. */
	drawings: Drawing[];
	pointers: Pointer[];
	/** Of a plane of a volume: its name, where the others cut it, why it cannot be shown. */
	plane?: Word | undefined;
	cross?: Point | null | undefined;
	note?: string | undefined;
	/** How it goes along with the others; where their slices cut this one. */
	link?: Note | undefined;
	cuts?: [Point, Point][];
	/** Somebody's presentation state or key objects that it is looked at with. */
	marked?: Marked | null;
	onCross: (at: Point) => void;
	onDraw: (drawing: Drawing) => void;
	onErase: (id: string) => void;
	onPoint: (at: Point | null) => void;
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
	const entries = pixels.luts?.palette?.map((lut) => lutAt(lut, pixels.data[at]!)).join(' ');
	if (entries) return `${column}, ${row}: ${entries}`;
	const value = Math.round(modalityOf(pixels, frame.info)(pixels.data[at]!) * 100) / 100;
	return `${column}, ${row}: ${value}${frame.info.units ? ` ${frame.info.units}` : ''}`;
}

const STILL_PX = 3; // a hand trembles
const TOUCH_PX = 14;

type Now = PaneProps & { pane: Size };

const paperOn = (on: Anchor, frame: Frame): Paper => (frame.wave ? { on, fine: 100, measure: measureOnPaper } : frame.slide ? { on, fine: 100, measure: (kind, points) => measureOnSlide(kind, points, frame.info) } : paperOf(on, frame.info));
const MOST_PX = 1e6; // what the table takes (types.table_points)

/** Tools that draw, on the pane as it is now. */
function marksOf(now: () => Now, onCursor: (at: Point | null) => void, onAsk: (at: Point) => void): Marks {
	const pencil = new Pencil();
	const place = (at: Point): { at: Point; least: number; paper: Paper } | null => {
		const { frame, state, pane } = now();
		if (!frame || !state.image || pane.width === 0) return null;
		const view = viewOf(frame.info, state, pane), image = toImage(view, frame.info, pane, at), beside = toImage(view, frame.info, pane, [at[0] + STILL_PX, at[1]]);
		if (Math.max(Math.abs(image[0]), Math.abs(image[1])) > MOST_PX) return null;
		return { at: image, least: Math.hypot(beside[0] - image[0], beside[1] - image[1]), paper: paperOn(anchorOf(state.image, frame), frame) };
	};
	const erase = (at: Point): void => {
		const { frame, state, pane, drawings, onErase } = now();
		if (!frame) return;
		const view = viewOf(frame.info, state, pane);
		const near = drawings.map((d) => ({ id: d.id, far: distanceTo(d.kind, d.points.map((p) => toPane(view, frame.info, pane, p)), at) }));
		const nearest = near.sort((a, b) => a.far - b.far)[0];
		if (nearest && nearest.far <= TOUCH_PX) onErase(nearest.id);
	};
	return {
		onCursor: (at) => {
			onCursor(at);
			const { tool, still, onPoint } = now(), where = at && tool === 'point' && !still ? place(at) : null;
			if (tool === 'point' && !still) onPoint(where?.at ?? null);
		},
		onDraw: (what, at) => {
			const { tool, onCross, onDraw, onErase } = now(), where = place(at);
			if (!where || tool === 'point') return;
			if (tool === 'cross') return what === 'begin' || what === 'move' ? onCross(where.at) : undefined;
			if (tool === 'erase') return what === 'cancel' ? undefined : erase(at);
			if (tool === 'text') return what === 'end' ? onAsk(where.at) : undefined;
			if (what === 'begin' || what === 'move') {
				const drawing = what === 'begin' && draws(tool) ? pencil.begin(tool, where.at, where.paper) : pencil.move(where.at, where.least);
				return drawing ? onDraw(drawing) : undefined;
			}
			const ended = what === 'end' ? pencil.end(where.least) : pencil.drop();
			if (ended && 'keep' in ended) onDraw(ended.keep);
			else if (ended) onErase(ended.drop);
		},
	};
}

function WordsInput({ language, at, onDone }: { language: Language; at: Point; onDone: (text: string) => void }) {
	const input = useRef<HTMLInputElement>(null), over = useRef(false);
	const end = (text: string) => over.current || ((over.current = true), onDone(text)); // what goes away with Enter is blurred, too
	useEffect(() => input.current?.focus(), []);
	const keys = (e: KeyboardEvent) => {
		e.stopPropagation();
		if (e.key === 'Enter') end(input.current?.value.trim() ?? '');
		if (e.key === 'Escape') end('');
	};
	return (
		<input ref={input} class="im-words" data-testid="im-words" maxLength={200} aria-label={word(language, 'text')} placeholder={word(language, 'text')}
			style={{ left: `min(${at[0]}px, calc(100% - 190px))`, top: `${Math.max(0, at[1] - 44)}px` }} onKeyDown={keys} onBlur={(e) => end(e.currentTarget.value.trim())} />
	);
}

const whole = (v: number) => Math.round(v * 10) / 10;

/** The page of a waveform. */
function WaveGlass({ wave, frame, view, pane, noScale }: { wave: Wave; frame: Frame; view: View; pane: Size; noScale: string }) {
	const canvas = useRef<HTMLCanvasElement>(null);
	useLayoutEffect(() => {
		if (canvas.current) paintPaper(canvas.current, wave, frame.index, { info: frame.info, view, pane, ratio: Math.min(3, globalThis.devicePixelRatio || 1), noScale });
	}, [wave, frame.index, view.unit, view.focus[0], view.focus[1], pane.width, pane.height, noScale]);
	return <canvas class="im-glass im-wave" ref={canvas} data-testid="im-wave" style={{ width: '100%', height: '100%' }} />;
}

/** Whoever looks knows whether all of the overlays are there. */
function OverlayNote({ language, overlaid, broken, at }: { language: Language; overlaid: Overlaid & { hidden: boolean }; broken: ImageError | null; at: number }) {
	const { planes, error, hidden } = overlaid, bad = error ?? broken;
	const says: Word | null = hidden ? 'overlaysHidden' : bad || (planes && planes.faults > 0) ? 'overlaysFail' : planes ? null : 'overlaysComing';
	return says && <div class="im-warn" role="status" data-testid={`overlays-${at}`} data-state={says} data-code={bad?.code ?? ''}>{word(language, says)}</div>;
}

export function Pane(props: PaneProps) {
	const { state, frame, pixels, wave, error, language, overlaid } = props;
	const box = useRef<HTMLDivElement>(null), glass = useRef<HTMLDivElement>(null), screen = useRef<Screen | null>(null), latest = useRef(props);
	const [pane, setPane] = useState<Size>({ width: 0, height: 0 }), [cursor, setCursor] = useState<Point | null>(null), [asking, setAsking] = useState<Point | null>(null);
	const [broken, setBroken] = useState<{ id: string; error: ImageError } | null>(null);
	latest.current = props;

	useEffect(() => {
		const made = (screen.current = new Screen(glass.current!, props.cpu));
		const watch = new ResizeObserver(() => {
			made.resize();
			setPane({ width: box.current?.clientWidth ?? 0, height: box.current?.clientHeight ?? 0 });
		});
		watch.observe(box.current!);
		const size = () => ({ width: box.current!.clientWidth, height: box.current!.clientHeight });
		const marks = marksOf(() => ({ ...latest.current, pane: size() }), setCursor, setAsking);
		const change = (c: Partial<ViewportState>) => { // the next step may come before this one is drawn
			const was = latest.current;
			latest.current = { ...was, state: { ...was.state, ...c } };
			was.onChange(c);
		};
		const hands = new Hands(box.current!, () => ({ ...latest.current, pane: size(), onChange: change }), marks);
		return () => (watch.disconnect(), hands.done(), made.done());
	}, []);

	const view = frame && pane.width > 0 ? viewOf(frame.info, state, pane) : null, shown = error || wave ? null : pixels;
	const slide = useSlide(error ? null : frame, props.tiles, state.at, view, pane), there = shown !== null || (wave !== null && !error) || slide !== null;
	useLayoutEffect(() => {
		if (screen.current && shown && frame && view) screen.current.show(shown, frame.info, state, view, pane);
	});

	const bar = frame && view && !frame.wave ? scaleBar(frame.info, view, pane) : null, letter = frame && view ? edges(frame.info, view) : null;
	const window = shown && frame && !isColour(shown) ? windowOf(shown, frame.info, state) : null, byLut = window !== null && lookOf(shown!, frame!.info, state).lut !== null;
	const onPane = (p: Point): Point => (frame && view ? toPane(view, frame.info, pane, p) : [0, 0]);
	const shapes = there && view ? props.drawings.map((d) => ({ ...shapeOf(d, onPane), ...(slide && { caption: captionOnSlide(d) }) })) : [], pointers = view ? props.pointers.map((p) => ({ ...p, place: onPane([p.x, p.y]) })) : [];
	const under = cursor && wave && frame && view && there ? cursorText(wave, frame.index, frame.info, view, pane, cursor) : cursor && shown && frame && view ? valueAt(shown, frame, toImage(view, frame.info, pane, cursor)) : '';
	return (
		<div class={`im-pane${props.active ? ' im-active' : ''}${props.still ? ' im-still' : ''}`} ref={box} data-testid={`pane-${state.at}`} data-exact={shown ? String(shown.exact) : slide ? String(slide.exact) : there ? 'true' : ''} data-by={screen.current?.by ?? ''}
			data-frame={frame?.id ?? ''} role="img" aria-label={`${word(language, 'image')} ${state.frame + 1}/${props.length}`} onPointerDown={props.onActive}>
			<div class="im-glass" ref={glass} style={{ visibility: shown ? 'visible' : 'hidden' }} />
			{shown && frame && view && overlaid?.planes && !overlaid.hidden && <OverlayGlass key={frame.id} planes={overlaid.planes} frame={frame} view={view} pane={pane} onError={(id, e) => setBroken({ id, error: e })} />}
			{wave && frame && view && there && <WaveGlass wave={wave} frame={frame} view={view} pane={pane} noScale={word(language, 'noScale')} />}
			{shown && view && props.marked?.look && !props.marked.hidden && <MarksGlass look={props.marked.look} pane={pane} onPane={onPane} />}
			{there && <CutLines lines={(props.cuts ?? []).map(([a, b]) => [onPane(a), onPane(b)])} pane={pane} />}
			{slide && frame && view && <SlideGlass language={language} frame={frame} now={slide} tiles={props.tiles} state={state} view={view} pane={pane} onGo={props.still ? null : (to) => props.onChange(panTo(to, view))} />}
			<Overlay shapes={shapes} pointers={pointers} pane={pane} cross={there && props.cross ? onPane(props.cross) : null} />
			{asking && frame && <WordsInput language={language} at={onPane(asking)} onDone={(text) => {
				setAsking(null);
				if (text && state.image) props.onDraw(words(text, asking, { on: anchorOf(state.image, frame) }));
			}} />}
			{shown && letter && (
				<>
					<span class="im-edge im-left">{letter.left}</span>
					<span class="im-edge im-right">{letter.right}</span>
					<span class="im-edge im-top">{letter.top}</span>
					<span class="im-edge im-bottom">{letter.bottom}</span>
				</>
			)}
			<div class="im-corner im-tl">
				{frame && <div>{`${props.plane ? word(language, props.plane) : frame.info.modality} ${state.frame + 1}/${props.length}`}</div>}
				{frame?.info.whose && <div class="im-whose" data-testid={`whose-${state.at}`}>{frame.info.whose}</div>}
				{frame && props.link && <LinkNote language={language} note={props.link} at={state.at} />}
				{props.marked && <MarksNote language={language} marked={props.marked} at={state.at} />}
				{shown && overlaid && <OverlayNote language={language} overlaid={overlaid} broken={broken?.id === frame?.id ? (broken?.error ?? null) : null} at={state.at} />}
				{!slide && props.refused?.why && frame && <div class="im-warn" role="status" data-testid={`refused-${state.at}`} data-count={props.refused.refused}>{`${word(language, 'refused')} (${props.refused.refused}): ${errorText(language, props.refused.why.code)}`}</div>}
				{(frame?.info.lossy || shown?.lossy) && <div class="im-warn" data-testid={`lossy-${state.at}`}>{word(language, 'lossy')}</div>}
			</div>
			<div class="im-corner im-tr">
				{window && <div data-testid={`window-${state.at}`}>{byLut ? 'VOI LUT' : `W ${whole(window.width)} L ${whole(window.center)}`}</div>}
				{there && !slide && <div>{`× ${whole(state.zoom)}`}</div>}
			</div>
			<div class="im-corner im-bl" data-testid={`value-${state.at}`}>{under}</div>
			{slide && bar && <div class="im-scale" data-testid={`scale-${state.at}`} data-mm={bar.mm} style={{ width: `${bar.px}px` }}>{lengthText(bar.mm)}</div>}
			{shown && bar && <div class="im-scale" style={{ width: `${bar.px}px` }}>{`${bar.mm >= 10 ? `${bar.mm / 10} cm` : `${bar.mm} mm`}${frame?.info.projected ? ` ${word(language, 'projected')}` : ''}`}</div>}
			{shown && !shown.exact && <div class="im-coarse" role="status" data-testid={`coarse-${state.at}`}>{word(language, 'coarse')}</div>}
			{error && (
				<div class="im-error" role="alert" data-testid={`error-${state.at}`} data-code={error.code}>
					<p>{errorText(language, error.code)}</p>
					<button type="button" onClick={props.onRetry}>{word(language, 'retry')}</button>
				</div>
			)}
			{!there && !error && <div class="im-wait" role="status">{props.note ?? word(language, frame || props.loading ? 'loading' : 'empty')}</div>}
		</div>
	);
}
