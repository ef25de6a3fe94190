// Frames without a codestream of their own: uncompressed (PS3.5 8.1) and RLE (PS3.5 annex G), to samples by pixel.
import { ImageError } from './errors';
import type { PixelInfo } from './image-info';

export type Samples = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array;

/** Bytes of samples as the header says, colour by pixel. */
export const sampleCount = (info: PixelInfo): number => info.rows * info.columns * info.samples;
export const frameBytes = (info: PixelInfo): number => (info.allocated === 1 ? Math.ceil(sampleCount(info) / 8) : sampleCount(info) * (info.allocated / 8));

export function room(info: PixelInfo): Samples {
	const count = sampleCount(info);
	if (info.allocated <= 8) return info.signed ? new Int8Array(count) : new Uint8Array(count);
	if (info.allocated === 32) return info.signed ? new Int32Array(count) : new Uint32Array(count);
	return info.signed ? new Int16Array(count) : new Uint16Array(count);
}

/** Little endian words in, the stored bits of each with their sign out: bits above are no pixels (PS3.5 8.1.1). */
export function fromWords(bytes: Uint8Array, info: PixelInfo): Samples {
	const out = room(info), shift = info.allocated - info.stored;
	if (info.allocated === 32) return fromLongs(bytes, info, out);
	if (info.allocated === 1) {
		for (let i = 0; i < out.length; i++) out[i] = ((bytes[i >> 3] ?? 0) >> (i & 7)) & 1;
		return out;
	}
	if (info.allocated === 8) {
		const mask = 0xff >> shift;
		for (let i = 0; i < out.length; i++) out[i] = info.signed ? ((bytes[i]! << (24 + shift)) >> (24 + shift)) : bytes[i]! & mask;
		return out;
	}
	const low = info.bigEndian ? 1 : 0, high = 1 - low, mask = 0xffff >> shift;
	for (let i = 0; i < out.length; i++) {
		const word = bytes[2 * i + low]! | (bytes[2 * i + high]! << 8);
		out[i] = info.signed ? ((word << (16 + shift)) >> (16 + shift)) : word & mask;
	}
	return out;
}

function fromLongs(bytes: Uint8Array, info: PixelInfo, out: Samples): Samples {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), shift = 32 - info.stored;
	for (let i = 0; i < out.length; i++) {
		const word = view.getUint32(4 * i, !info.bigEndian);
		out[i] = info.signed ? (word << shift) >> shift : (word << shift) >>> shift;
	}
	return out;
}

/** Colour by plane to colour by pixel; bytes of one sample each. */
export function interleave(bytes: Uint8Array, samples: number): Uint8Array {
	const plane = bytes.length / samples, out = new Uint8Array(bytes.length);
	for (let c = 0; c < samples; c++) for (let i = 0, at = c * plane; i < plane; i++) out[i * samples + c] = bytes[at + i]!;
	return out;
}

export function decodeNative(bytes: Uint8Array, info: PixelInfo): Samples {
	const want = frameBytes(info), subsampled = info.photometric === 'YBR_FULL_422' || info.photometric === 'YBR_PARTIAL_422';
	if (subsampled) return decode422(bytes, info);
	if (bytes.length !== want && bytes.length !== want + (want & 1)) throw new ImageError('disagrees', `${bytes.length} bytes instead of ${want}`);
	const frame = bytes.subarray(0, want);
	return fromWords(info.planar && info.samples > 1 ? interleave(frame, info.samples) : frame, info);
}

// Two pixels in Y Y Cb Cr (PS3.3 C.7.6.3.1.2).
function decode422(bytes: Uint8Array, info: PixelInfo): Samples {
	const want = info.rows * info.columns * 2;
	if (info.samples !== 3 || info.columns & 1 || (bytes.length !== want && bytes.length !== want + (want & 1)))
		throw new ImageError('disagrees', `${bytes.length} bytes of ${info.photometric}`);
	const out = room(info);
	for (let i = 0, o = 0; i < want; i += 4, o += 6) {
		out[o] = bytes[i]!;
		out[o + 3] = bytes[i + 1]!;
		out[o + 1] = out[o + 4] = bytes[i + 2]!;
		out[o + 2] = out[o + 5] = bytes[i + 3]!;
	}
	return out;
}

/** True where the first 64 bytes can be the header of RLE segments. */
export function isRle(bytes: Uint8Array, info: PixelInfo): boolean {
	if (bytes.length < 64 || info.allocated === 1) return false;
	const view = new DataView(bytes.buffer, bytes.byteOffset, 64), segments = view.getUint32(0, true);
	if (segments !== info.samples * (info.allocated / 8) || view.getUint32(4, true) !== 64) return false;
	for (let i = 1; i < 15; i++) {
		const offset = view.getUint32(4 + 4 * i, true);
		if (i < segments ? offset <= view.getUint32(4 * i, true) || offset >= bytes.length : offset !== 0) return false;
	}
	return true;
}

// PackBits into every stride-th byte; exactly `count` of them, or the frame is damaged.
function unpack(from: Uint8Array, out: Uint8Array, start: number, stride: number, count: number): void {
	let at = 0, done = 0;
	while (done < count) {
		if (at >= from.length) throw new ImageError('damaged', 'RLE segment cut off');
		const n = from[at++]!;
		if (n === 128) continue;
		const run = n < 128 ? n + 1 : 257 - n, need = n < 128 ? run : 1;
		if (done + run > count || at + need > from.length) throw new ImageError('damaged', 'RLE run out of its segment');
		for (let i = 0; i < run; i++) out[start + stride * (done + i)] = from[n < 128 ? at + i : at]!;
		at += need;
		done += run;
	}
}

export function decodeRle(bytes: Uint8Array, info: PixelInfo): Samples {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), per = info.allocated / 8;
	const segments = info.samples * per, pixels = info.rows * info.columns, out = new Uint8Array(pixels * segments);
	for (let s = 0; s < segments; s++) {
		const begin = view.getUint32(4 + 4 * s, true), end = s + 1 < segments ? view.getUint32(8 + 4 * s, true) : bytes.length;
		// the most significant byte of a sample is in the first of its segments
		const sample = Math.floor(s / per), byte = per - 1 - (s % per);
		unpack(bytes.subarray(begin, end), out, sample * per + byte, segments, pixels);
	}
	return fromWords(out, { ...info, bigEndian: false });
}
