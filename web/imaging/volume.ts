// A series as a volume, where it is one: the same size and orientation, equal steps along the normal, one scale of values. Planes
// across it are the stored samples themselves in another order, at full depth; nothing is made up between them but on the screen.
import type { Pixels } from './exact';
import type { Frame } from './frames';
import type { Point } from './geometry';
import type { ImageInfo } from './image-info';
import { needsLuts } from './luts';
import type { Samples } from './native';

/** Why a series is no volume. Words: texts.ts. */
export type NoVolume = 'few' | 'colour' | 'geometry' | 'sizes' | 'tilted' | 'steps' | 'values' | 'large';

const STEP_PART = 0.02; // of a step, by which they may differ
const SHIFT_PART = 0.05; // of a step: further aside it is a tilted stack
const TURN = 1e-4; // of direction cosines
const MAX_VOXELS = 160 * 1024 * 1024;

type Vector = [number, number, number];
const dot = (a: readonly number[], b: readonly number[]): number => a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
const times = (a: readonly number[], n: number): Vector => [a[0]! * n, a[1]! * n, a[2]! * n];

export interface Volume {
	/** Voxels along a row, down a column, from slice to slice; mm from one to the next; where that goes in the patient. */
	size: Vector;
	step: Vector;
	axis: [Vector, Vector, Vector];
	info: ImageInfo;
}

const alike = (a: ImageInfo, b: ImageInfo): boolean =>
	a.rows === b.rows && a.columns === b.columns && a.samples === b.samples && a.allocated === b.allocated && a.stored === b.stored && a.signed === b.signed && a.photometric === b.photometric;

/** frames: in the order of the stack. */
export function volumeOf(frames: readonly Pick<Frame, 'info'>[]): Volume | NoVolume {
	const [first, second] = frames, info = first?.info;
	if (!info || !second || frames.length < 3) return 'few';
	if (info.samples !== 1 || info.palette) return 'colour';
	if (frames.some((f) => needsLuts(f.info) || f.info.allocated > 16)) return 'values';
	const { orientation: o, position, spacing } = info;
	if (!o || !position || !spacing || info.projected) return 'geometry';
	const row = o.slice(0, 3) as Vector, column = o.slice(3, 6) as Vector;
	const normal: Vector = [row[1] * column[2] - row[2] * column[1], row[2] * column[0] - row[0] * column[2], row[0] * column[1] - row[1] * column[0]];
	if (Math.abs(dot(row, column)) > TURN * 10 || Math.abs(dot(normal, normal) - 1) > TURN * 10) return 'geometry';
	if (info.rows * info.columns * frames.length > MAX_VOXELS) return 'large';
	const from = (f: Pick<Frame, 'info'>): Vector => (f.info.position ?? [NaN, NaN, NaN]).map((p, i) => p - position[i]!) as Vector;
	const last = frames[frames.length - 1]!, step = dot(from(last), normal) / (frames.length - 1);
	if (!(Math.abs(step) > 1e-3)) return 'steps';
	for (const [i, f] of frames.entries()) {
		if (!alike(f.info, info)) return 'sizes';
		if (f.info.slope !== info.slope || f.info.intercept !== info.intercept) return 'values';
		const there = from(f);
		if (!f.info.orientation || f.info.orientation.some((v, k) => Math.abs(v - o[k]!) > TURN) || !f.info.spacing || f.info.spacing.some((v, k) => Math.abs(v - spacing[k]!) > v * 1e-3)) return 'geometry';
		if (!(Math.abs(dot(there, normal) - i * step) <= Math.abs(step) * STEP_PART)) return 'steps';
		if (!(Math.hypot(dot(there, row), dot(there, column)) <= Math.max(0.1, Math.abs(step) * SHIFT_PART))) return 'tilted';
	}
	return { size: [info.columns, info.rows, frames.length], step: [spacing[1], spacing[0], Math.abs(step)], axis: [row, column, times(normal, Math.sign(step))], info };
}

/** A plane across: which axes of the volume go to the right and down on the screen (and whether from their end), and which one is passed through. */
export interface Plane {
	name: 'axial' | 'coronal' | 'sagittal';
	right: number;
	down: number;
	through: number;
	rightBack: boolean;
	downBack: boolean;
}

/** As one looks at them: axial from the feet, coronal from the front, sagittal from the left side. */
const LOOKS: { name: Plane['name']; through: Vector; right: Vector; down: Vector }[] = [
	{ name: 'axial', through: [0, 0, 1], right: [1, 0, 0], down: [0, 1, 0] },
	{ name: 'coronal', through: [0, 1, 0], right: [1, 0, 0], down: [0, 0, -1] },
	{ name: 'sagittal', through: [1, 0, 0], right: [0, 1, 0], down: [0, 0, -1] },
];

