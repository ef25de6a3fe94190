// Presentation states (GSPS, PS3.3 A.33.1, C.10, C.11) and key object selections (PS3.3 A.35.4) of the PACS, of whatever maker: what
// they say, bounded, and what of it this viewer does not do, by name. Pure. Places are in pixels of the image as the viewer counts
// them: (0, 0) is the middle of the first one.
import type { DicomJson } from './image-info';
import type { Point } from './geometry';
import { colour, day, items, number, numbers, person, text, uid, values } from './marks-json';
import type { MarksRef } from './state';

/** What an object has that is not shown. */
export type NotDone = 'lut' | 'size' | 'shutter' | 'planes' | 'subtraction' | 'compound' | 'style' | 'icc' | 'aspect' | 'damaged' | 'many' | 'states';

/** Objects and the frames of them (from 1; null: all); null: every image. */
export type Refs = ReadonlyMap<string, ReadonlySet<number> | null> | null;
export const refersTo = (refs: Refs, instance: string, index: number): boolean => refs === null || (refs.has(instance) && (refs.get(instance)?.has(index + 1) ?? true));

export interface Graphic {
	kind: 'POINT' | 'POLYLINE' | 'INTERPOLATED' | 'CIRCLE' | 'ELLIPSE';
	points: Point[];
	/** Places are parts of the displayed area, from its top left corner on the screen. */
	display: boolean;
	filled: boolean;
}
export interface Words {
	text: string;
	box: { from: Point; to: Point; display: boolean; align: 'LEFT' | 'CENTER' | 'RIGHT' } | null;
	anchor: { at: Point; display: boolean; line: boolean } | null;
}
export interface Annotation {
	refs: Refs;
	color: string | null;
	order: number;
	graphics: Graphic[];
	words: Words[];
}
export interface Area {
	x0: number;
	y0: number;
	x1: number;
	y1: number;
}
export interface Voi {
	center: number;
	width: number;
	voi: 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';
}
export type Shutter = { kind: 'rectangle'; from: Point; to: Point } | { kind: 'circle'; at: Point; radius: number } | { kind: 'polygon'; points: Point[] };

interface Said {
	ref: MarksRef;
	label: string;
	/** Empty: not recorded. */
	creator: string;
	date: string;
	notDone: ReadonlySet<NotDone>;
}
export interface State extends Said {
	kind: 'state';
	refs: ReadonlyMap<string, ReadonlySet<number> | null>;
	/** Where it begins: its first image. */
	first: { series: string; instance: string; frame: number } | null;
	/** As the table has it: flipped, then turned clockwise. */
	rotation: number;
	flip: boolean;
	/** null: of a colour image, nothing is said. */
	inverse: boolean | null;
	slope: number;
	intercept: number;
	/** ratio: of a pixel's height to its width, as its creator had it. */
	areas: { refs: Refs; area: Area; ratio: number | null }[];
	vois: { refs: Refs; voi: Voi | null }[];
	annotations: Annotation[];
	shutters: Shutter[];
	shutterColor: string;
}
export interface KeyItem {
	study: string;
	series: string;
	instance: string;
	frames: number[] | null;
	/** The presentation state that it is to be looked at with. */
	state: string | null;
}
export interface Keys extends Said {
	kind: 'keys';
	description: string;
	items: KeyItem[];
	states: MarksRef[];
}
export type Marks = State | Keys;

const GREY = '1.2.840.10008.5.1.4.1.1.11.1', COLOUR = '1.2.840.10008.5.1.4.1.1.11.2', XA = '1.2.840.10008.5.1.4.1.1.11.5', KEYS = '1.2.840.10008.5.1.4.1.1.88.59';
const MOST = { references: 5000, graphics: 2000, points: 20_000, onePoints: 5000, words: 500, text: 1024, keys: 2000, layers: 256, far: 1e6 };

function refsOf(sets: readonly DicomJson[], into = new Map<string, Set<number> | null>()): Map<string, Set<number> | null> {
	for (const set of sets) {
		const instance = uid(set, '00081155'), frames = numbers(set, '00081160', 10_000).filter((n) => n >= 1);
		if (!instance || into.size >= MOST.references) continue;
		const old = into.get(instance);
		if (frames.length === 0) into.set(instance, null);
		else if (old !== null) into.set(instance, new Set([...(old ?? []), ...frames]));
	}
	return into;
}
const ownRefs = (set: DicomJson): Refs => (values(set, '00081140').length > 0 ? refsOf(items(set, '00081140')) : null);

