import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DeviceError } from '../src/devices';
import { LocalTrack, type PublishOptions } from '../src/local-track';
import type { Source } from '../src/protocol';
import { FakeTrack, settle } from './fakes';

describe('local track', () => {
	let opened: { source: Source; options: PublishOptions; track: FakeTrack }[];
	let failures: DeviceError[];
	let question: Promise<void> | null; // a permission question, a headset that takes its time
	const opener = async (source: Source, options: PublishOptions) => {
		if (question) await question;
		const failure = failures.shift();
		if (failure) throw failure;
		const track = new FakeTrack(source === 'microphone' ? 'audio' : 'video', options.deviceId ?? 'default');
		opened.push({ source, options, track });
		return track.real;
	};
	const ask = (): (() => void) => {
		let answer = () => undefined as void;
		question = new Promise((resolve) => (answer = resolve));
		return answer;
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
		question = null;
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
	it('lets go of a camera that was opened for a preview when it starts muted', async () => {
		const preview = new FakeTrack('video');
		const local = await make('camera', { muted: true, opened: preview.real });
		expect(preview.readyState).toBe('ended');
		expect(local.mediaStreamTrack).toBeNull();
		await local.setMuted(false);
		expect(local.mediaStreamTrack?.readyState).toBe('live');
	});
	it('silences a screen and an own track that start muted', async () => {
		expect((await make('screen', { muted: true })).mediaStreamTrack?.enabled).toBe(false);
		const own = new FakeTrack('video');
		const local = await make('image', { track: own.real, muted: true });
		expect(own).toMatchObject({ readyState: 'live', enabled: false });
		await local.setMuted(false);
		expect(own.enabled).toBe(true);
	});
	it('silences a microphone at once while another one is being opened, and the other one, too', async () => {
		const local = await make('microphone');
		const changed = vi.fn();
		local.on('change', changed);
		const answer = ask();
		const switched = local.switchTo({ deviceId: 'headset' });
		await settle();
		void local.setMuted(true);
		expect(local.muted).toBe(true);
		expect(opened[0]?.track).toMatchObject({ readyState: 'live', enabled: false });
		expect(changed).toHaveBeenCalled();
		answer();
		await switched;
		expect(opened[1]?.track).toMatchObject({ readyState: 'live', enabled: false });
		await local.setMuted(false);
		expect(opened[1]?.track.enabled).toBe(true);
	});
	it('shows nothing of a camera that was muted while it was being opened', async () => {
		const local = await make('camera', { deviceId: 'front' });
		const shown = vi.fn();
		local.on('track', (track) => track && shown());
		const answer = ask();
		const switched = local.switchTo({ deviceId: 'back' });
		await settle();
		await local.setMuted(true);
		answer();
		await switched;
		expect([opened.length, opened[1]?.track.readyState, shown.mock.calls.length]).toEqual([2, 'ended', 0]);
		expect([local.muted, local.mediaStreamTrack]).toEqual([true, null]);
	});
	it('shows nothing of a camera that was unmuted and muted again while it was being opened', async () => {
		const local = await make('camera', { muted: true });
		const shown = vi.fn();
		local.on('track', (track) => track && shown());
		const answer = ask();
		const unmuted = local.setMuted(false);
		await settle();
		await local.setMuted(true);
		answer();
		await unmuted;
		expect([local.muted, local.mediaStreamTrack, shown.mock.calls.length]).toEqual([true, null, 0]);
		expect(opened[0]?.track.readyState).toBe('ended');
		await local.setMuted(false);
		expect(local.mediaStreamTrack?.readyState).toBe('live');
	});
	it('has no problem with a camera that was muted while it was lost', async () => {
		const local = await make('camera');
		failures = [new DeviceError('busy', ''), new DeviceError('busy', '')];
		opened[0]?.track.vanish();
		await vi.advanceTimersByTimeAsync(0);
		expect(local.problem).toBe('busy');
		const answer = ask();
		await vi.advanceTimersByTimeAsync(600);
		void local.setMuted(true);
		expect(local.problem).toBeNull();
		answer();
		await vi.advanceTimersByTimeAsync(600);
		expect(local.problem).toBeNull();
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
