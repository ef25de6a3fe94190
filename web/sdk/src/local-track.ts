// One thing this participant publishes: keeps its device open, closed while muted, and gets it back when lost.
import { openCamera, openMicrophone, openScreen, facingOf, problemOf, type DeviceProblem, type Facing } from './devices';
import { Emitter } from './emitter';
import { contentHintOf } from './encodings';
import type { Kind, Source } from './protocol';

export interface PublishOptions {
	deviceId?: string;
	facing?: Facing;
	width?: number;
	height?: number;
	/** Your own track (a canvas, an imaging window): it is sent as it is and never reopened. */
	track?: MediaStreamTrack;
	/** A track that you opened just now for a preview: saves a second permission question. The SDK owns it from here on. */
	opened?: MediaStreamTrack;
	/** Shown to others, for example "Ultrasound, probe 2". */
	label?: string;
	muted?: boolean;
	/** Microphone without echo cancelling and noise suppression, for instruments; it is sent in silence, too. */
	raw?: boolean;
	/** Send this codec alone, with its layers in one stream. Only for receivers that all have it. */
	scalable?: 'vp9' | 'av1';
}

interface LocalTrackEvents {
	/** Another MediaStreamTrack, or none while muted or lost: put it on the sender. */
	track: MediaStreamTrack | null;
	/** Anything shown changed. */
	change: void;
	/** The user ended a screen share, or an own track ended. */
	ended: void;
}

export type Opener = (source: Source, options: PublishOptions) => Promise<MediaStreamTrack>;

export const openDevice: Opener = (source, options) => {
	if (source === 'microphone') return openMicrophone(options);
	if (source === 'screen') return openScreen();
	return openCamera(options);
};

const RECOVER_DELAYS_MS = [0, 500, 1_500, 4_000];
const RECOVER_LATER_MS = 8_000; // a phone call takes minutes
const RECOVER_ATTEMPTS = 120;
const MUTED_BY_SYSTEM_MS = 3_000;

export class LocalTrack extends Emitter<LocalTrackEvents> {
	readonly kind: Kind;
	readonly label: string;
	muted: boolean;
	/** Why there is no picture or sound although it is not muted. */
	problem: DeviceProblem | null = null;
	private current: MediaStreamTrack | null = null;
	private stopped = false;
	private wish: boolean; // the newest of setMuted(): an unmute may still be opening its device
	private work: Promise<void> = Promise.resolve();
	private recovering = false;
	private hurry: () => void = () => undefined;
	private mutedBySystemSince = 0;

	constructor(
		readonly source: Source,
		private options: PublishOptions,
		private readonly opener: Opener = openDevice,
	) {
		super();
		this.kind = source === 'microphone' ? 'audio' : 'video';
		this.label = options.label ?? '';
		this.muted = this.wish = options.muted ?? false;
	}

	get mediaStreamTrack(): MediaStreamTrack | null {
		return this.current;
	}

	get facing(): Facing | undefined {
		return (this.current && facingOf(this.current)) ?? this.options.facing;
	}

	get deviceId(): string | undefined {
		const settings = this.current && typeof this.current.getSettings === 'function' ? this.current.getSettings() : {};
		return settings.deviceId ?? this.options.deviceId;
	}

	get raw(): boolean {
		return this.options.raw === true;
	}

	get scalable(): 'vp9' | 'av1' | undefined {
		return this.options.scalable;
	}

	private get own(): boolean {
		return this.options.track !== undefined;
	}

	/** Opens the device. Rejects with DeviceError. A camera that starts muted stays dark. */
	open(): Promise<void> {
		return this.serial(async () => {
			const { track, opened } = this.options;
			if (track) this.use(track);
			else if (opened && opened.readyState === 'live') this.use(opened);
			else if (!this.isDark()) this.use(await this.opener(this.source, this.options));
		});
	}

	/**
	 * Muting a camera releases the device (its light goes out); a microphone stays open for a quick return. Muting is done on return,
	 * whatever device is being opened meanwhile. Rejects with DeviceError when a camera does not open again: it stays muted.
	 */
	setMuted(muted: boolean): Promise<void> {
		this.wish = muted;
		if (!muted && this.releasesDevice()) return this.serial(() => this.openAgain());
		this.apply(muted);
		return Promise.resolve();
	}

	/** Another device of the same kind. When the new one fails the old one comes back and the promise rejects. */
	switchTo(options: Pick<PublishOptions, 'deviceId' | 'facing'>): Promise<void> {
		return this.serial(async () => {
			if (this.own) return;
			const before = this.options;
			this.options = { ...before, deviceId: options.deviceId, facing: options.facing, opened: undefined };
			if (this.isDark()) return;
			// Most phones open one camera at a time: the old one must go first.
			if (this.source !== 'microphone') this.silentStop();
			try {
				this.use(await this.opener(this.source, this.options));
			} catch (error) {
				this.options = before;
				await this.opener(this.source, before).then(
					(track) => this.use(track),
					() => this.drop(),
				);
				throw error;
			}
		});
	}

