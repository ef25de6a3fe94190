import { describe, expect, it } from 'vitest';
import type { RestRecordingOne } from '../sdk/src/protocol';
import { correct, learnLag, learnLead, ReplayClock, SEEK_MS } from './records/clock';
import { isShown, merge, type Filter } from './records/list-model';
import { eventAt, eventWindow, placeOf, planOf, shownEvents, type Manifest, type ManifestFile } from './records/model';
import { bytesText, clockText } from './shared/units';

const file = (path: string, at_ms: number, duration_ms: number, more: Partial<ManifestFile> = {}): ManifestFile => ({
	path, role: 'track', participant: 'a', source: 'camera', kind: 'av', container: 'mp4', at_ms, duration_ms, bytes: 1,
	sha256: '', ...more,
});
const manifest = (files: ManifestFile[], more: Partial<Manifest> = {}): Manifest => ({
	wall_zero_ms: 0, started_ms: 0, ended_ms: 0, participants: [], tracks: [], files, ...more,
});

describe('the clock', () => {
	it('runs, rests, jumps and changes its speed without a jump', () => {
		const clock = new ReplayClock();
		expect(clock.position(1000)).toBe(0);
		clock.start(1000);
		expect(clock.position(1500)).toBe(500);
		clock.setSpeed(1500, 2);
		expect(clock.position(1500)).toBe(500);
		expect(clock.position(2000)).toBe(1500);
		clock.stop(2000);
		expect(clock.position(9000)).toBe(1500);
		clock.seek(9000, 100);
		expect(clock.position(9500)).toBe(100);
		clock.start(10_000);
		expect(clock.position(10_100)).toBe(300);
		clock.seek(10_100, 50);
		expect(clock.position(10_200)).toBe(250);
	});
	it('holds for a moment at the start, also when the speed changes in it', () => {
		const clock = new ReplayClock();
		clock.start(1000, 60);
		expect(clock.position(1030)).toBe(0);
		expect(clock.approach(1030)).toBe(-30);
		clock.setSpeed(1030, 2);
		expect(clock.position(1060)).toBe(0);
		expect(clock.position(1070)).toBe(20);
	});
});

describe('a track that drifts', () => {
	it('is left alone when it is near', () => {
		for (const drift of [-16, -5, 0, 5, 16]) expect(correct(drift, false)).toEqual({ seek: false, factor: 1 });
	});
	it('is brought all the way once it is corrected', () => {
		expect(correct(10, true).factor).toBeLessThan(1);
		expect(correct(4, true).factor).toBe(1);
	});
	it('runs slower when ahead and faster when behind, never by much', () => {
		expect(correct(30, false).factor).toBeCloseTo(0.95);
		expect(correct(-30, false).factor).toBeCloseTo(1.05);
		expect(correct(199, false).factor).toBeCloseTo(0.92);
		expect(correct(-199, false).factor).toBeCloseTo(1.08);
	});
	it('jumps beyond 200 ms', () => {
		expect(correct(SEEK_MS, false).seek).toBe(false);
		expect(correct(SEEK_MS + 1, false).seek).toBe(true);
		expect(correct(-5000, true).seek).toBe(true);
	});
	it('learns how long its jumps take', () => {
		expect(learnLead(60, 100)).toBe(110);
		expect(learnLead(60, -200)).toBe(0);
		expect(learnLead(390, 300)).toBe(400);
	});
	it('learns how long its starts take', () => {
		let lag = 0;
		for (let i = 0; i < 8; i++) lag = learnLag(lag, 80 - lag);
		expect(lag).toBeCloseTo(80, 0);
		expect(learnLag(10, -100)).toBe(0);
		expect(learnLag(290, 100)).toBe(300);
	});
	// Two tracks that start apart, and whose players run at slightly other speeds than they say.
	it.each([1, 0.5, 2])('comes within 40 ms in three seconds and stays there at speed %d', (speed) => {
		const tracks = [
			{ at: -150, skew: 1.002, rate: 1, correcting: false },
			{ at: 90, skew: 0.998, rate: 1, correcting: false },
		];
		for (let ms = 0; ms < 20_000; ms += 50) {
			const wanted = ms * speed;
			for (const track of tracks) {
				const todo = correct(track.at - wanted, track.correcting);
				track.correcting = todo.factor !== 1;
				if (todo.seek) track.at = wanted;
				track.rate = todo.factor;
				if (ms > 3000) expect(Math.abs(track.at - wanted)).toBeLessThan(40);
				track.at += 50 * speed * track.rate * track.skew;
			}
		}
	});
});

