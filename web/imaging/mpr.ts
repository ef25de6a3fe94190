// Three planes of one volume: the stack's own in the first pane, the two across it in the others. Which voxel the cross is on follows
// from where the three panes are; so the table's frames are all that is shared.
import { useMemo, useRef } from 'preact/hooks';
import type { Pixels } from './exact';
import type { Frame, Frames } from './frames';
import type { Point } from './geometry';
import type { Stack } from './series';
import { freshViewport, type ReadingChange, type ReadingState, type ViewportState } from './state';
import { placeOn, planeInfo, planesOf, resliced, voxelAt, volumeOf, type NoVolume, type Plane, type Volume } from './volume';

export interface MprPane {
	frame: Frame;
	pixels: Pixels | null;
	plane: Plane;
	cross: Point;
	length: number;
}

export interface Mpr {
	/** Slices that have come, of how many. */
	done: number;
	of: number;
	reason: NoVolume | null;
	pane: (at: number) => MprPane | null;
	/** The cross goes to a place in a pane. */
	cross: (at: number, place: Point) => ReadingChange;
}

interface Held {
	volume: Volume;
	planes: [Plane, Plane, Plane];
	slices: (Pixels | null)[];
	made: Map<number, { at: number; done: number; pixels: Pixels | null }>;
}

const clamp = (v: number, most: number): number => Math.max(0, Math.min(most - 1, Math.round(v)));

/** From the first pane's stack; null: the layout is another one, or the stack has not come. */
export function useMpr(own: Frames, stack: Stack | null, state: ReadingState): Mpr | null {
	const on = state.layout === 'mpr' && stack !== null && stack.frames.length > 0, known = useMemo(() => (on ? volumeOf(stack.frames) : null), [on, stack]), ref = useRef<Held | null>(null);
	if (!on || known === null) return (ref.current = null);
	if (typeof known === 'string') return { done: 0, of: stack.frames.length, reason: known, pane: () => null, cross: () => ({}) };
	if (ref.current?.volume !== known) ref.current = { volume: known, planes: planesOf(known), slices: stack.frames.map(() => null), made: new Map() };
	const { volume, planes, slices, made } = ref.current, at = [0, 1, 2].map((i) => clamp(state.viewports[i]!.frame, volume.size[planes[i]!.through]!));
	for (const [i, frame] of stack.frames.entries()) {
		const pixels = slices[i] ? null : own.get(frame.id).pixels;
		if (pixels?.exact) slices[i] = pixels;
	}
	const done = slices.filter((s) => s !== null).length, voxel: [number, number, number] = [0, 0, 0];
	for (const [i, plane] of planes.entries()) voxel[plane.through] = at[i]!;
	const slice = (pane: number): Pixels | null => {
		const old = made.get(pane);
		if (old && old.at === at[pane] && old.done === done) return old.pixels;
		const pixels = resliced(volume, planes[pane]!, at[pane]!, slices);
		made.set(pane, { at: at[pane]!, done, pixels });
		return pixels;
	};
	const pane = (i: number): MprPane | null => {
		const plane = planes[i], frame = stack.frames[at[0]!];
		if (!plane || !frame) return null;
		const cross = placeOn(volume, plane, voxel), length = volume.size[plane.through]!;
		if (i === 0) return { frame, pixels: own.get(frame.id).pixels, plane, cross, length };
		return { frame: { ...frame, id: `${stack.source.url}/mpr/${plane.name}/${at[i]}`, info: planeInfo(volume, plane), index: at[i]! }, pixels: slice(i), plane, cross, length };
	};
	const cross = (i: number, place: Point): ReadingChange => {
		const target = voxelAt(volume, planes[i]!, at[i]!, place);
		return { viewports: planes.flatMap((plane, k) => (k === i ? [] : [{ at: k, frame: target[plane.through]! }])) };
	};
	return { done, of: slices.length, reason: null, pane, cross };
}

/** The table's way into it: the middle of the volume, in the window of the first pane. */
export function enterMpr(first: ViewportState, stack: Stack): ReadingChange {
	const volume = volumeOf(stack.frames), { image } = first, series = image && { pacs: image.pacs, study: image.study, series: image.series };
	const middle = (i: number) => (typeof volume === 'string' ? 0 : Math.floor(volume.size[planesOf(volume)[i]!.through]! / 2));
	return { layout: 'mpr', linked: false, viewports: [1, 2].map((at) => ({ ...freshViewport(at, series), frame: middle(at) })) };
}
