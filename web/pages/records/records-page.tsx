// /records/{id}#token=…: one record, from "still being recorded" to the player. /records: the list of them.
import { useEffect, useState } from 'preact/hooks';
import { language, maybe, t, useLanguage, type MessageKey } from '../i18n';
import { api, ApiError, type RestRecordingOne } from '../shared/api';
import { Icon } from '../shared/icons';
import { claimsOf, CONSOLE_TOKEN, keep, kept, RECORDS_TOKEN, takeFragment } from '../shared/token';
import { Notice, TopBar } from '../shared/ui';
import { ProofBlock } from './about';
import { ArchivePanel } from './archive-panel';
import { loadCertificate, passing, type Proof } from './documents';
import { RecordsList } from './list';
import { ReplayView } from './replay-view';
import { openRecord, type Opened } from './session';

const POLL_MS = 3_000;

interface Target {
	/** Null: the list. */
	record: string | null;
	token: string;
}

/** The token of the link; of an earlier visit in this tab; of the console that led here. */
function target(): Target | null {
	const record = /^\/records\/([0-9a-f-]{36})\/?$/.exec(location.pathname)?.[1] ?? null;
	const given = takeFragment().get('token');
	if (given !== null) keep(RECORDS_TOKEN, given);
	const token = given ?? kept(RECORDS_TOKEN) ?? kept(CONSOLE_TOKEN);
	return token === null ? null : { record, token };
}

const WAITS: Partial<Record<RestRecordingOne['state'], [MessageKey, MessageKey]>> = {
	recording: ['recRunningTitle', 'recRunningText'],
	ended: ['recPreparingTitle', 'recPreparingText'],
	finalising: ['recPreparingTitle', 'recPreparingText'],
	failed: ['recFailedTitle', 'recFailedText'],
	deleted: ['recDeletedTitle', 'recDeletedText'],
};

function refusal(error: unknown): [MessageKey, MessageKey] {
	const status = error instanceof ApiError ? error.status : -1;
	if (status === 401) return ['recSignInTitle', 'recSignInText'];
	if (status === 403 || status === 404) return ['recRefusedTitle', 'recRefusedText'];
	if (status === 0) return ['networkErrorTitle', 'networkErrorText'];
	return ['recBrokenTitle', 'recBrokenText'];
}

export function RecordsPage() {
	useLanguage();
	const [to] = useState(target);
	const [expired, setExpired] = useState(false);
	const claims = to ? claimsOf(to.token) : null;
	const fromConsole = kept(CONSOLE_TOKEN) !== null;
	return (
		<div class="page wide">
			<TopBar>
				{claims && (
					<span class="who">
						{claims.name} <span class="tag">{maybe(`role_${claims.role}`) ?? claims.role}</span>
					</span>
				)}
			</TopBar>
			<main class="records">
				{(fromConsole || to?.record) && (
					<nav class="crumbs" aria-label={t('recordsNav')}>
						{fromConsole ? (
							<a href="/console#records">
								<Icon name="back" size={18} /> {t('recBackToConsole')}
							</a>
						) : (
							<a href="/records">
								<Icon name="back" size={18} /> {t('recBackToList')}
							</a>
						)}
					</nav>
				)}
				{to === null || expired ? (
					<div class="narrow">
						<Notice title={t('recSignInTitle')} text={t('recSignInText')} testid="record-refused" />
					</div>
				) : to.record !== null ? (
					<OneRecord token={to.token} id={to.record} download={claims?.role !== 'auditor'} />
				) : (
					<div class="records-home">
						<h1>{t('recordsTitle')}</h1>
						{claims?.role === 'admin' && claims.consult === null && <ArchivePanel token={to.token} />}
						<RecordsList token={to.token} consult={null} onExpired={() => setExpired(true)} />
					</div>
				)}
			</main>
		</div>
	);
}

function OneRecord({ token, id, download }: { token: string; id: string; download: boolean }) {
	const [record, setRecord] = useState<RestRecordingOne | null>(null);
	const [opened, setOpened] = useState<Opened | null>(null);
	const [proof, setProof] = useState<Proof | null>(null);
	const [busy, setBusy] = useState(false);
	const fetchProof = async (): Promise<void> => {
		setBusy(true);
		const found = await loadCertificate(token, id);
		setProof(typeof found === 'string' ? { state: found } : { state: 'there', certificate: found, lists: 'unknown', files: [] });
		setBusy(false);
	};
	const [problem, setProblem] = useState<[MessageKey, MessageKey] | null>(null);
	useEffect(() => {
		let over = false;
		let timer: ReturnType<typeof setTimeout> | undefined;
		let view: Opened['view'] | null = null;
		const load = async () => {
			try {
				const now = await api.recording(token, id);
				if (over) return;
				setRecord(now);
				setProblem(null);
				if (now.state === 'finalised' || now.state === 'delivered') {
					const all = await openRecord(token, now);
					view = all.view;
					if (over) view.close();
					else setOpened(all);
					return;
				}
				if (now.state === 'deleted') {
					await fetchProof();
					return;
				}
			} catch (error) {
				if (over) return;
				setProblem(refusal(error));
				if (!passing(error)) return;
			}
			if (!over) timer = setTimeout(() => void load(), POLL_MS);
		};
		void load();
		return () => {
			over = true;
			clearTimeout(timer);
			view?.close();
		};
	}, [token, id]);
	if (opened && record) return <ReplayView token={token} record={record} opened={opened} download={download} />;
	if (problem)
		return (
			<div class="narrow">
				<Notice title={t(problem[0])} text={t(problem[1])} testid="record-refused" />
			</div>
		);
	const wait = record ? WAITS[record.state] : undefined;
	if (!record || !wait) return <p class="loading">{t('loading')}</p>;
	const time = new Intl.DateTimeFormat(language(), { dateStyle: 'long', timeStyle: 'short' });
	return (
		<div class="narrow">
			<section class="card notice" data-testid="record-state" data-state={record.state}>
				<h1>{t(wait[0])}</h1>
				<p>{t(wait[1])}</p>
				<p class="hint">
					{record.title || record.consult} · {time.format(record.started_ms)}
				</p>
				{record.error && <p class="rec-error">{t('recordsReason', { reason: record.error })}</p>}
			</section>
			{proof && <ProofBlock proof={proof} url={() => ''} onAgain={() => void fetchProof()} busy={busy} />}
		</div>
	);
}