const near = (n: number): boolean => Number.isFinite(n) && Math.abs(n) <= MOST.far;
const isDisplay = (set: DicomJson, tag: string): boolean => text(set, tag) === 'DISPLAY';
// In DICOM the corner of the first pixel is 0, 0.
const point = (x: number, y: number, display: boolean): Point => (display ? [x, y] : [x - 0.5, y - 0.5]);
const LEAST: Record<Graphic['kind'], number> = { POINT: 1, POLYLINE: 2, INTERPOLATED: 2, CIRCLE: 2, ELLIPSE: 4 };

/** What is left of what an object may have, and what was left out. */
class Budget {
	graphics = MOST.graphics;
	points = MOST.points;
	words = MOST.words;
	readonly notDone = new Set<NotDone>();

	/** What is there, up to a bound; more is named. */
	items(set: DicomJson, tag: string, most: number): DicomJson[] {
		if (values(set, tag).length > most) this.notDone.add('many');
		return items(set, tag, most);
	}
}

function graphicOf(set: DicomJson, left: Budget): Graphic | null {
	const kind = text(set, '00700023') as Graphic['kind'], data = values(set, '00700022'), units = text(set, '00700005');
	if (!(kind in LEAST) || data.length % 2 !== 0 || data.length / 2 < LEAST[kind] || !['PIXEL', 'DISPLAY'].includes(units)) return left.notDone.add('damaged'), null;
	const count = kind === 'POINT' ? 1 : kind === 'CIRCLE' ? 2 : kind === 'ELLIPSE' ? 4 : data.length / 2;
	if (left.graphics <= 0 || count > MOST.onePoints || count > left.points) return left.notDone.add('many'), null;
	const at = numbers(set, '00700022', 2 * count), display = units === 'DISPLAY';
	if (!at.every(near)) return left.notDone.add('damaged'), null;
	left.graphics--;
	left.points -= count;
	if (values(set, '00700232').length > 0 || values(set, '00700233').length > 0) left.notDone.add('style');
	return { kind, display, filled: text(set, '00700024') === 'Y', points: Array.from({ length: count }, (_, i) => point(at[2 * i]!, at[2 * i + 1]!, display)) };
}

function wordsOf(set: DicomJson, left: Budget): Words | null {
	const said = text(set, '00700006', MOST.text), from = numbers(set, '00700010', 2), to = numbers(set, '00700011', 2), anchor = numbers(set, '00700014', 2);
	if (!said) return null;
	if (left.words <= 0) return left.notDone.add('many'), null;
	const boxed = from.length === 2 && to.length === 2, anchored = anchor.length === 2, display = isDisplay(set, '00700003'), far = isDisplay(set, '00700004');
	if ((!boxed && !anchored) || ![...from, ...to, ...anchor].every(near)) return left.notDone.add('damaged'), null;
	left.words--;
	if (values(set, '00700231').length > 0) left.notDone.add('style');
	const align = (['CENTER', 'RIGHT'] as const).find((a) => a === text(set, '00700012')) ?? 'LEFT';
	return {
		text: said,
		box: boxed ? { from: point(from[0]!, from[1]!, display), to: point(to[0]!, to[1]!, display), display, align } : null,
		anchor: anchored ? { at: point(anchor[0]!, anchor[1]!, far), display: far, line: text(set, '00700015') === 'Y' } : null,
	};
}

function annotationsOf(set: DicomJson, left: Budget): Annotation[] {
	const layers = new Map(left.items(set, '00700060', MOST.layers).map((l) => [text(l, '00700002'), { order: number(l, '00700062') ?? 0, color: colour(l, '00700401', '00700066') }]));
	return left.items(set, '00700001', MOST.references).map((a): Annotation => {
		const layer = layers.get(text(a, '00700002'));
		if (values(a, '00700209').length > 0) left.notDone.add('compound');
		return {
			refs: ownRefs(a), color: layer?.color ?? null, order: layer?.order ?? 0,
			graphics: left.items(a, '00700009', MOST.graphics).flatMap((g) => graphicOf(g, left) ?? []), words: left.items(a, '00700008', MOST.words).flatMap((w) => wordsOf(w, left) ?? []),
		};
	}).sort((a, b) => a.order - b.order);
}

