// Slides: which tiles a view needs, of TILED_FULL and TILED_SPARSE; the same region in panes of any shape; and headers that lie.
import { describe, expect, it } from 'vitest';
import { toImage, toPane, viewOf, type Point } from './geometry';
import { stackOf } from './series';
import { slideFrame, slideOf, WHOLE_SLIDE } from './slide';
import { panTo } from './slide-glass';
import { captionOnSlide, lengthText, magnification, measureOnSlide, movedBy, planOf, steppedBy, tileFrame, zoomedAt } from './slide-view';
import { freshViewport, type ViewportState } from './state';
import type { DicomJson } from './image-info';

const of = (value: unknown): { Value: unknown[] } => ({ Value: Array.isArray(value) ? value : [value] });
const place = (column: number, row: number, z = 0, path = '') => ({ '0048021A': of({ '0048021E': of(column), '0048021F': of(row), '0040074A': of(z) }), ...(path && { '00480207': of({ '00480106': of(path) }) }) });
/** A level of a slide of 4000 x 3000 pixels of 0.25 µm, `scale` times coarser, in tiles of 256. */
function level(n: number, scale: number, more: Record<string, unknown> = {}): DicomJson {
	const columns = Math.ceil(4000 / scale), rows = Math.ceil(3000 / scale), mm = 0.00025 * scale;
	return {
		'00080008': of(['ORIGINAL', 'PRIMARY', 'VOLUME', 'NONE']), '00080016': of(WHOLE_SLIDE), '00080018': of(`1.2.${n}`), '00080060': of('SM'), '00200013': of(n), '00280002': of(3), '00280004': of('RGB'), '00280010': of(256), '00280011': of(256),
		'00280100': of(8), '00280101': of(8), '00280102': of(7), '00280103': of(0), '00280008': of(Math.ceil(columns / 256) * Math.ceil(rows / 256)), '00209311': of('TILED_FULL'), '00480006': of(columns), '00480007': of(rows),
		'52009229': of({ '00289110': of({ '00280030': of([mm, mm]) }) }), '00480105': of({ '00480106': of('1') }), ...more,
	} as DicomJson;
}
const sparse = (n: number, scale: number, places: unknown[], more: Record<string, unknown> = {}) => level(n, scale, { '00209311': of('TILED_SPARSE'), '00280008': of(places.length), '52009230': of(places), ...more });
const pyramid = [level(3, 16), level(1, 1), level(2, 4)];
const frame = slideFrame(pyramid, '/s', () => ''), slide = frame.slide!;
const state = (more: Partial<ViewportState> = {}): ViewportState => ({ ...freshViewport(0), ...more });
const PANE = { width: 800, height: 600 }, PHONE = { width: 360, height: 640 };
const plan = (s: ViewportState, pane = PANE, dots = 1) => planOf(slide, frame.info, viewOf(frame.info, s, pane), pane, dots);
const why = (sets: DicomJson[]): string => {
	try {
		return `${slideOf(sets, '/s', () => '').why?.code ?? 'fine'}`;
	} catch (error) {
		return `none: ${(error as { code: string }).code}`;
	}
};

