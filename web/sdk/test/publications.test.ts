// What is published, and who may mute it: the own wish, a host's, and what got lost on the way.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { DisconnectedError } from '../src/errors';
import type { PublishOptions } from '../src/local-track';
import type { Peer } from '../src/peer';
import type { Source, Track } from '../src/protocol';
import { Publications } from '../src/publications';
import { FakeTrack, settle } from './fakes';

describe('publications', () => {
	let told: [Source, boolean][];
	let lost: Error[];
	let answers: ((track: MediaStreamTrack | Error) => void)[];
	let waits: boolean;
	const peer = { publish: vi.fn(), unpublish: vi.fn(), replaceTrack: vi.fn(), setMuted: vi.fn() };
	const onMutedByHost = vi.fn();
	let own: Publications;
	const device = (source: Source) => new FakeTrack(source === 'microphone' ? 'audio' : 'video').real;
	const opener = (source: Source, _: PublishOptions): Promise<MediaStreamTrack> =>
		waits
			? new Promise((resolve, reject) => answers.push((v) => (v instanceof Error ? reject(v) : resolve(v))))
			: Promise.resolve(device(source));
	const remote = (source: Source, muted: boolean): Track[] => [
		{ id: 't1', kind: 'audio', source, label: '', muted, active: true, codec: '', layers: 1 },
	];
	beforeEach(() => {
		vi.clearAllMocks();
		told = [];
		lost = [];
		answers = [];
		waits = false;
		own = new Publications(
			{
				peer: () => peer as unknown as Peer,
				update: (source, muted) => {
					told.push([source, muted]);
					const error = lost.shift();
					return error ? Promise.reject(error) : Promise.resolve();
				},
				onChange: () => undefined,
				onMutedByHost,
			},
			opener,
		);
	});

	it('tells the gateway of a mute although another microphone is being opened', async () => {
		const local = await own.publish('microphone', {});
		waits = true;
		const switched = local.switchTo({ deviceId: 'headset' });
		await settle();
		void own.setMuted('microphone', true);
		await settle();
		expect(local.mediaStreamTrack?.enabled).toBe(false);
		expect(told).toEqual([['microphone', true]]);
		answers[0]?.(device('microphone'));
		await switched;
		expect(local.mediaStreamTrack?.enabled).toBe(false);
	});
	it('does not tell of an unmute that was taken back while the camera was being opened', async () => {
		await own.publish('camera', { muted: true });
		waits = true;
		const unmuted = own.setMuted('camera', false);
		await settle();
		await own.setMuted('camera', true);
		answers[0]?.(device('camera'));
		await unmuted;
		expect(told).toEqual([['camera', true]]);
		expect(peer.setMuted).not.toHaveBeenCalledWith('camera', false);
	});

	it('takes a refused device off a PeerConnection that was made while it was asked for', async () => {
		waits = true;
		const published = own.publish('camera', {});
		own.republish();
		expect(peer.publish).toHaveBeenCalled();
		await settle();
		answers[0]?.(new Error('denied'));
		await expect(published).rejects.toThrow('denied');
		expect(peer.unpublish).toHaveBeenCalledWith('camera');
		expect(own.all).toEqual([]);
	});
	it('leaves what is published anew alone when the question before it is refused', async () => {
		waits = true;
		const first = own.publish('camera', {});
		await settle();
		own.unpublish('camera');
		const second = own.publish('camera', {});
		await settle();
		answers[1]?.(device('camera'));
		const local = await second;
		peer.unpublish.mockClear();
		answers[0]?.(new Error('denied'));
		await expect(first).rejects.toThrow('denied');
		expect(own.all).toEqual([local]);
		expect(peer.unpublish).not.toHaveBeenCalled();
	});

	describe('and the gateway', () => {
		const unmuted = async () => {
			const local = await own.publish('microphone', {});
			own.resync(remote('microphone', false));
			return local;
		};

		it('obeys a host who muted while the socket was away: only they themselves can unmute', async () => {
			const local = await unmuted();
			own.resync(remote('microphone', true)); // of the resumed session
			expect([local.muted, told]).toEqual([true, []]);
			expect(onMutedByHost).toHaveBeenCalledWith('microphone');
		});
		it.each([true, false])('repeats a mute (%s) that the socket took with it', async (muted) => {
			const local = await own.publish('microphone', { muted: !muted });
			lost = [new DisconnectedError(), new DisconnectedError()];
			await own.setMuted('microphone', muted);
			own.resync(remote('microphone', !muted));
			await settle();
			own.resync(remote('microphone', !muted)); // that was lost, too
			await settle();
			own.resync(remote('microphone', muted));
			expect(told).toEqual([['microphone', muted], ['microphone', muted], ['microphone', muted]]);
			expect(local.muted).toBe(muted);
			expect(onMutedByHost).not.toHaveBeenCalled();
		});
		it('obeys a host after its own unmute was repeated and heard', async () => {
			const local = await own.publish('microphone', { muted: true });
			lost = [new DisconnectedError()];
			await own.setMuted('microphone', false);
			own.resync(remote('microphone', true));
			await settle();
			own.resync(remote('microphone', true));
			expect([local.muted, told.length]).toEqual([true, 2]);
		});
		it('obeys a host after an own unmute whose answer alone was lost', async () => {
			const local = await own.publish('microphone', { muted: true });
			lost = [new DisconnectedError()];
			await own.setMuted('microphone', false);
			own.resync(remote('microphone', false));
			own.resync(remote('microphone', true));
			expect([local.muted, told.length]).toEqual([true, 1]);
		});
		it('forgets with the publication what was not heard of it', async () => {
			await own.publish('microphone', { muted: true });
			lost = [new DisconnectedError()];
			await own.setMuted('microphone', false);
			own.unpublish('microphone');
			const local = await own.publish('microphone', {});
			own.resync(remote('microphone', true));
			expect(local.muted).toBe(true);
		});
	});
});
