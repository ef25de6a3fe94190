// /console: the staff's list of consults, one of them in detail, and the consult itself.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { savedResumeKey, type Consult, type Role } from '../../sdk/src';
import { CallView } from '../call/call-view';
import { t, useLanguage } from '../i18n';
import { ArchivePanel } from '../records/archive-panel';
import { RecordsList } from '../records/list';
import { api, ApiError, type RestConsult } from '../shared/api';
import { enter } from '../shared/enter';
import { usePoll } from '../shared/hooks';
import { audioContext } from '../shared/sounds';
import { expose } from '../shared/start';
import { claimsOf, CONSOLE_TOKEN, forgetAll, keep, keepConsoleToken, kept, takeFragment, type Claims } from '../shared/token';
import { Notice, TopBar } from '../shared/ui';
import { ConsultDetail } from './consult-detail';
import { ConsultList } from './consult-list';
import { Devices } from './devices';

const INSIDE_KEY = 'huizhen.console.inside';
const LIST_MS = 4_000;
/** Whom the gateway lets see records, if at all. */
const RECORD_ROLES: Role[] = ['admin', 'clinic', 'expert', 'auditor'];
const DEVICE_ROLES: Role[] = ['admin', 'clinic'];
type Section = 'consults' | 'records' | 'devices';
const TITLES = { consults: 'consoleTitle', records: 'recordsTitle', devices: 'devicesSection' } as const;

function initialToken(): string | null {
	const given = takeFragment().get('token');
	if (given !== null) keepConsoleToken(given);
	return given ?? kept(CONSOLE_TOKEN);
}

export function ConsolePage() {
	useLanguage();
	const [token, setToken] = useState<string | null>(initialToken);
	const [expired, setExpired] = useState(false);
	const [consult, setConsult] = useState<Consult | null>(null);
	const [left, setLeft] = useState('');
	const claims = token === null ? null : claimsOf(token);

	const show = (next: Consult, storageKey: string) => {
		keep(INSIDE_KEY, storageKey);
		setConsult(next);
		next.on('end', (reason) => {
			keep(INSIDE_KEY, null);
			expose(null);
			setConsult(null);
			setLeft(reason);
		});
	};
	useLayoutEffect(() => {
		// A staff link opened while this tab shows the console changes the fragment only.
		const onHash = () => {
			const next = takeFragment().get('token');
			if (next === null) return;
			keepConsoleToken(next);
			setExpired(false);
			setToken(next);
		};
		addEventListener('hashchange', onHash);
		return () => removeEventListener('hashchange', onHash);
	}, []);
	useEffect(() => {
		const inside = kept(INSIDE_KEY);
		if (inside !== null && savedResumeKey(inside) !== null) {
			enter({ storageKey: inside }).then(
				(c) => show(c, inside),
				() => keep(INSIDE_KEY, null),
			);
		}
	}, []);
	const signOut = () => {
		forgetAll();
		setToken(null);
	};

	if (consult) return <CallView consult={consult} />;
	if (token === null || claims === null || expired) {
		return (
			<div class="page">
				<TopBar />
				<main class="narrow">
					<Notice title={t('consoleSignInTitle')} text={t(expired ? 'consoleExpired' : 'consoleSignInText')} testid="sign-in" />
				</main>
			</div>
		);
	}
	return (
		<div class="page wide">
			<TopBar>
				<span class="who">
					{claims.name} <span class="tag">{t(`role_${claims.role}`)}</span>
				</span>
				<button type="button" class="quiet" data-testid="sign-out" onClick={signOut}>
					{t('consoleSignOut')}
				</button>
			</TopBar>
			<Sections token={token} claims={claims} left={left} onExpired={() => setExpired(true)} onInside={show} />
		</div>
	);
}

