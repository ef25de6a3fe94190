// What a viewer's screen shows of a broadcast: its picture, or a poster instead. No DOM.
import type { Leg, LegState } from './legs';

// The part of the feed that says whether there is a picture (feed.ts).
export interface Programme {
	state: 'off' | 'ready' | 'live' | 'cut';
	title: string;
	text: string;
	began: boolean;
	viewers: number | null; // null: not told
	hls: { url: string; delay_s: number } | null; // the same as files
	slate: boolean; // what paints over the picture is away
}

export type Poster = 'before' | 'pause' | 'slate' | 'cut' | 'after';

// known: what was heard last, null: nothing yet. seen: this page has seen the broadcast. null: the picture.
export function posterOf(known: Programme | null, seen: boolean): Poster | null {
	if (!known) return null;
	if (known.state === 'cut') return 'cut';
	if (known.state === 'off') return seen ? 'after' : 'before';
	if (known.state === 'ready') return known.began ? 'pause' : 'before';
	return known.slate ? 'slate' : null;
}

// A poster says more than that the stream waits.
export function noticeOf(state: LegState, poster: Poster | null): LegState | Poster {
	return state === 'refused' ? state : (poster ?? state);
}

// Files have their pauses in themselves, behind the delay: only before and after them a poster lies over the picture.
export function posterOn(leg: Leg, state: LegState, poster: Poster | null): Poster | null {
	if (leg === 'live') return poster;
	if (state === 'ended') return 'after';
	return state === 'playing' ? null : poster;
}

// A path of this host and nothing else.
function parseHls(json: unknown): Programme['hls'] {
	if (typeof json !== 'object' || json === null) return null;
	const { url, delay_s } = json as Record<string, unknown>;
	return typeof url === 'string' && /^\/hls\/[a-z0-9]{16,32}\/master\.m3u8$/.test(url) && typeof delay_s === 'number' ? { url, delay_s } : null;
}

export function parseProgramme(json: unknown): Programme | null {
	if (typeof json !== 'object' || json === null) return null;
	const { state, title, text, began, viewers, hls, slate } = json as Record<string, unknown>;
	if (state !== 'off' && state !== 'ready' && state !== 'live' && state !== 'cut') return null;
	return {
		state,
		title: typeof title === 'string' ? title : '',
		text: typeof text === 'string' ? text : '',
		began: began === true,
		viewers: typeof viewers === 'number' ? viewers : viewers === null ? null : 0,
		hls: parseHls(hls),
		slate: slate === true,
	};
}
