// What this participant publishes, by source. Outlives PeerConnections: a new one gets the same open devices.
import { HuizhenError } from './errors';
import { LocalTrack, openDevice, type Opener, type PublishOptions } from './local-track';
import type { Peer } from './peer';
import type { Source, Track } from './protocol';

export interface PublicationHooks {
	/** The peer to publish on, or null while there is none. */
	peer(): Peer | null;
	/** Tells the gateway about a mute; rejects when it did not hear it, or does not know the track yet. */
	update(source: Source, muted: boolean): Promise<void>;
	onChange(): void;
	onMutedByHost(source: Source): void;
}

export class Publications {
	private readonly tracks = new Map<Source, LocalTrack>();
	/** Own mutes not yet acknowledged: pushes that arrive meanwhile are older than the user's wish. */
	private readonly pending = new Map<Source, number>();
	/** Whose newest mute or unmute the gateway may not have heard: resync() repeats these, and nothing else. */
	private readonly lost = new Set<Source>();

	constructor(private readonly hooks: PublicationHooks, private readonly opener: Opener = openDevice) {}

	get all(): LocalTrack[] {
		return [...this.tracks.values()];
	}

	get(source: Source): LocalTrack | undefined {
		return this.tracks.get(source);
	}

	async publish(source: Source, options: PublishOptions): Promise<LocalTrack> {
		if (this.tracks.has(source)) throw new HuizhenError(`${source} is published already`);
		const local = new LocalTrack(source, options, this.opener);
		this.tracks.set(source, local);
		try {
			await local.open();
		} catch (error) {
			if (this.tracks.get(source) === local) this.unpublish(source); // a new PeerConnection may have it already
			throw error;
		}
		if (this.tracks.get(source) !== local) {
			local.stop(); // unpublished while the permission question was open
			throw new HuizhenError(`${source} was unpublished`);
		}
		local.on('track', (track) => this.hooks.peer()?.replaceTrack(source, track));
		local.on('change', () => this.hooks.onChange());
		local.on('ended', () => this.unpublish(source));
		this.send(local);
		this.hooks.onChange();
		return local;
	}

	unpublish(source: Source): void {
		const local = this.tracks.get(source);
		if (!local) return;
		this.tracks.delete(source);
		this.lost.delete(source);
		this.hooks.peer()?.unpublish(source);
		local.stop();
		this.hooks.onChange();
	}

	async setMuted(source: Source, muted: boolean): Promise<void> {
		const local = this.tracks.get(source);
		if (!local) throw new HuizhenError(`${source} is not published`);
		this.pending.set(source, (this.pending.get(source) ?? 0) + 1);
		try {
			await local.setMuted(muted);
			if (local.muted !== muted) return; // taken back meanwhile
			this.hooks.peer()?.setMuted(source, muted);
			await this.tell(local);
		} finally {
			const left = (this.pending.get(source) ?? 1) - 1;
			if (left > 0) this.pending.set(source, left);
			else this.pending.delete(source);
		}
	}

	/** The gateway's view of own tracks: a host's mute is obeyed, whenever it was made; what it did not hear of ours is repeated. */
	resync(own: Track[]): void {
		for (const local of this.all) {
			const remote = own.find((t) => t.source === local.source);
			if (!remote || this.pending.has(local.source)) continue;
			if (remote.muted === local.muted) {
				this.lost.delete(local.source); // its answer alone was lost
			} else if (remote.muted && !this.lost.has(local.source)) {
				this.hooks.peer()?.setMuted(local.source, true);
				void local.setMuted(true);
				this.hooks.onMutedByHost(local.source);
			} else {
				void this.tell(local);
			}
		}
	}

	/** Puts everything on a new PeerConnection. */
	republish(): void {
		for (const local of this.all) this.send(local);
	}

	recover(): void {
		for (const local of this.all) void local.recover();
	}

	stop(): void {
		for (const local of this.all) local.stop();
		this.tracks.clear();
	}

	private async tell(local: LocalTrack): Promise<void> {
		const { source, muted } = local;
		try {
			await this.hooks.update(source, muted);
			if (local.muted === muted) this.lost.delete(source);
		} catch {
			if (this.tracks.get(source) === local) this.lost.add(source);
		}
	}

	private send(local: LocalTrack): void {
		this.hooks.peer()?.publish({
			source: local.source,
			track: local.mediaStreamTrack,
			label: local.label,
			muted: local.muted,
			raw: local.raw,
			scalable: local.scalable,
		});
	}
}
