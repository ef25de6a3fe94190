// What the header says about a frame: DICOM JSON (PS3.18 F) to the few things that a viewer needs. Everything in it is
// the archive's word and is checked before it is believed.
import { groupOf, isBytes, isGiven, itemAt, items, number, numbers, string, values, vector, type DicomJson } from './dicom-json';
import { ImageError } from './errors';
import { regionsOf, type Region } from './regions';

export type { DicomJson, Element } from './dicom-json';

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
	/** Ultrasound: what is measured goes by the region it lies in; `spacing` is theirs where all agree. */
	regions?: Region[];
	orientation: number[] | null;
	position: number[] | null;
	/** Frame of Reference UID; empty: not said. */
	reference?: string;
	patientOrientation: [string, string] | null;
	units: string;
	cineRate: number;
	lossy: boolean;
	palette: boolean;
	/** A Modality LUT takes the place of slope and intercept. */
	modalityLut?: boolean;
	/** How many VOI LUTs there are. */
	voiLuts?: number;
	/** It has overlay planes (PS3.3 C.9.2). */
	overlays?: boolean;
	/** Presentation LUT Shape: the least is white, as MONOCHROME1 has it too. */
	inverse?: boolean;
	/** Height of a pixel, where its width is 1 and spacing is not known. */
	aspect?: number;
	/** What of it a presentation state has displayed, edge to edge; without one all of it. */
	area?: { x0: number; y0: number; x1: number; y1: number };
	/** Stored values that are no pixels of the patient, from and to. */
	padding?: [number, number];
	/** A whole slide: its size is that of the finest matrix (slide.ts). */
	slide?: true;
	/** Patient's name, number and day of the study, as the archive has them: whose it is stands over each picture. */
	whose?: string;
}

// MPEG-2, H.264, HEVC (PS3.5 10): by their syntax, or by chroma that nothing else has (PS3.3 C.7.6.3.1.2).
const isFilm = (syntax: string, photometric: string): boolean =>
	/^1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?$/.test(syntax) || photometric === 'YBR_PARTIAL_420';

/** Float and Double Float Pixel Data, and what only they have: padding, a range of real values (PS3.3 C.7.6.24). */
const FLOATS = ['7FE00008', '7FE00009', '00280122', '00280123', '00280124', '00280125'];

/** What there is of colour, as media/imaging/dataset.cc has it: of another one (CMYK, HSV, YBR of a part of its range) the channels would be taken for these. */
const COLOURS: Record<number, readonly string[]> = { 1: ['MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR'], 3: ['RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_ICT', 'YBR_RCT'] };

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
	if (!COLOURS[info.samples]!.includes(info.photometric)) throw new ImageError('unsupported', `${info.samples} samples a pixel of a colour that nobody shows`);
	if (![1, 8, 16, 32].includes(info.allocated) || (info.allocated === 32 && FLOATS.some((tag) => set[tag] !== undefined))) throw new ImageError('unsupported', `${info.allocated} bits allocated`);
	if (info.stored > info.allocated || (info.samples === 3 && info.allocated !== 8)) throw new ImageError('unsupported', `${info.stored} bits stored`);
	const highBit = number(set, '00280102', info.stored - 1);
	if (highBit !== info.stored - 1) throw new ImageError('unsupported', `high bit ${highBit}`);
	return info;
}

const VOI = ['LINEAR', 'LINEAR_EXACT', 'SIGMOID'] as const;

/** Up to the first whose width has no meaning for its function (PS3.3 C.11.2.1.2). */
function windowsOf(set: DicomJson | undefined, voi: (typeof VOI)[number]): Window[] {
	const widths = numbers(set, '00281051'), all = numbers(set, '00281050').slice(0, 8).map((center, i) => ({ center, width: widths[i] ?? 0 }));
	const bad = all.findIndex((w) => !(Number.isFinite(w.center) && (voi === 'LINEAR' ? w.width >= 1 : w.width > 0)));
	return bad < 0 ? all : all.slice(0, bad);
}

// Pixel Aspect Ratio: vertical, then horizontal.
const aspectOf = ([high, wide]: number[]): Pick<ImageInfo, 'aspect'> => (high && wide && high > 0 && wide > 0 && high !== wide ? { aspect: high / wide } : {});

/** Rows, then columns. The same in both is of the detector (PS3.3 10.7.1.3): nobody has corrected for how far the patient was from it. */
function scaleOf(set: DicomJson, frame: number): Pick<ImageInfo, 'spacing' | 'projected' | 'aspect' | 'regions'> {
	const direct = vector(groupOf(set, frame, '00289110') ?? set, '00280030', 2), imager = vector(set, '00181164', 2), said = direct ?? imager;
	const spacing: [number, number] | null = said && said.every((s) => s > 0) ? [said[0]!, said[1]!] : null;
	const projected = said !== null && imager !== null && said.every((s, i) => Math.abs(s - imager[i]!) <= 1e-4 * s);
	const aspect = aspectOf(spacing ?? numbers(set, '00280034')), regions = regionsOf(set);
	if (!regions) return { spacing, projected, ...(!spacing && aspect) };
	const [first] = regions, alike = first?.spacing && regions.every((r) => r.spacing?.every((s, i) => Math.abs(s - first.spacing![i]!) <= 0.005 * s));
	// shown as everybody has it: pixels that would be no squares by the regions' word alone stay as they are
	const same = alike && first.spacing && first.spacing.every((s, i) => Math.abs(s - (spacing ? spacing[i]! : first.spacing![0])) <= 0.005 * s);
	return { spacing: same ? (spacing ?? first.spacing) : null, projected: false, regions, ...(!same && aspect) };
}

