// A broadcast comes two ways: directly (WHEP, below a second), and as files behind a delay (HLS). Directly first; the files where there is
// no place left, no connection within CONNECT_MS, or it was lost LOSSES times; and directly again when the viewer says so, or a try
// beside the files succeeds. No DOM: who plays is handed in.
import type { WhepState } from './whep';

export type Leg = 'live' | 'files';
export type LegState = WhepState | 'ended';

export interface Player {
	start(): void;
	stop(): void;
}
export interface LiveEvents {
	onState(state: WhepState): void;
	onStream(stream: MediaStream): void;
	onFull(): void; // no place is left
	onAnswer(): void; // from now on it should connect
}
export interface LegsOptions {
	live(events: LiveEvents): Player;
	files(onState: (state: LegState) => void): Player;
	filesThere(): boolean;
	onLeg(leg: Leg): void;
	onState(state: LegState): void;
	onStream(stream: MediaStream): void;
}

export const CONNECT_MS = 8_000;
export const LOSSES = 2;
export const RETRY_MS = 60_000;

export class Legs {
	leg: Leg = 'live';
	private player: Player | null = null;
	private probe: Player | null = null;
	private connecting: ReturnType<typeof setTimeout> | undefined;
	private retry: ReturnType<typeof setTimeout> | undefined;
	private losses = 0;
	private chosen = false; // the viewer wants the files: nothing leads away from them but the viewer

	constructor(private readonly options: LegsOptions) {}

	start(): void {
		this.goLive();
	}

	stop(): void {
		clearTimeout(this.connecting);
		clearTimeout(this.retry);
		this.probe?.stop();
		this.player?.stop();
		this.player = this.probe = null;
	}

	goLive(): void {
		this.stop();
		this.chosen = false;
		this.losses = 0;
		this.enter('live');
		const player = this.options.live({
			onState: (state) => player === this.player && this.onLive(state),
			onStream: (stream) => player === this.player && this.options.onStream(stream),
			onFull: () => player === this.player && this.fall(),
			onAnswer: () => player === this.player && this.wait(),
		});
		this.player = player;
		this.wait();
		player.start();
	}

	// By the viewer's choice.
	goFiles(): void {
		this.chosen = true;
		this.fall();
	}

	private enter(leg: Leg): void {
		this.leg = leg;
		this.options.onLeg(leg);
	}

	private wait(): void {
		clearTimeout(this.connecting);
		this.connecting = setTimeout(() => this.fall(), CONNECT_MS);
	}

	private onLive(state: WhepState): void {
		if (state !== 'connecting') clearTimeout(this.connecting);
		this.options.onState(state);
		if (state === 'lost' && ++this.losses >= LOSSES) this.fall();
	}

	private fall(): void {
		if (this.leg === 'files' || !this.options.filesThere()) return;
		this.stop();
		this.enter('files');
		const player = this.options.files((state) => {
			if (player === this.player) this.options.onState(state);
		});
		this.player = player;
		player.start();
		this.later();
	}

	private later(): void {
		clearTimeout(this.retry);
		if (!this.chosen) this.retry = setTimeout(() => this.tryLive(), RETRY_MS);
	}

	// Beside the files, which go on until it plays.
	private tryLive(): void {
		let found: MediaStream | null = null;
		const fail = () => {
			if (probe !== this.probe) return;
			clearTimeout(this.connecting);
			this.probe = null;
			probe.stop();
			this.later();
		};
		const probe: Player = this.options.live({
			onStream: (stream) => {
				found = stream;
				if (probe === this.player) this.options.onStream(stream);
			},
			onFull: () => (probe === this.player ? this.fall() : fail()),
			onAnswer: () => {
				if (probe === this.player) this.wait();
			},
			onState: (state) => {
				if (probe === this.player) this.onLive(state);
				else if (probe === this.probe && state === 'playing' && found) this.swap(probe, found);
				else if (state !== 'connecting' && state !== 'playing') fail();
			},
		});
		this.probe = probe;
		this.connecting = setTimeout(fail, CONNECT_MS);
		probe.start();
	}

	private swap(probe: Player, stream: MediaStream): void {
		this.probe = null;
		this.stop();
		this.losses = 0;
		this.player = probe;
		this.enter('live');
		this.options.onStream(stream);
		this.options.onState('playing');
	}
}
