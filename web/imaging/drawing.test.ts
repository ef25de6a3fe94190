// Places by object, drawings by hand, and what they measure.
import { expect, it } from 'vitest';
import { pixelSize } from './geometry';
import { imageInfo, whoseOf, type DicomJson, type ImageInfo } from './image-info';
import { caption, distanceTo, measure, thinned } from './measure';
import { inverted, windowOf } from './paint';
import { Pencil, paperOf } from './pencil';
import { isOn, isThere, named, placeOf, placed } from './places';
import { scrolled } from './linking';
import { greyOf } from './shade';
import { freshViewport } from './state';

const info = (instance: string, spacing: [number, number] | null = null) => ({ instance, spacing, rows: 10, columns: 10 }) as ImageInfo;
const frames = ['1.1', '1.2', '1.3'].map((instance) => ({ info: info(instance), index: 0 })).concat([{ info: info('1.4'), index: 0 }, { info: info('1.4'), index: 1 }]);
const image = { pacs: 'main', study: '1', series: '1.0' };

it('a place is an object and a frame of it, whatever the order; an unknown one is somewhere in the stack', () => {
	expect(placeOf(frames, { ...image, instance: '1.3' }, 0)).toBe(2);
	expect(placeOf(frames, { ...image, instance: '1.4' }, 1)).toBe(4);
	expect(placeOf(frames, { ...image, instance: '9.9' }, 700)).toBe(4);
	expect(placeOf(frames, image, 3)).toBe(3);
	expect(placeOf([], image, 3)).toBe(0);
	expect(['1.4', '9.9', undefined].map((instance) => isThere(freshViewport(0, { ...image, instance }), frames))).toEqual([true, false, true]);
	const turned = [...frames].reverse();
	expect(placed({ ...freshViewport(0, { ...image, instance: '1.2' }) }, turned).frame).toBe(3);
});

it('a change names the object; another series keeps its own place', () => {
	const viewports = [0, 1, 2, 3].map((at) => freshViewport(at, at === 0 ? { ...image, instance: '1.1' } : null));
	const state = { layout: 'one' as const, linked: false, viewports };
	const sent = named(scrolled(state, 0, 4, () => frames, 5), viewports, () => frames);
	expect(sent.viewports).toEqual([{ at: 0, frame: 1, image: { ...image, instance: '1.4' } }]);
	const other = { viewports: [{ at: 0, frame: 0, image: { ...image, series: '2.0' } }] };
	expect(named(other, viewports, () => frames)).toEqual(other);
	const object = { viewports: [{ at: 0, frame: 0, image: { ...image, instance: '1.2' } }] };
	expect(named(object, viewports, () => frames)).toEqual(object);
	expect(named({ viewports: [{ at: 0, frame: 2, image: viewports[0]!.image }] }, viewports, () => frames).viewports![0]!.image!.instance).toBe('1.3');
	expect(named({ viewports: [{ at: 0, frame: 2 }] }, viewports, () => frames.map((f) => ({ ...f, of: { ...image, study: '7', series: '7.0' } }))).viewports![0]!.image).toEqual({ pacs: 'main', study: '7', series: '7.0', instance: '1.3' });
	expect(named({ viewports: [{ at: 0, zoom: 2 }] }, viewports, () => frames)).toEqual({ viewports: [{ at: 0, zoom: 2 }] });
	expect(isOn({ ...image, instance: '1.4', frame: 1 }, image, frames[4]!)).toBe(true);
	expect(isOn({ ...image, instance: '1.4', frame: 0 }, image, frames[4]!)).toBe(false);
	expect(isOn({ participant: 'p', source: 'camera' }, image, frames[4]!)).toBe(false);
});

it('measures in mm where the image knows them, down the column as along the row', () => {
	const known = info('1', [0.5, 2]); // rows are 0.5 mm apart, columns 2 mm
	expect(measure('line', [[0, 0], [3, 0]], known)).toEqual({ value: 6, unit: 'mm' });
	expect(measure('line', [[0, 0], [0, 8]], known)).toEqual({ value: 4, unit: 'mm' });
	expect(measure('line', [[0, 0], [3, 4]], info('1'))).toEqual({ value: 5, unit: 'px' });
	expect(measure('angle', [[4, 0], [0, 0], [0, 4]], info('1'))).toEqual({ value: 90, unit: 'deg' });
	expect(measure('angle', [[1, 0], [0, 0]], info('1'))).toBeNull();
	expect(measure('arrow', [[0, 0], [3, 4]], known)).toBeNull();
	expect(measure('ellipse', [[0, 0], [2, 4]], info('1'))?.value).toBeCloseTo(6.28, 2);
	expect(caption({ value: 12.345, unit: 'mm' })).toBe('12.3 mm');
	expect(caption({ text: 'here' })).toBe('here');
});

