// Small copies of pictures that nobody looks at, on an uplink that cannot carry them beside the large one: they stay at home,
// and the large one has the room. The gateway says from which layer on somebody looks (the `watched` push); what the uplink
// carries is the browser's estimate. No WebRTC in here.
import { encodingsOf, type Shape } from './encodings';
import type { Source } from './protocol';

const ROOM = 1.2; // of everything at its best: below, the layers compete
const AMPLE = 1.4; // above, they do not any more
const FITS = 0.25; // of a layer's best: so much it needs to be worth sending alone
const KEEPS = 0.2; // so much it keeps it
const STEADY_MS = 2_000; // each change costs a keyframe

export interface SparingSender {
	mid: string | null;
	shape: Shape;
	source: Source;
}

export class Sparing {
	private readonly lowest = new Map<string, number>();
	private readonly now = new Map<string, number>();
	private tightSince: number | null = null;

	/** What the gateway said. True: some layer is needed at once that stays at home. */
	watched(items: readonly { mid: string; lowest: number }[]): boolean {
		let needed = false;
		this.lowest.clear();
		for (const { mid, lowest } of items) this.lowest.set(mid, lowest);
		for (const [mid, spared] of this.now) {
			const limit = this.lowest.get(mid) ?? 0;
			if (spared <= limit) continue;
			this.now.set(mid, limit);
			needed = true;
		}
		return needed;
	}

	/**
	 * One estimate (0: the browser tells none: nothing is spared), about once a second. True: something changed.
	 * overflows: it is what comes through a full queue, and no time is to be lost.
	 */
	observe(availableBps: number, senders: readonly SparingSender[], nowMs: number, overflows = false): boolean {
		const best = senders.reduce((sum, s) => sum + bitrates(s).reduce((n, b) => n + b, 0), 0);
		const sparing = [...this.now.values()].some((n) => n > 0);
		const tight = availableBps > 0 && availableBps < best * (sparing ? AMPLE : ROOM);
		this.tightSince = tight ? (this.tightSince ?? nowMs) : null;
		let changed = false;
		for (const sender of senders) {
			if (sender.mid === null) continue;
			const before = this.now.get(sender.mid) ?? 0;
			let next = tight ? this.fitting(sender, availableBps, overflows ? Infinity : before) : 0;
			if (!overflows && next > before && nowMs - (this.tightSince ?? nowMs) < STEADY_MS) next = before;
			if (next !== before) changed = true;
			this.now.set(sender.mid, next);
		}
		return changed;
	}

	get spared(): ReadonlyMap<string, number> {
		return this.now;
	}

	/** The highest layer, not above what is watched, that the uplink carries alone (up to `kept`, with less); those below are spared. */
	private fitting(sender: SparingSender, availableBps: number, kept: number): number {
		const rates = bitrates(sender);
		for (let layer = Math.min(this.lowest.get(sender.mid ?? '') ?? 0, rates.length - 1); layer > 0; layer--) {
			if (availableBps >= (rates[layer] ?? 0) * (layer <= kept ? KEEPS : FITS)) return layer;
		}
		return 0;
	}
}

function bitrates(sender: SparingSender): number[] {
	return encodingsOf(sender.shape, sender.source).map((e) => e.maxBitrate ?? 0);
}
