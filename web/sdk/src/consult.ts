// A consult as one participant takes part in it: the session, the PeerConnection, the own and the remote tracks.
import { AudioOutput } from './audio-output';
import { Attachments } from './attachments';
import { ConsultBroadcast } from './broadcast';
import { NOBODY } from './consult-types';
import type { ConsultDeps, ConsultEvents, ConsultOptions, ConsultState, RemoteTrack } from './consult-types';
import type { Facing } from './devices';
import { ChatLog } from './chat-log';
import { Emitter, onceATurn } from './emitter';
import { HuizhenError } from './errors';
import { watchLifecycle } from './lifecycle';
import type { LocalTrack, PublishOptions } from './local-track';
import { MediaLink } from './media-link';
import { MixedSound } from './mixed-sound';
import type { ChatPush, Grant, JoinResult, Level, Participant, PushMethod, Pushes, Source, State, Stats, Step, You } from './protocol';
import { Publications } from './publications';
import { Reading } from './reading';
import { ConsultRecord } from './record';
import { ResumeStore } from './resume-store';
import { Session, type SessionState } from './session';
import { reportOf, type Statistics } from './stats';
import type { Uplink } from './uplink';
import { Views } from './views';
import { gatewaysOwn, heardTracks, isShown, wantedTracks } from './wanted';

export class Consult extends Emitter<ConsultEvents> {
	/** Plays the others' sound; see AudioOutput.resume() for browsers that want a gesture. */
	readonly audio: AudioOutput;
	/** Whether the consult is recorded and oneself with it; starting, stopping, consent. */
	readonly record: ConsultRecord;
	/** One mixed sound, and one composed picture, instead of streams from each. */
	readonly mixed = new MixedSound({
		state: () => this.snapshot, onChange: () => this.refreshWanted(),
		interpret: (language) => this.updateTrack('microphone', { language }),
		layout: (layout) => this.session.request('layout.set', layout),
	});
	/** Whether it is broadcast; for directors: programme and CUT. */
	readonly broadcast: ConsultBroadcast;
	/** The table: studies, how they are looked at, drawings, and who has them in hand. */
	readonly reading: Reading;
	private readonly session: Session;
	private readonly store: ResumeStore;
	private readonly publications: Publications;
	private readonly link: MediaLink;
	private readonly views: Views;
	private readonly attached: Attachments;
	private readonly messages = new ChatLog();
	private readonly stopLifecycle: () => void;
	private joinInfo: JoinResult | null = null;
	private snapshot: State | null = null;
	private stateNow: ConsultState = 'connecting';
	private speakerIds: string[] = [];
	private lastQuality: Level = 'good';
	private readonly changed = onceATurn(() => this.emit('change', undefined));
	private ended: string | null = null;

