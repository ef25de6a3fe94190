// Invitation links of one consult: make, copy, show as QR code, revoke. The code of a link is seen only when made.
import { useState } from 'preact/hooks';
import type { Role } from '../../sdk/src';
import { language, t, type MessageKey } from '../i18n';
import { api, ApiError, type RestLink } from '../shared/api';
import { copyText } from '../shared/copy';
import { usePoll } from '../shared/hooks';
import { Icon } from '../shared/icons';
import { QrCode } from './qr-code';

interface LinksProps {
	token: string;
	consult: string;
	onFailed: (error: unknown) => void;
}

const ROLES: Role[] = ['patient', 'companion', 'interpreter', 'clinic', 'expert', 'theatre', 'observer', 'student', 'auditor', 'director', 'viewer'];
const TTLS: [MessageKey, number][] = [['ttl_hour', 3600], ['ttl_day', 86_400], ['ttl_week', 604_800]];
const REFRESH_MS = 8_000;

interface Made {
	id: string;
	name: string;
	url: string;
}

export function Links({ token, consult, onFailed }: LinksProps) {
	const [links, setLinks] = useState<RestLink[] | null>(null);
	const [made, setMade] = useState<Made | null>(null);
	const [allowed, setAllowed] = useState(true);
	const load = async () => {
		try {
			setLinks((await api.links(token, consult)).items);
		} catch (error) {
			if (error instanceof ApiError && error.status === 403) setAllowed(false);
			else onFailed(error);
		}
	};
	const refresh = usePoll(load, REFRESH_MS, [token, consult]);
	if (!allowed) return null;
	const make = async (role: Role, name: string, ttl_s: number, single_use: boolean) => {
		try {
			const link = await api.createLink(token, consult, { role, name, ttl_s, single_use });
			setMade({ id: link.id, name, url: new URL(link.url, location.origin).href });
			refresh();
		} catch (error) {
			onFailed(error);
		}
	};
	const revoke = async (link: RestLink) => {
		await api.revokeLink(token, consult, link.id).catch(onFailed);
		if (made?.id === link.id) setMade(null);
		refresh();
	};
	return (
		<section class="block" aria-label={t('linksTitle')}>
			<h3>{t('linksTitle')}</h3>
			<MakeLink onMake={make} />
			{made && <Ready key={made.id} made={made} />}
			{links !== null && links.length === 0 && <p class="hint">{t('linksEmpty')}</p>}
			<ul class="links" data-testid="link-list">
				{(links ?? []).map((link) => (
					<LinkLine key={link.id} link={link} onRevoke={() => void revoke(link)} />
				))}
			</ul>
		</section>
	);
}

function MakeLink({ onMake }: { onMake: (role: Role, name: string, ttl: number, single: boolean) => Promise<void> }) {
	const [role, setRole] = useState<Role>('patient');
	const [name, setName] = useState('');
	const [ttl, setTtl] = useState(86_400);
	const [single, setSingle] = useState(true);
	const submit = (ev: Event) => {
		ev.preventDefault();
		void onMake(role, name.trim() || t(`role_${role}`), ttl, single).then(() => setName(''));
	};
	return (
		<form class="make-link" onSubmit={submit}>
			<label class="field">
				<span>{t('linkRole')}</span>
				<select value={role} data-testid="link-role" onChange={(ev) => setRole(ev.currentTarget.value as Role)}>
					{ROLES.map((r) => (
						<option key={r} value={r}>
							{t(`role_${r}`)}
						</option>
					))}
				</select>
			</label>
			<label class="field">
				<span>{t('linkName')}</span>
				<input
					type="text" value={name} maxLength={80} placeholder={t('linkNamePlaceholder')} data-testid="link-name"
					onInput={(ev) => setName(ev.currentTarget.value)}
				/>
			</label>
			<label class="field">
				<span>{t('linkTtl')}</span>
				<select value={String(ttl)} onChange={(ev) => setTtl(Number(ev.currentTarget.value))}>
					{TTLS.map(([key, seconds]) => (
						<option key={key} value={String(seconds)}>
							{t(key)}
						</option>
					))}
				</select>
			</label>
			<label class="checkbox">
				<input
					type="checkbox" checked={single} data-testid="link-single"
					onChange={(ev) => setSingle(ev.currentTarget.checked)}
				/>
				{t('linkSingle')}
			</label>
			<button type="submit" class="primary" data-testid="link-make">
				{t('linkMake')}
			</button>
		</form>
	);
}

function Ready({ made }: { made: Made }) {
	const [copied, setCopied] = useState(false);
	const copy = async (ev: Event) => {
		const button = ev.currentTarget as HTMLElement;
		setCopied(await copyText(made.url, button.parentElement?.querySelector('input') ?? null));
	};
	return (
		<div class="ready" role="status">
			<div class="ready-text">
				<strong>{t('linkReady', { name: made.name })}</strong>
				<p class="hint">{t('linkOnce')}</p>
				<div class="row">
					<input type="text" readOnly value={made.url} data-testid="link-url" aria-label={t('linkReady', { name: made.name })} />
					<button type="button" class="primary" data-testid="link-copy" onClick={(ev) => void copy(ev)}>
						<Icon name="copy" size={20} /> {t(copied ? 'linkCopied' : 'linkCopy')}
					</button>
				</div>
			</div>
			<QrCode text={made.url} label={t('linkQr', { name: made.name })} />
		</div>
	);
}

function LinkLine({ link, onRevoke }: { link: RestLink; onRevoke: () => void }) {
	const time = new Intl.DateTimeFormat(language(), { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
	return (
		<li class="link-line" data-testid="link-item" data-link={link.id}>
			<span>
				<strong>{link.name}</strong> <span class="tag">{t(`role_${link.role}`)}</span>
			</span>
			<span class="hint">
				{t(`linkState_${link.state}`)} · {t('linkUntil', { time: time.format(link.expires_ms) })}
			</span>
			{(link.state === 'open' || link.state === 'used') && (
				<button
					type="button" data-testid="link-revoke" aria-label={t('linkRevokeName', { name: link.name })} onClick={onRevoke}
				>
					{t('linkRevoke')}
				</button>
			)}
		</li>
	);
}