it('pixels that are no squares are shown and measured as they are, where no spacing says it in mm', () => {
	const set = (more: DicomJson): DicomJson => ({ '00280010': { Value: [8] }, '00280011': { Value: [8] }, '00280100': { Value: [8] }, '00280034': { Value: [2, 1] }, ...more });
	const high = imageInfo(set({}));
	expect(pixelSize(high)).toEqual([1, 2]);
	expect(measure('angle', [[4, 0], [0, 0], [4, 2]], high)).toEqual({ value: 45, unit: 'deg' });
	expect(pixelSize(imageInfo(set({ '00280030': { Value: [0.5, 0.5] } })))).toEqual([0.5, 0.5]);
	expect(pixelSize(imageInfo(set({ '00280034': { Value: [0, 1] } })))).toEqual([1, 1]);
});

it('ultrasound: a line is measured by the part that it lies in; none of a spectrum, none across parts', () => {
	const of = (...v: unknown[]) => ({ Value: v });
	const region = (x0: number, x1: number, units: [number, number], delta: [number, number]): DicomJson => ({
		'00186018': of(x0), '0018601A': of(0), '0018601C': of(x1), '0018601E': of(99), '00186024': of(units[0]), '00186026': of(units[1]), '0018602C': of(delta[0]), '0018602E': of(delta[1]),
	});
	const set = (regions: DicomJson[], more: DicomJson = {}): DicomJson => ({ '00280010': of(100), '00280011': of(200), '00280100': of(8), '00186011': of(...regions), ...more });
	const tissue = region(0, 99, [3, 3], [0.02, 0.02]), spectrum = region(100, 199, [4, 7], [0.01, -0.5]), fine = region(100, 199, [3, 3], [0.01, 0.01]);
	const both = imageInfo(set([tissue, spectrum], { '00280030': of(0.2, 0.2) })); // one scale over all of it is a lie
	expect(both.spacing).toBeNull();
	expect(measure('line', [[10, 10], [10, 60]], both)).toEqual({ value: 10, unit: 'mm' });
	expect(measure('line', [[110, 10], [110, 60]], both)).toEqual({ value: 50, unit: 'px' });
	expect(measure('line', [[90, 10], [110, 10]], both)).toEqual({ value: 20, unit: 'px' });
	expect(measure('line', [[110, 10], [110, 60]], imageInfo(set([tissue, fine])))).toEqual({ value: 5, unit: 'mm' });
	expect(imageInfo(set([tissue]))).toMatchObject({ spacing: [0.2, 0.2] });
	expect(imageInfo(set([tissue], { '00280030': of(0.5, 0.5) })).spacing).toBeNull();
	expect(pixelSize(imageInfo(set([tissue, spectrum], { '00280030': of(0.4, 0.2) })))).toEqual([1, 2]); // as the live lane shows it
	expect(measure('line', [[10, 10], [10, 60]], imageInfo(set([tissue, region(50, 149, [3, 3], [0.01, 0.01])])))?.unit).toBe('mm');
	expect(measure('line', [[60, 10], [60, 60]], imageInfo(set([tissue, region(50, 149, [3, 3], [0.01, 0.01])])))?.unit).toBe('px');
	expect(measure('line', [[1, 1], [5, 1]], imageInfo(set([{}, tissue])))?.unit).toBe('mm');
});

it.each([['MONOCHROME1', '', true], ['MONOCHROME1', 'INVERSE', true], ['MONOCHROME2', 'INVERSE', true], ['MONOCHROME2', 'IDENTITY', false]])(
	'%s with a Presentation LUT Shape of "%s": the least is white: %s', (photometric, shape, white) => {
		const one = imageInfo({ '00280004': { Value: [photometric] }, '20500020': { Value: shape ? [shape] : [] }, '00280010': { Value: [1] }, '00280011': { Value: [1] }, '00280100': { Value: [8] } });
		const pixels = { rows: 1, columns: 1, samples: 1, photometric, data: new Uint8Array(1), exact: true };
		expect(inverted(pixels, one, freshViewport(0))).toBe(white);
		expect(inverted(pixels, one, { ...freshViewport(0), invert: true })).toBe(!white);
	});

