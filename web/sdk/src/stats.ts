// Statistics per track and of the whole connection, with a verdict in words: good, fair, poor, lost.
import type { Kind, Level, Source } from './protocol';
import type { StatsReport } from './types';

export interface TrackStats {
	direction: 'send' | 'receive';
	/** Own tracks have no id of the gateway's here. */
	track: string | null;
	source: Source;
	participant: string;
	kind: Kind;
	level: Level;
	bps: number;
	lost_percent: number;
	jitter_ms: number;
	/** Video only; 0 otherwise. */
	width: number;
	height: number;
	fps: number;
	/** Frozen (video) or concealed (audio) time within the interval. */
	frozen_ms: number;
	codec: string;
}

export interface Statistics {
	level: Level;
	rtt_ms: number;
	up_bps: number;
	down_bps: number;
	lost_percent: number;
	frozen_ms: number;
	/** What the browser believes the uplink carries; 0: it does not say. */
	available_bps: number;
	/** The browser sends smaller pictures than it could, for want of rate as it believes. */
	small: boolean;
	/** Own sound that did not arrive at the gateway, as it says. */
	sound_lost_percent: number;
	/** The way media takes; '' until known. */
	transport: Transport | '';
	tracks: TrackStats[];
}
export type Transport = 'udp' | 'tcp' | 'turn';

/** Which of our objects a line of getStats() belongs to. */
export interface TrackName {
	track: string | null;
	source: Source;
	participant: string;
	active: boolean;
}
export type NameOfMid = (mid: string, direction: 'send' | 'receive') => TrackName | undefined;

interface Sample {
	bytes: number;
	packets: number;
	lost: number;
	frames: number;
	frozen: number;
}
type Line = Record<string, unknown> & { id: string; type: string };

const num = (line: Line | undefined, key: string): number => {
	const value = line?.[key];
	return typeof value === 'number' && Number.isFinite(value) ? value : 0;
};
const str = (line: Line | undefined, key: string): string => {
	const value = line?.[key];
	return typeof value === 'string' ? value : '';
};

export function levelOf(lostPercent: number, rttMs: number, frozenMs: number, intervalMs: number): Level {
	const frozen = intervalMs > 0 ? frozenMs / intervalMs : 0;
	if (lostPercent >= 8 || rttMs >= 800 || frozen >= 0.25) return 'poor';
	if (lostPercent >= 2 || rttMs >= 300 || frozen >= 0.05) return 'fair';
	return 'good';
}

export function worst(levels: Level[]): Level {
	const order: Level[] = ['good', 'fair', 'poor', 'lost'];
	return levels.reduce<Level>((a, b) => (order.indexOf(b) > order.indexOf(a) ? b : a), 'good');
}

/** Turns successive getStats() reports into rates. One object per PeerConnection. */
export class StatsReader {
	private before = new Map<string, Sample>();
	private beforeMs = 0;

	read(report: Iterable<[string, unknown]>, nowMs: number, name: NameOfMid): Statistics {
		const lines = new Map<string, Line>();
		for (const [id, line] of report) lines.set(id, line as Line);
		const interval = this.beforeMs ? Math.max(1, nowMs - this.beforeMs) : 0;
		const samples = new Map<string, Sample>();
		const rttMs = rtt(lines);
		const tracks: TrackStats[] = [];
		for (const line of lines.values()) {
			const direction = line.type === 'inbound-rtp' ? 'receive' : line.type === 'outbound-rtp' ? 'send' : null;
			if (!direction) continue;
			const who = name(str(line, 'mid') || midOf(lines, line), direction);
			const sample = sampleOf(lines, line, direction);
			samples.set(line.id, sample);
			if (who) merge(tracks, this.track(lines, line, direction, who, sample, interval, rttMs));
		}
		this.before = samples;
		this.beforeMs = nowMs;
		return { ...total(tracks, rttMs), ...uplinkOf(lines) };
	}

