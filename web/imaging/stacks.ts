// The series of a viewer as stacks: each opened once, as long as somebody looks at it; and which of their frames are fetched.
import { useEffect, useRef, useState } from 'preact/hooks';
import { passes } from './errors';
import type { Frames } from './frames';
import { openSeries, type SeriesSource, type Stack } from './series';

const AGAIN_MS = 1500;

/** again: what failed is asked for at once. By itself it is, too, while the archive is away. */
export function useStacks(series: readonly SeriesSource[], token: () => string): { stacks: Stack[]; again: (url: string) => void } {
	const [stacks, setStacks] = useState<Stack[]>([]), opened = useRef(new Map<string, AbortController>()), latest = useRef(series);
	latest.current = series;
	const open = (source: SeriesSource): void => {
		const abort = new AbortController(), { url } = source;
		opened.current.get(url)?.abort();
		opened.current.set(url, abort);
		void openSeries(source, token, abort.signal).then((stack) => {
			if (abort.signal.aborted) return;
			setStacks((old) => [...old.filter((s) => s.source.url !== url), stack]);
			if (!stack.error) return;
			if (!passes(stack.error)) return void opened.current.delete(url); // looked at again, it is tried again
			const timer = setTimeout(() => open(source), AGAIN_MS);
			abort.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
		});
	};
	const key = series.map((s) => s.url).join(' ');
	useEffect(() => {
		const wanted = new Set(series.map((s) => s.url));
		for (const [url, abort] of opened.current) {
			if (wanted.has(url)) continue;
			abort.abort();
			opened.current.delete(url);
		}
		setStacks((old) => old.filter((s) => wanted.has(s.source.url)));
		for (const source of series) if (!opened.current.has(source.url)) open(source);
	}, [key]);
	useEffect(() => () => opened.current.forEach((abort) => abort.abort()), []);
	return { stacks, again: (url) => latest.current.filter((s) => s.url === url).forEach(open) };
}

/** Fetches what is looked at, then its neighbours, then the rest; lets go of what nobody looks at any more. */
export function want(frames: Frames, shown: { stack: Stack; at: number }[], whole = false): void {
	const wanted = new Map<string, { frame: Stack['frames'][number]; priority: 0 | 1 | 2 }>();
	for (const { stack, at } of shown.filter((s) => !s.stack.frames[s.at]?.wave && !s.stack.frames[s.at]?.slide))
		for (const [distance, priority] of [[0, 0], [3, 1], [whole ? Infinity : 40, 2]] as const)
			for (let i = Math.max(0, at - distance); i <= Math.min(stack.frames.length - 1, at + distance); i++) {
				const frame = stack.frames[i]!, old = wanted.get(frame.id);
				if (frame.slide) continue;
				if (!old || priority < old.priority) wanted.set(frame.id, { frame, priority });
			}
	frames.keep(new Set(wanted.keys()));
	for (const { frame, priority } of [...wanted.values()].sort((a, b) => a.priority - b.priority)) {
		if (frames.due(frame.id)) void frames.load(frame, priority).catch(() => undefined);
	}
}
