// Puts the uplink's level (uplink.ts) on the senders of a PeerConnection: which layers go out, at which rates.
import { AUDIO_BPS, encodingsOf, type Encoding, type Shape } from './encodings';
import type { Source } from './protocol';
import type { Uplink } from './uplink';

type Codec = { mimeType: string; clockRate: number; channels?: number; sdpFmtpLine?: string };
type Parameters = RTCRtpSendParameters & { degradationPreference?: RTCDegradationPreference };

const LOW_VIDEO_BPS = 100_000;
const LOW_FPS = 12;
const LOW_DETAIL_FPS = 3;
const AUDIO_AT: Record<Uplink, number> = { full: AUDIO_BPS, low: 24_000, off: 20_000 };

/** What the encodings of a sender shall be at this level; `live` are the browser's own, in its order. */
export function encodingsAt(live: Encoding[], shape: Shape, source: Source, level: Uplink): Encoding[] {
	const wanted = encodingsOf(shape, source);
	if (shape === 'audio') return live.map((e) => ({ ...e, maxBitrate: AUDIO_AT[level], priority: 'high', networkPriority: 'high' }));
	const sharp = shape === 'video1' && source !== 'camera' && source !== 'camera2';
	return live.map((e, i) => {
		const full = wanted.find((w) => w.rid === e.rid) ?? wanted[i] ?? {};
		const lowest = e.rid === undefined ? i === 0 : e.rid === wanted[0]?.rid;
		const next: Encoding = { ...e, active: level === 'full' || (level === 'low' && lowest) };
		next.maxBitrate = level === 'full' ? full.maxBitrate : Math.min(full.maxBitrate ?? LOW_VIDEO_BPS, LOW_VIDEO_BPS);
		if (level === 'full') delete next.maxFramerate;
		else next.maxFramerate = sharp ? LOW_DETAIL_FPS : LOW_FPS;
		return next;
	});
}

/** RED doubles the sound's rate: it protects where there is room and would hurt where there is none. */
function chooseAudioCodec(parameters: Parameters, level: Uplink): void {
	const first = parameters.encodings[0] as (Encoding & { codec?: Codec }) | undefined;
	if (!first) return;
	if (level === 'full') {
		delete first.codec; // as the answer says
		return;
	}
	const codec = (parameters.codecs as Codec[] | undefined)?.find((c) => c.mimeType.toLowerCase() === 'audio/opus');
	if (!codec) return;
	const { mimeType, clockRate, channels, sdpFmtpLine } = codec;
	first.codec = { mimeType, clockRate, channels, sdpFmtpLine };
}

/** Resolves when the browser took it, or does not know how to; never rejects. */
export async function applyUplink(
	sender: RTCRtpSender, shape: Shape, source: Source, level: Uplink, degradation: RTCDegradationPreference,
): Promise<void> {
	if (typeof sender.getParameters !== 'function') return;
	const set = async (withCodec: boolean): Promise<void> => {
		const parameters = sender.getParameters() as Parameters;
		if (!parameters.encodings || parameters.encodings.length === 0) return;
		parameters.encodings = encodingsAt(parameters.encodings, shape, source, level);
		if (shape === 'audio') {
			if (withCodec) chooseAudioCodec(parameters, level);
		} else {
			parameters.degradationPreference = degradation;
		}
		await sender.setParameters(parameters);
	};
	// A browser that cannot change codecs without an offer goes on with the one it has.
	await set(shape === 'audio').catch(() => (shape === 'audio' ? set(false) : Promise.reject(new Error('refused')))).catch(() => undefined);
}
