// Overlay planes (PS3.3 C.9.2) as the gateway gives them (media/imaging/overlay.h): drawn above the picture, never into it. Everything in
// them is checked: none reaches beyond the image, none is larger than it.
import { ImageError, type ImageErrorCode } from './errors';
import { fetchFrame } from './fetching';
import type { Frame } from './frames';
import type { ImageInfo } from './image-info';

export interface OverlayPlane {
	group: string;
	/** A region of interest, else graphics. */
	roi: boolean;
	/** Where in the image it begins, from 0. */
	x: number;
	y: number;
	columns: number;
	rows: number;
	/** The frame of the first plane; null: the one plane lies over all frames. */
	first: number | null;
	planes: readonly string[];
}
export interface OverlayPlanes {
	planes: OverlayPlane[];
	/** So many more are there, and cannot be shown. */
	faults: number;
}

const MAX_BYTES = 32 << 20, MAX_PLANES = 16;
const FAULTS: Record<string, ImageErrorCode> = { unsupported: 'unsupported', 'transfer-syntax': 'unsupported', 'too-big': 'too_big', 'too-many': 'too_big', attribute: 'disagrees' };

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const differ = (what: string) => new ImageError('disagrees', `overlays: ${what}`);

function planeOf(json: unknown, info: ImageInfo): OverlayPlane | null {
	const o = object(json), whole = (key: string): number => {
		const value = o[key];
		if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw differ(key);
		return value;
	};
	if (typeof o['fault'] === 'string') return null;
	const [x, y, columns, rows] = [whole('x'), whole('y'), whole('columns'), whole('rows')], first = o['first'] === undefined ? null : whole('first'), planes = o['planes'];
	if (!Array.isArray(planes) || !planes.every((p): p is string => typeof p === 'string') || planes.length > (first === null ? 1 : info.frames)) throw differ('planes');
	if (x + columns > info.columns || y + rows > info.rows) throw differ('beyond the image');
	return { group: typeof o['group'] === 'string' ? o['group'] : '', roi: o['kind'] === 'R', x, y, columns, rows, first, planes };
}

/** info: of any frame of this object. */
export function parseOverlays(json: unknown, info: ImageInfo): OverlayPlanes {
	const { fault, instance, rows, columns, overlays } = object(json);
	if (typeof fault === 'string') throw new ImageError(FAULTS[fault] ?? 'damaged', fault);
	if (!Array.isArray(overlays)) throw new ImageError('not_image', 'no overlays');
	if (instance !== info.instance || rows !== info.rows || columns !== info.columns || overlays.length > MAX_PLANES) throw differ('of another image');
	const planes = overlays.map((o) => planeOf(o, info));
	return { planes: planes.filter((p) => p !== null), faults: planes.filter((p) => p === null).length };
}

/** Where the overlays of a frame's object are. */
export const overlaysUrl = (frame: Frame): string => frame.source.url.replace(/\/frames\/\d+$/, '/overlays');

export async function fetchOverlays(frame: Frame, signal: AbortSignal): Promise<OverlayPlanes & { bytes: number }> {
	const { bytes } = await fetchFrame({ url: overlaysUrl(frame), token: frame.source.token, accept: 'application/json' }, { signal, maxBytes: MAX_BYTES });
	try {
		return { ...parseOverlays(JSON.parse(new TextDecoder().decode(bytes)), frame.info), bytes: bytes.length };
	} catch (error) {
		throw error instanceof SyntaxError ? new ImageError('not_image', 'no JSON') : error;
	}
}

function bytesOf(base64: string): Uint8Array {
	try {
		return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
	} catch {
		throw new ImageError('damaged', 'overlay data');
	}
}

/** Runs of what is set in a frame: from which of its columns * rows places, and how many. */
export function eachRun(plane: OverlayPlane, frame: number, onRun: (from: number, count: number) => void): void {
	const text = plane.planes[plane.first === null ? 0 : frame - plane.first] ?? '', count = plane.columns * plane.rows;
	if (text === '') return;
	const bytes = bytesOf(text.slice(1));
	if (text[0] === 'b') {
		if (bytes.length !== Math.ceil(count / 8)) throw differ('bits');
		for (let at = 0, from = -1; at <= count; at++) {
			const set = at < count && ((bytes[at >> 3]! >> (at & 7)) & 1) === 1;
			if (set && from < 0) from = at;
			if (!set && from >= 0) onRun(from, at - from), (from = -1);
		}
		return;
	}
	if (text[0] !== 'r') throw differ('kind of plane');
	let at = 0, set = false;
	for (let i = 0; i < bytes.length; set = !set) {
		let run = 0, scale = 1, byte = 128;
		for (; byte & 128; scale *= 128) {
			byte = bytes[i++] ?? 256;
			if (byte > 255 || scale > 2 ** 35) throw differ('runs');
			run += (byte & 127) * scale;
		}
		if (at + run > count) throw differ('runs');
		if (set && run > 0) onRun(at, run);
		at += run;
	}
}

const MAX_CELLS = 1 << 24;
/** Graphics, and regions that one sees through: little endian, alpha first. */
const GREEN = 0xff7dff4d, AMBER = 0x8042aeff;

/** The finest of 1, 2, 4 … pixels of the image to a cell that fits, and that is no finer than the screen: what is thin stays to be seen. */
export function cellSize(info: Pick<ImageInfo, 'rows' | 'columns'>, pixelsADot: number): number {
	let size = 1;
	while (size < 65536 && (size < pixelsADot || Math.ceil(info.columns / size) * Math.ceil(info.rows / size) > MAX_CELLS)) size *= 2;
	return size;
}

/** A frame's planes as RGBA, a word a cell of `size` x `size` pixels: a cell is set where one of its pixels is, so that thin lines stay. */
export function cellsOf({ planes }: OverlayPlanes, info: Pick<ImageInfo, 'rows' | 'columns'>, frame: number, size: number): Uint32Array<ArrayBuffer> {
	const wide = Math.ceil(info.columns / size), cells = new Uint32Array(wide * Math.ceil(info.rows / size));
	for (const plane of [...planes].sort((a, b) => Number(b.roi) - Number(a.roi))) {
		if (plane.columns === 0) continue;
		eachRun(plane, frame, (from, count) => {
			for (let left = count, at = from; left > 0; ) {
				const row = Math.floor(at / plane.columns), column = at % plane.columns, here = Math.min(left, plane.columns - column), y = Math.floor((plane.y + row) / size) * wide;
				cells.fill(plane.roi ? AMBER : GREEN, y + Math.floor((plane.x + column) / size), y + Math.floor((plane.x + column + here - 1) / size) + 1);
				at += here;
				left -= here;
			}
		});
	}
	return cells;
}
