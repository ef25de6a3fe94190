// Fetches wait here: six at once, the one that is looked at first, and none for a reader who has moved on. Bounded: when
// it is full the least wanted one gives way.
import { ImageError } from './errors';

export type Priority = 0 | 1 | 2; // looked at · the neighbours · the rest of the series

interface Job<T> {
	priority: Priority;
	order: number;
	signal: AbortSignal;
	run: () => Promise<T>;
	done: (value: T) => void;
	fail: (error: unknown) => void;
	drop: () => void;
}

export class Queue {
	private readonly waiting: Job<unknown>[] = [];
	private active = 0;
	private count = 0;

	constructor(
		readonly atOnce = 6,
		readonly room = 4096,
	) {}

	get length(): number {
		return this.waiting.length;
	}

	get running(): number {
		return this.active;
	}

	/** Rejects with `cancelled` when the signal is aborted while it waits, with `busy` when it had to give way. */
	add<T>(priority: Priority, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
		if (signal.aborted) return Promise.reject(new ImageError('cancelled', 'before it was asked for'));
		return new Promise<T>((done, fail) => {
			const job: Job<T> = { priority, order: this.count++, signal, run, done, fail, drop: () => this.remove(job as Job<unknown>, new ImageError('cancelled', 'while it waited')) };
			signal.addEventListener('abort', job.drop, { once: true });
			this.waiting.push(job as Job<unknown>);
			if (this.waiting.length > this.room) this.remove(this.worst(), new ImageError('busy', 'too many images wanted'));
			this.next();
		});
	}

	/** What waits with this signal is wanted more now. */
	raise(signal: AbortSignal, priority: Priority): void {
		for (const job of this.waiting) if (job.signal === signal && priority < job.priority) job.priority = priority;
	}

	private remove(job: Job<unknown>, why: ImageError): void {
		const at = this.waiting.indexOf(job);
		if (at < 0) return;
		this.waiting.splice(at, 1);
		job.signal.removeEventListener('abort', job.drop);
		job.fail(why);
	}

	private pick(better: (a: Job<unknown>, b: Job<unknown>) => boolean): Job<unknown> {
		let best = this.waiting[0]!;
		for (const job of this.waiting) if (better(job, best)) best = job;
		return best;
	}

	private worst(): Job<unknown> {
		return this.pick((a, b) => a.priority > b.priority || (a.priority === b.priority && a.order > b.order));
	}

	private next(): void {
		while (this.active < this.atOnce && this.waiting.length > 0) {
			const job = this.pick((a, b) => a.priority < b.priority || (a.priority === b.priority && a.order < b.order));
			this.waiting.splice(this.waiting.indexOf(job), 1);
			job.signal.removeEventListener('abort', job.drop);
			this.active++;
			void Promise.resolve().then(job.run).then(job.done, job.fail).finally(() => {
				this.active--;
				this.next();
			});
		}
	}
}
