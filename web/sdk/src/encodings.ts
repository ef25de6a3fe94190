// What a sender sends: simulcast layers by the picture's width, lowest first (rids l, m, h).
import type { Source } from './protocol';

/** Transceivers are reused only for the same shape: the number of RIDs cannot change in renegotiation. */
export type Shape = 'audio' | 'video1' | 'video2' | 'video3';

const AUDIO_BPS = 48_000;
const SCREEN_BPS = 2_500_000;

export function shapeOf(source: Source, track: MediaStreamTrack | null): Shape {
	if (source === 'microphone') return 'audio';
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

export function encodingsOf(shape: Shape, source: Source): RTCRtpEncodingParameters[] {
	switch (shape) {
		case 'audio':
			// Audio before everything: DSCP and pacing priority where the browser has it.
			return [{ maxBitrate: AUDIO_BPS, priority: 'high', networkPriority: 'high' }];
		case 'video1':
			return [{ maxBitrate: source === 'screen' || source === 'image' ? SCREEN_BPS : 600_000 }];
		case 'video2':
			return [
				{ rid: 'l', scaleResolutionDownBy: 2, maxBitrate: 180_000 },
				{ rid: 'm', scaleResolutionDownBy: 1, maxBitrate: 700_000 },
			];
		case 'video3':
			return [
				{ rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
				{ rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
				{ rid: 'h', scaleResolutionDownBy: 1, maxBitrate: 1_800_000 },
			];
	}
}
