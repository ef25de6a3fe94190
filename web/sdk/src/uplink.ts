// Audio first on the way up: what may be sent when the uplink is weak. Pictures go down to the smallest layer, then to one
// every few seconds, then off, before sound loses a packet; after a while they are tried again, and the while doubles each
// time that fails. The browser's own estimate decides where it tells one (Chromium), else loss and delay. No WebRTC in here.
export type Uplink = 'full' | 'low' | 'still' | 'off';

export interface UplinkSample {
	/** What the browser believes the uplink carries; 0: it does not say. */
	available_bps: number;
	/** Sound that did not arrive, as the gateway reports it. */
	lost_percent: number;
	rtt_ms: number;
	/** Pictures go out smaller than they could, for want of rate. */
	small?: boolean;
}

const LOW_BPS = 180_000; // below: one small layer
const STILL_BPS = 75_000; // below: sound, and one small picture every few seconds
const BAD_LOSS = 25;
const BAD_RTT_MS = 2_000;
const DOWN_MS = 3_000; // so long must it be bad
const TRIAL_MS = 6_000; // so long may a trial take
const WAIT_MS = 8_000;
const MAX_WAIT_MS = 64_000;
const STABLE_MS = 30_000; // after so long all is forgiven

export class UplinkPolicy {
	private now: Uplink = 'full';
	private badSince: number | null = null;
	private changedAt = 0;
	private wait = WAIT_MS;
	private trial = false;

	get level(): Uplink {
		return this.now;
	}

	/** One measurement, about once a second. Returns the level to use from now on. */
	observe(sample: UplinkSample, nowMs: number): Uplink {
		const target = targetOf(sample);
		if (rank(target) < rank(this.now)) {
			this.worse(target, sample, nowMs);
		} else {
			this.badSince = null;
			this.better(target, sample, nowMs);
		}
		return this.now;
	}

	/** Another network: begin anew. */
	reset(): void {
		this.now = 'full';
		this.badSince = null;
		this.wait = WAIT_MS;
		this.trial = false;
	}

	private worse(target: Uplink, sample: UplinkSample, nowMs: number): void {
		// The browser's estimate grows only with what is sent: a trial has its time unless sound suffers.
		if (this.trial && nowMs - this.changedAt < TRIAL_MS && !suffers(sample)) return;
		this.badSince ??= nowMs;
		if (nowMs - this.badSince < DOWN_MS && !this.trial) return;
		if (this.trial) this.wait = Math.min(MAX_WAIT_MS, this.wait * 2);
		this.move(target === 'still' && this.now === 'full' ? 'low' : target, false, nowMs);
	}

	private better(target: Uplink, sample: UplinkSample, nowMs: number): void {
		const steady = nowMs - this.changedAt;
		if (steady >= TRIAL_MS) this.trial = false;
		if (this.now === 'full') {
			if (steady >= STABLE_MS) this.wait = WAIT_MS;
		} else if (steady >= this.wait && !suffers(sample)) {
			// Without pictures the estimate does not grow: only a trial tells.
			if (this.now === 'off') this.move('still', false, nowMs); // costs next to nothing
			else if (this.now === 'still') this.move('low', true, nowMs);
			else if (target === 'full') this.move('full', true, nowMs);
		}
	}

	private move(next: Uplink, trial: boolean, nowMs: number): void {
		this.now = next;
		this.trial = trial;
		this.changedAt = nowMs;
		this.badSince = null;
	}
}

const RANK: Record<Uplink, number> = { full: 3, low: 2, still: 1, off: 0 };

function rank(level: Uplink): number {
	return RANK[level];
}

function suffers(sample: UplinkSample): boolean {
	return sample.lost_percent >= BAD_LOSS || sample.rtt_ms >= BAD_RTT_MS;
}

function targetOf(sample: UplinkSample): Uplink {
	const bps = sample.available_bps;
	if (suffers(sample)) return bps > 2 * LOW_BPS ? 'low' : 'off';
	if (bps > 0 && bps < STILL_BPS) return 'still';
	return bps > 0 && bps < LOW_BPS ? 'low' : 'full';
}

const STILL_EVERY_MS = 8_000;
const STILL_FOR_MS = 3_900; // what is lost of one is repaired only while it is on

/** When the one picture every few seconds is made. */
export class Stills {
	private since: number | null = null;

	/** Is the camera's smallest layer on now? About once a second; at other levels nothing is counted. */
	observe(level: Uplink, nowMs: number): boolean {
		if (level !== 'still') this.since = null;
		else if (this.since === null || nowMs - this.since >= STILL_EVERY_MS) this.since = nowMs;
		return this.since !== null && nowMs - this.since < STILL_FOR_MS;
	}
}

const FAR_MS = 120;
const LOSSY_PERCENT = 3;
const CALM_PERCENT = 1;
const CALM_MS = 20_000;

/**
 * Is so much lost on so long a way that asking for it again takes too long? On soon, off late: each change costs a picture.
 * The way, not the queue before a narrow one: there parity packets would take the room of pictures.
 */
export class FarAndLossy {
	private lost = 0;
	private shortest = 0;
	private calmSince: number | null = null;
	private now = false;

	/** About once a second. */
	observe(sample: UplinkSample, nowMs: number): boolean {
		this.lost += (sample.lost_percent - this.lost) / 4;
		if (sample.rtt_ms > 0) this.shortest = this.shortest > 0 ? Math.min(sample.rtt_ms, this.shortest * 1.005) : sample.rtt_ms;
		const calm = this.lost < CALM_PERCENT || this.shortest < FAR_MS / 2;
		this.calmSince = calm ? (this.calmSince ?? nowMs) : null;
		if (this.lost >= LOSSY_PERCENT && this.shortest >= FAR_MS) this.now = true;
		else if (this.calmSince !== null && nowMs - this.calmSince >= CALM_MS) this.now = false;
		return this.now;
	}
}
