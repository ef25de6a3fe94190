// From what a decoder gave to the samples that the archive's frame has, or an error; nothing in between. Every decoder's
// answer is held against the header: a picture of other size, depth or number of components is no picture.
import { ImageError } from './errors';
import type { PixelInfo } from './image-info';
import type { Luts } from './luts';
import { fromWords, interleave, sampleCount, type Samples } from './native';
import type { Head } from './sniff';

/** What a frame shows when it is all there. */
export interface Pixels {
	rows: number;
	columns: number;
	samples: number;
	/** How the samples are to be read: a decoder of colour gives RGB whatever the header said. */
	photometric: string;
	data: Samples;
	/** false: a coarse stage of the codestream, enlarged; not the archive's pixels yet. */
	exact: boolean;
	/** What the samples go through on their way to the screen, where the image needs that. */
	luts?: Luts;
	/** The codestream says of itself that it lost something, whatever the header says. */
	lossy?: boolean;
}

export const MAX_FRAME_BYTES = 512 * 1024 * 1024;

/** Before anything is decoded: what the codestream promises is what the header promises. */
export function checkHead(head: Head, info: PixelInfo): void {
	const differ = (what: string, has: unknown, says: unknown) => new ImageError('disagrees', `${what} ${String(has)} in the codestream, ${String(says)} in the header`);
	if (head.width !== info.columns) throw differ('columns', head.width, info.columns);
	if (head.height !== info.rows) throw differ('rows', head.height, info.rows);
	if (head.components !== info.samples) throw differ('components', head.components, info.samples);
	if (head.bits > 16) throw new ImageError('unsupported', `${head.bits} bits in a codestream`);
	if (head.bits < info.stored || head.bits > info.allocated) throw differ('bits', head.bits, info.stored);
	if (head.signed !== null && head.signed !== info.signed) throw differ('sign', head.signed, info.signed);
	if (sampleCount(info) * 2 > MAX_FRAME_BYTES) throw new ImageError('too_big', `${info.columns} x ${info.rows}`);
}

/** What a decoder says that it made. */
export interface Decoded {
	width: number;
	height: number;
	components: number;
	bits: number;
	/** Little endian words, by pixel. */
	bytes: Uint8Array;
	byPlane?: boolean;
}

export function fromDecoded(made: Decoded, head: Head, info: PixelInfo): Pixels {
	const wide = head.bits > 8, count = sampleCount(info);
	if (made.width !== info.columns || made.height !== info.rows || made.components !== info.samples || made.bits !== head.bits)
		throw new ImageError('disagrees', `decoded to ${made.width} x ${made.height} x ${made.components} of ${made.bits} bits`);
	if (made.bytes.length !== count * (wide ? 2 : 1)) throw new ImageError('disagrees', `decoded to ${made.bytes.length} bytes`);
	const bytes = made.byPlane && !wide ? interleave(made.bytes, info.samples) : made.bytes;
	checkRange(bytes, head, info);
	const words = { ...info, planar: false, bigEndian: false, allocated: wide ? 16 : 8 };
	const data = fromWords(bytes, words);
	return { rows: info.rows, columns: info.columns, samples: info.samples, photometric: decodedPhotometric(head, info), data: widen(data, info), exact: true };
}

// A codestream of 16 bits for an image of 12: the upper ones repeat the sign, else pixels would be cut. One that does not know
// signs may also have the stored bits alone; in one that does, 2048 is not -2048.
function checkRange(bytes: Uint8Array, head: Head, info: PixelInfo): void {
	if (head.bits === info.stored) return;
	const words = head.bits > 8 ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1) : bytes;
	const top = 32 - info.stored, mask = head.bits > 8 ? 0xffff : 0xff, held = mask >>> ((head.bits > 8 ? 16 : 8) - head.bits);
	for (let i = 0; i < words.length; i++) {
		const word = words[i]! & held, kept = info.signed ? (((word << top) >> top) & held) : (word << top) >>> top;
		if (kept !== word && (head.signed === true || word >>> info.stored !== 0)) throw new ImageError('disagrees', `a sample of more than ${info.stored} bits`);
	}
}

// 8 bits stored in words of 16, or either in words of 32: the archive's frame has words.
function widen(data: Samples, info: PixelInfo): Samples {
	if (info.allocated === 32) return info.signed ? Int32Array.from(data) : Uint32Array.from(data);
	if (info.allocated !== 16 || data.BYTES_PER_ELEMENT === 2) return data;
	return info.signed ? Int16Array.from(data) : Uint16Array.from(data);
}

function decodedPhotometric(head: Head, info: PixelInfo): string {
	if (info.samples !== 3) return info.photometric;
	if (head.codec === 'jpeg') return 'RGB'; // libjpeg-turbo has undone YCbCr
	if (head.codec === 'jpeg2000' || head.codec === 'htj2k') return head.mct ? 'RGB' : info.photometric.startsWith('YBR_FULL') ? 'YBR_FULL' : 'RGB';
	return info.photometric.startsWith('YBR') ? 'YBR_FULL' : info.photometric;
}

/** SHA-256 over the samples as the viewer holds them, little endian, by pixel: equal to the archive's uncompressed frame. */
export async function hashOf(pixels: Pixels): Promise<string> {
	const { data } = pixels, bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
	const digest = await crypto.subtle.digest('SHA-256', bytes);
	return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join('');
}
