// Keeps one working PeerConnection for a consult: makes it, repairs it, replaces it, measures it.
import { Arrival, arrivedOf } from './arrival';
import { HuizhenError } from './errors';
import { Peer, type PeerDeps } from './peer';
import type { JoinResult, LadderPush, Level, Source, Step } from './protocol';
import { StatsReader, worst, type Statistics, type TrackName } from './stats';
import { UplinkPolicy, type Uplink } from './uplink';
import { Watchdog } from './watchdog';

export interface MediaLinkHooks {
	canSignal(): boolean;
	/** A new, empty Peer: publish and subscribe everything again. */
	onNewPeer(): void;
	onChange(): void;
	/** Every few seconds while media flows. */
	onStatistics(statistics: Statistics): void;
	onError(error: HuizhenError): void;
	/** Nothing arrives: is the socket dead, too? */
	onSilence(): void;
	nameOfTrack(id: string): { participant: string; source: Source; active: boolean } | undefined;
	me(): string;
}

const TICK_MS = 1_000;
const TICKS_A_LEVEL = 2;
const TICKS_A_REPORT = 4;
const FAST_MS = 250; // looks after something happened that may have killed the path
const FAST_FOR_MS = 5_000;
const SUSPECT_SILENCE_MS = 750;
const SILENCE_MS = 1_500;
const MAX_PROBLEMS = 3;

export class MediaLink {
	peer: Peer | null = null;
	private iceServers: JoinResult['ice_servers'] = [];
	private readonly uplinkPolicy = new UplinkPolicy();
	private ladder: LadderPush = { estimate_bps: 0, items: [] };
	private arrival = new Arrival();
	private fastTimer: ReturnType<typeof setInterval> | undefined;
	private fastUntil = 0;
	private suspectUntil = 0;
	private probed = false;
	private readonly watchdog: Watchdog;
	private reader = new StatsReader();
	private last: Statistics | null = null;
	private levels: Level[] = [];
	private timer: ReturnType<typeof setInterval> | undefined;
	private ticks = 0;
	private problems = 0;
	private everConnected = false;

	constructor(private readonly deps: PeerDeps, private readonly hooks: MediaLinkHooks) {
		this.watchdog = new Watchdog({
			restartIce: () => this.peer?.renew(true),
			rebuild: () => this.newPeer(),
			canSignal: () => hooks.canSignal(),
		});
	}

	get connected(): boolean {
		return this.peer?.state === 'connected';
	}

	/** The middle one of the last three measurements, so that one bad second does not flicker on the screen. */
	get quality(): Level {
		if (this.peer && this.everConnected && !this.connected) return 'lost';
		const sorted = [...this.levels].sort((a, b) => (a === b ? 0 : worst([a, b]) === a ? 1 : -1));
		const measured = sorted[Math.floor((sorted.length - 1) / 2)] ?? 'good';
		// What keeps pictures away is poor, however few packets are lost.
		const starved = this.ladder.items.some((i) => i.step === 'still' || i.step === 'off') || this.uplink === 'still' || this.uplink === 'off';
		return starved ? worst([measured, 'poor']) : measured;
	}

	/** What may go out; less than `full` on a weak uplink. */
	get uplink(): Uplink {
		return this.uplinkPolicy.level;
	}


	/** How much of a remote picture the downlink leaves. */
	stepOf(track: string): Step {
		return this.ladder.items.find((item) => item.track === track)?.step ?? 'full';
	}

	onLadder(push: LadderPush): void {
		this.ladder = push;
		this.hooks.onChange();
	}

	setIceServers(servers: JoinResult['ice_servers']): void {
		this.iceServers = servers;
		this.peer?.setIceServers(servers);
	}

	mediaTrack(id: string): MediaStreamTrack | null {
		return this.peer?.mediaTrack(id) ?? null;
	}

	newPeer(): void {
		this.peer?.close();
		const peer = new Peer(this.deps, this.iceServers);
		this.peer = peer;
		this.reader = new StatsReader();
		this.last = null;
		this.arrival = new Arrival();
		this.ladder = { estimate_bps: 0, items: [] };
		peer.setUplink(this.uplink);
		peer.on('state', (state) => {
			if (this.peer !== peer) return;
			if (state === 'connected') {
				this.problems = 0;
				this.everConnected = true;
			}
			this.watchdog.onState(state);
			this.hooks.onChange();
		});
		peer.on('negotiated', () => {
			if (this.connected) this.problems = 0;
			this.watchdog.onAnswer();
			this.hooks.onChange();
		});
		peer.on('problem', (error) => this.onProblem(peer, error));
		this.hooks.onNewPeer();
		peer.negotiate();
		this.watchdog.expectConnection();
		this.timer ??= setInterval(() => void this.tick(), TICK_MS);
		this.hooks.onChange();
	}

	/** In the lobby there is no media at all. */
	dropPeer(): void {
		this.watchdog.stop();
		clearInterval(this.timer);
		clearInterval(this.fastTimer);
		this.timer = this.fastTimer = undefined;
		this.levels = [];
		this.uplinkPolicy.reset();
		this.everConnected = false;
		if (!this.peer) return;
		this.peer.close();
		this.peer = null;
		this.hooks.onChange();
	}

