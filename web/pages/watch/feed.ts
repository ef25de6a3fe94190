// What a viewer is told beside the picture: GET /api/v1/consults/{id}/broadcast/feed, answer after answer. No DOM.
import { parseProgramme, type Programme } from './programme';

export type ItemKind = 'question' | 'chat';

export interface FeedItem {
	id: string;
	kind: ItemKind;
	state: 'approved' | 'answering' | 'answered';
	name: string;
	text: string;
	time: number;
	answer: string;
	role: string;
}

export interface Feed extends Programme {
	poster: { text: string; image: number; startsMs: number };
	questions: boolean;
	chat: 'off' | 'moderated' | 'open';
	items: FeedItem[];
	cursor: string;
	pollMs: number;
	/** The picture changes in so long: dark until then. 0: it does not. */
	fadeMs: number;
	/** What the gateway's clock is ahead of ours. */
	aheadMs: number;
}

const MOST = 200;
type Loose = Record<string, unknown>;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const loose = (value: unknown): Loose => (typeof value === 'object' && value !== null ? (value as Loose) : {});

function parseItem(json: unknown): FeedItem | null {
	const { id, kind, state, name, text: said, time_ms, answer, role } = loose(json);
	if (typeof id !== 'string' || (kind !== 'question' && kind !== 'chat')) return null;
	if (state !== 'approved' && state !== 'answering' && state !== 'answered') return null;
	return { id, kind, state, name: text(name), text: text(said), time: number(time_ms), answer: text(answer), role: text(role) };
}

/** What is known after this answer; null: it is none. */
export function mergeFeed(known: Feed | null, json: unknown, now: number): Feed | null {
	const programme = parseProgramme(json);
	const { poster, questions, chat, items, reset, cursor, now_ms, poll_ms, fade_ms } = loose(json);
	if (!programme || typeof cursor !== 'string') return null;
	const all = new Map<string, FeedItem>(reset === true ? [] : known?.items.map((item) => [item.id, item]));
	for (const json of Array.isArray(items) ? (items as unknown[]) : []) {
		const item = parseItem(json);
		if (item) all.set(item.id, item);
		else all.delete(text(loose(json).id)); // gone
	}
	const { text: words, image, starts_ms } = loose(poster);
	return {
		...programme,
		poster: { text: text(words), image: number(image), startsMs: number(starts_ms) },
		questions: questions === true,
		chat: chat === 'open' || chat === 'moderated' ? chat : 'off',
		items: [...all.values()].sort((a, b) => Number(a.id) - Number(b.id)).slice(-MOST),
		cursor,
		pollMs: Math.min(Math.max(number(poll_ms), 1_000), 60_000),
		fadeMs: Math.min(Math.max(number(fade_ms), 0), 3_000),
		aheadMs: number(now_ms) ? number(now_ms) - now : 0,
	};
}

/** What is shown of them: nothing while it is cut, because what the picture was cut for may have been written, too. */
export function shownItems(feed: Feed): FeedItem[] {
	return feed.state === 'cut' ? [] : feed.items;
}

/** The time until then as words of a clock; "": it is now, or long ago. */
export function untilThen(startsMs: number, nowMs: number): string {
	const s = Math.ceil((startsMs - nowMs) / 1000);
	if (s <= 0) return '';
	const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
	const days = Math.floor(s / 86_400);
	return `${days ? `${days} × 24 h + ` : ''}${two((s % 86_400) / 3600)}:${two((s % 3600) / 60)}:${two(s % 60)}`;
}
