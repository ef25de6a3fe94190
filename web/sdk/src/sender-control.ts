// Puts the uplink's level (uplink.ts) on the senders of a PeerConnection: which layers go out, at which rates.
import { AUDIO_BPS, degradationOf, encodingsOf, TEMPORAL, type Encoding, type Shape } from './encodings';
import type { Source } from './protocol';
import type { Uplink } from './uplink';

type Parameters = RTCRtpSendParameters & { degradationPreference?: RTCDegradationPreference };

const LOW_VIDEO_BPS = 100_000;
const LOW_FPS = 12;
const LOW_DETAIL_FPS = 3;
const STILL_VIDEO_BPS = 30_000; // the least that Chromium's encoders are given
const STILL_FPS = 1;
// RED sends each frame twice: on 64 kbit/s that and the headers must fit.
const AUDIO_AT: Record<Uplink, number> = { full: AUDIO_BPS, low: 28_000, still: 24_000, off: 24_000 };

/** Below, sound goes out at less: with its copies it would be a third of all. */
export const TIGHT_BPS = 400_000;

export interface Limits {
	uplink: Uplink;
	/** At `still`: the one picture every few seconds is due. */
	stillDue: boolean;
	/** Sound and its copies would take too much of the uplink. */
	tight: boolean;
	/** Losses are repaired late: temporal layers above the lowest would go without parity packets. */
	farAndLossy: boolean;
	/** Changes whenever the browser shall look whether there is more (widening.ts). */
	looks: number;
	/** Of each simulcast sender, by mid: so many of the lowest layers stay at home (sparing.ts). */
	spared: ReadonlyMap<string, number>;
	/** What the gateway lets sound take, for listeners on thin links; 0: as it likes. */
	soundBps: number;
}

/** What the encodings of a sender shall be at this level; `live` are the browser's own, in its order. */
export function encodingsAt(live: Encoding[], shape: Shape, source: Source, limits: Limits, spared = 0): Encoding[] {
	const wanted = encodingsOf(shape, source);
	const level = limits.uplink;
	if (shape === 'audio') {
		const most = Math.min(limits.tight ? Math.min(AUDIO_AT.low, AUDIO_AT[level]) : AUDIO_AT[level], limits.soundBps || AUDIO_BPS);
		return live.map((e) => ({ ...e, maxBitrate: most, priority: 'high', networkPriority: 'high' }));
	}
	const face = source === 'camera' || source === 'camera2';
	const sharp = shape === 'video1' && !face;
	const small = face && shape !== 'svc'; // a still of another would hold sound up for seconds
	return live.map((e, i) => {
		const full = wanted.find((w) => w.rid === e.rid) ?? wanted[i] ?? {};
		const layer = e.rid === undefined ? i : wanted.findIndex((w) => w.rid === e.rid);
		const smallest = level === 'low' || (level === 'still' && limits.stillDue && small);
		const next: Encoding = { ...e, active: (level === 'full' && layer >= spared) || (smallest && layer === 0) };
		const most = level === 'still' ? STILL_VIDEO_BPS : LOW_VIDEO_BPS;
		next.maxBitrate = level === 'full' ? full.maxBitrate : Math.min(full.maxBitrate ?? most, most);
		if (full.scalabilityMode === TEMPORAL && e.scalabilityMode) next.scalabilityMode = limits.farAndLossy ? 'L1T1' : TEMPORAL;
		if (next.maxBitrate !== undefined) next.maxBitrate -= (limits.looks % 2) * 1_000;
		// About 160 x 90: one or two packets, so that sound waits for little.
		if (level === 'still' && layer === 0) next.scaleResolutionDownBy = 2 * (full.scaleResolutionDownBy ?? 1);
		else if (full.scaleResolutionDownBy !== undefined) next.scaleResolutionDownBy = full.scaleResolutionDownBy;
		if (level === 'full') delete next.maxFramerate;
		else next.maxFramerate = level === 'still' ? STILL_FPS : sharp ? LOW_DETAIL_FPS : LOW_FPS;
		return next;
	});
}

async function set(sender: RTCRtpSender, what: What, limits: Limits, degradation: RTCDegradationPreference): Promise<void> {
	const { shape, source } = what;
	const parameters = sender.getParameters() as Parameters;
	if (!parameters.encodings || parameters.encodings.length === 0) return;
	parameters.encodings = encodingsAt(parameters.encodings, shape, source, limits, limits.spared.get(what.mid ?? '') ?? 0);
	if (shape !== 'audio') parameters.degradationPreference = degradation;
	await sender.setParameters(parameters);
}

export interface What {
	shape: Shape;
	source: Source;
	mid: string | null;
}

/** Resolves when the browser took it, or does not know how to; never rejects. */
export async function applyUplink(sender: RTCRtpSender, what: What, limits: Limits, whole = false): Promise<void> {
	if (typeof sender.getParameters !== 'function') return;
	try {
		// Chromium forgets the smaller size that it went down to when it is told to give up other things first.
		if (whole && what.shape !== 'audio') await set(sender, what, limits, 'balanced');
		// A still is worth its size: there is no rate to keep.
		await set(sender, what, limits, limits.uplink === 'still' ? 'maintain-resolution' : degradationOf(what.source));
	} catch {
		// the browser goes on as it does
	}
}
