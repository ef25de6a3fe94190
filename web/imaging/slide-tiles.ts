// The tiles of all slides of a viewer: fetched and decoded by a loader of their own, so that a series beside them does not stop them. Each
// pane says what it sees; what no pane sees any more is not fetched. Bounded: six requests at once, and 160 MiB of decoded tiles.
import type { Pixels } from './exact';
import { Frames, type Frame } from './frames';
import type { ImageInfo } from './image-info';
import { picture } from './paint';
import type { DecoderPool } from './pool';
import { Queue, type Priority } from './queue';
import type { ViewportState } from './state';

const KEPT_BYTES = 160 << 20, WAITING = 1024;

export interface Wanted {
	frame: Frame;
	priority: Priority;
}

export class SlideTiles {
	private readonly frames: Frames;
	private readonly panes = new Map<number, Wanted[]>();
	private readonly drawn = new WeakMap<Pixels, { look: string; canvas: HTMLCanvasElement }>();

	constructor(pool: DecoderPool) {
		this.frames = new Frames(KEPT_BYTES, new Queue(6, WAITING), pool);
	}

	onChange(listener: () => void): () => void {
		return this.frames.onChange(listener);
	}

	get(id: string): ReturnType<Frames['get']> {
		return this.frames.get(id);
	}

	/** What a pane sees now; again: also what had failed. */
	want(pane: number, wanted: Wanted[], again = false): void {
		this.panes.set(pane, wanted);
		const all = [...this.panes.values()].flat();
		this.frames.keep(new Set(all.map((w) => w.frame.id)));
		for (const { frame, priority } of wanted) {
			const { pixels, error } = this.frames.get(frame.id);
			if (!pixels?.exact && (again || !error)) void this.frames.load(frame, priority).catch(() => undefined);
		}
	}

	/** A tile for the screen: made once for each way to look at it. */
	canvasOf(pixels: Pixels, info: ImageInfo, state: ViewportState): HTMLCanvasElement {
		const look = pixels.samples === 3 ? String(state.invert) : [state.invert, state.center, state.width].join(), old = this.drawn.get(pixels);
		if (old?.look === look) return old.canvas;
		const canvas = document.createElement('canvas');
		canvas.width = pixels.columns;
		canvas.height = pixels.rows;
		canvas.getContext('2d')?.putImageData(picture(pixels, info, state), 0, 0);
		this.drawn.set(pixels, { look, canvas });
		return canvas;
	}

	done(): void {
		this.frames.done();
	}
}
