// Tokens in pages: read from the fragment once, kept for this tab only, never in a URL that leaves the browser.
import type { Role } from '../../sdk/src';

export interface Claims {
	sub: string;
	name: string;
	role: Role;
	consult: string | null;
	exp: number;
}

/** For display only: the gateway alone verifies. Null when it is no JWT. */
export function claimsOf(token: string): Claims | null {
	try {
		const part = token.split('.')[1] ?? '';
		const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
		const claims = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Claims>;
		if (typeof claims.sub !== 'string' || typeof claims.role !== 'string') return null;
		const { sub, role } = claims;
		const consult = typeof claims.consult === 'string' && claims.consult !== '' ? claims.consult : null;
		return { sub, role, name: claims.name ?? '', consult, exp: claims.exp ?? 0 };
	} catch {
		return null;
	}
}

/** Both let the same person into the same consult in the same role. */
export function isSameWayIn(one: string | null, other: string): boolean {
	if (one === null || one === other) return one === other;
	const [a, b] = [claimsOf(one), claimsOf(other)];
	return a !== null && b !== null && a.sub === b.sub && a.consult === b.consult && a.role === b.role;
}

/** The values of `#token=…&source=…`; the fragment is taken out of the address bar and the history. */
export function takeFragment(): URLSearchParams {
	const values = new URLSearchParams(location.hash.replace(/^#/, ''));
	if (values.has('token')) history.replaceState(null, '', location.pathname + location.search);
	return values;
}

export function keep(key: string, value: string | null): void {
	try {
		if (value === null) sessionStorage.removeItem(key);
		else sessionStorage.setItem(key, value);
	} catch {
		// no storage: until the page closes
	}
}

export function kept(key: string): string | null {
	try {
		return sessionStorage.getItem(key);
	} catch {
		return null;
	}
}

export const CONSOLE_TOKEN = 'huizhen.console.token';
export const RECORDS_TOKEN = 'huizhen.records.token';
/** Of a session, by the SDK's storage key: the token it went in with; that its microphone is off. */
export const sessionToken = (storageKey: string): string => `${storageKey}.token`;
export const sessionMuted = (storageKey: string): string => `${storageKey}.muted`;
const OURS = /^huizhen\.|^(token|link\..+|console\..+)\.(token|muted)$/;

/** Nothing of this tab leads back into the session any more. */
export function forgetSession(storageKey: string): void {
	for (const key of [`huizhen.resume.${storageKey}`, sessionToken(storageKey), sessionMuted(storageKey)]) keep(key, null);
}

/** Every token of this tab, and what else leads back in. Other things of the same origin stay. */
export function forgetAll(): void {
	try {
		for (const key of Object.keys(sessionStorage)) if (OURS.test(key)) sessionStorage.removeItem(key);
	} catch {
		// no storage: nothing in it
	}
}

/** The console opens with this token from now on, records with the same. What another person left in this tab is forgotten. */
export function keepConsoleToken(token: string): void {
	const before = kept(CONSOLE_TOKEN);
	if (before !== null && claimsOf(before)?.sub !== claimsOf(token)?.sub) forgetAll();
	keep(CONSOLE_TOKEN, token);
	keep(RECORDS_TOKEN, null);
}

/** To a page that finds the token under `key`: the browser's history never sees it, unless nothing can be kept. */
export function goWithToken(path: string, key: string, token: string): void {
	keep(key, token);
	location.assign(kept(key) === token ? path : `${path}#token=${token}`);
}
