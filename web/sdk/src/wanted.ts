// What is received, in order of importance: sound first, then pictures by the size they are shown in.
import type { RemoteTrack } from './consult-types';
import type { WantedTrack } from './slots';
import type { Quality } from './types';
import type { Views } from './views';

const RANK: Record<Quality, number> = { off: 0, low: 1, medium: 2, high: 3 };

/** Something of it should arrive now. */
export function isShown(track: RemoteTrack, views: Views): boolean {
	return track.active && !track.muted && (track.kind === 'audio' || views.quality(track.id) !== 'off');
}

export function wantedTracks(tracks: readonly RemoteTrack[], views: Views): WantedTrack[] {
	const main = views.largest();
	const wanted = tracks
		.filter((t) => t.kind === 'audio' || t.kind === 'video')
		.map((t) => ({
			id: t.id,
			participant: t.participant,
			kind: t.kind,
			quality: t.kind === 'audio' ? ('high' as const) : views.quality(t.id),
			priority: t.id === main ? ('high' as const) : ('normal' as const),
		}));
	return wanted.sort((a, b) => Number(b.kind === 'audio') - Number(a.kind === 'audio') || RANK[b.quality] - RANK[a.quality]);
}
