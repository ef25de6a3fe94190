// Overlay planes: each bit where it lies in the image, in both ways to write them, and what makes no sense.
import { expect, it } from 'vitest';
import { ImageError } from './errors';
import { imageInfo } from './image-info';
import { cellSize, cellsOf, eachRun, overlaysUrl, parseOverlays, type OverlayPlane } from './overlay-planes';
import type { Frame } from './frames';

const header = (more: object = {}) => ({ '00080018': { Value: ['1.2'] }, '00280010': { Value: [3] }, '00280011': { Value: [5] }, '00280100': { Value: [16] }, '00280101': { Value: [12] }, '00280008': { Value: ['3'] }, ...more });
const info = imageInfo(header());
const base64 = (...bytes: number[]) => btoa(String.fromCharCode(...bytes));
const overlay = (more: object = {}) => ({ group: '6000', kind: 'G', x: 0, y: 0, columns: 4, rows: 2, planes: [`b${base64(0x81)}`], ...more });
const answer = (more: object = {}, overlays: unknown = [overlay()]) => ({ instance: '1.2', rows: 3, columns: 5, overlays, ...more });
const runs = (plane: OverlayPlane, frame: number) => {
	const out: [number, number][] = [];
	eachRun(plane, frame, (from, count) => out.push([from, count]));
	return out;
};
const code = (what: () => unknown) => {
	try {
		what();
	} catch (error) {
		return (error as ImageError).code;
	}
	return '';
};
const plane = (more: object = {}) => parseOverlays(answer({}, [overlay(more)]), info).planes[0]!;

it('knows by the header that there are some', () => {
	expect(info.overlays).toBeUndefined();
	for (const tag of ['60000010', '601E0010', '600A0010']) expect(imageInfo(header({ [tag]: { vr: 'US', Value: [7] } })).overlays).toBe(true);
	for (const tag of ['60200010', '60000011', '60010010']) expect(imageInfo(header({ [tag]: { vr: 'US', Value: [7] } })).overlays).toBeUndefined();
	expect(overlaysUrl({ source: { url: '/x/series/1/instances/1.2/frames/17' } } as Frame)).toBe('/x/series/1/instances/1.2/overlays');
});

it('bits and runs are the same', () => {
	expect(runs(plane(), 0)).toEqual([[0, 1], [7, 1]]);
	expect(runs(plane({ planes: [`r${base64(0, 1, 6, 1)}`] }), 2)).toEqual([[0, 1], [7, 1]]); // over all frames
	expect(runs(plane({ columns: 5, rows: 3, planes: [`b${base64(0xff, 0x7f)}`] }), 0)).toEqual([[0, 15]]);
	const large = { ...plane(), columns: 2048, rows: 2048, planes: ['rgIB9gBA='] }; // as media/imaging's test has it
	expect(runs(large, 0)).toEqual([[2_048_000, 2048]]);
});

it('frames have their own', () => {
	const p = plane({ first: 1, planes: ['', `r${base64(2, 3)}`] });
	expect([0, 1, 2].map((f) => runs(p, f))).toEqual([[], [], [[2, 3]]]);
});

it('lies where it says, and thin lines stay where many pixels are a cell', () => {
	const all = parseOverlays(answer({}, [overlay({ x: 1, y: 1 }), overlay({ kind: 'R', x: 0, y: 0, columns: 5, rows: 3, planes: [`b${base64(0x01, 0x40)}`] })]), info);
	const set = (size: number) => [...cellsOf(all, info, 0, size)].flatMap((c, i) => (c ? [[i, c === cellsOf(all, info, 0, size)[6 / (size * size)] ? 'G' : 'R']] : []));
	expect(set(1).map(([i]) => i)).toEqual([0, 6, 14]); // of 5 a row: the region's 0 and 14, the graphics' 6 and 14, above it
	const cells = cellsOf(all, info, 0, 1);
	expect(cells[14]).toBe(cells[6]);
	expect(cells[0]).not.toBe(cells[6]);
	expect([...cellsOf(all, info, 0, 2)].map((c) => Number(c !== 0))).toEqual([1, 0, 0, 0, 0, 1]); // 3 x 2 cells
});

it('cells are no finer than the screen, and never too many', () => {
	expect([0.1, 1, 1.1, 2, 4.1, 8, Infinity].map((n) => cellSize({ rows: 100, columns: 100 }, n))).toEqual([1, 1, 2, 2, 8, 8, 65536]);
	expect(cellSize({ rows: 65535, columns: 65535 }, 1)).toBe(16);
});

it('says why not', () => {
	expect(['attribute', 'too-big', 'transfer-syntax', 'pixels-short'].map((fault) => code(() => parseOverlays({ fault }, info)))).toEqual(['disagrees', 'too_big', 'unsupported', 'damaged']);
	for (const bad of [null, 7, [], {}, { overlays: {} }]) expect(code(() => parseOverlays(bad, info))).toBe('not_image');
	for (const more of [{ instance: '1.3' }, { rows: 4 }, { columns: 4 }, { overlays: Array.from({ length: 17 }, () => overlay()) }]) expect(code(() => parseOverlays(answer(more), info))).toBe('disagrees');
	const odd = [{ x: -1 }, { x: 0.5 }, { x: 2 }, { y: 2 }, { columns: 6 }, { rows: 1e9 }, { columns: '4' }, { planes: 'b' }, { planes: [7] }, { planes: ['', ''] }, { first: 0, planes: ['', '', '', ''] }, { first: -1 }];
	for (const more of odd) expect(code(() => plane(more))).toBe('disagrees');
	const some = parseOverlays(answer({}, [{ group: '6000', fault: 'unsupported' }, overlay()]), info);
	expect([some.planes.length, some.faults]).toEqual([1, 1]);
});

it('data that is not what it says is no picture', () => {
	expect(code(() => runs(plane({ planes: ['b*'] }), 0))).toBe('damaged');
	const bad = [`b${base64(1, 2)}`, 'b', `x${base64(1)}`, `r${base64(0, 9)}`, `r${base64(0x80)}`, `r${base64(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)}`];
	for (const one of bad) expect(code(() => runs(plane({ planes: [one] }), 0))).toBe('disagrees');
});
