// What a PACS says of studies and series, and where the gateway has them. Pure.
import type { Table, TableStudyRef } from '../../sdk/src';

type Set = Record<string, { Value?: unknown[] } | undefined>;

export interface FoundStudy {
	study: string;
	name: string;
	patient: string;
	date: string;
	modalities: string;
	text: string;
	images: number;
}

export interface FoundSeries {
	series: string;
	modality: string;
	number: number;
	text: string;
	images: number;
}

/** Nothing to look at: presentation states, key objects, reports, segmentations, plans. */
const NO_IMAGES = new Set(['PR', 'KO', 'SR', 'SEG', 'DOC', 'PLAN', 'REG', 'RTSTRUCT', 'RTPLAN', 'RTRECORD', 'FID', 'RWV', 'AU']);

const values = (set: Set, tag: string): unknown[] => (Array.isArray(set[tag]?.Value) ? (set[tag]?.Value ?? []) : []);
const text = (set: Set, tag: string): string => {
	const value = values(set, tag)[0];
	if (typeof value === 'object' && value !== null) {
		const { Alphabetic, Ideographic } = value as { Alphabetic?: unknown; Ideographic?: unknown };
		return ([Ideographic, Alphabetic].find((n): n is string => typeof n === 'string' && n.trim() !== '') ?? '').replace(/\^+/g, ' ').trim();
	}
	return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
};
/** What is no object is none; one that is odd takes only itself with it. */
const setsOf = (sets: unknown): Set[] => (Array.isArray(sets) ? sets.filter((s): s is Set => typeof s === 'object' && s !== null) : []);

/** DICOM's date as one reads it. */
export const dateOf = (da: string): string => (/^\d{8}$/.test(da) ? `${da.slice(0, 4)}-${da.slice(4, 6)}-${da.slice(6)}` : da);

export const studiesOf = (sets: unknown): FoundStudy[] =>
	setsOf(sets).map((set) => ({
		study: text(set, '0020000D'), name: text(set, '00100010'), patient: text(set, '00100020'), date: dateOf(text(set, '00080020')),
		modalities: values(set, '00080061').filter((m): m is string => typeof m === 'string' && !NO_IMAGES.has(m)).slice(0, 16).join(' '), text: text(set, '00081030'), images: Number(text(set, '00201208')) || 0,
	})).filter((s) => /^[0-9.]{1,64}$/.test(s.study)).sort((a, b) => b.date.localeCompare(a.date));

export const seriesOf = (sets: unknown): FoundSeries[] =>
	setsOf(sets).map((set) => ({
		series: text(set, '0020000E'), modality: text(set, '00080060'), number: Number(text(set, '00200011')) || 0,
		text: text(set, '0008103E'), images: Number(text(set, '00201209')) || 0,
	})).filter((s) => /^[0-9.]{1,64}$/.test(s.series) && !NO_IMAGES.has(s.modality)).sort((a, b) => a.number - b.number || b.images - a.images);

export const basePath = (consult: string, study: TableStudyRef): string =>
	`/api/v1/consults/${encodeURIComponent(consult)}/studies/${encodeURIComponent(study.pacs)}/${study.study}`;

export const somethingShown = (table: Table): boolean => table.viewports.some((v) => v.image !== null);
