// A drawing while it is made. Each step is the whole drawing under the same id, so that others see it grow. Points are in
// what the paper counts in: pixels of an image, parts of a moving picture; how far is far comes from the pane.
import { measure, thinned } from './measure';
import type { Point } from './geometry';
import type { ImageInfo } from './image-info';
import type { Anchor, Drawing, DrawKind } from './state';

export interface Paper<On = Anchor> {
	on: On;
	/** Points are rounded to 1 / fine. */
	fine: number;
	measure: (kind: DrawKind, points: Point[]) => Pick<Drawing, 'value' | 'unit'> | null;
	fades_s?: number;
}

export const paperOf = (on: Anchor, info: ImageInfo): Paper => ({ on, fine: 100, measure: (kind, points) => measure(kind, points, info) });

const same = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b);

const newId = (): string => `d${Date.now().toString(36)}${Math.floor(Math.random() * 0x7fffffff).toString(36)}`;

export class Pencil<On extends object = Anchor> {
	private made: { id: string; kind: DrawKind; points: Point[]; paper: Paper<On> } | null = null;
	/** An angle whose first leg is drawn: the second comes with the next stroke. */
	private leg = false;

	begin(kind: DrawKind, at: Point, paper: Paper<On>): Drawing<On> | null {
		if (this.leg && this.made && kind === 'angle' && same(this.made.paper.on, paper.on)) {
			this.made.points = [...this.made.points.slice(0, 2), at];
			return this.drawing();
		}
		this.leg = false;
		this.made = { id: newId(), kind, points: [at], paper };
		return null; // a tap is no drawing
	}

	/** least: what a hand's trembling is, in the paper's units. */
	move(at: Point, least: number): Drawing<On> | null {
		if (!this.made) return null;
		const { kind, points } = this.made, last = points[points.length - 1]!;
		if (kind === 'freehand' && Math.hypot(at[0] - last[0], at[1] - last[1]) < least) return null;
		this.made.points = kind === 'freehand' ? thinned([...points, at]) : this.leg ? [...points.slice(0, 2), at] : [points[0]!, at];
		return this.drawing();
	}

	/** The drawing that stays; or the id of one that was too small to be meant. */
	end(least: number): { keep: Drawing<On> } | { drop: string } | null {
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

	private drawing(): Drawing<On> | null {
		const { made } = this;
		if (!made || made.points.length < 2) return null;
		const { fine, fades_s, on } = made.paper, points = made.points.map(([x, y]): Point => [Math.round(x * fine) / fine, Math.round(y * fine) / fine]);
		return { id: made.id, kind: made.kind, on, points, ...made.paper.measure(made.kind, points), ...(fades_s !== undefined && { fades_s }) };
	}
}

export const words = <On>(text: string, at: Point, { on, fades_s }: Pick<Paper<On>, 'on' | 'fades_s'>): Drawing<On> => ({
	id: newId(), kind: 'text', on, points: [at], text: text.slice(0, 200), ...(fades_s !== undefined && { fades_s }),
});
