// Ultrasound: a picture of several parts, each with a scale of its own, or none (PS3.3 C.8.5.5: tissue, M-mode, a spectrum). What lies
// within one part is measured by it; what does not, in pixels.
import { items, number, type DicomJson } from './dicom-json';

type Point = readonly [number, number];

export interface Region {
	/** The outermost of its pixels. */
	x0: number;
	y0: number;
	x1: number;
	y1: number;
	/** mm down, mm across; null: a part of it is no length. */
	spacing: [number, number] | null;
}

const CENTIMETRES = 3, MAX_REGIONS = 64;

function regionOf(item: DicomJson): Region {
	const of = (tag: string): number => number(item, tag, NaN), down = Math.abs(of('0018602E')) * 10, across = Math.abs(of('0018602C')) * 10;
	const lengths = of('00186024') === CENTIMETRES && of('00186026') === CENTIMETRES && down > 0 && across > 0;
	return { x0: of('00186018'), y0: of('0018601A'), x1: of('0018601C'), y1: of('0018601E'), spacing: lengths ? [down, across] : null };
}

/** null: nobody says that there are any. */
export function regionsOf(set: DicomJson): Region[] | null {
	const all = items(set, '00186011').slice(0, MAX_REGIONS).map(regionOf);
	return all.length > 0 ? all : null;
}

/** What a drawing is measured by: the one part that all of it lies in; null: none, or parts that say two things. */
export function spacingAt(regions: readonly Region[], points: readonly Point[]): [number, number] | null {
	const around = regions.filter((r) => points.every(([x, y]) => x >= r.x0 - 0.5 && x <= r.x1 + 0.5 && y >= r.y0 - 0.5 && y <= r.y1 + 0.5));
	const [first] = around;
	return first?.spacing && around.every((r) => r.spacing?.every((s, i) => Math.abs(s - first.spacing![i]!) <= 0.005 * s)) ? first.spacing : null;
}
