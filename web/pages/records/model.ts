// What a record is made of (recorder/manifest.h), as the player needs it: lanes of parts on one time line, and its events.
import { foldTable } from './table-events';
export interface ManifestFile {
	path: string;
	role: string;
	track?: string;
	participant?: string;
	source?: string;
	kind?: string;
	container?: string;
	at_ms?: number;
	duration_ms?: number;
	width?: number;
	height?: number;
	bytes: number;
	sha256: string;
}

export interface ManifestPerson {
	id: string;
	name: string;
	role: string;
}

export interface Manifest {
	title?: string;
	wall_zero_ms: number;
	started_ms: number;
	ended_ms: number;
	participants: ManifestPerson[];
	files: ManifestFile[];
	tracks: { track: number; key: string; participant: string; source: string; lost?: number; erased?: boolean }[];
	journal?: { gaps?: { track: number; at_ms: number; packets: number }[]; torn_bytes?: number };
	warnings?: string[];
}

export interface TimelineEvent {
	at_ms: number;
	type: string;
	participant?: string;
	detail?: Record<string, unknown>;
}

export interface Part {
	path: string;
	at_ms: number;
	duration_ms: number;
}

/** One picture or sound of one person: its files one after the other. */
export interface Lane {
	key: string;
	participant: string;
	source: string;
	video: boolean;
	audio: boolean;
	parts: Part[];
	/** Where packets never reached the disk. */
	losses: { at_ms: number; packets: number }[];
}

export interface Plan {
	duration_ms: number;
	lanes: Lane[];
	composed: Lane | null;
	poster: string | null;
	/** Whose recording was destroyed. */
	erased: string[];
	/** Somewhere on the time line, whoever it was. */
	losses: { at_ms: number; packets: number }[];
}

const end = (part: Part) => part.at_ms + part.duration_ms;

function partOf(file: ManifestFile): Part {
	return { path: file.path, at_ms: file.at_ms ?? 0, duration_ms: Math.max(file.duration_ms ?? 0, 0) };
}

/** Tracks that follow each other are one lane; what overlaps (a second camera of the same name) gets another. */
function lanesOf(files: ManifestFile[]): Lane[] {
	const lanes: Lane[] = [];
	const tracks = files.filter((f) => f.role === 'track' && (f.container === 'mp4' || f.container === 'webm'));
	for (const file of [...tracks].sort((a, b) => (a.at_ms ?? 0) - (b.at_ms ?? 0) || (a.path < b.path ? -1 : 1))) {
		const part = partOf(file);
		const participant = file.participant ?? '';
		const source = file.source ?? '';
		let lane = lanes.find((l) => {
			const last = l.parts[l.parts.length - 1];
			return l.participant === participant && l.source === source && last !== undefined && end(last) <= part.at_ms + 500;
		});
		if (!lane) {
			const n = lanes.filter((l) => l.participant === participant && l.source === source).length;
			lane = { key: `${participant}/${source}/${n}`, participant, source, video: false, audio: false, parts: [], losses: [] };
			lanes.push(lane);
		}
		lane.parts.push(part);
		lane.video ||= file.kind !== 'audio';
		lane.audio ||= file.kind !== 'video';
	}
	return lanes;
}

export function planOf(manifest: Manifest, events: TimelineEvent[]): Plan {
	const files = manifest.files ?? [];
	const lanes = lanesOf(files);
	const tracks = manifest.tracks ?? [];
	const losses = (manifest.journal?.gaps ?? []).filter((g) => g.at_ms >= 0);
	for (const gap of losses) {
		const track = tracks.find((t) => t.track === gap.track);
		const lane = lanes.find((l) => l.participant === track?.participant && l.source === track.source);
		lane?.losses.push({ at_ms: gap.at_ms, packets: gap.packets });
	}
	const composed = files.find((f) => f.role === 'composed');
	const ends = [...lanes.flatMap((l) => l.parts.map(end)), ...events.map((e) => e.at_ms), 0];
	const room: Lane | null = composed
		? { key: 'composed', participant: '', source: 'mix', video: true, audio: true, parts: [partOf(composed)], losses: [] }
		: null;
	if (room?.parts[0]) ends.push(end(room.parts[0]));
	return {
		duration_ms: Math.max(...ends),
		lanes,
		composed: room,
		poster: files.find((f) => f.role === 'poster')?.path ?? null,
		erased: [...new Set(tracks.filter((t) => t.erased).map((t) => t.participant))],
		losses: losses.map((g) => ({ at_ms: g.at_ms, packets: g.packets })),
	};
}

export type Place = 'before' | 'in' | 'between' | 'after';

/** Where `at_ms` is among the parts: in one, or before, between, behind them. `index`: that part, or the one before; -1 none. */
export function placeOf(parts: Part[], at_ms: number): { place: Place; index: number } {
	let index = -1;
	while (index + 1 < parts.length && (parts[index + 1] as Part).at_ms <= at_ms) index++;
	const part = parts[index];
	if (!part) return { place: 'before', index };
	if (at_ms < end(part)) return { place: 'in', index };
	return { place: index + 1 < parts.length ? 'between' : 'after', index };
}

// --- events that are shown

const SHOWN = new Set(['join', 'leave', 'chat', 'consent', 'mute', 'unmute', 'image', 'speaker', 'recording', 'name', 'table', 'kept']);
export type EventKind = 'speech' | 'chat' | 'consent' | 'people' | 'image' | 'other';

export function kindOf(event: TimelineEvent): EventKind {
	if (event.type === 'speaker') return 'speech';
	if (event.type === 'chat' || event.type === 'consent' || event.type === 'image') return event.type;
	if (event.type === 'table' || event.type === 'kept') return 'image';
	return event.type === 'join' || event.type === 'leave' || event.type === 'name' ? 'people' : 'other';
}

/** In order; a person who goes on speaking after a breath of others' silence is one line. */
export function shownEvents(events: TimelineEvent[]): TimelineEvent[] {
	const list: TimelineEvent[] = [];
	let speaker = '';
	const others = events.filter((e) => e.type !== 'table');
	for (const event of [...others, ...foldTable(events).lines].sort((a, b) => a.at_ms - b.at_ms)) {
		if (!SHOWN.has(event.type)) continue;
		if (event.type === 'speaker') {
			if (!event.participant || event.participant === speaker) continue;
			speaker = event.participant;
		}
		list.push(event);
	}
	return list;
}

/** Index of the newest event at `at_ms`, -1 none. */
export function eventAt(events: TimelineEvent[], at_ms: number): number {
	let low = 0;
	let high = events.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((events[middle] as TimelineEvent).at_ms <= at_ms) low = middle + 1;
		else high = middle;
	}
	return low - 1;
}

const WINDOW = 500;

/** Those around event `at`: a page of many thousands would be slow. It moves in steps, so that the list rests between them. */
export function eventWindow(events: TimelineEvent[], at: number): { from: number; shown: TimelineEvent[] } {
	const from = Math.max(0, (Math.floor(Math.max(0, at) / WINDOW) - 1) * WINDOW);
	return { from, shown: events.slice(from, from + 3 * WINDOW) };
}
