// One RTCPeerConnection: what is sent, what is received, and the offers that say so. The client always offers; one offer
// is in flight at a time, and whatever changes meanwhile goes into the next one.
import { Emitter } from './emitter';
import { shapeOf, type Shape } from './encodings';
import { DisconnectedError, ErrorCode, HuizhenError, isPassing } from './errors';
import type { JoinResult, OfferParams, Source, WatchedPush } from './protocol';
import { linesOf, longPackets, soundLimitOf, speechInOffer } from './sdp-tweaks';
import { addSendTransceiver, type Publication } from './send-transceiver';
import { SendLimits } from './send-limits';
import { applyUplink, type What } from './sender-control';
import { addSlotTransceiver, subscriptionOf } from './slot-transceiver';
import { SlotTable, wishOf, type Slot, type WantedTrack } from './slots';
import { Trickle, type TrickleParams } from './trickle';
import type { SubscribeItem } from './types';
import type { Uplink, UplinkSample } from './uplink';

export type PeerState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

/** What a peer needs of the world; tests hand in fakes. */
export interface PeerDeps {
	createConnection(config: RTCConfiguration): RTCPeerConnection;
	createStream(): MediaStream;
	offer(params: OfferParams): Promise<{ sdp: string }>;
	trickle(params: TrickleParams): Promise<unknown>;
	subscribe(items: SubscribeItem[]): Promise<unknown>;
}

interface Sender extends Publication {
	transceiver: RTCRtpTransceiver;
	shape: Shape;
	/** False: unpublished, kept for the next one of the same shape. */
	used: boolean;
}

interface PeerEvents {
	state: PeerState;
	/** An offer and its answer were applied; slots may have changed. */
	negotiated: void;
	/** The gateway refused an offer, or the browser its answer. */
	problem: HuizhenError;
}

const RETRY_MS = 1_000;

export class Peer extends Emitter<PeerEvents> {
	readonly connection: RTCPeerConnection;
	private readonly senders: Sender[] = [];
	private readonly slotTable: SlotTable<RTCRtpTransceiver>;
	private readonly stream: MediaStream;
	private closed = false;
	private running = false;
	private again = false;
	private owed = false; // an offer found no socket: resume() makes it
	private wantRestart = false; // with the next offer
	private unsent = false; // an offer is being made and has not left
	private restarting = false; // one that (re)starts ICE is not answered yet
	private first = true;
	private subscribing = false;
	private retryTimer: ReturnType<typeof setTimeout> | undefined;
	private readonly limits = new SendLimits();
	private answer: string | null = null; // the gateway's newest
	private thin = false; // sound is to go out in long packets
	private applying: Promise<unknown> = Promise.resolve();
	private readonly trickle: Trickle;

	constructor(private readonly deps: PeerDeps, iceServers: JoinResult['ice_servers']) {
		super();
		this.connection = deps.createConnection({
			iceServers: iceServers as RTCIceServer[],
			bundlePolicy: 'max-bundle',
			rtcpMuxPolicy: 'require',
		});
		this.stream = deps.createStream();
		this.slotTable = new SlotTable((kind) => addSlotTransceiver(this.connection, kind));
		const report = () => this.emit('state', this.state);
		this.connection.onconnectionstatechange = report;
		this.connection.oniceconnectionstatechange = report;
		this.trickle = new Trickle((params) => deps.trickle(params));
		this.connection.onicecandidate = (event) => this.trickle.onCandidate(event.candidate);
	}

	get state(): PeerState {
		if (this.closed) return 'closed';
		const state = this.connection.connectionState as PeerState | undefined;
		if (state !== undefined) return state;
		const ice = this.connection.iceConnectionState;
		return ice === 'checking' ? 'connecting' : ice === 'completed' ? 'connected' : ice;
	}

	get slots(): Slot<RTCRtpTransceiver>[] { return this.slotTable.slots; }

	/** The MediaStreamTrack that shows a remote track, once it has a slot. */
	mediaTrack(track: string): MediaStreamTrack | null {
		return this.slotTable.find(track)?.handle.receiver.track ?? null;
	}

	senderOf(source: Source): RTCRtpSender | null {
		return this.senders.find((s) => s.used && s.source === source)?.transceiver.sender ?? null;
	}

	sourceOfMid(mid: string): Source | null {
		return this.senders.find((s) => s.used && s.transceiver.mid === mid)?.source ?? null;
	}

	trackOfMid(mid: string): string | null {
		return this.slots.find((s) => s.handle.mid === mid)?.track ?? null;
	}

	publish(publication: Publication): void {
		if (this.closed) return;
		const existing = this.senders.find((s) => s.used && s.source === publication.source);
		if (existing) {
			Object.assign(existing, publication);
			void existing.transceiver.sender.replaceTrack(publication.track).catch(() => undefined);
			return;
		}
		const shape = shapeOf(publication.source, publication.track, publication.scalable !== undefined);
		const free = this.senders.find((s) => !s.used && s.shape === shape && s.scalable === publication.scalable);
		if (free) {
			Object.assign(free, publication, { used: true });
			free.transceiver.direction = 'sendonly';
			void free.transceiver.sender.replaceTrack(publication.track).catch(() => undefined);
		} else {
			const transceiver = addSendTransceiver(this.connection, this.stream, publication, shape);
			this.senders.push({ ...publication, transceiver, shape, used: true });
		}
		this.negotiate();
	}

