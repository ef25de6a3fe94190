// What stands beside the pictures of a record: its manifest, its events, and the proof of both. A network that hiccups is asked
// again; only the gateway's own word (404, 409, 410) means that there is none.
import { api, ApiError } from '../shared/api';
import { checkLists, readCertificate, type Certificate, type ListVerdict } from './certificate';
import type { Manifest, ManifestFile, TimelineEvent } from './model';

export type Proof =
	| { state: 'none' }
	| { state: 'failed' }
	| {
			state: 'there';
			certificate: Certificate;
			/** Whether manifest and events are those that were signed. */
			lists: ListVerdict;
			/** Of the manifest that was compared. */
			files: ManifestFile[];
	  };

export interface Documents {
	manifest: Manifest;
	events: TimelineEvent[];
	eventsFailed: boolean;
	proof: Proof;
}

const PAUSES_MS = [400, 1_200, 3_000];
const CHANGED_MS = 700;

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Whether asking again can help: not reached, too many requests, the server's own trouble. */
export function passing(error: unknown): boolean {
	const status = error instanceof ApiError ? error.status : -1;
	return status === 0 || status === 408 || status === 429 || status >= 500;
}

export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
	for (let tries = 0; ; tries++) {
		try {
			return await ask();
		} catch (error) {
			const wait = PAUSES_MS[tries];
			if (wait === undefined || !passing(error)) throw error;
			await pause(wait);
		}
	}
}

type Optional = { state: 'none' | 'failed' } | { state: 'there'; text: string };

async function optional(ask: () => Promise<string>): Promise<Optional> {
	try {
		return { state: 'there', text: await patiently(ask) };
	} catch (error) {
		const status = error instanceof ApiError ? error.status : -1;
		return { state: status === 404 || status === 409 || status === 410 ? 'none' : 'failed' };
	}
}

function eventsOf(text: string): TimelineEvent[] | null {
	try {
		const list: unknown = JSON.parse(text);
		return Array.isArray(list) ? (list as TimelineEvent[]) : null;
	} catch {
		return null;
	}
}

/** Of a record whose files are gone, too. */
export async function loadCertificate(token: string, id: string): Promise<Certificate | 'none' | 'failed'> {
	const found = await optional(() => api.certificate(token, id));
	return found.state === 'there' ? readCertificate(found.text).catch(() => 'failed' as const) : found.state;
}

async function load(token: string, id: string): Promise<Documents> {
	const [text, timeline, certificate] = await Promise.all([
		patiently(() => api.manifest(token, id)),
		optional(() => api.timeline(token, id)),
		loadCertificate(token, id),
	]);
	const manifest = JSON.parse(text) as Manifest;
	const events = timeline.state === 'there' ? eventsOf(timeline.text) : [];
	const documents: Record<string, string> = { 'manifest.json': text };
	if (timeline.state === 'there') documents['timeline.json'] = timeline.text;
	const proof: Proof =
		typeof certificate === 'string'
			? { state: certificate }
			: { state: 'there', certificate, lists: checkLists(certificate, documents, manifest.files), files: manifest.files };
	return { manifest, events: events ?? [], eventsFailed: timeline.state === 'failed' || events === null, proof };
}

const differs = ({ proof }: Documents): boolean => proof.state === 'there' && proof.lists === 'bad';

/**
 * When the composed picture joins a record, manifest and certificate are written one after the other: what differs is looked at
 * once more, and is no fault while the archive says that it is at it (`lists` is then 'changing').
 */
export async function loadDocuments(token: string, id: string): Promise<Documents> {
	const first = await load(token, id);
	if (!differs(first)) return first;
	const { composing } = await patiently(() => api.recording(token, id));
	if (composing?.state !== 'running' && composing?.state !== 'made') await pause(CHANGED_MS);
	const again = await load(token, id);
	if (differs(again) && again.proof.state === 'there' && (composing?.state === 'running' || composing?.state === 'made'))
		again.proof.lists = 'changing';
	return again;
}
