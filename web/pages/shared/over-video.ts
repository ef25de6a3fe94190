// Where the picture lies in its video element, whatever its shape, and how drawings (parts of the picture, from 0 to 1) come there
// and back. No rendering.
import { measure } from '../../imaging/measure';
import type { Point, Size } from '../../imaging/geometry';
import type { Drawing, DrawKind } from '../../imaging/state';

/** A drawing over a moving picture, as the table has it. */
export interface PictureAnchor {
	participant: string;
	source: string;
}
export type PictureDrawing = Drawing<PictureAnchor> & { by?: string };

/** In CSS pixels of the tile. */
export interface PictureBox extends Size {
	x: number;
	y: number;
	mirrored: boolean;
}

/** element: where the video element is; picture: what the sender sends now. */
export function pictureBox(element: Size & { x: number; y: number }, picture: Size, fit: string, mirrored = false): PictureBox | null {
	if (picture.width <= 0 || picture.height <= 0 || element.width <= 0 || element.height <= 0) return null;
	const across = element.width / picture.width, down = element.height / picture.height;
	const scale = fit === 'cover' ? Math.max(across, down) : Math.min(across, down);
	const width = picture.width * scale, height = picture.height * scale;
	return { x: element.x + (element.width - width) / 2, y: element.y + (element.height - height) / 2, width, height, mirrored };
}

export const toTile = (box: PictureBox, [x, y]: Point): Point => [box.x + (box.mirrored ? 1 - x : x) * box.width, box.y + y * box.height];

const part = (v: number): number => Math.max(0, Math.min(1, v));

/** A hand that leaves the picture draws along its edge. */
export function toPicture(box: PictureBox, [x, y]: Point): Point {
	const across = part((x - box.x) / box.width);
	return [box.mirrored ? 1 - across : across, part((y - box.y) / box.height)];
}

/** Nothing in a moving picture has a size that is known: lines are per cent of its width, angles are angles. */
export function measureOn(kind: DrawKind, points: Point[], shape: Size): Pick<Drawing, 'value' | 'unit'> | null {
	const measured = measure(kind, points.map(([x, y]): Point => [x, (y * shape.height) / shape.width]), { spacing: null });
	if (measured?.unit === 'deg') return measured;
	const [a, b] = points;
	if (kind !== 'line' || !a || !b) return null;
	const length = Math.hypot(a[0] - b[0], ((a[1] - b[1]) * shape.height) / shape.width);
	return { value: Math.round(length * 1000) / 10, unit: 'pct' };
}

export const isOver = (on: object, participant: string, source: string): on is PictureAnchor =>
	'participant' in on && 'source' in on && on.participant === participant && on.source === source;
