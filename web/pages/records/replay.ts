// All lanes on one clock: play, wait until everybody is ready, seek, speed. No UI.
import { ReplayClock } from './clock';
import { LanePlayer } from './lane-player';
import type { Lane } from './model';

export type ReplayState = 'paused' | 'waiting' | 'playing' | 'ended';

export interface ReplayOptions {
	lanes: Lane[];
	duration_ms: number;
	url: (path: string) => string;
	renew: () => Promise<void>;
}

const TICK_MS = 50;
/** What players need until they move, at most. */
const START_MS = 120;
/** A lane that is not ready for so long holds up the others no longer; it follows when it can. */
const PATIENCE_MS = 6_000;
const HICCUP_MS = 350;

export class Replay {
	readonly players: LanePlayer[];
	readonly duration_ms: number;
	state: ReplayState = 'paused';
	private readonly clock = new ReplayClock();
	private readonly listeners = new Set<() => void>();
	private readonly timer: ReturnType<typeof setInterval>;
	private waitingSince = 0;
	private lateSince = 0;
	private giveUp = new Set<LanePlayer>();

	constructor(options: ReplayOptions) {
		this.duration_ms = options.duration_ms;
		const changed = () => this.tell();
		this.players = options.lanes.map((lane) => new LanePlayer({ lane, url: options.url, renew: options.renew, changed }));
		this.timer = setInterval(() => this.tick(performance.now()), TICK_MS);
		this.tick(performance.now());
	}

	get position(): number {
		return Math.min(this.clock.position(performance.now()), this.duration_ms);
	}

	get speed(): number {
		return this.clock.speed;
	}

	get wanted(): boolean {
		return this.state === 'playing' || this.state === 'waiting';
	}

	/** Listens to states; positions are read when needed. */
	on(listener: () => void): () => void {
		this.listeners.add(listener);
		return () => void this.listeners.delete(listener);
	}

	play(): void {
		if (this.wanted) return;
		if (this.position >= this.duration_ms - 1) this.clock.seek(performance.now(), 0);
		this.wait();
	}

	pause(): void {
		this.clock.stop(performance.now());
		this.set('paused');
		this.tick(performance.now());
	}

	seek(at_ms: number): void {
		const now = performance.now();
		const on = this.wanted;
		this.clock.stop(now);
		this.clock.seek(now, Math.max(0, Math.min(at_ms, this.duration_ms)));
		if (on) this.wait();
		else this.set('paused');
		this.tick(now);
		this.tell();
	}

	setSpeed(speed: number): void {
		const now = performance.now();
		this.clock.setSpeed(now, speed);
		this.sync(now); // not with the next tick: until then all would be behind
		this.tell();
	}

	/** Of each track that plays, in ms ahead of the clock: for tests and support. */
	drifts(): Record<string, number> {
		const position = this.clock.position(performance.now());
		const drifts: Record<string, number> = {};
		for (const p of this.players) {
			const drift = p.drift(position);
			if (drift !== null) drifts[p.lane.key] = Math.round(drift * 10) / 10;
		}
		return drifts;
	}

	stop(): void {
		clearInterval(this.timer);
		this.listeners.clear();
		for (const player of this.players) player.stop();
	}

	private wait(): void {
		this.waitingSince = performance.now();
		this.giveUp.clear();
		this.set('waiting');
	}

	private tick(now: number): void {
		let position = this.clock.position(now);
		if (this.state === 'playing' && position >= this.duration_ms) {
			this.clock.stop(now);
			this.clock.seek(now, this.duration_ms);
			position = this.duration_ms;
			this.set('ended');
		}
		this.sync(now);
		const late = this.players.filter((p) => !this.giveUp.has(p) && !p.ready(position));
		if (this.state === 'waiting') this.maybeStart(now, late);
		else if (this.state === 'playing') this.maybeWait(now, late);
	}

	private sync(now: number): void {
		const { running, speed } = this.clock;
		const moment = { position: this.clock.position(now), approach: this.clock.approach(now), playing: running, speed, now };
		for (const p of this.players) p.sync(moment);
	}

	private maybeStart(now: number, late: LanePlayer[]): void {
		if (late.length > 0 && now - this.waitingSince < PATIENCE_MS) return;
		for (const p of late) this.giveUp.add(p);
		this.lateSince = 0;
		this.clock.start(now, START_MS);
		this.sync(now);
		this.set('playing');
	}

	/** A network that does not follow: everybody waits, so that nobody hears what others do not see. */
	private maybeWait(now: number, late: LanePlayer[]): void {
		if (late.length === 0) {
			this.lateSince = 0;
			return;
		}
		this.lateSince ||= now;
		if (now - this.lateSince < HICCUP_MS) return;
		this.clock.stop(now);
		this.lateSince = 0;
		this.wait();
	}

	private set(state: ReplayState): void {
		if (this.state === state) return;
		this.state = state;
		this.tell();
	}

	private tell(): void {
		for (const listener of this.listeners) listener();
	}
}
