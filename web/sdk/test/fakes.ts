// Stand-ins for what a browser has and Node lacks.
import type { SocketLike } from '../src/rpc';

interface Sent {
	id: number;
	method: string;
	params: Record<string, unknown>;
}

export class FakeSocket implements SocketLike {
	readyState = 0;
	onopen: ((ev: Event) => unknown) | null = null;
	onclose: ((ev: CloseEvent) => unknown) | null = null;
	onerror: ((ev: Event) => unknown) | null = null;
	onmessage: ((ev: MessageEvent) => unknown) | null = null;
	sent: Sent[] = [];
	closedWith: number | undefined;

	constructor(readonly url: string) {}
	send(data: string): void {
		this.sent.push(JSON.parse(data) as Sent);
	}
	close(code?: number): void {
		this.closedWith = code;
	}
	open(): void {
		this.readyState = 1;
		this.onopen?.(new Event('open'));
	}
	receive(message: object | string): void {
		const data = typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message });
		this.onmessage?.({ data } as MessageEvent);
	}
	reply(method: string, result: unknown): void {
		this.receive({ id: this.last(method).id, result });
	}
	refuse(method: string, code: number): void {
		this.receive({ id: this.last(method).id, error: { code, message: 'refused' } });
	}
	die(code = 1006): void {
		this.onclose?.({ code, reason: '' } as CloseEvent);
	}
	last(method: string): Sent {
		const found = [...this.sent].reverse().find((s) => s.method === method);
		if (!found) throw new Error(`no ${method} was sent`);
		return found;
	}
	count(method: string): number {
		return this.sent.filter((s) => s.method === method).length;
	}
}

/** Lets promises settle without moving fake timers. */
export async function settle(): Promise<void> {
	for (let i = 0; i < 30; i++) await Promise.resolve();
}

export class FakeTrack {
	enabled = true;
	readyState: 'live' | 'ended' = 'live';
	contentHint = '';
	onended: (() => void) | null = null;
	onmute: (() => void) | null = null;
	onunmute: (() => void) | null = null;
	constructor(readonly kind: 'audio' | 'video', readonly label = '', private readonly size = { width: 1280, height: 720 }) {}
	stop(): void {
		this.readyState = 'ended';
	}
	/** The device went away: the browser ends the track and says so. */
	vanish(): void {
		this.readyState = 'ended';
		this.onended?.();
	}
	getSettings(): MediaTrackSettings {
		return { ...this.size, deviceId: this.label };
	}
	get real(): MediaStreamTrack {
		return this as unknown as MediaStreamTrack;
	}
}

interface FakeTransceiver {
	mid: string | null;
	direction: RTCRtpTransceiverDirection;
	init: RTCRtpTransceiverInit;
	sender: {
		track: MediaStreamTrack | null;
		replaceTrack: (t: MediaStreamTrack | null) => Promise<void>;
		getParameters: () => RTCRtpSendParameters;
		setParameters: (p: RTCRtpSendParameters) => Promise<void>;
	};
	parameters: { encodings: RTCRtpEncodingParameters[] };
	receiver: { track: MediaStreamTrack };
}

export class FakeConnection {
	connectionState: RTCPeerConnectionState = 'new';
	signalingState: RTCSignalingState = 'stable';
	onconnectionstatechange: (() => void) | null = null;
	oniceconnectionstatechange: (() => void) | null = null;
	localDescription: { sdp: string } | null = null;
	transceivers: FakeTransceiver[] = [];
	offers: RTCOfferOptions[] = [];
	answers: string[] = [];
	offerSdp: string | null = null;
	closed = false;

	addTransceiver(what: string | MediaStreamTrack, init: RTCRtpTransceiverInit = {}): FakeTransceiver {
		const kind = typeof what === 'string' ? what : what.kind;
		const sender: FakeTransceiver['sender'] = {
			track: typeof what === 'string' ? null : what,
			replaceTrack: (t) => {
				sender.track = t;
				return Promise.resolve();
			},
			getParameters: () => structuredClone(t.parameters) as RTCRtpSendParameters,
			setParameters: (p) => {
				t.parameters = p;
				return Promise.resolve();
			},
		};
		const receiver = { track: new FakeTrack(kind as 'audio' | 'video').real };
		const parameters = { encodings: (init.sendEncodings ?? [{}]).map((e) => ({ active: true, ...e })) };
		const t: FakeTransceiver = { mid: null, direction: init.direction ?? 'sendrecv', init, sender, parameters, receiver };
		this.transceivers.push(t);
		return t;
	}
	createOffer(options: RTCOfferOptions): Promise<{ type: 'offer'; sdp: string }> {
		this.offers.push(options);
		return Promise.resolve({ type: 'offer', sdp: this.offerSdp ?? `offer ${this.offers.length}` });
	}
	setLocalDescription(description: { sdp: string; type?: string }): Promise<void> {
		if (description.type === 'rollback') {
			this.signalingState = 'stable';
			return Promise.resolve();
		}
		this.localDescription = description;
		this.signalingState = 'have-local-offer';
		this.transceivers.forEach((t, i) => (t.mid = String(i)));
		return Promise.resolve();
	}
	setRemoteDescription(description: { sdp: string }): Promise<void> {
		this.answers.push(description.sdp);
		this.signalingState = 'stable';
		return Promise.resolve();
	}
	getStats(): Promise<Map<string, unknown>> {
		return Promise.resolve(new Map());
	}
	close(): void {
		this.closed = true;
	}
	become(state: RTCPeerConnectionState): void {
		this.connectionState = state;
		this.onconnectionstatechange?.();
	}
	get real(): RTCPeerConnection {
		return this as unknown as RTCPeerConnection;
	}
}

export class FakeStream {
	getTracks(): MediaStreamTrack[] {
		return [];
	}
}
export const fakeStream = () => new FakeStream() as unknown as MediaStream;
