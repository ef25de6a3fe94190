// Whose token a tab has, and that nothing of it stays behind.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { forgetSession, isSameWayIn } from './token';

const token = (claims: object, more = ''): string => `x.${btoa(JSON.stringify({ role: 'clinic', ...claims }))}.x${more}`;
let storage: Record<string, string>, refuses: boolean, went: string[];

beforeEach(() => {
	[storage, refuses, went] = [{}, false, []];
	const methods = {
		getItem: (key: string) => storage[key] ?? null,
		setItem: (key: string, value: string) => {
			if (refuses) throw new Error('no storage');
			storage[key] = value;
		},
		removeItem: (key: string) => void delete storage[key],
	};
	vi.stubGlobal('sessionStorage', new Proxy(methods, { ownKeys: () => Object.keys(storage), getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }) }));
	vi.stubGlobal('location', { assign: (to: string) => void went.push(to) });
});
afterEach(() => void vi.unstubAllGlobals());

it('a token signed anew is the same way in; another person, consult or role is not', () => {
	const mine = token({ sub: 'li', consult: 'a' });
	expect(isSameWayIn(mine, mine)).toBe(true);
	expect(isSameWayIn(mine, token({ sub: 'li', consult: 'a', exp: 9 }))).toBe(true);
	for (const other of [{ sub: 'li', consult: 'b' }, { sub: 'wang', consult: 'a' }, { sub: 'li', consult: 'a', role: 'expert' }, { sub: 'li' }]) {
		expect(isSameWayIn(mine, token(other))).toBe(false);
	}
	expect(isSameWayIn(null, mine)).toBe(false);
	expect(isSameWayIn('nonsense', 'other nonsense')).toBe(false);
});

it('forgets what leads back into one session, and nothing of another', () => {
	storage = { 'huizhen.resume.token': 'r', 'token.token': 't', 'token.muted': '1', 'huizhen.resume.link.a': 'r', 'link.a.token': 't' };
	forgetSession('token');
	expect(Object.keys(storage)).toEqual(['huizhen.resume.link.a', 'link.a.token']);
});
