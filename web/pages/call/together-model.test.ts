import { describe, expect, it } from 'vitest';
import type { Broadcast, BroadcastSource } from '../../sdk/src';
import { chosen, toggled } from './together-model';

const of = (participant: string, source: BroadcastSource['source'] = 'camera'): BroadcastSource => ({ participant, source });
const desk: Broadcast = {
	state: 'live', title: 't', text: '', delay_s: 10, sources: [of('a'), of('b'), of('c'), of('d'), of('e'), of('a', 'ultrasound')], voices: [],
	on_air: null, since_ms: 0, cut: null, viewers: 0, masks: [],
};

describe('sources in one picture', () => {
	it('are in the order of their picking, each once', () => {
		const two = toggled(toggled([], of('b')), of('a'));
		expect(two).toEqual([of('b'), of('a')]);
		expect(toggled(two, of('b'))).toEqual([of('a')]);
	});
	it('are such as may be shown: what left the list or needs masks goes, and more than four do', () => {
		expect(chosen(desk, [of('gone'), of('a', 'ultrasound'), of('b')])).toEqual([of('b')]);
		expect(chosen(desk, ['a', 'b', 'c', 'd', 'e'].map((id) => of(id)))).toHaveLength(4);
	});
});
