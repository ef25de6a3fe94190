// A series as a stack: the archive's metadata, each object's frames, in the order in which they lie in the patient.
import { ImageError, imageError } from './errors';
import { fetchFrame } from './fetching';
import type { Frame } from './frames';
import { imageInfo, type DicomJson } from './image-info';
import type { ImageRef } from './state';

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

export function stackOf(sets: unknown, source: SeriesSource, token: () => string): Stack {
	const frames: Frame[] = [];
	let refused = 0;
	for (const set of Array.isArray(sets) ? (sets as DicomJson[]) : []) {
		try {
			const first = imageInfo(set);
			if (!uid.test(first.instance) || frames.length + first.frames > MAX_FRAMES) throw new ImageError('disagrees', 'instance');
			for (let index = 0; index < first.frames; index++) {
				const url = `${source.url}/instances/${first.instance}/frames/${index + 1}`;
				frames.push({ id: url, source: { url, token }, info: index === 0 ? first : imageInfo(set, index), index });
			}
		} catch {
			refused++;
		}
	}
	return { source, frames: inOrder(frames), refused, error: null };
}

export async function openSeries(source: SeriesSource, token: () => string, signal: AbortSignal): Promise<Stack> {
	try {
		const answer = await fetchFrame({ url: `${source.url}/metadata`, token, accept: 'application/dicom+json' }, { signal, maxBytes: 64 << 20 });
		return stackOf(JSON.parse(new TextDecoder().decode(answer.bytes)), source, token);
	} catch (error) {
		return { source, frames: [], refused: 0, error: error instanceof SyntaxError ? new ImageError('not_image', 'no JSON') : imageError(error) };
	}
}