	constructor(private readonly options: ConsultOptions, deps: ConsultDeps) {
		super();
		this.store = new ResumeStore(options.storageKey);
		this.audio = new AudioOutput((blocked) => [this.emit('audioblocked', blocked), this.changed()]);
		this.views = new Views(() => this.refreshWanted());
		this.attached = new Attachments((id) => this.link.mediaTrack(id));
		this.publications = new Publications(
			{
				peer: () => this.link.peer,
				update: (source, muted) => this.updateTrack(source, { muted }),
				onChange: () => this.changed(),
				onMutedByHost: (source) => this.emit('mutedbyhost', source),
			},
			deps.opener,
		);
		this.session = new Session(
			{ ...options, socketFactory: deps.socketFactory, random: deps.random, saveResumeKey: (key) => this.store.save(key) },
			{
				onState: (state) => [this.onSessionState(state), this.broadcast.onSession(state), this.reading.onSession(state)],
				onJoined: (result) => this.onJoined(result),
				onPush: (method, params) => this.onPush(method, params),
				onEnd: (reason) => this.onEnd(reason),
			},
		);
		this.record = new ConsultRecord(() => this.snapshot, (method, params) => this.session.request(method, params));
		this.broadcast = new ConsultBroadcast(() => this.snapshot, (method, params) => this.session.request(method, params), () => this.changed());
		this.reading = new Reading(() => this.me.id, (method, params) => this.session.request(method, params));
		this.link = new MediaLink(
			{
				createConnection: deps.createConnection,
				createStream: deps.createStream,
				offer: (params) => this.session.request('offer', params),
				trickle: (params) => this.session.request('trickle', params),
				subscribe: (items) => this.session.request('subscribe', { items }),
			},
			{
				canSignal: () => this.session.state === 'connected',
				onNewPeer: () => {
					if (this.can('publish')) this.publications.republish();
					this.refreshWanted();
				},
				onChange: () => this.onMediaChange(),
				onStatistics: (s) => void this.session.request('stats.report', reportOf(s)).catch(() => undefined),
				onError: (error) => this.emit('error', error),
				onSilence: () => this.session.probe(),
				nameOfTrack: (id) => this.nameOfTrack(id),
				me: () => this.me.id,
			},
		);
		this.stopLifecycle = watchLifecycle({
			onWake: () => this.wake(),
			onNetwork: () => [this.session.probe(), this.link.networkChanged()],
			onSlept: () => {
				this.wake();
				this.link.suspect();
			},
			onHidden: (hidden) => this.views.setHidden(hidden),
			onDevices: () => {
				this.publications.recover();
				this.emit('devices', undefined);
			},
		});
	}
	/** Called by Huizhen.join(). */
	start(): void {
		this.session.start();
	}

	// --- what is

	get state(): ConsultState { return this.stateNow; }
	get endReason(): string | null { return this.ended; }
	get id(): string { return this.joinInfo?.consult.id ?? ''; }
	get title(): string {
		return this.snapshot?.consult.title ?? this.joinInfo?.consult.title ?? '';
	}
	get grants(): readonly Grant[] {
		return this.joinInfo?.grants ?? [];
	}
	can(grant: Grant): boolean {
		return this.grants.includes(grant);
	}
	/** This participant: status, place in the queue (`position`), waiting time, raised hand. */
	get me(): You {
		return this.snapshot?.you ?? NOBODY;
	}
	/** Everybody admitted, this participant included. */
	get participants(): readonly Participant[] {
		return this.snapshot?.participants ?? [];
	}
	/** Those who wait, in order of arrival (grant `admit` only). */
	get lobby(): readonly Participant[] {
		return this.snapshot?.lobby ?? [];
	}
	get chat(): readonly ChatPush[] { return this.messages.all; }
	get speakers(): readonly string[] { return this.speakerIds; }
	get localTracks(): LocalTrack[] {
		return this.publications.all;
	}
	localTrack(source: Source): LocalTrack | undefined {
		return this.publications.get(source);
	}
	/** Everything the others publish. */
	get remoteTracks(): RemoteTrack[] {
		const of = (p: Participant) =>
			p.tracks.map((t) => ({ ...t, participant: p.id, name: p.name, mediaStreamTrack: this.link.mediaTrack(t.id) }));
		return this.participants.filter((p) => p.id !== this.me.id).flatMap(of);
	}
	/** This participant's own connection in words. */
	get quality(): Level {
		return this.session.state === 'reconnecting' && !this.link.connected ? 'lost' : this.link.quality;
	}
	/** How much of a remote picture this connection leaves: `full`, `lower`, `still` (one every few seconds), `off`. */
	stepOf(trackId: string): Step {
		return this.link.stepOf(trackId);
	}
	/** What this side may send: `low` is one small picture, `off` sound alone; it comes back by itself. */
	get uplink(): Uplink {
		return this.link.uplink;
	}
	/** True once sound and picture flow. */
	get mediaConnected(): boolean {
		return this.link.connected;
	}
	/** For support staff and tests. */
	get peerConnection(): RTCPeerConnection | null {
		return this.link.peer?.connection ?? null;
	}

	// --- what can be done

