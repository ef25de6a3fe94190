// One lane: the media element of the part that plays now, and of the next one when it is near.
import { correct, learnLag, learnLead } from './clock';
import { placeOf, type Lane, type Part, type Place } from './model';

const AHEAD_MS = 8_000;
const SETTLE_MS = 250;
/** Starts nearer than this, a little more than a tick, get a timer of their own. */
const PLAN_MS = 60;
const LATE_MS = 90;

/** What the clock says to all lanes. Times: ms. */
export interface Moment {
	position: number;
	/** The same with the time until it starts (clock.ts). */
	approach: number;
	playing: boolean;
	speed: number;
	now: number;
}

interface Slot {
	index: number;
	element: HTMLVideoElement;
	correcting: boolean;
	movedAt: number;
	/** A jump while it plays, or a start: how late it was is looked at once. */
	jumped: boolean;
	began: boolean;
	/** Of a start that is near. */
	timer: ReturnType<typeof setTimeout> | undefined;
	retried: boolean;
	failed: boolean;
}

export interface LanePlayerOptions {
	lane: Lane;
	url: (path: string) => string;
	/** A file could not be fetched: the pass may be over. Resolves once there is a new one. */
	renew: () => Promise<void>;
	changed: () => void;
}

export class LanePlayer {
	readonly lane: Lane;
	/** Elements live in here. */
	readonly host: HTMLDivElement;
	place: Place = 'before';
	muted = false;
	/** The browser wants a touch before it lets sound out. */
	blocked = false;
	private slots: Slot[] = [];
	private current = -1;
	private lead = 60;
	private lag: number;
	private stopped = false;

	constructor(private readonly options: LanePlayerOptions) {
		this.lane = options.lane;
		this.lag = options.lane.audio ? 75 : 0;
		this.host = document.createElement('div');
		this.host.className = 'media';
	}

	get failed(): boolean {
		return this.place === 'in' && (this.slot()?.failed ?? false);
	}

	/** Of the part that plays: ahead of the clock, in ms; null while there is none. */
	drift(position: number): number | null {
		const slot = this.slot();
		const part = this.lane.parts[this.current];
		if (this.place !== 'in' || !slot || !part || slot.element.paused || slot.element.seeking) return null;
		return slot.element.currentTime * 1000 - (position - part.at_ms);
	}

	/** It could go on from here at once, or nothing is to be waited for. */
	ready(position: number): boolean {
		const slot = this.slot();
		const part = this.lane.parts[this.current];
		if (this.place !== 'in' || !slot || !part || slot.failed || slot.element.ended) return true;
		const left = part.at_ms + part.duration_ms - position;
		return !slot.element.seeking && (slot.element.readyState >= 3 || (left < 400 && slot.element.readyState >= 2));
	}

	sync(moment: Moment): void {
		const { position, playing } = moment;
		const { place, index } = placeOf(this.lane.parts, position);
		const moved = place !== this.place || index !== this.current;
		this.place = place;
		this.current = index;
		this.keep(index, position);
		for (const slot of this.slots) {
			const part = this.lane.parts[slot.index] as Part;
			const on = slot.index === index && place !== 'before';
			slot.element.classList.toggle('on', on);
			if (!playing) this.unplan(slot);
			if (on && place === 'in') {
				slot.element.muted = this.muted;
				this.follow(slot, part, moment);
			} else if (playing && slot.index === index + 1) {
				this.comeIn(slot, part, moment);
			} else {
				this.rest(slot, on);
			}
		}
		if (moved) this.options.changed();
	}

	/** In a click: what the browser held back may play now. */
	touch(): void {
		this.blocked = false;
		void this.slot()?.element.play().catch(() => undefined);
		this.options.changed();
	}

	stop(): void {
		this.stopped = true;
		for (const slot of this.slots) this.release(slot);
		this.slots = [];
		this.host.remove();
	}

	private slot(): Slot | undefined {
		return this.slots.find((s) => s.index === this.current);
	}

	private follow(slot: Slot, part: Part, moment: Moment): void {
		const { position, playing, speed, now } = moment;
		const { element } = slot;
		const wanted = Math.max(0, position - part.at_ms);
		if (slot.failed || element.readyState === 0 || element.seeking || (element.ended && playing)) return;
		const drift = element.currentTime * 1000 - wanted;
		if (!playing) {
			slot.correcting = false;
			if (!element.paused) element.pause();
			if (Math.abs(drift) > 20) element.currentTime = wanted / 1000;
			return;
		}
		if (element.paused) {
			// Not a jump for a step of the clock: while it jumps the clock goes on, and it would never arrive.
			if (Math.abs(drift) > LATE_MS * speed) this.jump(slot, wanted, speed);
			this.plan(slot, part, moment);
			return;
		}
		if (now - slot.movedAt < SETTLE_MS) return;
		if (slot.jumped) this.lead = learnLead(this.lead, -drift);
		else if (slot.began) this.lag = learnLag(this.lag, -drift / speed);
		slot.jumped = false;
		slot.began = false;
		const todo = correct(drift, slot.correcting);
		slot.correcting = todo.factor !== 1;
		if (todo.seek) {
			this.jump(slot, wanted, speed);
			slot.movedAt = now + 200;
		}
		const rate = Math.round(speed * todo.factor * 1000) / 1000;
		if (element.playbackRate !== rate) element.playbackRate = rate;
	}

