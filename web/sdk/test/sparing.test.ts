import { describe, expect, it } from 'vitest';
import { encodingsAt } from '../src/sender-control';
import { encodingsOf } from '../src/encodings';
import { Sparing, type SparingSender } from '../src/sparing';

const two: SparingSender = { mid: '1', shape: 'video2', source: 'camera' };
const three: SparingSender = { mid: '2', shape: 'video3', source: 'camera' };

/** So many seconds at this estimate; the layers spared at the end. */
function after(sparing: Sparing, bps: number, seconds: number, from: number, ...senders: SparingSender[]): number[] {
	for (let s = 0; s < seconds; s++) sparing.observe(bps, senders, (from + s) * 1000);
	return senders.map((s) => sparing.spared.get(s.mid ?? '') ?? 0);
}

describe('sparing', () => {
	it('leaves the small copy at home when nobody looks at it and the uplink is narrow', () => {
		const sparing = new Sparing();
		expect(after(sparing, 450_000, 9, 0, two)).toEqual([0]); // not told that nobody looks
		expect(sparing.watched([{ mid: '1', lowest: 1 }])).toBe(false);
		expect(after(sparing, 450_000, 3, 10, two)).toEqual([1]);
	});
	it('sends it again at once when somebody needs it', () => {
		const sparing = new Sparing();
		sparing.watched([{ mid: '1', lowest: 1 }]);
		after(sparing, 450_000, 4, 0, two);
		expect(sparing.watched([{ mid: '1', lowest: 0 }])).toBe(true);
		expect(sparing.spared.get('1')).toBe(0);
		expect(after(sparing, 450_000, 9, 10, two)).toEqual([0]);
	});
	it('spares nothing on a wide uplink, nor where the browser tells no estimate', () => {
		const sparing = new Sparing();
		sparing.watched([{ mid: '1', lowest: 1 }]);
		expect(after(sparing, 2_000_000, 9, 0, two)).toEqual([0]);
		expect(after(sparing, 0, 9, 10, two)).toEqual([0]);
	});
	it('waits before it spares, and is not to and fro at the edge', () => {
		const sparing = new Sparing();
		sparing.watched([{ mid: '1', lowest: 1 }]);
		expect(after(sparing, 450_000, 2, 0, two)).toEqual([0]);
		expect(after(sparing, 450_000, 2, 2, two)).toEqual([1]);
		expect(after(sparing, 1_100_000, 2, 5, two)).toEqual([1]);
		expect(after(sparing, 1_300_000, 1, 8, two)).toEqual([0]);
	});
	it('keeps the small one where the large one does not fit alone', () => {
		const sparing = new Sparing();
		sparing.watched([{ mid: '1', lowest: 1 }, { mid: '2', lowest: 2 }]);
		expect(after(sparing, 150_000, 9, 0, two)).toEqual([0]);
		expect(after(sparing, 400_000, 9, 10, three)).toEqual([1]);
		expect(after(sparing, 900_000, 9, 20, three)).toEqual([2]);
	});
	it('does so at once, and for less, when the gateway saw the queue full', () => {
		const sparing = new Sparing();
		sparing.watched([{ mid: '1', lowest: 1 }]);
		expect(sparing.observe(160_000, [two], 1_000, true)).toBe(true);
		expect(sparing.spared.get('1')).toBe(1);
		expect(after(sparing, 160_000, 9, 2, two)).toEqual([1]);
		expect(after(sparing, 100_000, 1, 11, two)).toEqual([0]);
	});
	it('forgets what it is no longer told about', () => {
		const sparing = new Sparing();
		sparing.watched([{ mid: '1', lowest: 1 }]);
		after(sparing, 450_000, 4, 0, two);
		expect(sparing.watched([])).toBe(true);
		expect(sparing.spared.get('1')).toBe(0);
	});
	it('comes to the encodings, in any order of the browser', () => {
		const live = encodingsOf('video3', 'camera').reverse();
		const limits = { uplink: 'full' as const, stillDue: false, tight: false, farAndLossy: false, looks: 0, soundBps: 0, spared: new Map<string, number>() };
		const active = (spared: number, uplink: 'full' | 'low') => encodingsAt(live, 'video3', 'camera', { ...limits, uplink }, spared).map((e) => [e.rid, e.active]);
		expect(active(1, 'full')).toEqual([['h', true], ['m', true], ['l', false]]);
		expect(active(2, 'full')).toEqual([['h', true], ['m', false], ['l', false]]);
		expect(active(2, 'low')).toEqual([['h', false], ['m', false], ['l', true]]);
	});
});
