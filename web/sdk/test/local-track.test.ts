import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DeviceError } from '../src/devices';
import { LocalTrack, type PublishOptions } from '../src/local-track';
import type { Source } from '../src/protocol';
import { FakeTrack } from './fakes';

describe('local track', () => {
	let opened: { source: Source; options: PublishOptions; track: FakeTrack }[];
	let failures: DeviceError[];
	const opener = (source: Source, options: PublishOptions) => {
		const failure = failures.shift();
		if (failure) return Promise.reject(failure);
		const track = new FakeTrack(source === 'microphone' ? 'audio' : 'video', options.deviceId ?? 'default');
		opened.push({ source, options, track });
		return Promise.resolve(track.real);
	};
	const make = async (source: Source, options: PublishOptions = {}) => {
		const local = new LocalTrack(source, options, opener);
		await local.open();
		return local;
	};
	beforeEach(() => {
		vi.useFakeTimers();
		opened = [];
		failures = [];
	});
	afterEach(() => {
		vi.useRealTimers();
	});

	it('releases a muted camera and opens it again', async () => {
		const local = await make('camera');
		await local.setMuted(true);
		expect(opened[0]?.track.readyState).toBe('ended');
		expect(local.mediaStreamTrack).toBeNull();
		await local.setMuted(false);
		expect(opened.length).toBe(2);
	});
	it('keeps a muted microphone open but silent', async () => {
		const local = await make('microphone');
		await local.setMuted(true);
		expect(opened[0]?.track).toMatchObject({ readyState: 'live', enabled: false });
	});
	it('does not open a camera that starts muted', async () => {
		await make('camera', { muted: true });
		expect(opened.length).toBe(0);
	});
	it('stays muted when the camera does not come back', async () => {
		const local = await make('camera');
		await local.setMuted(true);
		failures = [new DeviceError('busy', '')];
		await expect(local.setMuted(false)).rejects.toMatchObject({ problem: 'busy' });
		expect(local.muted).toBe(true);
	});
	it('closes the old camera before it opens the new one', async () => {
		const local = await make('camera', { deviceId: 'front' });
		await local.switchTo({ deviceId: 'back' });
		expect(opened[0]?.track.readyState).toBe('ended');
		expect(local.deviceId).toBe('back');
	});
	it('returns to the old camera when the new one fails', async () => {
		const local = await make('camera', { deviceId: 'front' });
		failures = [new DeviceError('none', '')];
		await expect(local.switchTo({ deviceId: 'back' })).rejects.toMatchObject({ problem: 'none' });
		expect(local.deviceId).toBe('front');
		expect(local.mediaStreamTrack?.readyState).toBe('live');
	});
	it('gets a device back that vanished, trying a few times', async () => {
		const local = await make('microphone');
		failures = [new DeviceError('busy', ''), new DeviceError('busy', '')];
		opened[0]?.track.vanish();
		await vi.advanceTimersByTimeAsync(0);
		expect(local.problem).toBe('busy');
		await vi.advanceTimersByTimeAsync(2_500);
		expect(local.problem).toBeNull();
		expect(opened.length).toBe(2);
	});
	it('reopens a track that the system silenced for long (a phone call)', async () => {
		const local = await make('microphone');
		opened[0]?.track.onmute?.();
		await vi.advanceTimersByTimeAsync(3_100);
		await local.recover();
		expect(opened.length).toBe(2);
	});
	it('leaves a healthy track alone', async () => {
		const local = await make('microphone');
		opened[0]?.track.onmute?.();
		opened[0]?.track.onunmute?.();
		await vi.advanceTimersByTimeAsync(9_000);
		await local.recover();
		expect(opened.length).toBe(1);
	});
	it('ends a screen share that the user ended, without asking again', async () => {
		const local = await make('screen');
		const ended = vi.fn();
		local.on('ended', ended);
		opened[0]?.track.vanish();
		expect(ended).toHaveBeenCalled();
		expect(opened.length).toBe(1);
	});
	it('never stops a track that belongs to the page', async () => {
		const own = new FakeTrack('video');
		const local = await make('image', { track: own.real });
		local.stop();
		expect(own.readyState).toBe('live');
		expect(own.contentHint).toBe('detail');
	});
	it('stops a device that opened after the end', async () => {
		const local = new LocalTrack('camera', {}, opener);
		const opening = local.open();
		local.stop();
		await opening;
		expect(opened[0]?.track.readyState).toBe('ended');
	});
});
