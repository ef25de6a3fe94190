// A theatre source is added or changed; for an encoder that publishes by itself (WHIP), what it needs for that.
import { useState } from 'preact/hooks';
import { language, t } from '../i18n';
import { api, ApiError, type RestSource } from '../shared/api';
import { copyText } from '../shared/copy';
import { claimsOf } from '../shared/token';
import { changes, EXAMPLES, KINDS, wayOf, WAYS, type Draft, type Way } from './sources-model';

interface FormProps {
	token: string;
	consult: string;
	/** Null: a new one. */
	source: RestSource | null;
	onDone: () => void;
	onCancel: () => void;
}

const ENCODER_S = 12 * 3600;

interface Access {
	url: string;
	bearer: string;
}

/** A link that is used up at once: its token is the encoder's. */
async function encoderAccess(token: string, consult: string, name: string): Promise<Access> {
	const link = await api.createLink(token, consult, { role: 'theatre', name, ttl_s: ENCODER_S, single_use: true });
	const { token: bearer } = await api.redeem(link.code);
	return { url: `${location.origin}/whip/${encodeURIComponent(consult)}`, bearer };
}

const wordsOf = (error: unknown): string => {
	if (!(error instanceof ApiError)) return t('actionFailed');
	if (error.status === 0) return t('networkErrorText');
	return t(error.field === '/url' ? 'sourceBadAddress' : 'requestFailed', { detail: error.message });
};

export function SourceForm({ token, consult, source, onDone, onCancel }: FormProps) {
	const [way, setWay] = useState<Way>(source ? wayOf(source.url) : 'rtsp');
	const [draft, setDraft] = useState<Draft>(source ?? { name: '', kind: 'camera', url: '', loop: false });
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState('');
	const [access, setAccess] = useState<Access | null>(null);
	const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
	const choose = (next: Way) => {
		setWay(next);
		change({ url: next === 'test' ? 'test:' : '' });
	};
	const save = async (): Promise<void> => {
		const name = draft.name.trim() || t(`source_${draft.kind}`);
		if (way === 'whip') return setAccess(await encoderAccess(token, consult, name));
		if (source) await api.updateSource(token, consult, source.id, changes(source, { ...draft, name }));
		else await api.createSource(token, consult, { ...draft, name, url: draft.url.trim() });
		onDone();
	};
	const submit = (ev: Event) => {
		ev.preventDefault();
		setBusy(true);
		setProblem('');
		void save().catch((error: unknown) => setProblem(wordsOf(error))).finally(() => setBusy(false));
	};
	if (access) return <AccessReady access={access} onDone={onDone} />;
	return (
		<form class="source-form" data-testid="source-form" autocomplete="off" onSubmit={submit}>
			<label class="field">
				<span>{t('sourceName')}</span>
				<input type="text" value={draft.name} maxLength={80} placeholder={t(`source_${draft.kind}`)} data-testid="source-name" onInput={(ev) => change({ name: ev.currentTarget.value })} />
			</label>
			<label class="field">
				<span>{t('sourceWay')}</span>
				<select value={way} data-testid="source-way" onChange={(ev) => choose(ev.currentTarget.value as Way)}>
					{WAYS.filter((key) => !source || key !== 'whip').map((key) => <option key={key} value={key}>{t(`sourceWay_${key}`)}</option>)}
				</select>
			</label>
			{way !== 'whip' && (
				<label class="field">
					<span>{t('sourceKind')}</span>
					<select value={draft.kind} data-testid="source-kind" onChange={(ev) => change({ kind: ev.currentTarget.value as RestSource['kind'] })}>
						{KINDS.map((kind) => <option key={kind} value={kind}>{t(`source_${kind}`)}</option>)}
					</select>
				</label>
			)}
			{way !== 'whip' && way !== 'test' && (
				<label class="field across">
					<span>{t('sourceAddress')}</span>
					<input
						type="text" value={draft.url} maxLength={1023} required placeholder={EXAMPLES[way]} autocomplete="off" autocapitalize="off" spellcheck={false}
						data-testid="source-url" onInput={(ev) => change({ url: ev.currentTarget.value })}
					/>
				</label>
			)}
			<p class="hint across">{t(source?.url.includes('***') && draft.url === source.url ? 'sourceStars' : `sourceHow_${way}`)}</p>
			{way === 'file' && (
				<label class="checkbox across">
					<input type="checkbox" checked={draft.loop} data-testid="source-loop" onChange={(ev) => change({ loop: ev.currentTarget.checked })} />
					{t('sourceLoop')}
				</label>
			)}
			<p class="problem-line across" role="alert" data-testid="source-problem">{problem}</p>
			<div class="row across">
				<button type="submit" class="primary" disabled={busy} data-testid="source-save">{t(way === 'whip' ? 'sourceAccessMake' : source ? 'sourceSave' : 'sourceAdd')}</button>
				<button type="button" onClick={onCancel}>{t('cancel')}</button>
			</div>
		</form>
	);
}

/** Seen once. */
function AccessReady({ access, onDone }: { access: Access; onDone: () => void }) {
	const time = new Intl.DateTimeFormat(language(), { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
	const until = claimsOf(access.bearer)?.exp ?? 0;
	return (
		<div class="ready-text source-access" role="status" data-testid="source-access">
			<strong>{t('sourceAccess')}</strong>
			<p class="hint">{t('sourceAccessHow', { time: time.format(until * 1000) })}</p>
			<Copied label={t('sourceAccessUrl')} text={access.url} />
			<Copied label={t('sourceAccessToken')} text={access.bearer} />
			<div class="row">
				<button type="button" class="primary" data-testid="source-access-done" onClick={onDone}>{t('close')}</button>
			</div>
		</div>
	);
}

function Copied({ label, text }: { label: string; text: string }) {
	const [copied, setCopied] = useState(false);
	const copy = async (ev: Event) => {
		const row = (ev.currentTarget as HTMLElement).parentElement;
		setCopied(await copyText(text, row?.querySelector('input') ?? null));
	};
	return (
		<div class="row copied">
			<label class="field">
				<span>{label}</span>
				<input type="text" readOnly value={text} />
			</label>
			<button type="button" aria-label={`${t('sourceCopy')}: ${label}`} onClick={(ev) => void copy(ev)}>{t(copied ? 'linkCopied' : 'sourceCopy')}</button>
		</div>
	);
}