	renegotiate(reason: string): void {
		if (reason === 'peer') this.newPeer();
		else if (reason !== 'ice') this.peer?.renew(false);
		else if (this.peer) this.watchdog.asked();
	}

	/** The network is back or another one: an ICE restart at once; what still works goes on meanwhile. */
	networkChanged(): void {
		if (!this.peer) return;
		this.uplinkPolicy.reset();
		this.peer.setUplink(this.uplink);
		this.watchdog.trouble();
		this.suspect();
	}

	/** Something may have killed the path (the socket closed, the page slept): look closely for a while. */
	suspect(): void {
		if (!this.peer) return;
		this.suspectUntil = this.fastUntil = Date.now() + FAST_FOR_MS;
		this.fastTimer ??= setInterval(() => void this.lookFast(), FAST_MS);
	}

	signalBack(): void {
		this.watchdog.onSignal();
	}

	stop(): void {
		this.dropPeer();
	}

	async statistics(): Promise<Statistics> {
		const peer = this.peer;
		if (!peer) return emptyStatistics();
		if (!this.last) await this.measure(peer);
		return this.last ?? emptyStatistics();
	}

	private onProblem(peer: Peer, error: HuizhenError): void {
		if (this.peer !== peer) return;
		this.hooks.onError(error);
		if (error.code !== 0) this.watchdog.onRefused();
		if (this.peer !== peer) return;
		// A PeerConnection whose offers fail again and again is given up for a new one; then the watchdog's delays rule.
		if (++this.problems === MAX_PROBLEMS && this.hooks.canSignal()) this.newPeer();
	}

	private async tick(): Promise<void> {
		const peer = this.peer;
		if (!peer || !this.connected) {
			this.levels = [];
			return;
		}
		this.ticks++;
		const lines = await linesOf(peer).catch(() => null);
		if (this.peer !== peer || !lines) return;
		this.look(lines);
		if (this.ticks % TICKS_A_LEVEL !== 0) return;
		this.read(peer, lines);
		if (!this.last) return;
		const before = this.quality;
		this.levels = [...this.levels.slice(-2), this.last.level];
		this.limitUplink(peer, this.last);
		if (this.ticks % TICKS_A_REPORT === 0) this.hooks.onStatistics(this.last);
		if (this.quality !== before) this.hooks.onChange();
	}

	private async lookFast(): Promise<void> {
		const peer = this.peer;
		if (!peer || Date.now() > this.fastUntil) {
			clearInterval(this.fastTimer);
			this.fastTimer = undefined;
			return;
		}
		const lines = await linesOf(peer).catch(() => null);
		if (this.peer === peer && lines) this.look(lines);
	}

	/** Does anything arrive? If not: another path, without waiting for ICE to notice. */
	private look(lines: [string, unknown][]): void {
		const now = Date.now();
		if (this.arrival.observe(arrivedOf(lines), now)) {
			this.probed = false;
			this.watchdog.onArrival();
			return;
		}
		const silent = this.arrival.silentMs(now);
		if (silent >= SUSPECT_SILENCE_MS && !this.probed) {
			this.probed = true;
			this.hooks.onSilence();
		}
		if (silent >= (now < this.suspectUntil ? SUSPECT_SILENCE_MS : SILENCE_MS)) {
			this.arrival.forget();
			this.watchdog.trouble();
		} else if (silent >= SUSPECT_SILENCE_MS) {
			this.fastTimer ??= setInterval(() => void this.lookFast(), FAST_MS);
			this.fastUntil = Math.max(this.fastUntil, now + SILENCE_MS);
		}
	}

	private limitUplink(peer: Peer, s: Statistics): void {
		const before = this.uplink;
		const sample = { available_bps: s.available_bps && peer.carries(s.available_bps), lost_percent: s.sound_lost_percent, rtt_ms: s.rtt_ms, small: s.small };
		const level = this.uplinkPolicy.observe(sample, Date.now());
		peer.observeUplink(sample);
		if (level === before) return;
		peer.setUplink(level);
		this.hooks.onChange();
	}

	private async measure(peer: Peer): Promise<void> {
		const lines = await linesOf(peer);
		if (this.peer === peer) this.read(peer, lines);
	}

	private read(peer: Peer, lines: [string, unknown][]): void {
		this.last = this.reader.read(lines, Date.now(), (mid, direction) => this.nameOf(peer, mid, direction));
	}

	private nameOf(peer: Peer, mid: string, direction: 'send' | 'receive'): TrackName | undefined {
		if (direction === 'send') {
			const source = peer.sourceOfMid(mid);
			return source ? { track: null, source, participant: this.hooks.me(), active: true } : undefined;
		}
		const track = peer.trackOfMid(mid);
		const name = track === null ? undefined : this.hooks.nameOfTrack(track);
		return name && { track, ...name };
	}
}

async function linesOf(peer: Peer): Promise<[string, unknown][]> {
	const lines: [string, unknown][] = [];
	(await peer.connection.getStats()).forEach((line: unknown, id: string) => lines.push([id, line]));
	return lines;
}

function emptyStatistics(): Statistics {
	return {
		level: 'lost', rtt_ms: 0, up_bps: 0, down_bps: 0, lost_percent: 0, frozen_ms: 0, available_bps: 0, small: false, sound_lost_percent: 0,
		transport: '', tracks: [],
	};
}
