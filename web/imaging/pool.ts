// The decoders' workers. One that does not come back in time, or dies, is ended and replaced; its frame is an error.
import type { Answer, Order } from './decode-worker';
import { ImageError, type ImageErrorCode } from './errors';
import type { Pixels } from './exact';
import type { PixelInfo } from './image-info';
import type { Priority } from './queue';

interface Job {
	order: Order;
	priority: Priority;
	done: (pixels: Pixels | null) => void;
	fail: (error: ImageError) => void;
}

interface Slot {
	worker: Worker | null;
	job: Job | null;
	timer: ReturnType<typeof setTimeout> | null;
}

export class DecoderPool {
	private readonly slots: Slot[];
	private readonly waiting: Job[] = [];
	private last = 0;

	constructor(
		size = Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) - 1)),
		private readonly limitMs = 30000,
		private readonly make = () => new Worker(new URL('./decode-worker.ts', import.meta.url), { type: 'module', name: 'huizhen-decoder' }),
	) {
		this.slots = Array.from({ length: size }, () => ({ worker: null, job: null, timer: null }));
	}

	/** The bytes are copied. coarseOf: how many there will be; level: what to leave out, 0: as much as the share tells. null: nothing coarse can be made of so little. */
	decode(bytes: Uint8Array, type: string, info: PixelInfo, priority: Priority, coarseOf = 0, level = 0): Promise<Pixels | null> {
		return new Promise((done, fail) => {
			const { rows, columns, samples, allocated, stored, signed, photometric, planar, bigEndian } = info;
			const plain = { rows, columns, samples, allocated, stored, signed, photometric, planar, bigEndian };
			this.waiting.push({ order: { id: ++this.last, bytes: bytes.slice(), type, info: plain, coarseOf, level }, priority, done, fail });
			this.next();
		});
	}

	/** Who opens a series will want to see an image of it: a worker and the commonest library are there by then. */
	warm(): void {
		const slot = this.slots[0]!;
		if (slot.worker) return;
		slot.worker = this.start(slot);
		const info: PixelInfo = { rows: 0, columns: 0, samples: 1, allocated: 16, stored: 16, signed: false, photometric: '', planar: false, bigEndian: false };
		slot.worker.postMessage({ id: 0, bytes: new Uint8Array(0), type: '', info, coarseOf: 0, level: 0 } satisfies Order);
	}

	done(): void {
		for (const slot of this.slots) this.end(slot, new ImageError('cancelled', 'the viewer is closed'));
		for (const job of this.waiting.splice(0)) job.fail(new ImageError('cancelled', 'the viewer is closed'));
	}

	private next(): void {
		for (const slot of this.slots) {
			if (slot.job || this.waiting.length === 0) continue;
			let best = 0;
			this.waiting.forEach((job, i) => (job.priority < this.waiting[best]!.priority ? (best = i) : 0));
			this.begin(slot, this.waiting.splice(best, 1)[0]!);
		}
	}

	private begin(slot: Slot, job: Job): void {
		slot.worker ??= this.start(slot);
		slot.job = job;
		slot.timer = setTimeout(() => this.end(slot, new ImageError('slow', `no answer in ${this.limitMs} ms`)), this.limitMs);
		slot.worker.postMessage(job.order, [job.order.bytes.buffer as ArrayBuffer]);
	}

	private start(slot: Slot): Worker {
		const worker = this.make();
		worker.onmessage = (event: MessageEvent<Answer>) => {
			const { job } = slot, answer = event.data;
			if (slot.worker !== worker || !job || job.order.id !== answer.id) return;
			this.free(slot);
			if ('pixels' in answer) job.done(answer.pixels);
			else job.fail(new ImageError(answer.code as ImageErrorCode, answer.detail));
			this.next();
		};
		worker.onerror = (event) => {
			event.preventDefault();
			if (slot.worker === worker) this.end(slot, new ImageError('damaged', 'the decoder died'));
		};
		return worker;
	}

	private free(slot: Slot): void {
		if (slot.timer) clearTimeout(slot.timer);
		slot.timer = slot.job = null;
	}

	private end(slot: Slot, why: ImageError): void {
		const { job } = slot;
		this.free(slot);
		slot.worker?.terminate();
		slot.worker = null;
		job?.fail(why);
		this.next();
	}
}
