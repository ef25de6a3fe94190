// From samples to the screen: the window in stored values, and the painter without WebGL. The GPU's is screen.ts.
import type { Pixels } from './exact';
import type { View, Size } from './geometry';
import { pixelSize } from './geometry';
import type { ImageInfo, Window } from './image-info';
import { isColour, lookOf, seen } from './shade';
import type { ViewportState } from './state';

/** The window that is shown, in modality units; of a VOI LUT what goes into it. */
export function windowOf(pixels: Pixels, info: ImageInfo, state: Pick<ViewportState, 'center' | 'width'>): Window {
	const { center, width, range } = lookOf(pixels, info, state);
	return range ? { center: center + 0.5, width: width === 1 ? 1 : width + 1 } : { center, width }; // as a LINEAR one is written
}

/** In stored values, where black ends and white begins (PS3.3 C.11.2.1.2); of a sigmoid its centre and width, as Cornerstone takes them. */
export function rangeOf(window: Window, info: ImageInfo): { lower: number; upper: number } {
	if (info.voi === 'SIGMOID') {
		const center = (window.center - info.intercept) / info.slope, width = Math.max(1, window.width / Math.abs(info.slope));
		return { lower: center - width / 2, upper: center + width / 2 - 1 };
	}
	const exact = info.voi === 'LINEAR_EXACT', half = exact ? window.width / 2 : Math.max(0.5, (window.width - 1) / 2), middle = exact ? window.center : window.center - 0.5;
	const a = (middle - half - info.intercept) / info.slope, b = (middle + half - info.intercept) / info.slope;
	return { lower: Math.min(a, b), upper: Math.max(a, b) };
}

export const inverted = (pixels: Pixels, info: ImageInfo, state: ViewportState): boolean =>
	isColour(pixels) ? state.invert : (pixels.photometric === 'MONOCHROME1' || info.inverse === true) !== (state.invert !== info.slope < 0);

/** Colour for the screen (PS3.3 C.7.6.3.1.2). */
export function rgbOf(pixels: Pixels): Uint8Array {
	const from = pixels.data as Uint8Array;
	if (pixels.photometric !== 'YBR_FULL') return from;
	const out = new Uint8ClampedArray(from.length);
	for (let i = 0; i < from.length; i += 3) {
		const y = from[i]!, cb = from[i + 1]! - 128, cr = from[i + 2]! - 128;
		out[i] = y + 1.402 * cr;
		out[i + 1] = y - 0.344136 * cb - 0.714136 * cr;
		out[i + 2] = y + 1.772 * cb;
	}
	return new Uint8Array(out.buffer);
}

/** As it is seen, a pixel a pixel. */
export function picture(pixels: Pixels, info: ImageInfo, state: ViewportState): ImageData {
	const image = new ImageData(pixels.columns, pixels.rows), out = image.data, drawn = pixels.samples === 3 ? pixels : seen(pixels, info, state);
	if (drawn.samples === 3) {
		const rgb = rgbOf(drawn), flip = state.invert ? 255 : 0;
		for (let i = 0, o = 0; i < rgb.length; i += 3, o += 4) {
			for (let c = 0; c < 3; c++) out[o + c] = rgb[i + c]! ^ flip;
			out[o + 3] = 255;
		}
		return image;
	}
	for (let i = 0, o = 0; i < drawn.data.length; i++, o += 4) {
		out[o] = out[o + 1] = out[o + 2] = drawn.data[i]!;
		out[o + 3] = 255;
	}
	return image;
}

/** A canvas over all of the pane, on which one now draws in pixels of the image; null: there is none. */
export function placeOn(canvas: HTMLCanvasElement, info: ImageInfo, view: View, pane: Size): CanvasRenderingContext2D | null {
	const ratio = Math.max(1, devicePixelRatio || 1), [sx, sy] = pixelSize(info), k = ratio / view.unit;
	canvas.width = Math.round(pane.width * ratio);
	canvas.height = Math.round(pane.height * ratio);
	const to = canvas.getContext('2d'), { right: r, up: u, focus: f } = view;
	to?.setTransform(r[0] * sx * k, -u[0] * sx * k, r[1] * sy * k, -u[1] * sy * k,
		canvas.width / 2 - (f[0] * r[0] + f[1] * r[1]) * k, canvas.height / 2 + (f[0] * u[0] + f[1] * u[1]) * k);
	return to;
}

/** Onto a canvas of `pane` CSS pixels. */
export function paint(canvas: HTMLCanvasElement, pixels: Pixels, info: ImageInfo, state: ViewportState, view: View, pane: Size): void {
	const source = document.createElement('canvas');
	source.width = pixels.columns;
	source.height = pixels.rows;
	source.getContext('2d')?.putImageData(picture(pixels, info, state), 0, 0);
	const to = placeOn(canvas, info, view, pane);
	if (!to) return;
	to.imageSmoothingEnabled = view.unit * 2 > pixelSize(info)[0];
	to.drawImage(source, -0.5, -0.5);
	to.setTransform(1, 0, 0, 1, 0, 0);
}
