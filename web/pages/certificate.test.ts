import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { canonical, checkFiles, checkLists, readCertificate } from './records/certificate';
import type { ManifestFile } from './records/model';
import { Sha256, sha256 } from './records/sha256';

const real = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
const b64 = (text: string) => Buffer.from(text).toString('base64url');

describe('SHA-256', () => {
	it.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 1000])('of %d bytes, whole and in pieces', (n) => {
		const data = Uint8Array.from({ length: n }, (_, i) => (i * 7 + n) & 255);
		expect(new Sha256().update(data).digest()).toBe(real(data));
		const hash = new Sha256();
		for (let at = 0; at < n; at += 37) hash.update(data.subarray(at, at + 37));
		expect(hash.digest()).toBe(real(data));
	});
	it('of texts', () => expect(sha256('会诊 record')).toBe(real('会诊 record')));
});

describe('canonical JSON', () => {
	it('has sorted keys and no blanks', () => expect(canonical({ b: [1, { d: null, c: true }], a: '会诊' })).toBe('{"a":"会诊","b":[1,{"c":true,"d":null}]}'));
	it('writes control characters as the gateway does, and leaves what only looks like them', () => {
		expect(canonical('\u001f\n')).toBe('"\\u001F\\n"');
		expect(canonical('\\u001f "')).toBe('"\\\\u001f \\""');
	});
});

const file = (path: string, text: string) => ({ path, bytes: text.length, sha256: real(text) });
const FILES = [file('manifest.json', 'M'), file('timeline.json', 'T'), file('tracks/a.mp4', 'aaaa'), file('tracks/b.mp4', 'bb')];

function make(change: (content: Record<string, unknown>) => void = () => undefined, alg = 'ES256'): string {
	const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' }) as { privateKey: KeyObject; publicKey: KeyObject };
	const content: Record<string, unknown> = {
		issued_ms: 5, files: FILES, journal: { chain: 'cc' },
		participants: [{ id: 'a', name: 'A', role: 'expert', periods: [{ from_ms: 1, to_ms: 2 }], consent: [{ state: 'given' }, { state: 'withdrawn' }] }],
	};
	const header = b64(JSON.stringify({ alg, kid: 'k', jwk: publicKey.export({ format: 'jwk' }) }));
	const text = `${header}.${b64(canonical(content))}`;
	const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
	change(content);
	return JSON.stringify({ certificate: content, signature: { protected: header, signature } });
}

describe('a certificate', () => {
	it('says who and what, and that its signature fits', async () => {
		const text = make();
		const read = await readCertificate(text);
		expect(read).toMatchObject({ signature: 'good', chain: 'cc', key: 'k', algorithm: 'ES256', issued_ms: 5, sha256: real(text) });
		expect(read.people).toEqual([{ name: 'A', role: 'expert', periods: [{ from_ms: 1, to_ms: 2 }], consent: 'withdrawn' }]);
	});
	it('that was altered is found', async () => expect((await readCertificate(make((c) => (c.issued_ms = 6)))).signature).toBe('bad'));
	it('of a kind that no browser knows is left open', async () => expect((await readCertificate(make(undefined, 'SM2SM3'))).signature).toBe('unknown'));
	it('without anything in it breaks nothing', async () => {
		expect(await readCertificate('{}')).toMatchObject({ signature: 'unknown', files: [], people: [] });
		await expect(readCertificate('<html>')).rejects.toThrow();
	});
	it('fits manifest and events, or not', async () => {
		const c = await readCertificate(make());
		const files = FILES.slice(2) as unknown as ManifestFile[];
		expect(checkLists(c, { 'manifest.json': 'M', 'timeline.json': 'T' }, files)).toBe('good');
		expect(checkLists(c, { 'manifest.json': 'M', 'timeline.json': 't' }, files)).toBe('bad');
		expect(checkLists(c, { 'manifest.json': 'M' }, [{ ...files[0], sha256: real('x') } as ManifestFile])).toBe('bad');
		expect(checkLists({ ...c, files: [] }, { 'manifest.json': 'M' }, files)).toBe('unknown');
	});
});

describe('files that are fetched', () => {
	afterEach(() => vi.unstubAllGlobals());
	it('are compared one by one', async () => {
		const answers: Record<string, Response> = { '/tracks/a.mp4': new Response('aaaa'), '/tracks/b.mp4': new Response('bX'), '/manifest.json': new Response('', { status: 410 }) };
		vi.stubGlobal('fetch', (url: string) => Promise.resolve(answers[url]));
		const seen: number[] = [];
		const bad = await checkFiles([FILES[2], FILES[3], FILES[0]] as typeof FILES, (p) => `/${p}`, (n) => seen.push(n), new AbortController().signal);
		expect(bad).toEqual(['tracks/b.mp4', 'manifest.json']);
		expect(seen.every((n, i) => n <= 1 && n >= (seen[i - 1] ?? 0))).toBe(true);
	});
});