	/** Opens a device (or takes `options.track`) and publishes it, now or as soon as admitted. Rejects with DeviceError. */
	publish(source: Source, options: PublishOptions = {}): Promise<LocalTrack> {
		return this.publications.publish(source, options);
	}
	unpublish(source: Source): void {
		this.publications.unpublish(source);
	}
	/** A muted camera is released; a muted microphone stays open but sends silence. */
	setMuted(source: Source, muted: boolean): Promise<void> {
		return this.publications.setMuted(source, muted);
	}
	async switchDevice(source: Source, device: { deviceId?: string; facing?: Facing }): Promise<void> {
		const local = this.publications.get(source);
		if (!local) throw new HuizhenError(`${source} is not published`);
		await local.switchTo(device);
	}
	/** Front to back camera and back again. */
	flipCamera(): Promise<void> {
		const facing = this.publications.get('camera')?.facing === 'environment' ? 'user' : 'environment';
		return this.switchDevice('camera', { facing });
	}
	/** Shows a remote track in an element and asks for the quality that its size deserves. */
	attach(element: HTMLMediaElement, trackId: string): void {
		const kind = this.remoteTracks.find((t) => t.id === trackId)?.kind;
		if (kind !== 'audio') this.views.add(element, trackId);
		this.attached.add(element, trackId);
	}
	/** The picture that steps down last on a weak link; null: the one shown largest. */
	setMainTrack(trackId: string | null): void {
		this.views.setMain(trackId);
	}
	detach(element: HTMLMediaElement): void {
		this.views.remove(element);
		this.attached.remove(element);
	}
	async sendChat(text: string): Promise<void> {
		await this.session.request('chat.send', { text });
	}
	async setHand(raised: boolean): Promise<void> {
		await this.session.request('hand', { raised });
	}
	async admit(participant: string): Promise<void> {
		await this.session.request('lobby.admit', { participant });
	}
	/** Back to the lobby. */
	async sendBack(participant: string): Promise<void> {
		await this.session.request('lobby.return', { participant });
	}
	async remove(participant: string, reason = ''): Promise<void> {
		await this.session.request('participant.remove', { participant, reason });
	}
	/** Hosts: mutes somebody else's track. Only they themselves can unmute. */
	async muteTrack(track: string): Promise<void> {
		await this.session.request('track.update', { track, muted: true });
	}
	/** This side's statistics: every track with a level in words. */
	statistics(): Promise<Statistics> {
		return this.link.statistics();
	}
	/** The gateway's statistics of a participant (oneself, or any with the grant `admit`). */
	statisticsOf(participant: string): Promise<Stats> {
		return this.session.request('stats.get', { participant }).then((r) => r.stats);
	}
	/** A new token for REST (images, files), for who is inside; and for how many seconds. */
	readonly renewToken = (): Promise<{ token: string; seconds: number }> => this.session.request('token.renew', {});
	/** Leaves for good: devices are released, the session ends. */
	async leave(): Promise<void> {
		await this.session.leave();
	}

	// --- what happens

	private onSessionState(state: SessionState): void {
		if (state === 'reconnecting') this.link.suspect();
		if (state === 'connected') this.link.signalBack();
		this.updateState();
	}

	private onJoined(result: JoinResult): void {
		const first = this.joinInfo === null;
		// Resumed may also be one whose beginning we never saw (the answer to the token was lost): it knows nothing of what we have.
		const same = result.resumed && (first || result.session === this.joinInfo?.session);
		this.joinInfo = result;
		this.link.setIceServers(result.ice_servers);
		if (!same && !first) this.link.dropPeer();
		this.reading.onJoined(same);
		this.onStatePush(result.state);
		if (same) this.link.peer?.resume();
	}

