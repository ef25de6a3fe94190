// What may be sent, out of all that is known of an uplink: its level, the browser's estimate, what the gateway sees and says.
// sender-control.ts puts it on the senders. No WebRTC in here.
import type { WatchedPush } from './protocol';
import { TIGHT_BPS, type Limits, type What } from './sender-control';
import { Sparing } from './sparing';
import { FarAndLossy, Stills, type Uplink, type UplinkSample } from './uplink';
import { bestBpsOf, Widening } from './widening';

const UNSEEN_MS = 2_000; // after the queue was full, the browser has not seen it yet
const BRAKED_MS = 5_000; // and as long may it have been told to send less than comes through

export class SendLimits {
	/** Sound goes out in long packets: there is room for a still. */
	longSound = false;
	/** See Limits. */
	soundBps = 0;
	private uplink: Uplink = 'full';
	private stillDue = false;
	private tight = false;
	private far = false;
	private looks = 0;
	private overflow = { bps: 0, ms: -BRAKED_MS }; // what came through when the gateway saw the queue full
	private readonly sparing = new Sparing();
	private readonly widening = new Widening();
	private readonly farAndLossy = new FarAndLossy();
	private readonly stills = new Stills();

	get now(): Limits {
		const { uplink, stillDue, tight, looks, soundBps } = this;
		return { uplink, stillDue, tight, farAndLossy: this.far, looks, soundBps, spared: new Map(this.sparing.spared) };
	}

	setUplink(level: Uplink, nowMs: number): void {
		this.uplink = level;
		this.stillDue = this.still(nowMs);
	}

	/** About once a second. What is to be put on the senders, if anything; 'whole': with full size again. */
	observe(sample: UplinkSample, pictures: readonly What[], nowMs: number): 'limits' | 'whole' | null {
		const bps = this.carries(sample.available_bps, nowMs);
		const before = { tight: this.tight, far: this.far, still: this.stillDue };
		const spared = this.sparing.observe(bps, pictures, nowMs);
		const news = this.widening.observe(bps, bestBpsOf(pictures, this.sparing.spared), nowMs, sample.small);
		this.tight = bps > 0 && bps < TIGHT_BPS;
		this.far = this.farAndLossy.observe(sample, nowMs);
		this.stillDue = this.still(nowMs);
		if (news === 'look') this.looks++;
		if (news === 'whole') return news;
		const same = this.tight === before.tight && this.far === before.far && this.stillDue === before.still;
		return news || spared || !same ? 'limits' : null;
	}

	/** What the uplink carries, by the browser's estimate (0: it tells none) and what the gateway saw. */
	carries(availableBps: number, nowMs: number): number {
		const sinceMs = nowMs - this.overflow.ms;
		if (sinceMs < UNSEEN_MS) return this.overflow.bps;
		return sinceMs < BRAKED_MS ? Math.max(availableBps, this.overflow.bps) : availableBps;
	}

	/** The uplink's queue is full, and so much comes through it: what the next looks would come to, at once. True: something changed. */
	onOverflow(bps: number, pictures: readonly What[], nowMs: number): boolean {
		const before = this.tight;
		this.overflow = { bps, ms: nowMs };
		this.tight = bps < TIGHT_BPS;
		return this.sparing.observe(bps, pictures, nowMs, true) || this.tight !== before;
	}

	/** From which layer on somebody looks at what is sent. True: something is needed at once. */
	watched(items: WatchedPush['items']): boolean {
		return this.sparing.watched(items);
	}

	/** Not where a picture would come late for want of repairs: browsers hold sound back to be in step with it. */
	private still(nowMs: number): boolean {
		return this.stills.observe(this.longSound && !this.far ? this.uplink : 'off', nowMs);
	}
}
