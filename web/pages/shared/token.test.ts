// Whose token a tab has, and that nothing of it stays behind.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { forgetAll, forgetSession, goWithToken, isSameWayIn, keepConsoleToken, kept } from './token';

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

it('signing out leaves no token, no session to come back to, and what others of the origin keep', () => {
	for (const key of [
		'huizhen.console.token', 'huizhen.console.inside', 'huizhen.records.token', 'huizhen.join.token', 'huizhen.watch.mdt', 'huizhen.resume.console.mdt',
		'token.token', 'link.abc.token', 'console.mdt.token', 'console.mdt.muted', 'emr.token', 'token', 'consoles',
	]) {
		storage[key] = 'x';
	}
	forgetAll();
	expect(Object.keys(storage)).toEqual(['emr.token', 'token', 'consoles']);
});

it('another person at the console finds nothing of the one before; the same one with a fresh token keeps the session', () => {
	keepConsoleToken(token({ sub: 'li' }));
	Object.assign(storage, { 'huizhen.console.inside': 'console.mdt', 'huizhen.resume.console.mdt': 'r', 'huizhen.records.token': 'old' });
	keepConsoleToken(token({ sub: 'li', exp: 9 }));
	expect([kept('huizhen.console.inside'), kept('huizhen.records.token')]).toEqual(['console.mdt', null]);
	const next = token({ sub: 'wang' });
	keepConsoleToken(next);
	expect(storage).toEqual({ 'huizhen.console.token': next });
});

it('goes to another page without the token in the address, unless nothing can be kept', () => {
	goWithToken('/console', 'huizhen.console.token', 'abc');
	expect([went, storage]).toEqual([['/console'], { 'huizhen.console.token': 'abc' }]);
	[refuses, storage] = [true, {}];
	goWithToken('/console', 'huizhen.console.token', 'abc');
	expect(went[1]).toBe('/console#token=abc');
});
