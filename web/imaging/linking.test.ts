// Stacks that go together by where they lie, or say why not.
import { expect, it } from 'vitest';
import { crossing } from './crossing';
import type { ImageInfo } from './image-info';
import { linkNotes, linkedNow, scrolled, type FramesOf } from './linking';
import { applyChange, freshViewport, type ReadingChange, type ReadingState } from './state';

const AXIAL = [1, 0, 0, 0, 1, 0], SAGITTAL = [0, 1, 0, 0, 0, -1], image = { pacs: 'main', study: '1', series: '1.0' };
type Stack = { info: ImageInfo }[];
const slice = (position: number[] | null, reference = 'A', orientation: number[] | null = AXIAL): { info: ImageInfo } =>
	({ info: { position, reference, orientation, rows: 11, columns: 11, spacing: [1, 1] } as ImageInfo });
const stack = (from: number, step: number, count: number, reference = 'A', orientation: number[] | null = AXIAL): Stack =>
	Array.from({ length: count }, (_, i) => slice([0, 0, from + i * step], reference, orientation));

class Panes {
	state: ReadingState;
	readonly of: FramesOf = (v) => this.stacks[v.at] ?? null;
	constructor(readonly stacks: Stack[], linked = true) {
		this.state = { layout: 'four', linked, viewports: [0, 1, 2, 3].map((at) => freshViewport(at, stacks[at] ? image : null)) };
	}
	apply(change: ReadingChange): number[] {
		this.state = applyChange(this.state, change);
		return this.at;
	}
	scroll = (at: number, step: number): number[] => this.apply(scrolled(this.state, at, step, this.of, this.stacks[at]!.length));
	link = (at = 0): number[] => this.apply(linkedNow(this.state, at, this.of));
	unlink = (): number[] => this.apply({ linked: false });
	get at(): number[] {
		return this.stacks.map((_, i) => this.state.viewports[i]!.frame);
	}
	note = (at: number) => linkNotes(this.state, this.of).get(at);
}

it('of one frame of reference: the slice nearest in mm, from the start', () => {
	const panes = new Panes([stack(0, 5, 21), stack(20, 2, 31), stack(100, -2.5, 41)]);
	expect(panes.scroll(0, 8)).toEqual([8, 10, 24]); // 40 mm
	expect(panes.scroll(1, 1)).toEqual([8, 11, 23]); // 42 mm: 40, 42, 42.5
	expect(panes.note(1)).toEqual({ by: 'position', offset: 0, beyond: false });
	expect(panes.scroll(2, -23)).toEqual([20, 30, 0]);
	expect(panes.note(1)).toEqual({ by: 'position', offset: 0, beyond: true });
	expect(panes.note(0)).toEqual({ by: 'position', offset: 0, beyond: false });
	expect(panes.scroll(0, -20)).toEqual([0, 0, 40]); // and it was not lost at the end
});

it('of two frames of reference: as they stood when they were linked, and as the reader moves them apart', () => {
	const panes = new Panes([stack(0, 5, 21), stack(-1000, 2, 60, 'B')], false);
	panes.scroll(0, 4);
	expect(panes.scroll(1, 5)).toEqual([4, 5]);
	panes.link();
	expect(panes.state.viewports.map((v) => v.offset_mm)).toEqual([0, -1010, null, null]);
	expect(panes.scroll(0, 2)).toEqual([6, 10]);
	expect(panes.scroll(0, 14)).toEqual([20, 45]);
	panes.unlink();
	expect(panes.scroll(1, 3)).toEqual([20, 48]);
	expect(panes.link()).toEqual([20, 48]);
	expect(panes.scroll(0, -2)).toEqual([18, 43]); // 6 mm further apart: -1004
	expect(panes.note(1)).toEqual({ by: 'position', offset: -1004, beyond: false });
	expect(panes.note(0)).toEqual({ by: 'position', offset: 1004, beyond: false });
	panes.scroll(0, -18);
	panes.unlink();
	expect(panes.link(1)).toEqual([0, 0]); // nobody was moved: the same places, also where one was at its end
	expect(panes.state.viewports[1]!.offset_mm).toBe(-1004);
});

it('what is linked for the first time in one frame of reference comes to the same place; what was moved stays apart', () => {
	const panes = new Panes([stack(0, 5, 21), stack(0, 2, 51)], false);
	panes.scroll(0, 4);
	expect(panes.link()).toEqual([4, 10]);
	panes.unlink();
	panes.scroll(1, 10);
	expect(panes.link()).toEqual([4, 20]);
	expect(panes.state.viewports[1]!.offset_mm).toBe(20);
	expect(panes.scroll(1, 5)).toEqual([6, 25]);
});