describe('a plan', () => {
	it('puts parts of one track in sequence, and who came back', () => {
		const plan = planOf(
			manifest([file('tracks/a.camera.2.mp4', 9000, 1000), file('tracks/a.camera.1-02.mp4', 3000, 2000),
				file('tracks/a.camera.1-01.mp4', 0, 3000), file('tracks/b.microphone.1.mp4', 500, 9000,
					{ participant: 'b', source: 'microphone', kind: 'audio' })]),
			[],
		);
		expect(plan.lanes.map((l) => [l.key, l.parts.length, l.video, l.audio])).toEqual([
			['a/camera/0', 3, true, true], ['b/microphone/0', 1, false, true],
		]);
		expect(plan.duration_ms).toBe(10_000);
	});
	it('gives what overlaps a lane of its own', () => {
		const plan = planOf(manifest([file('tracks/x.mp4', 0, 5000), file('tracks/y.mp4', 1000, 5000)]), []);
		expect(plan.lanes.map((l) => l.key)).toEqual(['a/camera/0', 'a/camera/1']);
	});
	it('knows the composed file, the poster, losses and who was erased; other files are none of its business', () => {
		const plan = planOf(
			manifest([file('composed.mp4', 0, 4000, { role: 'composed', participant: undefined }),
				file('poster.jpg', 0, 0, { role: 'poster', container: 'jpeg' }), file('tracks/a.camera.1.mp4', 0, 3000)],
			{
				tracks: [{ track: 1, key: 'a.camera.1', participant: 'a', source: 'camera' },
					{ track: 2, key: 'z.camera.1', participant: 'z', source: 'camera', erased: true }],
				journal: { gaps: [{ track: 1, at_ms: 700, packets: 9 }, { track: 7, at_ms: 800, packets: 1 }] },
			}),
			[{ at_ms: 12_000, type: 'leave' }],
		);
		expect(plan.poster).toBe('poster.jpg');
		expect(plan.composed?.parts[0]?.path).toBe('composed.mp4');
		expect(plan.erased).toEqual(['z']);
		expect(plan.lanes[0]?.losses).toEqual([{ at_ms: 700, packets: 9 }]);
		expect(plan.losses.length).toBe(2);
		expect(plan.duration_ms).toBe(12_000);
	});
	it('of nothing is empty', () => expect(planOf(manifest([]), []).duration_ms).toBe(0));
});

describe('a place among parts', () => {
	const parts = [{ path: 'a', at_ms: 100, duration_ms: 100 }, { path: 'b', at_ms: 200, duration_ms: 50 },
		{ path: 'c', at_ms: 400, duration_ms: 100 }];
	it.each([
		[0, 'before', -1], [100, 'in', 0], [199, 'in', 0], [200, 'in', 1], [250, 'between', 1], [399, 'between', 1],
		[400, 'in', 2], [500, 'after', 2],
	])('%d', (at, place, index) => expect(placeOf(parts, at)).toEqual({ place, index }));
});

describe('events', () => {
	it('are in order, without numbers of the network, and a speaker counts once', () => {
		const list = shownEvents([
			{ at_ms: 900, type: 'chat', participant: 'a' }, { at_ms: 100, type: 'speaker', participant: 'a' },
			{ at_ms: 200, type: 'quality', participant: 'a' }, { at_ms: 300, type: 'speaker', participant: '' },
			{ at_ms: 400, type: 'speaker', participant: 'a' }, { at_ms: 500, type: 'speaker', participant: 'b' },
		]);
		expect(list.map((e) => e.at_ms)).toEqual([100, 500, 900]);
		expect(eventAt(list, 99)).toBe(-1);
		expect(eventAt(list, 500)).toBe(1);
		expect(eventAt(list, 5000)).toBe(2);
	});
	it('of a long day are listed around the position, never dropped for good', () => {
		const many = Array.from({ length: 5000 }, (_, i) => ({ at_ms: i * 10, type: 'chat' }));
		for (const at of [-1, 0, 499, 500, 1234, 4999]) {
			const { from, shown } = eventWindow(many, at);
			expect(shown.length).toBeGreaterThan(500);
			if (at >= 0) expect(shown[at - from]).toBe(many[at]);
		}
		expect(eventWindow(many.slice(0, 300), 299)).toEqual({ from: 0, shown: many.slice(0, 300) });
	});
	it('have figures to read', () => {
		expect([0, 999, 1500, 2_500_000, 3_210_000_000].map(bytesText)).toEqual(['0 B', '999 B', '2 KB', '2.5 MB', '3.2 GB']);
		expect(clockText(-5)).toBe('0:00');
		expect(clockText(187_900)).toBe('3:07');
		expect(clockText(3_729_000)).toBe('1:02:09');
	});
});

describe('the list of records', () => {
	const record = (id: string, started_ms: number, state: RestRecordingOne['state'], more: Partial<RestRecordingOne> = {}) =>
		({ id, started_ms, state, error: '', lost: false, ...more }) as RestRecordingOne;
	it('is newest first, and what came last counts', () => {
		const list = merge([record('a', 1, 'recording'), record('b', 2, 'ended')], [record('c', 3, 'recording'), record('a', 1, 'ended')]);
		expect(list.map((r) => `${r.id} ${r.state}`)).toEqual(['c recording', 'b ended', 'a ended']);
	});
	it('shows under "needs attention" what failed, lost something or does not go on', () => {
		const list = [record('a', 1, 'failed'), record('b', 1, 'delivered', { lost: true }), record('c', 1, 'finalised', { error: 'refused' }),
			record('d', 1, 'finalised'), record('e', 1, 'deleted', { error: 'x' }), record('f', 1, 'finalising')];
		const of = (filter: Filter) => list.filter((r) => isShown(r, filter)).map((r) => r.id).join('');
		expect(of('trouble')).toBe('abc');
		expect(of('ready')).toBe('bcd');
		expect(of('running')).toBe('f');
		expect(of('all')).toBe('abcdef');
	});
});
