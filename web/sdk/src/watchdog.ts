// Decides when a silent PeerConnection needs an ICE restart and when a new one. Reads no clock but setTimeout.
import type { PeerState } from './peer';

export interface WatchdogActions {
	restartIce(): void;
	rebuild(): void;
	/** True while the signaling socket is joined; without it nothing can be repaired. */
	canSignal(): boolean;
}

const DISCONNECTED_MS = 3_000;
const RESTART_MS = 6_000;
const CONNECT_MS = 10_000;
const MAX_CONNECT_MS = 30_000;

export class Watchdog {
	private timer: ReturnType<typeof setTimeout> | undefined;
	private step: 'idle' | 'disconnected' | 'restarting' | 'rebuilding' = 'idle';
	private rebuilds = 0;
	private last: PeerState = 'new';

	constructor(private readonly actions: WatchdogActions) {}

	onState(state: PeerState): void {
		this.last = state;
		if (state === 'connected') {
			this.step = 'idle';
			this.rebuilds = 0;
			clearTimeout(this.timer);
		} else if (state === 'disconnected' && this.step === 'idle') {
			this.arm('disconnected', DISCONNECTED_MS);
		} else if (state === 'failed' && (this.step === 'idle' || this.step === 'disconnected')) {
			this.restart();
		} else if (state === 'failed' && this.step === 'restarting') {
			this.rebuild();
		}
	}

	/** A first or new PeerConnection was made: it has so long to connect. */
	expectConnection(): void {
		this.last = 'new';
		const ms = Math.min(MAX_CONNECT_MS, CONNECT_MS * (this.rebuilds + 1));
		this.arm('rebuilding', ms);
	}

	/** The network is another one (Wi-Fi to 4G): do not wait out the three seconds. */
	hurry(): void {
		if (this.step === 'disconnected') this.restart();
	}

	/** The socket came back: what had to wait can be done now. */
	onSignal(): void {
		if (this.last === 'connected' || this.step !== 'idle') return;
		if (this.last === 'disconnected' || this.last === 'failed') this.restart();
	}

	stop(): void {
		clearTimeout(this.timer);
		this.step = 'idle';
	}

	private arm(step: 'disconnected' | 'restarting' | 'rebuilding', ms: number): void {
		this.step = step;
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.onTimer(), ms);
	}

	private onTimer(): void {
		if (this.step === 'disconnected') this.restart();
		else if (this.step !== 'idle') this.rebuild();
	}

	private restart(): void {
		if (!this.actions.canSignal()) {
			this.stop(); // onSignal() comes back to it
			return;
		}
		this.arm('restarting', RESTART_MS);
		this.actions.restartIce();
	}

	private rebuild(): void {
		if (!this.actions.canSignal()) {
			this.arm('rebuilding', DISCONNECTED_MS);
			return;
		}
		this.rebuilds++;
		this.actions.rebuild(); // calls expectConnection()
	}
}
