import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { FrameFetch, fetchFrame, parseEnds, parseRange } from './fetching';
import { Queue } from './queue';
import { stagesOf, wanted } from './stages';

const BODY = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
let server: Server | undefined;
afterEach(() => server?.close());

type Handler = (req: IncomingMessage, res: ServerResponse, n: number) => void;
async function serve(handler: Handler): Promise<string> {
	let n = 0;
	server = createServer((req, res) => handler(req, res, n++));
	await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}/f`;
}
const get = (url: string, more: object = {}, signal = new AbortController().signal) =>
	fetchFrame({ url, token: () => 't' }, { signal, waitMs: 1, ...more });
const head = { 'Content-Type': 'image/jphc', ETag: '"a"', 'Content-Length': String(BODY.length) };

/** Says all of it, and breaks off after `n` bytes. */
function breakOff(res: ServerResponse, n: number): void {
	res.writeHead(200, head);
	res.write(BODY.subarray(0, n), () => res.destroy());
}

test('what broke off is resumed with a range and the tag', async () => {
	const asked: (string | undefined)[] = [];
	const url = await serve((req, res, n) => {
		asked.push(req.headers.range, req.headers['if-range'] as string | undefined);
		expect(req.headers.authorization).toBe('Bearer t');
		if (n === 0) return breakOff(res, 40_000);
		const first = Number(/bytes=(\d+)-/.exec(req.headers.range ?? '')?.[1]);
		res.writeHead(206, { ...head, 'Content-Length': String(BODY.length - first), 'Content-Range': `bytes ${first}-${BODY.length - 1}/${BODY.length}` });
		res.end(BODY.subarray(first));
	});
	const seen: number[] = [];
	const { bytes, type } = await get(url, { onBytes: (b: Uint8Array, total: number) => (expect(total).toBe(BODY.length), seen.push(b.length)) });
	expect(bytes).toEqual(BODY);
	expect(type).toBe('image/jphc');
	expect(asked[0]).toBeUndefined();
	expect(asked[2]).toMatch(/^bytes=[1-9]\d*-$/);
	expect(asked[3]).toBe('"a"');
	expect(seen.at(-1)).toBe(BODY.length);
});

test('its beginning first, then the rest; resolutions are told', async () => {
	const asked: (string | undefined)[] = [];
	const url = await serve((req, res) => {
		asked.push(req.headers.range);
		const [, from = '0', to = ''] = /bytes=(\d+)-(\d*)/.exec(req.headers.range ?? '') ?? [], first = Number(from), last = to ? Number(to) : BODY.length - 1;
		res.writeHead(206, { ...head, 'Content-Length': String(last - first + 1), 'Content-Range': `bytes ${first}-${last}/${BODY.length}`, 'Huizhen-Resolutions': '900,4000,20000' });
		res.end(BODY.subarray(first, last + 1));
	});
	let ends: readonly number[] = [];
	const fetching = new FrameFetch({ url, token: () => 't' }, { signal: new AbortController().signal, onBytes: (_b, _t, e) => (ends = e) });
	expect(await fetching.get(5000)).toBeNull();
	expect(ends).toEqual([900, 4000, 20000]);
	expect((await fetching.get())?.bytes).toEqual(BODY);
	expect(asked).toEqual(['bytes=0-4999', 'bytes=5000-']);
});

test('what resolutions take, and what is asked for', () => {
	for (const bad of [null, '', 'x', '1,', '5,3', '5,5', '10,100', '0', '1,2,3,4,5,6,7', '-1']) expect(parseEnds(bad, 100)).toEqual([]);
	expect(parseEnds('10,99', 100)).toEqual([10, 99]);
	const frame = { rows: 1760, columns: 2140, samples: 1, allocated: 16, stored: 12, signed: false, photometric: 'MONOCHROME2', planar: false, bigEndian: false };
	expect(stagesOf([1, 2, 3, 4, 5], frame).map((s) => s.level)).toEqual([4, 3, 2, 1]);
	expect(stagesOf([], frame)).toHaveLength(3);
	const source = { url: '/f', token: () => '' };
	expect(wanted(source, frame)).toMatchObject({ url: '/f?pixels=1760,2140,1,16,12,0,0,MONOCHROME2', accept: 'image/jphc, */*;q=0.5' });
	for (const other of [{ bigEndian: true }, { allocated: 1 }, { photometric: 'PALETTE COLOR' }]) expect(wanted(source, { ...frame, ...other })).toBe(source);
});

test('a long one comes in as many pieces as it takes', async () => {
	const url = await serve((req, res) => {
		const range = /bytes=(\d+)-/.exec(req.headers.range ?? '');
		if (!range) return breakOff(res, 20_000);
		const first = Number(range[1]), last = Math.min(first + 9_999, BODY.length - 1);
		res.writeHead(206, { ...head, 'Content-Length': String(last - first + 1), 'Content-Range': `bytes ${first}-${last}/${BODY.length}` });
		res.end(BODY.subarray(first, last + 1));
	});
	expect((await get(url)).bytes).toEqual(BODY);
});

test('another one under the same address is taken from its beginning, never mixed', async () => {
	const other = BODY.map((b) => b ^ 255);
	const url = await serve((_req, res, n) => (n === 0 ? breakOff(res, 40_000) : res.writeHead(200, { ...head, ETag: '"b"' }).end(other)));
	expect((await get(url)).bytes).toEqual(other);
});

test.each([
	['a range of another object', 'network', (q: IncomingMessage, res: ServerResponse, n: number) => {
		if (n === 0) return breakOff(res, 40_000);
		const first = Number(/bytes=(\d+)-/.exec(q.headers.range ?? '')?.[1]);
		return res.writeHead(206, { ...head, ETag: '"b"', 'Content-Length': String(BODY.length - first), 'Content-Range': `bytes ${first}-${BODY.length - 1}/${BODY.length}` }).end(BODY.subarray(first));
	}],
	['a range of somewhere else', 'network', (_q: IncomingMessage, res: ServerResponse, n: number) => (n === 0 ? breakOff(res, 40_000) : res.writeHead(206, { ...head, 'Content-Length': '3', 'Content-Range': 'bytes 0-2/100000' }).end('abc'))],
	['HTML', 'not_image', (_q: IncomingMessage, res: ServerResponse) => res.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>')],
	['nothing', 'not_image', (_q: IncomingMessage, res: ServerResponse) => res.writeHead(200, { 'Content-Type': 'image/jls', 'Content-Length': '0' }).end()],
	['401', 'denied', (_q: IncomingMessage, res: ServerResponse) => res.writeHead(401).end()],
	['404', 'gone', (_q: IncomingMessage, res: ServerResponse) => res.writeHead(404).end()],
	['a promise of gigabytes', 'too_big', (_q: IncomingMessage, res: ServerResponse) => (res.writeHead(200, { ...head, 'Content-Length': '9999999999' }), res.write('a'))],
	['a body without end', 'too_big', (_q: IncomingMessage, res: ServerResponse) => {
		res.writeHead(200, { 'Content-Type': 'image/jls' });
		const more = (): boolean => res.destroyed || (res.write(BODY), setTimeout(more, 1), true);
		more();
	}],
	['always busy', 'busy', (_q: IncomingMessage, res: ServerResponse) => res.writeHead(503).end()],
	['always broken', 'network', (_q: IncomingMessage, res: ServerResponse) => void res.destroy()],
] as [string, string, Handler][])('%s is an error of that image: %s', async (_name, code, handler) => {
	const url = await serve(handler);
	await expect(get(url, { maxBytes: 1_000_000 })).rejects.toMatchObject({ code });
});

test('busy, then there', async () => {
	const url = await serve((_req, res, n) => (n < 2 ? res.writeHead(503).end() : res.writeHead(200, head).end(BODY)));
	expect((await get(url)).bytes).toEqual(BODY);
});

test('on its way for longer than a few tries', async () => {
	const url = await serve((_req, res, n) => (n < 9 ? res.writeHead(503, { 'Retry-After': '1' }).end() : res.writeHead(200, head).end(BODY)));
	expect((await get(url)).bytes).toEqual(BODY);
});

test('a reader who moves on', async () => {
	const abort = new AbortController();
	const url = await serve((_req, res) => (res.writeHead(200, head), res.write(BODY.subarray(0, 1000))));
	const wait = get(url, { onBytes: () => abort.abort() }, abort.signal);
	await expect(wait).rejects.toMatchObject({ code: 'cancelled' });
});

test.each([['bytes 0-9/10', true], ['bytes 5-4/10', false], ['bytes 0-10/10', false], ['bytes */10', false], ['bytes 0-9/*', false], [null, false]])('Content-Range %s', (text, good) => {
	expect(parseRange(text) !== null).toBe(good);
});

test('the queue: six at once, the wanted first, the cancelled never, bounded', async () => {
	const queue = new Queue(6, 10), order: string[] = [], open: (() => void)[] = [];
	const never = new AbortController().signal;
	const gate = (name: string) => () => new Promise<string>((done) => (order.push(name), open.push(() => done(name))));
	const first = [0, 1, 2, 3, 4, 5].map((i) => queue.add(2, never, gate(`first${i}`)));
	await Promise.resolve();
	expect(queue.running).toBe(6);
	const gone = new AbortController();
	const far = queue.add(2, never, gate('far')), left = queue.add(0, gone.signal, gate('left')), near = queue.add(1, never, gate('near')), seen = queue.add(0, never, gate('seen'));
	gone.abort();
	await expect(left).rejects.toMatchObject({ code: 'cancelled' });
	for (let i = 0; i < 9; i++) {
		open[i]?.();
		await new Promise((r) => setTimeout(r, 0));
	}
	await Promise.all([...first, far, near, seen]);
	expect(order.slice(6)).toEqual(['seen', 'near', 'far']);
	const blocked = [0, 1, 2, 3, 4, 5].map((i) => queue.add(0, never, gate(`b${i}`)));
	const many = Array.from({ length: 12 }, (_, i) => queue.add(i < 2 ? 2 : 1, never, gate(`m${i}`)).then(() => 'ok', (e: { code: string }) => e.code));
	expect(queue.length).toBeLessThanOrEqual(10);
	while (open.length) {
		open.shift()?.();
		await new Promise((r) => setTimeout(r, 0));
	}
	await Promise.all(blocked);
	expect(await Promise.all(many)).toEqual(['busy', 'busy', ...Array<string>(10).fill('ok')]);
});
