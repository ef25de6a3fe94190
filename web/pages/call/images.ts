// The images of a consult as the page uses them: what lies there, opening a study, the way to the gateway's PACS. No rendering.
import { useEffect, useLayoutEffect, useReducer, useState } from 'preact/hooks';
import { ErrorCode, HuizhenError, type Consult, type Reading, type TableStudyRef } from '../../sdk/src';
import type { Pointer } from '../../imaging';
import { tokenOf } from '../shared/enter';
import { basePath, seriesOf, somethingShown, studiesOf, type FoundSeries, type FoundStudy } from './images-found';

export const SEARCH_BY = ['PatientID', 'PatientName', 'AccessionNumber'] as const;
/** So many studies are asked for, and listed: a PACS may send all it has. */
export const SEARCH_MOST = 50;
/** The PACS of what came without one. */
export const LOCAL = 'local';
export type SearchBy = (typeof SEARCH_BY)[number];

const LATER_TRIES = 15;
const POINTER_MS = 5_000;
/** What went wrong, as far as the page has words for it: `imagesFail_{reason}`. */
export class ImagesError extends Error {
	constructor(readonly reason: 'denied' | 'gone' | 'pacs' | 'busy' | 'name') {
		super(reason);
	}
}

/** JSON of the gateway; asked again while the PACS takes its time. */
async function ask(consult: Consult, path: string, method = 'GET'): Promise<unknown> {
	for (let i = 0; ; i++) {
		const answer = await fetch(path, { method, headers: { Authorization: `Bearer ${tokenOf(consult) ?? ''}`, Accept: 'application/json' }, cache: 'no-store' });
		const later = answer.status === 503;
		if (answer.ok) return answer.json();
		if (!later || i >= LATER_TRIES) throw new ImagesError(answer.status === 401 || answer.status === 403 ? 'denied' : answer.status === 404 ? 'gone' : later ? 'busy' : 'pacs');
		await new Promise((done) => setTimeout(done, 1000));
	}
}

export async function pacsNames(consult: Consult): Promise<string[]> {
	const { items } = (await ask(consult, `/api/v1/consults/${encodeURIComponent(consult.id)}/pacs`)) as { items?: string[] };
	return items ?? [];
}

export async function searchStudies(consult: Consult, pacs: string, by: SearchBy | 'StudyInstanceUID', what: string): Promise<FoundStudy[]> {
	const query = new URLSearchParams({ pacs, limit: String(SEARCH_MOST), includefield: '00081030,00080061,00201208' });
	if (what) query.set(by, by === 'PatientName' ? `${what}*` : what);
	try {
		return studiesOf(await ask(consult, `/api/v1/consults/${encodeURIComponent(consult.id)}/studies?${query.toString().replace(/\+/g, '%20')}`));
	} catch (error) {
		if (error instanceof ImagesError && error.reason === 'gone') return [];
		if (error instanceof ImagesError && error.reason === 'denied' && pacs === LOCAL) throw new ImagesError('name'); // no lists of others' patients
		throw error;
	}
}

export async function listSeries(consult: Consult, study: TableStudyRef): Promise<FoundSeries[]> {
	await consult.reading.arrived(); // the gateway shows only what lies on the table
	return seriesOf(await ask(consult, `${basePath(consult.id, study)}/series`));
}

// --- to a PACS

/** What became of a study that came without a PACS and was to go to one. */
export interface Forward {
	pacs: string;
	state: 'waiting' | 'forwarded' | 'refused';
	waiting: number;
	forwarded: number;
	refused: number;
	reason?: 'unknown' | 'away' | 'credentials' | 'missing' | 'refused';
}

/** to: it goes there, too. */
export async function forwards(consult: Consult, study: TableStudyRef, to?: string): Promise<Forward[]> {
	await consult.reading.arrived();
	const path = `${basePath(consult.id, study)}/forwards`;
	const { items } = (await ask(consult, to === undefined ? path : `${path}/${encodeURIComponent(to)}`, to === undefined ? 'GET' : 'PUT')) as { items?: Forward[] };
	return items ?? [];
}

// --- the table

/** True: the images are in one's own hand now. False: somebody else has them and was asked. */
export async function takeOrAsk(reading: Reading): Promise<boolean> {
	if (reading.inHand) return true;
	try {
		await reading.take();
		return true;
	} catch (error) {
		if (!(error instanceof HuizhenError) || error.code !== ErrorCode.noFloor) throw error;
		await reading.askForIt();
		return false;
	}
}

/** Shows a series in a viewport, from its beginning and as it is. */
export function showSeries(reading: Reading, at: number, study: TableStudyRef, series: string): void {
	reading.set({
		at, image: { pacs: study.pacs, study: study.study, series }, frame: 0, center: null, width: null, zoom: 1, pan_x: 0, pan_y: 0,
		rotation: 0, flip: false, invert: false, cine: 0, offset_mm: null, marks: null,
	});
}

/** Renders again with each change of the table. */
export function useTable(consult: Consult): Reading {
	const [, bump] = useReducer((n: number) => n + 1, 0);
	useLayoutEffect(() => consult.reading.on('change', () => bump(0)), [consult]);
	return consult.reading;
}

/** Whether there are images to look at; renders when that changes. */
export function useImagesThere(consult: Consult): boolean {
	const look = () => consult.can('subscribe') && somethingShown(consult.reading.table);
	const [there, setThere] = useState(look);
	useLayoutEffect(() => {
		setThere(look());
		return consult.reading.on('change', () => setThere(look()));
	}, [consult]);
	return there;
}

/** Where the others point; forgotten when it does not move any more. */
export function usePointers(consult: Consult): Pointer[] {
	const [pointers, setPointers] = useState<Pointer[]>([]);
	useEffect(() => {
		const timers = new Map<string, ReturnType<typeof setTimeout>>();
		const away = (from: string) => setPointers((old) => old.filter((p) => p.from !== from));
		const off = consult.reading.on('pointer', ({ from, at, x, y }) => {
			clearTimeout(timers.get(from));
			if (at === undefined || x === undefined || y === undefined) return away(from);
			timers.set(from, setTimeout(() => away(from), POINTER_MS));
			const name = consult.participants.find((p) => p.id === from)?.name ?? '';
			setPointers((old) => [...old.filter((p) => p.from !== from), { from, name, at, x, y }]);
		});
		return () => [off(), timers.forEach(clearTimeout)];
	}, [consult]);
	return pointers;
}