describe('the levels of a series', () => {
	it('are one image of as many pixels as the finest has, in its spacing', () => {
		expect(slide.levels.map((l) => [l.columns, l.rows, l.scale[0]])).toEqual([[4000, 3000, 1], [1000, 750, 4], [250, 188, 16]]);
		expect(frame.info).toMatchObject({ instance: '1.2.1', columns: 4000, rows: 3000, frames: 1, slide: true, spacing: [0.00025, 0.00025] });
		const stack = stackOf(pyramid, { image: { pacs: 'm', study: '1', series: '2' }, url: '/s' }, () => '');
		expect(stack.frames).toHaveLength(1);
		expect(stack.refused).toBe(0);
	});
	it('without label and overview, on which the name is; with a thumbnail', () => {
		const other = (n: number, flavour: string, size: number[], scale = 1) => level(n, scale, { '00080008': of(['ORIGINAL', 'PRIMARY', flavour]), '00280008': of(1), '00280011': of(size[0]), '00280010': of(size[1]), '00209311': undefined });
		const made = slideOf([...pyramid, other(7, 'LABEL', [256, 256]), other(8, 'OVERVIEW', [256, 192]), other(9, 'THUMBNAIL', [100, 75], 40), other(10, 'THUMBNAIL', [90, 75], 40)], '/s', () => '');
		expect(made.levels.map((l) => l.instance)).toEqual(['1.2.1', '1.2.2', '1.2.3', '1.2.9']);
		expect(made.refused).toBe(0);
		expect(why([other(7, 'LABEL', [256, 256])])).toBe('none: not_image');
	});
});

describe('what a view needs', () => {
	it('all of the slide: the coarsest level that is fine enough for the screen', () => {
		const all = plan(state());
		expect(all.level).toBe(slide.levels[1]);
		expect(all.tiles).toHaveLength(12);
		expect(plan(state(), PANE, 2).level).toBe(slide.levels[1]); // 2.5 pixels a dot
		expect(plan(state({ zoom: 4 }), PANE, 2).level).toBe(slide.levels[0]);
		expect(all.base).toBe(slide.levels[2]); // 250 pixels are enough for the corner
		expect([all.baseTiles.length, all.baseSeen]).toEqual([1, 1]);
	});
	it('zoomed in, only the tiles that are seen, and no others', () => {
		const s = state({ zoom: 10 }), near = plan(s), view = viewOf(frame.info, s, PANE), a = toImage(view, frame.info, PANE, [0, 0]), b = toImage(view, frame.info, PANE, [PANE.width, PANE.height]);
		expect(near.level).toBe(slide.levels[0]);
		const seen = Array.from({ length: 16 * 12 }, (_, i) => ({ frame: i, x: (i % 16) * 256, y: Math.floor(i / 16) * 256 })).filter((t) => t.x < b[0] + 0.5 && t.x + 256 > a[0] + 0.5 && t.y < b[1] + 0.5 && t.y + 256 > a[1] + 0.5);
		expect(near.tiles).toEqual(seen);
		expect(tileFrame(slide, near.level!, near.tiles[0]!).source.url).toBe(`/s/instances/1.2.1/frames/${seen[0]!.frame + 1}`);
		expect(plan(state({ zoom: 10, pan_x: 0.5, pan_y: 0.5 })).tiles[0]).toEqual({ frame: 0, x: 0, y: 0 });
	});
	it('turned and mirrored it is what is under the pane', () => {
		for (const rotation of [0, 90, 180, 270])
			for (const flip of [false, true]) {
				const s = state({ zoom: 12, pan_x: 0.21, pan_y: -0.13, rotation, flip }), view = viewOf(frame.info, s, PANE), { tiles } = plan(s);
				for (const at of [[1, 1], [799, 1], [400, 300], [1, 599], [799, 599]] as Point[]) {
					const [x, y] = toImage(view, frame.info, PANE, at), on = x >= 0 && y >= 0 && x < 4000 && y < 3000;
					expect(tiles.some((t) => x >= t.x && y >= t.y && x < t.x + 256 && y < t.y + 256)).toBe(on);
				}
			}
	});
	it('of a matrix of 2^31 no more than a bounded number; without a coarser level a word, no flood', () => {
		const side = 2 ** 31, huge = slideFrame([level(1, 1, { '00480006': of(side), '00480007': of(side), '00280008': of((side / 256) ** 2) })], '/s', () => '');
		const at = (zoom: number) => planOf(huge.slide!, huge.info, viewOf(huge.info, state({ zoom }), PANE), PANE, 1);
		expect(at(1)).toMatchObject({ level: null, tiles: [], base: null });
		expect(at(1e6).tiles.length).toBeGreaterThan(0);
		expect(at(1e6).tiles.length).toBeLessThanOrEqual(400);
	});
	it('sparse tiles where they say; holes are holes', () => {
		const made = slideFrame([sparse(1, 1, [place(1025, 513), place(1, 1), place(3841, 2817), place(101, 2001)])], '/s', () => ''), tiles = made.slide!.levels[0]!.tiles;
		expect(tiles.lost).toBe(0);
		expect(tiles.within({ x0: 0, y0: 0, x1: 4000, y1: 3000 })).toHaveLength(4);
		expect(tiles.within({ x0: 1279, y0: 700, x1: 1290, y1: 769 })).toEqual([{ frame: 0, x: 1024, y: 512 }]);
		expect(tiles.within({ x0: 1280, y0: 512, x1: 1400, y1: 768 })).toEqual([]);
		expect(tiles.within({ x0: 300, y0: 2200, x1: 301, y1: 2201 })).toEqual([{ frame: 3, x: 100, y: 2000 }]); // on no grid
	});
	it('of several depths and lights the first', () => {
		const made = slideOf([sparse(1, 1, [place(1, 1, 0, '1'), place(1, 1, 0, '2'), place(1, 1, 0.002, '1'), place(257, 1, 0, '1')])], '/s', () => '');
		expect(made.levels[0]!.tiles).toMatchObject({ lost: 0 });
		expect(made.levels[0]!.tiles.within({ x0: 0, y0: 0, x1: 512, y1: 256 })).toEqual([{ frame: 0, x: 0, y: 0 }, { frame: 3, x: 256, y: 0 }]);
		expect(why([level(1, 1, { '00280008': of(16 * 12 * 6), '00480303': of(3), '00480302': of(2) })])).toBe('fine');
	});
});

