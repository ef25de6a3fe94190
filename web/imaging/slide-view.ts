// How a slide is looked at: pan in parts of the slide, so that panes of any shape have the same place in their middle; zoom about a place;
// which level and which of its tiles a view needs; lengths in µm. Pure.
import { pixelSize, seenSize, toImage, viewOf, type Point, type Size, type View } from './geometry';
import type { Frame } from './frames';
import type { ImageInfo } from './image-info';
import { caption, measure } from './measure';
import type { Drawing, DrawKind, ViewportState } from './state';
import type { Slide, SlideLevel } from './slide';
import type { Box, Tile } from './slide-grid';

type Pan = Pick<ViewportState, 'pan_x' | 'pan_y'>;
const clamp = (v: number, low: number, high: number) => Math.max(low, Math.min(high, v));
/** What is looked at stays on the slide. */
const onSlide = (pan_x: number, pan_y: number): Pan => ({ pan_x: clamp(pan_x, -0.5, 0.5), pan_y: clamp(pan_y, -0.5, 0.5) });

/** Moved by points of the pane. */
export function movedBy(frame: Frame | null, state: ViewportState, pane: Size, [dx, dy]: Point): Pan {
	if (!frame?.slide) return { pan_x: state.pan_x + dx / pane.width, pan_y: state.pan_y + dy / pane.height };
	const seen = seenSize(frame.info, state), { unit } = viewOf(frame.info, state, pane);
	return onSlide(state.pan_x + (dx * unit) / seen.width, state.pan_y + (dy * unit) / seen.height);
}

const MAX_ZOOM = 1000; // types.table_viewport
const DOTS_A_PIXEL = 8;

/** Nearer, with what is under a place of the pane staying there; of an image that is no slide null. */
export function zoomedAt(frame: Frame | null, state: ViewportState, pane: Size, factor: number, at: Point): (Pan & Pick<ViewportState, 'zoom'>) | null {
	if (!frame?.slide || pane.width < 1 || pane.height < 1) return null;
	const { info } = frame, { unit } = viewOf(info, state, pane), most = (unit * state.zoom * DOTS_A_PIXEL) / pixelSize(info)[0];
	const zoom = clamp(state.zoom * factor, 0.5, Math.max(1, Math.min(MAX_ZOOM, most))), gone = unit * (1 - state.zoom / zoom), seen = seenSize(info, state);
	return { zoom, ...onSlide(state.pan_x - ((at[0] - pane.width / 2) * gone) / seen.width, state.pan_y - ((at[1] - pane.height / 2) * gone) / seen.height) };
}

const STEP = 0.15;
/** By a key: a part of what is seen; null: the key is none of these. */
export function steppedBy(key: string, state: ViewportState): Pan | null {
	const steps: Record<string, Point> = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }, step = steps[key];
	return step ? onSlide(state.pan_x + (step[0] * STEP) / state.zoom, state.pan_y + (step[1] * STEP) / state.zoom) : null;
}

// --- what is seen

/** Of the matrix of a level, in its pixels; null: nothing of it. */
export function boxOf(level: SlideLevel, info: ImageInfo, view: View, pane: Size): Box | null {
	const corners = ([[0, 0], [pane.width, 0], [0, pane.height], [pane.width, pane.height]] as Point[]).map((p) => toImage(view, info, pane, p)), [sx, sy] = level.scale;
	const xs = corners.map((p) => (p[0] + 0.5) / sx), ys = corners.map((p) => (p[1] + 0.5) / sy);
	const box = { x0: Math.max(0, Math.min(...xs)), y0: Math.max(0, Math.min(...ys)), x1: Math.min(level.columns, Math.max(...xs)), y1: Math.min(level.rows, Math.max(...ys)) };
	return box.x0 < box.x1 && box.y0 < box.y1 ? box : null;
}

export interface Plan {
	/** null: so much of the slide at once would be too many tiles, and it has no coarser level. */
	level: SlideLevel | null;
	tiles: Tile[];
	/** A level that is small as a whole: shown until finer tiles are there, and in the corner; of all of it, what is looked at first. */
	base: SlideLevel | null;
	baseTiles: Tile[];
	/** So many of these are looked at. */
	baseSeen: number;
	/** What it is that is needed, in a word. */
	key: string;
}

const MAX_TILES = 400, MAX_PIXELS = 8 << 20, BASE_TILES = 16, BASE_PIXELS = 1 << 20, BASE_SIDE = 160;
/** A dot of the screen may be that many pixels' part. */
const NEAR = 1.25;

