// A whole slide (VL Whole Slide Microscopy Image, PS3.3 A.32.8): a series of tiled objects, one a resolution, as one image whose pixels
// are those of the finest. Which tile is where comes from the archive's metadata, and is held against what it says elsewhere.
import { ImageError, imageError } from './errors';
import type { Frame } from './frames';
import { imageInfo, type DicomJson, type ImageInfo } from './image-info';
import { Grid, type Tiles } from './slide-grid';

export const WHOLE_SLIDE = '1.2.840.10008.5.1.4.1.1.77.1.6';

export interface SlideLevel {
	instance: string;
	/** …/instances/{uid}/frames */
	url: string;
	/** Of each of its tiles. */
	info: ImageInfo;
	/** Of its pixel matrix. */
	columns: number;
	rows: number;
	/** Pixels of the finest level to one of this. */
	scale: [number, number];
	tiles: Tiles;
}

export interface Slide {
	/** The finest first. */
	levels: SlideLevel[];
	token: () => string;
	/** Levels that cannot be shown, and why the first of them cannot. */
	refused: number;
	why: ImageError | null;
}

const MAX_MATRIX = 2 ** 31, MAX_LEVELS = 32, MAX_TILE_BYTES = 32 << 20;
const uid = /^[0-9.]{1,64}$/;

const first = (set: DicomJson | undefined, tag: string): unknown => set?.[tag]?.Value?.[0];
const list = (set: DicomJson | undefined, tag: string): unknown[] => (Array.isArray(set?.[tag]?.Value) ? (set[tag]?.Value ?? []) : []);
const item = (set: DicomJson | undefined, tag: string): DicomJson | undefined => {
	const value = first(set, tag);
	return typeof value === 'object' && value !== null ? (value as DicomJson) : undefined;
};
const text = (set: DicomJson | undefined, tag: string): string => String(first(set, tag) ?? '').trim();
const whole = (set: DicomJson | undefined, tag: string): number => {
	const n = Number(first(set, tag) ?? NaN);
	return Number.isInteger(n) ? n : NaN;
};
const differ = (what: string) => new ImageError('disagrees', `slide: ${what}`);

export const isSlide = (set: DicomJson): boolean => text(set, '00080016') === WHOLE_SLIDE;
/** VOLUME, THUMBNAIL, LABEL, OVERVIEW (PS3.3 C.8.12.4.1.1). */
const flavour = (set: DicomJson): string => String(list(set, '00080008')[2] ?? 'VOLUME');
/** The label has the patient's name on it, and the overview has the label in it. */
const isShown = (set: DicomJson): boolean => !['LABEL', 'OVERVIEW'].includes(flavour(set));

/** Frames a tile's place has: focal planes, each of each optical path; NaN where it is not said. */
function depthOf(set: DicomJson): number {
	const planes = first(set, '00480303') === undefined ? 1 : whole(set, '00480303');
	return planes * (first(set, '00480302') === undefined ? Math.max(1, list(set, '00480105').length) : whole(set, '00480302'));
}

/** PS3.3 C.7.6.17.3: along rows, then down, then in depth, then by optical paths: those of the first plane and path come first. */
function fullGrid(set: DicomJson, grid: Grid, frames: number): Tiles {
	const count = grid.across * grid.down, told = first(set, '00480303') !== undefined || first(set, '00480302') !== undefined;
	if (frames < count || frames % count !== 0 || (told && frames !== count * depthOf(set))) throw differ(`${frames} frames for ${count} tiles`);
	return grid.full();
}

/** Each frame says where it is. Of the first optical path and the first plane in depth that there is. */
function sparseGrid(set: DicomJson, grid: Grid, frames: number): Tiles {
	const groups = list(set, '52009230'), shared = item(set, '52009229'), path = text(item(set, '00480105'), '00480106');
	let depth: number | null = null;
	if (groups.length > frames) throw differ(`${groups.length} places of ${frames} frames`);
	for (const [index, one] of groups.entries()) {
		const group = typeof one === 'object' && one !== null ? (one as DicomJson) : undefined, place = item(group, '0048021A') ?? item(shared, '0048021A');
		const own = text(item(group, '00480207') ?? item(shared, '00480207'), '00480106'), z = Number(first(place, '0040074A') ?? 0);
		if (own !== '' && path !== '' && own !== path) continue;
		depth ??= z;
		if (z !== depth) continue;
		grid.put({ frame: index, x: whole(place, '0048021E') - 1, y: whole(place, '0048021F') - 1 });
	}
	grid.missing += Math.max(0, frames - groups.length);
	return grid.sparse();
}

function tilesOf(set: DicomJson, info: ImageInfo, columns: number, rows: number): Tiles {
	const grid = new Grid(columns, rows, info.columns, info.rows), how = text(set, '00209311');
	if (how === 'TILED_FULL') return fullGrid(set, grid, info.frames);
	if (list(set, '52009230').some((g) => item(g as DicomJson, '0048021A'))) return sparseGrid(set, grid, info.frames);
	if (info.frames === 1 && grid.across * grid.down === 1) return grid.full();
	throw differ('nobody says where its tiles are');
}

