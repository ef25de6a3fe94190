// Volumes: which series are one, why others are not, and that each plane across shows the stored samples where they belong.
import { expect, it } from 'vitest';
import type { Pixels } from './exact';
import { edges, viewOf } from './geometry';
import type { ImageInfo } from './image-info';
import { stackOf } from './series';
import { freshViewport } from './state';
import { placeOn, planeInfo, planesOf, resliced, voxelAt, volumeOf, type Volume } from './volume';

const AXIAL = [1, 0, 0, 0, 1, 0], SAGITTAL = [0, 1, 0, 0, 0, -1];
const info = (orientation: number[], position: number[], more: Partial<ImageInfo> = {}): ImageInfo => ({
	rows: 3, columns: 4, samples: 1, allocated: 16, stored: 16, signed: true, photometric: 'MONOCHROME2', planar: false, bigEndian: false, instance: '1', frames: 1, number: 1, modality: 'CT', slope: 1, intercept: 0, windows: [], voi: 'LINEAR',
	spacing: [0.5, 0.25], projected: false, orientation, position, patientOrientation: null, units: 'HU', cineRate: 0, lossy: false, palette: false, ...more,
});
const stack = (orientation: number[], positions: number[][], more: Partial<ImageInfo> = {}) => positions.map((p) => ({ info: info(orientation, p, more) }));
const even = [0, 1, 2, 3, 4].map((i) => [0, 0, i * 2]);
// A sample is its own place: 100 * slice + 10 * row + column.
const slices = (volume: Volume): Pixels[] =>
	Array.from({ length: volume.size[2] }, (_, k) => ({
		rows: 3, columns: 4, samples: 1, photometric: 'MONOCHROME2', exact: true, data: Int16Array.from({ length: 12 }, (_x, i) => 100 * k + 10 * Math.floor(i / 4) + (i % 4)),
	}));
const good = (v: ReturnType<typeof volumeOf>): Volume => (typeof v === 'string' ? expect.unreachable(v) : v);

it('an object of many frames is read in one go, each with its own place in the patient; a group that is none moves no other', () => {
	const count = 8000, groups: unknown[] = Array.from({ length: count }, (_, i) => ({ '00209113': { Value: [{ '00200032': { Value: [0, 0, count - i] } }] } }));
	groups[5] = null;
	let looked = 0;
	const counted = new Proxy(groups, { get: (of, key, self) => ((looked += typeof key === 'string' && /^\d+$/.test(key) ? 1 : 0), Reflect.get(of, key, self) as unknown) });
	const shared = { '00209116': { Value: [{ '00200037': { Value: AXIAL } }] } };
	const set = { '00080018': { Value: ['1.2'] }, '00280010': { Value: [8] }, '00280011': { Value: [8] }, '00280100': { Value: [16] }, '00280008': { Value: [count] }, '52009230': { Value: counted }, '52009229': { Value: [shared] } };
	const { frames } = stackOf([set], { image: { pacs: 'm', study: '1', series: '2' }, url: '/s' }, () => '');
	expect(frames).toHaveLength(count);
	expect(frames.find((f) => f.index === 5)!.info.position).toBeNull();
	expect(frames.find((f) => f.index === 6)!.info.position).toEqual([0, 0, count - 6]);
	expect(looked).toBeLessThan(20 * count); // with each frame all groups: 400 million
});

it('takes what is regular within a tolerance', () => {
	expect(good(volumeOf(stack(AXIAL, even)))).toMatchObject({ size: [4, 3, 5], step: [0.25, 0.5, 2] });
	expect(good(volumeOf(stack(AXIAL, even.map(([x, y, z], i) => [x!, y!, z! + (i % 2) * 0.03])))).step[2]).toBeCloseTo(2);
	expect(good(volumeOf(stack(AXIAL, [...even].reverse()))).axis[2]).toEqual([-0, -0, -1]);
});

