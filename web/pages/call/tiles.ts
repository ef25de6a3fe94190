// Which pictures a call shows and which of them is large. No rendering in here.
import type { Consult, LocalTrack, Participant, RemoteTrack, Source } from '../../sdk/src';

export interface TileInfo {
	key: string;
	participant: Participant;
	self: boolean;
	/** `microphone`: no picture, sound at most. */
	source: Source;
	label: string;
	/** The remote track to show, or null when there is no picture now. */
	remote: RemoteTrack | null;
	local: LocalTrack | null;
	/** The microphone is muted or missing. */
	silent: boolean;
	speaking: boolean;
}

const ORDER: Source[] = ['screen', 'image', 'mix', 'ultrasound', 'endoscope', 'microscope', 'camera', 'camera2'];
const CONTENT: Source[] = ['screen', 'image', 'ultrasound', 'endoscope', 'microscope'];

/** Everybody else's pictures, one tile at least for everybody who is there, and own ones beside the camera. */
export function tilesOf(consult: Consult): TileInfo[] {
	const tracks = consult.remoteTracks;
	const tiles: TileInfo[] = [];
	for (const participant of consult.participants) {
		const self = participant.id === consult.me.id;
		const base = {
			participant,
			self,
			silent: !participant.tracks.some((t) => t.kind === 'audio' && !t.muted),
			speaking: consult.speakers.includes(participant.id),
			label: '',
			remote: null,
			local: null,
		};
		if (self) {
			for (const local of consult.localTracks) {
				if (local.kind === 'audio' || local.source === 'camera') continue;
				tiles.push({ ...base, key: `${participant.id}/${local.source}`, source: local.source, local, label: local.label });
			}
			continue;
		}
		const videos = tracks.filter((t) => t.participant === participant.id && t.kind === 'video');
		videos.sort((a, b) => ORDER.indexOf(a.source) - ORDER.indexOf(b.source));
		for (const video of videos) {
			const remote = video.muted || !video.mediaStreamTrack ? null : video;
			tiles.push({ ...base, key: `${participant.id}/${video.source}`, source: video.source, label: video.label, remote });
		}
		if (videos.length === 0) tiles.push({ ...base, key: `${participant.id}/microphone`, source: 'microphone' });
	}
	return tiles;
}

/** The tile to show large: the pinned one, else shared content, else who spoke last, else the first. */
export function mainTile(tiles: TileInfo[], pinned: string | null, lastSpeaker: string | null): TileInfo | null {
	const others = tiles.filter((t) => !t.self);
	return (
		tiles.find((t) => t.key === pinned) ??
		others.find((t) => CONTENT.includes(t.source) && t.remote) ??
		others.find((t) => t.participant.id === lastSpeaker) ??
		others.find((t) => t.remote) ??
		others[0] ??
		null
	);
}

export interface Floor {
	id: string | null;
	/** When this one was last heard, ms. */
	heard_ms: number;
}
const KEEP_FLOOR_MS = 2_000;

/** Who has the floor: whoever has it keeps it until silent for two seconds, so that a cough moves no pictures. */
export function nextFloor(floor: Floor, speakers: readonly string[], nowMs: number): Floor {
	if (floor.id !== null && speakers.includes(floor.id)) return { id: floor.id, heard_ms: nowMs };
	const next = speakers[0];
	if (next === undefined || (floor.id !== null && nowMs - floor.heard_ms < KEEP_FLOOR_MS)) return floor;
	return { id: next, heard_ms: nowMs };
}

/** Columns of the grid for so many tiles on a screen that is wide or upright. */
export function gridColumns(count: number, wide: boolean): number {
	if (count <= 1) return 1;
	if (!wide) return count <= 2 ? 1 : count <= 8 ? 2 : 3;
	return Math.min(5, Math.ceil(Math.sqrt(count)));
}
