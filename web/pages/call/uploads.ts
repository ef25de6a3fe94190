// Files that somebody drops: a DICOM file, a folder of them, a patient's CD, a ZIP, photos. Each goes to the gateway by itself, two at a
// time; names of files and folders stay in this browser. No rendering.
import type { Consult } from '../../sdk/src';
import { tokenOf } from '../shared/enter';

export const FILES_MOST = 10_000;
export const FILE_BYTES = 1024 ** 3;
const AT_ONCE = 2;
const TRIES = 20;
const ASK_MS = 1_000;
/** The gateway has its hands full: asked again, more and more slowly, until this. */
const FULL_MS = 600_000;
const FULL_PAUSE_MS = 10_000;

const RESULTS = [
	'stored', 'present', 'other_content', 'other_patient', 'dicomdir', 'not_dicom', 'no_image', 'damaged', 'unsupported', 'too_large',
	'heic', 'encrypted', 'bomb', 'no_patient', 'full', 'failed',
] as const;
export type UploadResult = (typeof RESULTS)[number];

export interface UploadItem {
	result: UploadResult;
	study: string;
}

export interface UploadProgress {
	files: number;
	done: number;
	/** How many objects came to what. */
	results: Partial<Record<UploadResult, number>>;
	/** Studies that can be shown, the first one that came first. */
	studies: string[];
	over: boolean;
}

/** Good or needing no word; the rest is said. */
export const QUIET: readonly UploadResult[] = ['stored', 'present', 'dicomdir'];

const isResult = (word: unknown): word is UploadResult => RESULTS.some((r) => r === word);

export function itemsOf(answer: unknown): UploadItem[] {
	const items = (answer as { items?: unknown } | null)?.items;
	if (!Array.isArray(items)) return [{ result: 'failed', study: '' }];
	return (items as { result?: unknown; study?: unknown }[]).map(({ result, study }) => ({
		result: isResult(result) ? result : 'failed',
		study: typeof study === 'string' && /^[0-9.]{1,64}$/.test(study) ? study : '',
	}));
}

/** All files of a drop, folders opened, in their order; at most FILES_MOST. Call it within the event: a drop's items are gone after it. */
export async function filesOf(data: DataTransfer): Promise<File[]> {
	const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null), plain = [...data.files], files: File[] = [];
	if (entries.every((entry) => entry === null)) return plain.slice(0, FILES_MOST);
	const walk = async (entry: FileSystemEntry | null): Promise<void> => {
		if (!entry || files.length >= FILES_MOST) return;
		if (entry.isFile) {
			files.push(await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail)));
			return;
		}
		const reader = (entry as FileSystemDirectoryEntry).createReader();
		for (;;) { // a reader gives a hundred at a time
			const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
			if (some.length === 0) return;
			for (const one of some) await walk(one).catch(() => undefined);
		}
	};
	for (const entry of entries) await walk(entry).catch(() => undefined);
	return files;
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

let count = 0;
const nameOf = (): string => `u${Date.now().toString(36)}-${(++count).toString(36)}-${Math.floor(Math.random() * 2 ** 40).toString(36)}`;

/** How long the gateway asks to be left alone, within reason; else what a patient sender would wait. */
function pauseOf(answer: Response | null, times: number): number {
	const said = Number(answer?.headers.get('Retry-After'));
	return Math.min(FULL_PAUSE_MS, Math.max(ASK_MS, said > 0 ? said * 1000 : 0, ASK_MS * 2 ** Math.min(times, 4)));
}

/** One file. Sent again under the same name where the way breaks off: the gateway knows it then. Too many at once (429, 503) is no failure of this file. */
export async function sendFile(consult: Consult, file: Blob, stop: AbortSignal, wait = pause): Promise<UploadItem[]> {
	const path = `/api/v1/consults/${encodeURIComponent(consult.id)}/uploads/${nameOf()}`;
	let sent = false, full = 0, waited = 0;
	if (file.size === 0) return [{ result: 'not_dicom', study: '' }];
	if (file.size > FILE_BYTES) return [{ result: 'too_large', study: '' }];
	for (let i = 0; i < TRIES && !stop.aborted; i++) {
		const headers = { Authorization: `Bearer ${tokenOf(consult) ?? ''}` };
		const answer: Response | null = await fetch(path, sent ? { headers, signal: stop, cache: 'no-store' } : { method: 'PUT', body: file, headers, signal: stop }).catch(() => null);
		if (answer?.status === 200) return itemsOf(await answer.json().catch(() => null));
		if (answer?.status === 202) i = 0; // it is being read: an archive takes its time
		else if (answer?.status === 507) return [{ result: 'full', study: '' }];
		else if (answer?.status === 413) return [{ result: 'too_large', study: '' }];
		else if (answer && ![404, 429, 503].includes(answer.status)) return [{ result: 'failed', study: '' }];
		sent = answer?.status === 202 || (sent && answer?.status === 429);
		const busy = answer?.status === 429 || answer?.status === 503, ms = answer && busy ? pauseOf(answer, full++) : answer ? ASK_MS : pauseOf(null, i);
		if (busy && (waited += ms) <= FULL_MS) i = Math.max(i - 1, -1);
		if (!busy) full = 0;
		await wait(ms);
	}
	return [{ result: 'failed', study: '' }];
}

/** All of them; tell gets each step. Never throws. */
export async function sendFiles(consult: Consult, files: readonly Blob[], stop: AbortSignal, tell: (progress: UploadProgress) => void): Promise<UploadProgress> {
	let progress: UploadProgress = { files: files.length, done: 0, results: {}, studies: [], over: false }, next = 0;
	const take = (items: UploadItem[]) => {
		const results = { ...progress.results }, studies = [...progress.studies];
		for (const { result, study } of items) {
			results[result] = (results[result] ?? 0) + 1;
			if (study && (result === 'stored' || result === 'present') && !studies.includes(study)) studies.push(study);
		}
		progress = { ...progress, done: progress.done + 1, results, studies };
		tell(progress);
	};
	const work = async (): Promise<void> => {
		for (let file = files[next++]; file && !stop.aborted; file = files[next++]) take(await sendFile(consult, file, stop).catch(() => [{ result: 'failed' as const, study: '' }]));
	};
	tell(progress);
	await Promise.all(Array.from({ length: AT_ONCE }, work));
	progress = { ...progress, over: true };
	tell(progress);
	return progress;
}
