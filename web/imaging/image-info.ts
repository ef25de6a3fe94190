// What the header says about a frame: DICOM JSON (PS3.18 F) to the few things that a viewer needs. Everything in it is
// the archive's word and is checked before it is believed.
import { ImageError } from './errors';

export interface PixelInfo {
	rows: number;
	columns: number;
	samples: number;
	allocated: number;
	stored: number;
	signed: boolean;
	photometric: string;
	/** Planar configuration 1: colour by plane. */
	planar: boolean;
	/** Explicit VR big endian as stored. */
	bigEndian: boolean;
	/** A video: the gateway decodes its frames, and gives them as RGB. */
	film?: boolean;
}

export interface Window {
	center: number;
	width: number;
}

export interface ImageInfo extends PixelInfo {
	instance: string;
	frames: number;
	number: number;
	modality: string;
	slope: number;
	intercept: number;
	windows: Window[];
	voi: 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';
	/** Row and column spacing in mm; null: unknown, nothing can be measured. */
	spacing: [number, number] | null;
	/** Of the detector, not of the patient (PS3.3 10.7.1.1). */
	projected: boolean;
	orientation: number[] | null;
	position: number[] | null;
	patientOrientation: [string, string] | null;
	units: string;
	cineRate: number;
	lossy: boolean;
	palette: boolean;
	/** It has overlay planes (PS3.3 C.9.2). */
	overlays?: boolean;
	/** Presentation LUT Shape: the least is white, as MONOCHROME1 has it too. */
	inverse?: boolean;
	/** Height of a pixel, where its width is 1 and spacing is not known. */
	aspect?: number;
	/** Stored values that are no pixels of the patient, from and to. */
	padding?: [number, number];
	/** Patient's name, number and day of the study, as the archive has them: whose it is stands over each picture. */
	whose?: string;
}

export interface Element {
	vr?: string;
	Value?: unknown[];
}
export type DicomJson = Record<string, Element | undefined>;

const values = (set: DicomJson | undefined, tag: string): unknown[] => (Array.isArray(set?.[tag]?.Value) ? (set[tag]?.Value ?? []) : []);
const numbers = (set: DicomJson | undefined, tag: string): number[] => values(set, tag).map(Number).filter(Number.isFinite);
const number = (set: DicomJson | undefined, tag: string, otherwise: number): number => numbers(set, tag)[0] ?? otherwise;
const string = (set: DicomJson | undefined, tag: string): string => {
	const value = values(set, tag)[0];
	return typeof value === 'string' ? value.trim() : '';
};
const items = (set: DicomJson | undefined, tag: string): DicomJson[] =>
	values(set, tag).filter((v): v is DicomJson => typeof v === 'object' && v !== null);

/** By its place, without a look at the others: an object has a group for each of thousands of frames. */
const itemAt = (set: DicomJson | undefined, tag: string, at: number): DicomJson | undefined => {
	const item = values(set, tag)[at];
	return typeof item === 'object' && item !== null ? (item as DicomJson) : undefined;
};

/** The geometry of an enhanced object is in its functional groups: the frame's own first, then the shared ones. */
const groupOf = (set: DicomJson, frame: number, tag: string): DicomJson | undefined =>
	itemAt(itemAt(set, '52009230', frame), tag, 0) ?? itemAt(itemAt(set, '52009229', 0), tag, 0);

const vector = (set: DicomJson | undefined, tag: string, length: number): number[] | null => {
	const v = numbers(set, tag);
	return v.length === length ? v : null;
};

// MPEG-2, H.264, HEVC (PS3.5 10): by their syntax, or by chroma that nothing else has (PS3.3 C.7.6.3.1.2).
const isFilm = (syntax: string, photometric: string): boolean =>
	/^1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?$/.test(syntax) || photometric === 'YBR_PARTIAL_420';

function pixelInfo(set: DicomJson): PixelInfo {
	const info: PixelInfo = {
		rows: number(set, '00280010', 0), columns: number(set, '00280011', 0), samples: number(set, '00280002', 1),
		allocated: number(set, '00280100', 0), stored: number(set, '00280101', number(set, '00280100', 0)),
		signed: number(set, '00280103', 0) === 1, photometric: string(set, '00280004') || 'MONOCHROME2',
		planar: number(set, '00280006', 0) === 1,
		bigEndian: (string(set, '00083002') || string(set, '00020010')) === '1.2.840.10008.1.2.2',
	};
	if (info.samples === 3 && isFilm(string(set, '00083002') || string(set, '00020010'), info.photometric))
		Object.assign(info, { film: true, photometric: 'RGB', planar: false });
	const whole = [info.rows, info.columns, info.allocated, info.stored].every((n) => Number.isInteger(n) && n > 0);
	if (!whole || info.rows > 65535 || info.columns > 65535) throw new ImageError('disagrees', 'no size of the image in its header');
	if (info.samples !== 1 && info.samples !== 3) throw new ImageError('unsupported', `${info.samples} samples a pixel`);
	if (![1, 8, 16].includes(info.allocated)) throw new ImageError('unsupported', `${info.allocated} bits allocated`);
	if (info.stored > info.allocated || (info.samples === 3 && info.allocated !== 8)) throw new ImageError('unsupported', `${info.stored} bits stored`);
	if (items(set, '00283000').length > 0) throw new ImageError('unsupported', 'modality LUT');
	const highBit = number(set, '00280102', info.stored - 1);
	if (highBit !== info.stored - 1) throw new ImageError('unsupported', `high bit ${highBit}`);
	return info;
}

