import { beforeEach, describe, expect, it } from 'vitest';
import type { Encoding } from '../src/encodings';
import { contentHintOf, degradationOf, encodingsOf, shapeOf } from '../src/encodings';
import { encodingsAt as at } from '../src/sender-control';
import { FarAndLossy, Stills, UplinkPolicy, type Uplink, type UplinkSample } from '../src/uplink';
import { FakeTrack } from './fakes';

describe('uplink policy', () => {
	let policy: UplinkPolicy;
	let now: number;
	beforeEach(() => {
		policy = new UplinkPolicy();
		now = 1_000_000;
	});
	const run = (seconds: number, sample: Partial<UplinkSample>): Uplink => {
		for (let i = 0; i < seconds; i++) {
			now += 1_000;
			policy.observe({ available_bps: 0, lost_percent: 0, rtt_ms: 50, ...sample }, now);
		}
		return policy.level;
	};
	const GOOD = { available_bps: 2_000_000 };
	const NARROW = { available_bps: 50_000, lost_percent: 10, rtt_ms: 600 };

	it('leaves a good link alone, and one that loses and delays but carries', () => {
		expect(run(60, GOOD)).toBe('full');
		expect(run(60, { available_bps: 800_000, lost_percent: 12, rtt_ms: 700 })).toBe('full');
		expect(run(60, { lost_percent: 12, rtt_ms: 700 })).toBe('full');
	});
	it('is not moved by a bad second', () => {
		for (let i = 0; i < 10; i++) {
			expect(run(2, NARROW)).toBe('full');
			expect(run(2, GOOD)).toBe('full');
		}
	});
	it('steps down, then to a picture every few seconds, before sound suffers', () => {
		const seen: Uplink[] = [];
		for (let i = 0; i < 10; i++) seen.push(run(1, NARROW));
		expect(seen[5]).toBe('low');
		expect(seen[9]).toBe('still');
	});
	it('goes off when sound suffers all the same, not for a bad second, and has stills again soon', () => {
		run(10, NARROW);
		const LOST = { ...NARROW, lost_percent: 30 };
		expect(run(2, LOST)).toBe('still');
		expect(run(1, NARROW)).toBe('still');
		expect(run(4, LOST)).toBe('off');
		expect(run(60, LOST)).toBe('off');
		expect(run(5, NARROW)).toBe('still');
	});
	it('goes straight to sound when sound is lost', () => {
		expect(run(4, { available_bps: 50_000, lost_percent: 40 })).toBe('off');
		expect(run(60, { available_bps: 50_000, lost_percent: 40 })).toBe('off');
	});
	it('goes by loss and delay where the browser tells no estimate', () => {
		expect(run(10, { lost_percent: 40 })).toBe('off');
		policy.reset();
		expect(run(10, { rtt_ms: 3_000 })).toBe('off');
	});
	it('comes back by itself', () => {
		expect(run(10, NARROW)).toBe('still');
		expect(run(30, GOOD)).toBe('full');
		expect(run(10, { ...NARROW, lost_percent: 40 })).toBe('off');
		expect(run(60, GOOD)).toBe('full');
	});
	it('tries pictures again less and less often while that fails', () => {
		run(10, NARROW);
		const trials: number[] = [];
		let before = policy.level;
		for (let i = 0; i < 300; i++) {
			const level = run(1, NARROW);
			if (before === 'still' && level === 'low') trials.push(now);
			before = level;
		}
		const gaps = trials.slice(1).map((t, i) => t - (trials[i] ?? 0));
		expect(gaps.length).toBeGreaterThan(2);
		for (let i = 1; i < gaps.length; i++) expect(gaps[i]).toBeGreaterThanOrEqual(gaps[i - 1] ?? 0);
		expect(gaps.at(-1)).toBeLessThanOrEqual(75_000);
	});
	it('ends a trial at once when sound suffers', () => {
		run(10, NARROW);
		while (run(1, NARROW) === 'still');
		expect(run(1, { ...NARROW, lost_percent: 50 })).toBe('off');
	});
	it('stays small on a link that carries one small picture', () => {
		run(10, { available_bps: 120_000 });
		expect(policy.level).toBe('low');
		expect(run(120, { available_bps: 120_000 })).toBe('low');
	});
});

describe('stills', () => {
	it('are a few seconds of each eight, from the beginning of that level', () => {
		const stills = new Stills();
		const of = (level: Uplink, from: number, to: number) => Array.from({ length: to - from }, (_, i) => stills.observe(level, (from + i) * 1_000));
		expect(of('low', 0, 5).some(Boolean)).toBe(false);
		const due = of('still', 5, 29);
		for (let i = 0; i < 24; i++) expect(due[i]).toBe(i % 8 < 4);
		expect(of('off', 29, 40).some(Boolean)).toBe(false);
		expect(of('still', 40, 41)).toEqual([true]);
	});
});

describe('far and lossy', () => {
	const sample = (lost_percent: number, rtt_ms: number) => ({ available_bps: 1_000_000, lost_percent, rtt_ms });

	it('is said soon and taken back late', () => {
		const f = new FarAndLossy();
		let at = 0;
		const run = (s: ReturnType<typeof sample>, n: number) => {
			let last = false;
			for (let i = 0; i < n; i++) last = f.observe(s, (at += 1_000));
			return last;
		};
		expect(run(sample(0, 300), 5)).toBe(false);
		expect(run(sample(10, 300), 3)).toBe(true);
		expect(run(sample(0, 300), 10)).toBe(true);
		expect(run(sample(0, 300), 25)).toBe(false);
		expect(run(sample(10, 40), 10)).toBe(false); // near: what is lost comes again in time
		expect(run(sample(10, 300), 60)).toBe(false); // behind a queue
		expect(run(sample(10, 300), 200)).toBe(true); // no: another way
	});
});

