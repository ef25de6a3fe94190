// What a viewer's screen shows of a broadcast: its picture, or a poster instead. No DOM.
import type { WhepState } from './whep';

// GET /api/v1/consults/{id}/broadcast/watch
export interface Programme {
	state: 'off' | 'ready' | 'live' | 'cut';
	title: string;
	text: string;
	began: boolean;
	viewers: number;
}

export type Poster = 'before' | 'pause' | 'cut' | 'after';

// known: what was heard last, null: nothing yet. seen: this page has seen the broadcast. null: the picture.
export function posterOf(known: Programme | null, seen: boolean): Poster | null {
	if (!known) return null;
	if (known.state === 'cut') return 'cut';
	if (known.state === 'off') return seen ? 'after' : 'before';
	if (known.state === 'ready') return known.began ? 'pause' : 'before';
	return null;
}

// A poster says more than that the stream waits.
export function noticeOf(state: WhepState, poster: Poster | null): WhepState | Poster {
	return state === 'refused' ? state : (poster ?? state);
}

export function parseProgramme(json: unknown): Programme | null {
	if (typeof json !== 'object' || json === null) return null;
	const { state, title, text, began, viewers } = json as Record<string, unknown>;
	if (state !== 'off' && state !== 'ready' && state !== 'live' && state !== 'cut') return null;
	return {
		state,
		title: typeof title === 'string' ? title : '',
		text: typeof text === 'string' ? text : '',
		began: began === true,
		viewers: typeof viewers === 'number' ? viewers : 0,
	};
}
