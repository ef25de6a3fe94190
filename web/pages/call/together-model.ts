// Which sources are put into one picture. No rendering in here.
import type { Broadcast, BroadcastSource } from '../../sdk/src';
import { maskState, sameSource } from './masks-model';

export const MOST_TOGETHER = 4;

/** Of those that were picked, what may still be shown: a source that left the list, or needs masks now, is not among them. */
export function chosen(desk: Broadcast, picked: BroadcastSource[]): BroadcastSource[] {
	return picked.filter((p) => desk.sources.some((s) => sameSource(s, p)) && maskState(desk, p) !== 'needed').slice(0, MOST_TOGETHER);
}

/** With one more at the end, or without. */
export function toggled(list: BroadcastSource[], source: BroadcastSource): BroadcastSource[] {
	const without = list.filter((s) => !sameSource(s, source));
	return without.length < list.length ? without : [...list, source];
}
