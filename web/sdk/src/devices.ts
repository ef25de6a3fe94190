// Cameras, microphones and screens: opening them on every browser we know, and saying in one word why it failed.
import { HuizhenError } from './errors';

/** Why a device could not be opened. `insecure`: the page is not on HTTPS; `unsupported`: the browser has no such API. */
export type DeviceProblem = 'denied' | 'none' | 'busy' | 'insecure' | 'unsupported' | 'failed';
export type Facing = 'user' | 'environment';

export class DeviceError extends HuizhenError {
	constructor(readonly problem: DeviceProblem, message: string) {
		super(message);
		this.name = 'DeviceError';
	}
}

export interface CameraOptions {
	deviceId?: string;
	facing?: Facing;
	/** Wanted width, 1280 unless told. */
	width?: number;
	height?: number;
}
export interface MicrophoneOptions {
	deviceId?: string;
	/** For instruments such as a stethoscope: no echo cancelling, no noise suppression. */
	raw?: boolean;
}

function mediaDevices(): MediaDevices {
	if (typeof navigator === 'undefined' || !navigator.mediaDevices?.getUserMedia) {
		const insecure = typeof window !== 'undefined' && window.isSecureContext === false;
		throw new DeviceError(insecure ? 'insecure' : 'unsupported', 'this page cannot use cameras and microphones');
	}
	return navigator.mediaDevices;
}

/** Puts the browsers' many error names into our few words. */
export function problemOf(error: unknown): DeviceProblem {
	if (error instanceof DeviceError) return error.problem;
	const name = (error as { name?: unknown } | null)?.name;
	switch (name) {
		case 'NotAllowedError':
		case 'PermissionDeniedError':
		case 'SecurityError':
			return 'denied';
		case 'NotFoundError':
		case 'DevicesNotFoundError':
		case 'OverconstrainedError':
		case 'ConstraintNotSatisfiedError':
			return 'none';
		case 'NotReadableError':
		case 'TrackStartError':
		case 'AbortError':
			return 'busy';
		case 'NotSupportedError':
			return 'unsupported';
		default:
			return 'failed';
	}
}

/** Tries each set of constraints in turn; a refusal by the user ends it at once. */
async function open(attempts: MediaStreamConstraints[], kind: 'audio' | 'video'): Promise<MediaStreamTrack> {
	const devices = mediaDevices();
	let last: unknown;
	for (const constraints of attempts) {
		try {
			const stream = await devices.getUserMedia(constraints);
			const tracks = kind === 'video' ? stream.getVideoTracks() : stream.getAudioTracks();
			if (tracks[0]) return tracks[0];
		} catch (error) {
			last = error;
			if (problemOf(error) === 'denied') break;
		}
	}
	const text = last instanceof Error ? last.message : 'no device';
	throw new DeviceError(last === undefined ? 'none' : problemOf(last), text);
}

export function openCamera(options: CameraOptions = {}): Promise<MediaStreamTrack> {
	const size = { width: { ideal: options.width ?? 1280 }, height: { ideal: options.height ?? 720 } };
	const rate = { frameRate: { ideal: 30, max: 30 } };
	const attempts: MediaStreamConstraints[] = [];
	if (options.deviceId) attempts.push({ video: { ...size, ...rate, deviceId: { exact: options.deviceId } } });
	if (options.facing) attempts.push({ video: { ...size, ...rate, facingMode: { ideal: options.facing } } });
	attempts.push({ video: { ...size, ...rate } }, { video: true });
	return open(attempts, 'video');
}

export function openMicrophone(options: MicrophoneOptions = {}): Promise<MediaStreamTrack> {
	const on = !options.raw;
	const processing = { echoCancellation: on, noiseSuppression: on, autoGainControl: on };
	const attempts: MediaStreamConstraints[] = [];
	if (options.deviceId) attempts.push({ audio: { ...processing, deviceId: { exact: options.deviceId } } });
	attempts.push({ audio: processing }, { audio: true });
	return open(attempts, 'audio');
}

