// Presentation states and key objects of the studies that are looked at: which there are, the chosen ones fetched, and the images of a
// key object selection as one stack. Asked for once the picture is there; only of studies that the gateway gives (those on the table).
import { useEffect, useRef, useState } from 'preact/hooks';
import { ImageError, imageError } from './errors';
import { fetchFrame } from './fetching';
import type { Frame } from './frames';
import type { DicomJson } from './image-info';
import { marksOf, type Keys, type Marks, type State } from './marks';
import { text, uid } from './marks-json';
import type { SeriesSource, Stack } from './series';
import type { MarksRef } from './state';

const MAX_SERIES = 24, MAX_CHOICES = 64, MAX_KEY_SERIES = 16, OBJECT_BYTES = 32 << 20, LIST_BYTES = 16 << 20, AGAIN_MS = 5000;

interface Held {
	marks: Marks | null;
	error: ImageError | null;
}
interface Study {
	pacs: string;
	study: string;
	root: string;
}

export interface MarksOf {
	/** Of the study of a pane, those that can be chosen. */
	choices: (study: { pacs: string; study: string }) => Marks[];
	get: (ref: MarksRef) => Held;
	/** Series that a key object selection needs besides. */
	extra: SeriesSource[];
	/** Of a key object selection whose series have all come or failed. missing: images that are not to be had. */
	stack: (ref: MarksRef | null, stacks: readonly Stack[]) => KeyStack | null;
	/** The state that a frame is looked at with. */
	stateOf: (ref: MarksRef | null, frame: Frame) => State | null;
	/** There may be new ones. */
	again: () => void;
}
export interface KeyStack {
	stack: Stack;
	missing: number;
	/** The presentation state of each frame, by its id and place. */
	states: (string | null)[];
}

async function json(url: string, token: () => string, signal: AbortSignal, maxBytes: number): Promise<DicomJson[]> {
	const answer = await fetchFrame({ url, token, accept: 'application/dicom+json, application/json' }, { signal, maxBytes });
	const sets: unknown = JSON.parse(new TextDecoder().decode(answer.bytes));
	return Array.isArray(sets) ? sets.filter((s): s is DicomJson => typeof s === 'object' && s !== null) : [];
}

const urlOf = (root: string, { pacs, study }: { pacs: string; study: string }): string => `${root}/studies/${encodeURIComponent(pacs)}/${study}`;
const rootOf = (url: string): string => url.slice(0, Math.max(0, url.indexOf('/studies/')));

/** All that a study has; one series that cannot be read takes only itself with it. */
async function listOf(study: Study, token: () => string, signal: AbortSignal): Promise<Marks[]> {
	const base = urlOf(study.root, study), found: Marks[] = [];
	const series = (await json(`${base}/series`, token, signal, LIST_BYTES)).filter((s) => ['PR', 'KO'].includes(text(s, '00080060'))).slice(-MAX_SERIES);
	for (const s of series) {
		const own = uid(s, '0020000E');
		const sets = own ? await json(`${base}/series/${own}/metadata`, token, signal, LIST_BYTES).catch(() => []) : [];
		found.push(...sets.flatMap((set) => marksOf(set, study) ?? []).slice(0, MAX_CHOICES - found.length));
	}
	return found.sort((a, b) => b.date.localeCompare(a.date));
}

const sourceOf = (root: string, one: { pacs: string; study: string; series: string }): SeriesSource => ({ image: { pacs: one.pacs, study: one.study, series: one.series }, url: `${urlOf(root, one)}/series/${one.series}` });

function keyStack(keys: Keys, stacks: readonly Stack[], root: string): KeyStack | null {
	const wanted = new Map(keys.items.map((i) => [i.series, sourceOf(root, { pacs: keys.ref.pacs, ...i })]));
	const sources = [...wanted.values()].slice(0, MAX_KEY_SERIES), found = sources.map((s) => stacks.find((k) => k.source.url === s.url));
	if (found.some((s) => s === undefined) || sources.length === 0) return null;
	const of = new Map(found.map((s) => [s!.source.image.series, s!])), frames: Frame[] = [], states: (string | null)[] = [];
	let missing = 0;
	for (const item of keys.items) {
		const stack = of.get(item.series), its = stack?.frames.filter((f) => f.info.instance === item.instance && (item.frames?.includes(f.index + 1) ?? true)) ?? [];
		missing += its.length === 0 ? 1 : 0;
		frames.push(...its.map((f) => ({ ...f, of: stack!.source.image })));
		states.push(...its.map(() => item.state));
	}
	const source: SeriesSource = { image: keys.ref, url: `keys:${keys.ref.instance}` };
	return { stack: { source, frames, refused: missing, why: null, error: frames.length > 0 ? null : new ImageError('gone', 'none of the key images is to be had') }, missing, states };
}

