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

	it('restarts ICE at once: the old path goes on meanwhile', () => {
		dog.onState('disconnected');
		expect(log).toEqual(['ice']);
		dog.onState('connected');
		dog.onAnswer();
		vi.advanceTimersByTime(60_000);
		expect(log).toEqual(['ice']);
	});
	it('builds anew only when a restart that was answered brought nothing', () => {
		dog.onState('disconnected');
		vi.advanceTimersByTime(60_000);
		expect(log).toEqual(['ice']); // an outage: nobody could answer
		dog.onAnswer();
		vi.advanceTimersByTime(5_999);
		expect(log).toEqual(['ice']);
		vi.advanceTimersByTime(1);
		expect(log).toEqual(['ice', 'rebuild']);
	});
	it('builds anew at once when it fails after the answer', () => {
		dog.onState('failed');
		dog.onState('failed');
		expect(log).toEqual(['ice']);
		dog.onAnswer();
		dog.onState('failed');
		expect(log).toEqual(['ice', 'rebuild']);
	});
	it('builds anew when the restart is refused, which nobody repeats', () => {
		dog.onRefused(); // another offer: nothing is wrong
		expect(log).toEqual([]);
		dog.trouble();
		dog.onRefused();
		expect(log).toEqual(['ice', 'rebuild']);
		dog.onRefused(); // the new one's delays rule
		expect(log).toEqual(['ice', 'rebuild']);
	});
	it('restarts when nothing arrives although ICE says connected, and is content with new life', () => {
		dog.trouble();
		dog.trouble();
		expect(log).toEqual(['ice']);
		dog.onAnswer();
		dog.onArrival();
		vi.advanceTimersByTime(60_000);
		expect(log).toEqual(['ice']);
		dog.trouble();
		expect(log).toEqual(['ice', 'ice']);
	});
	it('restarts once when the gateway asks for it and nothing arrives either, and has a deadline', () => {
		dog.asked();
		dog.trouble();
		dog.onState('disconnected');
		expect(log).toEqual(['ice']);
		dog.onAnswer();
		vi.advanceTimersByTime(6_000);
		expect(log).toEqual(['ice', 'rebuild']);
		dog.asked(); // the new one's delays rule
		vi.advanceTimersByTime(6_000);
		dog.onAnswer();
		vi.advanceTimersByTime(6_000);
		expect(log).toEqual(['ice', 'rebuild', 'ice']);
	});
	it('is content when something arrives after a restart that the gateway asked for', () => {
		dog.asked();
		dog.onAnswer();
		dog.onArrival();
		vi.advanceTimersByTime(60_000);
		expect(log).toEqual(['ice']);
	});
	it('waits longer from one new PeerConnection to the next', () => {
		dog.onState('failed');
		dog.onAnswer();
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
	it('forgets what had to wait when media came back by itself', () => {
		signal = false;
		dog.trouble();
		dog.onArrival();
		signal = true;
		dog.onSignal();
		expect(log).toEqual([]);
	});
	it('leaves a healthy connection alone when the socket returns', () => {
		dog.onSignal();
		expect(log).toEqual([]);
	});
});