	private readonly pushes = new Map<string, (params: never) => void>(Object.entries<(params: never) => void>({
		state: (state: State) => this.onStatePush(state),
		speakers: (push: Pushes['speakers']) => {
			this.speakerIds = push.ids;
			this.emit('speakers', push.ids);
			this.changed();
		},
		chat: (message: ChatPush) => this.onChat(message),
		audience: (push: Pushes['audience']) => this.broadcast.audience.onPush(push.items),
		bell: (push: Pushes['bell']) => this.emit('bell', push),
		quality: (push: Pushes['quality']) => this.onQuality(push),
		ladder: (push: Pushes['ladder']) => this.link.onLadder(push),
		'mix.offer': () => this.emit('mixoffer', undefined),
		uplink: (push: Pushes['uplink']) => this.link.peer?.onOverflow(push.bps),
		watched: (push: Pushes['watched']) => this.link.peer?.setWatched(push.items),
		renegotiate: (push: Pushes['renegotiate']) => this.link.renegotiate(push.reason),
	} satisfies { [M in PushMethod]?: (params: Pushes[M]) => void }));

	private onPush(method: string, params: unknown): void {
		const take = this.pushes.get(method);
		if (take) take(params as never);
		else this.reading.onPush(method, params);
	}

	private onStatePush(state: State): void {
		this.snapshot = state;
		if (state.you.status === 'lobby') {
			this.link.dropPeer();
			this.speakerIds = [];
			this.messages.clear(); // whoever is sent back sees nothing of before
		} else if (this.link.peer) {
			this.refreshWanted();
		} else {
			this.link.newPeer();
		}
		const own = state.participants?.find((p) => p.id === state.you.id);
		if (own) this.publications.resync(own.tracks);
		this.updateState();
		this.changed();
	}

	private onChat(message: ChatPush): void {
		if (this.messages.add(message)) this.emit('chat', message);
		this.changed();
	}

	private onQuality(push: Pushes['quality']): void {
		for (const p of this.participants) if (p.id === push.participant) p.quality = push.level;
		this.changed();
	}

	private onEnd(reason: string): void {
		this.ended = reason;
		this.stopLifecycle();
		this.store.stop();
		this.link.stop();
		this.publications.stop();
		this.views.stop();
		this.audio.stop();
		this.attached.clear();
		this.updateState();
		this.emit('end', reason);
		this.changed();
	}

	private updateState(): void {
		const session = this.session.state;
		const inside = this.snapshot?.you.status === 'lobby' ? 'lobby' : 'incall';
		const next: ConsultState = session === 'connected' ? (this.snapshot ? inside : 'connecting') : session;
		if (next === this.stateNow) return;
		this.stateNow = next;
		this.emit('state', next);
		this.changed();
	}

	private wake(): void {
		this.session.probe();
		this.publications.recover();
		void this.audio.resume();
		this.attached.play();
	}

	private refreshWanted(): void {
		this.mixed.follow();
		if (!this.link.peer || !this.can('subscribe')) return;
		this.link.peer.setWanted(wantedTracks(this.remoteTracks, this.views, this.mixed));
		this.onMediaChange();
	}
	private onMediaChange(): void {
		this.attached.refresh();
		if (this.options.playAudio) this.audio.update(this.link.peer, heardTracks(this.remoteTracks, this.mixed.on));
		const before = this.lastQuality;
		this.lastQuality = this.quality;
		if (before !== this.lastQuality) this.emit('quality', this.lastQuality);
		this.changed();
	}

	private nameOfTrack(id: string): { participant: string; source: Source; active: boolean } | undefined {
		const t = this.remoteTracks.find((x) => x.id === id);
		if (!t) return gatewaysOwn(id);
		return { participant: t.participant, source: t.source, active: isShown(t, this.views, this.mixed.on) };
	}

	private async updateTrack(source: Source, change: { muted?: boolean; language?: string | null }): Promise<void> {
		const track = this.participants.find((p) => p.id === this.me.id)?.tracks.find((t) => t.source === source);
		if (!track) throw new HuizhenError(`the gateway knows no ${source} of ours yet`);
		await this.session.request('track.update', { track: track.id, ...change });
	}
}
