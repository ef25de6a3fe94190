import { describe, expect, it } from 'vitest';
import { MAX_SLOTS, SlotTable, type WantedTrack } from '../src/slots';
import { qualityForHeight } from '../src/views';

const table = () => {
	let n = 0;
	return new SlotTable<number>(() => n++);
};
const want = (...names: string[]): WantedTrack[] =>
	names.map((name) => {
		const [participant = '', what = ''] = name.split('.');
		return { id: name, participant, kind: what.startsWith('a') ? 'audio' : 'video', quality: 'low' };
	});

describe('slots', () => {
	it('gives every participant a group of its own', () => {
		const t = table();
		t.assign(want('x.a', 'x.v', 'y.a', 'y.v'));
		expect(t.find('x.a')?.group).toBe(t.find('x.v')?.group);
		expect(t.find('y.a')?.group).not.toBe(t.find('x.a')?.group);
	});

	it('adds nothing for a newcomer who fits into the place of one who left', () => {
		const t = table();
		expect(t.assign(want('x.a', 'x.v'))).toBe(true);
		expect(t.assign(want('y.a', 'y.v'))).toBe(false);
		expect(t.slots.length).toBe(2);
	});

	it('keeps a slot where it is while its track stays', () => {
		const t = table();
		t.assign(want('x.a', 'x.v', 'y.a', 'y.v'));
		const before = t.find('y.v')?.handle;
		t.assign(want('y.v', 'y.a'));
		expect(t.find('y.v')?.handle).toBe(before);
	});

	it('never mixes two participants in one group', () => {
		const t = table();
		t.assign(want('x.a', 'x.v', 'x.v2'));
		t.assign(want('x.a', 'y.a', 'y.v'));
		expect(t.find('y.v')?.group).not.toBe(t.find('x.a')?.group);
	});

	it('prefers the free group that fits', () => {
		const t = table();
		t.assign(want('x.a', 'x.v', 'x.v2', 'x.v3', 'y.a', 'y.v'));
		const small = t.find('y.v')?.group;
		t.assign([]);
		t.assign(want('z.a', 'z.v'));
		expect(t.find('z.v')?.group).toBe(small);
	});

	it('is bounded: what is too much is not shown, what fits is', () => {
		const t = table();
		const many = Array.from({ length: 60 }, (_, i) => `p${i}.v`);
		t.assign(want(...many));
		expect(t.slots.length).toBe(MAX_SLOTS);
		expect(t.find('p0.v')).toBeDefined();
		expect(t.find('p59.v')).toBeUndefined();
	});

	it('chooses the quality by the height on screen', () => {
		expect([-1, 0, 1, 220, 221, 430, 431, 2160].map(qualityForHeight)).toEqual(
			['off', 'off', 'low', 'low', 'medium', 'medium', 'high', 'high'],
		);
	});
});
