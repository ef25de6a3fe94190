// What was drawn over moving pictures, in a record: from when to when, over whose.
import { isOver, type PictureDrawing } from '../shared/over-video';
import type { TimelineEvent } from './model';

/** One state of one drawing. */
export interface Stroke {
	from_ms: number;
	/** Infinity: to the end. */
	to_ms: number;
	drawing: PictureDrawing;
}

interface Changes {
	put?: unknown[];
	gone?: unknown[];
}

const isPoint = (p: unknown): boolean => Array.isArray(p) && p.length === 2 && p.every((v) => typeof v === 'number' && Number.isFinite(v));

function isDrawing(one: unknown): one is PictureDrawing {
	const d = one as Partial<PictureDrawing> | null;
	return typeof d === 'object' && d !== null && typeof d.id === 'string' && typeof d.kind === 'string' && typeof d.on === 'object' && d.on !== null && 'participant' in d.on &&
		Array.isArray(d.points) && d.points.length > 0 && d.points.every(isPoint);
}

/** In order of their beginning. A drawing that moved is one stroke after the other. */
export function strokesOf(events: readonly TimelineEvent[]): Stroke[] {
	const strokes: Stroke[] = [], open = new Map<string, Stroke>();
	const close = (id: unknown, at_ms: number) => {
		const stroke = open.get(String(id));
		if (stroke) stroke.to_ms = at_ms;
		open.delete(String(id));
	};
	for (const { at_ms, detail } of events.filter((e) => e.type === 'table').sort((a, b) => a.at_ms - b.at_ms)) {
		const { put, gone } = (detail ?? {}) as Changes;
		for (const id of Array.isArray(gone) ? gone : []) close(id, at_ms);
		for (const drawing of Array.isArray(put) ? put : []) {
			if (!isDrawing(drawing)) continue;
			close(drawing.id, at_ms);
			const stroke = { from_ms: at_ms, to_ms: Infinity, drawing };
			open.set(drawing.id, stroke);
			strokes.push(stroke);
		}
	}
	return strokes;
}

/** What lay over a picture at a time. Fading is over when the record says so. */
export const drawnAt = (strokes: readonly Stroke[], participant: string, source: string, at_ms: number): PictureDrawing[] =>
	strokes.filter((s) => s.from_ms <= at_ms && at_ms < s.to_ms && isOver(s.drawing.on, participant, source)).map(({ drawing: { fades_s: _fades, ...drawing } }) => drawing);
