// From a token to a running consult, with the devices that were checked before.
import { Huizhen, type ConsentAnswer, type Consult, type HuizhenError } from '../../sdk/src';
import { language } from '../i18n';
import { choices } from './choices';
import { expose } from './start';
import { renewEarly } from './renew';
import { rememberMuted, wasMuted } from './microphone';
import { forgetSession, keep, kept, sessionMuted, sessionToken } from './token';

export interface Devices {
	camera: MediaStreamTrack | null;
	microphone: MediaStreamTrack | null;
	/** It was switched on and is not open yet. */
	cameraComing: boolean;
	/** The camera works but the user switched it off. */
	cameraOff: boolean;
}

export interface EnterOptions {
	token?: string;
	storageKey: string;
	/** The answer to the consent question, where it was asked before. */
	consent?: ConsentAnswer;
	/** Devices opened in the check; without them they are opened now, as after a reload of the page. */
	devices?: Devices;
}

const tokens = new WeakMap<Consult, string>();

/** What does not go over the WebSocket (images; files of a director) is asked for with it. null: the page does not have it. */
export function tokenOf(consult: Consult): string | null {
	return tokens.get(consult) ?? null;
}

export async function enter(options: EnterOptions): Promise<Consult> {
	const consult = await Huizhen.join({
		token: options.token,
		storageKey: options.storageKey,
		consent: options.consent,
		language: language(),
		client: { name: 'huizhen-pages', version: Huizhen.version },
	});
	expose(consult);
	const { storageKey } = options;
	const token = options.token ?? kept(sessionToken(storageKey));
	keep(sessionToken(storageKey), token);
	if (options.token !== undefined) keep(sessionMuted(storageKey), null); // somebody came in; this is no reload
	rememberMuted(consult, storageKey);
	consult.on('end', () => forgetSession(storageKey));
	if (token) tokens.set(consult, token);
	if (token) renewEarly(consult, token, (fresh) => tokens.set(consult, fresh));
	consult.on('error', (error: HuizhenError) => console.warn('huizhen:', error.code, error.message));
	if (consult.can('publish')) void publish(consult, options.devices, !options.devices && wasMuted(storageKey));
	return consult;
}

async function publish(consult: Consult, devices: Devices | undefined, muted: boolean): Promise<void> {
	const { cameraId, microphoneId, facing, cameraOff } = choices();
	const off = devices ? devices.cameraOff : cameraOff === true;
	const jobs: Promise<unknown>[] = [];
	if (!devices || devices.microphone) {
		jobs.push(consult.publish('microphone', { opened: devices?.microphone ?? undefined, deviceId: microphoneId, muted }));
	}
	if (!devices || devices.camera || devices.cameraComing || off) {
		const opened = devices?.camera ?? undefined;
		jobs.push(consult.publish('camera', { opened, deviceId: cameraId, facing, muted: off }));
	}
	// Whatever cannot be opened stays away: the buttons of the call open it later.
	await Promise.all(jobs.map((job) => job.catch(() => undefined)));
}
