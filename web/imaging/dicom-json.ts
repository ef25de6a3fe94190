// Elements of DICOM JSON (PS3.18 annex F), as an archive wrote them: nothing in it is believed, what is no number is none.
export interface Element {
	vr?: string;
	Value?: unknown[];
	InlineBinary?: unknown;
	BulkDataURI?: unknown;
}
export type DicomJson = Record<string, Element | undefined>;

export const values = (set: DicomJson | undefined, tag: string): unknown[] => (Array.isArray(set?.[tag]?.Value) ? (set[tag]?.Value ?? []) : []);
// Some PACS write numbers of DS and IS as text. A value that is null or no number keeps its place: what is behind it is not another's.
export const numbers = (set: DicomJson | undefined, tag: string): number[] =>
	values(set, tag).map((v) => (typeof v === 'number' ? v : typeof v === 'string' && v.trim() !== '' ? Number(v) : NaN));
export const number = (set: DicomJson | undefined, tag: string, otherwise: number): number => numbers(set, tag).find(Number.isFinite) ?? otherwise;
export const string = (set: DicomJson | undefined, tag: string): string => {
	const value = values(set, tag)[0];
	return typeof value === 'string' ? value.trim() : '';
};
export const items = (set: DicomJson | undefined, tag: string): DicomJson[] =>
	values(set, tag).filter((v): v is DicomJson => typeof v === 'object' && v !== null);

/** By its place, without a look at the others: an object has a group for each of thousands of frames. */
export const itemAt = (set: DicomJson | undefined, tag: string, at: number): DicomJson | undefined => {
	const item = values(set, tag)[at];
	return typeof item === 'object' && item !== null ? (item as DicomJson) : undefined;
};

/** An archive that does not know an attribute gives its bytes (UN): there is a value, and nobody here reads it. */
export const isBytes = (set: DicomJson | undefined, tag: string): boolean => set?.[tag]?.InlineBinary !== undefined || set?.[tag]?.BulkDataURI !== undefined;

/** A value is there, whether it makes sense or not. */
export const isGiven = (set: DicomJson | undefined, tag: string): boolean => values(set, tag).some((v) => v !== null && v !== '');

/** The geometry of an enhanced object is in its functional groups: the frame's own first, then the shared ones. */
export const groupOf = (set: DicomJson, frame: number, tag: string): DicomJson | undefined =>
	itemAt(itemAt(set, '52009230', frame), tag, 0) ?? itemAt(itemAt(set, '52009229', 0), tag, 0);

export const vector = (set: DicomJson | undefined, tag: string, length: number): number[] | null => {
	const v = numbers(set, tag);
	return v.length === length && v.every(Number.isFinite) ? v : null;
};
