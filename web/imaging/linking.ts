// Stacks that scroll together by where they lie in the patient: the others show the slice that is nearest in mm along the normal of
// the one that is scrolled, apart by an offset of each pane (`offset_mm`, of the table: who comes late has the same). Where positions
// are missing, or stacks lie otherwise, they go step by step as they always did. Pure; what the archive says is checked here.
import type { Frame } from './frames';
import { paneCount, type ReadingChange, type ReadingState, type ViewportChange, type ViewportState } from './state';

type Vector = readonly [number, number, number];
type Placed = readonly Pick<Frame, 'info'>[];
/** Of the panes by `at`; null: no stack there, or none that counts in slices. */
export type FramesOf = (viewport: ViewportState) => Placed | null;

/** Why a stack does not go by position. */
export type Why = 'missing' | 'differs';

interface Lie {
	normal: Vector;
	/** Frame of Reference UID; empty: not said. */
	reference: string;
	/** The middle of each slice, x y z in turn. */
	middles: Float64Array;
}

const PARALLEL = Math.cos((5 * Math.PI) / 180), SAME_MM = 0.01;
// Which way along a normal is up: nearly across no plane that anybody cuts in.
const UP: Vector = [0.31, 0.53, 0.79];

const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const parallel = (a: Vector, b: Vector): boolean => Math.abs(dot(a, b)) >= PARALLEL;

/** Across the plane of an image; null: its orientation is missing, or is none. */
export function normalOf(orientation: readonly number[] | null): Vector | null {
	if (!orientation || orientation.length !== 6) return null;
	const [a, b, c, d, e, f] = orientation as [number, number, number, number, number, number];
	const row = Math.hypot(a, b, c), column = Math.hypot(d, e, f);
	if (Math.abs(row - 1) > 0.01 || Math.abs(column - 1) > 0.01 || Math.abs(a * d + b * e + c * f) > 0.01) return null;
	return [b * f - c * e, c * d - a * f, a * e - b * d];
}

function measured(frames: Placed): Lie | Why {
	const normal = normalOf(frames[0]?.info.orientation ?? null), middles = new Float64Array(frames.length * 3);
	if (!normal) return 'missing';
	for (const [i, { info }] of frames.entries()) {
		const own = normalOf(info.orientation), o = info.orientation, [row, column] = info.spacing ?? [0, 0];
		if (!own || !o || !info.position || info.position.some((p) => !Number.isFinite(p) || Math.abs(p) > 1e6)) return 'missing';
		if (!parallel(own, normal)) return 'differs'; // a scout: its slices lie in all ways
		for (let k = 0; k < 3; k++) middles[3 * i + k] = info.position[k]! + (o[k]! * (info.columns - 1) * column + o[k + 3]! * (info.rows - 1) * row) / 2;
	}
	return { normal, reference: frames[0]!.info.reference ?? '', middles };
}

const known = new WeakMap<Placed, Lie | Why>();
function lieOf(frames: Placed): Lie | Why {
	const lie = known.get(frames) ?? measured(frames);
	known.set(frames, lie);
	return lie;
}

interface Pane {
	v: ViewportState;
	frames: Placed;
	lie: Lie | Why;
}
type Lying = Pane & { lie: Lie };
const lies = (pane: Pane): pane is Lying => typeof pane.lie !== 'string';

/** The panes that go together. */
function together(state: ReadingState, framesOf: FramesOf): Pane[] {
	if (state.layout === 'mpr') return [];
	return state.viewports.slice(0, paneCount(state.layout)).flatMap((v) => {
		const frames = v.image ? framesOf(v) : null;
		return frames && frames.length > 0 ? [{ v, frames, lie: lieOf(frames) }] : [];
	});
}

/** Panes that lie as one does, and the normal that all of them count along. */
function cluster(of: Lying, panes: readonly Pane[]): { members: Lying[]; normal: Vector } {
	const members = panes.filter(lies).filter((p) => p === of || parallel(p.lie.normal, of.lie.normal)), { normal } = members[0]!.lie;
	return { members, normal: dot(normal, UP) < 0 ? [-normal[0], -normal[1], -normal[2]] : normal };
}

const depth = ({ middles }: Lie, at: number, n: Vector): number => middles[3 * at]! * n[0] + middles[3 * at + 1]! * n[1] + middles[3 * at + 2]! * n[2];
const here = (p: Lying, n: Vector): number => depth(p.lie, Math.max(0, Math.min(p.v.frame, p.frames.length - 1)), n);

/** The slice nearest to a place. Where several are there (phases, echoes), the `rank`th of them. */
function nearest(lie: Lie, n: Vector, target: number, rank: number): number {
	const count = lie.middles.length / 3;
	let least = Infinity, at = 0;
	for (let i = 0; i < count; i++) {
		const far = Math.abs(depth(lie, i, n) - target);
		if (far < least - SAME_MM) (least = far), (at = i);
	}
	const same = depth(lie, at, n);
	for (let left = rank; left > 0; left--) {
		const next = at + 1;
		if (next >= count || Math.abs(depth(lie, next, n) - same) > SAME_MM) break;
		at = next;
	}
	return at;
}

function rankOf(lie: Lie, n: Vector, at: number): number {
	let rank = 0;
	while (rank < at && Math.abs(depth(lie, at - rank - 1, n) - depth(lie, at, n)) <= SAME_MM) rank++;
	return rank;
}

const apart = (mm: number): number => Math.max(-1e6, Math.min(1e6, Math.round(mm * 1000) / 1000));
const sameReference = (a: Lie, b: Lie): boolean => a.reference !== '' && a.reference === b.reference;

