// A typed event emitter. A listener that throws does not stop the others.
export type Listener<T> = (value: T) => void;

export class Emitter<Events extends object> {
	private readonly listeners = new Map<keyof Events, Set<Listener<never>>>();

	/** Listens; the returned function stops listening. */
	on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
		let set = this.listeners.get(event);
		if (!set) {
			set = new Set();
			this.listeners.set(event, set);
		}
		set.add(listener as Listener<never>);
		return () => this.off(event, listener);
	}

	off<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
		this.listeners.get(event)?.delete(listener as Listener<never>);
	}

	protected emit<K extends keyof Events>(event: K, value: Events[K]): void {
		const set = this.listeners.get(event);
		if (!set) return;
		for (const listener of [...set]) {
			try {
				(listener as Listener<Events[K]>)(value);
			} catch (error) {
				console.error('huizhen: a listener of', event, 'failed', error);
			}
		}
	}

	protected removeAllListeners(): void {
		this.listeners.clear();
	}
}

/** Calls that come in the same turn of the event loop become one, at its end. */
export function onceATurn(fn: () => void): () => void {
	let queued = false;
	return () => {
		if (queued) return;
		queued = true;
		queueMicrotask(() => {
			queued = false;
			fn();
		});
	};
}
