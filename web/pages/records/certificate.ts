// certificate.json (recorder/record/certificate.h): what it says, and what of it this browser can check.
import type { ManifestFile } from './model';
import { Sha256, sha256 } from './sha256';

export type Verdict = 'good' | 'bad' | 'unknown';
/** Of manifest and events; changing: they are being made anew, and their certificate follows. */
export type ListVerdict = Verdict | 'changing';

export interface SignedFile {
	path: string;
	bytes: number;
	sha256: string;
}

export interface Certificate {
	/** SHA-256 of the file itself, hex: for telephone and paper. */
	sha256: string;
	algorithm: string;
	key: string;
	chain: string;
	issued_ms: number;
	people: { name: string; role: string; periods: { from_ms: number; to_ms: number }[]; consent: string }[];
	files: SignedFile[];
	/** Whether it fits content and key inside: who that key belongs to is proved elsewhere (recVerifyText). */
	signature: Verdict;
}

interface Signed {
	certificate?: Record<string, unknown>;
	signature?: { protected?: string; signature?: string };
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
	return Uint8Array.from(atob(base64url.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
}

function base64url(text: string): string {
	let binary = '';
	for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
	return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** Sorted keys, no blanks, control characters as the gateway writes them. */
export function canonical(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
	if (typeof value === 'object' && value !== null) {
		const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
		return `{${members.map(([k, v]) => `${canonical(k)}:${canonical(v)}`).join(',')}}`;
	}
	return JSON.stringify(value).replace(/\\(u[0-9a-f]{4}|.)/g, (all, code: string) => (code.length > 1 ? `\\u${code.slice(1).toUpperCase()}` : all));
}

async function checkSignature(root: Signed, header: Record<string, unknown>): Promise<Verdict> {
	const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
	if (header.alg !== 'ES256' || !subtle) return 'unknown';
	try {
		const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
		const key = await subtle.importKey('jwk', header.jwk as JsonWebKey, algorithm, false, ['verify']);
		const text = `${root.signature?.protected}.${base64url(canonical(root.certificate))}`;
		const good = await subtle.verify(algorithm, key, bytesOf(root.signature?.signature ?? ''), new TextEncoder().encode(text));
		return good ? 'good' : 'bad';
	} catch {
		return 'bad';
	}
}

function headerOf(root: Signed): Record<string, unknown> {
	try {
		return JSON.parse(new TextDecoder().decode(bytesOf(root.signature?.protected ?? ''))) as Record<string, unknown>;
	} catch {
		return {};
	}
}

/** Throws when it is no JSON. */
export async function readCertificate(text: string): Promise<Certificate> {
	const root = JSON.parse(text) as Signed;
	const content = root.certificate ?? {};
	const header = headerOf(root);
	const list = <T>(name: string) => (Array.isArray(content[name]) ? (content[name] as T[]) : []);
	type Person = { name?: string; id?: string; role?: string; periods?: { from_ms: number; to_ms: number }[]; consent?: { state: string }[] };
	return {
		sha256: sha256(text),
		algorithm: String(header.alg ?? ''),
		key: String(header.kid ?? ''),
		chain: String((content.journal as { chain?: string } | undefined)?.chain ?? ''),
		issued_ms: Number(content.issued_ms ?? 0),
		people: list<Person>('participants').map((p) => ({
			name: p.name || p.id || '', role: p.role ?? '', periods: p.periods ?? [], consent: p.consent?.[p.consent.length - 1]?.state ?? 'none',
		})),
		files: list<SignedFile>('files'),
		signature: await checkSignature(root, header),
	};
}

/** Whether documents that this page got, and the files that they name, are those of the certificate. */
export function checkLists(certificate: Certificate, documents: Record<string, string>, files: ManifestFile[]): Verdict {
	const signed = new Map(certificate.files.map((f) => [f.path, f.sha256]));
	if (!signed.has('manifest.json')) return 'unknown';
	for (const [path, text] of Object.entries(documents)) if (signed.has(path) && signed.get(path) !== sha256(text)) return 'bad';
	return files.every((f) => signed.get(f.path) === f.sha256) ? 'good' : 'bad';
}

/** Fetches every file and compares. Returns the paths of those that differ or are not there; `progress`: 0 to 1. */
export async function checkFiles(
	files: SignedFile[], url: (path: string) => string, progress: (done: number) => void, stop: AbortSignal,
): Promise<string[]> {
	const all = Math.max(1, files.reduce((sum, f) => sum + f.bytes, 0));
	const bad: string[] = [];
	let done = 0;
	for (const file of files) {
		const hash = new Sha256();
		const response = await fetch(url(file.path), { credentials: 'same-origin', cache: 'no-store', signal: stop });
		const reader = response.ok ? response.body?.getReader() : undefined;
		for (;;) {
			const piece = await reader?.read();
			if (!piece || piece.done) break;
			hash.update(piece.value);
			done += piece.value.length;
			progress(Math.min(1, done / all));
		}
		if (!reader || hash.digest() !== file.sha256) bad.push(file.path);
	}
	return bad;
}
