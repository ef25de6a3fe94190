// A series as a stack: the archive's metadata, each object's frames, in the order in which they lie in the patient.
import { ImageError, imageError } from './errors';
import { fetchFrame } from './fetching';
import type { Frame } from './frames';
import { imageInfo, whoseOf, type DicomJson, type ImageInfo } from './image-info';
import { isSlide, slideFrame } from './slide';
import type { ImageRef } from './state';
import { pagesOf } from './wave';
import { paperInfo } from './wave-paper';

export interface SeriesSource {
	image: ImageRef;
	/** …/studies/{pacs}/{study}/series/{series}, where `metadata` and `instances/{uid}/frames/{n}` are. */
	url: string;
}

export interface Stack {
	source: SeriesSource;
	frames: Frame[];
	/** Objects that are no images, or whose headers lie. */
	refused: number;
	/** Of the first of them. */
	why: ImageError | null;
	error: ImageError | null;
}

const MAX_FRAMES = 20000;
const uid = /^[0-9.]{1,64}$/;

/** Along the normal of the first frame; by number where geometry does not say. */
export function inOrder(frames: Frame[]): Frame[] {
	const o = frames[0]?.info.orientation;
	if (!o || frames.some((f) => !f.info.position)) return [...frames].sort((a, b) => a.info.number - b.info.number || a.index - b.index);
	const n = [o[1]! * o[5]! - o[2]! * o[4]!, o[2]! * o[3]! - o[0]! * o[5]!, o[0]! * o[4]! - o[1]! * o[3]!];
	const depth = (f: Frame) => f.info.position!.reduce((sum, p, i) => sum + p * n[i]!, 0);
	return [...frames].sort((a, b) => depth(a) - depth(b) || a.info.number - b.info.number || a.index - b.index);
}

const WAVEFORMS = '1.2.840.10008.5.1.4.1.1.9.';
const value = (set: DicomJson | undefined, tag: string): unknown => set?.[tag]?.Value?.[0];

/** The pages of an ECG: from its header, whose samples the gateway reads. */
function pages(set: DicomJson, source: SeriesSource, token: () => string): Frame[] {
	const instance = String(value(set, '00080018') ?? ''), url = `${source.url}/instances/${instance}/waveform`, groups = set['54000100']?.Value;
	if (!uid.test(instance)) throw new ImageError('disagrees', 'instance');
	const all = (Array.isArray(groups) ? (groups as DicomJson[]) : []).slice(0, 8), counts = all.map((g) => ({ samples: Number(value(g, '003A0010')), hz: Number(value(g, '003A001A')) }));
	const count = counts.reduce((sum, g) => sum + (g.samples > 0 && g.hz > 0 ? pagesOf(g) : 1), 0) || 1, leads = Math.max(1, ...all.map((g) => Number(value(g, '003A0005')) || 1));
	const info = { ...paperInfo(instance, Number(value(set, '00200013')) || 0, all.length > 0 ? Math.min(64, leads) : 12, count), whose: whoseOf(set) };
	return Array.from({ length: count }, (_, index) => ({ id: `${url}/${index}`, source: { url, token }, info, index, wave: true as const }));
}

export function stackOf(sets: unknown, source: SeriesSource, token: () => string): Stack {
	const frames: Frame[] = [], listed: unknown[] = Array.isArray(sets) ? sets : [];
	const all = listed.filter((s): s is DicomJson => typeof s === 'object' && s !== null), slides = all.filter(isSlide);
	let refused = listed.length - all.length, error: ImageError | null = null, why: ImageError | null = refused > 0 ? new ImageError('not_image', 'no object') : null;
	const refuse = (wrong: unknown): void => void (refused++, (why ??= imageError(wrong)));
	/** One frame that cannot be shown leaves the others. */
	const framesOf = (set: DicomJson, first: ImageInfo): Frame[] => Array.from({ length: first.frames }, (_, index) => index).flatMap((index): Frame[] => {
		const url = `${source.url}/instances/${first.instance}/frames/${index + 1}`;
		try {
			return [{ id: url, source: { url, token }, info: index === 0 ? first : imageInfo(set, index), index }];
		} catch (wrong) {
			refuse(wrong);
			return [];
		}
	});
	try {
		if (slides.length > 0) frames.push(slideFrame(slides, source.url, token));
	} catch (wrong) {
		error = imageError(wrong);
		slides.forEach(() => refuse(wrong));
	}
	for (const set of slides.length > 0 ? all.filter((s) => !isSlide(s)) : all) {
		try {
			if (String(value(set, '00080016') ?? '').startsWith(WAVEFORMS)) {
				frames.push(...pages(set, source, token).slice(0, MAX_FRAMES - frames.length));
				continue;
			}
			if (!['00280010', '00280011', '00280004'].some((tag) => set[tag])) continue; // a report, a document: no image is missing
			const first = imageInfo(set);
			if (!uid.test(first.instance)) throw new ImageError('disagrees', 'instance');
			if (frames.length + first.frames > MAX_FRAMES) throw new ImageError('too_big', `more than ${MAX_FRAMES} images`);
			const groups = set['52009230']?.Value?.length ?? 0; // fewer than frames: what is the geometry of the others?
			if (groups > 0 && groups < first.frames) throw new ImageError('disagrees', `functional groups for ${groups} frames of ${first.frames}`);
			frames.push(...framesOf(set, first));
		} catch (wrong) {
			refuse(wrong);
		}
	}
	if (frames.length === 0) error ??= why ?? (all.length > 0 ? new ImageError('unsupported', 'no image in this series') : null);
	return { source, frames: inOrder(frames), refused, why, error: frames.length > 0 ? null : error };
}

export async function openSeries(source: SeriesSource, token: () => string, signal: AbortSignal): Promise<Stack> {
	try {
		const answer = await fetchFrame({ url: `${source.url}/metadata`, token, accept: 'application/dicom+json' }, { signal, maxBytes: 64 << 20 });
		return stackOf(JSON.parse(new TextDecoder().decode(answer.bytes)), source, token);
	} catch (error) {
		return { source, frames: [], refused: 0, why: null, error: error instanceof SyntaxError ? new ImageError('not_image', 'no JSON') : imageError(error) };
	}
}
