// One frame from its bytes to samples. Runs in a worker. Wasm libraries: OpenJPH (HTJ2K), OpenJPEG (JPEG 2000), CharLS
// (JPEG-LS), libjpeg-turbo (8-bit DCT); JPEG lossless, RLE and uncompressed are ours. A library that throws is started
// anew: its memory is not trusted any more.
import charlsUrl from '@cornerstonejs/codec-charls/decodewasm?url';
import openjpegUrl from '@cornerstonejs/codec-openjpeg/decodewasm?url';
import openjphUrl from '@cornerstonejs/codec-openjph/wasm?url';
import turboUrl from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm?url';
import { checkJ2kEnd, checkJpegEnd } from './complete';
import { ImageError } from './errors';
import { checkHead, fromDecoded, type Decoded, type Pixels } from './exact';
import type { PixelInfo } from './image-info';
import { decodeJpegLossless } from './jpeg-lossless';
import { decodeNative, decodeRle, isRle } from './native';
import { loses, scansByPlane, sniff, type Codec, type Head } from './sniff';

interface FrameInfo {
	width: number;
	height: number;
	bitsPerSample: number;
	componentCount: number;
	isSigned?: boolean;
}
interface WasmDecoder {
	getEncodedBuffer(bytes: number): Uint8Array;
	getDecodedBuffer(): Uint8Array;
	getFrameInfo(): FrameInfo;
	decode(): void;
	decodeSubResolution?(level: number): void;
	readHeader?(): void;
	delete(): void;
}
interface WasmModule {
	[name: string]: unknown;
	getExceptionMessage?: (pointer: number) => string | [string, string];
}
type Factory = (options: { locateFile: () => string; print: () => void; printErr: () => void }) => Promise<WasmModule>;

interface Library {
	decoder: string;
	wasm: string;
	load: () => Promise<unknown>;
	ready?: Promise<WasmModule>;
}
const library = (decoder: string, wasm: string, load: () => Promise<unknown>): Library => ({ decoder, wasm, load });

const OPENJPH = library('HTJ2KDecoder', openjphUrl, () => import('@cornerstonejs/codec-openjph'));
const OPENJPEG = library('J2KDecoder', openjpegUrl, () => import('@cornerstonejs/codec-openjpeg/decodewasmjs'));
const LIBRARIES: Partial<Record<Codec, Library>> = {
	htj2k: OPENJPH,
	jpeg2000: OPENJPEG,
	'jpeg-ls': library('JpegLSDecoder', charlsUrl, () => import('@cornerstonejs/codec-charls/decodewasmjs')),
	jpeg: library('JPEGDecoder', turboUrl, () => import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs')),
};

async function start(of: Library): Promise<WasmModule> {
	let found = await of.load();
	// CommonJS wrapped once or twice, as the bundler pleases
	while (typeof found === 'object' && found !== null && 'default' in found) found = (found as { default: unknown }).default;
	return (found as Factory)({ locateFile: () => of.wasm, print: () => undefined, printErr: () => undefined });
}

function messageOf(module: WasmModule, error: unknown): string {
	if (typeof error !== 'number') return error instanceof Error ? error.message : String(error);
	const said = module.getExceptionMessage?.(error);
	return (Array.isArray(said) ? said.join(' ') : said) ?? `exception ${error}`;
}

/** HTJ2K's library, before a frame needs it: it comes while the series is asked for. */
export function warmUp(): void {
	OPENJPH.ready ??= start(OPENJPH);
	OPENJPH.ready.catch(() => (OPENJPH.ready = undefined)); // the frame that needs it tries again
}

/** Runs the library over the codestream. level: wavelet levels to leave out. */
async function runWasm(of: Library, stream: Uint8Array, level: number): Promise<Decoded> {
	of.ready ??= start(of);
	const module = await of.ready;
	let decoder: WasmDecoder | undefined;
	try {
		decoder = new (module[of.decoder] as new () => WasmDecoder)();
		decoder.getEncodedBuffer(stream.length).set(stream);
		if (level > 0 && decoder.decodeSubResolution) decoder.decodeSubResolution(level);
		else decoder.decode();
		const info = decoder.getFrameInfo(), bytes = decoder.getDecodedBuffer().slice();
		const made: Decoded = { width: info.width, height: info.height, components: info.componentCount, bits: info.bitsPerSample, bytes };
		decoder.delete();
		return made;
	} catch (error) {
		of.ready = undefined;
		throw error instanceof ImageError ? error : new ImageError('damaged', messageOf(module, error));
	}
}

// Says to libjpeg-turbo that components are RGB: it takes three without a marker for YCbCr. The header knows better only
// where no marker speaks.
function withAdobe(stream: Uint8Array): Uint8Array {
	const marker = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0];
	const out = new Uint8Array(stream.length + marker.length);
	out.set(stream.subarray(0, 2));
	out.set(marker, 2);
	out.set(stream.subarray(2), 2 + marker.length);
	return out;
}

// Both JPEG 2000 wrappers make 0 of what is below 0 in 8 bits. Told that samples are unsigned, a decoder leaves out nothing:
// the level shift of unsigned samples (15444-1 G.1) moves them up by half of their range, and here they come down again.
async function runSigned(of: Library, stream: Uint8Array, head: Head): Promise<Decoded> {
	const told = stream.slice();
	for (let c = 0; c < head.components; c++) told[42 + 3 * c]! &= 0x7f; // Ssiz
	const made = await runWasm(of, told, 0), half = 1 << (head.bits - 1), mask = 2 * half - 1;
	for (let i = 0; i < made.bytes.length; i++) made.bytes[i] = (made.bytes[i]! - half) & mask;
	return made;
}

