// One frame over HTTP: bounded, abortable, resumed with a byte range where the way broke off, and shown as it comes, so
// that a coarse image can be decoded from its beginning.
import { ImageError } from './errors';

export interface FrameSource {
	url: string;
	/** Asked for each request: tokens are renewed. */
	token: () => string;
	accept?: string;
}

export interface FetchOptions {
	signal: AbortSignal;
	/** Bytes so far, how many there will be (0: unknown), and how many hold each lower resolution (of HTJ2K, where the gateway says so). Called at each piece. */
	onBytes?: (bytes: Uint8Array, total: number, ends: readonly number[]) => void;
	maxBytes?: number;
	tries?: number;
	waitMs?: number;
	fetch?: typeof fetch;
}

export interface Fetched {
	bytes: Uint8Array;
	type: string;
}

const MAX_BYTES = 256 * 1024 * 1024;
const STEP_BYTES = 4096; // that many more are a step on: gateways give what is resumed in pieces
const MAX_REQUESTS = 100;

function refuse(status: number): ImageError | null {
	if (status === 401 || status === 403) return new ImageError('denied', `HTTP ${status}`);
	if (status === 404 || status === 410) return new ImageError('gone', `HTTP ${status}`);
	if (status === 406 || status === 415) return new ImageError('unsupported', `HTTP ${status}`);
	if (status === 413) return new ImageError('too_big', `HTTP ${status}`);
	if (status === 200 || status === 206) return null;
	return new ImageError('busy', `HTTP ${status}`);
}

/** Content-Range `bytes first-last/total`; null: it is not one. */
export function parseRange(text: string | null): { first: number; last: number; total: number } | null {
	const m = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(text ?? '');
	if (!m) return null;
	const [first, last, total] = [Number(m[1]), Number(m[2]), Number(m[3])] as const;
	return first <= last && last < total ? { first, last, total } : null;
}

/** `Huizhen-Resolutions`: ascending, each a beginning of the whole; [] where it is not that. */
export function parseEnds(text: string | null, total: number): number[] {
	const ends = /^\d{1,10}(,\d{1,10}){0,5}$/.test(text ?? '') ? (text ?? '').split(',').map(Number) : [];
	return ends.every((end, i) => end > (ends[i - 1] ?? 0) && end < total) ? ends : [];
}

class Download {
	private buffer: Uint8Array<ArrayBuffer> = new Uint8Array(0);
	have = 0;
	total = 0;
	private etag = '';
	/** The last answer: it is on its way, ask again. */
	later = false;
	type = '';
	private ends: number[] = [];

	constructor(
		private readonly source: FrameSource,
		private readonly options: FetchOptions,
		private readonly maxBytes: number,
	) {}

	get bytes(): Uint8Array {
		return this.buffer.subarray(0, this.have);
	}

	get whole(): boolean {
		return this.have > 0 && this.have === this.total;
	}

	/** One request from where it stands, for all or up to a number of bytes. Returns false where it broke off and may be resumed. */
	async go(upTo: number): Promise<boolean> {
		const headers: Record<string, string> = { Authorization: `Bearer ${this.source.token()}`, Accept: this.source.accept ?? '*/*' };
		if (upTo > 0 || (this.have > 0 && this.etag)) headers['Range'] = `bytes=${this.have}-${upTo > 0 ? upTo - 1 : ''}`;
		if (this.have > 0 && this.etag) headers['If-Range'] = this.etag;
		let answer: Response;
		this.later = false;
		try {
			answer = await (this.options.fetch ?? fetch)(this.source.url, { headers, signal: this.options.signal, redirect: 'error', credentials: 'same-origin' });
		} catch (error) {
			if (this.options.signal.aborted) throw new ImageError('cancelled', 'while it was fetched');
			void error;
			return false;
		}
		const refusal = refuse(answer.status);
		this.later = answer.status === 503 && answer.headers.has('Retry-After');
		if (refusal) {
			void answer.body?.cancel().catch(() => undefined);
			throw refusal;
		}
		this.begin(answer);
		return this.read(answer);
	}