export function useMarks(refs: readonly MarksRef[], sources: readonly SeriesSource[], token: () => string, ready: boolean): MarksOf {
	const held = useRef(new Map<string, Held>()), lists = useRef(new Map<string, { marks: Marks[]; at: number }>()), made = useRef(new Map<string, { keys: Keys; of: readonly Stack[]; stack: KeyStack | null }>());
	const [, bump] = useState(0), off = useRef(new AbortController()), root = rootOf(sources[0]?.url ?? '');
	const studies = [...new Map(sources.map((s) => [`${s.image.pacs}/${s.image.study}`, { pacs: s.image.pacs, study: s.image.study, root }])).entries()];
	const later = () => off.current.signal.aborted || bump((n) => n + 1);
	const fetchOne = (ref: MarksRef) => {
		const one: Held = { marks: null, error: null };
		held.current.set(ref.instance, one);
		void json(`${urlOf(root, ref)}/series/${ref.series}/instances/${ref.instance}/metadata`, token, off.current.signal, OBJECT_BYTES).then(([set]) => {
			one.marks = marksOf(set, ref);
			if (one.marks?.ref.instance !== ref.instance) (one.marks = null), (one.error = new ImageError('unsupported', 'no presentation state, no key objects'));
		}).catch((error: unknown) => (one.error = error instanceof SyntaxError ? new ImageError('not_image', 'no JSON') : imageError(error))).then(later);
	};
	const list = (key: string, study: Study) => {
		const old = lists.current.get(key);
		if (old && Date.now() - old.at < AGAIN_MS) return;
		lists.current.set(key, { marks: old?.marks ?? [], at: Date.now() });
		void listOf(study, token, off.current.signal).then((marks) => {
			lists.current.set(key, { marks, at: Date.now() });
			for (const one of marks) if (!held.current.get(one.ref.instance)?.marks) held.current.set(one.ref.instance, { marks: one, error: null });
			later();
		}).catch(() => undefined); // what is chosen says it; a list is asked for again
	};
	const chosen = refs.map((r) => held.current.get(r.instance)?.marks), keys = chosen.flatMap((m) => (m?.kind === 'keys' ? [m] : []));
	const wanted = [...refs, ...keys.flatMap((k) => k.states)];
	useEffect(() => {
		if (root) wanted.forEach((r) => held.current.has(r.instance) || fetchOne(r));
	}, [root, wanted.map((r) => r.instance).join(' ')]);
	useEffect(() => {
		const used = refs.map((r) => r.instance).join(' ');
		for (const [instance, one] of held.current) if (one.error && !used.includes(instance)) held.current.delete(instance); // chosen again, it is tried again
	}, [refs.map((r) => r.instance).join(' ')]);
	useEffect(() => void (ready && studies.forEach(([key, study]) => list(key, study))), [ready, studies.map(([key]) => key).join(' ')]);
	useEffect(() => () => off.current.abort(), []);
	const get = (ref: MarksRef): Held => held.current.get(ref.instance) ?? { marks: null, error: null };
	const stack: MarksOf['stack'] = (ref, stacks) => {
		const of = ref && get(ref).marks;
		if (of?.kind !== 'keys') return null;
		const old = made.current.get(of.ref.instance);
		if (old?.keys === of && old.of === stacks) return old.stack;
		const fresh = sameStack(old?.keys === of ? old.stack : null, keyStack(of, stacks, root));
		for (const key of made.current.keys()) if (made.current.size >= 8) made.current.delete(key);
		made.current.set(of.ref.instance, { keys: of, of: stacks, stack: fresh });
		return fresh;
	};
	return {
		choices: ({ pacs, study }) => lists.current.get(`${pacs}/${study}`)?.marks ?? [],
		get, stack, again: () => studies.forEach(([key, study]) => list(key, study)),
		extra: keys.flatMap((k) => [...new Map(k.items.map((i) => [i.series, sourceOf(root, { pacs: k.ref.pacs, ...i })])).values()].slice(0, MAX_KEY_SERIES)),
		stateOf: (ref, frame) => {
			const of = ref && get(ref).marks, keys = of?.kind === 'keys' ? made.current.get(of.ref.instance)?.stack : undefined;
			const named = keys?.states[keys.stack.frames.findIndex((f) => f.id === frame.id)], state = of?.kind === 'state' ? of : named ? get({ ...of!.ref, instance: named }).marks : null;
			return state?.kind === 'state' ? state : null;
		},
	};
}

/** The same frames stay the same stack, whatever else came. */
const sameStack = (old: KeyStack | null, fresh: KeyStack | null): KeyStack | null =>
	old && fresh && old.missing === fresh.missing && old.stack.frames.length === fresh.stack.frames.length && old.stack.frames.every((f, i) => f.id === fresh.stack.frames[i]!.id) ? old : fresh;
