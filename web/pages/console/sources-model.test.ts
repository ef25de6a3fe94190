import { describe, expect, it } from 'vitest';
import type { Participant } from '../../sdk/src';
import type { RestSource } from '../shared/api';
import { changes, encoders, EXAMPLES, figures, mood, reconnects, wayOf, WAYS } from './sources-model';

const source = (part: Partial<RestSource>): RestSource => ({
	id: 'or1', name: 'OR 1', kind: 'endoscope', url: 'rtsp://***@10.0.0.1/cam', loop: false, enabled: true, sync_ms: 0, state: 'live', reason: '', since_ms: 1, video: 'h264', audio: 'opus',
	width: 1920, height: 1080, fps: 25, passed_video: true, passed_audio: false, synced: true, bitrate_bps: 4_200_000, attempts: 1, restarts: 0, keyframes_unmet: 0,
	thumbnail_ms: null, withheld: false, ...part,
});

describe('theatre sources', () => {
	it('are told by their address', () => {
		for (const way of WAYS) if (way !== 'whip') expect(wayOf(EXAMPLES[way])).toBe(way);
		expect(wayOf('rtsps://a/b')).toBe('rtsp');
		expect(wayOf('srt://a:1?latency=80&mode=listener')).toBe('srtListener');
		expect(wayOf('srt://a:1?xmode=listener')).toBe('srt');
	});
	it('say what is known of them', () => {
		expect(figures(source({}))).toBe('h264 · 1920×1080 · 25 fps · 4.2 Mb/s · opus');
		expect(figures(source({ video: '', audio: '', width: 0, height: 0, fps: 0, bitrate_bps: 0 }))).toBe('');
		expect(figures(source({ audio: '', fps: 29.97, bitrate_bps: 64_400 }))).toBe('h264 · 1920×1080 · 30 fps · 64 kb/s');
		expect(reconnects(source({ attempts: 0 }))).toBe(0);
		expect(reconnects(source({ attempts: 4, restarts: 2 }))).toBe(5);
		expect([mood('live'), mood('retrying'), mood('locked'), mood('connecting'), mood('off')]).toEqual(['good', 'bad', 'bad', 'wait', 'off']);
	});
	it('are changed in what was changed: what is not given out is not said again', () => {
		const s = source({});
		expect(changes(s, { name: ' OR 1 ', kind: 'endoscope', url: s.url, loop: false })).toEqual({});
		expect(changes(s, { name: 'OR 2', kind: 'ultrasound', url: 'test: ', loop: true })).toEqual({ name: 'OR 2', kind: 'ultrasound', url: 'test:', loop: true });
	});
	it('are not encoders that publish by themselves', () => {
		const person = (id: string, role: Participant['role']) => ({ id, role, name: id, tracks: [] }) as unknown as Participant;
		const list = encoders([person('or1', 'theatre'), person('obs', 'theatre'), person('dr', 'clinic')], [source({})]);
		expect(list.map((p) => p.id)).toEqual(['obs']);
	});
});
