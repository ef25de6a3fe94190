// What a sample looks like, by the same steps as the live lane (media/imaging/render.c): modality LUT or rescale, window or VOI LUT, inversion;
// padding is black whatever the window makes of it; palettes are colour. tests/lib/looks.json holds both against PS3.3. Pure.
import type { Pixels } from './exact';
import type { ImageInfo, Window } from './image-info';
import { lutAt, type Lut } from './luts';
import type { ViewportState } from './state';

type Wish = Pick<ViewportState, 'center' | 'width'>;

/** How values behind the modality become greys. */
export interface Look extends Window {
	/** Through this, and no window. */
	lut: Lut | null;
	voi: ImageInfo['voi'];
	/** Of the image's least and greatest value: nobody has said a window. */
	range: boolean;
}

export const isColour = (pixels: Pixels): boolean => pixels.samples === 3 || pixels.photometric === 'PALETTE COLOR';

const isPadding = ({ padding }: ImageInfo, sample: number): boolean => padding !== undefined && sample >= padding[0] && sample <= padding[1];

/** What a sample means: Hounsfield units and the like. */
export function modalityOf({ luts }: Pixels, info: ImageInfo): (sample: number) => number {
	const lut = luts?.modality;
	return lut ? (sample) => lutAt(lut, sample) : (sample) => sample * info.slope + info.intercept;
}

const extremes = new WeakMap<Pixels, [number, number]>();
/** Of the samples that are no padding. */
function extremesOf(pixels: Pixels, info: ImageInfo): [number, number] {
	const known = extremes.get(pixels);
	if (known) return known;
	let least = Infinity, most = -Infinity;
	const [from, to] = info.padding ?? [Infinity, -Infinity]; // no pixels of the patient
	for (const v of pixels.data) {
		if (v >= from && v <= to) continue;
		if (v < least) least = v;
		if (v > most) most = v;
	}
	const found: [number, number] = least > most ? [0, 0] : [least, most];
	extremes.set(pixels, found);
	return found;
}

function rangeLook(pixels: Pixels, info: ImageInfo): Look {
	const [least, most] = extremesOf(pixels, info), value = modalityOf(pixels, info), a = value(least), b = value(most), low = Math.min(a, b), high = Math.max(a, b);
	return { lut: null, voi: 'LINEAR_EXACT', range: true, ...(high > low ? { center: (low + high) / 2, width: high - low } : { center: low, width: 1 }) };
}

/** What is shown: the reader's window, the image's, its VOI LUT, or from its least to its greatest value. */
export function lookOf(pixels: Pixels, info: ImageInfo, wish: Wish): Look {
	const { voi } = info, own = info.windows[0], lut = pixels.luts?.voi[0];
	if (wish.center !== null && wish.width !== null) return { lut: null, voi, range: false, center: wish.center, width: Math.max(wish.width, voi === 'LINEAR' ? 1 : 1e-6) };
	if (own) return { lut: null, voi, range: false, ...own };
	if (lut) return { lut, voi, range: false, center: lut.first + lut.data.length / 2, width: lut.data.length };
	return rangeLook(pixels, info);
}

/** PS3.3 C.11.2.1.2, C.11.2.1.3: onto 0 to 255, unrounded. */
export function voiOf({ voi, center: c, width: w, lut }: Look): (value: number) => number {
	if (lut) return (value) => (lutAt(lut, value) * 255) / (2 ** lut.bits - 1);
	if (voi === 'SIGMOID') return (value) => 255 / (1 + Math.exp((-4 * (value - c)) / w));
	const center = voi === 'LINEAR' ? c - 0.5 : c, width = voi === 'LINEAR' ? w - 1 : w;
	return (value) => (value <= center - width / 2 ? 0 : value > center + width / 2 ? 255 : ((value - center) / width + 0.5) * 255);
}

const turns = (pixels: Pixels, info: ImageInfo, state: ViewportState): boolean => (pixels.photometric === 'MONOCHROME1' || info.inverse === true) !== state.invert;

