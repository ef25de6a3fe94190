// A presentation state over the frame that it names: what the image says of itself is replaced by what its creator made of it. The
// reader's own zoom, window and turn come on top, as they do on any image. Pure.
import type { Frame } from './frames';
import { pixelSize, type Point } from './geometry';
import type { ImageInfo, Window } from './image-info';
import { refersTo, type Annotation, type NotDone, type State } from './marks';
import type { ViewportState } from './state';

export interface Look {
	info: ImageInfo;
	state: State;
	annotations: Annotation[];
	notDone: NotDone[];
}

/** Where the state has no window there is none: all that the samples can be, in modality units. */
function whole({ stored, signed, slope, intercept }: ImageInfo): Window {
	const low = signed ? -(2 ** (stored - 1)) : 0, a = low * slope + intercept, b = (low + 2 ** stored - 1) * slope + intercept;
	return { center: (a + b + 1) / 2, width: Math.abs(b - a) + 1 };
}

function windowOf(state: State, info: ImageInfo, index: number): Pick<ImageInfo, 'windows' | 'voi'> | null {
	const found = state.vois.find((v) => refersTo(v.refs, info.instance, index));
	if (info.samples !== 1 || (found && !found.voi)) return null; // it says what it does not do
	if (!found?.voi) return { windows: [whole(info)], voi: 'LINEAR' };
	const { center, width, voi } = found.voi, k = info.slope / state.slope; // its own units to the image's, which values are read in
	const same = info.slope === state.slope && info.intercept === state.intercept;
	return { windows: [same ? { center, width } : { center: (center - state.intercept) * k + info.intercept, width: width * Math.abs(k) }], voi };
}

const known = new WeakMap<State, Map<ImageInfo, Look | null>>();

function made(state: State, { info, index, wave }: Frame): Look | null {
	if (wave || !refersTo(state.refs, info.instance, index)) return null;
	const { area, ratio = null } = state.areas.find((a) => refersTo(a.refs, info.instance, index)) ?? {}, [sx, sy] = pixelSize(info), window = windowOf(state, info, index), notDone = new Set(state.notDone);
	if (ratio !== null && Math.abs((ratio * sx) / sy - 1) > 0.01) notDone.add('aspect');
	const annotations = state.annotations.filter((a) => refersTo(a.refs, info.instance, index));
	return { info: { ...info, ...window, ...(area && { area }) }, state, annotations, notDone: [...notDone] };
}

/** null: the state does not name this frame. */
export function lookOf(state: State, frame: Frame): Look | null {
	const looks = known.get(state) ?? new Map<ImageInfo, Look | null>();
	known.set(state, looks);
	const look = looks.has(frame.info) ? looks.get(frame.info)! : made(state, frame);
	looks.set(frame.info, look);
	return look;
}

/** The state first, then the reader. */
export function turned(v: ViewportState, { state, info }: Look): ViewportState {
	const natural = info.photometric === 'MONOCHROME1' || info.inverse === true;
	const rotation = (v.rotation + (v.flip ? -state.rotation : state.rotation) + 720) % 360;
	return { ...v, rotation, flip: v.flip !== state.flip, invert: state.inverse === null ? v.invert : v.invert !== (state.inverse !== natural) };
}

/** From parts of the displayed area, as its creator's screen had it, to pixels of the image. */
export function fromDisplay({ info, state }: Look, [u, v]: Point): Point {
	const area = info.area ?? { x0: -0.5, y0: -0.5, x1: info.columns - 0.5, y1: info.rows - 0.5 }, angle = (state.rotation * Math.PI) / 180, x = state.flip ? -1 : 1;
	const sin = Math.round(Math.sin(angle)), cos = Math.round(Math.cos(angle)), right = [cos * x, -sin] as const, up = [-sin * x, -cos] as const, a = u - 0.5, b = 0.5 - v;
	return [(area.x0 + area.x1) / 2 + (right[0] * a + up[0] * b) * (area.x1 - area.x0), (area.y0 + area.y1) / 2 + (right[1] * a + up[1] * b) * (area.y1 - area.y0)];
}

const TURNS = 64;

/** The outline of a graphic in pixels of the image: a line, or a closed one; a point is one place. */
export function outline(kind: Annotation['graphics'][number]['kind'], points: readonly Point[]): Point[] {
	const [a, b, c, d] = points;
	const round = (center: Point, across: Point, down: Point): Point[] => Array.from({ length: TURNS + 1 }, (_, i): Point => {
		const t = (2 * Math.PI * i) / TURNS;
		return [center[0] + across[0] * Math.cos(t) + down[0] * Math.sin(t), center[1] + across[1] * Math.cos(t) + down[1] * Math.sin(t)];
	});
	if (kind === 'CIRCLE' && a && b) {
		const r = Math.hypot(b[0] - a[0], b[1] - a[1]);
		return round(a, [r, 0], [0, r]);
	}
	if (kind === 'ELLIPSE' && a && b && c && d) return round([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], [(b[0] - a[0]) / 2, (b[1] - a[1]) / 2], [(d[0] - c[0]) / 2, (d[1] - c[1]) / 2]);
	if (kind !== 'INTERPOLATED' || points.length < 3) return [...points];
	// a curve through its points (Catmull and Rom), closed where the last is the first
	const last = points.length - 1, closed = points[0]![0] === points[last]![0] && points[0]![1] === points[last]![1];
	const at = (i: number): Point => points[closed ? (i + last) % last : Math.max(0, Math.min(last, i))]!;
	return points.slice(0, -1).flatMap((_, i) => Array.from({ length: 8 }, (__, k): Point => {
		const t = k / 8, [p, q, r, s] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
		const on = (m: 0 | 1): number => 0.5 * (2 * q[m] + (r[m] - p[m]) * t + (2 * p[m] - 5 * q[m] + 4 * r[m] - s[m]) * t * t + (3 * q[m] - p[m] - 3 * r[m] + s[m]) * t * t * t);
		return [on(0), on(1)];
	})).concat([points[last]!]);
}
