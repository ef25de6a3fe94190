// What a sender sends for each source: simulcast layers by the picture's size, lowest first (rids l, m, h), and what the
// browser gives up first when it cannot keep up.
import type { Source } from './protocol';

/** Transceivers are reused only for the same shape: the number of RIDs cannot change in renegotiation. */
export type Shape = 'audio' | 'video1' | 'video2' | 'video3' | 'svc';

/** One layer without simulcast; scalable codecs carry their layers inside. */
export type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string };

export const AUDIO_BPS = 40_000;
const SMALL_BPS = 600_000;
const SCREEN_BPS = 2_500_000;
// Temporal layers let the gateway halve the frame rate without asking for another picture. VP8, VP9 and AV1 have them;
// said explicitly, VP9 also sends simulcast and not the layers of its older mode.
export const TEMPORAL = 'L1T3';
const SCALABLE = 'L3T3_KEY';

const DETAIL: readonly Source[] = ['screen', 'image', 'ultrasound', 'microscope'];
const LARGE: readonly Source[] = ['ultrasound', 'endoscope', 'microscope'];

/** Sharp rather than smooth when something must go. */
export function isDetail(source: Source): boolean {
	return DETAIL.includes(source);
}

export function shapeOf(source: Source, track: MediaStreamTrack | null, scalable = false): Shape {
	if (source === 'microphone') return 'audio';
	if (scalable) return 'svc';
	if (source === 'screen' || source === 'image') return 'video1';
	const width = longSide(track);
	if (width >= 960) return 'video3';
	return width >= 480 ? 'video2' : 'video1';
}

/** The longer side: a phone held upright reports 720x1280. 1280 when nothing is known yet. */
function longSide(track: MediaStreamTrack | null): number {
	if (!track || typeof track.getSettings !== 'function') return 1280;
	const { width, height } = track.getSettings();
	return Math.max(width ?? 0, height ?? 0) || 1280;
}

/** `text` keeps letters sharp, `detail` structure; `motion` keeps moving instruments smooth; '' leaves it to the browser. */
export function contentHintOf(source: Source): string {
	if (source === 'screen') return 'text';
	if (isDetail(source)) return 'detail';
	return source === 'endoscope' ? 'motion' : '';
}

export function degradationOf(source: Source): RTCDegradationPreference {
	if (isDetail(source)) return 'maintain-resolution';
	return 'maintain-framerate';
}

export function encodingsOf(shape: Shape, source: Source): Encoding[] {
	const top = LARGE.includes(source) ? 4_000_000 : 1_800_000;
	switch (shape) {
		case 'audio':
			// Audio before everything: DSCP and pacing priority where the browser has it.
			return [{ maxBitrate: AUDIO_BPS, priority: 'high', networkPriority: 'high' }];
		case 'svc':
			return [{ maxBitrate: isDetail(source) ? 4_000_000 : top, scalabilityMode: SCALABLE }];
		case 'video1':
			return [{ maxBitrate: source === 'screen' || source === 'image' ? SCREEN_BPS : SMALL_BPS, scalabilityMode: TEMPORAL }];
		case 'video2':
			return [
				{ rid: 'l', scaleResolutionDownBy: 2, maxBitrate: 180_000, scalabilityMode: TEMPORAL },
				{ rid: 'm', scaleResolutionDownBy: 1, maxBitrate: 700_000, scalabilityMode: TEMPORAL },
			];
		case 'video3':
			return [
				{ rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 150_000, scalabilityMode: TEMPORAL },
				{ rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 500_000, scalabilityMode: TEMPORAL },
				{ rid: 'h', scaleResolutionDownBy: 1, maxBitrate: top, scalabilityMode: TEMPORAL },
			];
	}
}
