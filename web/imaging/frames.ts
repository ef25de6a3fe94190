// The frames of the viewer: each fetched and decoded once, kept in a bounded cache, coarse first where the codestream
// allows it. One frame's error stays its own, and can be tried again.
import { ImageError, imageError } from './errors';
import { hashOf, type Pixels } from './exact';
import { fetchFrame, type FrameSource } from './fetching';
import type { ImageInfo } from './image-info';
import { DecoderPool } from './pool';
import { Queue, type Priority } from './queue';

export interface Frame {
	/** Unique: the address without its token. */
	id: string;
	source: FrameSource;
	info: ImageInfo;
	/** From 0, within its object. */
	index: number;
}

interface Held {
	frame: Frame;
	pixels: Pixels | null;
	error: ImageError | null;
	abort: AbortController | null;
	loading: Promise<Pixels> | null;
	used: number;
	priority: Priority;
}

export type Change = (frame: Frame, pixels: Pixels | null, error: ImageError | null) => void;

/** Bytes at which a coarse image is tried: a look at once, one more before all is there. */
const STAGES = [24 * 1024, 160 * 1024, 640 * 1024];

export class Frames {
	private readonly held = new Map<string, Held>();
	private readonly listeners = new Set<Change>();
	private clock = 0;
	private bytes = 0;

	constructor(
		private readonly maxBytes = 512 * 1024 * 1024,
		readonly queue = new Queue(6),
		readonly pool = new DecoderPool(),
	) {}

	onChange(listener: Change): () => void {
		this.listeners.add(listener);
		return () => this.listeners.delete(listener);
	}

	get(id: string): { pixels: Pixels | null; error: ImageError | null } {
		const held = this.held.get(id);
		if (held) held.used = ++this.clock;
		return { pixels: held?.pixels ?? null, error: held?.error ?? null };
	}

	/** Exact pixels. Whoever asks again while it loads waits for the same. */
	load(frame: Frame, priority: Priority): Promise<Pixels> {
		const held = this.held.get(frame.id) ?? { frame, pixels: null, error: null, abort: null, loading: null, used: 0, priority };
		held.used = ++this.clock;
		this.held.set(frame.id, held);
		if (held.pixels?.exact) return Promise.resolve(held.pixels);
		if (held.loading && held.abort && !held.abort.signal.aborted) {
			held.priority = Math.min(held.priority, priority) as Priority;
			this.queue.raise(held.abort.signal, priority);
			return held.loading;
		}
		const abort = (held.abort = new AbortController());
		held.error = null;
		held.priority = priority;
		held.loading = this.run(held, abort.signal).finally(() => {
			if (held.abort === abort) held.loading = held.abort = null;
		});
		return held.loading;
	}

	/** The reader has moved on: what is not on this list is not fetched any more. */
	keep(ids: ReadonlySet<string>): void {
		for (const held of this.held.values()) if (!ids.has(held.frame.id)) held.abort?.abort();
	}

	/** For tests and proofs: SHA-256 of the exact samples that the viewer holds. */
	async hash(id: string): Promise<string | null> {
		const pixels = this.held.get(id)?.pixels;
		return pixels?.exact ? hashOf(pixels) : null;
	}

	done(): void {
		for (const held of this.held.values()) held.abort?.abort();
		this.pool.done();
		this.held.clear();
		this.listeners.clear();
	}

	private async run(held: Held, signal: AbortSignal): Promise<Pixels> {
		try {
			const pixels = await this.queue.add(held.priority, signal, () => this.fetchAndDecode(held, signal));
			this.put(held, pixels);
			return pixels;
		} catch (error) {
			held.error = imageError(error);
			if (held.error.code === 'cancelled') held.error = null;
			else this.tell(held);
			if (!held.pixels && !held.error && held.abort?.signal === signal) this.held.delete(held.frame.id);
			throw imageError(error);
		}
	}

	private async fetchAndDecode(held: Held, signal: AbortSignal): Promise<Pixels> {
		const { source, info } = held.frame;
		if (info.palette) throw new ImageError('unsupported', 'palette colour'); // its numbers are no greys
		try {
			return await this.fetchOnce(held, source, signal);
		} catch (error) {
			// What this viewer cannot decode exactly, the gateway transcodes, where it can.
			if (!(error instanceof ImageError) || error.code !== 'unsupported' || source.accept) throw error;
			const { bytes, type } = await fetchFrame({ ...source, accept: 'image/jphc' }, { signal });
			return (await this.pool.decode(bytes, type, info, held.priority)) as Pixels;
		}
	}

	private async fetchOnce(held: Held, source: FrameSource, signal: AbortSignal): Promise<Pixels> {
		const { info } = held.frame;
		let stage = 0, busy = false, over = false;
		const onBytes = (bytes: Uint8Array, total: number) => {
			if (held.priority > 0 || busy || total <= 0 || bytes.length < (STAGES[stage] ?? Infinity) || bytes.length > total * 0.8) return;
			while (bytes.length >= (STAGES[stage] ?? Infinity)) stage++;
			busy = true;
			void this.pool.decode(bytes, '', info, held.priority, total).then(
				(coarse) => {
					busy = false;
					if (coarse && !over && !signal.aborted && !held.pixels?.exact) this.put(held, coarse);
				},
				() => undefined, // the whole of it will tell
			);
		};
		const { bytes, type } = await fetchFrame(source, { signal, onBytes });
		try {
			return (await this.pool.decode(bytes, type, info, held.priority)) as Pixels;
		} finally {
			over = true;
		}
	}

	private put(held: Held, pixels: Pixels): void {
		this.bytes += pixels.data.byteLength - (held.pixels?.data.byteLength ?? 0);
		held.pixels = pixels;
		this.trim();
		this.tell(held);
	}

	private trim(): void {
		if (this.bytes <= this.maxBytes) return;
		const old = [...this.held.values()].filter((h) => h.pixels && !h.loading).sort((a, b) => a.used - b.used);
		for (const held of old) {
			if (this.bytes <= this.maxBytes || old.length < 2) return;
			this.bytes -= held.pixels?.data.byteLength ?? 0;
			this.held.delete(held.frame.id);
		}
	}

	private tell(held: Held): void {
		for (const listener of this.listeners) listener(held.frame, held.pixels, held.error);
	}
}