function areasOf(set: DicomJson, left: Budget): State['areas'] {
	return left.items(set, '0070005A', MOST.references).flatMap((a) => {
		const [from, to] = [numbers(a, '00700052', 2), numbers(a, '00700053', 2)], all = [...from, ...to];
		if (all.length !== 4 || !all.every(near)) return left.notDone.add('damaged'), [];
		if (text(a, '00700100') !== 'SCALE TO FIT') left.notDone.add('size');
		const [x, y] = [[from[0]!, to[0]!], [from[1]!, to[1]!]];
		const pixel = [numbers(a, '00700101', 2), numbers(a, '00700102', 2)].find((p) => p.length === 2 && p.every((n) => n > 0));
		return [{ refs: ownRefs(a), ratio: pixel ? pixel[0]! / pixel[1]! : null, area: { x0: Math.min(...x) - 1.5, y0: Math.min(...y) - 1.5, x1: Math.max(...x) - 0.5, y1: Math.max(...y) - 0.5 } }];
	});
}

function voisOf(set: DicomJson, left: Budget): State['vois'] {
	return left.items(set, '00283110', MOST.references).flatMap((v): State['vois'] => {
		const center = number(v, '00281050'), width = number(v, '00281051'), voi = (['LINEAR_EXACT', 'SIGMOID'] as const).find((f) => f === text(v, '00281056')) ?? 'LINEAR';
		if (values(v, '00283010').length > 0 && center === null) return left.notDone.add('lut'), [{ refs: ownRefs(v), voi: null }];
		if (center === null || width === null || !(width > 0) || Math.abs(center) > 1e7 || width > 1e7) return left.notDone.add('damaged'), [{ refs: ownRefs(v), voi: null }];
		return [{ refs: ownRefs(v), voi: { center, width, voi } }];
	});
}

function shuttersOf(set: DicomJson, left: Budget): Shutter[] {
	return values(set, '00181600').slice(0, 4).flatMap((shape): Shutter[] => {
		const edges = ['00181602', '00181604', '00181606', '00181608'].map((t) => number(set, t) ?? NaN), at = numbers(set, '00181610', 2), radius = number(set, '00181612') ?? NaN;
		const ring = numbers(set, '00181620', 2 * MOST.onePoints);
		// rows and columns from 1, the edge's own pixel hidden
		if (shape === 'RECTANGULAR' && edges.every(near)) return [{ kind: 'rectangle', from: [edges[0]! - 0.5, edges[2]! - 0.5], to: [edges[1]! - 1.5, edges[3]! - 1.5] }];
		if (shape === 'CIRCULAR' && at.length === 2 && [...at, radius].every(near) && radius > 0) return [{ kind: 'circle', at: [at[1]! - 1, at[0]! - 1], radius }];
		if (shape === 'POLYGONAL' && ring.length >= 6 && ring.length % 2 === 0 && ring.every(near)) return [{ kind: 'polygon', points: Array.from({ length: ring.length / 2 }, (_, i): Point => [ring[2 * i + 1]! - 1, ring[2 * i]! - 1]) }];
		return left.notDone.add(shape === 'BITMAP' ? 'shutter' : 'damaged'), [];
	});
}