function windowsOf(set: DicomJson | undefined): Window[] {
	const widths = numbers(set, '00281051');
	return numbers(set, '00281050').slice(0, 8)
		.map((center, i) => ({ center, width: widths[i] ?? 0 })).filter((w) => w.width > 0);
}

// Pixel Aspect Ratio: vertical, then horizontal.
const aspectOf = ([high, wide]: number[]): Pick<ImageInfo, 'aspect'> => (high && wide && high > 0 && wide > 0 && high !== wide ? { aspect: high / wide } : {});

/** Chinese characters before the alphabet; "": nobody says. */
export function whoseOf(set: DicomJson): string {
	const { Ideographic, Alphabetic } = (itemAt(set, '00100010', 0) ?? {}) as { Ideographic?: unknown; Alphabetic?: unknown };
	const name = [Ideographic, Alphabetic].find((n): n is string => typeof n === 'string' && n.trim() !== '') ?? '', day = string(set, '00080020');
	return [name.replace(/\^+/g, ' ').trim(), string(set, '00100020'), day.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3')].filter((s) => s !== '').map((s) => s.slice(0, 64)).join(' · ');
}

// Pixel Padding Value and Range Limit: as pixels are, though some say the words without their sign.
function paddingOf(set: DicomJson, signed: boolean): Pick<ImageInfo, 'padding'> {
	const own = (v: number): number => (signed && v > 32767 ? v - 65536 : v), [value] = numbers(set, '00280120'), [limit] = numbers(set, '00280121');
	if (value === undefined) return {};
	const a = own(value), b = own(limit ?? value);
	return { padding: [Math.min(a, b), Math.max(a, b)] };
}

const VOI = ['LINEAR', 'LINEAR_EXACT', 'SIGMOID'] as const;

const OVERLAY_ROWS = Array.from({ length: 16 }, (_, i) => `60${(2 * i).toString(16).toUpperCase().padStart(2, '0')}0010`);

/** Frame from 0. Throws an ImageError where the header cannot be an image's. */
export function imageInfo(set: DicomJson, frame = 0): ImageInfo {
	const transformation = groupOf(set, frame, '00289145') ?? set, lut = groupOf(set, frame, '00289132') ?? set;
	const measures = groupOf(set, frame, '00289110'), direct = vector(measures ?? set, '00280030', 2);
	const spacing = direct ?? vector(set, '00181164', 2);
	const towards = values(set, '00200020').filter((v): v is string => typeof v === 'string');
	const slope = number(transformation, '00281053', 1);
	const pixels = pixelInfo(set);
	return {
		...pixels,
		instance: string(set, '00080018'), frames: Math.max(1, number(set, '00280008', 1)), number: number(set, '00200013', 0),
		modality: string(set, '00080060'), slope: slope === 0 ? 1 : slope, intercept: number(transformation, '00281052', 0),
		windows: windowsOf(lut), voi: VOI.find((f) => f === string(lut, '00281056')) ?? 'LINEAR',
		spacing: spacing && spacing.every((s) => s > 0) ? [spacing[0]!, spacing[1]!] : null, projected: !direct && spacing !== null,
		orientation: vector(groupOf(set, frame, '00209116') ?? set, '00200037', 6),
		position: vector(groupOf(set, frame, '00209113') ?? set, '00200032', 3),
		patientOrientation: towards.length === 2 ? [towards[0]!, towards[1]!] : null,
		units: string(set, '00080060') === 'CT' ? 'HU' : string(transformation, '00281054') === 'HU' ? 'HU' : '',
		cineRate: number(set, '00082144', 0) || number(set, '00180040', 0) || (number(set, '00181063', 0) > 0 ? 1000 / number(set, '00181063', 0) : 0),
		lossy: string(set, '00282110') === '01' || pixels.film === true, palette: string(set, '00280004') === 'PALETTE COLOR',
		...(OVERLAY_ROWS.some((tag) => set[tag] !== undefined) && { overlays: true }),
		...(string(set, '20500020') === 'INVERSE' && { inverse: true }), ...aspectOf(numbers(set, '00280034')), ...paddingOf(set, pixels.signed), whose: whoseOf(set),
	};
}