/** Each one's offset. Who has none gets it of one in the same frame of reference, else by how they stand now. */
function offsets(members: readonly Lying[], of: Lying, n: Vector): Map<Lying, number> {
	const made = new Map(members.flatMap((p): [Lying, number][] => (p.v.offset_mm === null ? [] : [[p, p.v.offset_mm]])));
	const first = made.has(of) ? of : [...made.keys()][0] ?? of;
	if (!made.has(first)) made.set(first, 0);
	for (const p of [of, ...members]) {
		if (made.has(p)) continue;
		const alike = [first, ...made.keys()].find((k) => sameReference(k.lie, p.lie));
		made.set(p, alike ? made.get(alike)! : apart(here(p, n) - here(first, n) + made.get(first)!));
	}
	return made;
}

const moved = (p: Pane, frame: number, offset: number | null): ViewportChange => ({ at: p.v.at, frame, ...(offset !== null && offset !== p.v.offset_mm && { offset_mm: offset }) });
const within = (frame: number, { length }: Placed): number => Math.max(0, Math.min(frame, length - 1));

/** A step through a stack; linked: the others go along. lengths: where there is no stack of slices (planes across). */
export function scrolled(state: ReadingState, at: number, step: number, framesOf: FramesOf, length: number): ReadingChange {
	const panes = together(state, framesOf), own = panes.find((p) => p.v.at === at), v = state.viewports[at];
	if (!v) return {};
	const frame = Math.max(0, Math.min(v.frame + step, length - 1));
	if (!state.linked || !own) return { viewports: [{ at, frame }] };
	const here_ = lies(own) ? cluster(own, panes) : null, offset = here_ && offsets(here_.members, own as Lying, here_.normal);
	return { viewports: panes.map((p): ViewportChange => {
		if (!here_ || !offset || !lies(p) || !lies(own) || !here_.members.includes(p)) return moved(p, p === own ? frame : within(p.v.frame + step, p.frames), null);
		if (here_.members.length === 1) return moved(p, frame, null);
		if (p === own) return moved(p, frame, offset.get(p)!);
		const place = depth(own.lie, frame, here_.normal) - offset.get(own)! + offset.get(p)!;
		return moved(p, nearest(p.lie, here_.normal, place, rankOf(own.lie, here_.normal, frame)), offset.get(p)!);
	}) };
}

/** Linked, by the pane `at`: how they were moved apart meanwhile is kept; who never went together starts at the same place, where that is known. */
export function linkedNow(state: ReadingState, at: number, framesOf: FramesOf): ReadingChange {
	const panes = together(state, framesOf), viewports: ViewportChange[] = [], seen = new Set<Pane>();
	for (const first of [...panes].sort((a, b) => Number(b.v.at === at) - Number(a.v.at === at))) {
		if (seen.has(first) || !lies(first)) continue;
		const { members, normal } = cluster(first, panes), fresh = members.filter((p) => !seen.has(p)), base = offsets(fresh, first, normal);
		for (const p of fresh) {
			seen.add(p);
			if (fresh.length === 1) continue;
			const place = here(first, normal) - base.get(first)! + base.get(p)!, rank = rankOf(first.lie, normal, within(first.v.frame, first.frames));
			const frame = nearest(p.lie, normal, place, rank), stays = p === first || frame === p.v.frame;
			if (stays || p.v.offset_mm === null) viewports.push(moved(p, p === first ? p.v.frame : frame, base.get(p)!));
			else viewports.push(moved(p, p.v.frame, apart(here(p, normal) - here(first, normal) + base.get(first)!)));
		}
	}
	return { linked: true, ...(viewports.length > 0 && { viewports }) };
}

/** How a pane goes along with the others. */
export type LinkNote = { by: 'step'; why: Why } | { by: 'position'; offset: number; beyond: boolean };

function beyond(p: Lying, other: Lying, n: Vector): boolean {
	const count = p.frames.length, ends = [depth(p.lie, 0, n), depth(p.lie, count - 1, n)], gap = Math.max(1, Math.abs(ends[1]! - ends[0]!) / Math.max(1, count - 1)) / 2;
	const place = here(other, n) - (other.v.offset_mm ?? 0) + (p.v.offset_mm ?? 0);
	return place < Math.min(...ends) - gap - SAME_MM || place > Math.max(...ends) + gap + SAME_MM;
}

/** Of each pane that goes along with another; from the state alone, so that everybody reads the same. */
export function linkNotes(state: ReadingState, framesOf: FramesOf): Map<number, LinkNote> {
	const panes = state.linked ? together(state, framesOf) : [], notes = new Map<number, LinkNote>();
	for (const p of panes.length > 1 ? panes : []) {
		const { members, normal } = lies(p) ? cluster(p, panes) : { members: [], normal: UP }, others = members.filter((m) => m !== p);
		if (!lies(p) || others.length === 0) {
			const why = typeof p.lie === 'string' ? p.lie : panes.some((m) => m !== p && m.lie !== 'missing') ? 'differs' : 'missing';
			notes.set(p.v.at, { by: 'step', why });
			continue;
		}
		const aligned = others.filter((m) => m.v.offset_mm !== null && p.v.offset_mm !== null);
		notes.set(p.v.at, { by: 'position', offset: apart((p.v.offset_mm ?? 0) - (others[0]!.v.offset_mm ?? 0)), beyond: aligned.some((m) => beyond(p, m, normal)) });
	}
	return notes;
}
