// Mouse, pen, fingers and wheel on a pane. Left or one finger: the chosen tool; right: zoom; middle: pan; two fingers:
// pinch and pan; wheel: scroll, with Ctrl zoom.
import type { Pixels } from './exact';
import type { Frame } from './frames';
import type { Point, Size } from './geometry';
import { windowOf } from './paint';
import type { ViewportState } from './state';

export type Tool = 'scroll' | 'window' | 'zoom' | 'pan';

interface Now {
	state: ViewportState;
	frame: Frame | null;
	pixels: Pixels | null;
	tool: Tool;
	pane: Size;
	length: number;
	onScroll: (step: number) => void;
	onChange: (change: Partial<ViewportState>) => void;
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
		private readonly onCursor: (at: Point | null) => void,
	) {
		const { signal } = this.off, on = <K extends keyof HTMLElementEventMap>(name: K, f: (e: HTMLElementEventMap[K]) => void) => element.addEventListener(name, f, { signal, passive: false });
		on('pointerdown', (e) => this.begin(e));
		on('pointermove', (e) => this.move(e));
		on('pointerup', (e) => this.end(e));
		on('pointercancel', (e) => this.end(e));
		on('pointerleave', () => onCursor(null));
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
		if ((e.target as Element).closest('button')) return;
		e.preventDefault();
		this.element.setPointerCapture(e.pointerId);
		this.down.set(e.pointerId, this.at(e));
		this.tool = e.button === 2 ? 'zoom' : e.button === 1 ? 'pan' : this.now().tool;
		this.rest = 0;
	}

	private end(e: PointerEvent): void {
		this.down.delete(e.pointerId);
	}

	private move(e: PointerEvent): void {
		const to = this.at(e), from = this.down.get(e.pointerId);
		if (e.pointerType === 'mouse' || from) this.onCursor(to);
		if (!from) return;
		if (this.down.size === 2) this.pinch(e.pointerId, from, to);
		else if (this.down.size === 1) this.drag(to[0] - from[0], to[1] - from[1]);
		this.down.set(e.pointerId, to);
	}

	private pinch(id: number, from: Point, to: Point): void {
		const other = [...this.down].find(([key]) => key !== id)?.[1], { state, pane, onChange } = this.now();
		if (!other) return;
		const before = Math.hypot(from[0] - other[0], from[1] - other[1]), after = Math.hypot(to[0] - other[0], to[1] - other[1]);
		onChange({
			zoom: zoomed(state.zoom, before > 8 ? after / before : 1),
			pan_x: state.pan_x + (to[0] - from[0]) / 2 / pane.width, pan_y: state.pan_y + (to[1] - from[1]) / 2 / pane.height,
		});
	}

	private drag(dx: number, dy: number): void {
		const { state, frame, pixels, pane, length, onScroll, onChange } = this.now();
		if (this.tool === 'pan') return onChange({ pan_x: state.pan_x + dx / pane.width, pan_y: state.pan_y + dy / pane.height });
		if (this.tool === 'zoom') return onChange({ zoom: zoomed(state.zoom, Math.exp(-dy / 150)) });
		if (this.tool === 'window') {
			if (!frame || !pixels || pixels.samples !== 1) return;
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
		const { state, onScroll, onChange } = this.now();
		if (e.ctrlKey) return onChange({ zoom: zoomed(state.zoom, Math.exp(-e.deltaY / 300)) });
		this.rest += e.deltaMode === 0 ? e.deltaY / 60 : e.deltaY;
		const step = Math.abs(this.rest) < 1 && Math.abs(e.deltaY) >= 50 ? Math.sign(e.deltaY) : Math.trunc(this.rest);
		this.rest = Math.abs(this.rest) < 1 ? this.rest : this.rest - step;
		if (step !== 0) onScroll(step);
	}
}
