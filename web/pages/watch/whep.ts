// A WHEP viewer (draft-ietf-wish-whep): one POST with an offer, one answer, DELETE at the end. Tries again by itself.
export type WhepState = 'connecting' | 'waiting' | 'playing' | 'lost' | 'refused';

export interface WhepOptions {
	url: string;
	token: string;
	onState(state: WhepState): void;
	onStream(stream: MediaStream): void;
	onFull?(): void; // there is no place left; it is tried again all the same
	onAnswer?(): void; // the gateway has answered: what fails from now on is the connection
	voices?: number; // m-lines for sound; each voice of a broadcast has its own
}

const RETRY_MS = 3_000;
const GATHER_MS = 1_000;

export class WhepViewer {
	private connection: RTCPeerConnection | null = null;
	private resource: string | null = null;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private stopped = false;
	private silent = true;
	private elements: HTMLAudioElement[] = [];

	constructor(private readonly options: WhepOptions) {}

	start(): void {
		this.options.onState('connecting');
		void this.connect();
	}

	stop(): void {
		this.stopped = true;
		clearTimeout(this.timer);
		this.drop();
	}

	private async connect(): Promise<void> {
		const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
		this.connection = pc;
		const stream = new MediaStream();
		let voices = 0;
		pc.ontrack = (ev) => {
			if (ev.track.kind === 'audio' && ++voices > 1) return this.further(ev.track);
			stream.addTrack(ev.track);
			this.options.onStream(stream);
		};
		pc.onconnectionstatechange = () => {
			if (this.connection !== pc) return;
			if (pc.connectionState === 'connected') this.options.onState('playing');
			if (pc.connectionState === 'failed') this.again('lost');
		};
		pc.addTransceiver('video', { direction: 'recvonly' });
		for (let i = 0; i < (this.options.voices ?? 1); i++) pc.addTransceiver('audio', { direction: 'recvonly' });
		try {
			await pc.setLocalDescription(await pc.createOffer());
			await gathered(pc);
			const response = await fetch(this.options.url, {
				method: 'POST',
				headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${this.options.token}` },
				body: pc.localDescription?.sdp ?? '',
			});
			if (this.stopped || this.connection !== pc) return;
			if (response.status === 401 || response.status === 403) {
				this.drop();
				this.options.onState('refused');
			} else if (!response.ok) {
				if (response.status === 503) this.options.onFull?.();
				if (this.stopped) return;
				this.again(response.status === 404 ? 'waiting' : 'lost');
			} else {
				const place = response.headers.get('Location');
				this.resource = place ? new URL(place, location.href).href : null;
				await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
				this.options.onAnswer?.();
			}
		} catch {
			if (!this.stopped && this.connection === pc) this.again('lost');
		}
	}

	// Sound of further voices: a media element plays one track of sound.
	private further(track: MediaStreamTrack): void {
		const element = new Audio();
		element.srcObject = new MediaStream([track]);
		element.muted = this.silent;
		this.elements.push(element);
		void element.play().catch(() => undefined);
	}

	mute(silent: boolean): void {
		this.silent = silent;
		for (const element of this.elements) {
			element.muted = silent;
			if (!silent) void element.play().catch(() => undefined);
		}
	}

	private again(state: WhepState): void {
		this.drop();
		this.options.onState(state);
		clearTimeout(this.timer);
		this.timer = setTimeout(() => void this.connect(), RETRY_MS);
	}

	private drop(): void {
		this.connection?.close();
		this.connection = null;
		for (const element of this.elements) element.srcObject = null;
		this.elements = [];
		if (this.resource === null) return;
		const headers = { Authorization: `Bearer ${this.options.token}` };
		void fetch(this.resource, { method: 'DELETE', headers, keepalive: true }).catch(() => undefined);
		this.resource = null;
	}
}

function gathered(pc: RTCPeerConnection): Promise<void> {
	if (pc.iceGatheringState === 'complete') return Promise.resolve();
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, GATHER_MS);
		pc.onicegatheringstatechange = () => {
			if (pc.iceGatheringState !== 'complete') return;
			clearTimeout(timer);
			resolve();
		};
	});
}