it('a sigmoid is one, with the window where it belongs, and a negative slope; padding makes no window', () => {
	const set = { '00280010': { Value: [1] }, '00280011': { Value: [4] }, '00280100': { Value: [16] }, '00280103': { Value: [1] }, '00281052': { Value: [-1024] }, '00281053': { Value: [2] }, '00280120': { Value: [65536 - 2000] } };
	const info = imageInfo({ ...set, '00281056': { Value: ['SIGMOID'] } }), at = (value: number, center: number, width: number) => Math.round(255 / (1 + Math.exp((-4 * (value * 2 - 1024 - center)) / width)));
	const pixels = { rows: 1, columns: 4, samples: 1, photometric: 'MONOCHROME2', data: Int16Array.of(-2000, 512, 712, -2000), exact: true }, wish = { ...freshViewport(0), center: 40, width: 400 };
	const grey = greyOf(pixels, info, wish);
	for (const value of [-3000, 400, 532, 600, 3000]) expect(grey(value)).toBe(at(value, 40, 400));
	expect(grey(532)).toBe(128);
	const falling = greyOf(pixels, { ...info, slope: -2 }, wish); // a value of v is -2 v - 1024
	for (const value of [-732, -532, -500]) expect(falling(value)).toBe(at(-value, 40, 400));
	expect(windowOf(pixels, imageInfo(set), freshViewport(0))).toEqual({ center: 200.5, width: 401 });
	expect(windowOf({ ...pixels, data: new Int16Array(4).fill(-2000) }, imageInfo(set), freshViewport(0)).width).toBe(1);
});

it('whose it is: the characters, else the letters; nothing of what is no text', () => {
	const whose = (name: unknown, more: DicomJson = {}) => whoseOf({ '00100010': { Value: [name] }, '00100020': { Value: [' T1 '] }, '00080020': { Value: ['20240501'] }, ...more });
	expect(whose({ Alphabetic: 'Wang^Xiaodong', Ideographic: '王^小东' })).toBe('王 小东 · T1 · 2024-05-01');
	expect(whose({ Alphabetic: 'Wang^Xiaodong', Ideographic: ' ' })).toBe('Wang Xiaodong · T1 · 2024-05-01');
	expect(whose('x')).toBe('T1 · 2024-05-01');
	expect(whose({ Alphabetic: 7 }, { '00100020': {}, '00080020': { Value: ['?'] } })).toBe('?');
	expect(whoseOf({})).toBe('');
});

it('a stroke grows under one id; a tap is none; an angle takes two; a long line is thinned and keeps its ends', () => {
	const pencil = new Pencil(), paper = paperOf({ ...image, instance: '1.1', frame: 0 }, info('1.1'));
	expect(pencil.begin('arrow', [1, 1], paper)).toBeNull();
	const first = pencil.move([5, 5], 1)!, second = pencil.move([9, 9], 1)!;
	expect(second.id).toBe(first.id);
	expect(pencil.end(1)).toEqual({ keep: second });
	pencil.begin('line', [1, 1], paper);
	const small = pencil.move([1.5, 1], 1)!;
	expect(pencil.end(1)).toEqual({ drop: small.id });
	expect(pencil.end(1)).toBeNull();
	pencil.begin('angle', [10, 0], paper);
	pencil.move([0, 0], 1);
	pencil.end(1);
	expect(pencil.begin('angle', [0, 3], paper)?.points).toHaveLength(3);
	const angle = pencil.move([0, 10], 1)!;
	expect(angle).toMatchObject({ value: 90, unit: 'deg', points: [[10, 0], [0, 0], [0, 10]] });
	expect(pencil.end(1)).toEqual({ keep: angle });
	pencil.begin('freehand', [0, 0], paper);
	let line = pencil.move([1, 0], 1);
	for (let i = 2; i < 1000; i++) line = pencil.move([i, i % 7], 1) ?? line;
	expect(line!.points.length).toBeLessThanOrEqual(200);
	expect([line!.points[0], line!.points.at(-1)]).toEqual([[0, 0], [999, 999 % 7]]);
	expect(thinned([[0, 0]])).toEqual([[0, 0]]);
	expect(distanceTo('line', [[0, 0], [10, 0]], [5, 3])).toBe(3);
	expect(distanceTo('ellipse', [[0, 0], [10, 10]], [100, 3])).toBe(Infinity);
});
