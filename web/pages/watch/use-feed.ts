// Asks the gateway what is new, as often as it says. With the ETag of before, so that nothing new costs nearly nothing.
import { useEffect, useRef, useState } from 'preact/hooks';
import { mergeFeed, type Feed, type ItemKind } from './feed';

export interface Viewer {
	consult: string;
	token: string;
}

export interface FeedHandle {
	known: Feed | null;
	/** This page has seen it on the air. */
	seen: boolean;
	ask: () => void;
}

const FIRST_MS = 3_000;
const HIDDEN_MS = 15_000;
const KEPT_MS = 400;
export const pathOf = (to: Viewer, what: string): string => `/api/v1/consults/${encodeURIComponent(to.consult)}/broadcast/${what}`;

/** files: the delayed leg is what plays; the gateway counts its viewers by that. */
export function useFeed(to: Viewer | null, files = false): FeedHandle {
	const [known, setKnown] = useState<Feed | null>(null);
	const seen = useRef(false);
	const leg = useRef('live');
	leg.current = files ? 'files' : 'live';
	const ask = useRef<() => void>(() => undefined);
	useEffect(() => {
		if (!to) return;
		let last: Feed | null = null;
		let etag = '';
		let timer: ReturnType<typeof setTimeout> | undefined;
		let stopped = false;
		let rounds = 0;
		/** true: there were news. */
		const get = async (): Promise<boolean> => {
			const headers: Record<string, string> = { Authorization: `Bearer ${to.token}` };
			if (etag) headers['If-None-Match'] = etag;
			const more = last ? `&cursor=${encodeURIComponent(last.cursor)}${document.hidden ? '' : '&wait=1'}` : '';
			const answer = await fetch(pathOf(to, `feed?leg=${leg.current}${more}`), { headers, cache: 'no-store' });
			const next = answer.status === 200 ? mergeFeed(last, await answer.json(), Date.now()) : null;
			if (!next || stopped) return false;
			etag = answer.headers.get('ETag') ?? '';
			last = next;
			if (next.began) seen.current = true;
			setKnown(next);
			return true;
		};
		const round = (): void => {
			clearTimeout(timer);
			const began = Date.now();
			const number = ++rounds;
			void get().catch(() => false).then((news) => {
				if (stopped || number !== rounds) return; // asked again meanwhile
				// The gateway keeps answers until there are news: asked again soon, but not by everybody at the same moment. Where
				// it does not (too many wait, or it is away), as often as it says.
				const kept = news || Date.now() - began > KEPT_MS;
				const often = (last?.pollMs ?? FIRST_MS) * (kept ? 0.15 + 0.35 * Math.random() : 1);
				timer = setTimeout(round, document.hidden ? Math.max(often, HIDDEN_MS) : often);
			});
		};
		ask.current = round;
		const shown = () => !document.hidden && round();
		document.addEventListener('visibilitychange', shown);
		round();
		return () => {
			stopped = true;
			clearTimeout(timer);
			document.removeEventListener('visibilitychange', shown);
		};
	}, [to]);
	return { known, seen: seen.current, ask: () => ask.current() };
}

/** The poster's picture as a URL of this page: an <img> cannot send a token. */
export function usePosterImage(to: Viewer | null, version: number): string | null {
	const [url, setUrl] = useState<string | null>(null);
	useEffect(() => {
		if (!to || !version) {
			setUrl(null);
			return;
		}
		let made: string | null = null;
		let stopped = false;
		void fetch(pathOf(to, 'poster'), { headers: { Authorization: `Bearer ${to.token}` } })
			.then(async (answer) => {
				if (!answer.ok || stopped) return;
				made = URL.createObjectURL(await answer.blob());
				setUrl(made);
			})
			.catch(() => undefined);
		return () => {
			stopped = true;
			if (made) URL.revokeObjectURL(made);
		};
	}, [to, version]);
	return url;
}

export type Said = { state: 'waiting' | 'approved'; id: string } | { state: 'fast'; seconds: number } | { state: 'closed' | 'failed' };

export async function say(to: Viewer, kind: ItemKind, text: string, name: string): Promise<Said> {
	try {
		const answer = await fetch(pathOf(to, 'messages'), {
			method: 'POST',
			headers: { Authorization: `Bearer ${to.token}`, 'Content-Type': 'application/json' },
			body: JSON.stringify(name ? { kind, text, name } : { kind, text }),
		});
		if (answer.status === 429) return { state: 'fast', seconds: Number(answer.headers.get('Retry-After')) || 5 };
		if (answer.status === 409 || answer.status === 404) return { state: 'closed' };
		const said = (await answer.json()) as { id?: unknown; state?: unknown };
		if (answer.status !== 201 || typeof said.id !== 'string') return { state: 'failed' };
		return { state: said.state === 'approved' ? 'approved' : 'waiting', id: said.id };
	} catch {
		return { state: 'failed' };
	}
}
