import { beforeEach, afterEach, expect, it, vi } from 'vitest';
import type { Consult, LocalTrack } from '../../sdk/src';
import { rememberMuted, wasMuted } from './microphone';

const storage = new Map<string, string>();
let muted: boolean | undefined, changed: () => void;
const consult = {
	on: (_event: string, fn: () => void) => void (changed = fn),
	localTrack: () => (muted === undefined ? undefined : ({ muted } as LocalTrack)),
} as unknown as Consult;

beforeEach(() => {
	storage.clear();
	vi.stubGlobal('sessionStorage', {
		getItem: (key: string) => storage.get(key) ?? null,
		setItem: (key: string, value: string) => void storage.set(key, value),
		removeItem: (key: string) => void storage.delete(key),
	});
});
afterEach(() => void vi.unstubAllGlobals());

it('is off after a reload when it was off, in this session alone', () => {
	rememberMuted(consult, 'token');
	const now = (next: boolean | undefined) => {
		muted = next;
		changed();
		return wasMuted('token');
	};
	expect([now(undefined), now(false), now(true), now(undefined)]).toEqual([false, false, true, true]);
	expect(wasMuted('link.a')).toBe(false);
	rememberMuted(consult, 'token'); // the page was loaded again, and the microphone is not open yet
	expect([now(undefined), now(true), now(false)]).toEqual([true, true, false]);
});
