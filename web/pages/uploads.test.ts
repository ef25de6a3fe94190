// A file on its way to a gateway that has its hands full, loses the way, or refuses: what comes of it, and how often it is asked.
import { afterEach, expect, it, vi } from 'vitest';
import type { Consult } from '../sdk/src';
import { sendFile } from './call/uploads';

vi.mock('./shared/enter', () => ({ tokenOf: () => 't' }));

const consult = { id: 'c', config: {} } as unknown as Consult, file = new Blob(['x']);
const done = { state: 'done', items: [{ n: 1, result: 'stored', study: '1.2' }] };
interface Turn { status: number; body?: unknown; after?: string }
let asked: string[] = [], waited: number[] = [];

function gateway(turns: (Turn | null)[]): void {
	asked = [];
	waited = [];
	vi.stubGlobal('fetch', (_path: string, init: RequestInit) => {
		const turn = turns[Math.min(asked.length, turns.length - 1)];
		asked.push(init.method ?? 'GET');
		if (!turn) return Promise.reject(new TypeError('network'));
		return Promise.resolve(new Response(turn.body === undefined ? null : JSON.stringify(turn.body), { status: turn.status, headers: turn.after ? { 'Retry-After': turn.after } : {} }));
	});
}
const wait = (ms: number): Promise<unknown> => Promise.resolve(waited.push(ms));
const send = async (): Promise<string | undefined> => (await sendFile(consult, file, new AbortController().signal, wait))[0]?.result;

afterEach(() => void vi.unstubAllGlobals());

it('waits for a place however long others take it, ever more slowly, and not for ever', async () => {
	gateway([...Array.from({ length: 40 }, () => ({ status: 429, after: '1' })), { status: 200, body: done }]);
	expect(await send()).toBe('stored');
	expect(asked.length).toBe(41);
	expect(asked.every((m) => m === 'PUT')).toBe(true);
	expect(waited[0]).toBeGreaterThanOrEqual(1000);
	expect(Math.max(...waited)).toBe(10_000);
	gateway([{ status: 429, after: '7' }, { status: 200, body: done }]);
	expect([await send(), waited]).toEqual(['stored', [7000]]);
	gateway([{ status: 429 }]);
	expect(await send()).toBe('failed');
	expect(asked.length).toBeLessThan(200);
	expect(waited.reduce((a, b) => a + b, 0)).toBeGreaterThan(600_000);
});

it('asks for the answer of what was sent, and does not send it again while it is read', async () => {
	gateway([{ status: 202, body: { state: 'reading', items: [] } }, { status: 429, after: '1' }, { status: 202, body: {} }, { status: 200, body: done }]);
	expect(await send()).toBe('stored');
	expect(asked).toEqual(['PUT', 'GET', 'GET', 'GET']);
});

it('sends again where the way broke off, and gives up on what is refused', async () => {
	gateway([null, null, { status: 200, body: done }]);
	expect([await send(), asked]).toEqual(['stored', ['PUT', 'PUT', 'PUT']]);
	gateway([null]);
	expect([await send(), asked.length]).toEqual(['failed', 20]);
	for (const [status, result] of [[507, 'full'], [413, 'too_large'], [403, 'failed'], [502, 'failed']] as const) {
		gateway([{ status }]);
		expect([await send(), asked.length]).toEqual([result, 1]);
	}
});
