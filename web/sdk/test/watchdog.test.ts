import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Watchdog } from '../src/watchdog';

describe('watchdog', () => {
	let log: string[];
	let signal: boolean;
	let dog: Watchdog;
	beforeEach(() => {
		vi.useFakeTimers();
		log = [];
		signal = true;
		dog = new Watchdog({
			restartIce: () => log.push('ice'),
			rebuild: () => {
				log.push('rebuild');
				dog.expectConnection();
			},
			canSignal: () => signal,
		});
		dog.onState('connected');
	});
	afterEach(() => {
		dog.stop();
		vi.useRealTimers();
	});

	it('does nothing for a short gap', () => {
		dog.onState('disconnected');
		vi.advanceTimersByTime(2_900);
		dog.onState('connected');
		vi.advanceTimersByTime(60_000);
		expect(log).toEqual([]);
	});
	it('restarts ICE after 3 s, then builds anew', () => {
		dog.onState('disconnected');
		vi.advanceTimersByTime(3_000);
		expect(log).toEqual(['ice']);
		vi.advanceTimersByTime(6_000);
		expect(log).toEqual(['ice', 'rebuild']);
	});
	it('restarts at once when it failed, and builds anew when it fails again', () => {
		dog.onState('failed');
		expect(log).toEqual(['ice']);
		dog.onState('failed');
		expect(log).toEqual(['ice', 'rebuild']);
	});
	it('waits longer from one new PeerConnection to the next', () => {
		dog.onState('failed');
		vi.advanceTimersByTime(6_000);
		vi.advanceTimersByTime(20_000);
		expect(log.length).toBe(3);
		vi.advanceTimersByTime(29_000);
		expect(log.length).toBe(3);
		vi.advanceTimersByTime(1_000);
		expect(log.length).toBe(4);
	});
	it('waits for the socket, then repairs', () => {
		signal = false;
		dog.onState('failed');
		vi.advanceTimersByTime(20_000);
		expect(log).toEqual([]);
		signal = true;
		dog.onSignal();
		expect(log).toEqual(['ice']);
	});
	it('does not wait when the network is another one', () => {
		dog.onState('disconnected');
		dog.hurry();
		expect(log).toEqual(['ice']);
	});
	it('leaves a healthy connection alone when the socket returns', () => {
		dog.onSignal();
		dog.hurry();
		expect(log).toEqual([]);
	});
});