/** False on phones and in WeChat: do not show the button there. */
export function canShareScreen(): boolean {
	return typeof navigator !== 'undefined' && typeof navigator.mediaDevices?.getDisplayMedia === 'function';
}

export interface Opened {
	camera: MediaStreamTrack | null;
	microphone: MediaStreamTrack | null;
	/** Why one of them is missing. */
	cameraProblem: DeviceProblem | null;
	microphoneProblem: DeviceProblem | null;
}

/** Both with one permission question where that works; else each alone, so that one broken device spares the other. */
export async function openCameraAndMicrophone(camera: CameraOptions, microphone: MicrophoneOptions): Promise<Opened> {
	const exact = (id: string | undefined) => (id ? { deviceId: { exact: id } } : {});
	try {
		const stream = await mediaDevices().getUserMedia({
			video: {
				width: { ideal: camera.width ?? 1280 },
				height: { ideal: camera.height ?? 720 },
				frameRate: { ideal: 30, max: 30 },
				...(camera.facing && !camera.deviceId ? { facingMode: { ideal: camera.facing } } : exact(camera.deviceId)),
			},
			audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...exact(microphone.deviceId) },
		});
		const [video, audio] = [stream.getVideoTracks()[0] ?? null, stream.getAudioTracks()[0] ?? null];
		return { camera: video, microphone: audio, cameraProblem: null, microphoneProblem: null };
	} catch {
		const result: Opened = { camera: null, microphone: null, cameraProblem: null, microphoneProblem: null };
		await openMicrophone(microphone).then(
			(track) => (result.microphone = track),
			(error: unknown) => (result.microphoneProblem = problemOf(error)),
		);
		await openCamera(camera).then(
			(track) => (result.camera = track),
			(error: unknown) => (result.cameraProblem = problemOf(error)),
		);
		return result;
	}
}

export async function openScreen(): Promise<MediaStreamTrack> {
	if (!canShareScreen()) throw new DeviceError('unsupported', 'this browser cannot share its screen');
	try {
		const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } } });
		const track = stream.getVideoTracks()[0];
		if (!track) throw new DeviceError('none', 'nothing was shared');
		return track;
	} catch (error) {
		if (error instanceof DeviceError) throw error;
		throw new DeviceError(problemOf(error), error instanceof Error ? error.message : 'sharing failed');
	}
}

export interface DeviceList {
	cameras: MediaDeviceInfo[];
	microphones: MediaDeviceInfo[];
	speakers: MediaDeviceInfo[];
}

/** Labels are empty until the user allowed one device. Empty lists where the browser cannot tell. */
export async function listDevices(): Promise<DeviceList> {
	if (typeof navigator === 'undefined' || !navigator.mediaDevices?.enumerateDevices) {
		return { cameras: [], microphones: [], speakers: [] };
	}
	const all = await navigator.mediaDevices.enumerateDevices().catch(() => [] as MediaDeviceInfo[]);
	const of = (kind: MediaDeviceKind) => all.filter((d) => d.kind === kind);
	return { cameras: of('videoinput'), microphones: of('audioinput'), speakers: of('audiooutput') };
}

/** Chooses the loudspeaker of an element where the browser can; false where it cannot (iOS, Firefox before 116). */
export async function setSpeaker(element: HTMLMediaElement, deviceId: string): Promise<boolean> {
	if (typeof element.setSinkId !== 'function') return false;
	return element.setSinkId(deviceId).then(
		() => true,
		() => false,
	);
}

/** Which way a camera looks: what the track says, else what its label says. */
export function facingOf(track: MediaStreamTrack): Facing | undefined {
	const facing = typeof track.getSettings === 'function' ? track.getSettings().facingMode : undefined;
	if (facing === 'user' || facing === 'environment') return facing;
	if (/back|rear|environment|后置|背面/i.test(track.label)) return 'environment';
	if (/front|user|前置/i.test(track.label)) return 'user';
	return undefined;
}
