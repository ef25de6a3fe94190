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
