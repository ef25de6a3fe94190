// Which remote pictures are on screen and how large: from that follows the quality asked of the gateway.
import type { Quality } from './types';

interface View {
	track: string;
	visible: boolean;
	height: number;
}

const HIDDEN_GRACE_MS = 4_000;
const CLEARLY = 1.3;

/** Height in device pixels of the place where the picture is shown; layers have 180, 360 and 720 lines. */
export function qualityForHeight(height: number): Quality {
	if (height <= 0) return 'off';
	if (height <= 220) return 'low';
	if (height <= 430) return 'medium';
	return 'high';
}

const ORDER: Quality[] = ['off', 'low', 'medium', 'high'];

export class Views {
	private readonly views = new Map<Element, View>();
	private readonly resize: ResizeObserver | null;
	private readonly intersection: IntersectionObserver | null;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private hidden = false;
	private main: string | null = null;

	constructor(private readonly onChange: () => void) {
		this.resize = typeof ResizeObserver === 'function' ? new ResizeObserver((list) => this.onResize(list)) : null;
		this.intersection =
			typeof IntersectionObserver === 'function' ? new IntersectionObserver((list) => this.onIntersect(list)) : null;
	}

	add(element: Element, track: string): void {
		const height = element.clientHeight || 180;
		this.views.set(element, { track, visible: true, height });
		this.resize?.observe(element);
		this.intersection?.observe(element);
		this.schedule();
	}

	remove(element: Element): void {
		if (!this.views.delete(element)) return;
		this.resize?.unobserve(element);
		this.intersection?.unobserve(element);
		this.schedule();
	}

	/** A page in the background needs no pictures; sound goes on. */
	setHidden(hidden: boolean): void {
		clearTimeout(this.timer);
		if (hidden) {
			this.timer = setTimeout(() => {
				this.hidden = true;
				this.onChange();
			}, HIDDEN_GRACE_MS);
		} else {
			this.hidden = false;
			this.onChange();
		}
	}

	quality(track: string): Quality {
		if (this.hidden) return 'off';
		const ratio = Math.min(2, (typeof devicePixelRatio === 'number' && devicePixelRatio) || 1);
		let best = 0;
		for (const view of this.views.values()) {
			if (view.track !== track || !view.visible) continue;
			best = Math.max(best, ORDER.indexOf(qualityForHeight(view.height * ratio)));
		}
		return ORDER[best] ?? 'off';
	}

	/** The track that is shown clearly larger than any other, or that the page pinned; null: all alike. */
	largest(): string | null {
		if (this.main !== null) return this.main;
		let best: View | null = null;
		let second = 0;
		for (const view of this.views.values()) {
			if (!view.visible || view.track === best?.track) continue;
			if (!best || view.height > best.height) {
				second = best?.height ?? 0;
				best = view;
			} else {
				second = Math.max(second, view.height);
			}
		}
		return best && best.height > second * CLEARLY ? best.track : null;
	}

	setMain(track: string | null): void {
		if (this.main === track) return;
		this.main = track;
		this.schedule();
	}

	stop(): void {
		clearTimeout(this.timer);
		this.resize?.disconnect();
		this.intersection?.disconnect();
		this.views.clear();
	}

	private onResize(list: ResizeObserverEntry[]): void {
		for (const entry of list) {
			const view = this.views.get(entry.target);
			if (view) view.height = entry.contentRect.height;
		}
		this.schedule();
	}

	private onIntersect(list: IntersectionObserverEntry[]): void {
		for (const entry of list) {
			const view = this.views.get(entry.target);
			if (view) view.visible = entry.isIntersecting;
		}
		this.schedule();
	}

	private schedule(): void {
		if (this.hidden) return;
		clearTimeout(this.timer);
		this.timer = setTimeout(this.onChange, 150);
	}
}