it('without positions, or lying otherwise: by step, and each pane says why', () => {
	const none = Array.from({ length: 9 }, () => slice(null)), scout = [...stack(0, 1, 2), slice([0, 0, 0], 'A', SAGITTAL)];
	const panes = new Panes([stack(0, 5, 21), none, stack(0, 1, 5, 'A', SAGITTAL), scout]);
	expect(panes.scroll(0, 3)).toEqual([3, 3, 3, 2]);
	expect([0, 1, 2, 3].map((at) => panes.note(at))).toEqual([{ by: 'step', why: 'differs' }, { by: 'step', why: 'missing' }, { by: 'step', why: 'differs' }, { by: 'step', why: 'differs' }]);
	expect(panes.state.viewports.every((v) => v.offset_mm === null)).toBe(true);
	expect(new Panes([stack(0, 5, 3), none]).note(0)).toEqual({ by: 'step', why: 'missing' });
	expect(new Panes([stack(0, 5, 3)]).note(0)).toBeUndefined();
	expect(new Panes([stack(0, 5, 3), stack(0, 5, 3)], false).note(0)).toBeUndefined();
});

it('a few degrees are parallel, and counted in the middle of the slice; the other way round is, too; lies are missing', () => {
	const tilt = (3 * Math.PI) / 180, leaned = [1, 0, 0, 0, Math.cos(tilt), Math.sin(tilt)], turned = [1, 0, 0, 0, -1, 0];
	const panes = new Panes([stack(0, 1, 40), stack(-5 * Math.sin(tilt), 1, 40, 'A', leaned), Array.from({ length: 40 }, (_, i) => slice([0, 10, 39 - i], 'A', turned))]);
	expect(panes.scroll(0, 12)).toEqual([12, 12, 27]);
	for (const bad of [[1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0], [3, 0, 0, 0, 3, 0]]) expect(new Panes([stack(0, 1, 4), stack(0, 1, 4, 'A', bad)]).note(1)).toEqual({ by: 'step', why: 'missing' });
	expect(new Panes([stack(0, 1, 4), [slice([0, 0, 1e300])]]).note(1)).toEqual({ by: 'step', why: 'missing' });
});

it('several at one place (phases of a heart): the same one of them', () => {
	const phases = (): Stack => [0, 5, 10].flatMap((z) => [0, 1, 2, 3].map(() => slice([0, 0, z])));
	const panes = new Panes([phases(), phases()]);
	expect(panes.scroll(0, 1)).toEqual([1, 1]);
	expect(panes.scroll(0, 5)).toEqual([6, 6]);
	expect(panes.scroll(1, 2)).toEqual([8, 8]);
});

it('a new series in one pane finds its place among those that were aligned', () => {
	const panes = new Panes([stack(0, 5, 21), stack(-1000, 5, 21, 'B'), stack(0, 1, 101)], false);
	panes.scroll(1, 2);
	panes.link();
	panes.scroll(0, 4);
	panes.apply({ viewports: [{ at: 2, frame: 0, offset_mm: null }] });
	expect(panes.scroll(0, 1)).toEqual([5, 7, 25]);
	expect(panes.state.viewports.map((v) => v.offset_mm)).toEqual([0, -990, 0, null]);
});

it('where a slice is cut by another: a line within it, of one frame of reference only', () => {
	const axial = slice([-5, -5, 3]).info, sagittal = slice([2, -5, 8], 'A', SAGITTAL).info; // the second at x = 2, from z 8 down to -2
	expect(crossing(axial, sagittal)).toEqual([[7, -0.5], [7, 10.5]].reverse());
	const back = crossing(sagittal, axial)!.sort((a, b) => a[0] - b[0]);
	expect(back).toEqual([[-0.5, 5], [10.5, 5]]);
	expect(crossing(axial, slice([2, -5, 8], 'B', SAGITTAL).info)).toBeNull();
	expect(crossing(axial, slice([2, -5, 100], 'A', SAGITTAL).info)).toBeNull();
	expect(crossing(axial, slice([50, -5, 8], 'A', SAGITTAL).info)).toBeNull();
	expect(crossing(axial, axial)).toBeNull();
});
