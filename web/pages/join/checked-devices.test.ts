// Quick taps in the device check: no device stays open that nobody sees.
import { beforeEach, expect, it } from 'vitest';
import { CheckedDevices, type Opened } from './checked-devices';

interface FakeTrack {
	name: string;
	live: boolean;
	stop(): void;
}
let all: FakeTrack[], asked: { name: string; open: () => void; fail: (error: unknown) => void }[], shown: Opened | null, devices: CheckedDevices;

const make = (name: string): MediaStreamTrack => {
	const track = { name, live: true, stop: () => void (track.live = false) };
	all.push(track);
	return track as unknown as MediaStreamTrack;
};
const asks = <T>(name: string, result: () => T) => new Promise<T>((resolve, fail) => void asked.push({ name, open: () => resolve(result()), fail }));
const open = () => all.filter((t) => t.live).map((t) => t.name).join();
const turns = async () => {
	for (let i = 0; i < 20; i++) await Promise.resolve();
};
const answer = async () => {
	asked.shift()?.open();
	await turns();
};
const flip = async (facing: 'user' | 'environment') => {
	void devices.useCamera({ facing });
	await turns();
};

beforeEach(async () => {
	[all, asked, shown] = [[], [], null];
	devices = new CheckedDevices((next) => (shown = next), {
		camera: (options) => asks(String(options?.facing), () => make(String(options?.facing))),
		microphone: () => asks('mic', () => make('mic')),
		both: () => asks('both', () => ({ camera: make('first'), microphone: make('mic'), cameraProblem: null, microphoneProblem: null })),
	});
	void devices.openAll({}, {}, false);
	await turns();
	await answer();
	expect([open(), (shown as Opened | null)?.camera !== null]).toEqual(['first,mic', true]);
});

it('entered while the other camera opens: it is closed, and the consult opens it', async () => {
	await flip('environment');
	const given = devices.handOver();
	devices.stop(); // the check goes
	expect([given.cameraComing, given.microphone !== null]).toEqual([true, true]);
	await answer();
	expect(open()).toBe('mic'); // which is the consult's
});

it('entered with everything open: nothing is closed', () => {
	const given = devices.handOver();
	devices.stop();
	expect([open(), given.cameraComing]).toEqual(['first,mic', false]);
});

it('on and off again quickly: it stays off', async () => {
	devices.cameraOff();
	await flip('user');
	devices.cameraOff();
	await answer();
	expect([open(), shown?.camera, devices.handOver().cameraComing]).toEqual(['mic', null, false]);
});

it('two flips: one camera at a time, and the one that was asked for last', async () => {
	await flip('environment');
	await flip('user');
	expect(asked.map((a) => a.name)).toEqual(['environment']);
	await answer();
	expect(open()).toBe('mic');
	await answer();
	expect([open(), shown?.camera]).toEqual(['mic,user', all.at(-1)]);
});

it('the check goes while devices open: they are closed', async () => {
	void devices.openAll({}, {}, false);
	void devices.useMicrophone({});
	await turns();
	devices.stop();
	await answer();
	await answer();
	expect(open()).toBe('');
});

it('a microphone chosen while a camera opens is not forgotten, nor what was wrong', async () => {
	await flip('environment');
	void devices.useMicrophone({ deviceId: 'other' });
	await turns();
	const microphone = asked.pop();
	microphone?.open();
	await turns();
	asked.shift()?.fail(Object.assign(new Error('busy'), { name: 'NotReadableError' }));
	await turns();
	expect([open(), shown?.microphone, shown?.camera, shown?.cameraProblem]).toEqual(['mic', all.at(-1), null, 'busy']);
});
