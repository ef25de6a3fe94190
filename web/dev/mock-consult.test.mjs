// The mock gateway's consults share one media page: nothing of one may be taken for another's.
import { expect, it } from 'vitest';
import { Consult } from './mock-consult.mjs';

/** What the media page is asked for by a consult with a bot, and somebody who publishes and subscribes. */
async function askedBy(id) {
	const asked = [];
	const consult = new Consult(id, id, async (request) => (asked.push(request), { sdp: 'v=0' }));
	consult.bot({ sub: 'bot', name: '陈教授', role: 'expert' }, ['camera', 'microphone']);
	const p = consult.add({ sub: 'p1', name: '王小明', role: 'expert' });
	await consult.request({ p }, 'offer', { sdp: 'v=0', publish: [{ mid: '0', source: 'camera', label: '', muted: false }], recv: [] });
	await consult.request({ p }, 'subscribe', { items: [] });
	const tracks = asked.flatMap((r) => r.track ?? (r.publish ?? []).map(([, track]) => track));
	return { tracks, sessions: asked.map((r) => r.session).filter(Boolean) };
}

it('two consults of the same people share neither tracks nor sessions', async () => {
	const one = await askedBy('one');
	const two = await askedBy('two');
	expect(new Set([...one.tracks, ...two.tracks]).size).toBe(6);
	expect(one.sessions).toEqual([one.sessions[0], one.sessions[0]]);
	expect(two.sessions).not.toContain(one.sessions[0]);
});
