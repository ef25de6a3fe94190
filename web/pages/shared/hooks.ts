import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Consult } from '../../sdk/src';

const NOTICE_MS = 6_000;

/** Renders again whenever anything of the consult changed. Listens before the next task: what comes while the browser paints is not missed. */
export function useConsult(consult: Consult): void {
	const [, bump] = useState(0);
	useLayoutEffect(() => consult.on('change', () => bump((n) => n + 1)), [consult]);
}

/** Renders again every `ms`, for waiting times. */
export function useTick(ms: number): void {
	const [, bump] = useState(0);
	useEffect(() => {
		const timer = setInterval(() => bump((n) => n + 1), ms);
		return () => clearInterval(timer);
	}, [ms]);
}

/** Calls `load` now and every `ms` while the page is in front; one at a time. What is returned loads what is true from now on: one that is
 * under way may have been answered before, so another follows it. */
export function usePoll(load: () => Promise<void>, ms: number, deps: unknown[]): () => void {
	const running = useRef(false);
	const again = useRef(false);
	const here = useRef(true);
	const latest = useRef(load);
	latest.current = load;
	const run = () => {
		running.current = true;
		again.current = false;
		void latest.current().finally(() => {
			running.current = false;
			if (again.current && here.current) run();
		});
	};
	const refresh = () => {
		if (running.current) again.current = true;
		else run();
	};
	useEffect(() => {
		refresh();
		const timer = setInterval(() => {
			if (document.visibilityState !== 'hidden' && !running.current) run();
		}, ms);
		return () => clearInterval(timer);
	}, deps);
	useEffect(() => {
		here.current = true;
		return () => void (here.current = false);
	}, []);
	return refresh;
}

/** Keeps the screen on where the browser can; it forgets in the background, so ask again in front. */
export function useWakeLock(): void {
	useEffect(() => {
		let lock: WakeLockSentinel | null = null;
		let stopped = false;
		const ask = () => {
			if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
			navigator.wakeLock.request('screen').then(
				(got) => {
					if (stopped) void got.release();
					else lock = got;
				},
				() => undefined,
			);
		};
		ask();
		document.addEventListener('visibilitychange', ask);
		return () => {
			stopped = true;
			document.removeEventListener('visibilitychange', ask);
			void lock?.release().catch(() => undefined);
		};
	}, []);
}

export function useMedia(query: string): boolean {
	const [matches, setMatches] = useState(() => matchMedia(query).matches);
	useEffect(() => {
		const list = matchMedia(query);
		const fn = () => setMatches(list.matches);
		fn();
		list.addEventListener('change', fn);
		return () => list.removeEventListener('change', fn);
	}, [query]);
	return matches;
}

/** What went wrong, in words, for a few seconds. */
export function useNotice() {
	const [text, setText] = useState('');
	useEffect(() => {
		if (!text) return;
		const timer = setTimeout(() => setText(''), NOTICE_MS);
		return () => clearTimeout(timer);
	}, [text]);
	return { text, show: setText };
}

/** True `ms` after the component came. */
export function useLater(ms: number): boolean {
	const [later, setLater] = useState(false);
	useEffect(() => {
		const timer = setTimeout(() => setLater(true), ms);
		return () => clearTimeout(timer);
	}, [ms]);
	return later;
}
