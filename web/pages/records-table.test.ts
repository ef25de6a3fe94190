// The table of a record: what was looked at when, and which lines one reads.
import { expect, it } from 'vitest';
import { shownEvents, type TimelineEvent } from './records/model';
import { foldTable, viewAt, viewText } from './records/table-events';

const image = (n: number) => ({ study: '1.2', series: '1.2.3', instance: `1.2.3.${n}` });
const view = (n: number, more: object = {}) => ({ at: 0, image: image(n), frame: 0, center: 40, width: 400, ...more });
const event = (at_ms: number, detail: object, type = 'table'): TimelineEvent => ({ at_ms, type, participant: 'wang', detail: detail as Record<string, unknown> });

const events = [
	event(9000, { put: [{ id: 'a', kind: 'line' }, { id: 'b', kind: 'text', text: 'nodule' }] }),
	event(0, { floor: { holder: 'wang' }, studies: [{ pacs: 'main', study: '1.2', label: 'CT 2024' }], layout: 'one', viewports: [view(1)] }),
	event(5000, { viewports: [view(2)] }),
	event(5250, { viewports: [view(3)] }), // passed by
	event(5500, { viewports: [view(4, { center: -600, width: 1500 })] }),
	event(9250, { put: [{ id: 'a', kind: 'line' }] }), // it grows
	event(20000, { gone: ['a'], viewports: [{ at: 0, image: null, frame: 0, center: null, width: null }] }),
];

it('lists what was shown at rest, what was drawn, and who had it in hand', () => {
	const lines = foldTable(events).lines.map((e) => [e.at_ms, e.detail?.line, e.detail?.text ?? e.detail?.label ?? '']);
	expect(lines).toEqual([
		[0, 'study', 'CT 2024'], [0, 'floor', ''], [0, 'shown', 'CT 2024 · #1 · W 400 L 40'], [5500, 'shown', 'CT 2024 · #4 · W 1500 L -600'], [9000, 'drawn', 'nodule'],
	]);
	expect(shownEvents([...events, event(100, { text: 'x' }, 'chat')]).map((e) => e.type)).toEqual(['table', 'table', 'table', 'chat', 'table', 'table']);
});

it('knows what lay open at each moment', () => {
	const { views } = foldTable(events), text = (at: number) => { const v = viewAt(views, at); return v ? `${viewText(v)} ${v.drawings}` : ''; };
	expect([text(-1), text(100), text(5300), text(9100), text(30000)]).toEqual(['', 'CT 2024 · #1 · W 400 L 40 0', 'CT 2024 · #3 · W 400 L 40 0', 'CT 2024 · #4 · W 1500 L -600 2', '']);
});

it('bears what is none', () => {
	expect(foldTable([event(0, {}), event(1, { viewports: 7, put: 'x', gone: null }), { at_ms: 2, type: 'table' }]).lines).toEqual([]);
});
