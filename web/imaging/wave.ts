// Waveforms (ECG) as the gateway gives them (media/imaging/wave.h): samples exactly as stored, and what they mean. Everything is checked.
import { ImageError, type ImageErrorCode } from './errors';
import { fetchFrame } from './fetching';

export interface Lead {
	/** I, aVR, V1 where its code or its name says so; else as it is called. */
	name: string;
	/** mV = sample * gain + offset; null: nobody says what a sample is, it is not drawn. */
	gain: number | null;
	offset: number;
	/** Later than the first one's. */
	skew_s: number;
	samples: Int16Array | Int32Array;
}

export interface WaveGroup {
	label: string;
	hz: number;
	samples: number;
	/** This value is no sample. */
	padding: number | null;
	leads: Lead[];
	/** Of its filters, as far as the leads agree: "0.05–150 Hz". */
	filter: string;
}
export type Wave = WaveGroup[];

export const PAGE_S = 10;
const MAX_BYTES = 64 << 20, MAX_SAMPLES = 8 << 20;
const ORDER = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6'];
/** PS3.16 CID 3001: the number is the same in both schemes (MDC 2:61, SCPECG 5.6.3-9-61). */
const BY_NUMBER: Record<string, string> = {
	1: 'I', 2: 'II', 3: 'V1', 4: 'V2', 5: 'V3', 6: 'V4', 7: 'V5', 8: 'V6', 9: 'V7', 10: 'V2R', 11: 'V3R', 12: 'V4R', 13: 'V5R', 14: 'V6R', 15: 'V7R', 16: 'X', 17: 'Y', 18: 'Z',
	61: 'III', 62: 'aVR', 63: 'aVL', 64: 'aVF', 66: 'V8', 67: 'V9', 68: 'V8R', 69: 'V9R',
};
const MILLIVOLTS: Record<string, number> = { uV: 1e-3, 'µV': 1e-3, 'μV': 1e-3, mV: 1, V: 1e3, nV: 1e-6 };

const FAULTS: Record<string, ImageErrorCode> = {
	'no-image': 'not_image', 'not-dicom': 'not_image', unsupported: 'unsupported', 'transfer-syntax': 'unsupported', 'too-big': 'too_big', 'too-many': 'too_big', 'too-deep': 'too_big', attribute: 'disagrees',
};

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const finite = (value: unknown, otherwise: number): number => (typeof value === 'number' && Number.isFinite(value) ? value : otherwise);

/** By its code; by what it is called where that has none that is known. */
export function leadName(code: string, label: string): string {
	const word = /^MDC_ECG_LEAD_(\w+)$/.exec(code)?.[1] ?? /^(?:ECG |Lead )?(I{1,3}|aV[RLF]|V[1-9]R?)$/i.exec(label.trim())?.[1] ?? '';
	const number = /^(?:2:|5\.6\.3-9-)(\d{1,3})$/.exec(code)?.[1];
	if (number !== undefined && BY_NUMBER[number]) return BY_NUMBER[number];
	const known = word.toUpperCase().replace(/^AV/, 'aV');
	return Object.values(BY_NUMBER).includes(known) ? known : label.trim() || code;
}

function samplesOf(base64: string, format: string, count: number): Int16Array | Int32Array {
	let bytes: Uint8Array<ArrayBuffer>;
	try {
		bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
	} catch {
		throw new ImageError('damaged', 'waveform data');
	}
	if (bytes.length !== count * (format === 'int32' ? 4 : 2)) throw new ImageError('disagrees', 'more or fewer samples than it says');
	const view = new DataView(bytes.buffer), out = format === 'int32' ? new Int32Array(count) : new Int16Array(count);
	for (let i = 0; i < count; i++) out[i] = format === 'int32' ? view.getInt32(4 * i, true) : view.getInt16(2 * i, true);
	return out;
}

function leadOf(json: unknown, samples: Int16Array | Int32Array): Lead {
	const c = object(json), unit = MILLIVOLTS[text(c['units'])], sensitivity = finite(c['sensitivity'], 0) * finite(c['correction'], 1);
	const known = unit !== undefined && sensitivity !== 0;
	return {
		name: leadName(text(c['code']), text(c['label'])), gain: known ? sensitivity * unit : null, offset: known ? finite(c['baseline'], 0) * unit : 0,
		skew_s: finite(c['skew_s'], 0), samples,
	};
}

const inOrder = (leads: Lead[]): Lead[] => {
	const place = (lead: Lead) => ORDER.indexOf(lead.name);
	return leads.every((l) => place(l) >= 0) ? [...leads].sort((a, b) => place(a) - place(b)) : leads;
};

function filterOf(channels: Json[]): string {
	const word = (c: Json) => `${finite(c['low_hz'], 0) || '?'}–${finite(c['high_hz'], 0) || '?'} Hz${finite(c['notch_hz'], 0) > 0 ? `, ${finite(c['notch_hz'], 0)} Hz` : ''}`;
	const first = channels[0] ? word(channels[0]) : '';
	return first.startsWith('?–?') || !channels.every((c) => word(c) === first) ? '' : first;
}

function groupOf(json: unknown): WaveGroup {
	const g = object(json), channels = list(g['channels']).map(object), hz = finite(g['hz'], 0), count = finite(g['samples'], 0), format = text(g['format']);
	const good = hz > 0 && Number.isInteger(count) && count > 0 && channels.length > 0 && channels.length * count <= MAX_SAMPLES && (format === 'int16' || format === 'int32');
	if (!good) throw new ImageError('disagrees', 'a waveform that cannot be');
	const all = samplesOf(text(g['data']), format, channels.length * count);
	const leads = channels.map((c, i) => leadOf(c, all.subarray(i * count, (i + 1) * count)));
	return { label: text(g['label']), hz, samples: count, padding: typeof g['padding'] === 'number' ? g['padding'] : null, leads: inOrder(leads), filter: filterOf(channels) };
}

export function parseWave(json: unknown): Wave {
	const { fault, groups } = object(json);
	if (typeof fault === 'string') throw new ImageError(FAULTS[fault] ?? 'damaged', fault);
	if (list(groups).length === 0) throw new ImageError('not_image', 'no waveform');
	return list(groups).map(groupOf);
}

export async function fetchWave(url: string, token: () => string, signal: AbortSignal): Promise<Wave> {
	const { bytes } = await fetchFrame({ url, token, accept: 'application/json' }, { signal, maxBytes: MAX_BYTES });
	try {
		return parseWave(JSON.parse(new TextDecoder().decode(bytes)));
	} catch (error) {
		throw error instanceof SyntaxError ? new ImageError('not_image', 'no JSON') : error;
	}
}

/** Pages of ten seconds, group after group: which one a place in the object is. counts: samples and rate of each group. */
export function pageOf(groups: readonly { samples: number; hz: number }[], index: number): { group: number; from_s: number } | null {
	let left = index;
	for (const [group, g] of groups.entries()) {
		const pages = pagesOf(g);
		if (left < pages) return { group, from_s: left * PAGE_S };
		left -= pages;
	}
	return null;
}
export const pagesOf = (g: { samples: number; hz: number }): number => Math.max(1, Math.ceil(Math.min(g.samples / g.hz, 86_400) / PAGE_S - 1e-6));

/** In mV; null: there is none. */
export function valueOf(lead: Lead, group: WaveGroup, index: number): number | null {
	const raw = lead.samples[index];
	if (raw === undefined || lead.gain === null || raw === group.padding) return null;
	return raw * lead.gain + lead.offset;
}
