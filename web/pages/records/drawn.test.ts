// Drawings over pictures in a record: each state has its time.
import { expect, it } from 'vitest';
import { drawnAt, strokesOf } from './drawn';

const on = { participant: 'or', source: 'endoscope' };
const arrow = (id: string, x: number, more: object = {}) => ({ id, kind: 'arrow', on, points: [[0, 0], [x, 1]], by: 'expert', n: 1, ...more });
const table = (at_ms: number, detail: object) => ({ at_ms, type: 'table', participant: 'expert', detail: detail as Record<string, unknown> });
const xs = (strokes: ReturnType<typeof strokesOf>, at: number) => drawnAt(strokes, 'or', 'endoscope', at).map((d) => d.points[1]?.[0]);

it('shows what lay there, as it was then, over whose picture it was', () => {
	const strokes = strokesOf([
		table(3000, { gone: ['a', 'never'] }),
		table(1000, { put: [arrow('a', 0.1), { ...arrow('image', 5), on: { pacs: 'main', study: '1', series: '2', instance: '3', frame: 0 } }] }),
		table(1250, { put: [arrow('a', 0.4, { fades_s: 8 }), arrow('b', 0.9)] }),
		{ at_ms: 1300, type: 'chat', detail: { put: [arrow('c', 1)] } },
	]);
	expect([0, 999].map((at) => xs(strokes, at))).toEqual([[], []]);
	expect(xs(strokes, 1000)).toEqual([0.1]);
	expect(xs(strokes, 1250)).toEqual([0.4, 0.9]);
	expect(xs(strokes, 2999)).toEqual([0.4, 0.9]);
	expect(xs(strokes, 3000)).toEqual([0.9]);
	expect(xs(strokes, 1e9)).toEqual([0.9]);
	expect(drawnAt(strokes, 'or', 'camera', 2000)).toEqual([]);
	expect(drawnAt(strokes, 'or', 'endoscope', 2000)[0]).not.toHaveProperty('fades_s'); // the record says when it went
});

it('takes nothing that makes no sense', () => {
	const bad = [null, 7, 'x', {}, { id: 'a' }, { ...arrow('a', 1), points: [] }, { ...arrow('a', 1), points: [[1]] }, { ...arrow('a', 1), points: [['1', 2]] }, { ...arrow('a', 1), on: null }];
	expect(strokesOf([table(1, { put: bad, gone: 'a' }), table(2, { put: 'x' }), { at_ms: 3, type: 'table' }])).toEqual([]);
});