/** Chinese characters before the alphabet; "": nobody says. */
export function whoseOf(set: DicomJson): string {
	const { Ideographic, Alphabetic } = (itemAt(set, '00100010', 0) ?? {}) as { Ideographic?: unknown; Alphabetic?: unknown };
	const name = [Ideographic, Alphabetic].find((n): n is string => typeof n === 'string' && n.trim() !== '') ?? '', day = string(set, '00080020');
	return [name.replace(/\^+/g, ' ').trim(), string(set, '00100020'), day.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3')].filter((s) => s !== '').map((s) => s.slice(0, 64)).join(' · ');
}

// Pixel Padding Value and Range Limit: as pixels are, though some say the words without their sign.
function paddingOf(set: DicomJson, signed: boolean): Pick<ImageInfo, 'padding'> {
	const own = (v: number): number => (signed && v > 32767 ? v - 65536 : v), [value] = numbers(set, '00280120'), [limit] = numbers(set, '00280121');
	if (value === undefined || !Number.isFinite(value)) return {};
	const a = own(value), b = own(limit !== undefined && Number.isFinite(limit) ? limit : value);
	return { padding: [Math.min(a, b), Math.max(a, b)] };
}

const OVERLAY_ROWS = Array.from({ length: 16 }, (_, i) => `60${(2 * i).toString(16).toUpperCase().padStart(2, '0')}0010`);

/** What values mean, and where the frames of an enhanced object lie: groups, rescale, modality LUT. */
const NEEDED = ['52009229', '52009230', '00281052', '00281053', '00283000', '00289145'];

/** Frame from 0. Throws an ImageError where the header cannot be an image's. */
export function imageInfo(set: DicomJson, frame = 0): ImageInfo {
	const bytes = NEEDED.find((tag) => isBytes(set, tag));
	if (bytes) throw new ImageError('disagrees', `${bytes} as bytes`);
	const transformation = groupOf(set, frame, '00289145') ?? set, lut = groupOf(set, frame, '00289132') ?? set;
	const scale = scaleOf(set, frame);
	const towards = values(set, '00200020').filter((v): v is string => typeof v === 'string');
	// As the live lane takes them: both or none, and a slope of nothing would make one value of all.
	const rescale = ['00281053', '00281052'];
	if (rescale.some((tag) => isGiven(transformation, tag)) && (!rescale.every((tag) => Number.isFinite(numbers(transformation, tag)[0])) || numbers(transformation, '00281053')[0] === 0)) throw new ImageError('disagrees', 'rescale slope and intercept that are no numbers');
	const slope = number(transformation, '00281053', 1), rescaled = string(transformation, '00281054');
	const pixels = pixelInfo(set), voi = VOI.find((f) => f === string(lut, '00281056')) ?? 'LINEAR', windows = windowsOf(lut, voi), voiLuts = items(set, '00283010').length;
	if (lut !== set && windows.length === 0 && items(lut, '00283010').length > 0) throw new ImageError('unsupported', 'a VOI LUT of a frame of its own');
	return {
		...pixels,
		instance: string(set, '00080018'), frames: Math.max(1, number(set, '00280008', 1)), number: number(set, '00200013', 0),
		modality: string(set, '00080060'), slope, intercept: number(transformation, '00281052', 0),
		windows, voi,
		...scale,
		orientation: vector(groupOf(set, frame, '00209116') ?? set, '00200037', 6),
		position: vector(groupOf(set, frame, '00209113') ?? set, '00200032', 3),
		reference: string(set, '00200052'),
		patientOrientation: towards.length === 2 ? [towards[0]!, towards[1]!] : null,
		units: rescaled === 'HU' || (rescaled === '' && string(set, '00080060') === 'CT') ? 'HU' : '',
		cineRate: number(set, '00082144', 0) || number(set, '00180040', 0) || (number(set, '00181063', 0) > 0 ? 1000 / number(set, '00181063', 0) : 0),
		lossy: string(set, '00282110') === '01' || pixels.film === true, palette: string(set, '00280004') === 'PALETTE COLOR',
		...(items(set, '00283000').length > 0 && { modalityLut: true }), ...(voiLuts > 0 && { voiLuts }),
		...(OVERLAY_ROWS.some((tag) => set[tag] !== undefined) && { overlays: true }),
		...(string(set, '20500020') === 'INVERSE' && { inverse: true }), ...paddingOf(set, pixels.signed), whose: whoseOf(set),
	};
}