describe('what is sent', () => {
	const live = (shape: Parameters<typeof encodingsOf>[0], source: Parameters<typeof encodingsOf>[1]): Encoding[] =>
		encodingsOf(shape, source).map((e) => ({ ...e, active: true }));
	const encodingsAt = (e: Encoding[], shape: Parameters<typeof at>[1], source: Parameters<typeof at>[2], uplink: Uplink, soundBps = 0, more = {}) =>
		at(e, shape, source, { uplink, stillDue: false, soundBps, tight: false, farAndLossy: false, looks: 0, spared: new Map(), ...more });
	const size = (width: number, height: number) => new FakeTrack('video', '', { width, height }).real;

	it('has fewer layers for small captures, lowest first', () => {
		expect(shapeOf('camera', size(1280, 720))).toBe('video3');
		expect(shapeOf('camera', size(720, 1280))).toBe('video3');
		expect(shapeOf('camera', size(640, 360))).toBe('video2');
		expect(shapeOf('camera2', size(320, 240))).toBe('video1');
		expect(shapeOf('screen', size(1920, 1080))).toBe('video1');
		expect(encodingsOf('video3', 'camera').map((e) => e.rid)).toEqual(['l', 'm', 'h']);
		for (const shape of ['video2', 'video3'] as const) {
			const rates = encodingsOf(shape, 'camera').map((e) => e.maxBitrate ?? 0);
			expect([...rates].sort((a, b) => a - b)).toEqual(rates);
		}
	});
	it('keeps what matters of each source', () => {
		expect(contentHintOf('screen')).toBe('text');
		expect(contentHintOf('ultrasound')).toBe('detail');
		expect(contentHintOf('camera')).toBe('');
		expect(degradationOf('ultrasound')).toBe('maintain-resolution');
		expect(degradationOf('endoscope')).toBe('maintain-framerate');
	});
	it('is the smallest layer on a weak link, nothing on a worse one, and all of it again', () => {
		const all = live('video3', 'camera');
		const low = encodingsAt(all, 'video3', 'camera', 'low');
		expect(low.map((e) => e.active)).toEqual([true, false, false]);
		expect(low[0]?.maxBitrate).toBeLessThanOrEqual(100_000);
		const off = encodingsAt(low, 'video3', 'camera', 'off');
		expect(off.some((e) => e.active)).toBe(false);
		expect(encodingsAt(off, 'video3', 'camera', 'full')).toEqual(all);
	});
	it('is one very small picture a second while a still is due, of faces only', () => {
		const all = live('video3', 'camera');
		const due = encodingsAt(all, 'video3', 'camera', 'still', 0, { stillDue: true });
		expect(due.map((e) => e.active)).toEqual([true, false, false]);
		expect([due[0]?.maxFramerate, due[0]?.scaleResolutionDownBy]).toEqual([1, 8]);
		const between = encodingsAt(due, 'video3', 'camera', 'still');
		expect(between.some((e) => e.active)).toBe(false);
		expect(encodingsAt(between, 'video3', 'camera', 'full')).toEqual(all);
		for (const source of ['screen', 'ultrasound'] as const)
			expect(encodingsAt(live('video1', source), 'video1', source, 'still', 0, { stillDue: true })[0]?.active).toBe(false);
		expect(encodingsAt(live('svc', 'camera'), 'svc', 'camera', 'still', 0, { stillDue: true })[0]?.active).toBe(false);
	});
	it('finds the smallest layer whatever order the browser has them in', () => {
		const turned = [...live('video2', 'camera')].reverse();
		expect(encodingsAt(turned, 'video2', 'camera', 'low').map((e) => [e.rid, e.active])).toEqual([['m', false], ['l', true]]);
	});
	it('takes less for sound where there is little', () => {
		const bps = (tight: boolean) => encodingsAt(live('audio', 'microphone'), 'audio', 'microphone', 'full', 0, { tight })[0]?.maxBitrate ?? 0;
		expect(bps(true)).toBeLessThan(bps(false) * 0.8);
	});

	it('has no temporal layers where parity packets are wanted for every picture', () => {
		const all = live('video2', 'camera');
		const modes = (farAndLossy: boolean) => encodingsAt(all, 'video2', 'camera', 'full', 0, { farAndLossy }).map((e) => e.scalabilityMode);
		expect(modes(true)).toEqual(['L1T1', 'L1T1']);
		expect(modes(false)).toEqual(['L1T3', 'L1T3']);
	});

	it('changes by next to nothing to make the browser look', () => {
		const all = live('video2', 'camera');
		const rates = (looks: number) => encodingsAt(all, 'video2', 'camera', 'full', 0, { looks }).map((e) => e.maxBitrate ?? 0);
		expect(rates(1)).not.toEqual(rates(2));
		expect(rates(2)).toEqual(rates(0));
		rates(1).forEach((bps, i) => expect(bps / (rates(0)[i] ?? 0)).toBeGreaterThan(0.98));
	});

	it('is always sound, with the highest priority', () => {
		for (const level of ['full', 'low', 'off'] as const) {
			const [audio] = encodingsAt(live('audio', 'microphone'), 'audio', 'microphone', level);
			expect(audio).toMatchObject({ active: true, priority: 'high', networkPriority: 'high' });
			expect(audio?.maxBitrate).toBeGreaterThanOrEqual(20_000);
			expect(encodingsAt(live('audio', 'microphone'), 'audio', 'microphone', level, 16_000)[0]?.maxBitrate).toBe(16_000);
		}
	});
});