	/** Puts another MediaStreamTrack (or none) on a published source: no new offer. */
	replaceTrack(source: Source, track: MediaStreamTrack | null): void {
		const sender = this.senders.find((s) => s.used && s.source === source);
		if (!sender) return;
		sender.track = track;
		void sender.transceiver.sender.replaceTrack(track).catch(() => undefined);
	}

	setMuted(source: Source, muted: boolean): void {
		const sender = this.senders.find((s) => s.used && s.source === source);
		if (sender) sender.muted = muted;
	}

	unpublish(source: Source): void {
		const sender = this.senders.find((s) => s.used && s.source === source);
		if (!sender || this.closed) return;
		sender.used = false;
		sender.track = null;
		sender.transceiver.direction = 'inactive';
		void sender.transceiver.sender.replaceTrack(null).catch(() => undefined);
		this.negotiate();
	}

	/** What may be sent: fewer and smaller pictures on a weak uplink, or none. */
	setUplink(level: Uplink): void {
		this.limits.setUplink(level, Date.now());
		this.applyUplink();
		const thin = level === 'full' ? false : level === 'low' ? this.thin : true; // trials do not change it
		if (thin === this.thin) return;
		this.thin = thin;
		this.repack();
	}

	/** What the uplink is like, about once a second. */
	observeUplink(sample: UplinkSample): void {
		const news = this.limits.observe(sample, this.pictures(), Date.now());
		if (news) this.applyUplink(news === 'whole');
	}

	/** The browser's estimate, but for what it was told by the gateway only for a short time. */
	carries(availableBps: number): number {
		return this.limits.carries(availableBps, Date.now());
	}

	/** The gateway saw the uplink's queue full, and so much come through it. */
	onOverflow(bps: number): void {
		if (this.limits.onOverflow(bps, this.pictures(), Date.now())) this.applyUplink();
	}

	/** From which layer on somebody looks at what is sent. */
	setWatched(items: WatchedPush['items']): void {
		if (this.limits.watched(items)) this.applyUplink();
	}

	/** New credentials of TURN servers, for the next ICE restart. */
	setIceServers(iceServers: JoinResult['ice_servers']): void {
		try {
			this.connection.setConfiguration({ ...this.connection.getConfiguration(), iceServers: iceServers as RTCIceServer[] });
		} catch {
			// an old browser goes on with those it has
		}
	}

	/** What to receive, most important first. */
	setWanted(wanted: WantedTrack[]): void {
		if (this.closed) return;
		const grown = this.slotTable.assign(wanted);
		const spare = this.first && this.slotTable.spare();
		if (grown || spare) this.negotiate();
		else void this.flushSubscribe();
	}

	/** Makes a new offer soon; calls while one is in flight become one more offer. */
	negotiate(iceRestart = false): void {
		if (this.closed) return;
		clearTimeout(this.retryTimer);
		if (iceRestart) this.wantRestart = true;
		if (this.running) {
			this.again = true;
			return;
		}
		this.running = true;
		void this.run();
	}

	/** As negotiate(), where nothing changed on this side: an offer under way that will do (not sent, or restarting ICE) is not repeated. */
	renew(iceRestart: boolean): void {
		if (!(iceRestart ? this.restarting : this.unsent)) this.negotiate(iceRestart);
	}

	/** The socket is back: repeat what may have been lost with the old one. */
	resume(): void {
		for (const slot of this.slots) slot.sent = undefined;
		if (this.first || this.again || this.owed || this.connection.signalingState !== 'stable') this.renew(false);
		else void this.flushSubscribe();
	}

	close(): void {
		if (this.closed) return;
		this.closed = true;
		clearTimeout(this.retryTimer);
		this.trickle.stop();
		this.connection.onicecandidate = null;
		this.connection.onconnectionstatechange = null;
		this.connection.oniceconnectionstatechange = null;
		this.connection.close();
		this.removeAllListeners();
	}

	private pictures(): What[] {
		return this.senders.filter((s) => s.used && s.shape !== 'audio').map(whatOf);
	}

	private applyUplink(whole = false): void {
		const all = this.senders.filter((s) => s.used);
		const limits = this.limits.now;
		const apply = (s: Sender) => applyUplink(s.transceiver.sender, whatOf(s), limits, whole);
		this.applying = this.applying.then(() => (this.closed ? undefined : Promise.all(all.map(apply))));
	}

