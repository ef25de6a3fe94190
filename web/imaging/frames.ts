// The frames of the viewer: each fetched and decoded once, kept in a bounded cache, coarse first where the codestream
// allows it. One frame's error stays its own, and can be tried again.
import { ImageError, imageError, passes } from './errors';
import { hashOf, type Pixels } from './exact';
import { FrameFetch, type Fetched, type FrameSource } from './fetching';
import type { ImageInfo } from './image-info';
import { LutStore, needsLuts } from './luts';
import { DecoderPool } from './pool';
import { Queue, type Priority } from './queue';
import type { Slide } from './slide';
import { Stages, wanted } from './stages';
import type { ImageRef } from './state';

export interface Frame {
	/** Unique: the address without its token. */
	id: string;
	source: FrameSource;
	info: ImageInfo;
	/** From 0, within its object. */
	index: number;
	/** Of a stack of several series: its own. */
	of?: ImageRef;
	/** No picture: ten seconds of a waveform (wave.ts). */
	wave?: true;
	/** No frame of an object, but all the levels of a slide (slide.ts). */
	slide?: Slide;
}

interface Held {
	frame: Frame;
	pixels: Pixels | null;
	error: ImageError | null;
	failedAt: number;
	abort: AbortController | null;
	loading: Promise<Pixels> | null;
	used: number;
	priority: Priority;
}

export type Change = (frame: Frame, pixels: Pixels | null, error: ImageError | null) => void;

/** Of a frame that nobody looks at yet: enough for a small picture. */
const FIRST_BYTES = 16 * 1024;
/** Bytes a millisecond; so fast (32 Mb/s) the whole of a frame is there nearly as soon. */
const FAST = 4000;
/** So long after it failed a frame may be asked for again, where that can help. */
const AGAIN_MS = 1000;

export class Frames {
	private readonly held = new Map<string, Held>();
	private readonly listeners = new Set<Change>();
	private clock = 0;
	/** Bytes a millisecond, of all that is under way. */
	private speed = 0;
	private bytes = 0;
	private readonly luts: LutStore;

	constructor(
		private readonly maxBytes = 512 * 1024 * 1024,
		readonly queue = new Queue(6),
		readonly pool = new DecoderPool(),
	) {
		this.luts = new LutStore(queue);
	}

	onChange(listener: Change): () => void {
		this.listeners.add(listener);
		return () => this.listeners.delete(listener);
	}

	get(id: string): { pixels: Pixels | null; error: ImageError | null } {
		const held = this.held.get(id);
		if (held) held.used = ++this.clock;
		return { pixels: held?.pixels ?? null, error: held?.error ?? null };
	}

	/** It is not there, and asking for it may bring it. */
	due(id: string): boolean {
		const { pixels, error } = this.get(id), held = this.held.get(id);
		return !pixels?.exact && (!error || (passes(error) && performance.now() - (held?.failedAt ?? 0) >= AGAIN_MS));
	}

	/** Exact pixels. Whoever asks again while it loads waits for the same. */
	load(frame: Frame, priority: Priority): Promise<Pixels> {
		const held = this.held.get(frame.id) ?? { frame, pixels: null, error: null, failedAt: 0, abort: null, loading: null, used: 0, priority };
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
			const pixels = await this.obtain(held, signal);
			this.put(held, pixels);
			return pixels;
		} catch (error) {
			held.error = imageError(error);
			held.failedAt = performance.now();
			if (held.error.code === 'cancelled') held.error = null;
			else this.tell(held);
			if (!held.pixels && !held.error && held.abort?.signal === signal) this.held.delete(held.frame.id);
			throw imageError(error);
		}
	}

	/** Fetched in the queue: whole where somebody looks; of the rest of a series first a small picture of each, then the whole of each. */
	private async obtain(held: Held, signal: AbortSignal): Promise<Pixels> {
		const { source, info } = held.frame;
		const luts = needsLuts(info) ? this.luts.of(held.frame, held.priority, signal) : null;
		luts?.catch(() => undefined); // whoever waits for them below is told
		const stages = new Stages(this.pool, held.frame.info, () => held.priority, (coarse) => {
			if (!signal.aborted && !held.pixels?.exact && !luts) this.put(held, coarse); // between two entries of a table is no value
		});
		const fetching = new FrameFetch(wanted(source, info), { signal, onBytes: (bytes, total, ends) => stages.take(bytes, total, ends) });
		const get = (upTo: number) => this.queue.add(held.priority, signal, () => this.measured(() => fetching.get(upTo)));
		try {
			const slow = this.speed < FAST && held.priority === 2 && !held.pixels;
			const got = (slow ? await get(FIRST_BYTES) : null) ?? (await get(0));
			const { bytes, type } = got as Fetched;
			const pixels = (await this.pool.decode(bytes, type, info, held.priority)) as Pixels;
			return luts ? { ...pixels, luts: await luts } : pixels;
		} finally {
			stages.over = true;
		}
	}

	private async measured(get: () => Promise<Fetched | null>): Promise<Fetched | null> {
		const began = performance.now(), got = await get();
		if (got) this.speed = 0.7 * this.speed + 0.3 * ((got.bytes.length * this.queue.running) / Math.max(1, performance.now() - began));
		return got;
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
