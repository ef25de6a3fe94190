// Keeps one working PeerConnection for a consult: makes it, repairs it, replaces it, measures it.
import { HuizhenError } from './errors';
import { Peer, type PeerDeps } from './peer';
import type { JoinResult, Level, Source } from './protocol';
import { StatsReader, worst, type Statistics, type TrackName } from './stats';
import { Watchdog } from './watchdog';

export interface MediaLinkHooks {
	canSignal(): boolean;
	/** A new, empty Peer: publish and subscribe everything again. */
	onNewPeer(): void;
	onChange(): void;
	/** Every few seconds while media flows. */
	onStatistics(statistics: Statistics): void;
	onError(error: HuizhenError): void;
	nameOfTrack(id: string): { participant: string; source: Source; active: boolean } | undefined;
	me(): string;
}

const STATS_MS = 2_000;
const MAX_PROBLEMS = 3;

export class MediaLink {
	peer: Peer | null = null;
	iceServers: JoinResult['ice_servers'] = [];
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
			restartIce: () => this.peer?.negotiate(true),
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
		return sorted[Math.floor((sorted.length - 1) / 2)] ?? 'good';
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
		peer.on('state', (state) => {
			if (this.peer !== peer) return;
			if (state === 'connected') {
				this.problems = 0;
				this.everConnected = true;
			}
			this.watchdog.onState(state);
			this.hooks.onChange();
		});
		peer.on('negotiated', () => this.hooks.onChange());
		peer.on('problem', (error) => this.onProblem(peer, error));
		this.hooks.onNewPeer();
		peer.negotiate();
		this.watchdog.expectConnection();
		this.timer ??= setInterval(() => void this.tick(), STATS_MS);
		this.hooks.onChange();
	}

	/** In the lobby there is no media at all. */
	dropPeer(): void {
		this.watchdog.stop();
		clearInterval(this.timer);
		this.timer = undefined;
		this.levels = [];
		this.everConnected = false;
		if (!this.peer) return;
		this.peer.close();
		this.peer = null;
		this.hooks.onChange();
	}

	renegotiate(reason: string): void {
		if (reason === 'peer') this.newPeer();
		else this.peer?.negotiate(reason === 'ice');
	}

	networkChanged(): void {
		this.watchdog.hurry();
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
		// A PeerConnection whose offers fail again and again is given up for a new one; then the watchdog's delays rule.
		if (++this.problems === MAX_PROBLEMS && this.hooks.canSignal()) this.newPeer();
	}

	private async tick(): Promise<void> {
		const peer = this.peer;
		if (!peer || !this.connected) {
			this.levels = [];
			return;
		}
		await this.measure(peer).catch(() => undefined);
		if (this.peer !== peer || !this.last) return;
		const before = this.quality;
		this.levels = [...this.levels.slice(-2), this.last.level];
		if (++this.ticks % 2 === 0) this.hooks.onStatistics(this.last);
		if (this.quality !== before) this.hooks.onChange();
	}

	private async measure(peer: Peer): Promise<void> {
		const report = await peer.connection.getStats();
		if (this.peer !== peer) return;
		const lines: [string, unknown][] = [];
		report.forEach((line: unknown, id: string) => lines.push([id, line]));
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

function emptyStatistics(): Statistics {
	return { level: 'lost', rtt_ms: 0, up_bps: 0, down_bps: 0, lost_percent: 0, frozen_ms: 0, tracks: [] };
}
