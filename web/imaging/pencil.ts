// A drawing while it is made. Each step is the whole drawing under the same id, so that others see it grow. Points are in
// pixels of the image; how far is far comes from the pane.
import { measure, thinned } from './measure';
import type { Point } from './geometry';
import type { ImageInfo } from './image-info';
import type { Anchor, Drawing, DrawKind } from './state';

export interface Paper {
	on: Anchor;
	info: ImageInfo;
}

const newId = (): string => `d${Date.now().toString(36)}${Math.floor(Math.random() * 0x7fffffff).toString(36)}`;

export class Pencil {
	private made: { id: string; kind: DrawKind; points: Point[]; paper: Paper } | null = null;
	/** An angle whose first leg is drawn: the second comes with the next stroke. */
	private leg = false;

	begin(kind: DrawKind, at: Point, paper: Paper): Drawing | null {
		if (this.leg && this.made && kind === 'angle' && this.made.paper.on.instance === paper.on.instance) {
			this.made.points = [...this.made.points.slice(0, 2), at];
			return this.drawing();
		}
		this.leg = false;
		this.made = { id: newId(), kind, points: [at], paper };
		return null; // a tap is no drawing
	}

	/** least: in pixels of the image, what a hand's trembling is. */
	move(at: Point, least: number): Drawing | null {
		if (!this.made) return null;
		const { kind, points } = this.made, last = points[points.length - 1]!;
		if (kind === 'freehand' && Math.hypot(at[0] - last[0], at[1] - last[1]) < least) return null;
		this.made.points = kind === 'freehand' ? thinned([...points, at]) : this.leg ? [...points.slice(0, 2), at] : [points[0]!, at];
		return this.drawing();
	}

	/** The drawing that stays; or the id of one that was too small to be meant. */
	end(least: number): { keep: Drawing } | { drop: string } | null {
		const { made } = this;
		if (!made) return null;
		const [a] = made.points, size = Math.max(0, ...made.points.map((p) => Math.hypot(p[0] - a![0], p[1] - a![1])));
		const drawing = this.drawing();
		if (!drawing || size < least * 2) return this.drop();
		if (made.kind === 'angle' && !this.leg) this.leg = true;
		else this.made = null;
		if (!this.made) this.leg = false;
		return { keep: drawing };
	}

	drop(): { drop: string } | null {
		const id = this.made?.id;
		this.made = null;
		this.leg = false;
		return id === undefined ? null : { drop: id };
	}

	private drawing(): Drawing | null {
		const { made } = this;
		if (!made || made.points.length < 2) return null;
		const points = made.points.map(([x, y]): Point => [Math.round(x * 100) / 100, Math.round(y * 100) / 100]);
		return { id: made.id, kind: made.kind, on: made.paper.on, points, ...measure(made.kind, points, made.paper.info) };
	}
}

export const words = (text: string, at: Point, paper: Paper): Drawing => ({ id: newId(), kind: 'text', on: paper.on, points: [at], text: text.slice(0, 200) });