	private track(
		lines: Map<string, Line>, line: Line, direction: 'send' | 'receive', who: TrackName,
		now: Sample, interval: number, rttMs: number,
	): TrackStats {
		const old = this.before.get(line.id) ?? now;
		const diff = (key: keyof Sample) => Math.max(0, now[key] - old[key]);
		const perSecond = (n: number) => (interval ? (n * 1000) / interval : 0);
		const packets = diff('packets') + (direction === 'receive' ? diff('lost') : 0);
		const lost = packets ? (100 * diff('lost')) / packets : 0;
		const frozen = Math.round(diff('frozen'));
		const silent = direction === 'receive' && who.active && interval > 0 && diff('packets') === 0;
		return {
			direction,
			track: who.track,
			source: who.source,
			participant: who.participant,
			kind: str(line, 'kind') === 'audio' ? 'audio' : 'video',
			level: silent ? 'lost' : levelOf(lost, rttMs, frozen, interval),
			bps: Math.round(perSecond(diff('bytes') * 8)),
			lost_percent: Math.round(lost * 10) / 10,
			jitter_ms: Math.round(num(line, 'jitter') * 1000),
			width: num(line, 'frameWidth'),
			height: num(line, 'frameHeight'),
			fps: Math.round(num(line, 'framesPerSecond') || perSecond(diff('frames'))),
			frozen_ms: frozen,
			codec: str(lines.get(str(line, 'codecId')), 'mimeType').replace(/^\w+\//, ''),
		};
	}
}

export function reportOf(s: Statistics): StatsReport {
	return {
		...(s.available_bps > 0 && { available_bps: Math.round(s.available_bps) }),
		...(s.transport !== '' && { transport: s.transport }),
		rtt_ms: Math.round(s.rtt_ms),
		up_bps: Math.round(s.up_bps),
		down_bps: Math.round(s.down_bps),
		lost_percent: Math.min(100, Math.max(0, s.lost_percent)),
		frozen_ms: Math.round(s.frozen_ms),
	};
}

/** Firefox before 119 gives no mid in RTP lines; the track identifier leads nowhere either, so those stay unnamed. */
function midOf(lines: Map<string, Line>, line: Line): string {
	return str(lines.get(str(line, 'transceiverId')), 'mid');
}

function sampleOf(lines: Map<string, Line>, line: Line, direction: 'send' | 'receive'): Sample {
	if (direction === 'receive') {
		const concealed = num(line, 'concealedSamples') - num(line, 'silentConcealedSamples');
		return {
			bytes: num(line, 'bytesReceived'),
			packets: num(line, 'packetsReceived'),
			lost: num(line, 'packetsLost'),
			frames: num(line, 'framesDecoded'),
			frozen: num(line, 'totalFreezesDuration') * 1000 + Math.max(0, concealed) / 48,
		};
	}
	const remote = lines.get(str(line, 'remoteId'));
	return {
		bytes: num(line, 'bytesSent'),
		packets: num(line, 'packetsSent'),
		lost: num(remote, 'packetsLost'),
		frames: num(line, 'framesEncoded'),
		frozen: 0,
	};
}

function selectedPair(lines: Map<string, Line>): Line | undefined {
	for (const line of lines.values()) {
		const chosen = line.type === 'transport' ? lines.get(str(line, 'selectedCandidatePairId')) : undefined;
		if (chosen) return chosen;
	}
	// Firefox has no transport lines, and nominates every pair that works, those over TCP too.
	const pairs = [...lines.values()].filter((l) => l.type === 'candidate-pair');
	return pairs.find((l) => l.selected === true) ?? pairs.find((l) => l.nominated === true && l.state === 'succeeded');
}

function uplinkOf(lines: Map<string, Line>): Pick<Statistics, 'available_bps' | 'small' | 'sound_lost_percent' | 'transport'> {
	const pair = selectedPair(lines);
	const local = lines.get(str(pair, 'localCandidateId'));
	let lost = 0;
	let small = false;
	for (const line of lines.values()) {
		const going = line.type === 'outbound-rtp' && line.active !== false && num(line, 'framesPerSecond') > 0;
		if (going && line.qualityLimitationReason === 'bandwidth') small = true;
		if (line.type === 'remote-inbound-rtp' && str(line, 'kind') === 'audio') lost = Math.max(lost, num(line, 'fractionLost') * 100);
	}
	const protocol = str(local, 'protocol').toLowerCase();
	const direct = protocol === 'tcp' ? 'tcp' : protocol === 'udp' ? 'udp' : '';
	return {
		available_bps: num(pair, 'availableOutgoingBitrate'),
		small,
		sound_lost_percent: lost,
		transport: str(local, 'candidateType') === 'relay' ? 'turn' : direct,
	};
}

function rtt(lines: Map<string, Line>): number {
	let best = num(selectedPair(lines), 'currentRoundTripTime') * 1000;
	if (best) return best;
	for (const line of lines.values()) {
		if (line.type === 'remote-inbound-rtp') best = Math.max(best, num(line, 'roundTripTime') * 1000);
	}
	return best;
}

/** The layers of one simulcast sender become one line: rates add up, the largest picture counts. */
function merge(tracks: TrackStats[], next: TrackStats): void {
	const same = tracks.find(
		(t) => t.direction === next.direction && t.participant === next.participant && t.source === next.source,
	);
	if (!same) {
		tracks.push(next);
		return;
	}
	same.bps += next.bps;
	same.lost_percent = Math.max(same.lost_percent, next.lost_percent);
	same.level = worst([same.level, next.level]);
	if (next.height > same.height) {
		same.width = next.width;
		same.height = next.height;
		same.fps = next.fps;
	}
	same.codec ||= next.codec;
}

function total(tracks: TrackStats[], rttMs: number): Omit<Statistics, 'available_bps' | 'small' | 'sound_lost_percent' | 'transport'> {
	const sum = (direction: string) => tracks.filter((t) => t.direction === direction).reduce((n, t) => n + t.bps, 0);
	// One silent track is its publisher's trouble; only when nothing at all arrives is this connection lost.
	const received = tracks.filter((t) => t.direction === 'receive');
	const nothing = received.length > 0 && received.every((t) => t.level === 'lost');
	const levels = tracks.map((t) => t.level).filter((level) => level !== 'lost');
	return {
		level: nothing ? 'lost' : worst(levels),
		rtt_ms: Math.round(rttMs),
		up_bps: sum('send'),
		down_bps: sum('receive'),
		lost_percent: tracks.reduce((n, t) => Math.max(n, t.lost_percent), 0),
		frozen_ms: tracks.reduce((n, t) => Math.max(n, t.frozen_ms), 0),
		tracks,
	};
}