function stateOf(set: DicomJson, ref: MarksRef, colourful: boolean): State {
	const left = new Budget(), refs = new Map<string, Set<number> | null>(), series = items(set, '00081115');
	for (const s of series) refsOf(items(s, '00081140', MOST.references), refs);
	const begin = series.flatMap((s) => items(s, '00081140', 1).map((i) => ({ series: uid(s, '0020000E'), instance: uid(i, '00081155'), frame: (number(i, '00081160') ?? 1) - 1 })))[0];
	const flip = text(set, '00700041') === 'Y', turn = number(set, '00700042') ?? 0, right = [0, 90, 180, 270].includes(turn);
	if (!right) left.notDone.add('damaged');
	if (values(set, '00283000').length > 0 || values(set, '20500010').length > 0) left.notDone.add('lut');
	if (values(set, '00286100').length > 0) left.notDone.add('subtraction');
	if (values(set, '00700209').length > 0) left.notDone.add('compound');
	if (set['00282000'] !== undefined) left.notDone.add('icc');
	if (Object.keys(set).some((t) => /^60..(1001|0010)$/.test(t))) left.notDone.add('planes');
	if (refs.size >= MOST.references) left.notDone.add('many');
	const slope = number(set, '00281053') ?? 1;
	return {
		kind: 'state', ref, label: text(set, '00700080') || text(set, '00700081'), creator: person(set, '00700084'), date: day(set, '00700082'), notDone: left.notDone,
		refs, first: begin && begin.series && begin.instance ? begin : null,
		// there the turn comes first, here the flip
		rotation: right ? (flip ? (360 - turn) % 360 : turn) : 0, flip, inverse: colourful ? null : text(set, '20500020') === 'INVERSE',
		slope: slope === 0 ? 1 : slope, intercept: number(set, '00281052') ?? 0,
		areas: areasOf(set, left), vois: voisOf(set, left), annotations: annotationsOf(set, left), shutters: shuttersOf(set, left), shutterColor: colour(set, '00181624', '00181622') ?? '#000000',
	};
}

function keysOf(set: DicomJson, ref: MarksRef): Keys {
	const where = new Map<string, MarksRef>(), notDone = new Set<NotDone>(), content = items(set, '0040A730', MOST.keys + 64);
	for (const tag of ['0040A375', '0040A385'])
		for (const study of items(set, tag, 64))
			for (const series of items(study, '00081115', 256))
				for (const object of items(series, '00081199', MOST.references)) {
					const made = { pacs: ref.pacs, study: uid(study, '0020000D'), series: uid(series, '0020000E'), instance: uid(object, '00081155') };
					if (made.study && made.series && made.instance && where.size < MOST.references) where.set(made.instance, made);
				}
	const meaning = (s: DicomJson): string => text(items(s, '0040A043', 1)[0], '00080100'), states = new Map<string, MarksRef>(), list: KeyItem[] = [];
	for (const c of content.filter((one) => ['IMAGE', 'COMPOSITE', 'WAVEFORM'].includes(text(one, '0040A040')))) {
		const object = items(c, '00081199', 1)[0], instance = uid(object, '00081155'), at = where.get(instance), state = uid(items(object, '00081199', 1)[0], '00081155'), frames = numbers(object, '00081160', 1000).filter((n) => n >= 1);
		if (list.length >= MOST.keys) notDone.add('many');
		else if (!at) notDone.add('damaged'); // named, and nowhere said where it is
		else list.push({ study: at.study, series: at.series, instance, frames: frames.length > 0 ? frames : null, state: state || null });
		const shown = state ? where.get(state) : undefined;
		if (shown && states.size < 16) states.set(state, shown);
		else if (state && !states.has(state)) notDone.add('states');
	}
	const said = (code: string, tag: string): DicomJson | undefined => content.find((c) => meaning(c) === code && c[tag] !== undefined);
	return {
		kind: 'keys', ref, label: text(items(set, '0040A043', 1)[0], '00080104'), description: text(said('113012', '0040A160'), '0040A160', 200),
		creator: person(said('121008', '0040A123'), '0040A123'), date: day(set, '00080023'), notDone, items: list, states: [...states.values()],
	};
}

/** Of one object's metadata; null: it is none of these, or another one than was asked for. */
export function marksOf(set: unknown, at: { pacs: string; study: string }): Marks | null {
	if (typeof set !== 'object' || set === null) return null;
	const json = set as DicomJson, kind = text(json, '00080016'), ref: MarksRef = { pacs: at.pacs, study: at.study, series: uid(json, '0020000E'), instance: uid(json, '00080018') };
	if (!ref.series || !ref.instance || (json['0020000D'] !== undefined && uid(json, '0020000D') !== at.study)) return null;
	if (kind === KEYS) return keysOf(json, ref);
	return kind === GREY || kind === COLOUR || kind === XA ? stateOf(json, ref, kind === COLOUR) : null;
}
