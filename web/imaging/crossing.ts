// Where the slice of one pane cuts that of another: a line across the second, in pixels of it. Both of one frame of reference.
import type { ImageInfo } from './image-info';
import { normalOf } from './linking';
import type { Point } from './geometry';

type Lying = Pick<ImageInfo, 'orientation' | 'position' | 'spacing' | 'rows' | 'columns' | 'reference'>;
const LEAST_ANGLE = Math.cos((10 * Math.PI) / 180);

const dot = (a: readonly number[], b: readonly number[]): number => a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
const away = (a: readonly number[], b: readonly number[]): number[] => [a[0]! - b[0]!, a[1]! - b[1]!, a[2]! - b[2]!];

/** What of a line from a to b lies in the image. */
function clipped([a, b]: [Point, Point], info: Lying): [Point, Point] | null {
	let from = 0, to = 1;
	for (const [k, most] of [[0, info.columns - 0.5], [1, info.rows - 0.5]] as const) {
		const d = b[k] - a[k];
		for (const [side, far] of [[-1, a[k] + 0.5], [1, most - a[k]]] as const) {
			const towards = d * side;
			if (towards === 0 && far < 0) return null;
			if (towards > 0) to = Math.min(to, far / towards);
			if (towards < 0) from = Math.max(from, far / towards);
		}
	}
	const at = (t: number): Point => [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
	return from < to ? [at(from), at(to)] : null;
}

/** Null: they do not meet, are all but parallel, or nobody knows. */
export function crossing(on: Lying, other: Lying): [Point, Point] | null {
	const n = normalOf(on.orientation), m = normalOf(other.orientation);
	if (!n || !m || !on.reference || on.reference !== other.reference || Math.abs(dot(n, m)) > LEAST_ANGLE) return null;
	const { position: p, spacing: s } = on, { position: q, spacing: t } = other, o = on.orientation!, r = other.orientation!;
	if (!p || !q || !s || !t) return null;
	const corner = (x: number, y: number): number[] => [0, 1, 2].map((i) => q[i]! + r[i]! * x * t[1] + r[i + 3]! * y * t[0]);
	const right = other.columns - 0.5, low = other.rows - 0.5, corners = [corner(-0.5, -0.5), corner(right, -0.5), corner(right, low), corner(-0.5, low)];
	const ends = corners.flatMap((a, i) => {
		const b = corners[(i + 1) % 4]!, da = dot(away(a, p), n), db = dot(away(b, p), n);
		if (da < 0 === db < 0) return [];
		const k = da / (da - db), at = away([0, 1, 2].map((j) => a[j]! + (b[j]! - a[j]!) * k), p);
		return [[dot(at, o.slice(0, 3)) / s[1], dot(at, o.slice(3)) / s[0]] as Point];
	});
	return ends.length === 2 ? clipped([ends[0]!, ends[1]!], on) : null;
}
