import { describe, expect, it } from 'vitest';
import { bestBpsOf, Widening } from '../src/widening';

const BEST = 1_000_000;

describe('an uplink that became wider', () => {
	it('is looked for while it is narrow, then pictures are whole again, once', () => {
		const widening = new Widening();
		expect(widening.observe(2 * BEST, BEST, 0)).toBeNull();
		expect(widening.observe(300_000, BEST, 1_000)).toBe('look');
		expect(widening.observe(310_000, BEST, 1_500)).toBeNull(); // the estimate is the same still
		expect(widening.observe(310_000, BEST, 2_000)).toBe('look');
		expect(widening.observe(BEST, BEST, 3_000)).toBe('whole');
		expect(widening.observe(BEST, BEST, 4_000)).toBeNull();
	});

	const looks = (widening: Widening, bps: number, fromS: number, toS: number): number => {
		let n = 0;
		for (let s = fromS; s < toS; s++) n += widening.observe(bps, BEST, s * 1000) === 'look' ? 1 : 0;
		return n;
	};

	it('is looked for less and less often where it stays narrow, and often again once it grows', () => {
		const widening = new Widening();
		expect(looks(widening, 600_000, 0, 20)).toBe(20);
		expect(looks(widening, 600_000, 20, 60)).toBeLessThanOrEqual(12); // 20, 21, 23, 27, 31 ...
		expect(looks(widening, 600_000, 60, 120)).toBeLessThanOrEqual(15);
		expect(looks(widening, 400_000, 120, 132)).toBe(3); // narrower: nothing to hurry for
		expect(looks(widening, 500_000, 132, 133)).toBe(1); // a fifth more
		expect(looks(widening, 600_000, 133, 134)).toBe(1);
		expect(looks(widening, 610_000, 134, 136)).toBe(1);
	});

	it('is looked for at once when it was wide in between', () => {
		const widening = new Widening();
		looks(widening, 600_000, 0, 60);
		expect(widening.observe(BEST, BEST, 60_000)).toBe('whole');
		expect(looks(widening, 600_000, 61, 62)).toBe(1);
	});

	it('is told again where the browser keeps small pictures all the same, less and less often', () => {
		const widening = new Widening(); // an outage: the estimate never fell below what is sent at best
		expect([0, 1, 2, 3].map((s) => widening.observe(2 * BEST, BEST, s * 1000, s >= 1))).toEqual([null, null, null, 'whole']);
		let told = 0;
		for (let s = 4; s < 304; s++) told += widening.observe(2 * BEST, BEST, s * 1000, true) === 'whole' ? 1 : 0;
		expect(told).toBeGreaterThan(3);
		expect(told).toBeLessThan(10);
		expect(new Widening().observe(2 * BEST, BEST, 90_000, false)).toBeNull();
	});

	it('is not looked for on the narrowest, where a burst would hurt sound', () => {
		expect(new Widening().observe(64_000, BEST, 1_000)).toBeNull();
	});

	it('is nothing where the browser tells no estimate, or sends no pictures', () => {
		const widening = new Widening();
		expect(widening.observe(0, BEST, 0)).toBeNull();
		expect(widening.observe(300_000, bestBpsOf([], new Map()), 1_000)).toBeNull();
	});

	it('is measured by what all senders would send at their best', () => {
		const none = new Map<string, number>();
		const camera = { shape: 'video2' as const, source: 'camera' as const, mid: '0' };
		const one = bestBpsOf([camera], none);
		expect(one).toBeGreaterThan(500_000);
		expect(bestBpsOf([camera, { ...camera, source: 'camera2', mid: '1' }], none)).toBe(2 * one);
		expect(bestBpsOf([camera], new Map([['0', 1]]))).toBe(700_000);
	});
});
