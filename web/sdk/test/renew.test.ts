// Who asks for an offer that is under way already: the gateway, the socket that is back, a repair.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HuizhenError } from '../src/errors';
import { Peer } from '../src/peer';
import type { OfferParams } from '../src/protocol';
import { FakeConnection, fakeStream, FakeTrack, settle } from './fakes';

describe('an offer that is asked for', () => {
	let pc: FakeConnection;
	let offers: OfferParams[];
	let answers: ((value: { sdp: string } | Error) => void)[];
	let peer: Peer;
	let sent: () => void; // the browser has made it
	const answer = async (value: { sdp: string } | Error = { sdp: 'answer' }) => {
		answers.shift()?.(value);
		await settle();
	};
	beforeEach(async () => {
		vi.useFakeTimers();
		pc = new FakeConnection();
		offers = [];
		answers = [];
		const deps = {
			createConnection: () => pc.real,
			createStream: fakeStream,
			trickle: () => Promise.resolve(),
			offer: (params: OfferParams) => {
				offers.push(params);
				return new Promise<{ sdp: string }>((resolve, reject) =>
					answers.push((v) => (v instanceof Error ? reject(v) : resolve(v))),
				);
			},
			subscribe: () => Promise.resolve({}),
		};
		peer = new Peer(deps, []);
		peer.publish({ source: 'microphone', track: new FakeTrack('audio').real, label: '', muted: false });
		await settle();
		await answer();
		const make = pc.createOffer.bind(pc);
		pc.createOffer = (o) => new Promise((done) => (sent = () => done(make(o))));
	});
	afterEach(() => {
		peer.close();
		vi.useRealTimers();
	});

	it('is the one that has not left yet', async () => {
		peer.negotiate();
		await settle();
		peer.renew(false);
		peer.resume();
		sent();
		await settle();
		await answer();
		sent();
		await settle();
		expect(offers.length).toBe(2);
	});
	it('is another one once that has left: its answer may be older', async () => {
		peer.negotiate();
		await settle();
		sent();
		await settle();
		peer.renew(false);
		await answer();
		sent();
		await settle();
		expect(offers.length).toBe(3);
	});
	it('restarts ICE with the one that does and is not answered', async () => {
		peer.renew(true);
		await settle();
		peer.renew(true);
		sent();
		await settle();
		peer.renew(true);
		await answer();
		sent();
		await settle();
		expect(offers.length).toBe(2);
		peer.renew(true);
		await settle();
		sent();
		await settle();
		expect(offers.map((o) => o.restart)).toEqual([true, true, true]);
	});
	it('restarts ICE after one that does not', async () => {
		peer.negotiate();
		await settle();
		sent();
		await settle();
		peer.renew(true);
		await answer();
		sent();
		await settle();
		expect(offers.map((o) => o.restart)).toEqual([true, false, true]);
	});
	it('is another one when the answer has come but is not applied yet', async () => {
		const take = pc.setRemoteDescription.bind(pc);
		let applied = () => undefined as void;
		pc.setRemoteDescription = (d) => new Promise((done) => (applied = () => done(take(d))));
		peer.renew(true);
		await settle();
		sent();
		await settle();
		await answer();
		peer.renew(true);
		applied();
		await settle();
		sent();
		await settle();
		expect(offers.map((o) => o.restart)).toEqual([true, true, true]);
	});
	it('is not repeated after resume() repeated it', async () => {
		peer.negotiate();
		await settle();
		sent();
		await settle();
		await answer(new HuizhenError('no answer to offer'));
		peer.resume();
		await settle();
		sent();
		await settle();
		await answer();
		await vi.advanceTimersByTimeAsync(2_000);
		expect([offers.length, pc.signalingState]).toEqual([3, 'stable']);
		sent();
		await settle();
		expect(offers.length).toBe(3);
	});
});
