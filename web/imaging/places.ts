// Between the table's places and the viewer's. In the table a viewport names an object and a frame of it, so that everybody is on
// the same picture whatever order their archive gave the series in; the viewer scrolls through places of its stack.
import type { Frame } from './frames';
import type { Anchor, ImageRef, ReadingChange, ViewportChange, ViewportState } from './state';

type Frames = readonly Pick<Frame, 'info' | 'index' | 'of'>[];

/** Where in the stack. An object that is not in it (another archive's order, still loading): the nearest that makes sense. */
export function placeOf(frames: Frames, image: ImageRef | null, frame: number): number {
	if (image?.instance !== undefined) {
		const at = frames.findIndex((f) => f.info.instance === image.instance && f.index === frame);
		if (at >= 0) return at;
	}
	return Math.max(0, Math.min(frame, frames.length - 1));
}

/** Does the stack have the object that the table names? What is nearest is another picture: it is not shown for it. */
export const isThere = (viewport: ViewportState, frames: Frames): boolean =>
	viewport.image?.instance === undefined || frames.some((f) => f.info.instance === viewport.image?.instance);

/** A viewport of the table as the viewer has it: `frame` is a place in the stack. */
export const placed = (viewport: ViewportState, frames: Frames | null): ViewportState =>
	frames ? { ...viewport, frame: placeOf(frames, viewport.image, viewport.frame) } : viewport;

/** A change of the viewer as the table has it: with the object that is meant. */
export function named(change: ReadingChange, viewports: readonly ViewportState[], framesOf: (v: ViewportState) => Frames | null): ReadingChange {
	if (!change.viewports) return change;
	const name = (c: ViewportChange): ViewportChange => {
		const now = viewports[c.at], image = c.image ?? now?.image, frames = now && framesOf(now);
		const frame = c.frame === undefined ? undefined : frames?.[c.frame];
		const other = c.image !== undefined && c.image?.series !== now?.image?.series; // another series: its places are its own
		const named = c.image?.instance !== undefined && c.image.instance !== now?.image?.instance; // another object, and a frame of it
		if (!image || !frame || other || named) return c;
		return { ...c, image: { ...image, ...frame.of, instance: frame.info.instance }, frame: frame.index };
	};
	return { ...change, viewports: change.viewports.map(name) };
}

export const anchorOf = (image: ImageRef, frame: Pick<Frame, 'info' | 'index'>): Anchor => ({
	pacs: image.pacs, study: image.study, series: image.series, instance: frame.info.instance, frame: frame.index,
});

export const isOn = (on: object, image: ImageRef, frame: Pick<Frame, 'info' | 'index'>): boolean => {
	const a = on as Partial<Anchor>;
	return a.instance === frame.info.instance && a.frame === frame.index && a.series === image.series && a.study === image.study && a.pacs === image.pacs;
};
