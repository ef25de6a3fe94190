// Plays every remote microphone through an element of its own, and says when the browser wants a gesture first.
import type { Peer } from './peer';
import { setSpeaker } from './devices';
import { MIX } from './wanted';

interface Outlet {
	element: HTMLAudioElement;
	track: MediaStreamTrack;
	/** It goes when this fires. */
	leaving?: ReturnType<typeof setTimeout>;
}

/** The gateway lets a mix be heard until the voices are back: it is played for as long. */
const LINGER_MS = 1_200;

export class AudioOutput {
	private readonly outlets = new Map<string, Outlet>();
	private blockedNow = false;
	private speaker: string | undefined;

	/** `onBlocked(true)`: show "tap to hear"; call resume() in the tap. */
	constructor(private readonly onBlocked: (blocked: boolean) => void) {}

	get blocked(): boolean {
		return this.blockedNow;
	}

	/** One element per remote audio track; elements of tracks that went are removed. */
	update(peer: Peer | null, trackIds: string[]): void {
		if (typeof document === 'undefined') return;
		for (const [id, outlet] of this.outlets) {
			const track = trackIds.includes(id) ? peer?.mediaTrack(id) : null;
			if (track === outlet.track) {
				clearTimeout(outlet.leaving);
				outlet.leaving = undefined;
			} else if (id === MIX && !track && peer) {
				outlet.leaving ??= setTimeout(() => this.outlets.get(id) === outlet && this.remove(id), LINGER_MS);
			} else {
				this.remove(id);
			}
		}
		for (const id of trackIds) {
			const track = peer?.mediaTrack(id);
			if (track && !this.outlets.has(id)) this.add(id, track);
		}
		if (this.outlets.size === 0) this.setBlocked(false);
	}

	/** Call from a tap or click, or when the page comes back to the front. */
	async resume(): Promise<void> {
		const results = await Promise.all([...this.outlets.values()].map((o) => this.play(o.element)));
		this.setBlocked(results.includes('blocked'));
	}

	/** False when the browser cannot choose the loudspeaker. */
	async setSpeaker(deviceId: string): Promise<boolean> {
		this.speaker = deviceId;
		const done = await Promise.all([...this.outlets.values()].map((o) => setSpeaker(o.element, deviceId)));
		return done.every(Boolean);
	}

	stop(): void {
		for (const id of [...this.outlets.keys()]) this.remove(id);
		this.setBlocked(false);
	}

	private add(id: string, track: MediaStreamTrack): void {
		const element = document.createElement('audio');
		element.autoplay = true;
		element.setAttribute('playsinline', '');
		element.dataset.huizhenTrack = id;
		element.hidden = true;
		element.srcObject = new MediaStream([track]);
		document.body.appendChild(element);
		this.outlets.set(id, { element, track });
		if (this.speaker !== undefined) void setSpeaker(element, this.speaker);
		void this.play(element).then((result) => {
			if (result === 'blocked' && this.outlets.get(id)?.element === element) this.setBlocked(true);
		});
	}

	private remove(id: string): void {
		const outlet = this.outlets.get(id);
		if (!outlet) return;
		clearTimeout(outlet.leaving);
		this.outlets.delete(id);
		outlet.element.srcObject = null;
		outlet.element.remove();
	}

	private async play(element: HTMLAudioElement): Promise<'playing' | 'blocked' | 'aborted'> {
		try {
			await element.play();
			return 'playing';
		} catch (error) {
			return (error as { name?: string }).name === 'NotAllowedError' ? 'blocked' : 'aborted';
		}
	}

	private setBlocked(blocked: boolean): void {
		if (this.blockedNow === blocked) return;
		this.blockedNow = blocked;
		this.onBlocked(blocked);
	}
}