describe('headers that lie', () => {
	it('tiles outside, twice in one place, without a place: those alone', () => {
		const made = slideOf([sparse(1, 1, [place(1, 1), place(4001, 1), place(0, 5), place(1025, 513), place(1125, 600), {}, place(NaN, 3)])], '/s', () => ''), { tiles } = made.levels[0]!;
		expect(tiles.lost).toBe(5);
		const all = tiles.within({ x0: 0, y0: 0, x1: 4000, y1: 3000 });
		expect(all.filter((t) => !t.bad)).toEqual([{ frame: 0, x: 0, y: 0 }]);
		expect(all.filter((t) => t.bad).map((t) => t.frame)).toContain(3);
	});
	it('counts, matrices, parts of a concatenation: that level, and the rest goes on', () => {
		for (const bad of [{ '00280008': of(3) }, { '00480006': of(0) }, { '00480007': of('many') }, { '00280008': of(200) }, { '00209311': undefined }])
			expect(why([level(2, 4), level(1, 1, bad)])).toBe('disagrees');
		expect(why([level(2, 4), level(1, 1, { '00209161': of('1.9') })])).toBe('unsupported');
		expect(why([level(2, 4), level(1, 1, { '00480006': of(2 ** 31 + 256) })])).toBe('too_big');
		expect(why([level(1, 1, { '00209161': of('1.9') })])).toBe('none: unsupported');
		expect(why([level(1, 1, { '00480303': of(2) })])).toBe('disagrees'.replace('disagrees', 'none: disagrees'));
		const stack = stackOf([level(1, 1, { '00280008': of(3) })], { image: { pacs: 'm', study: '1', series: '2' }, url: '/s' }, () => '');
		expect(stack).toMatchObject({ frames: [], refused: 1, error: { code: 'disagrees' } });
	});
	it('a level of another shape, scale, orientation or colour is none of this slide', () => {
		const wide = { '00480007': of(400), '00280008': of(4 * 2) };
		for (const bad of [wide, { '52009229': of({ '00289110': of({ '00280030': of([0.003, 0.003]) }) }) }, { '00480102': of([1, 0, 0, 0, 1, 0]) }, { '00280002': of(1), '00280004': of('MONOCHROME2') }]) {
			const made = slideOf([level(1, 1, { '00480102': of([0, -1, 0, -1, 0, 0]) }), level(2, 4, bad), level(3, 16)], '/s', () => '');
			expect([made.refused, made.why?.code, made.levels.length]).toEqual([1, 'disagrees', 2]);
		}
	});
});

