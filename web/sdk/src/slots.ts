// Which receiving m-line (slot) shows which remote track. Slots come in groups, one group for one participant, so that
// a participant's sound and picture share a MediaStream and the browser keeps them in step. Slots live as long as the
// PeerConnection and are pointed elsewhere with `subscribe`, so most changes need no new offer. No WebRTC in here.
import type { Kind } from './protocol';
import type { Priority, Quality } from './types';

export interface WantedTrack {
	id: string;
	participant: string;
	kind: Kind;
	quality: Quality;
	/** Of the large picture: it steps down last. */
	priority?: Priority;
	/** Of the mix: whose interpreter is heard. */
	language?: string;
}

export interface Slot<Handle> {
	readonly handle: Handle;
	readonly kind: Kind;
	readonly group: string;
	track: string | null;
	quality: Quality;
	priority: Priority;
	language: string | undefined;
	/** What the gateway acknowledged last, as wishOf() had it; undefined: nothing yet. */
	sent: string | undefined;
}

/** All that is asked of the gateway for a slot, to compare. */
export function wishOf(slot: Slot<unknown>): string {
	return slot.track === null ? '-' : `${slot.track}/${slot.quality}/${slot.priority}/${slot.language ?? ''}`;
}

interface Group<Handle> {
	name: string;
	owner: string | null;
	slots: Slot<Handle>[];
}

/** The gateway takes offers of 128 KiB and a video m-line with all codecs has up to 8 KiB. What is left over is not shown. */
export const MAX_SLOTS = 24;

export class SlotTable<Handle> {
	private readonly groups: Group<Handle>[] = [];
	private count = 0;

	/** `create` adds a recvonly transceiver; it needs an offer before it has a mid. */
	constructor(private readonly create: (kind: Kind, group: string) => Handle) {}

	get slots(): Slot<Handle>[] {
		return this.groups.flatMap((g) => g.slots);
	}

	find(track: string): Slot<Handle> | undefined {
		return this.slots.find((s) => s.track === track);
	}

	/** Makes sure that one free pair waits for the next arrival. Returns true when slots were added. */
	spare(): boolean {
		if (this.groups.some((g) => g.owner === null)) return false;
		const group = this.newGroup(null);
		const audio = this.newSlot(group, 'audio');
		const video = this.newSlot(group, 'video');
		return audio !== null || video !== null;
	}

	/** Points slots at the wanted tracks, in order of importance. Returns true when slots were added. */
	assign(wanted: WantedTrack[]): boolean {
		this.release(wanted);
		let added = false;
		for (const track of wanted) {
			const group = this.groupOf(track.participant, wanted);
			let slot = group.slots.find((s) => s.track === track.id);
			slot ??= group.slots.find((s) => s.kind === track.kind && s.track === null);
			if (!slot) {
				const fresh = this.newSlot(group, track.kind);
				if (!fresh) continue;
				slot = fresh;
				added = true;
			}
			slot.track = track.id;
			slot.quality = track.quality;
			slot.priority = track.priority ?? 'normal';
			slot.language = track.language;
		}
		return added;
	}

	private release(wanted: WantedTrack[]): void {
		for (const group of this.groups) {
			for (const slot of group.slots) {
				if (slot.track !== null && !wanted.some((w) => w.id === slot.track)) slot.track = null;
			}
			if (group.owner !== null && !wanted.some((w) => w.participant === group.owner)) group.owner = null;
		}
	}

	private groupOf(participant: string, wanted: WantedTrack[]): Group<Handle> {
		const owned = this.groups.find((g) => g.owner === participant);
		if (owned) return owned;
		const need = wanted.filter((w) => w.participant === participant && w.kind === 'video').length;
		const videos = (g: Group<Handle>) => g.slots.filter((s) => s.kind === 'video').length;
		const free = this.groups.filter((g) => g.owner === null);
		// The group that fits best: enough slots and few to spare, else the largest.
		free.sort((a, b) => fit(videos(a), need) - fit(videos(b), need));
		const group = free[0] ?? this.newGroup(null);
		group.owner = participant;
		return group;
	}

	private newGroup(owner: string | null): Group<Handle> {
		const group: Group<Handle> = { name: `g${this.groups.length}`, owner, slots: [] };
		this.groups.push(group);
		return group;
	}

	private newSlot(group: Group<Handle>, kind: Kind): Slot<Handle> | null {
		if (this.count >= MAX_SLOTS) return null;
		this.count++;
		const handle = this.create(kind, group.name);
		const slot: Slot<Handle> = {
			handle, kind, group: group.name, track: null, quality: 'off', priority: 'normal', language: undefined, sent: undefined,
		};
		group.slots.push(slot);
		return slot;
	}
}

function fit(have: number, need: number): number {
	return have >= need ? have - need : (need - have) * 100;
}
