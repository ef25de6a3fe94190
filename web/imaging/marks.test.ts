// Presentation states and key objects of whatever maker: what they say, on the pixels that they mean; what is not done has a name.
import { expect, it } from 'vitest';
import type { Frame } from './frames';
import { viewOf, toPane } from './geometry';
import type { DicomJson, ImageInfo } from './image-info';
import { chosen } from './marks-choice';
import { marksOf, type Keys, type State } from './marks';
import { fromDisplay, lookOf, outline, turned } from './marks-look';
import { colour } from './marks-json';
import { freshViewport } from './state';

const v = (...Value: unknown[]) => ({ Value }), AT = { pacs: 'main', study: '1.2' };
const info = { instance: '1.2.3.1', rows: 100, columns: 200, samples: 1, stored: 12, signed: false, slope: 1, intercept: -1024, photometric: 'MONOCHROME2', windows: [{ center: 40, width: 400 }], voi: 'LINEAR', spacing: [0.5, 0.5] } as ImageInfo;
const frame = (more: Partial<ImageInfo> = {}, index = 0): Frame => ({ id: 'f', source: { url: 'f', token: () => '' }, info: { ...info, ...more }, index });
const image = (instance = '1.2.3.1', ...frames: number[]): DicomJson => ({ '00081155': v(instance), ...(frames.length > 0 && { '00081160': v(...frames) }) });
const graphic = (type: string, data: unknown[], more: DicomJson = {}): DicomJson => ({ '00700005': v('PIXEL'), '00700020': v(2), '00700021': v(data.length / 2), '00700022': { Value: data }, '00700023': v(type), ...more });
const gsps = (more: DicomJson = {}): DicomJson => ({
	'00080016': v('1.2.840.10008.5.1.4.1.1.11.1'), '00080018': v('1.2.9.1'), '0020000D': v('1.2'), '0020000E': v('1.2.9'), '00700080': v('FINDING'), '00700084': v({ Alphabetic: 'Li^Na', Ideographic: '李^娜' }), '00700082': v('20260102'),
	'00081115': v({ '0020000E': v('1.2.3'), '00081140': v(image()) }), '20500020': v('IDENTITY'), ...more,
});
const state = (more: DicomJson = {}): State => marksOf(gsps(more), AT) as State;
const annotation = (graphics: DicomJson[], words: DicomJson[] = [], more: DicomJson = {}): DicomJson => ({ '00700001': v({ '00700002': v('L1'), '00700009': v(...graphics), '00700008': v(...words), ...more }) });

it('whose it is, and which images; another study, another kind, no object at all is none', () => {
	const s = state();
	expect([s.label, s.creator, s.date, s.ref.instance, s.first]).toEqual(['FINDING', '李 娜', '2026-01-02', '1.2.9.1', { series: '1.2.3', instance: '1.2.3.1', frame: 0 }]);
	expect(lookOf(s, frame())).not.toBeNull();
	expect(lookOf(s, frame({ instance: '1.2.3.2' }))).toBeNull();
	const some = state({ '00081115': v({ '0020000E': v('1.2.3'), '00081140': v(image('1.2.3.1', 2, 4)) }) });
	expect([0, 1, 2, 3].map((i) => lookOf(some, frame({}, i)) !== null)).toEqual([false, true, false, true]);
	for (const bad of [null, 7, [], {}, { ...gsps(), '0020000D': v('1.3') }, { ...gsps(), '00080016': v('1.2.840.10008.5.1.4.1.1.2') }, { ...gsps(), '00080018': v('../x') }]) expect(marksOf(bad, AT)).toBeNull();
	expect(state({ '00700084': v() }).creator).toBe('');
});

it('window, its function and its units; without one there is none; a look-up table has its name', () => {
	const voi = (more: DicomJson) => state({ '00283110': v({ '00081140': v(image()), ...more }), '00281053': v(1), '00281052': v('-1024') });
	expect(lookOf(voi({ '00281050': v(50), '00281051': v(350), '00281056': v('SIGMOID') }), frame())!.info).toMatchObject({ windows: [{ center: 50, width: 350 }], voi: 'SIGMOID', slope: 1, intercept: -1024 });
	expect(lookOf(state({ '00283110': v({ '00281050': v(1074), '00281051': v(350) }) }), frame())!.info.windows).toEqual([{ center: 50, width: 350 }]); // stored values are its own units
	expect(lookOf(state(), frame())!.info.windows).toEqual([{ center: 1024, width: 4096 }]);
	const lut = lookOf(voi({ '00283010': v({}) }), frame())!;
	expect([lut.notDone, lut.info.windows]).toEqual([['lut'], info.windows]);
	expect(voi({ '00281050': v('NaN'), '00281051': v(-3) }).notDone).toContain('damaged');
});

