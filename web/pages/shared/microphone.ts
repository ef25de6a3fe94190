// A microphone that was switched off, by its owner or by a host, is off after a reload of the page, too.
import type { Consult } from '../../sdk/src';
import { keep, kept, sessionMuted } from './token';

export function wasMuted(storageKey: string): boolean {
	return kept(sessionMuted(storageKey)) !== null;
}

/** Until the consult ends, for this tab alone. A microphone that is not there (yet) changes nothing. */
export function rememberMuted(consult: Pick<Consult, 'on' | 'localTrack'>, storageKey: string): void {
	let before = wasMuted(storageKey);
	consult.on('change', () => {
		const muted = consult.localTrack('microphone')?.muted;
		if (muted === undefined || muted === before) return;
		before = muted;
		keep(sessionMuted(storageKey), muted ? '1' : null);
	});
}