/** Consults, what was recorded of them, and devices of all consults; auditors see records only. */
function Sections(props: WorkspaceProps) {
	const { token, claims } = props;
	const both = claims.role !== 'auditor';
	const devices = DEVICE_ROLES.includes(claims.role) && claims.consult === null;
	const sections: Section[] = devices ? ['consults', 'records', 'devices'] : ['consults', 'records'];
	const asked = sections.find((key) => location.hash === `#${key}`) ?? 'consults';
	const [section, setSection] = useState<Section>(both ? asked : 'records');
	const go = (to: Section) => {
		history.replaceState(null, '', to === 'consults' ? location.pathname + location.search : `#${to}`);
		setSection(to);
	};
	if (!RECORD_ROLES.includes(claims.role)) return <Workspace {...props} />;
	return (
		<>
			{both && (
				<nav class="workspace sections" aria-label={t('consoleSections')}>
					<div class="switch">
						{sections.map((key) => (
							<button
								key={key} type="button" aria-current={section === key ? 'page' : undefined} data-testid={`section-${key}`}
								onClick={() => go(key)}
							>
								{t(TITLES[key])}
							</button>
						))}
					</div>
				</nav>
			)}
			{section === 'consults' ? (
				<Workspace {...props} />
			) : section === 'devices' ? (
				<main class="workspace">
					<Devices token={token} onExpired={props.onExpired} />
				</main>
			) : (
				<main class="workspace records-home">
					<h1>{t('recordsTitle')}</h1>
					{claims.role === 'admin' && claims.consult === null && <ArchivePanel token={token} />}
					<RecordsList token={token} consult={null} onExpired={props.onExpired} />
				</main>
			)}
		</>
	);
}

interface WorkspaceProps {
	token: string;
	claims: Claims;
	left: string;
	onExpired: () => void;
	onInside: (consult: Consult, storageKey: string) => void;
}

function Workspace({ token, claims, left, onExpired, onInside }: WorkspaceProps) {
	const [consults, setConsults] = useState<RestConsult[] | null>(null);
	const [selected, setSelected] = useState<string | null>(claims.consult);
	const [problem, setProblem] = useState('');
	const failed = (error: unknown) => {
		if (error instanceof ApiError && error.status === 401) onExpired();
		else if (error instanceof ApiError && error.status === 0) setProblem(t('networkErrorText'));
		else setProblem(t('requestFailed', { detail: error instanceof Error ? error.message : String(error) }));
	};
	const load = async () => {
		try {
			// A token of one consult sees this one only.
			const items = claims.consult ? [await api.consult(token, claims.consult)] : (await api.consults(token)).items;
			setConsults(items);
			setProblem('');
		} catch (error) {
			failed(error);
		}
	};
	const refresh = usePoll(load, LIST_MS, [token]);
	const create = async (title: string) => {
		const made = await api.createConsult(token, title);
		setSelected(made.id);
		refresh();
	};
	const current = consults?.find((c) => c.id === selected) ?? null;
	const detail = useRef<HTMLDivElement>(null);
	const select = (id: string) => {
		setSelected(id);
		setTimeout(() => detail.current?.scrollIntoView?.({ block: 'nearest' }), 50);
	};
	const goInside = async (consult: RestConsult, role: Role) => {
		audioContext(); // in the click, for the bell
		const storageKey = `console.${consult.id}`;
		onInside(await enter({ token: await tokenFor(token, claims, consult.id, role), storageKey }), storageKey);
	};
	return (
		<main class="workspace">
			<p class="problem-line" role="alert">
				{problem}
			</p>
			{left === 'closed' && <p class="hint">{t('endClosedTitle')}</p>}
			<div class="columns">
				<ConsultList
					consults={consults} selected={selected} onSelect={select} onCreate={claims.consult ? null : create}
				/>
				<div class="detail" ref={detail}>
					{current ? (
						<ConsultDetail
							key={current.id} token={token} consult={current} claims={claims}
							onEnter={(role) => goInside(current, role)} onChanged={refresh} onFailed={failed} onExpired={onExpired}
							records={RECORD_ROLES.includes(claims.role)}
						/>
					) : (
						<p class="hint empty">{t('selectConsult')}</p>
					)}
				</div>
			</div>
		</main>
	);
}

/** A token of no consult cannot join one: it makes itself a link and uses it up at once. */
async function tokenFor(token: string, claims: Claims, consult: string, role: Role): Promise<string> {
	if (claims.consult === consult && claims.role === role) return token;
	const name = claims.name || t(`role_${role}`);
	const link = await api.createLink(token, consult, { role, name, ttl_s: 12 * 3600, single_use: true });
	return (await api.redeem(link.code)).token;
}
