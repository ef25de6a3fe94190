// DICOM JSON of strangers (PS3.18 F), as presentation states and key objects need it: what is no number is none.
import type { DicomJson } from './image-info';

export const uidPattern = /^[0-9.]{1,64}$/;

export const values = (set: DicomJson | undefined, tag: string): unknown[] => (Array.isArray(set?.[tag]?.Value) ? (set[tag]?.Value ?? []) : []);
const one = (v: unknown): number => (typeof v === 'number' ? v : typeof v === 'string' && v.trim() !== '' ? Number(v) : NaN);
/** As many as there are, NaN where one is none. */
export const numbers = (set: DicomJson | undefined, tag: string, most = 64): number[] => values(set, tag).slice(0, most).map(one);
export const number = (set: DicomJson | undefined, tag: string): number | null => {
	const v = one(values(set, tag)[0]);
	return Number.isFinite(v) ? v : null;
};
/** Of what is written: no longer than that, no control characters but new lines. */
export function text(set: DicomJson | undefined, tag: string, most = 64): string {
	const v = values(set, tag)[0];
	// eslint-disable-next-line no-control-regex
	return typeof v === 'string' ? v.slice(0, most).replace(/\r\n?/g, '\n').replace(/[\u0000-\u0009\u000b-\u001f\u007f]/g, ' ').trim() : '';
}
export const uid = (set: DicomJson | undefined, tag: string): string => (uidPattern.test(text(set, tag)) ? text(set, tag) : '');
export const items = (set: DicomJson | undefined, tag: string, most = 5000): DicomJson[] =>
	values(set, tag).slice(0, most).filter((v): v is DicomJson => typeof v === 'object' && v !== null);

/** A person as recorded. */
export function person(set: DicomJson | undefined, tag: string): string {
	const v = values(set, tag)[0], name = typeof v === 'object' && v !== null ? (v as { Alphabetic?: unknown; Ideographic?: unknown }) : null;
	const said = typeof name?.Ideographic === 'string' ? name.Ideographic : typeof name?.Alphabetic === 'string' ? name.Alphabetic : '';
	return said.slice(0, 200).replace(/[\^=]+/g, ' ').trim();
}

export function day(set: DicomJson | undefined, tag: string): string {
	const da = text(set, tag);
	return /^\d{8}$/.test(da) ? `${da.slice(0, 4)}-${da.slice(4, 6)}-${da.slice(6)}` : '';
}

const byte = (v: number): number => Math.max(0, Math.min(255, Math.round(v)));
const css = (rgb: readonly number[]): string => `#${rgb.map((v) => byte(v).toString(16).padStart(2, '0')).join('')}`;

/** A P-value of 16 bits, or CIELab as PS3.3 C.10.7.1.1 writes it (D50), as the screen has it; null: none was said. */
export function colour(set: DicomJson | undefined, lab: string, grey: string): string | null {
	const v = numbers(set, lab, 3), p = number(set, grey);
	if (v.length !== 3 || !v.every((n) => n >= 0 && n <= 65535)) return p !== null && p >= 0 && p <= 65535 ? css([p / 257, p / 257, p / 257]) : null;
	const l = ((v[0]! / 65535) * 100 + 16) / 116, a = l + (v[1]! / 257 - 128) / 500, b = l - (v[2]! / 257 - 128) / 200;
	const back = (f: number): number => (f > 6 / 29 ? f ** 3 : 3 * (6 / 29) ** 2 * (f - 4 / 29));
	const x = 0.96422 * back(a), y = back(l), z = 0.82521 * back(b);
	const gamma = (c: number): number => 255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * Math.max(c, 0) ** (1 / 2.4) - 0.055);
	return css([gamma(3.1338561 * x - 1.6168667 * y - 0.4906146 * z), gamma(-0.9787684 * x + 1.9161415 * y + 0.033454 * z), gamma(0.0719453 * x - 0.2289914 * y + 1.4052427 * z)]);
}
