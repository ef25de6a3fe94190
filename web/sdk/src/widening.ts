// What the browser makes of an uplink that became wider. It finds out slowly (a twelfth more each second); when its allowed
// rate changes it looks at once, with a short burst at that rate: so it is changed, by next to nothing. And it keeps the
// smaller pictures of the narrow time for long, or for ever: so it is told to forget them. No WebRTC in here.
import { encodingsOf, type Shape } from './encodings';
import type { Source } from './protocol';

const LOOK_BPS = 150_000; // below, even a short burst takes long
const LOOK_MS = 900; // each time there is a new estimate ...
const LOOK_RARELY_MS = 3_900; // ... at first: looks that find nothing become rarer, as many uplinks stay narrow for good
const GREW = 1.15; // since the last look: it was worth it, as often as at first

export class Widening {
	private lookedAt = -LOOK_MS;
	private lookedBps = 0;
	private everyMs = LOOK_MS;
	private narrow = false;

	/** One estimate (0: the browser tells none), about once a second. 'look': change the rate; 'whole': full size again. */
	observe(availableBps: number, bestBps: number, nowMs: number): 'look' | 'whole' | null {
		if (availableBps <= 0 || bestBps <= 0) return null;
		if (availableBps >= bestBps) {
			if (!this.narrow) return null;
			this.narrow = false;
			this.everyMs = LOOK_MS;
			this.lookedBps = 0;
			return 'whole';
		}
		this.narrow = true;
		const grew = availableBps > this.lookedBps * GREW;
		if (availableBps < LOOK_BPS || nowMs - this.lookedAt < (grew ? LOOK_MS : this.everyMs)) return null;
		this.everyMs = grew ? LOOK_MS : Math.min(2 * this.everyMs, LOOK_RARELY_MS);
		this.lookedAt = nowMs;
		this.lookedBps = availableBps;
		return 'look';
	}
}

/** All that these senders would send at their best, but for layers that stay at home (sparing.ts). */
export function bestBpsOf(senders: readonly { shape: Shape; source: Source; mid: string | null }[], spared: ReadonlyMap<string, number>): number {
	const of = (s: (typeof senders)[number]) => encodingsOf(s.shape, s.source).slice(spared.get(s.mid ?? '') ?? 0);
	return senders.reduce((sum, s) => sum + of(s).reduce((n, e) => n + (e.maxBitrate ?? 0), 0), 0);
}
