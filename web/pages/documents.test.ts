import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadCertificate, loadDocuments } from './records/documents';

const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const MANIFEST = JSON.stringify({ files: [], participants: [] });
const OLD = JSON.stringify({ files: [], participants: [], tracks: [] });
const TIMELINE = '[{"at_ms":1,"type":"chat"}]';
const certificateOf = (manifest: string) =>
	JSON.stringify({ certificate: { files: [{ path: 'manifest.json', bytes: 1, sha256: hash(manifest) }, { path: 'timeline.json', bytes: 1, sha256: hash(TIMELINE) }] } });

type Answer = string | number | Error;
/** What each document answers, one after the other; the last for ever. */
function serve(answers: Record<string, Answer[]>): Record<string, number> {
	const asked: Record<string, number> = {};
	vi.stubGlobal('fetch', (url: string) => {
		const name = /recordings\/r(?:\/(\w+))?$/.exec(url)?.[1] ?? 'recording';
		const list = answers[name] ?? [404];
		const answer = list[Math.min(asked[name] ?? 0, list.length - 1)] as Answer;
		asked[name] = (asked[name] ?? 0) + 1;
		if (answer instanceof Error) return Promise.reject(answer);
		return Promise.resolve(typeof answer === 'string' ? new Response(answer) : new Response('{}', { status: answer }));
	});
	return asked;
}

async function load(answers: Record<string, Answer[]>) {
	const asked = serve(answers);
	const loading = loadDocuments('token', 'r').then((d) => d, (e: unknown) => e as Error);
	await vi.runAllTimersAsync();
	const documents = await loading;
	if (documents instanceof Error) throw documents;
	return { ...documents, asked };
}

describe('the documents of a record', () => {
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => {
		vi.useRealTimers();
		vi.unstubAllGlobals();
	});
	const away = new TypeError('network');
	const good = { manifest: [MANIFEST], timeline: [TIMELINE], certificate: [certificateOf(MANIFEST)], recording: ['{}'] };

	it('are there', async () => {
		const d = await load(good);
		expect(d).toMatchObject({ eventsFailed: false, proof: { state: 'there', lists: 'good' } });
		expect(d.events).toHaveLength(1);
	});
	it.each([404, 409, 410])('%d: there is none, and nobody asks twice', async (status) => {
		const d = await load({ ...good, timeline: [status], certificate: [status] });
		expect(d).toMatchObject({ events: [], eventsFailed: false, proof: { state: 'none' } });
		expect(d.asked).toMatchObject({ timeline: 1, certificate: 1 });
	});
	it.each([away, 429, 503])('%s in between is not "none": asked again', async (hiccup) => {
		const d = await load({ manifest: [hiccup, MANIFEST], timeline: [hiccup, hiccup, TIMELINE], certificate: [hiccup, certificateOf(MANIFEST)], recording: ['{}'] });
		expect(d).toMatchObject({ eventsFailed: false, proof: { state: 'there', lists: 'good' } });
	});
	it.each([away, 500, 403])('%s for good is said as it is', async (trouble) => {
		const d = await load({ ...good, timeline: [trouble], certificate: [trouble] });
		expect(d).toMatchObject({ events: [], eventsFailed: true, proof: { state: 'failed' } });
		serve({ certificate: [trouble] });
		const alone = loadCertificate('token', 'r');
		await vi.runAllTimersAsync();
		expect(await alone).toBe('failed');
	});
	it('that are no JSON are no "none" either', async () =>
		expect(await load({ ...good, timeline: ['<html>'], certificate: ['<html>'] })).toMatchObject({ eventsFailed: true, proof: { state: 'failed' } }));
	it('without a manifest there is nothing to show', async () => expect(load({ ...good, manifest: [away] })).rejects.toThrow('network'));

	it('fetched between two writes of the archive are fetched once more', async () =>
		expect(await load({ ...good, manifest: [OLD, MANIFEST] })).toMatchObject({ proof: { state: 'there', lists: 'good' } }));
	it.each(['running', 'made'])('that the archive is making anew (%s) are not called altered', async (state) =>
		expect(await load({ ...good, manifest: [OLD], recording: [JSON.stringify({ composing: { state } })] })).toMatchObject({ proof: { lists: 'changing' } }));
	it.each(['done', 'failed', 'off'])('that differ when nobody is at it (%s) are', async (state) =>
		expect(await load({ ...good, manifest: [OLD], recording: [JSON.stringify({ composing: { state } })] })).toMatchObject({ proof: { lists: 'bad' } }));
});