it('says why not', () => {
	expect(volumeOf(stack(AXIAL, even.slice(0, 2)))).toBe('few');
	expect(volumeOf(stack(AXIAL, even, { samples: 3 }))).toBe('colour');
	expect(volumeOf(stack(AXIAL, even, { spacing: null }))).toBe('geometry');
	expect(volumeOf(stack(AXIAL, even, { orientation: null }))).toBe('geometry');
	expect(volumeOf(stack([1, 0, 0, 1, 0, 0], even))).toBe('geometry');
	expect(volumeOf(stack(AXIAL, [[0, 0, 0], [0, 0, 2], [0, 0, 5], [0, 0, 6], [0, 0, 8]]))).toBe('steps');
	expect(volumeOf(stack(AXIAL, [[0, 0, 0], [0, 0, 0], [0, 0, 0]]))).toBe('steps');
	expect(volumeOf(stack(AXIAL, even.map(([, , z]) => [0, z! * 0.3, z!])))).toBe('tilted'); // a gantry
	const one = (more: Partial<ImageInfo>) => stack(AXIAL, even).map((f, i) => (i === 3 ? { info: { ...f.info, ...more } } : f));
	expect(volumeOf(one({ rows: 4 }))).toBe('sizes');
	expect(volumeOf(one({ intercept: -5 }))).toBe('values');
	expect(volumeOf(one({ orientation: [1, 0, 0, 0, 0.999, 0.045] }))).toBe('geometry');
	expect(volumeOf(one({ position: null }))).toBe('steps');
	expect(volumeOf(stack(AXIAL, Array.from({ length: 800 }, (_, i) => [0, 0, i]), { rows: 512, columns: 512 }))).toBe('large');
});

it('each plane shows the stored samples where they belong in the patient', () => {
	const volume = good(volumeOf(stack(AXIAL, even))), all = slices(volume), [axial, coronal, sagittal] = planesOf(volume);
	expect([axial.name, coronal.name, sagittal.name]).toEqual(['axial', 'coronal', 'sagittal']);
	const front = resliced(volume, coronal, 1, all)!; // row 1 of each slice, the head up
	expect([front.columns, front.rows]).toEqual([4, 5]);
	expect([...front.data]).toEqual([410, 411, 412, 413, 310, 311, 312, 313, 210, 211, 212, 213, 110, 111, 112, 113, 10, 11, 12, 13]);
	const side = resliced(volume, sagittal, 2, all)!; // column 2, the front at the left
	expect([...side.data]).toEqual([402, 412, 422, 302, 312, 322, 202, 212, 222, 102, 112, 122, 2, 12, 22]);
	expect([...resliced(volume, axial, 3, all)!.data]).toEqual([...all[3]!.data]);
	expect(front.data).toBeInstanceOf(Int16Array);
	expect(planeInfo(volume, coronal)).toMatchObject({ rows: 5, columns: 4, spacing: [2, 0.25], frames: 3 });
	expect(resliced(volume, coronal, 1, [null, ...all.slice(1)])!.exact).toBe(false);
	expect(resliced(volume, coronal, 9, all)).toBeNull();
	const letters = (plane: typeof axial) => edges(planeInfo(volume, plane), viewOf(planeInfo(volume, plane), freshViewport(0), { width: 100, height: 100 }));
	expect(letters(coronal)).toEqual({ left: 'R', right: 'L', top: 'H', bottom: 'F' });
	expect(letters(sagittal)).toEqual({ left: 'A', right: 'P', top: 'H', bottom: 'F' });
});

it('a stack that was taken from the side: its own plane first, the others as one looks at them', () => {
	const volume = good(volumeOf(stack(SAGITTAL, [0, 1, 2, 3, 4].map((i) => [i * 2, 0, 0])))), all = slices(volume), [own, axial, coronal] = planesOf(volume);
	expect([own.name, axial.name, coronal.name]).toEqual(['sagittal', 'axial', 'coronal']);
	const info = (plane: typeof own) => edges(planeInfo(volume, plane), viewOf(planeInfo(volume, plane), freshViewport(0), { width: 100, height: 100 }));
	expect(info(axial)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
	expect(info(coronal)).toEqual({ left: 'R', right: 'L', top: 'H', bottom: 'F' });
	const feet = resliced(volume, axial, 0, all)!; // the uppermost row of each
	expect([feet.columns, feet.rows]).toEqual([5, 4]);
	expect(Math.abs(feet.data[0]! - feet.data[1]!)).toBe(100);
});

it('a cross is the same voxel in each plane', () => {
	for (const orientation of [AXIAL, SAGITTAL, [-1, 0, 0, 0, -1, 0]]) {
		const n = [orientation[1]! * orientation[5]! - orientation[2]! * orientation[4]!, orientation[2]! * orientation[3]! - orientation[0]! * orientation[5]!, orientation[0]! * orientation[4]! - orientation[1]! * orientation[3]!];
		const volume = good(volumeOf(stack(orientation, [0, 1, 2, 3, 4].map((i) => n.map((v) => v * 2 * i))))), all = slices(volume), voxel: [number, number, number] = [3, 1, 2];
		for (const plane of planesOf(volume)) {
			const at = voxel[plane.through]!, [x, y] = placeOn(volume, plane, voxel), shown = resliced(volume, plane, at, all)!;
			expect(shown.data[y * shown.columns + x]).toBe(213);
			expect(voxelAt(volume, plane, at, [x + 0.3, y - 0.3])).toEqual(voxel);
		}
	}
});
