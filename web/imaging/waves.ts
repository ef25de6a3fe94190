// Waveforms of a viewer: each object fetched once, the last few kept.
import { useEffect, useRef, useState } from 'preact/hooks';
import { imageError, type ImageError } from './errors';
import type { Frame } from './frames';
import { fetchWave, type Wave } from './wave';

const KEPT = 8;

interface Held {
	wave: Wave | null;
	error: ImageError | null;
	abort: AbortController;
}

/** What there is of a frame that is a page of a waveform; `again` tries once more. */
export function useWaves(wanted: readonly Frame[]): { get: (frame: Frame) => { wave: Wave | null; error: ImageError | null }; again: (frame: Frame) => void } {
	const held = useRef(new Map<string, Held>()), [, bump] = useState(0);
	const load = (frame: Frame) => {
		const one: Held = { wave: null, error: null, abort: new AbortController() }, { url, token } = frame.source;
		held.current.delete(url);
		held.current.set(url, one);
		void fetchWave(url, token, one.abort.signal).then((wave) => (one.wave = wave), (error: unknown) => (one.error = imageError(error))).then(() => bump((n) => n + 1));
		for (const [key, old] of held.current) if (held.current.size > KEPT && !wanted.some((f) => f.source.url === key)) old.abort.abort(), held.current.delete(key);
	};
	useEffect(() => wanted.forEach((frame) => held.current.has(frame.source.url) || load(frame)), [wanted.map((f) => f.source.url).join(' ')]);
	useEffect(() => () => held.current.forEach((one) => one.abort.abort()), []);
	return {
		get: (frame) => held.current.get(frame.source.url) ?? { wave: null, error: null },
		again: (frame) => (load(frame), bump((n) => n + 1)),
	};
}
