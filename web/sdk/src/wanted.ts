// What is received, in order of importance: sound first, then pictures by the size they are shown in.
import type { RemoteTrack } from './consult-types';
import type { WantedTrack } from './slots';
import type { Quality } from './types';
import type { Views } from './views';

const RANK: Record<Quality, number> = { off: 0, low: 1, medium: 2, high: 3 };

/** The gateway's track with the others' voices mixed, in no participant's list. */
export const MIX = 'mix';

/** Something of it should arrive now. The gateway holds back voices that it mixes. */
export function isShown(track: RemoteTrack, views: Views, mixed: boolean): boolean {
	if (mixed && track.source === 'microphone') return false;
	return track.active && !track.muted && (track.kind === 'audio' || views.quality(track.id) !== 'off');
}

/** What is played: ids. */
export function heardTracks(tracks: readonly RemoteTrack[], mixed: boolean): string[] {
	const voices = tracks.filter((t) => t.kind === 'audio').map((t) => t.id);
	return mixed ? [MIX, ...voices] : voices;
}

export function wantedTracks(
	tracks: readonly RemoteTrack[], views: Views, mixed: boolean, language: string | null,
): WantedTrack[] {
	const main = views.largest();
	const wanted: WantedTrack[] = tracks
		.filter((t) => t.kind === 'audio' || t.kind === 'video')
		.map((t) => ({
			id: t.id,
			participant: t.participant,
			kind: t.kind,
			quality: t.kind === 'audio' ? ('high' as const) : views.quality(t.id),
			priority: t.id === main ? ('high' as const) : ('normal' as const),
		}));
	const mix = { id: MIX, participant: ':mix', kind: 'audio' as const, quality: 'high' as const, priority: 'normal' as const }; // nobody's id
	if (mixed) wanted.unshift(language === null ? mix : { ...mix, language });
	return wanted.sort((a, b) => Number(b.kind === 'audio') - Number(a.kind === 'audio') || RANK[b.quality] - RANK[a.quality]);
}
