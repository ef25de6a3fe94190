import { describe, expect, it } from 'vitest';
import type { Broadcast } from '../../sdk/src';
import { anyMask, between, byKey, LEAST, maskState, moved, partOf, sized, STEP } from './masks-model';

const desk = (masks: Broadcast['masks']): Broadcast => ({
	state: 'live', title: 't', text: '', delay_s: 10, sources: [], voices: [], on_air: null, since_ms: 0, cut: null, viewers: 0, masks,
});
const or1 = { participant: 'or1', source: 'camera' as const };
const entry = { ...or1, identified: false, fill: 'black' as const, profile: '', version: 1, masks: [], device: [] };

describe('regions', () => {
	it('are drawn from any corner, and end at the picture', () => {
		expect(between({ x: 0.5, y: 0.5 }, { x: 0.1, y: 0.2 })).toEqual({ x: 0.1, y: 0.2, w: 0.4, h: 0.3 });
		expect(between({ x: -3, y: 0.9 }, { x: 0.1, y: 7 })).toEqual({ x: 0, y: 0.9, w: 0.1, h: 0.1 });
		expect(between({ x: 0.5, y: 0.5 }, { x: 0.5 + LEAST / 2, y: 0.9 })).toBeNull();
		expect(between({ x: 2, y: 2 }, { x: 3, y: 3 })).toBeNull();
	});
	it('are where the pointer was on the picture, also outside of it', () => {
		const box = { left: 100, top: 50, width: 400, height: 200 };
		expect(partOf(box, { clientX: 140, clientY: 150 })).toEqual({ x: 0.1, y: 0.5 });
		expect(partOf(box, { clientX: 60, clientY: 350 })).toEqual({ x: -0.1, y: 1.5 });
		expect(partOf({ ...box, height: 0 }, { clientX: 140, clientY: 150 })).toEqual({ x: 0, y: 0 });
	});
	it('stay inside whatever is done to them', () => {
		const m = anyMask();
		for (const [dx, dy] of [[9, 9], [-9, -9], [0.3, -0.3]] as const) {
			for (const now of [moved(m, dx, dy), sized(m, dx, dy)]) {
				expect(now.x).toBeGreaterThanOrEqual(0);
				expect(now.y).toBeGreaterThanOrEqual(0);
				expect(now.x + now.w).toBeLessThanOrEqual(1 + 1e-9);
				expect(now.y + now.h).toBeLessThanOrEqual(1 + 1e-9);
				expect(Math.min(now.w, now.h)).toBeGreaterThanOrEqual(LEAST);
			}
		}
	});
	it('are moved and sized by keys', () => {
		const m = anyMask();
		expect(byKey(m, 'ArrowRight', false)?.x).toBeCloseTo(m.x + STEP);
		expect(byKey(m, 'ArrowDown', true)?.h).toBeCloseTo(m.h + STEP);
		expect(byKey(m, 'a', false)).toBeNull();
	});
});

describe('what a source needs', () => {
	it('follows from what was said, else from its kind', () => {
		expect(maskState(desk(undefined), or1)).toBe('open');
		expect(maskState(desk([]), { ...or1, source: 'ultrasound' })).toBe('needed');
		expect(maskState(desk([{ ...entry, source: 'ultrasound' }]), { ...or1, source: 'ultrasound' })).toBe('open');
		expect(maskState(desk([{ ...entry, identified: true }]), or1)).toBe('needed');
		expect(maskState(desk([{ ...entry, device: [anyMask()] }]), or1)).toBe('masked');
	});
});