const all = (level: SlideLevel): Box => ({ x0: 0, y0: 0, x1: level.columns, y1: level.rows });

function fits(level: SlideLevel, box: Box, tiles: number, pixels: number): boolean {
	const { count } = level.tiles.cells(box);
	return count <= tiles && count * level.tiles.width * level.tiles.height <= Math.max(pixels, 4 * level.tiles.width * level.tiles.height);
}

/** The coarsest level that fills the corner, else the finest of the small ones: one tile or a few, which are soon there. */
export function baseOf({ levels }: Slide): SlideLevel | null {
	const small = levels.filter((level, i) => fits(level, all(level), BASE_TILES * (i === levels.length - 1 ? 4 : 1), BASE_PIXELS * (i === levels.length - 1 ? 4 : 1)));
	return small.filter((level) => Math.max(level.columns, level.rows) >= BASE_SIDE).at(-1) ?? small[0] ?? null;
}

/** dots: of the screen to a point of the pane. */
export function planOf(slide: Slide, info: ImageInfo, view: View, pane: Size, dots: number): Plan {
	const base = baseOf(slide), wanted = (view.unit / pixelSize(info)[0] / dots) * NEAR, coarse = slide.levels.filter((l) => l.scale[0] <= wanted).length - 1;
	let level: SlideLevel | null = null, box: Box | null = null;
	for (let i = Math.max(0, coarse); i < slide.levels.length && !level; i++) {
		box = boxOf(slide.levels[i]!, info, view, pane);
		if (!box || fits(slide.levels[i]!, box, MAX_TILES, MAX_PIXELS)) level = slide.levels[i]!;
	}
	const over = base && boxOf(base, info, view, pane), seen = over ? base.tiles.within(over) : [], frames = new Set(seen.map((t) => t.frame));
	const key = `${slide.levels.indexOf(level!)}:${level && box ? level.tiles.cells(box).name : ''}:${over ? base.tiles.cells(over).name : ''}`;
	return { level, tiles: level && box ? level.tiles.within(box) : [], base, baseTiles: base ? [...seen, ...base.tiles.within(all(base)).filter((t) => !frames.has(t.frame))] : [], baseSeen: seen.length, key };
}

export const tileId = (level: SlideLevel, tile: Tile): string => `${level.url}/${tile.frame + 1}`;
export const tileFrame = (slide: Slide, level: SlideLevel, tile: Tile): Frame => {
	const id = tileId(level, tile);
	return { id, source: { url: id, token: slide.token }, info: level.info, index: tile.frame };
};

// --- in words

/** As of an objective: 10 µm to a CSS pixel, divided by what there is, which makes 0.25 µm a pixel 40 times. "": nobody knows. */
export function magnification(info: ImageInfo, view: View): string {
	if (!info.spacing) return '';
	const times = 0.01 / view.unit;
	return `${times >= 10 ? Math.round(times) : Number(times.toPrecision(2))}×`;
}

const rounded = (v: number): number => Number(v.toPrecision(3));
/** Of a scale bar. */
export const lengthText = (mm: number): string => (mm >= 10 ? `${rounded(mm / 10)} cm` : mm >= 1 ? `${rounded(mm)} mm` : `${rounded(mm * 1000)} µm`);

/** To a tenth of a µm: images are measured to 10 µm. */
export function measureOnSlide(kind: DrawKind, points: Point[], info: ImageInfo): Pick<Drawing, 'value' | 'unit'> | null {
	const wide = measure(kind, points.map(([x, y]): Point => [x * 1000, y * 1000]), info);
	if (!wide || wide.unit === 'deg') return wide;
	const square = wide.unit === 'mm2' || wide.unit === 'px2';
	return { unit: wide.unit, value: Number((wide.value / (square ? 1e6 : 1000)).toFixed(square ? 9 : 5)) };
}

/** What is written beside a drawing on a slide. */
export function captionOnSlide(drawing: Pick<Drawing, 'text' | 'value' | 'unit'>): string {
	const { value, unit, text } = drawing, small = (words: string): string => [text ?? '', words].filter((s) => s !== '').join(' ');
	if (value !== undefined && unit === 'mm' && value < 1) return small(`${Math.round(value * 10_000) / 10} µm`);
	if (value !== undefined && unit === 'mm2' && value < 0.1) return small(`${Math.round(value * 1e6)} µm²`);
	return unit === 'mm' || unit === 'mm2' ? small(`${Math.round((value ?? 0) * 1000) / 1000} ${unit === 'mm' ? 'mm' : 'mm²'}`) : caption(drawing);
}
