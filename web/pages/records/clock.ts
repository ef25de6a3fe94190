// The one clock that all tracks follow, and what each does to stay with it. Pure: time comes in as a number.

/** Position on the record's time line while it plays, waits or rests. Times are ms; `now` is a monotonic clock's. */
export class ReplayClock {
	private at = 0;
	private since = 0;
	private runs = false;
	private rate = 1;

	get running(): boolean {
		return this.runs;
	}

	get speed(): number {
		return this.rate;
	}

	position(now: number): number {
		return this.runs ? this.at + Math.max(0, now - this.since) * this.rate : this.at;
	}

	/** The same, also while it holds before its start: then it is less, by the time that is left. */
	approach(now: number): number {
		return this.runs ? this.at + (now - this.since) * this.rate : this.at;
	}

	/** From `now + delay` on: players need a moment until they move. */
	start(now: number, delay = 0): void {
		if (this.runs) return;
		this.since = now + delay;
		this.runs = true;
	}

	stop(now: number): void {
		this.at = this.position(now);
		this.runs = false;
	}

	seek(now: number, at: number): void {
		this.at = at;
		this.since = now;
	}

	setSpeed(now: number, speed: number): void {
		this.at = this.position(now);
		this.since = Math.max(now, this.since);
		this.rate = speed;
	}
}

export const SEEK_MS = 200;
const BEGIN_MS = 16;
const END_MS = 5;
const MOST = 0.08;
const GAIN_MS = 600;

export interface Correction {
	seek: boolean;
	/** Times the speed. */
	factor: number;
}

/**
 * What a track that is `drift` ms ahead of the clock (behind: negative) does: nothing when it is near, a slightly other speed
 * when it is not, a jump when it is far. `correcting`: it did something the last time; then it goes on until it is close.
 */
export function correct(drift: number, correcting: boolean): Correction {
	const size = Math.abs(drift);
	if (size > SEEK_MS) return { seek: true, factor: 1 };
	if (size <= (correcting ? END_MS : BEGIN_MS)) return { seek: false, factor: 1 };
	const factor = Math.max(-MOST, Math.min(MOST, -drift / GAIN_MS));
	// In steps: players prepare themselves anew for each speed.
	return { seek: false, factor: 1 + (Math.sign(factor) * Math.max(1, Math.round(Math.abs(factor) * 100))) / 100 };
}

/**
 * How long from play() until it moves: sound takes longer than pictures, on each machine otherwise. `late`: by how much it was
 * behind after a start that had reckoned with `lag`.
 */
export function learnLag(lag: number, late: number): number {
	return Math.max(0, Math.min(300, lag + 0.6 * late));
}

/** How far ahead a track must jump to be right when it has arrived: what it was late by before, learnt slowly. */
export function learnLead(lead: number, late: number): number {
	return Math.max(0, Math.min(400, lead + 0.5 * late));
}
