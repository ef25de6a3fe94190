// Mouse, pen, fingers and wheel on a pane. Left or one finger: the chosen tool; right: zoom; middle: pan; two fingers:
// pinch and pan; wheel: scroll, with Ctrl (and on slides) zoom. Tools that draw say where they began and where they are.
import type { Pixels } from './exact';
import type { Frame } from './frames';
import type { Point, Size } from './geometry';
import { windowOf } from './paint';
import { isColour } from './shade';
import { movedBy, zoomedAt } from './slide-view';
import type { ViewportState } from './state';

export type DrawTool = 'cross' | 'point' | 'arrow' | 'line' | 'angle' | 'ellipse' | 'freehand' | 'text' | 'erase';
export type Tool = 'scroll' | 'window' | 'zoom' | 'pan' | DrawTool;
const MOVES: readonly Tool[] = ['scroll', 'window', 'zoom', 'pan'];
export const draws = (tool: Tool): tool is DrawTool => !MOVES.includes(tool);

interface Now {
	state: ViewportState;
	frame: Frame | null;
	pixels: Pixels | null;
	tool: Tool;
	pane: Size;
	length: number;
	/** Hands rest: somebody else has the images. */
	still: boolean;
	onScroll: (step: number) => void;
	onChange: (change: Partial<ViewportState>) => void;
}

export interface Marks {
	onCursor: (at: Point | null) => void;
	/** A tool that draws: put down, moved, lifted, or called off (a second finger came). In points of the pane. */
	onDraw: (what: 'begin' | 'move' | 'end' | 'cancel', at: Point) => void;
}

export const zoomed = (zoom: number, factor: number): number => Math.max(0.1, Math.min(100, zoom * factor));

export class Hands {
	private readonly down = new Map<number, Point>();
	private tool: Tool = 'scroll';
	private rest = 0;
	private readonly off = new AbortController();

	constructor(
		private readonly element: HTMLElement,
		private readonly now: () => Now,
		private readonly marks: Marks,
	) {
		const { signal } = this.off, on = <K extends keyof HTMLElementEventMap>(name: K, f: (e: HTMLElementEventMap[K]) => void) => element.addEventListener(name, f, { signal, passive: false });
		on('pointerdown', (e) => this.begin(e));
		on('pointermove', (e) => this.move(e));
		on('pointerup', (e) => this.end(e, 'end'));
		on('pointercancel', (e) => this.end(e, 'cancel'));
		on('pointerleave', () => marks.onCursor(null));
		on('contextmenu', (e) => e.preventDefault());
		on('wheel', (e) => this.wheel(e));
	}

	done(): void {
		this.off.abort();
	}

	private at(e: MouseEvent): Point {
		const box = this.element.getBoundingClientRect();
		return [e.clientX - box.left, e.clientY - box.top];
	}

	private begin(e: PointerEvent): void {
		if ((e.target as Element).closest('button, input') || this.now().still) return;
		e.preventDefault();
		this.element.setPointerCapture(e.pointerId);
		this.down.set(e.pointerId, this.at(e));
		if (this.down.size === 2 && draws(this.tool)) this.marks.onDraw('cancel', this.at(e)); // it was a pinch
		this.tool = this.down.size > 1 ? 'zoom' : e.button === 2 ? 'zoom' : e.button === 1 ? 'pan' : this.now().tool;
		this.rest = 0;
		if (draws(this.tool)) this.marks.onDraw('begin', this.at(e));
	}

	private end(e: PointerEvent, how: 'end' | 'cancel'): void {
		if (this.down.delete(e.pointerId) && draws(this.tool) && this.down.size === 0) this.marks.onDraw(how, this.at(e));
		if (e.pointerType !== 'mouse') this.marks.onCursor(null);
	}

	private move(e: PointerEvent): void {
		const to = this.at(e), from = this.down.get(e.pointerId);
		if (e.pointerType === 'mouse' || from) this.marks.onCursor(to);
		if (!from || this.now().still) return;
		if (this.down.size === 2) this.pinch(e.pointerId, from, to);
		else if (this.down.size === 1 && draws(this.tool)) this.marks.onDraw('move', to);
		else if (this.down.size === 1) this.drag(to[0] - from[0], to[1] - from[1]);
		this.down.set(e.pointerId, to);
	}

	private pinch(id: number, from: Point, to: Point): void {
		const other = [...this.down].find(([key]) => key !== id)?.[1], { state, frame, pane, onChange } = this.now();
		if (!other) return;
		const before = Math.hypot(from[0] - other[0], from[1] - other[1]), after = Math.hypot(to[0] - other[0], to[1] - other[1]), factor = before > 8 ? after / before : 1;
		const moved = movedBy(frame, state, pane, [(to[0] - from[0]) / 2, (to[1] - from[1]) / 2]), middle: Point = [(to[0] + other[0]) / 2, (to[1] + other[1]) / 2];
		onChange(zoomedAt(frame, { ...state, ...moved }, pane, factor, middle) ?? { zoom: zoomed(state.zoom, factor), ...moved });
	}

	private drag(dx: number, dy: number): void {
		const { state, frame, pixels, pane, length, onScroll, onChange } = this.now();
		if (this.tool === 'pan') return onChange(movedBy(frame, state, pane, [dx, dy]));
		if (this.tool === 'zoom') return onChange(zoomedAt(frame, state, pane, Math.exp(-dy / 150), [pane.width / 2, pane.height / 2]) ?? { zoom: zoomed(state.zoom, Math.exp(-dy / 150)) });
		if (this.tool === 'window') {
			if (!frame || !pixels || isColour(pixels)) return;
			const window = windowOf(pixels, frame.info, state), gain = Math.max(window.width, 1) / 250;
			return onChange({ width: Math.max(1, window.width + dx * gain), center: window.center + dy * gain });
		}
		// the whole stack is as long as the pane is high, a long one a little longer
		this.rest += dy * Math.max(1 / 24, Math.min(1, length / pane.height));
		const step = Math.trunc(this.rest);
		this.rest -= step;
		if (step !== 0) onScroll(step);
	}

	private wheel(e: WheelEvent): void {
		e.preventDefault();
		const { state, frame, pane, still, onScroll, onChange } = this.now();
		if (still) return;
		const near = frame?.slide ? zoomedAt(frame, state, pane, Math.exp((-e.deltaY * (e.deltaMode === 0 ? 1 : 33)) / (e.ctrlKey ? 100 : 300)), this.at(e)) : null;
		if (near) return onChange(near);
		if (e.ctrlKey) return onChange({ zoom: zoomed(state.zoom, Math.exp(-e.deltaY / 300)) });
		// a notch of a wheel is one slice; the small steps of a touch pad are put together
		const notch = e.deltaMode !== 0 || Math.abs(e.deltaY) >= 50;
		this.rest = notch ? 0 : this.rest + e.deltaY / 40;
		const step = notch ? Math.sign(e.deltaY) * Math.max(1, Math.round(Math.abs(e.deltaY) / (e.deltaMode === 0 ? 120 : 3))) : Math.trunc(this.rest);
		if (!notch) this.rest -= step;
		if (step !== 0) onScroll(step);
	}
}
