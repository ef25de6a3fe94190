// The table as data: what pushes and patches do to it. No timers, no network. docs/PROTOCOL.md, "The table".
import type {
	Table, TableDrawing, TableObject, TablePatchParams, TablePatchPush, TableStudy, TableStudyRef, TableViewport, TableViewportChange,
} from './protocol';

/** The members of a patch beside its base. */
export type Change = Omit<TablePatchParams, 'base'>;

const emptyViewport = (at: number): TableViewport => ({
	at, image: null, frame: 0, center: null, width: null, zoom: 1, pan_x: 0, pan_y: 0, rotation: 0, flip: false, invert: false, cine: 0, offset_mm: null, marks: null,
});

export const emptyTable = (): Table => ({
	version: 0, floor: { holder: null, asked: [] }, studies: [], layout: 'one', linked: false,
	viewports: [0, 1, 2, 3].map(emptyViewport), objects: [], next: null,
});

const isSame = (a: TableStudyRef, b: TableStudyRef): boolean => a.pacs === b.pacs && a.study === b.study;

function upsert<T extends { id: string }>(list: readonly T[], put: readonly T[]): T[] {
	const fresh = new Map(put.map((item) => [item.id, item]));
	const kept = list.map((item) => {
		const one = fresh.get(item.id);
		fresh.delete(item.id);
		return one ?? item;
	});
	return [...kept, ...fresh.values()];
}

/** What everybody is told. Null: something before it is missing, the whole table must be asked for. */
export function applyPush(table: Table, push: TablePatchPush): Table | null {
	if (push.base > table.version) return null;
	const gone = new Set(push.gone ?? []);
	const kept = table.objects.filter((object) => !gone.has(object.id));
	return {
		...table,
		version: Math.max(table.version, push.version),
		floor: push.floor ?? table.floor,
		studies: push.studies ?? table.studies,
		layout: push.layout ?? table.layout,
		linked: push.linked ?? table.linked,
		viewports: table.viewports.map((old) => push.viewports?.find((v) => v.at === old.at) ?? old),
		objects: upsert(kept, push.put ?? []).sort((a, b) => a.n - b.n),
	};
}

/** A further page of a table with many drawings. */
export function applyPage(table: Table, page: Table): Table {
	return { ...table, objects: upsert(table.objects, page.objects).sort((a, b) => a.n - b.n), next: page.next };
}

const onStudy = (object: TableObject, studies: readonly TableStudy[]): boolean => {
	const { on } = object;
	return !('study' in on) || studies.some((s) => isSame(s, on));
};

/** What the gateway will make of one's own patch: shown before it answers. */
export function applyChange(table: Table, change: Change, me: string): Table {
	const removed = change.studies?.remove ?? [], put = change.studies?.put ?? [];
	const studies = table.studies.filter((s) => !removed.some((r) => isSame(r, s)) && !put.some((p) => isSame(p, s))).concat(put);
	const gone = new Set(change.remove ?? []);
	let objects = change.clear ? [] : table.objects.filter((o) => !gone.has(o.id) && onStudy(o, studies));
	let n = table.objects.reduce((most, o) => Math.max(most, o.n), 0);
	objects = upsert(objects, (change.put ?? []).map((d) => ({ ...d, by: me, n: objects.find((o) => o.id === d.id)?.n ?? ++n })));
	const viewports = table.viewports.map((old) => {
		const next = { ...old, ...change.viewports?.find((v) => v.at === old.at) }, there = (of: TableStudyRef) => studies.some((s) => isSame(s, of));
		if (next.marks && !there(next.marks)) next.marks = null;
		return next.image && !there(next.image) ? emptyViewport(old.at) : next;
	});
	return { ...table, studies, objects, viewports, layout: change.layout ?? table.layout, linked: change.linked ?? table.linked };
}

function mergeViewports(first: readonly TableViewportChange[], second: readonly TableViewportChange[]): TableViewportChange[] {
	const merged = new Map(first.map((v) => [v.at, v]));
	for (const v of second) merged.set(v.at, { ...merged.get(v.at), ...v });
	return [...merged.values()];
}

function mergeStudies(first: Change['studies'], second: Change['studies']): Change['studies'] {
	if (!first || !second) return first ?? second;
	const put = second.put ?? [], remove = second.remove ?? [];
	return {
		put: (first.put ?? []).filter((s) => ![...put, ...remove].some((x) => isSame(x, s))).concat(put),
		remove: (first.remove ?? []).concat(remove.filter((r) => !(first.remove ?? []).some((s) => isSame(s, r)))),
	};
}

/** One change that does what both do, one after the other. */
export function mergeChanges(first: Change, second: Change): Change {
	const merged: Change = { ...first, ...second };
	const studies = mergeStudies(first.studies, second.studies);
	if (studies) merged.studies = studies;
	if (first.viewports ?? second.viewports) merged.viewports = mergeViewports(first.viewports ?? [], second.viewports ?? []);
	const gone = new Set(second.remove ?? []);
	const put = second.clear ? [] : (first.put ?? []).filter((d: TableDrawing) => !gone.has(d.id));
	if (first.put ?? second.put) merged.put = upsert(put, second.put ?? []);
	if (first.remove ?? second.remove) merged.remove = [...new Set([...(first.remove ?? []), ...(second.remove ?? [])])];
	if (first.clear) merged.clear = true;
	return merged;
}

export const isEmpty = (change: Change): boolean => Object.keys(change).length === 0;
