import { describe, expect, it } from 'vitest';
import { BroadcastAudience, type AskAudience } from '../src/audience';
import type { AudienceMessage } from '../src/protocol';

const message = (id: string, state: AudienceMessage['state'] = 'waiting'): AudienceMessage => ({
	id, kind: 'question', state, name: '', text: `text ${id}`, time_ms: 1, answer: '', sender: 'v',
});

function desk(pages: { items: AudienceMessage[]; next: string | null }[]) {
	const asked: unknown[] = [];
	const ask = ((method: string, params: unknown) => {
		asked.push([method, params]);
		if (method === 'audience.list') return Promise.resolve(pages.shift() ?? { items: [], next: null });
		return Promise.resolve({ message: message('2', 'approved') });
	}) as unknown as AskAudience;
	let changes = 0;
	const audience = new BroadcastAudience(() => null, ask, () => changes++);
	return { audience, asked, changes: () => changes };
}

describe('the audience at the desk', () => {
	it('is read page by page, and then by news', async () => {
		const { audience, asked } = desk([{ items: [message('10'), message('9')], next: '10' }, { items: [message('11')], next: null }]);
		audience.onPush([message('8')]); // nobody looks yet
		expect(audience.messages).toEqual([]);
		await audience.open();
		expect(asked).toEqual([['audience.list', {}], ['audience.list', { after: '10' }]]);
		audience.onPush([message('2', 'rejected'), message('11', 'answered')]);
		expect(audience.messages.map((m) => [m.id, m.state])).toEqual([['2', 'rejected'], ['9', 'waiting'], ['10', 'waiting'], ['11', 'answered']]);
	});
	it('is read again when the connection is back, and forgets what the gateway has no more', async () => {
		const { audience, changes } = desk([{ items: [message('1'), message('2')], next: null }, { items: [message('2', 'approved')], next: null }]);
		audience.onSession('connected'); // not opened: nothing is asked
		await audience.open();
		const before = changes();
		audience.onSession('connected');
		await audience.open();
		expect(audience.messages.map((m) => m.id)).toEqual(['2']);
		expect(changes()).toBeGreaterThan(before);
	});
	it('says what was decided', async () => {
		const { audience, asked } = desk([]);
		await audience.decide('2', 'approved');
		await audience.decide('2', 'answered', 'Yes');
		await audience.set({ chat: 'open' });
		expect(asked).toEqual([
			['audience.moderate', { id: '2', state: 'approved' }],
			['audience.moderate', { id: '2', state: 'answered', answer: 'Yes' }],
			['audience.set', { chat: 'open' }],
		]);
		expect(audience.messages.map((m) => m.state)).toEqual(['approved']);
	});
	it('keeps a bounded number', () => {
		const { audience } = desk([]);
		void audience.open().catch(() => undefined);
		for (let i = 0; i < 2_100; i++) audience.onPush([message(String(i))]);
		expect(audience.messages.length).toBe(2_000);
	});
});
