// Light and dark: the system's choice, or the user's for a dark reading room.
export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'huizhen.theme';
const ORDER: Theme[] = ['auto', 'light', 'dark'];

export function theme(): Theme {
	try {
		const saved = localStorage.getItem(KEY);
		if (saved === 'light' || saved === 'dark') return saved;
	} catch {
		// no storage
	}
	return 'auto';
}

export function setTheme(next: Theme): void {
	try {
		if (next === 'auto') localStorage.removeItem(KEY);
		else localStorage.setItem(KEY, next);
	} catch {
		// no storage: until the page closes
	}
	apply(next);
}

export function nextTheme(now: Theme): Theme {
	return ORDER[(ORDER.indexOf(now) + 1) % ORDER.length] ?? 'auto';
}

function apply(value: Theme): void {
	if (value === 'auto') delete document.documentElement.dataset.theme;
	else document.documentElement.dataset.theme = value;
}

export function startTheme(): void {
	apply(theme());
}
