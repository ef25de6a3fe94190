// What a frame's bytes are. The codestream decides, never the transfer syntax: archives mislabel HTJ2K as JPEG 2000.
// ISO/IEC 10918-1 B.2.2 (SOFn), 14495-1 C.2.2 (JPEG-LS), 15444-1 A.5 (SIZ), 15444-15 A.3 (CAP: HTJ2K).
import { ImageError } from './errors';

export type Codec = 'native' | 'rle' | 'jpeg' | 'jpeg-lossless' | 'jpeg-ls' | 'jpeg2000' | 'htj2k';

export interface Head {
	codec: Codec;
	width: number;
	height: number;
	components: number;
	/** Precision of a sample in the codestream. */
	bits: number;
	/** Only JPEG 2000 knows; null: the header's word. */
	signed: boolean | null;
	/** JPEG: the colour transform that markers name: 'jfif', Adobe's number, or nothing. */
	color: 'jfif' | 'none' | 0 | 1 | 2;
	/** JPEG 2000: 1: components were transformed, a decoder gives RGB. */
	mct: boolean;
	/** Where the codestream begins, behind JP2 boxes. */
	offset: number;
	/** JPEG 2000: wavelet levels, and the progression order (15444-1 table A.16; 2: RPCL). */
	levels: number;
	progression: number;
	/** JPEG 2000: the 9-7 wavelet, which is lossy. */
	irreversible?: boolean;
}

const bad = (what: string) => new ImageError('damaged', what);

/** null: no codestream that this viewer knows (uncompressed and RLE frames have no mark). */
export function sniff(bytes: Uint8Array): Head | null {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (bytes.length >= 4 && view.getUint16(0) === 0xffd8) return sniffJpeg(view);
	if (bytes.length >= 4 && view.getUint32(0) === 0xff4fff51) return sniffJ2k(view, 0);
	if (bytes.length >= 12 && view.getUint32(0) === 12 && view.getUint32(4) === 0x6a502020) return sniffBoxes(view);
	return null;
}

// SOF markers that are frames of Huffman-coded DCT, of lossless JPEG and of JPEG-LS; the rest nobody sends.
const SOF: Record<number, Codec> = { 0xc0: 'jpeg', 0xc1: 'jpeg', 0xc2: 'jpeg', 0xc3: 'jpeg-lossless', 0xf7: 'jpeg-ls' };

function sniffJpeg(view: DataView): Head | null {
	let color: Head['color'] = 'none';
	for (let at = 2; at + 4 <= view.byteLength; ) {
		if (view.getUint8(at) !== 0xff) throw bad('JPEG without a frame header');
		const marker = view.getUint8(at + 1);
		if (marker === 0xff) {
			at++;
			continue;
		}
		const length = view.getUint16(at + 2);
		if (length < 2) throw bad('JPEG marker without length');
		const codec = SOF[marker];
		if (codec) {
			if (length < 8 || at + 2 + length > view.byteLength) throw bad('JPEG frame header cut off');
			const components = view.getUint8(at + 9);
			if (length < 8 + 3 * components) throw bad('JPEG frame header too short');
			return {
				codec, bits: view.getUint8(at + 4), height: view.getUint16(at + 5), width: view.getUint16(at + 7),
				components, signed: null, color, mct: false, offset: 0, levels: 0, progression: 0,
			};
		}
		if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
			throw new ImageError('unsupported', `JPEG process SOF${marker - 0xc0}`);
		if (marker === 0xda || marker === 0xd9) throw bad('JPEG without a frame header');
		if (marker === 0xe0 && text(view, at + 4, 4) === 'JFIF' && color === 'none') color = 'jfif';
		if (marker === 0xee && length >= 14 && at + 16 <= view.byteLength && text(view, at + 4, 5) === 'Adobe')
			color = Math.min(2, view.getUint8(at + 15)) as 0 | 1 | 2;
		at += 2 + length;
	}
	throw bad('JPEG without a frame header');
}

/** JPEG and JPEG-LS: the first scan has one component, so each has a scan of its own; CharLS then gives plane behind plane. */
export function scansByPlane(stream: Uint8Array): boolean {
	for (let at = 2; at + 5 <= stream.length; ) {
		if (stream[at] !== 0xff) break;
		const marker = stream[at + 1]!;
		if (marker === 0xda) return stream[at + 4] === 1;
		at += marker === 0xff ? 1 : 2 + ((stream[at + 2]! << 8) | stream[at + 3]!);
	}
	return false;
}

