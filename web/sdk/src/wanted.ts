// What is received, in order of importance: sound first, then pictures by the size they are shown in.
import type { RemoteTrack } from './consult-types';
import type { MixedSound } from './mixed-sound';
import type { WantedTrack } from './slots';
import type { Source } from './protocol';
import type { Quality } from './types';
import type { Views } from './views';

const RANK: Record<Quality, number> = { off: 0, low: 1, medium: 2, high: 3 };

/** The gateway's track with the others' voices mixed, in no participant's list. */
export const MIX = 'mix';
/** For `attach()`: the gateway's picture of everybody, the same track for slots of pictures. */
export const PICTURE = 'mix/picture';
/** For `attach()`: the images on the table as the gateway draws them; where `mixed.imageAvailable`. */
export const IMAGE = 'image';
const MIXED = ':mix'; // nobody's id: sound and picture share a group, and are in step
const DRAWN = ':image';

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

/** Tracks that are the gateway's own, in nobody's list. */
export function gatewaysOwn(id: string): { participant: string; source: Source; active: boolean } | undefined {
	if (id === IMAGE) return { participant: '', source: 'image', active: true };
	return id === MIX || id === PICTURE ? { participant: '', source: MIX, active: true } : undefined;
}

/** As the gateway calls it. */
export function wireTrack(track: string | null): string | null {
	return track === PICTURE ? MIX : track;
}

export function wantedTracks(tracks: readonly RemoteTrack[], views: Views, mixed: MixedSound): WantedTrack[] {
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
	const { language } = mixed;
	const mix = { id: MIX, participant: MIXED, kind: 'audio' as const, quality: 'high' as const, priority: 'normal' as const };
	if (mixed.on) wanted.unshift(language === null ? mix : { ...mix, language });
	if (mixed.pictureOn)
		wanted.unshift({ id: PICTURE, participant: MIXED, kind: 'video', quality: mixed.pictureQuality(views), priority: 'high' });
	const image = mixed.imageAvailable ? views.quality(IMAGE) : 'off';
	if (image !== 'off') wanted.unshift({ id: IMAGE, participant: DRAWN, kind: 'video', quality: image, priority: 'high' });
	return wanted.sort((a, b) => Number(b.kind === 'audio') - Number(a.kind === 'audio') || RANK[b.quality] - RANK[a.quality]);
}
