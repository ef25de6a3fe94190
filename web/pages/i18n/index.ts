// The language of the page: the browser's, or what the user chose by hand.
import { useEffect, useState } from 'preact/hooks';
import { en, type MessageKey, type Messages } from './en';
import { zh } from './zh';

export type { MessageKey } from './en';
export type Language = 'zh-CN' | 'en';

const KEY = 'huizhen.language';
const tables: Record<Language, Messages> = { 'zh-CN': zh, en };
const listeners = new Set<() => void>();
let current: Language = initial();

function initial(): Language {
	try {
		const saved = localStorage.getItem(KEY);
		if (saved === 'zh-CN' || saved === 'en') return saved;
	} catch {
		// no storage: the browser's language
	}
	return /^zh\b/i.test(navigator.language || 'zh-CN') ? 'zh-CN' : 'en';
}

export function language(): Language {
	return current;
}

export function setLanguage(next: Language): void {
	current = next;
	document.documentElement.lang = next;
	try {
		localStorage.setItem(KEY, next);
	} catch {
		// no storage: until the page closes
	}
	listeners.forEach((fn) => fn());
}

export function t(key: MessageKey, values: Record<string, string | number> = {}): string {
	return tables[current][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** For keys made of what a server said: null when there is no such text. */
export function maybe(key: string, values: Record<string, string | number> = {}): string | null {
	return Object.prototype.hasOwnProperty.call(tables[current], key) ? t(key as MessageKey, values) : null;
}

/** Renders the component again when the language changes. */
export function useLanguage(): Language {
	const [, bump] = useState(0);
	useEffect(() => {
		const fn = () => bump((n) => n + 1);
		listeners.add(fn);
		return () => void listeners.delete(fn);
	}, []);
	return current;
}

export function startLanguage(): void {
	document.documentElement.lang = current;
}

/** "under 1 min", "3 min" */
export function duration(seconds: number): string {
	return seconds < 60 ? t('lessThanMinute') : t('minutes', { n: Math.floor(seconds / 60) });
}