it('turn, flip and inversion, with the reader on top', () => {
	const at = { ...freshViewport(0) }, look = (more: DicomJson, of = frame()) => lookOf(state(more), of)!;
	const turn = (more: DicomJson, reader: Partial<typeof at> = {}, of = frame()) => (({ rotation, flip, invert }) => [rotation, flip, invert])(turned({ ...at, ...reader }, look(more, of)));
	expect(turn({ '00700042': v(90), '00700041': v('N') })).toEqual([90, false, false]);
	expect(turn({ '00700042': v(90), '00700041': v('Y') })).toEqual([270, true, false]); // turned, then flipped: here flipped first
	expect(turn({ '00700042': v(90), '00700041': v('N') }, { rotation: 90, flip: true })).toEqual([0, true, false]);
	expect(turn({ '20500020': v('INVERSE') })).toEqual([0, false, true]);
	expect(turn({}, {}, frame({ photometric: 'MONOCHROME1' }))).toEqual([0, false, true]); // its own say, not the image's
	expect(turn({ '20500020': v('INVERSE') }, { invert: true }, frame({ photometric: 'MONOCHROME1' }))).toEqual([0, false, true]);
	expect(state({ '00700042': v(45) }).notDone).toContain('damaged');
});

it('the displayed area fills the pane, however it is turned; parts of it lie where its creator had them', () => {
	const area = (from: number[], to: number[], more: DicomJson = {}) => lookOf(state({ '0070005A': v({ '00700052': v(...from), '00700053': v(...to), '00700100': v('SCALE TO FIT') }), ...more }), frame())!;
	const corners = (look: ReturnType<typeof area>) => {
		const pane = { width: 300, height: 300 }, view = viewOf(look.info, turned(freshViewport(0), look), pane);
		return ([[0, 0], [1, 1]] as [number, number][]).map((p) => toPane(view, look.info, pane, fromDisplay(look, p)).map((n) => Math.round(n) + 0));
	};
	const plain = area([51, 21], [110, 80]);
	expect(plain.info.area).toEqual({ x0: 49.5, y0: 19.5, x1: 109.5, y1: 79.5 });
	expect(corners(plain)).toEqual([[0, 0], [300, 300]]);
	expect(fromDisplay(plain, [0.5, 0.25])).toEqual([79.5, 34.5]);
	expect(corners(area([51, 80], [110, 21], { '00700042': v(90) }))).toEqual([[0, 0], [300, 300]]);
	expect(corners(area([51, 80], [110, 21], { '00700042': v(90), '00700041': v('Y') }))).toEqual([[0, 0], [300, 300]]);
	expect(corners(area([51, 21], [110, 50]))).toEqual([[0, 75], [300, 225]]);
	const odd = (ratio: unknown[]) => lookOf(state({ '0070005A': v({ '00700052': v(1, 1), '00700053': v(9, 9), '00700100': v('SCALE TO FIT'), '00700102': v(...ratio) }) }), frame())!.notDone;
	expect([odd([1, 1]), odd([2, 1])]).toEqual([[], ['aspect']]);
	const wild = state({ '0070005A': v({ '00700052': v(1e9, 1), '00700053': v(5, 5) }, { '00700052': v(1, 1), '00700053': v(5, 5), '00700100': v('TRUE SIZE') }) });
	expect([wild.areas.length, [...wild.notDone]]).toEqual([1, ['damaged', 'size']]);
});

