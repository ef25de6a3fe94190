import { describe, expect, it } from 'vitest';
import { mergeFeed, shownItems, untilThen } from './feed';

const head = { state: 'live', title: 'T', text: '', began: true, viewers: null, cursor: '5.9', poll_ms: 3000, now_ms: 5000, questions: true, chat: 'off', poster: { text: 'P', image: 2, starts_ms: 7 } };
const item = (id: string, part: object = {}) => ({ id, kind: 'question', state: 'approved', name: '', text: `text ${id}`, time_ms: 1, ...part });

describe('the feed', () => {
	it('puts answers together, in the order of the questions', () => {
		const first = mergeFeed(null, { ...head, reset: true, items: [item('12'), item('3')] }, 1000);
		expect(first?.items.map((i) => i.id)).toEqual(['3', '12']);
		expect(first?.aheadMs).toBe(4000);
		expect(first?.viewers).toBeNull();
		const next = mergeFeed(first, { ...head, reset: false, items: [item('3', { state: 'answered', answer: 'Yes', role: 'director' }), item('20')] }, 1000);
		expect(next?.items.map((i) => [i.id, i.state])).toEqual([['3', 'answered'], ['12', 'approved'], ['20', 'approved']]);
		const gone = mergeFeed(next, { ...head, items: [{ id: '12', kind: 'question', state: 'gone' }] }, 1000);
		expect(gone?.items.map((i) => i.id)).toEqual(['3', '20']);
		expect(mergeFeed(gone, { ...head, reset: true, items: [] }, 1000)?.items).toEqual([]);
	});
	it('shows nothing that was written while it is cut, and what is left of it afterwards', () => {
		const live = mergeFeed(null, { ...head, reset: true, items: [item('1'), item('2')] }, 0);
		const cut = mergeFeed(live, { ...head, state: 'cut', items: [] }, 0);
		expect(cut && shownItems(cut)).toEqual([]);
		const back = mergeFeed(cut, { ...head, items: [{ id: '1', kind: 'question', state: 'gone' }] }, 0);
		expect(back && shownItems(back).map((i) => i.id)).toEqual(['2']);
	});
	it('believes nothing of another shape', () => {
		for (const bad of [null, 7, 'x', [], {}, { state: 'live' }, { ...head, state: 'on' }, { ...head, cursor: 7 }]) expect(mergeFeed(null, bad, 0)).toBeNull();
		const odd = mergeFeed(null, { ...head, items: [7, null, { id: 7 }, item('1', { text: 9, name: {} })], poll_ms: -5, poster: 'x', chat: 'loud' }, 0);
		expect(odd?.items).toEqual([{ id: '1', kind: 'question', state: 'approved', name: '', text: '', time: 1, answer: '', role: '' }]);
		expect(odd?.pollMs).toBe(1000);
		expect(odd?.chat).toBe('off');
		expect(odd?.poster).toEqual({ text: '', image: 0, startsMs: 0 });
	});
	it('keeps a bounded number', () => {
		let feed = mergeFeed(null, { ...head, items: [] }, 0);
		for (let i = 0; i < 300; i++) feed = mergeFeed(feed, { ...head, items: [item(String(i))] }, 0);
		expect(feed?.items.length).toBe(200);
		expect(feed?.items[0]?.id).toBe('100');
	});
	it('counts down', () => {
		expect(untilThen(1000, 1000)).toBe('');
		expect(untilThen(62_000, 1000)).toBe('00:01:01');
		expect(untilThen(90_061_000, 0)).toBe('1 × 24 h + 01:01:01');
	});
});
