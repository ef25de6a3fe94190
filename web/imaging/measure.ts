// Drawings on images as data: what they measure, how they are written, which of them is under a finger. Points are in pixels of
// the image, as in the consult's table; what is measured is in mm where the image knows its spacing, else in pixels.
import { pixelSize, type Point } from './geometry';
import type { ImageInfo } from './image-info';
import { spacingAt } from './regions';
import type { Drawing, DrawKind } from './state';

export const MAX_POINTS = 200;
type Spacing = Pick<ImageInfo, 'spacing' | 'aspect' | 'regions'>;

const distance = (a: Point, b: Point) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** On the plane of the image, in its units. */
const onPlane = (info: Spacing, [x, y]: Point): Point => {
	const [sx, sy] = pixelSize(info);
	return [x * sx, y * sy];
};

/** What a drawing measures; null: nothing. */
export function measure(kind: DrawKind, points: Point[], info: Spacing): { value: number; unit: 'mm' | 'mm2' | 'px' | 'px2' | 'deg' } | null {
	const by = info.regions ? { ...info, spacing: spacingAt(info.regions, points) } : info;
	const [a, b, c] = points.map((p) => onPlane(by, p)), mm = by.spacing !== null;
	const round = (v: number) => Math.round(v * 100) / 100;
	if (!a || !b) return null;
	if (kind === 'line') return { value: round(distance(a, b)), unit: mm ? 'mm' : 'px' };
	if (kind === 'ellipse') return { value: round((Math.PI / 4) * Math.abs((a[0] - b[0]) * (a[1] - b[1]))), unit: mm ? 'mm2' : 'px2' };
	if (kind !== 'angle' || !c) return null;
	const turn = Math.abs(Math.atan2(a[1] - b[1], a[0] - b[0]) - Math.atan2(c[1] - b[1], c[0] - b[0])) * (180 / Math.PI);
	return { value: round(turn > 180 ? 360 - turn : turn), unit: 'deg' };
}

const UNITS: Record<string, string> = { mm: ' mm', mm2: ' mm²', px: ' px', px2: ' px²', deg: '°', HU: ' HU', ms: ' ms', mV: ' mV', pct: ' %' };

/** What is written beside a drawing. */
export function caption(drawing: Pick<Drawing, 'text' | 'value' | 'unit'>): string {
	const value = drawing.value === undefined ? '' : drawing.unit === 'mV' ? `${drawing.value} mV` : drawing.unit === 'ms' ? `${drawing.value} ms${drawing.value >= 150 ? ` · ${Math.round(60_000 / drawing.value)} bpm` : ''}` : `${Math.round(drawing.value * 10) / 10}${UNITS[drawing.unit ?? ''] ?? ''}`;
	return [drawing.text ?? '', value].filter((s) => s !== '').join(' ');
}

/** A line drawn by hand with no more points than the table takes: every second one goes while there are too many. */
export function thinned(points: Point[]): Point[] {
	let kept = points;
	while (kept.length > MAX_POINTS) kept = kept.filter((_, i) => i % 2 === 0 || i === kept.length - 1);
	return kept;
}

/** From the middle of an arrow's end: the two other ends of its head, in the same units as the points. */
export function arrowHead([tail, tip]: [Point, Point], size: number): [Point, Point] {
	const angle = Math.atan2(tip[1] - tail[1], tip[0] - tail[0]);
	const side = (turn: number): Point => [tip[0] - size * Math.cos(angle + turn), tip[1] - size * Math.sin(angle + turn)];
	return [side(0.45), side(-0.45)];
}

function toSegment(p: Point, a: Point, b: Point): number {
	const length = distance(a, b);
	if (length === 0) return distance(p, a);
	const t = Math.max(0, Math.min(1, ((p[0] - a[0]) * (b[0] - a[0]) + (p[1] - a[1]) * (b[1] - a[1])) / length ** 2));
	return distance(p, [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]);
}

/** How far a place is from a drawing; both in the same units. */
export function distanceTo(kind: DrawKind, points: Point[], at: Point): number {
	const [a, b] = points;
	if (!a) return Infinity;
	if (!b) return distance(a, at);
	if (kind === 'ellipse' || kind === 'rectangle') {
		const inside = (i: 0 | 1) => at[i] >= Math.min(a[i], b[i]) - 8 && at[i] <= Math.max(a[i], b[i]) + 8;
		return inside(0) && inside(1) ? 0 : Infinity;
	}
	return points.slice(1).reduce((least, p, i) => Math.min(least, toSegment(at, points[i]!, p)), Infinity);
}