async function decodeStream(bytes: Uint8Array, head: Head, info: PixelInfo): Promise<Pixels> {
	checkHead(head, info);
	const of = LIBRARIES[head.codec];
	let stream = bytes.subarray(head.offset);
	if (head.codec === 'jpeg-lossless') {
		const samples = decodeJpegLossless(stream, head), wide = head.bits > 8;
		const words = wide ? new Uint8Array(samples.buffer) : Uint8Array.from(samples);
		return fromDecoded({ width: head.width, height: head.height, components: head.components, bits: head.bits, bytes: words }, head, info);
	}
	if (!of) throw new ImageError('unsupported', head.codec);
	if (head.codec === 'jpeg') {
		if (head.bits !== 8) throw new ImageError('unsupported', `JPEG of ${head.bits} bits`);
		checkJpegEnd(stream);
		if (head.components === 3 && head.color === 'none' && info.photometric === 'RGB') stream = withAdobe(stream);
	}
	const j2k = head.codec === 'jpeg2000' || head.codec === 'htj2k';
	if (j2k) checkJ2kEnd(stream);
	const made = j2k && head.signed && head.bits <= 8 ? await runSigned(of, stream, head) : await runWasm(of, stream, 0);
	if (head.codec === 'jpeg-ls' && head.components > 1) made.byPlane = scansByPlane(stream);
	return fromDecoded(made, head, info);
}

/** All of a frame. Exact, or an ImageError. */
export async function decode(bytes: Uint8Array, type: string, info: PixelInfo): Promise<Pixels> {
	const rest = { rows: info.rows, columns: info.columns, samples: info.samples, exact: true };
	const head = sniffed(bytes, type, info);
	if (head) return { ...(await decodeStream(bytes, head, info)), lossy: loses(bytes.subarray(head.offset), head) };
	const photometric = info.photometric.startsWith('YBR') ? 'YBR_FULL' : info.photometric;
	const rle = isRle(bytes, info) && (type.startsWith('image/dicom-rle') || !couldBeNative(bytes, info));
	return { ...rest, photometric, data: rle ? decodeRle(bytes, info) : decodeNative(bytes, info) };
}

const couldBeNative = (bytes: Uint8Array, info: PixelInfo): boolean => {
	try {
		return decodeNative(bytes, info).length > 0;
	} catch {
		return false;
	}
};

// Uncompressed pixels that begin like a codestream: of the right length and called octets, they are pixels.
function sniffed(bytes: Uint8Array, type: string, info: PixelInfo): Head | null {
	if (type.startsWith('application/octet-stream') && couldBeNative(bytes, info)) return null;
	return sniff(bytes);
}

/** A coarse image from the beginning of an HTJ2K codestream, enlarged; null: nothing can be made of it yet. */
export async function decodeCoarse(bytes: Uint8Array, total: number, info: PixelInfo, known = 0): Promise<Pixels | null> {
	const head = sniff(bytes);
	if (!head || head.codec !== 'htj2k' || head.levels === 0 || (head.signed && head.bits <= 8)) return null;
	checkHead(head, info);
	const level = known > 0 ? Math.min(known, head.levels) : coarseLevel(bytes.length, total, head.levels), stream = bytes.subarray(head.offset);
	const made = await runWasm(OPENJPH, stream, level).catch(() => null);
	return made ? enlarge(made, level, head, info) : null;
}

// How many levels to leave out when so much of it is there: each level is about a third of what is below and of itself.
export function coarseLevel(have: number, total: number, levels: number): number {
	const share = total > 0 ? have / total : 0;
	return Math.min(levels, Math.max(1, share <= 0 ? levels : Math.ceil(Math.log(1 / share) / Math.log(3.2))));
}

// A row, each of its pixels 2^level times.
function spread(from: Pixels['data'], to: Pixels['data'], level: number, n: number): void {
	if (n === 1) {
		for (let x = 0; x < to.length; x++) to[x] = from[x >> level]!;
		return;
	}
	for (let x = 0, at = 0; at < to.length; x++, at += n) {
		const source = (x >> level) * n;
		for (let c = 0; c < n; c++) to[at + c] = from[source + c]!;
	}
}

function enlarge(made: Decoded, level: number, head: Head, info: PixelInfo): Pixels | null {
	const scale = 2 ** level, wide = head.bits > 8, n = info.samples;
	if (made.components !== n || made.bits !== head.bits) return null;
	// what the library calls its size differs between versions: the bytes tell
	const width = Math.ceil(info.columns / scale), height = Math.ceil(info.rows / scale);
	if (made.bytes.length !== width * height * n * (wide ? 2 : 1)) return null;
	const small = fromDecoded({ ...made, width, height }, { ...head, width, height }, { ...info, columns: width, rows: height });
	const data = new (small.data.constructor as new (count: number) => Pixels['data'])(info.rows * info.columns * n);
	const stride = info.columns * n;
	for (let y = 0, to = 0; y < info.rows; y++, to += stride) {
		if (y % scale > 0) data.copyWithin(to, to - stride, to);
		else spread(small.data.subarray((y >> level) * width * n), data.subarray(to, to + stride), level, n);
	}
	return { ...small, rows: info.rows, columns: info.columns, data, exact: false };
}
