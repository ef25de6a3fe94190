// What the network leaves of the pictures, in words for the user. No rendering in here.
import type { Consult, Step, Uplink } from '../../sdk/src';
import type { TileInfo } from './tiles';

/** `sender`: the other side stopped sending, most often because of its own network. */
export type PictureState = Step | 'sender';

/** What to say on a tile; `full`: nothing. */
export function pictureState(consult: Pick<Consult, 'stepOf'>, tile: TileInfo): PictureState {
	const { remote } = tile;
	if (!remote || tile.participant.status === 'away') return 'full';
	const step = consult.stepOf(remote.id);
	if (step === 'full' || step === 'lower') return remote.active ? step : 'sender';
	return step;
}

const ORDER: readonly Step[] = ['full', 'lower', 'still', 'off'];

/** The lowest step of all pictures that are shown. */
export function worstStep(consult: Pick<Consult, 'stepOf' | 'remoteTracks'>): Step {
	const steps = consult.remoteTracks.filter((t) => t.kind === 'video' && !t.muted).map((t) => consult.stepOf(t.id));
	return steps.reduce<Step>((a, b) => (ORDER.indexOf(b) > ORDER.indexOf(a) ? b : a), 'full');
}

const AGAIN_MS = 10_000; // paused again so soon: a sender that only has room for a picture every few seconds ...
const SETTLED_MS = 6_000; // ... and sends for less than that

/** A picture that pauses again and again counts as paused until it goes on for a while: stills do not make its sign flicker. */
export class Pause {
	private paused = false;
	private again = false;
	private wentAt: number | null = null;

	/** What to show, and in how many ms to look again; 0: nothing is waited for. */
	observe(state: PictureState, nowMs: number): { state: PictureState; againMs: number } {
		if (state === 'sender') {
			if (!this.paused) this.again = this.wentAt !== null && nowMs - this.wentAt < AGAIN_MS;
			this.paused = true;
		} else if (state === 'full' || state === 'lower') {
			if (this.paused) this.wentAt = nowMs;
			this.paused = false;
			const leftMs = this.again && this.wentAt !== null ? SETTLED_MS - (nowMs - this.wentAt) : 0;
			if (leftMs > 0) return { state: 'sender', againMs: leftMs };
		}
		return { state, againMs: 0 };
	}
}

export type Weakness = 'off' | 'still' | 'up-off' | 'up-still' | 'up-low' | 'lower';

/** The one thing worth a banner; null: nothing. What the user cannot see at the own screen comes before small losses. */
export function weakness(step: Step, uplink: Uplink, sendsPicture: boolean): Weakness | null {
	if (step === 'off' || step === 'still') return step;
	if (sendsPicture && uplink === 'off') return 'up-off';
	if (sendsPicture && uplink === 'still') return 'up-still';
	if (sendsPicture && uplink === 'low') return 'up-low';
	return step === 'lower' ? 'lower' : null;
}