	/** After an interruption (a phone call, sleep, an unplugged device): gets the device back if it is gone. */
	async recover(): Promise<void> {
		if (this.recovering) this.hurry();
		if (this.recovering || this.stopped || this.own || this.source === 'screen' || !this.isLost()) return;
		this.recovering = true;
		try {
			for (let i = 0; i < RECOVER_ATTEMPTS; i++) {
				const delay = RECOVER_DELAYS_MS[i] ?? RECOVER_LATER_MS;
				if (delay) await this.pause(delay);
				if (this.stopped || !this.isLost() || (await this.reopen()) || this.problem === 'denied') break;
			}
		} finally {
			this.recovering = false;
		}
	}

	/** Waits, or until somebody has news (a device was plugged in, the page is in front again). */
	private pause(ms: number): Promise<void> {
		return new Promise((resolve) => {
			const timer = setTimeout(resolve, ms);
			this.hurry = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}

	stop(): void {
		this.stopped = true;
		this.hurry();
		this.silentStop();
		this.emit('track', null);
		this.removeAllListeners();
	}

	private isLost(): boolean {
		if (this.isDark()) return false;
		if (!this.current || this.current.readyState === 'ended') return true;
		return this.mutedBySystemSince !== 0 && Date.now() - this.mutedBySystemSince > MUTED_BY_SYSTEM_MS;
	}

	private async reopen(): Promise<boolean> {
		let done = false;
		await this.serial(async () => {
			if (!this.isLost()) {
				done = true;
				return;
			}
			try {
				this.silentStop();
				this.use(await this.opener(this.source, this.options));
				done = true;
			} catch (error) {
				this.problem = this.isDark() ? null : problemOf(error);
				this.emit('change', undefined);
			}
		});
		return done;
	}

	private releasesDevice(): boolean {
		return this.kind === 'video' && this.source !== 'screen' && !this.own;
	}

	/** A muted camera: it has no device, nor a problem with one. */
	private isDark(): boolean {
		return this.muted && this.releasesDevice();
	}

	private apply(muted: boolean): void {
		if (this.muted === muted) return;
		this.muted = muted;
		if (this.isDark()) {
			this.problem = null;
			this.drop();
		} else if (this.current) {
			this.current.enabled = !muted;
		}
		this.emit('change', undefined);
	}

	private async openAgain(): Promise<void> {
		if (!this.muted || this.wish) return;
		const track = await this.opener(this.source, this.options);
		this.muted = this.wish; // muted again while it was being opened: use() closes it
		this.use(track);
	}

	private use(track: MediaStreamTrack): void {
		if (this.stopped || this.isDark()) {
			track.stop();
			return;
		}
		const old = this.current;
		this.current = track;
		this.problem = null;
		this.mutedBySystemSince = 0;
		track.enabled = !this.muted;
		const hint = contentHintOf(this.source);
		if (hint !== '' && 'contentHint' in track) track.contentHint = hint;
		track.onended = () => this.onEnded(track);
		track.onmute = () => {
			const since = Date.now();
			this.mutedBySystemSince = since;
			// A phone call, or another app: if the system does not give it back by itself, take it back.
			setTimeout(() => {
				if (this.current === track && this.mutedBySystemSince === since) void this.recover();
			}, MUTED_BY_SYSTEM_MS + 100);
		};
		track.onunmute = () => {
			this.mutedBySystemSince = 0;
		};
		this.emit('track', track);
		if (old && old !== track) this.release(old);
		this.emit('change', undefined);
	}

	private onEnded(track: MediaStreamTrack): void {
		if (this.current !== track || this.stopped) return;
		if (this.own || this.source === 'screen') {
			this.emit('ended', undefined);
			return;
		}
		void this.recover();
	}

	private drop(): void {
		this.silentStop();
		this.emit('track', null);
	}

	private silentStop(): void {
		const track = this.current;
		this.current = null;
		if (track) this.release(track);
	}

	private release(track: MediaStreamTrack): void {
		track.onended = track.onmute = track.onunmute = null;
		if (track !== this.options.track) track.stop();
	}

	/** One device operation at a time: a second tap waits for the first. */
	private serial(job: () => Promise<void>): Promise<void> {
		const run = this.work.then(job);
		this.work = run.catch(() => undefined);
		return run;
	}
}
