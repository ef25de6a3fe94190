// What the list of records shows of them.
import type { RestRecordingOne } from '../../sdk/src/protocol';

export const FILTERS = ['all', 'running', 'ready', 'trouble'] as const;
export type Filter = (typeof FILTERS)[number];

export function isShown(record: RestRecordingOne, filter: Filter): boolean {
	const { state } = record;
	if (filter === 'running') return state === 'recording' || state === 'ended' || state === 'finalising';
	if (filter === 'ready') return state === 'finalised' || state === 'delivered';
	return filter === 'all' || state === 'failed' || record.lost || (record.error !== '' && state !== 'deleted');
}

/** What came last counts; newest first. */
export function merge(old: RestRecordingOne[], fresh: RestRecordingOne[]): RestRecordingOne[] {
	const all = new Map(old.map((r) => [r.id, r]));
	for (const record of fresh) all.set(record.id, record);
	return [...all.values()].sort((a, b) => b.started_ms - a.started_ms || (a.id < b.id ? 1 : -1));
}
