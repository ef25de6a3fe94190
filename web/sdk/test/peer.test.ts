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

	it('sends at once what goes through a full queue, and as before when the browser sees that it is wide', async () => {
		const small = new FakeTrack('video', '', { width: 640, height: 480 }).real;
		peer.publish({ source: 'microphone', track: camera(), label: '', muted: false });
		peer.publish({ source: 'camera', track: small, label: '', muted: false });
		await settle();
		await answer();
		const mid = pc.transceivers[1]?.mid ?? '';
		const active = () => pc.transceivers[1]?.parameters.encodings.map((e) => e.active);
		const sound = () => pc.transceivers[0]?.parameters.encodings[0]?.maxBitrate;
		peer.setWatched([{ mid, lowest: 1 }]);
		peer.observeUplink({ available_bps: 2_000_000, lost_percent: 0, rtt_ms: 40 });
		peer.onOverflow(280_000);
		await settle();
		expect(active()).toEqual([false, true]);
		expect(sound()).toBe(28_000);
		vi.advanceTimersByTime(1_000);
		peer.observeUplink({ available_bps: 2_000_000, lost_percent: 30, rtt_ms: 300 }); // it has not seen it yet
		await settle();
		expect(active()).toEqual([false, true]);
		vi.advanceTimersByTime(1_500);
		peer.observeUplink({ available_bps: 2_000_000, lost_percent: 0, rtt_ms: 40 });
		await settle();
		expect(active()).toEqual([true, true]);
		expect(sound()).toBe(40_000);
	});

	it('does not take what the gateway told the browser to stay below for what the uplink carries', async () => {
		const small = new FakeTrack('video', '', { width: 640, height: 480 }).real;
		peer.publish({ source: 'camera', track: small, label: '', muted: false });
		await settle();
		await answer();
		const mid = pc.transceivers[0]?.mid ?? '';
		const active = () => pc.transceivers[0]?.parameters.encodings.map((e) => e.active);
		peer.setWatched([{ mid, lowest: 1 }]);
		peer.onOverflow(160_000);
		for (let second = 1; second <= 4; second++) {
			vi.advanceTimersByTime(1_000);
			expect(peer.carries(112_000)).toBe(160_000);
			peer.observeUplink({ available_bps: 112_000, lost_percent: 0, rtt_ms: 40 });
			await settle();
			expect(active()).toEqual([false, true]);
		}
		expect(peer.carries(500_000)).toBe(500_000);
		vi.advanceTimersByTime(1_000);
		expect(peer.carries(112_000)).toBe(112_000); // now it is the browser's own
	});

	describe('on an uplink that carries sound at most', () => {
		const SOUND = 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n';
		const long = (sdp: string | undefined) => /a=ptime:40\r\n/.test(sdp ?? '') && /maxaveragebitrate=16000/.test(sdp ?? '');
		beforeEach(async () => {
			publishBoth();
			await settle();
			pc.offerSdp = SOUND;
			await answer({ sdp: SOUND });
		});

		it('sends sound in long packets, without a word to the gateway, and as before when it is wide again', async () => {
			expect(pc.answers.map(long)).toEqual([false]);
			for (const level of ['low', 'still', 'low', 'still', 'off'] as const) {
				peer.setUplink(level);
				await settle();
			}
			expect(pc.answers.map(long)).toEqual([false, true]);
			peer.setUplink('full');
			await settle();
			expect(pc.answers.map(long)).toEqual([false, true, false]);
			expect(offers.length).toBe(1);
			expect(pc.signalingState).toBe('stable');
		});
		it('sends stills once there is room for them', async () => {
			const active = () => pc.transceivers[1]?.parameters.encodings.map((e) => e.active);
			peer.negotiate(); // an offer that takes long
			await settle();
			peer.setUplink('still');
			peer.observeUplink({ available_bps: 40_000, lost_percent: 0, rtt_ms: 300 });
			await settle();
			expect(active()).toEqual([false, false, false]);
			await answer({ sdp: SOUND });
			vi.advanceTimersByTime(1_000);
			peer.observeUplink({ available_bps: 40_000, lost_percent: 0, rtt_ms: 300 });
			await settle();
			expect(active()).toEqual([true, false, false]);
			vi.advanceTimersByTime(5_000);
			peer.observeUplink({ available_bps: 40_000, lost_percent: 0, rtt_ms: 300 });
			await settle();
			expect(active()).toEqual([false, false, false]);
		});
		it('sends none where repairs take long: sound would wait to be in step with it', async () => {
			peer.setUplink('still');
			for (let i = 0; i < 12; i++) {
				vi.advanceTimersByTime(1_000);
				peer.observeUplink({ available_bps: 40_000, lost_percent: 10, rtt_ms: 300 });
				await settle();
				if (i > 2) expect(pc.transceivers[1]?.parameters.encodings.some((e) => e.active)).toBe(false);
			}
		});
		it('keeps them in what is negotiated meanwhile', async () => {
			peer.setUplink('off');
			peer.negotiate();
			await settle();
			expect(offers.length).toBe(2);
			await answer({ sdp: SOUND });
			expect(pc.answers.map(long)).toEqual([false, true, true]);
		});
		it('leaves them to an offer that is under way', async () => {
			peer.negotiate();
			await settle();
			peer.setUplink('still');
			await settle();
			expect(pc.answers.length).toBe(1);
			await answer({ sdp: SOUND });
			expect(pc.answers.map(long)).toEqual([false, true]);
		});
		it('does not wait for a socket that is gone, and makes the offer when it is back', async () => {
			peer.negotiate(true);
			await settle();
			await answer(new DisconnectedError());
			expect(pc.signalingState).toBe('have-local-offer');
			peer.setUplink('off');
			await settle();
			expect(pc.answers.map(long)).toEqual([false, true]);
			expect(offers.length).toBe(2);
			peer.resume();
			await settle();
			expect(offers.length).toBe(3);
			expect(offers[2]?.restart).toBe(true);
		});
		it('takes the answer as it is where the browser does not take it with long packets', async () => {
			const take = pc.setRemoteDescription.bind(pc);
			pc.setRemoteDescription = (d) => (long(d.sdp) ? Promise.reject(new Error('no')) : take(d));
			peer.setUplink('off');
			await settle();
			peer.negotiate();
			await settle();
			await answer({ sdp: SOUND });
			expect(pc.answers.length).toBeGreaterThan(1);
			expect(pc.answers.some(long)).toBe(false);
			expect([offers.length, pc.signalingState]).toEqual([2, 'stable']);
		});
		it('does them at last when the offer under way fails with its socket', async () => {
			peer.negotiate(true);
			await settle();
			peer.setUplink('off');
			await settle();
			expect(pc.answers.length).toBe(1);
			await answer(new DisconnectedError());
			expect(pc.answers.map(long)).toEqual([false, true]);
			expect([offers.length, pc.signalingState]).toEqual([2, 'stable']);
			peer.resume();
			await settle();
			expect(offers[2]?.restart).toBe(true);
		});
		it('makes the restart that found no socket when that is back while it repacks', async () => {
			peer.negotiate(true);
			await settle();
			peer.setUplink('off');
			let go = () => undefined as void;
			const make = pc.createOffer.bind(pc);
			pc.createOffer = (o) => new Promise((done) => (go = () => done(make(o))));
			await answer(new DisconnectedError());
			expect(pc.signalingState).toBe('stable'); // rolled back, and at it
			peer.resume();
			pc.createOffer = make;
			go();
			await settle();
			expect(pc.answers.map(long)).toEqual([false, true]);
			expect([offers.length, offers[2]?.restart]).toEqual([3, true]);
		});
		it('follows an uplink that changes while it is at it', async () => {
			peer.setUplink('off');
			await Promise.resolve();
			peer.setUplink('full');
			await settle();
			expect(long(pc.answers.at(-1))).toBe(false);
			expect(pc.signalingState).toBe('stable');
		});
		it('does not put an old answer on other lines', async () => {
			pc.offerSdp = `${SOUND}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n`;
			peer.setUplink('off');
			await settle();
			expect(pc.answers.length).toBe(1);
			expect(pc.signalingState).toBe('stable');
		});
		it('goes on as it was when the browser does not take it', async () => {
			const take = pc.setRemoteDescription.bind(pc);
			pc.setRemoteDescription = () => Promise.reject(new Error('no'));
			peer.setUplink('off');
			await settle();
			expect(pc.signalingState).toBe('stable');
			pc.setRemoteDescription = take;
			peer.negotiate();
			await settle();
			expect(offers.length).toBe(2);
		});
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