/** Which axis of the volume runs along a direction of the patient, most of all three. */
function along(volume: Volume, direction: Vector, but: number[]): number {
	const free = [0, 1, 2].filter((i) => !but.includes(i));
	return free.reduce((best, i) => (Math.abs(dot(volume.axis[i]!, direction)) > Math.abs(dot(volume.axis[best]!, direction)) ? i : best), free[0]!);
}

/** The plane that the stack itself shows, then the two across it. */
export function planesOf(volume: Volume): [Plane, Plane, Plane] {
	const taken: number[] = [];
	const axes = [...LOOKS].sort((a, b) => strongest(volume, b.through) - strongest(volume, a.through)).map((look) => {
		const through = along(volume, look.through, taken);
		taken.push(through);
		return { look, through };
	});
	const planes = axes.map(({ look, through }): Plane => {
		const right = along(volume, look.right, [through]), down = [0, 1, 2].find((i) => i !== through && i !== right)!;
		return { name: look.name, right, down, through, rightBack: dot(volume.axis[right]!, look.right) < 0, downBack: dot(volume.axis[down]!, look.down) < 0 };
	});
	const own = planes.find((p) => p.through === 2)!, order: Plane['name'][] = ['axial', 'coronal', 'sagittal'];
	const rest = planes.filter((p) => p !== own).sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
	return [own, rest[0]!, rest[1]!];
}
const strongest = (volume: Volume, direction: Vector): number => Math.max(...volume.axis.map((a) => Math.abs(dot(a, direction))));

/** What a plane is to the viewer: an image with sizes and directions of its own. */
export function planeInfo(volume: Volume, plane: Plane): ImageInfo {
	const { info, size, step, axis } = volume, right = times(axis[plane.right]!, plane.rightBack ? -1 : 1), down = times(axis[plane.down]!, plane.downBack ? -1 : 1);
	return {
		...info, rows: size[plane.down]!, columns: size[plane.right]!, spacing: [step[plane.down]!, step[plane.right]!], orientation: [...right, ...down], position: null, patientOrientation: null, frames: size[plane.through]!,
	};
}

function empty(like: Samples, count: number): Samples {
	if (like instanceof Int16Array) return new Int16Array(count);
	if (like instanceof Uint16Array) return new Uint16Array(count);
	return like instanceof Int8Array ? new Int8Array(count) : new Uint8Array(count);
}

/** One plane; slices: the stack's samples, as they are. undefined: that slice has not come. */
export function resliced(volume: Volume, plane: Plane, at: number, slices: readonly (Pixels | null)[]): Pixels | null {
	const { size } = volume, columns = size[plane.right]!, rows = size[plane.down]!, some = slices.find((s) => s !== null);
	if (!some || at < 0 || at >= size[plane.through]!) return null;
	const data = empty(some.data, columns * rows), place: Vector = [0, 0, 0];
	place[plane.through] = at;
	for (let r = 0; r < rows; r++) {
		place[plane.down] = plane.downBack ? rows - 1 - r : r;
		for (let c = 0; c < columns; c++) {
			place[plane.right] = plane.rightBack ? columns - 1 - c : c;
			const slice = slices[place[2]];
			if (slice) data[r * columns + c] = slice.data[place[1] * size[0] + place[0]]!;
		}
	}
	return { rows, columns, samples: 1, photometric: some.photometric, data, exact: slices.every((s) => s !== null) };
}

/** Which voxel a place on a plane is. */
export function voxelAt(volume: Volume, plane: Plane, at: number, [x, y]: Point): Vector {
	const clamp = (v: number, i: number) => Math.max(0, Math.min(volume.size[i]! - 1, Math.round(v))), place: Vector = [0, 0, 0];
	place[plane.through] = clamp(at, plane.through);
	place[plane.right] = clamp(plane.rightBack ? volume.size[plane.right]! - 1 - x : x, plane.right);
	place[plane.down] = clamp(plane.downBack ? volume.size[plane.down]! - 1 - y : y, plane.down);
	return place;
}

/** And where a voxel lies on it. */
export const placeOn = (volume: Volume, plane: Plane, voxel: Vector): Point => [
	plane.rightBack ? volume.size[plane.right]! - 1 - voxel[plane.right]! : voxel[plane.right]!, plane.downBack ? volume.size[plane.down]! - 1 - voxel[plane.down]! : voxel[plane.down]!,
];