	private jump(slot: Slot, wanted: number, speed: number): void {
		slot.jumped = true;
		slot.element.currentTime = (wanted + this.lead * speed) / 1000;
	}

	/** The last picture of a part, also for who jumps behind it. */
	private hold(slot: Slot): void {
		const { element } = slot;
		if (element.readyState === 0 || element.seeking || element.ended || !Number.isFinite(element.duration)) return;
		if (element.duration - element.currentTime > 0.3) element.currentTime = Math.max(0, element.duration - 0.1);
	}

	/** The next part: begins so early that it moves when the clock is there. */
	private comeIn(slot: Slot, part: Part, moment: Moment): void {
		const { element } = slot;
		if (!element.paused) return; // it is on its way
		if (element.currentTime > 0.02 && !element.seeking) element.currentTime = 0;
		else if (element.readyState >= 3 && !slot.failed) this.plan(slot, part, moment);
	}

	private rest(slot: Slot, on: boolean): void {
		this.unplan(slot);
		slot.element.muted = true;
		if (!slot.element.paused) slot.element.pause();
		if (on && this.place === 'between') this.hold(slot);
	}

	/** Plays when the clock, plus what this player needs to get going, is where the element is. */
	private plan(slot: Slot, part: Part, { approach, speed }: Moment): void {
		const due = (slot.element.currentTime * 1000 + part.at_ms - approach) / speed - this.lag;
		if (this.blocked || slot.timer !== undefined || due > PLAN_MS) return;
		slot.timer = setTimeout(() => {
			slot.timer = undefined;
			slot.element.muted = this.muted;
			this.begin(slot, speed);
		}, Math.max(0, due));
	}

	private unplan(slot: Slot): void {
		clearTimeout(slot.timer);
		slot.timer = undefined;
	}

	private begin(slot: Slot, speed: number): void {
		slot.element.playbackRate = speed;
		slot.movedAt = performance.now();
		slot.began = true;
		slot.element.play().then(
			() => (this.blocked = false),
			(error: { name?: string }) => {
				if (error.name === 'NotAllowedError' && !this.blocked) {
					this.blocked = true;
					this.options.changed();
				}
			},
		);
	}

	/** Elements of the part that plays and of the next when it is near; all others are let go. */
	private keep(index: number, position: number): void {
		const next = this.lane.parts[index + 1];
		const wanted = [index, next && next.at_ms - position < AHEAD_MS ? index + 1 : -1].filter((i) => i >= 0);
		if (this.slots.length === wanted.length && this.slots.every((s) => wanted.includes(s.index))) return;
		for (const slot of this.slots.filter((s) => !wanted.includes(s.index))) this.release(slot);
		this.slots = this.slots.filter((s) => wanted.includes(s.index));
		for (const i of wanted) if (!this.slots.some((s) => s.index === i)) this.slots.push(this.open(i));
	}

	private open(index: number): Slot {
		const part = this.lane.parts[index] as Part;
		const element = document.createElement('video');
		element.playsInline = true;
		element.preload = 'auto';
		element.muted = true;
		element.disablePictureInPicture = true;
		element.dataset.path = part.path;
		element.setAttribute('aria-hidden', 'true');
		const slot: Slot = { index, element, correcting: false, movedAt: 0, jumped: false, began: false, timer: undefined, retried: false, failed: false };
		element.addEventListener('error', () => this.onError(slot, part));
		element.src = this.options.url(part.path);
		this.host.append(element);
		return slot;
	}

	private onError(slot: Slot, part: Part): void {
		if (this.stopped || !this.slots.includes(slot)) return;
		if (slot.retried) {
			slot.failed = true;
			this.options.changed();
			return;
		}
		slot.retried = true;
		void this.options.renew().then(
			() => {
				if (this.stopped || !this.slots.includes(slot)) return;
				slot.element.src = this.options.url(part.path);
				slot.element.addEventListener('playing', () => (slot.retried = false), { once: true });
			},
			() => {
				slot.failed = true;
				this.options.changed();
			},
		);
	}

	private release(slot: Slot): void {
		this.unplan(slot);
		slot.element.pause();
		slot.element.removeAttribute('src');
		slot.element.load(); // lets the connection go
		slot.element.remove();
	}
}
