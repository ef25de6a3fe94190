// JPEG lossless, process 14 (ISO/IEC 10918-1 annex H): Huffman, 2 to 16 bits, predictors 1 to 7, point transform, restarts,
// 1 to 4 components of the same size. Exact, also for differences of category 16, or an error. No bytes are left out.
import { ImageError } from './errors';
import type { Head } from './sniff';

const bad = (what: string) => new ImageError('damaged', `JPEG lossless: ${what}`);

const FAST = 9;

/** A Huffman table: codes up to FAST bits by look-up (length << 8 | value), the rest by their ranges (F.2.2.3). */
interface Table {
	fast: Uint16Array;
	max: Int32Array; // of a length, -1: none; the largest code
	first: Int32Array; // what to add to a code for its place among the values
	values: Uint8Array;
}

function makeTable(counts: Uint8Array, values: Uint8Array): Table {
	const table: Table = { fast: new Uint16Array(1 << FAST), max: new Int32Array(17).fill(-1), first: new Int32Array(17), values };
	let code = 0, at = 0;
	for (let length = 1; length <= 16; length++, code <<= 1) {
		const n = counts[length - 1]!;
		table.first[length] = at - code;
		if (code + n > 1 << length) throw bad('Huffman table with too many codes');
		for (let i = 0; i < n; i++, at++, code++) {
			if (length > FAST) continue;
			const begin = code << (FAST - length);
			table.fast.fill((length << 8) | values[at]!, begin, begin + (1 << (FAST - length)));
		}
		if (n > 0) table.max[length] = code - 1;
	}
	return table;
}

/** Bits of a scan, without the stuffed bytes; stops at a marker. */
class Bits {
	private hold = 0;
	private have = 0;
	constructor(
		private readonly bytes: Uint8Array,
		public at: number,
	) {}

	private fill(): void {
		while (this.have <= 16) {
			let byte = this.at < this.bytes.length ? this.bytes[this.at]! : -1;
			if (byte === 0xff) {
				if (this.bytes[this.at + 1] === 0) this.at += 2;
				else byte = -1;
			} else if (byte >= 0) this.at++;
			if (byte < 0) return;
			this.hold = ((this.hold << 8) | byte) & 0xffffff;
			this.have += 8;
		}
	}

	take(n: number): number {
		if (this.have < n) this.fill();
		if (this.have < n) throw bad('cut off');
		this.have -= n;
		return (this.hold >>> this.have) & ((1 << n) - 1);
	}

	symbol(table: Table): number {
		if (this.have < 16) this.fill();
		const look = this.have >= FAST ? this.hold >>> (this.have - FAST) : this.hold << (FAST - this.have);
		const quick = table.fast[look & ((1 << FAST) - 1)]!;
		if (quick && quick >> 8 <= this.have) {
			this.have -= quick >> 8;
			return quick & 255;
		}
		let code = 0;
		for (let length = 1; length <= 16; length++) {
			code = (code << 1) | this.take(1);
			if (code <= table.max[length]!) return table.values[code + table.first[length]!]!;
		}
		throw bad('a code that is in no table');
	}

	/** At a restart: the rest of the byte is filled up, then comes RSTn. */
	restart(n: number): void {
		this.have = this.hold = 0;
		while (this.bytes[this.at] === 0xff && this.bytes[this.at + 1] === 0xff) this.at++;
		if (this.bytes[this.at] !== 0xff || this.bytes[this.at + 1] !== 0xd0 + (n & 7)) throw bad('a restart is missing');
		this.at += 2;
	}
}

interface Scan {
	table: Table;
	place: number;
}

class Decoder {
	private readonly tables: (Table | undefined)[] = [];
	private ids: number[] = [];
	private restartEvery = 0;
	private done = 0;
	readonly out: Uint16Array;
	private readonly view: DataView;

	constructor(
		private readonly bytes: Uint8Array,
		private readonly head: Head,
	) {
		this.out = new Uint16Array(head.width * head.height * head.components);
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	}

	run(): Uint16Array {
		let at = 2;
		while (this.done < this.head.components) {
			while (this.bytes[at] === 0xff && this.bytes[at + 1] === 0xff) at++;
			if (at + 4 > this.bytes.length || this.bytes[at] !== 0xff) throw bad('a marker is missing');
			const marker = this.bytes[at + 1]!, length = this.view.getUint16(at + 2), end = at + 2 + length;
			if (length < 2 || end > this.bytes.length) throw bad('a marker cut off');
			if (marker === 0xc3) this.readFrame(at + 4, end);
			else if (marker === 0xc4) this.readTables(at + 4, end);
			else if (marker === 0xdd && length === 4) this.restartEvery = this.view.getUint16(at + 4);
			else if (marker === 0xdc) throw new ImageError('unsupported', 'JPEG with DNL');
			at = marker === 0xda ? this.readScan(at + 4, end) : end;
		}
		return this.out;
	}

