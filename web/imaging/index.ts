// What the rest of the web may use of imaging, all behind one dynamic import.
import { h, render } from 'preact';
import { Viewer, type ViewerProps } from './viewer';

export { Frames, type Frame } from './frames';
export { imageInfo } from './image-info';
export { hashOf } from './exact';
export { Viewer, type ViewerProps } from './viewer';
export type { SeriesSource } from './series';
export type { Drawing, Pointer, ReadingChange, ReadingState, ViewportState } from './state';

/** Puts the viewer into `root`; the function that takes it away, and another that shows other properties. */
export function openViewer(root: HTMLElement, props: ViewerProps): { update: (props: ViewerProps) => void; close: () => void } {
	const update = (p: ViewerProps) => render(h(Viewer, p), root);
	update(props);
	return { update, close: () => render(null, root) };
}