	private async run(): Promise<void> {
		// One turn of the loop, so that several publish() in a row make one offer.
		await Promise.resolve();
		try {
			do {
				this.again = this.owed = false;
				await this.exchange();
			} while (this.again && !this.closed);
		} catch (error) {
			if (!this.closed) this.onOfferFailed(error);
		} finally {
			this.running = false;
			if (this.thin !== this.limits.longSound) this.repack(); // it failed, or the uplink changed as it ended
		}
	}

	private async exchange(): Promise<void> {
		const iceRestart = this.wantRestart;
		this.wantRestart = false;
		this.unsent = true;
		this.restarting = iceRestart || this.first;
		try {
			const answer = await this.offer(iceRestart);
			this.restarting = false; // who asks from now on has seen this one
			if (!this.closed) await this.onAnswer(answer);
		} catch (error) {
			this.wantRestart ||= iceRestart;
			throw error;
		} finally {
			this.unsent = this.restarting = false;
		}
	}

	private async offer(iceRestart: boolean): Promise<string> {
		const pc = this.connection;
		const offer = await pc.createOffer(iceRestart ? { iceRestart: true } : {});
		await pc.setLocalDescription(offer);
		const sdp = pc.localDescription?.sdp ?? offer.sdp ?? '';
		const speech = this.senders.filter((s) => s.used && s.shape === 'audio' && !s.raw).map((s) => s.transceiver.mid ?? '');
		this.unsent = false;
		const { sdp: answer } = await this.deps.offer({
			sdp: speechInOffer(sdp, speech),
			publish: this.senders
				.filter((s) => s.used && s.transceiver.mid !== null)
				.map((s) => ({ mid: s.transceiver.mid ?? '', source: s.source, label: s.label, muted: s.muted })),
			recv: this.slots
				.filter((s) => s.handle.mid !== null)
				.map((s) => ({ mid: s.handle.mid ?? '', group: s.group })),
			restart: iceRestart || this.first,
		});
		return answer;
	}

	private async onAnswer(answer: string): Promise<void> {
		this.trickle.onAnswer(answer);
		await this.accept(answer);
		this.first = false;
		this.applyUplink();
		this.emit('negotiated', undefined);
		void this.flushSubscribe();
	}

	private async accept(answer: string): Promise<void> {
		const pc = this.connection;
		let long = this.thin;
		let sdp = long ? longPackets(answer) : answer;
		await pc.setRemoteDescription({ type: 'answer', sdp }).catch(async (error: unknown) => {
			if (sdp === answer) throw error;
			long = false; // a call with short packets before none
			sdp = answer;
			await pc.setRemoteDescription({ type: 'answer', sdp });
		});
		this.answer = answer;
		this.limits.longSound = long;
		this.limits.soundBps = soundLimitOf(sdp);
	}

	/** The last answer once more, with packets of another length: nothing else changes, and the gateway is not asked. */
	private repack(): void {
		if (this.closed || this.running || this.answer === null) return; // what is under way ends with it
		const { thin } = this;
		this.running = true;
		this.owed ||= this.again;
		this.again = false;
		void this.reaccept(this.answer).finally(() => {
			this.running = false;
			if (this.again) this.negotiate();
			if (this.thin !== thin) this.repack(); // changed meanwhile
		});
	}

	private async reaccept(answer: string): Promise<void> {
		const pc = this.connection;
		try {
			// One that could not be sent, because the socket is gone: resume() makes it anew.
			if (pc.signalingState === 'have-local-offer') await pc.setLocalDescription({ type: 'rollback' });
			const offer = await pc.createOffer();
			if (linesOf(offer.sdp) !== linesOf(answer)) return; // an offer for the gateway comes
			await pc.setLocalDescription(offer);
			await this.accept(answer);
			this.applyUplink();
		} catch {
			if (pc.signalingState === 'have-local-offer') await pc.setLocalDescription({ type: 'rollback' }).catch(() => undefined);
		}
	}

	private onOfferFailed(error: unknown): void {
		const problem = error instanceof HuizhenError ? error : new HuizhenError(String(error));
		if (problem instanceof DisconnectedError || problem.code === ErrorCode.notJoined) {
			this.owed = true;
		} else if (isPassing(problem.code)) {
			this.retryTimer = setTimeout(() => this.negotiate(), RETRY_MS);
			if (problem.code === 0) this.emit('problem', problem);
		} else {
			this.emit('problem', problem);
		}
	}

	private async flushSubscribe(): Promise<void> {
		if (this.subscribing || this.closed || this.first) return;
		this.subscribing = true;
		try {
			for (;;) {
				const changed = this.slots.filter((s) => s.handle.mid !== null && s.sent !== wishOf(s));
				if (changed.length === 0) break;
				const wishes = changed.map(wishOf);
				await this.deps.subscribe(changed.map(subscriptionOf));
				changed.forEach((s, i) => (s.sent = wishes[i]));
			}
		} catch {
			// A track that went meanwhile, or a lost socket: the next state or resume() asks again.
		} finally {
			this.subscribing = false;
		}
	}
}

function whatOf(sender: Sender): What {
	return { shape: sender.shape, source: sender.source, mid: sender.transceiver.mid };
}
