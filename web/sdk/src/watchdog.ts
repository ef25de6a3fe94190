// Decides when a PeerConnection needs an ICE restart and when a new one. A restart costs nothing: the old path goes on
// until the new one works, so it is done at the first sign of trouble. A new PeerConnection is the last resort: only when
// a restart that the gateway answered brought nothing. Reads no clock but setTimeout.
import type { PeerState } from './peer';

export interface WatchdogActions {
	restartIce(): void;
	rebuild(): void;
	/** True while the signaling socket is joined; without it nothing can be repaired. */
	canSignal(): boolean;
}

const RESTART_MS = 6_000;
const CONNECT_MS = 10_000;
const MAX_CONNECT_MS = 30_000;
const RETRY_MS = 3_000;

export class Watchdog {
	private timer: ReturnType<typeof setTimeout> | undefined;
	private step: 'idle' | 'restarting' | 'rebuilding' = 'idle';
	private answered = false;
	private wanted = false;
	private rebuilds = 0;
	private last: PeerState = 'new';

	constructor(private readonly actions: WatchdogActions) {}

	onState(state: PeerState): void {
		this.last = state;
		if (state === 'connected') this.calm();
		else if (state === 'disconnected' && this.step === 'idle') this.restart();
		else if (state === 'failed' && this.step === 'idle') this.restart();
		else if (state === 'failed' && this.step === 'restarting' && this.answered) this.rebuild();
	}

	/** A first or new PeerConnection was made: it has so long to connect. */
	expectConnection(): void {
		this.last = 'new';
		this.wanted = false;
		this.arm('rebuilding', Math.min(MAX_CONNECT_MS, CONNECT_MS * (this.rebuilds + 1)));
	}

	/** The network is another one (Wi-Fi to 4G), or nothing arrives any more. */
	trouble(): void {
		if (this.step === 'idle') this.restart();
	}

	/** The gateway wants ICE restarted: as if trouble was seen here, so that the same trouble makes no second one. */
	asked(): void {
		if (this.step === 'rebuilding') this.actions.restartIce(); // the new one's delays rule
		else this.restart();
	}

	/** An answer was applied: from now on a restart must bring something. */
	onAnswer(): void {
		if (this.step !== 'restarting' || this.answered) return;
		this.answered = true;
		this.arm('restarting', RESTART_MS);
	}

	/** The gateway will not take the restart's offer, nor is it repeated: only a new PeerConnection helps. */
	onRefused(): void {
		if (this.step === 'restarting' && !this.answered) this.rebuild();
	}

	/** Something arrives (again). */
	onArrival(): void {
		this.wanted = false;
		if (this.last === 'connected' && this.step === 'restarting' && this.answered) this.calm();
	}

	/** The socket came back: what had to wait can be done now. */
	onSignal(): void {
		if (this.step !== 'idle') return;
		if (this.wanted || this.last === 'disconnected' || this.last === 'failed') this.restart();
	}

	stop(): void {
		clearTimeout(this.timer);
		this.step = 'idle';
		this.wanted = false;
	}

	private calm(): void {
		this.stop();
		this.rebuilds = 0;
	}

	private arm(step: 'restarting' | 'rebuilding', ms: number): void {
		this.step = step;
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.rebuild(), ms);
	}

	private restart(): void {
		if (!this.actions.canSignal()) {
			this.wanted = true; // onSignal() comes back to it
			return;
		}
		this.step = 'restarting';
		this.answered = false;
		this.wanted = false;
		clearTimeout(this.timer);
		this.actions.restartIce();
	}

	private rebuild(): void {
		if (!this.actions.canSignal()) {
			this.arm(this.step === 'restarting' ? 'restarting' : 'rebuilding', RETRY_MS);
			return;
		}
		this.rebuilds++;
		this.actions.rebuild(); // calls expectConnection()
	}
}
