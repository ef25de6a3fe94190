// What may be sent, out of all that is known of an uplink: its level, the browser's estimate, what the gateway sees and says.
// sender-control.ts puts it on the senders. No WebRTC in here.
import type { WatchedPush } from './protocol';
import { TIGHT_BPS, type Limits, type What } from './sender-control';
import { Sparing } from './sparing';
import { FarAndLossy, Stills, type Uplink, type UplinkSample } from './uplink';
import { bestBpsOf, Widening } from './widening';

const OVERFLOW_MS = 2_000;

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
	private overflow = { bps: 0, untilMs: 0 }; // what came through when the gateway saw the queue full
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
		const recent = nowMs < this.overflow.untilMs; // the browser has not seen it yet
		const bps = recent ? Math.min(sample.available_bps || Infinity, this.overflow.bps) : sample.available_bps;
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

	/** The uplink's queue is full, and so much comes through it: what the next looks would come to, at once. True: something changed. */
	onOverflow(bps: number, pictures: readonly What[], nowMs: number): boolean {
		const before = this.tight;
		this.overflow = { bps, untilMs: nowMs + OVERFLOW_MS };
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
