// What the device check has open. Of two wishes for one device the later one holds: what opens for another, or after the check, is stopped.
import {
	openCamera, openCameraAndMicrophone, openMicrophone, problemOf, type CameraOptions, type DeviceProblem, type MicrophoneOptions,
} from '../../sdk/src';

export interface Opened {
	camera: MediaStreamTrack | null;
	microphone: MediaStreamTrack | null;
	cameraProblem: DeviceProblem | null;
	microphoneProblem: DeviceProblem | null;
}

export const NOTHING: Opened = { camera: null, microphone: null, cameraProblem: null, microphoneProblem: null };

type Device = 'camera' | 'microphone';
type Openers = { camera: typeof openCamera; microphone: typeof openMicrophone; both: typeof openCameraAndMicrophone };
const BROWSERS: Openers = { camera: openCamera, microphone: openMicrophone, both: openCameraAndMicrophone };

export class CheckedDevices {
	private live: Opened = NOTHING;
	private readonly turn = { camera: 0, microphone: 0 };
	/** Most phones open one camera at a time: the next one waits for the one before. */
	private cameras: Promise<void> = Promise.resolve();
	private cameraComing = false;

	/** `show` gets what is open, whenever it changed; null: both are being asked for. */
	constructor(private readonly show: (opened: Opened | null) => void, private readonly openers: Openers = BROWSERS) {}

	openAll(camera: CameraOptions, microphone: MicrophoneOptions, cameraOff: boolean): Promise<void> {
		const mine = { camera: this.close('camera'), microphone: this.close('microphone') };
		const isOld = (device: Device) => this.turn[device] !== mine[device];
		this.show(null);
		return this.afterCameras(async () => {
			if (isOld('camera') && isOld('microphone')) return;
			const next = await this.openers.both(camera, microphone);
			if (cameraOff || isOld('camera')) next.camera?.stop();
			if (isOld('microphone')) next.microphone?.stop();
			if (!isOld('camera')) this.put({ camera: cameraOff ? null : next.camera, cameraProblem: next.cameraProblem });
			if (!isOld('microphone')) this.put({ microphone: next.microphone, microphoneProblem: next.microphoneProblem });
		});
	}

	useCamera(options: CameraOptions): Promise<void> {
		const mine = this.close('camera');
		this.cameraComing = true;
		return this.afterCameras(async () => {
			if (this.turn.camera === mine) await this.replace('camera', mine, () => this.openers.camera(options));
		});
	}

	useMicrophone(options: MicrophoneOptions): Promise<void> {
		const mine = this.close('microphone');
		return this.replace('microphone', mine, () => this.openers.microphone(options));
	}

	cameraOff(): void {
		this.close('camera');
		this.put({ camera: null });
	}

	/** They are the consult's from here on; what is not open yet stays closed. A camera that was asked for is the consult's to open. */
	handOver(): Opened & { cameraComing: boolean } {
		const given = { ...this.live, cameraComing: this.cameraComing };
		this.live = NOTHING;
		this.stop();
		return given;
	}

	/** The check is over. */
	stop(): void {
		this.close('camera');
		this.close('microphone');
	}

	private async replace(device: Device, mine: number, open: () => Promise<MediaStreamTrack>): Promise<void> {
		let track: MediaStreamTrack | null = null;
		let problem: DeviceProblem | null = null;
		try {
			track = await open();
		} catch (error) {
			problem = problemOf(error);
		}
		if (this.turn[device] !== mine) {
			track?.stop();
			return;
		}
		if (device === 'camera') this.cameraComing = false;
		this.put(device === 'camera' ? { camera: track, cameraProblem: problem } : { microphone: track, microphoneProblem: problem });
	}

	/** Stops the device and everything that is on its way; the returned turn is the next one's. */
	private close(device: Device): number {
		this.live[device]?.stop();
		if (device === 'camera') this.cameraComing = false;
		return ++this.turn[device];
	}

	private afterCameras(job: () => Promise<void>): Promise<void> {
		this.cameras = this.cameras.then(job);
		return this.cameras;
	}

	private put(change: Partial<Opened>): void {
		this.live = { ...this.live, ...change };
		this.show(this.live);
	}
}
