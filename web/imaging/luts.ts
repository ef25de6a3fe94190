// Lookup tables of an image (PS3.3 C.11.1, C.11.2, C.7.6.3.1.5) as the gateway read them (media/imaging/lut.h): the same that the live lane maps
// with. Everything in them is checked; an image whose tables are not to be had is not shown.
import { ImageError, type ImageErrorCode } from './errors';
import { fetchFrame } from './fetching';
import type { Frame } from './frames';
import type { ImageInfo } from './image-info';
import type { Priority, Queue } from './queue';

export interface Lut {
	/** The value that its first entry is of: all below take that one, and all above the last the last. */
	first: number;
	/** Of an entry. */
	bits: number;
	data: Uint16Array;
}
export interface Luts {
	modality: Lut | null;
	voi: Lut[];
	palette: [Lut, Lut, Lut] | null;
}

export const lutAt = ({ data, first }: Lut, value: number): number => data[Math.max(0, Math.min(data.length - 1, Math.floor(value + 0.5) - first))]!;

/** Nothing of it can be shown without its tables. A VOI LUT beside a window is not asked for. */
export const needsLuts = (info: ImageInfo): boolean => info.palette || info.modalityLut === true || ((info.voiLuts ?? 0) > 0 && info.windows.length === 0);

const MAX_BYTES = 2 << 20, MAX_VOI = 4;
const FAULTS: Record<string, ImageErrorCode> = { unsupported: 'unsupported', 'transfer-syntax': 'unsupported', 'too-big': 'too_big', 'too-many': 'too_big', attribute: 'tables' };

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const lies = (what: string) => new ImageError('tables', what);

function lutOf(json: unknown, what: string): Lut {
	const { first, bits, entries, data } = object(json), whole = (value: unknown, least: number, most: number): value is number => Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
	if (!whole(first, -32768, 65535) || !whole(bits, 1, 16) || !whole(entries, 1, 65536) || typeof data !== 'string') throw lies(what);
	let bytes: string;
	try {
		bytes = atob(data);
	} catch {
		throw lies(`${what}: data`);
	}
	if (bytes.length !== entries * 2) throw lies(`${what}: ${bytes.length} bytes for ${entries} entries`);
	const words = Uint16Array.from({ length: entries }, (_, i) => bytes.charCodeAt(2 * i) | (bytes.charCodeAt(2 * i + 1) << 8));
	if (words.some((w) => w >>> bits !== 0)) throw lies(`${what}: an entry of more than ${bits} bits`);
	return { first, bits, data: words };
}

/** info: of any frame of this object. What its header promises must be there. */
export function parseLuts(json: unknown, info: ImageInfo): Luts {
	const { fault, instance, modality, voi, palette } = object(json);
	if (typeof fault === 'string') throw new ImageError(FAULTS[fault] ?? 'damaged', `lookup tables: ${fault}`);
	if (instance !== info.instance) throw new ImageError('disagrees', 'lookup tables of another image');
	const luts: Luts = { modality: modality === undefined ? null : lutOf(modality, 'modality LUT'), voi: (Array.isArray(voi) ? voi.slice(0, MAX_VOI) : []).map((v) => lutOf(v, 'VOI LUT')), palette: null };
	if (Array.isArray(palette)) luts.palette = [lutOf(palette[0], 'palette, red'), lutOf(palette[1], 'palette, green'), lutOf(palette[2], 'palette, blue')];
	if (info.palette !== (luts.palette !== null)) throw lies('palette incomplete');
	if ((info.modalityLut === true) !== (luts.modality !== null)) throw lies('modality LUT incomplete');
	if (luts.voi.length !== Math.min(info.voiLuts ?? 0, MAX_VOI)) throw lies('VOI LUT incomplete');
	return luts;
}

/** Where the tables of a frame's object are. */
export const lutsUrl = (frame: Frame): string => frame.source.url.replace(/\/frames\/\d+$/, '/luts');

async function fetchLuts(frame: Frame, signal: AbortSignal): Promise<Luts> {
	const { bytes } = await fetchFrame({ url: lutsUrl(frame), token: frame.source.token, accept: 'application/json' }, { signal, maxBytes: MAX_BYTES });
	try {
		return parseLuts(JSON.parse(new TextDecoder().decode(bytes)), frame.info);
	} catch (error) {
		throw error instanceof SyntaxError ? new ImageError('not_image', 'lookup tables: no JSON') : error;
	}
}

const KEPT = 32;

/** Each object's are fetched once, whichever of its frames asks; the last ones are kept. What failed is tried again by who asks again. */
export class LutStore {
	private readonly held = new Map<string, Promise<Luts>>();

	constructor(private readonly queue: Queue) {}

	async of(frame: Frame, priority: Priority, signal: AbortSignal): Promise<Luts> {
		for (const url = lutsUrl(frame); ; ) {
			const there = this.held.get(url), asked = there ?? this.queue.add(priority, signal, () => fetchLuts(frame, signal));
			this.held.delete(url);
			this.held.set(url, asked); // the latest at the end
			for (const old of this.held.keys()) if (this.held.size > KEPT) this.held.delete(old);
			try {
				return await asked;
			} catch (error) {
				if (this.held.get(url) === asked) this.held.delete(url);
				// who asked first has moved on: that is his affair
				if (!there || signal.aborted || !(error instanceof ImageError) || error.code !== 'cancelled') throw error;
			}
		}
	}
}