	private readFrame(at: number, end: number): void {
		const { components } = this.head;
		if (this.ids.length > 0 || at + 6 + 3 * components > end) throw bad('frame header');
		for (let c = 0; c < components; c++) {
			this.ids.push(this.bytes[at + 6 + 3 * c]!);
			if (components > 1 && this.bytes[at + 7 + 3 * c] !== 0x11) throw new ImageError('unsupported', 'subsampled JPEG lossless');
		}
	}

	private readTables(at: number, end: number): void {
		while (at < end) {
			if (at + 17 > end) throw bad('Huffman table cut off');
			const counts = this.bytes.subarray(at + 1, at + 17), sum = counts.reduce((a, b) => a + b, 0), to = this.bytes[at]! & 15;
			if (this.bytes[at]! > 3 || at + 17 + sum > end) throw bad('Huffman table');
			const values = this.bytes.subarray(at + 17, at + 17 + sum);
			if (values.some((v) => v > 16)) throw bad('a category above 16');
			this.tables[to] = makeTable(counts, values);
			at += 17 + sum;
		}
	}

	private readScan(at: number, end: number): number {
		const n = this.bytes[at]!, scans: Scan[] = [];
		if (n < 1 || at + 4 + 2 * n > end || this.done + n > this.head.components) throw bad('scan header');
		for (let i = 0; i < n; i++) {
			const place = this.ids.indexOf(this.bytes[at + 1 + 2 * i]!), table = this.tables[this.bytes[at + 2 + 2 * i]! >> 4];
			if (place < 0 || !table) throw bad('a scan without its table');
			scans.push({ place, table });
		}
		const predictor = this.bytes[at + 1 + 2 * n]!, low = this.bytes[at + 3 + 2 * n]! & 15;
		if (predictor < 1 || predictor > 7 || low >= this.head.bits) throw bad('predictor');
		const bits = new Bits(this.bytes, end);
		this.decodeScan(bits, scans, predictor, low);
		this.done += n;
		return bits.at;
	}

	private decodeScan(bits: Bits, scans: Scan[], predictor: number, low: number): void {
		const { width, height, components } = this.head, row = width * components, out = this.out;
		const start = 1 << (this.head.bits - low - 1), max = 0xffff;
		if (this.restartEvery % width !== 0) throw bad('a restart within a line');
		let left = this.restartEvery, restarts = 0, top = true;
		for (let y = 0; y < height; y++) {
			if (this.restartEvery > 0 && left === 0) {
				bits.restart(restarts++);
				left = this.restartEvery;
				top = true;
			}
			for (let x = 0; x < width; x++) {
				for (const { place, table } of scans) {
					const i = y * row + x * components + place;
					const category = bits.symbol(table);
					let difference = category === 16 ? 32768 : 0;
					if (category > 0 && category < 16) {
						difference = bits.take(category);
						if (difference < 1 << (category - 1)) difference += 1 - (1 << category);
					}
					const guess = top ? (x === 0 ? start : out[i - components]!) : x === 0 ? out[i - row]! : predict(predictor, out[i - components]!, out[i - row]!, out[i - row - components]!);
					out[i] = (guess + difference) & max;
				}
			}
			left -= width;
			top = false;
		}
		if (low > 0) for (const { place } of scans) for (let i = place; i < out.length; i += components) out[i] = out[i]! << low;
	}
}

// Table H.1: a left, b above, c above left.
function predict(how: number, a: number, b: number, c: number): number {
	switch (how) {
		case 1: return a;
		case 2: return b;
		case 3: return c;
		case 4: return a + b - c;
		case 5: return a + ((b - c) >> 1);
		case 6: return b + ((a - c) >> 1);
		default: return (a + b) >> 1;
	}
}

/** Samples by pixel as the codestream has them, unsigned. */
export function decodeJpegLossless(bytes: Uint8Array, head: Head): Uint16Array {
	if (head.bits < 2 || head.bits > 16 || head.components < 1 || head.components > 4) throw bad('precision');
	const out = new Decoder(bytes, head).run();
	const over = (1 << head.bits) - 1;
	for (let i = 0; i < out.length; i++) if (out[i]! > over) throw bad('a sample beyond its precision');
	return out;
}