	private begin(answer: Response): void {
		const type = (answer.headers.get('Content-Type') ?? '').toLowerCase();
		const asked = this.source.accept !== undefined && type.startsWith(this.source.accept);
		if (!asked && /^(text\/|application\/(json|problem|xml|xhtml))/.test(type)) throw new ImageError('not_image', type.slice(0, 60));
		const range = answer.status === 206 ? parseRange(answer.headers.get('Content-Range')) : null;
		if (answer.status === 206 && (!range || range.first !== this.have)) throw new ImageError('network', 'a range that was not asked for');
		const tag = answer.headers.get('ETag') ?? '', etag = tag.startsWith('"') ? tag : '';
		if (range && this.have > 0 && (etag !== this.etag || (this.total > 0 && range.total !== this.total))) throw new ImageError('network', 'a range of another object');
		if (!range) this.have = 0; // from the beginning: it is another one, or ranges are not spoken
		const length = Number(answer.headers.get('Content-Length') ?? 0);
		const encoded = (answer.headers.get('Content-Encoding') ?? 'identity') !== 'identity';
		this.total = range ? range.total : encoded ? 0 : length;
		if (this.total > this.maxBytes) throw new ImageError('too_big', `${this.total} bytes`);
		this.etag = etag;
		this.type = type;
		this.ends = parseEnds(answer.headers.get('Huizhen-Resolutions'), this.total);
	}

	private async read(answer: Response): Promise<boolean> {
		const reader = answer.body?.getReader();
		if (!reader) throw new ImageError('not_image', 'an empty answer');
		try {
			for (;;) {
				const { done, value } = await reader.read();
				if (done) break;
				this.take(value);
				this.options.onBytes?.(this.bytes, this.total, this.ends);
			}
		} catch (error) {
			void reader.cancel().catch(() => undefined);
			if (this.options.signal.aborted) throw new ImageError('cancelled', 'while it was fetched');
			if (error instanceof ImageError) throw error;
			return false;
		}
		if (this.total === 0) this.total = this.have;
		if (this.have === 0) throw new ImageError('not_image', 'an empty answer');
		return this.whole;
	}

	private take(piece: Uint8Array): void {
		const need = this.have + piece.length;
		if (need > this.maxBytes) throw new ImageError('too_big', `more than ${this.maxBytes} bytes`);
		if (this.total > 0 && need > this.total) throw new ImageError('network', 'more bytes than were announced');
		if (need > this.buffer.length) {
			const larger = new Uint8Array(this.total > 0 ? this.total : Math.max(need, 2 * this.buffer.length, 65536));
			larger.set(this.bytes);
			this.buffer = larger;
		}
		this.buffer.set(piece, this.have);
		this.have = need;
	}
}

const sleep = (ms: number, signal: AbortSignal) =>
	new Promise<void>((done) => {
		const timer = setTimeout(done, ms);
		signal.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
	});

/** A frame that may be fetched in two parts: its beginning, which holds a small picture, and the rest. */
export class FrameFetch {
	private readonly download: Download;

	constructor(
		source: FrameSource,
		private readonly options: FetchOptions,
	) {
		this.download = new Download(source, options, options.maxBytes ?? MAX_BYTES);
	}

	/**
	 * upTo 0: the whole frame, or an ImageError. Else null when so many bytes are there and it is not the whole. What breaks off, and
	 * 429 and 5xx, is tried again, a little later each time.
	 */
	async get(upTo = 0): Promise<Fetched | null> {
		const { download, options } = this, tries = options.tries ?? 4;
		let last = new ImageError('network', 'no answer');
		for (let i = 0, asked = 0; i < tries && asked < MAX_REQUESTS; i++, asked++) {
			if (i > 0) await sleep((options.waitMs ?? 250) * 2 ** (i - 1), options.signal);
			if (options.signal.aborted) throw new ImageError('cancelled', 'while it was fetched');
			const before = download.have;
			try {
				if (await download.go(upTo)) return { bytes: download.bytes, type: download.type };
				if (upTo > 0 && download.have >= upTo) return null;
				last = new ImageError('network', `broke off after ${download.have} bytes`);
				if (before > 0 && download.have >= before + STEP_BYTES) i = -1; // at once, and no failure
			} catch (error) {
				if (!(error instanceof ImageError) || error.code !== 'busy') throw error;
				last = error;
				if (download.later) i = 0; // a slow archive is not a broken one
			}
		}
		throw last;
	}
}

/** The whole frame, or an ImageError. */
export async function fetchFrame(source: FrameSource, options: FetchOptions): Promise<Fetched> {
	return (await new FrameFetch(source, options).get()) as Fetched;
}
