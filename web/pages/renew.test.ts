// A reading that outlasts its token: a fresh one is there before the end, also after a night's sleep and a gateway that was away.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Consult } from '../sdk/src';
import { renewEarly, renewInMs } from './shared/renew';

const tokenUntil = (ms: number): string => `x.${btoa(JSON.stringify({ sub: 'a', role: 'expert', exp: ms / 1000 }))}.x`;
let asked = 0, away = false, ended: (() => void) | undefined;
const consult = {
	renewToken: () => {
		asked++;
		return away ? Promise.reject(new Error('away')) : Promise.resolve({ token: `fresh${asked}`, seconds: 900 });
	},
	on: (_event: string, listener: () => void) => void (ended = listener),
} as unknown as Consult;

beforeEach(() => {
	vi.useFakeTimers();
	[asked, away, ended] = [0, false, undefined];
});
afterEach(() => void vi.useRealTimers());

it('asks two minutes before the end, and at half time of a short one', () => {
	expect([600_000, 60_000, 0, -5].map(renewInMs)).toEqual([480_000, 30_000, 0, 0]);
});

it('goes on for as long as the consult does', async () => {
	const got: string[] = [];
	renewEarly(consult, tokenUntil(Date.now() + 3_600_000), (token) => got.push(token));
	await vi.advanceTimersByTimeAsync(3_400_000);
	expect(got).toEqual([]);
	await vi.advanceTimersByTimeAsync(100_000);
	expect(got).toEqual(['fresh1']);
	await vi.advanceTimersByTimeAsync(3_600_000);
	expect(got.length).toBeGreaterThanOrEqual(4);
	away = true;
	const before = asked;
	await vi.advanceTimersByTimeAsync(1_000_000);
	expect(asked).toBeGreaterThan(before + 5);
	away = false;
	await vi.advanceTimersByTimeAsync(30_000);
	expect(got.at(-1)).toBe(`fresh${asked}`);
	ended?.();
	const last = asked;
	await vi.advanceTimersByTimeAsync(7_200_000);
	expect(asked).toBe(last);
});

it('asks at once where the page was loaded again with one that is over, and not at all for what is no token', async () => {
	const got: string[] = [];
	renewEarly(consult, tokenUntil(Date.now() - 1000), (token) => got.push(token));
	await vi.advanceTimersByTimeAsync(10);
	expect(got).toEqual(['fresh1']);
	ended?.();
	renewEarly(consult, 'nonsense', (token) => got.push(token));
	await vi.advanceTimersByTimeAsync(10_000_000);
	expect(got).toEqual(['fresh1']);
});