/**
 * The codestream's own word that these are not the samples a detector gave, whatever the header says: DCT, JPEG-LS that is near, lossless
 * JPEG with a point transform, the 9-7 wavelet. 5-3 with layers cut away does not say so.
 */
export function loses(stream: Uint8Array, head: Head): boolean {
	if (head.codec === 'jpeg') return true;
	if (head.codec === 'jpeg2000' || head.codec === 'htj2k') return head.irreversible === true;
	for (let at = 2; at + 5 <= stream.length && stream[at] === 0xff; ) {
		const marker = stream[at + 1]!, parameters = at + 5 + 2 * stream[at + 4]!;
		if (marker === 0xda) return head.codec === 'jpeg-ls' ? (stream[parameters] ?? 0) > 0 : ((stream[parameters + 2] ?? 0) & 15) > 0;
		at += marker === 0xff ? 1 : 2 + ((stream[at + 2]! << 8) | stream[at + 3]!);
	}
	return false;
}

function text(view: DataView, at: number, length: number): string {
	let out = '';
	for (let i = at; i < at + length && i < view.byteLength; i++) out += String.fromCharCode(view.getUint8(i));
	return out;
}

// The codestream inside of JP2 or JPH boxes (15444-1 annex I); in DICOM they should not be there, and are.
function sniffBoxes(view: DataView): Head | null {
	for (let at = 0; at + 8 <= view.byteLength; ) {
		let length = view.getUint32(at), head = 8;
		if (view.getUint32(at + 4) === 0x6a703263) {
			if (length === 1) head = 16;
			if (at + head + 4 > view.byteLength || view.getUint32(at + head) !== 0xff4fff51) throw bad('JP2 without a codestream');
			return sniffJ2k(view, at + head);
		}
		if (length === 1 && at + 16 <= view.byteLength) length = Number(view.getBigUint64(at + 8));
		if (length < 8) throw bad('JP2 box without length');
		at += length;
	}
	throw bad('JP2 without a codestream');
}

function sniffJ2k(view: DataView, offset: number): Head {
	const siz = offset + 4; // Lsiz
	if (siz + 41 > view.byteLength) throw bad('JPEG 2000 header cut off');
	const components = view.getUint16(siz + 36);
	const head: Head = {
		codec: 'jpeg2000', components, bits: 0, signed: false, color: 'none', mct: false, offset, levels: 0, progression: 0,
		width: view.getUint32(siz + 4) - view.getUint32(siz + 12), height: view.getUint32(siz + 8) - view.getUint32(siz + 16),
	};
	if (components < 1 || components > 4 || siz + 38 + 3 * components > view.byteLength)
		throw new ImageError('unsupported', `${components} components`);
	for (let c = 0; c < components; c++) {
		const depth = view.getUint8(siz + 38 + 3 * c);
		if (c > 0 && ((depth & 0x7f) + 1 !== head.bits || depth >= 128 !== head.signed)) throw new ImageError('unsupported', 'components of different depth');
		if (view.getUint16(siz + 39 + 3 * c) !== 0x0101) throw new ImageError('unsupported', 'components of different size');
		head.bits = (depth & 0x7f) + 1;
		head.signed = depth >= 128;
	}
	readMain(view, siz + view.getUint16(siz), head);
	return head;
}

// The main header behind SIZ: CAP makes it HTJ2K, COD says progression, transform and levels.
function readMain(view: DataView, at: number, head: Head): void {
	while (at + 4 <= view.byteLength) {
		const marker = view.getUint16(at), length = view.getUint16(at + 2);
		if (marker === 0xff90 || marker < 0xff00) return; // SOT: the first tile
		if (length < 2) throw bad('JPEG 2000 marker without length');
		if (marker === 0xff50 && at + 8 <= view.byteLength && view.getUint32(at + 4) & 0x00020000) head.codec = 'htj2k';
		if (marker === 0xff52 && at + 10 <= view.byteLength) {
			head.progression = view.getUint8(at + 5);
			head.mct = view.getUint8(at + 8) === 1;
			head.levels = view.getUint8(at + 9);
			head.irreversible = at + 14 <= view.byteLength && view.getUint8(at + 13) === 0;
		}
		at += 2 + length;
	}
}
