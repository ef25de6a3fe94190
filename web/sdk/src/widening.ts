// What the browser makes of an uplink that became wider. It finds out slowly (a twelfth more each second); when its allowed
// rate changes it looks at once, with a short burst at that rate: so it is changed, by next to nothing. And it keeps the
// smaller pictures of the narrow time for long, or for ever: so it is told to forget them. No WebRTC in here.
import { encodingsOf, type Shape } from './encodings';
import type { Source } from './protocol';

const LOOK_BPS = 150_000; // below, even a short burst takes long
const LOOK_MS = 900; // each time there is a new estimate ...
const LOOK_RARELY_MS = 3_900; // ... at first: looks that find nothing become rarer, as many uplinks stay narrow for good
const STUCK_MS = 1_900; // smaller than the uplink allows for so long ...
const STUCK_RARELY_MS = 60_000; // ... at first: some pictures move too much for their rate at full size
const GREW = 1.15; // since the last look: it was worth it, as often as at first
const EAGER_MS = 20_000; // most narrow times are over by then: until then nothing becomes rarer

export class Widening {
	private lookedAt = -LOOK_MS;
	private lookedBps = 0;
	private everyMs = LOOK_MS;
	private narrow = false;
	private narrowSince = 0;
	private smallSince: number | null = null;
	private stuckMs = STUCK_MS;

	/**
	 * One estimate (0: the browser tells none), about once a second; small: it says that it sends less than full size for
	 * want of rate. 'look': change the rate; 'whole': full size again.
	 */
	observe(availableBps: number, bestBps: number, nowMs: number, small = false): 'look' | 'whole' | null {
		if (availableBps <= 0 || bestBps <= 0) return null;
		const wide = availableBps >= bestBps;
		this.smallSince = wide && small ? (this.smallSince ?? nowMs) : null;
		if (wide) {
			const stuck = this.smallSince !== null && nowMs - this.smallSince >= this.stuckMs;
			if (!this.narrow && !stuck) return null;
			if (stuck) this.stuckMs = Math.min(2 * this.stuckMs, STUCK_RARELY_MS);
			this.smallSince = null;
			this.narrow = false;
			this.everyMs = LOOK_MS;
			this.lookedBps = 0;
			return 'whole';
		}
		if (!this.narrow) this.narrowSince = nowMs;
		this.narrow = true;
		const grew = availableBps > this.lookedBps * GREW;
		if (availableBps < LOOK_BPS || nowMs - this.lookedAt < (grew ? LOOK_MS : this.everyMs)) return null;
		const eager = grew || nowMs - this.narrowSince < EAGER_MS;
		this.everyMs = eager ? LOOK_MS : Math.min(2 * this.everyMs, LOOK_RARELY_MS);
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