it('each kind of graphic, in pixels and in parts of the display; words with box and anchor; layers with their colour', () => {
	const display = { '00700005': v('DISPLAY') };
	const s = state({
		...annotation([
			graphic('POINT', [10.5, 20.5]), graphic('POLYLINE', [0, 0, 10, 0, 10, 10], { '00700024': v('Y') }), graphic('INTERPOLATED', [0, 0, 10, 0, 10, 10, 0, 0]), graphic('CIRCLE', [50, 50, 60, 50]),
			graphic('ELLIPSE', [40, 50, 60, 50, 50, 45, 50, 55]), graphic('POLYLINE', [0, 0, 1, 1], display),
		], [{ '00700006': v('two\r\nlines'), '00700003': v('DISPLAY'), '00700010': v(0.1, 0.1), '00700011': v(0.5, 0.2), '00700012': v('RIGHT'), '00700004': v('PIXEL'), '00700014': v(30.5, 40.5), '00700015': v('Y') }]),
		'00700060': v({ '00700002': v('L1'), '00700062': v(1), '00700401': v(34885, 53485, 50171) }),
	});
	const [a] = lookOf(s, frame())!.annotations, g = a!.graphics;
	expect(a!.color).toMatch(/^#f[0-9a-f]0[0-9a-f]0[0-9a-f]$/); // red
	expect(g.map((one) => one.kind)).toEqual(['POINT', 'POLYLINE', 'INTERPOLATED', 'CIRCLE', 'ELLIPSE', 'POLYLINE']);
	expect([g[0]!.points, g[1]!.filled, g[5]!.display, g[5]!.points]).toEqual([[[10, 20]], true, true, [[0, 0], [1, 1]]]);
	const round = outline('CIRCLE', g[3]!.points), long = outline('ELLIPSE', g[4]!.points), curve = outline('INTERPOLATED', g[2]!.points);
	for (const p of round) expect(Math.hypot(p[0] - 49.5, p[1] - 49.5)).toBeCloseTo(10);
	for (const p of long) expect(((p[0] - 49.5) / 10) ** 2 + ((p[1] - 49.5) / 5) ** 2).toBeCloseTo(1);
	for (const p of g[2]!.points) expect(curve.some((c) => Math.hypot(c[0] - p[0], c[1] - p[1]) < 1e-9)).toBe(true);
	expect(a!.words).toEqual([{ text: 'two\nlines', box: { from: [0.1, 0.1], to: [0.5, 0.2], display: true, align: 'RIGHT' }, anchor: { at: [30, 40], display: false, line: true } }]);
	expect(colour({ '00700066': v(0xffff) }, '00700401', '00700066')).toBe('#ffffff');
	expect([...s.notDone]).toEqual([]);
});

it('only on the images that an annotation names', () => {
	const s = state({ '00081115': v({ '0020000E': v('1.2.3'), '00081140': v(image(), image('1.2.3.2')) }), ...annotation([graphic('POINT', [1, 1])], [], { '00081140': v(image('1.2.3.2')) }) });
	expect([lookOf(s, frame())!.annotations.length, lookOf(s, frame({ instance: '1.2.3.2' }))!.annotations.length]).toEqual([0, 1]);
});

it('shutters: the edges of DICOM count from 1, rows first', () => {
	const s = state({ '00181600': v('RECTANGULAR', 'CIRCULAR', 'POLYGONAL', 'BITMAP'), '00181602': v(10), '00181604': v(50), '00181606': v(5), '00181608': v(80), '00181610': v(30, 60), '00181612': v(20), '00181620': v(1, 1, 1, 10, 10, 10), '00181622': v(0) });
	expect(s.shutters).toEqual([{ kind: 'rectangle', from: [9.5, 4.5], to: [48.5, 78.5] }, { kind: 'circle', at: [59, 29], radius: 20 }, { kind: 'polygon', points: [[0, 0], [9, 0], [9, 9]] }]);
	expect([s.shutterColor, [...s.notDone]]).toEqual(['#000000', ['shutter']]);
});

it('what is not done is named; what is wrong or too much is left out, named, and quick', () => {
	const s = state({ '00286100': v({}), '00700209': v({}), '60001001': v('L'), '20500010': v({}), '00282000': v('x'), ...annotation([graphic('POLYLINE', [0, 0, 1, 1], { '00700232': v({}) })]) });
	expect([...s.notDone].sort()).toEqual(['compound', 'icc', 'lut', 'planes', 'style', 'subtraction']);
	const million = Array.from({ length: 2e6 }, (_, i) => i), began = performance.now();
	const bad = state(annotation([
		graphic('POLYLINE', million), graphic('POLYLINE', [0, 0, 'NaN', 1]), graphic('POLYLINE', [0, 0, null, 1]), graphic('POLYLINE', [0, 0, 1e300, 1]), graphic('POLYLINE', [0, 0, 1]), graphic('STAR', [0, 0]), graphic('CIRCLE', [1, 1]), graphic('POINT', [3, 3]),
		...Array.from({ length: 9 }, () => graphic('POLYLINE', million.slice(0, 8000))), ...Array.from({ length: 5000 }, () => graphic('POINT', [1, 1])),
	], [{ '00700006': v('nowhere') }, { '00700006': v('x'.repeat(1e6)), '00700014': v(1, 1), '00700004': v('PIXEL') }]));
	expect(performance.now() - began).toBeLessThan(5000);
	const [a] = bad.annotations;
	expect([...bad.notDone].sort()).toEqual(['damaged', 'many']);
	expect(a!.graphics.length).toBeLessThanOrEqual(2000);
	expect(a!.graphics.reduce((sum, g) => sum + g.points.length, 0)).toBeLessThanOrEqual(20_000);
	expect(a!.words.map((w) => w.text.length)).toEqual([1024]);
	for (const wild of [{ '00700001': v(7, null, 'x', {}) }, { '00081115': v(null) }, { '00283110': 7 }, { '0070005A': v({}) }]) expect(() => state(wild as unknown as DicomJson)).not.toThrow();
});

it('key images: in their order, where they are, and with their presentation states; other studies too', () => {
	const at = (study: string, series: string, ...instances: string[]): DicomJson => ({ '0020000D': v(study), '00081115': v({ '0020000E': v(series), '00081199': v(...instances.map((i) => image(i))) }) });
	const shows = (of: DicomJson): DicomJson => ({ '0040A040': v('IMAGE'), '00081199': v(of) });
	const keys = marksOf({
		'00080016': v('1.2.840.10008.5.1.4.1.1.88.59'), '00080018': v('1.2.8.1'), '0020000E': v('1.2.8'), '00080023': v('20260103'), '0040A043': v({ '00080104': v('For Teaching') }),
		'0040A375': v(at('1.2', '1.2.3', '1.2.3.1', '1.2.3.2'), at('1.9', '1.9.3', '1.9.3.1'), at('1.2', '1.2.9', '1.2.9.1')),
		'0040A730': v(
			{ '0040A040': v('TEXT'), '0040A043': v({ '00080100': v('113012') }), '0040A160': v('the nodule') }, { '0040A040': v('PNAME'), '0040A043': v({ '00080100': v('121008') }), '0040A123': v({ Alphabetic: 'Li^Na' }) },
			shows({ ...image('1.2.3.2'), '00081199': v(image('1.2.9.1')) }), shows(image('1.9.3.1', 2)), shows(image('1.7.7')),
		),
	}, AT) as Keys;
	expect([keys.label, keys.description, keys.creator, keys.date]).toEqual(['For Teaching', 'the nodule', 'Li Na', '2026-01-03']);
	expect(keys.items).toEqual([{ study: '1.2', series: '1.2.3', instance: '1.2.3.2', frames: null, state: '1.2.9.1' }, { study: '1.9', series: '1.9.3', instance: '1.9.3.1', frames: [2], state: null }]);
	expect(keys.states).toEqual([{ pacs: 'main', study: '1.2', series: '1.2.9', instance: '1.2.9.1' }]);
	expect([...keys.notDone]).toEqual(['damaged']); // one is named and nowhere said where it is
});

it('chosen: as its creator had it, on an image that it names', () => {
	const at = { ...freshViewport(1, { pacs: 'main', study: '1.2', series: '1.2.3' }), zoom: 3, center: 5, width: 6, frame: 0 }, frames = [frame({ instance: '1.2.3.7' }), frame()];
	expect(chosen(at, state(), frames).viewports![0]).toMatchObject({ at: 1, frame: 1, zoom: 1, center: null, marks: { instance: '1.2.9.1' } });
	expect(chosen(at, state(), [frames[0]!]).viewports![0]).toMatchObject({ image: { series: '1.2.3', instance: '1.2.3.1' }, frame: 0 });
	expect(chosen(at, null, frames).viewports![0]).toMatchObject({ at: 1, marks: null });
});