/** Without its scale, which the finest one tells. */
function levelOf(set: DicomJson, series: string): SlideLevel {
	const read = imageInfo(set), thumbnail = flavour(set) === 'THUMBNAIL';
	const info: ImageInfo = { ...read, windows: read.windows.length > 0 || read.samples === 3 ? read.windows : [{ center: 2 ** (read.stored - 1), width: 2 ** read.stored }] };
	// a thumbnail is one frame, of all that there is
	const columns = thumbnail ? info.columns : whole(set, '00480006'), rows = thumbnail ? info.rows : whole(set, '00480007');
	if (!uid.test(info.instance)) throw differ('instance');
	if (first(set, '00209161') !== undefined) throw new ImageError('unsupported', 'slide: a part of a concatenation');
	if (!(columns > 0 && rows > 0)) throw differ('no pixel matrix');
	if (columns > MAX_MATRIX || rows > MAX_MATRIX || info.rows * info.columns * info.samples * (info.allocated / 8) > MAX_TILE_BYTES) throw new ImageError('too_big', `slide: ${columns} x ${rows}`);
	return { instance: info.instance, url: `${series}/instances/${info.instance}/frames`, info, columns, rows, scale: [1, 1], tiles: tilesOf(set, info, columns, rows) };
}

/** Pixels of the finest to one of this, along one side. Pyramids halve and round up or down. */
function ratio(finest: number, level: number): number {
	const near = Math.round(finest / level);
	return Math.floor(finest / near) === level || Math.ceil(finest / near) === level ? near : finest / level;
}

/** The same part of the same slide, only coarser; else it is another picture. */
function scaled(level: SlideLevel, finest: SlideLevel, turned: (l: SlideLevel) => string): SlideLevel {
	const scale: [number, number] = [ratio(finest.columns, level.columns), ratio(finest.rows, level.rows)], [sx, sy] = scale;
	// sizes are whole pixels: of a small level one pixel is much
	const off = Math.abs(level.rows - finest.rows / sx), of = Math.abs(level.columns - finest.columns / sy);
	if (off > 2 + 0.01 * level.rows && of > 2 + 0.01 * level.columns) throw differ('a level of another shape');
	const a = finest.info.spacing, b = level.info.spacing;
	if (a && b && (Math.abs(b[1] / a[1] / sx - 1) > 0.1 || Math.abs(b[0] / a[0] / sy - 1) > 0.1)) throw differ('a level of another scale');
	if (level.info.samples !== finest.info.samples || turned(level) !== turned(finest)) throw differ('a level of another kind');
	return { ...level, scale };
}

/** Objects of a series that are of a slide, as one image. Throws what is wrong with the first, where none can be shown. */
export function slideOf(sets: readonly DicomJson[], series: string, token: () => string): Slide {
	const levels: SlideLevel[] = [], axes = new Map<string, string>(), thumbnails = new Set<string>();
	let refused = 0, why: ImageError | null = null;
	const attempt = (make: () => SlideLevel, needed: boolean): void => {
		try {
			levels.push(make());
		} catch (error) {
			if (!needed) return;
			refused++;
			why ??= imageError(error);
		}
	};
	for (const set of sets.filter(isShown).slice(0, 4 * MAX_LEVELS)) {
		attempt(() => levelOf(set, series), true);
		if (flavour(set) === 'THUMBNAIL') thumbnails.add(text(set, '00080018'));
		axes.set(text(set, '00080018'), list(set, '00480102').map((v) => Math.round(Number(v) * 100)).join());
	}
	const order = levels.splice(0).sort((a, b) => b.columns - a.columns || a.info.number - b.info.number || (a.instance < b.instance ? -1 : 1)), [finest] = order;
	if (!finest) throw why ?? new ImageError('not_image', 'no level of a slide');
	const turned = (l: SlideLevel) => axes.get(l.instance) || (axes.get(finest.instance) ?? '');
	for (const level of order.slice(0, MAX_LEVELS))
		if (!levels.some((l) => l.columns === level.columns && l.rows === level.rows)) attempt(() => scaled(level, finest, turned), !thumbnails.has(level.instance)); // else another depth or light; a thumbnail may be of another part
	return { levels, token, refused, why };
}

/** The slide as an image of its series: pixels are those of the finest level, of which table and drawings speak. */
export function slideFrame(sets: readonly DicomJson[], series: string, token: () => string): Frame {
	const slide = slideOf(sets, series, token), finest = slide.levels[0]!, info: ImageInfo = { ...finest.info, columns: finest.columns, rows: finest.rows, frames: 1, slide: true };
	const id = `${series}/instances/${finest.instance}/slide`;
	return { id, source: { url: id, token }, info, index: 0, slide };
}