/** From a sample to its grey, 0 to 255. */
export function greyOf(pixels: Pixels, info: ImageInfo, state: ViewportState): (sample: number) => number {
	const modality = modalityOf(pixels, info), voi = voiOf(lookOf(pixels, info, state)), invert = turns(pixels, info, state);
	return (sample) => {
		if (isPadding(info, sample)) return 0;
		const out = voi(modality(sample)), level = Math.floor(Math.max(0, Math.min(255, out)) + 0.5);
		return invert ? 255 - level : level;
	};
}

/** Each sample's grey: values of up to 16 bits through a table of all of them. */
function greys(pixels: Pixels, info: ImageInfo, state: ViewportState): Uint8Array {
	const { data } = pixels, grey = greyOf(pixels, info, state), out = new Uint8Array(data.length), wide = data.BYTES_PER_ELEMENT === 2;
	if (data.BYTES_PER_ELEMENT === 4) {
		for (let i = 0; i < out.length; i++) out[i] = grey(data[i]!);
		return out;
	}
	const signed = data instanceof Int8Array || data instanceof Int16Array, count = wide ? 65536 : 256, from = signed ? count / 2 : 0;
	const table = Uint8Array.from({ length: count }, (_, i) => grey(i - from));
	for (let i = 0; i < out.length; i++) out[i] = table[data[i]! + from]!;
	return out;
}

/** 8 bits of red, green and blue a sample; of fewer or more bits the upper ones. */
function colours({ data, luts }: Pixels): Uint8Array {
	const out = new Uint8Array(data.length * 3);
	for (const [c, lut] of (luts?.palette ?? []).entries()) {
		const bytes = Uint8Array.from(lut.data, (v) => (lut.bits > 8 ? v >>> (lut.bits - 8) : v << (8 - lut.bits))), last = bytes.length - 1;
		for (let i = 0; i < data.length; i++) out[3 * i + c] = bytes[Math.max(0, Math.min(last, data[i]! - lut.first))]!;
	}
	return out;
}

const padded = new WeakMap<Pixels, boolean>();
function hasPadding(pixels: Pixels, info: ImageInfo): boolean {
	const known = padded.get(pixels) ?? (info.padding !== undefined && pixels.data.some((v) => isPadding(info, v)));
	padded.set(pixels, known);
	return known;
}

/** Padding is there, and the window alone would not make it black. */
function paddingShows(pixels: Pixels, info: ImageInfo, state: ViewportState): boolean {
	if (!info.padding || !hasPadding(pixels, info)) return false;
	const { padding, ...bare } = info, grey = greyOf(pixels, bare, state);
	return padding.some((v) => grey(v) !== 0); // a window never turns back between
}

/** As it is seen: 8 bits of grey, inverted where it is, or RGB of a palette, which is not. */
export const seen = (pixels: Pixels, info: ImageInfo, state: ViewportState): Pixels =>
	pixels.photometric === 'PALETTE COLOR' ? { ...pixels, samples: 3, photometric: 'RGB', data: colours(pixels) } : { ...pixels, photometric: 'MONOCHROME2', data: greys(pixels, info, state) };

/** For who applies windows, and nothing else, himself: what he cannot do comes as it is seen; null: he can. The last one is kept. */
export class Seen {
	private last: { pixels: Pixels; key: string; made: Pixels } | null = null;

	of(pixels: Pixels, info: ImageInfo, state: ViewportState): Pixels | null {
		const palette = pixels.photometric === 'PALETTE COLOR', window = !palette && pixels.samples === 1;
		if (!palette && !(window && (pixels.luts || pixels.data.BYTES_PER_ELEMENT === 4 || paddingShows(pixels, info, state)))) return null;
		const key = palette ? '' : [state.center, state.width, state.invert].join();
		if (this.last?.pixels !== pixels || this.last.key !== key) this.last = { pixels, key, made: seen(pixels, info, state) };
		return this.last.made;
	}
}
