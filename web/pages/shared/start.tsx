import { render, type ComponentChild } from 'preact';
import type { Consult } from '../../sdk/src';
import { startLanguage } from '../i18n';
import { startTheme } from './theme';
import '../styles/base.css';

declare global {
	interface Window {
		/** For support staff and tests: statistics of the running consult. */
		huizhen?: { consult: Consult | null };
	}
}

export function start(page: ComponentChild): void {
	startTheme();
	startLanguage();
	window.huizhen = { consult: null };
	const root = document.getElementById('app');
	if (root) render(page, root);
}

export function expose(consult: Consult | null): void {
	window.huizhen = { consult };
}
