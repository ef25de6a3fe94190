// The series of a viewer as stacks: each opened once, as long as somebody looks at it; and which of their frames are fetched.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Frames } from './frames';
import { openSeries, type SeriesSource, type Stack } from './series';

export function useStacks(series: readonly SeriesSource[], token: () => string): Stack[] {
	const [stacks, setStacks] = useState<Stack[]>([]), opened = useRef(new Map<string, AbortController>());
	const key = series.map((s) => s.url).join(' ');
	useEffect(() => {
		const wanted = new Set(series.map((s) => s.url)), open = opened.current;
		for (const [url, abort] of open) {
			if (wanted.has(url)) continue;
			abort.abort();
			open.delete(url);
		}
		setStacks((old) => old.filter((s) => wanted.has(s.source.url)));
		for (const source of series) {
			if (open.has(source.url)) continue;
			const abort = new AbortController();
			open.set(source.url, abort);
			void openSeries(source, token, abort.signal).then((stack) => {
				if (abort.signal.aborted) return;
				if (stack.error) open.delete(source.url); // looked at again, it is tried again
				setStacks((old) => [...old.filter((s) => s.source.url !== source.url), stack]);
			});
		}
	}, [key]);
	useEffect(() => () => opened.current.forEach((abort) => abort.abort()), []);
	return stacks;
}

/** Fetches what is looked at, then its neighbours, then the rest; lets go of what nobody looks at any more. */
export function want(frames: Frames, shown: { stack: Stack; at: number }[], whole = false): void {
	const wanted = new Map<string, { frame: Stack['frames'][number]; priority: 0 | 1 | 2 }>();
	for (const { stack, at } of shown.filter((s) => !s.stack.frames[s.at]?.wave))
		for (const [distance, priority] of [[0, 0], [3, 1], [whole ? Infinity : 40, 2]] as const)
			for (let i = Math.max(0, at - distance); i <= Math.min(stack.frames.length - 1, at + distance); i++) {
				const frame = stack.frames[i]!, old = wanted.get(frame.id);
				if (!old || priority < old.priority) wanted.set(frame.id, { frame, priority });
			}
	frames.keep(new Set(wanted.keys()));
	for (const { frame, priority } of [...wanted.values()].sort((a, b) => a.priority - b.priority)) {
		const { pixels, error } = frames.get(frame.id);
		if (!pixels?.exact && !error) void frames.load(frame, priority).catch(() => undefined);
	}
}
