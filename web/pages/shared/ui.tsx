// Small pieces every page uses.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { language, setLanguage, t, useLanguage } from '../i18n';
import { Icon, type IconName } from './icons';
import { nextTheme, setTheme, theme } from './theme';

export function LanguageSwitch() {
	useLanguage();
	const other = language() === 'en' ? 'zh-CN' : 'en';
	return (
		<button
			type="button"
			class="quiet"
			data-testid="language-switch"
			lang={other}
			aria-label={t('switchLanguageLabel')}
			onClick={() => setLanguage(other)}
		>
			{t('switchLanguage')}
		</button>
	);
}

export function ThemeSwitch() {
	const [now, setNow] = useState(theme());
	const name = { auto: t('themeAuto'), light: t('themeLight'), dark: t('themeDark') }[now];
	const icon: IconName = now === 'auto' ? 'auto' : now === 'light' ? 'sun' : 'moon';
	const label = t('themeButton', { mode: name });
	const change = () => {
		const next = nextTheme(now);
		setTheme(next);
		setNow(next);
	};
	return (
		<button type="button" class="quiet square" data-testid="theme-switch" aria-label={label} title={label} onClick={change}>
			<Icon name={icon} size={20} />
		</button>
	);
}

export function Brand() {
	return (
		<span class="brand">
			<svg width="28" height="28" viewBox="0 0 32 32" aria-hidden="true">
				<rect class="brand-box" width="32" height="32" rx="8" />
				<path class="brand-line" d="M6 17h5l3-8 4 14 3-6h5" />
			</svg>
			<span class="brand-name">{t('appName')}</span>
		</span>
	);
}

export function TopBar({ children }: { children?: ComponentChildren }) {
	return (
		<header class="topbar">
			<Brand />
			<div class="topbar-middle">{children}</div>
			<LanguageSwitch />
			<ThemeSwitch />
		</header>
	);
}

/** One calm message in the middle of the page. It took the place of what had the focus, so it has it: screen readers say it. */
export function Notice(props: { title: string; text?: string; children?: ComponentChildren; testid?: string }) {
	const heading = useRef<HTMLHeadingElement>(null);
	useEffect(() => heading.current?.focus(), []);
	return (
		<section class="card notice" data-testid={props.testid}>
			<h1 tabIndex={-1} ref={heading}>
				{props.title}
			</h1>
			{props.text && <p>{props.text}</p>}
			{props.children && <div class="row center">{props.children}</div>}
		</section>
	);
}

/** The question "really?" as a modal dialog; keyboard and Escape as expected. */
export function Confirm(props: { text: string; yes: string; no: string; onYes: () => void; onNo: () => void }) {
	const box = useRef<HTMLDivElement>(null);
	const first = useRef<HTMLButtonElement>(null);
	useEffect(() => {
		const before = document.activeElement as HTMLElement | null;
		first.current?.focus();
		return () => before?.focus?.();
	}, []);
	const onKeyDown = (ev: KeyboardEvent) => {
		if (ev.key === 'Escape') props.onNo();
		if (ev.key !== 'Tab') return;
		const buttons = box.current?.querySelectorAll('button');
		const last = buttons?.[buttons.length - 1];
		if (ev.shiftKey && document.activeElement === first.current) {
			last?.focus();
			ev.preventDefault();
		} else if (!ev.shiftKey && document.activeElement === last) {
			first.current?.focus();
			ev.preventDefault();
		}
	};
	return (
		<div class="veil">
			<div class="card dialog" role="alertdialog" aria-modal="true" aria-label={props.text} ref={box} onKeyDown={onKeyDown}>
				<p>{props.text}</p>
				<div class="row center">
					<button type="button" ref={first} onClick={props.onNo}>
						{props.no}
					</button>
					<button type="button" class="danger" data-testid="confirm-yes" onClick={props.onYes}>
						{props.yes}
					</button>
				</div>
			</div>
		</div>
	);
}
