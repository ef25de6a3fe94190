import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DisconnectedError, HuizhenError } from '../src/errors';
import { Peer } from '../src/peer';
import type { OfferParams } from '../src/protocol';
import type { SubscribeItem } from '../src/types';
import { FakeConnection, fakeStream, FakeTrack, settle } from './fakes';

describe('peer', () => {
	let pc: FakeConnection;
	let offers: OfferParams[];
	let items: SubscribeItem[][];
	let answers: ((value: { sdp: string } | Error) => void)[];
	let peer: Peer;
	const camera = () => new FakeTrack('video').real;
	const answer = async (value: { sdp: string } | Error = { sdp: 'answer' }) => {
		answers.shift()?.(value);
		await settle();
	};
	beforeEach(() => {
		vi.useFakeTimers();
		pc = new FakeConnection();
		offers = [];
		items = [];
		answers = [];
		peer = new Peer(
			{
				createConnection: () => pc.real,
				createStream: fakeStream,
				trickle: () => Promise.resolve(),
				offer: (params) => {
					offers.push(params);
					return new Promise((resolve, reject) =>
						answers.push((v) => (v instanceof Error ? reject(v) : resolve(v))),
					);
				},
				subscribe: (list) => {
					items.push(list);
					return Promise.resolve({});
				},
			},
			[],
		);
	});
	afterEach(() => {
		peer.close();
		vi.useRealTimers();
	});
	const publishBoth = () => {
		peer.publish({ source: 'microphone', track: new FakeTrack('audio').real, label: '', muted: false });
		peer.publish({ source: 'camera', track: camera(), label: '', muted: false });
	};
	const watch = (...ids: string[]) =>
		peer.setWanted(ids.map((id) => ({ id, participant: id.slice(1), kind: id.startsWith('a') ? 'audio' : 'video', quality: 'low' })));

	it('puts several publications into one offer and names them by mid', async () => {
		publishBoth();
		await settle();
		expect(offers.length).toBe(1);
		expect(offers[0]?.publish?.map((p) => [p.mid, p.source])).toEqual([['0', 'microphone'], ['1', 'camera']]);
		expect(offers[0]?.restart).toBe(true);
	});

	it('sends a camera in three layers, lowest first, and a screen in one', async () => {
		publishBoth();
		peer.publish({ source: 'screen', track: camera(), label: '', muted: false });
		const rids = pc.transceivers.map((t) => t.init.sendEncodings?.map((e) => e.rid));
		expect(rids).toEqual([[undefined], ['l', 'm', 'h'], [undefined]]);
		const small = new FakeTrack('video', '', { width: 640, height: 480 }).real;
		peer.publish({ source: 'camera2', track: small, label: '', muted: false });
		expect(pc.transceivers[3]?.init.sendEncodings?.map((e) => e.scaleResolutionDownBy)).toEqual([2, 1]);
		await settle();
	});

	it('has one offer in flight; what comes meanwhile goes into one more', async () => {
		publishBoth();
		await settle();
		peer.publish({ source: 'camera2', track: camera(), label: '', muted: false });
		watch('v1', 'a1');
		peer.negotiate();
		await settle();
		expect(offers.length).toBe(1);
		await answer();
		expect(offers.length).toBe(2);
		await answer();
		expect(offers.length).toBe(2);
	});

	it('pairs sound and picture of one participant in one group, and keeps a spare pair', async () => {
		watch('a1', 'v1');
		await settle();
		expect(offers[0]?.recv?.map((r) => r.group)).toEqual(['g0', 'g0', 'g1', 'g1']);
	});

	it('subscribes after the answer, and only what changed', async () => {
		watch('a1', 'v1');
		await settle();
		expect(items.length).toBe(0);
		await answer();
		expect(items[0]).toContainEqual({ mid: '0', track: 'a1', quality: 'low' });
		const before = items.length;
		watch('a1', 'v1');
		await settle();
		expect(items.length).toBe(before);
	});

	it('points a slot at the next arrival without a new offer', async () => {
		watch('a1', 'v1');
		await settle();
		await answer();
		watch('a2', 'v2');
		await settle();
		expect(offers.length).toBe(1);
		expect(items.at(-1)).toContainEqual({ mid: '1', track: 'v2', quality: 'low', priority: 'normal' });
		expect(peer.mediaTrack('v1')).toBeNull();
		expect(peer.mediaTrack('v2')).not.toBeNull();
	});

	it('reuses the transceiver of an unpublished source of the same shape', async () => {
		publishBoth();
		await settle();
		await answer();
		peer.unpublish('camera');
		await settle();
		await answer();
		expect(pc.transceivers[1]?.direction).toBe('inactive');
		expect(offers[1]?.publish?.map((p) => p.source)).toEqual(['microphone']);
		peer.publish({ source: 'camera2', track: camera(), label: '', muted: false });
		await settle();
		expect(pc.transceivers.length).toBe(2);
		expect(offers[2]?.publish?.map((p) => [p.mid, p.source])).toEqual([['0', 'microphone'], ['1', 'camera2']]);
	});

	it('replaces a track without an offer', async () => {
		publishBoth();
		await settle();
		await answer();
		peer.replaceTrack('camera', null);
		expect(pc.transceivers[1]?.sender.track).toBeNull();
		await settle();
		expect(offers.length).toBe(1);
	});

	it('goes on after a lost socket with what was unanswered, an ICE restart included', async () => {
		publishBoth();
		await settle();
		await answer();
		peer.negotiate(true);
		await settle();
		await answer(new DisconnectedError());
		expect(offers.length).toBe(2);
		peer.resume();
		await settle();
		expect(pc.offers[2]).toEqual({ iceRestart: true });
		await answer();
		peer.negotiate();
		await settle();
		expect(pc.offers[3]).toEqual({});
	});

	it('tells the gateway everything again after a resume', async () => {
		watch('a1', 'v1');
		await settle();
		await answer();
		const before = items.length;
		peer.resume();
		await settle();
		expect(offers.length).toBe(1);
		expect(items.length).toBe(before + 1);
		expect(items.at(-1)?.length).toBe(4);
	});

	it.each([-32006, -32005])('reports a refused offer (%i) and does not repeat it', async (code) => {
		const problem = vi.fn();
		peer.on('problem', problem);
		publishBoth();
		await settle();
		await answer(new HuizhenError('no', code));
		await vi.advanceTimersByTimeAsync(5_000);
		expect(problem).toHaveBeenCalledTimes(1);
		expect(offers.length).toBe(1);
	});

	it.each([-32003, -32007, -32099, 0])('repeats an offer after a passing error (%i)', async (code) => {
		publishBoth();
		await settle();
		await answer(new HuizhenError('later', code));
		await vi.advanceTimersByTimeAsync(1_000);
		await settle();
		expect(offers.length).toBe(2);
	});

	it('does nothing after close', async () => {
		peer.close();
		publishBoth();
		watch('v1');
		peer.negotiate();
		await settle();
		expect(offers.length).toBe(0);
		expect(pc.closed).toBe(true);
	});
});