describe('together', () => {
	it('the same place is in the middle of panes of any shape', () => {
		const s = state({ zoom: 37, pan_x: 0.31, pan_y: -0.22, rotation: 90 });
		const middles = [PANE, PHONE, { width: 300, height: 300 }].map((pane) => toImage(viewOf(frame.info, s, pane), frame.info, pane, [pane.width / 2, pane.height / 2]));
		for (const m of middles) expect(m.map((v) => Math.round(v * 1e6))).toEqual(middles[0]!.map((v) => Math.round(v * 1e6)));
	});
	it('zooming keeps what is under the finger; moving moves by as much; a key goes where its arrow points', () => {
		let s = state({ zoom: 3, rotation: 90, flip: true, pan_x: 0.1 });
		const at: Point = [600, 150], was = toImage(viewOf(frame.info, s, PANE), frame.info, PANE, at);
		s = { ...s, ...zoomedAt(frame, s, PANE, 2.5, at) };
		expect(s.zoom).toBeCloseTo(7.5);
		toImage(viewOf(frame.info, s, PANE), frame.info, PANE, at).forEach((v, i) => expect(v).toBeCloseTo(was[i]!, 6));
		s = { ...s, ...movedBy(frame, s, PANE, [30, -20]) };
		toPane(viewOf(frame.info, s, PANE), frame.info, PANE, was).forEach((v, i) => expect(v).toBeCloseTo([630, 130][i]!, 6));
		const before = toPane(viewOf(frame.info, s, PANE), frame.info, PANE, was), right = { ...s, ...steppedBy('ArrowRight', s) };
		expect(toPane(viewOf(frame.info, right, PANE), frame.info, PANE, was)[0]).toBeLessThan(before[0]);
		expect(steppedBy('a', s)).toBeNull();
		expect(zoomedAt(frame, s, PANE, 1e9, at)!.zoom).toBeLessThanOrEqual(1000);
	});
	it('a press on the whole goes to that place, however it is turned', () => {
		for (const rotation of [0, 90, 180, 270])
			for (const flip of [false, true]) {
				const s = state({ zoom: 9, rotation, flip }), to = { ...s, ...panTo([0.2, 0.7], viewOf(frame.info, s, PANE)) };
				const [x, y] = toImage(viewOf(frame.info, to, PANE), frame.info, PANE, [400, 300]);
				expect(x).toBeCloseTo(0.2 * 4000 - 0.5, -1);
				expect(y).toBeCloseTo(0.7 * 3000 - 0.5, -1);
			}
	});
	it('lengths are in µm', () => {
		expect(measureOnSlide('line', [[0, 0], [300, 400]], frame.info)).toEqual({ value: 0.125, unit: 'mm' });
		expect(captionOnSlide({ value: 0.125, unit: 'mm' })).toBe('125 µm');
		expect(captionOnSlide({ value: 2.5, unit: 'mm', text: 'a' })).toBe('a 2.5 mm');
		expect(measureOnSlide('ellipse', [[0, 0], [400, 400]], frame.info)?.value).toBeCloseTo(0.007854, 6);
		expect(captionOnSlide({ value: 0.007854, unit: 'mm2' })).toBe('7854 µm²');
		expect([lengthText(0.02), lengthText(2), lengthText(50)]).toEqual(['20 µm', '2 mm', '5 cm']);
		expect(magnification(frame.info, { ...viewOf(frame.info, state(), PANE), unit: 0.00025 })).toBe('40×');
	});
});
