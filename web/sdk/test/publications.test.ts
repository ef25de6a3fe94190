// What is published, and who may mute it: the own wish, a host's, and what got lost on the way.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { PublishOptions } from '../src/local-track';
import type { Peer } from '../src/peer';
import type { Source } from '../src/protocol';
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
});
