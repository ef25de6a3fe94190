// The overlay planes of a frame on a glass of their own, above the picture and where it is: zoomed, moved, turned and flipped with it.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { imageError, type ImageError } from './errors';
import type { Frame } from './frames';
import { pixelSize, type Size, type View } from './geometry';
import { cellSize, cellsOf, fetchOverlays, overlaysUrl, type OverlayPlanes } from './overlay-planes';
import { placeOn } from './paint';

const KEPT_BYTES = 48 << 20, KEPT = 256;

interface Held {
	planes: (OverlayPlanes & { bytes: number }) | null;
	error: ImageError | null;
	abort: AbortController;
}
export type Overlaid = Pick<Held, 'planes' | 'error'>;

/** What there is of the overlays of frames: each object's fetched once, the last ones kept; who has moved on does not wait for them. */
export function useOverlayPlanes(wanted: readonly Frame[]): (frame: Frame) => Overlaid {
	const held = useRef(new Map<string, Held>()), [, bump] = useState(0), urls = wanted.map(overlaysUrl);
	const load = (frame: Frame, url: string) => {
		const one: Held = { planes: null, error: null, abort: new AbortController() };
		held.current.set(url, one);
		void fetchOverlays(frame, one.abort.signal).then((planes) => (one.planes = planes), (error: unknown) => (one.error = imageError(error))).then(() => bump((n) => n + 1));
	};
	useEffect(() => {
		for (const [url, one] of held.current) if (!one.planes && !urls.includes(url)) one.abort.abort(), held.current.delete(url); // one that failed is tried again when it is looked at again
		let bytes = [...held.current.values()].reduce((sum, one) => sum + (one.planes?.bytes ?? 0), 0);
		for (const [url, one] of held.current) {
			if (bytes <= KEPT_BYTES && held.current.size < KEPT) break;
			if (!urls.includes(url)) (bytes -= one.planes?.bytes ?? 0), held.current.delete(url);
		}
		wanted.forEach((frame, i) => held.current.has(urls[i]!) || load(frame, urls[i]!));
	}, [urls.join(' ')]);
	useEffect(() => () => held.current.forEach((one) => one.abort.abort()), []);
	return (frame) => held.current.get(overlaysUrl(frame)) ?? { planes: null, error: null };
}

interface GlassProps {
	planes: OverlayPlanes;
	frame: Frame;
	view: View;
	pane: Size;
	onError: (id: string, error: ImageError) => void;
}

export function OverlayGlass({ planes, frame, view, pane, onError }: GlassProps) {
	const canvas = useRef<HTMLCanvasElement>(null), { info } = frame, ratio = Math.max(1, globalThis.devicePixelRatio || 1);
	const size = cellSize(info, view.unit / Math.min(...pixelSize(info)) / ratio);
	const { source, error } = useMemo(() => {
		const made = document.createElement('canvas'), wide = Math.ceil(info.columns / size), high = Math.ceil(info.rows / size);
		made.width = wide;
		made.height = high;
		try {
			const cells = cellsOf(planes, info, frame.index, size);
			if (!cells.some((c) => c !== 0)) return { source: null, error: null };
			made.getContext('2d')?.putImageData(new ImageData(new Uint8ClampedArray(cells.buffer), wide, high), 0, 0);
			return { source: made, error: null };
		} catch (error) {
			return { source: null, error: imageError(error) };
		}
	}, [planes, info, frame.index, size]);
	useEffect(() => void (error && onError(frame.id, error)), [error]);
	useLayoutEffect(() => {
		const to = canvas.current && placeOn(canvas.current, info, view, pane);
		if (!to || !source) return;
		to.imageSmoothingEnabled = false; // a cell is a dot or more
		to.drawImage(source, -0.5, -0.5, source.width * size, source.height * size);
		to.setTransform(1, 0, 0, 1, 0, 0);
	});
	return <canvas class="im-glass im-planes" ref={canvas} data-testid="im-planes" data-set={String(source !== null)} aria-hidden="true" />;
}
