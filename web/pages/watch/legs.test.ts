import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CONNECT_MS, Legs, RETRY_MS, type LegState, type LiveEvents } from './legs';

class Rig {
	live: { events: LiveEvents; running: boolean }[] = [];
	files: { say: (state: LegState) => void; running: boolean }[] = [];
	there = true;
	states: LegState[] = [];
	streams = 0;
	readonly legs = new Legs({
		live: (events) => {
			const one = { events, running: false };
			this.live.push(one);
			return { start: () => { one.running = true; }, stop: () => { one.running = false; } };
		},
		files: (say) => {
			const one = { say, running: false };
			this.files.push(one);
			return { start: () => { one.running = true; }, stop: () => { one.running = false; } };
		},
		filesThere: () => this.there,
		onLeg: () => undefined,
		onState: (state) => this.states.push(state),
		onStream: () => { this.streams++; },
	});
}
const stream = {} as MediaStream;

describe('the ways of a broadcast', () => {
	beforeEach(() => { vi.useFakeTimers(); });
	afterEach(() => { vi.useRealTimers(); });

	it('is direct while that works', () => {
		const rig = new Rig();
		rig.legs.start();
		rig.live[0]!.events.onAnswer();
		rig.live[0]!.events.onStream(stream);
		rig.live[0]!.events.onState('playing');
		vi.advanceTimersByTime(10 * CONNECT_MS);
		rig.live[0]!.events.onState('lost');
		rig.live[0]!.events.onState('playing');
		expect(rig.legs.leg).toBe('live');
		expect(rig.streams).toBe(1);
	});
	it('falls back when there is no place, no connection, or it is lost twice', () => {
		for (const break_ of [
			(rig: Rig) => rig.live[0]!.events.onFull(),
			() => vi.advanceTimersByTime(CONNECT_MS),
			(rig: Rig) => { rig.live[0]!.events.onState('lost'); rig.live[0]!.events.onState('lost'); },
		]) {
			const rig = new Rig();
			rig.legs.start();
			break_(rig);
			expect(rig.legs.leg).toBe('files');
			expect(rig.live[0]!.running).toBe(false);
			expect(rig.files[0]!.running).toBe(true);
			rig.legs.stop();
			expect(rig.files[0]!.running).toBe(false);
		}
	});
	it('waits for a broadcast that has not begun, and stays without files', () => {
		const rig = new Rig();
		rig.legs.start();
		rig.live[0]!.events.onState('waiting');
		vi.advanceTimersByTime(10 * CONNECT_MS);
		expect(rig.legs.leg).toBe('live');
		rig.there = false;
		rig.live[0]!.events.onFull();
		expect(rig.legs.leg).toBe('live');
		expect(rig.live[0]!.running).toBe(true);
	});
	it('tries again beside the files, and comes back when it plays', () => {
		const rig = new Rig();
		rig.legs.start();
		rig.live[0]!.events.onFull();
		vi.advanceTimersByTime(RETRY_MS);
		rig.live[1]!.events.onState('lost');
		expect(rig.live[1]!.running).toBe(false);
		expect(rig.files[0]!.running).toBe(true);
		vi.advanceTimersByTime(RETRY_MS);
		rig.live[2]!.events.onStream(stream);
		expect(rig.streams).toBe(0);
		rig.live[2]!.events.onState('playing');
		expect(rig.legs.leg).toBe('live');
		expect(rig.files[0]!.running).toBe(false);
		expect(rig.live[2]!.running).toBe(true);
		expect(rig.streams).toBe(1);
		vi.advanceTimersByTime(10 * RETRY_MS);
		expect(rig.live.length).toBe(3);
	});
	it('does what the viewer says', () => {
		const rig = new Rig();
		rig.legs.start();
		rig.live[0]!.events.onState('playing');
		rig.legs.goFiles();
		expect(rig.legs.leg).toBe('files');
		vi.advanceTimersByTime(10 * RETRY_MS);
		expect(rig.live.length).toBe(1);
		rig.legs.goLive();
		expect(rig.files[0]!.running).toBe(false);
		expect(rig.live[1]!.running).toBe(true);
		rig.files[0]!.say('lost');
		expect(rig.states).toEqual(['playing']);
	});
});
