// Between pixels of the image and points of its pane; orientation letters and scale. Image coordinates: (0, 0) is the
// middle of the first pixel. The plane is the image's own: x along its rows, y along its columns, in mm or in pixels.
import type { ImageInfo } from './image-info';
import type { ViewportState } from './state';

export interface Size {
	width: number;
	height: number;
}
export type Point = [number, number];

export interface View {
	/** On the plane: what is to the right and up on the screen. */
	right: Point;
	up: Point;
	focus: Point;
	/** Half of what is seen from top to bottom, in units of the plane. */
	half: number;
	/** Units of the plane a CSS pixel. */
	unit: number;
}

/** Size of a pixel on the plane: [along a row, down a column]. */
export const pixelSize = (info: Pick<ImageInfo, 'spacing' | 'aspect'>): Point => (info.spacing ? [info.spacing[1], info.spacing[0]] : [1, info.aspect ?? 1]);

const areaOf = (info: ImageInfo) => info.area ?? { x0: -0.5, y0: -0.5, x1: info.columns - 0.5, y1: info.rows - 0.5 };

/** Of the image, or its displayed area, on the plane, as it is turned. */
export function seenSize(info: ImageInfo, state: Pick<ViewportState, 'rotation'>): Size {
	const [sx, sy] = pixelSize(info), angle = (state.rotation * Math.PI) / 180, area = areaOf(info), w = (area.x1 - area.x0) * sx, h = (area.y1 - area.y0) * sy;
	const quarter = Math.abs(Math.sin(angle)) > 0.5 && Math.abs(Math.cos(angle)) < 0.9;
	return quarter ? { width: h, height: w } : { width: w, height: h };
}

export function viewOf(info: ImageInfo, state: ViewportState, pane: Size): View {
	const [sx, sy] = pixelSize(info), angle = (state.rotation * Math.PI) / 180, sin = Math.sin(angle), cos = Math.cos(angle), x = state.flip ? -1 : 1;
	const right: Point = [cos * x, -sin], up: Point = [-sin * x, -cos], { width: seenW, height: seenH } = seenSize(info, state);
	const area = areaOf(info);
	const half = Math.max(seenH, (seenW * pane.height) / Math.max(1, pane.width)) / 2 / state.zoom, unit = (2 * half) / Math.max(1, pane.height);
	// of a slide parts of itself, so that panes of any shape have the same place in their middle
	const dx = -state.pan_x * (info.slide ? seenW : pane.width * unit), dy = state.pan_y * (info.slide ? seenH : pane.height * unit);
	const focus: Point = [((area.x0 + area.x1) / 2) * sx + right[0] * dx + up[0] * dy, ((area.y0 + area.y1) / 2) * sy + right[1] * dx + up[1] * dy];
	return { right, up, focus, half, unit };
}

export function toImage(view: View, info: ImageInfo, pane: Size, [px, py]: Point): Point {
	const [sx, sy] = pixelSize(info), a = (px - pane.width / 2) * view.unit, b = (pane.height / 2 - py) * view.unit;
	return [(view.focus[0] + view.right[0] * a + view.up[0] * b) / sx, (view.focus[1] + view.right[1] * a + view.up[1] * b) / sy];
}

export function toPane(view: View, info: ImageInfo, pane: Size, [x, y]: Point): Point {
	const [sx, sy] = pixelSize(info), dx = x * sx - view.focus[0], dy = y * sy - view.focus[1];
	return [pane.width / 2 + (dx * view.right[0] + dy * view.right[1]) / view.unit, pane.height / 2 - (dx * view.up[0] + dy * view.up[1]) / view.unit];
}

// A direction of the patient as letters, the strongest first (PS3.3 C.7.6.1.1.1); what is nearly across is left out.
export function letters(v: number[]): string {
	const names: [string, string][] = [['L', 'R'], ['P', 'A'], ['H', 'F']];
	return v.map((amount, i) => ({ amount: Math.abs(amount), letter: names[i]![amount > 0 ? 0 : 1]! }))
		.filter((c) => c.amount > 0.3).sort((a, b) => b.amount - a.amount).slice(0, 2).map((c) => c.letter).join('');
}

/** Letters at the pane's left, right, top and bottom; empty where the image does not say. */
export function edges(info: ImageInfo, view: View): { left: string; right: string; top: string; bottom: string } {
	const o = info.orientation;
	const towards = (p: Point): string => {
		if (o) return letters([0, 1, 2].map((i) => o[i]! * p[0] + o[i + 3]! * p[1]));
		const to = info.patientOrientation;
		if (!to || Math.max(Math.abs(p[0]), Math.abs(p[1])) < 0.99) return '';
		const opposite = (s: string) => s.replace(/[LRAPHF]/g, (c) => 'RLPAFH'['LRAPHF'.indexOf(c)]!);
		const along = Math.abs(p[0]) > 0.5 ? to[0] : to[1], sign = Math.abs(p[0]) > 0.5 ? p[0] : p[1];
		return sign > 0 ? along : opposite(along);
	};
	const { right, up } = view, away = (p: Point): Point => [-p[0], -p[1]];
	return { left: towards(away(right)), right: towards(right), top: towards(up), bottom: towards(away(up)) };
}

/** A bar of 1, 2 or 5 times a power of ten mm, a fifth to a half of the pane; null: no spacing. */
export function scaleBar(info: ImageInfo, view: View, pane: Size): { mm: number; px: number } | null {
	if (!info.spacing) return null;
	const most = pane.width * 0.4 * view.unit, power = 10 ** Math.floor(Math.log10(most));
	const mm = [5, 2, 1].map((n) => n * power).find((n) => n <= most) ?? power;
	return { mm, px: mm / view.unit };
}
