// Cameras, encoders and files that publish into a consult by themselves: how each stands, with a small picture.
import { useEffect, useState } from 'preact/hooks';
import type { Participant } from '../../sdk/src';
import { language, t } from '../i18n';
import { api, ApiError, type RestSource } from '../shared/api';
import { usePoll } from '../shared/hooks';
import { Confirm } from '../shared/ui';
import { SourceForm } from './source-form';
import { encoders, figures, mood, pictureOf, reconnects } from './sources-model';

interface SourcesProps {
	token: string;
	consult: string;
	onFailed: (error: unknown) => void;
}

const REFRESH_MS = 3_000;

export function Sources({ token, consult, onFailed }: SourcesProps) {
	const [sources, setSources] = useState<RestSource[] | null>(null);
	const [others, setOthers] = useState<Participant[]>([]);
	const [allowed, setAllowed] = useState(true);
	const [edited, setEdited] = useState<RestSource | 'new' | null>(null);
	const [gone, setGone] = useState<{ name: string; job: () => Promise<unknown> } | null>(null);
	const load = async () => {
		try {
			const [list, people] = await Promise.all([api.sources(token, consult), api.participants(token, consult)]);
			setSources(list.items);
			setOthers(encoders(people.items, list.items));
		} catch (error) {
			if (error instanceof ApiError && error.status === 403) setAllowed(false);
			else onFailed(error);
		}
	};
	const refresh = usePoll(load, REFRESH_MS, [token, consult]);
	if (!allowed) return null;
	const act = (job: Promise<unknown>) => void job.catch(onFailed).then(refresh);
	const done = () => {
		setEdited(null);
		refresh();
	};
	const empty = sources !== null && sources.length + others.length === 0;
	return (
		<section class="block" aria-label={t('sourcesTitle')} data-testid="sources">
			<div class="block-head">
				<h3>
					{t('sourcesTitle')} <span class="count">{(sources?.length ?? 0) + others.length}</span>
				</h3>
				{edited === null && (
					<button type="button" data-testid="source-add" onClick={() => setEdited('new')}>{t('sourceAdd')}</button>
				)}
			</div>
			{edited !== null && (
				<SourceForm key={edited === 'new' ? '' : edited.id} token={token} consult={consult} source={edited === 'new' ? null : edited} onDone={done} onCancel={() => setEdited(null)} />
			)}
			{empty && edited === null && <p class="hint">{t('sourcesEmpty')}</p>}
			<ul class="sources">
				{(sources ?? []).map((s) => (
					<SourceCard
						key={s.id} token={token} consult={consult} source={s} onEdit={() => setEdited(s)}
						onSwitch={() => act(api.updateSource(token, consult, s.id, { enabled: !s.enabled }))}
						onRemove={() => setGone({ name: s.name, job: () => api.removeSource(token, consult, s.id) })}
					/>
				))}
				{others.map((p) => (
					<EncoderCard key={p.id} person={p} onRemove={() => setGone({ name: p.name, job: () => api.removeParticipant(token, consult, p.id) })} />
				))}
			</ul>
			{gone && (
				<Confirm
					text={t('sourceRemoveConfirm', { name: gone.name })} yes={t('sourceRemove')} no={t('cancel')} onNo={() => setGone(null)}
					onYes={() => {
						setGone(null);
						act(gone.job());
					}}
				/>
			)}
		</section>
	);
}

interface CardProps {
	token: string;
	consult: string;
	source: RestSource;
	onEdit: () => void;
	onSwitch: () => void;
	onRemove: () => void;
}

function SourceCard({ token, consult, source: s, onEdit, onSwitch, onRemove }: CardProps) {
	const time = new Intl.DateTimeFormat(language(), { hour: '2-digit', minute: '2-digit', second: '2-digit' });
	const again = reconnects(s);
	const known = figures(s);
	const wrong = s.enabled && s.reason !== '' && s.state !== 'live';
	return (
		<li class="source" data-testid="source" data-source={s.id} data-state={s.state}>
			<Thumbnail token={token} consult={consult} source={s} />
			<div class="source-text">
				<strong class="source-name">{s.name}</strong>
				<span class="source-line">
					<span class="tag">{t(`source_${s.kind}`)}</span> <span class={`state ${mood(s.state)}`}>{t(`sourceState_${s.state}`)}</span>{' '}
					<span class="hint">{t('sourceSince', { time: time.format(s.since_ms) })}</span>
				</span>
				{wrong && <span class="source-why" data-testid="source-why">{t(`sourceReason_${s.reason as Exclude<RestSource['reason'], ''>}`)}</span>}
				{s.state === 'locked' && <span class="source-why">{t('sourceLockedWhy')}</span>}
				{known && <span data-testid="source-figures">{known}</span>}
				{s.state === 'live' && <span class="hint">{t(s.passed_video ? 'sourcePassed' : 'sourceEncoded')}</span>}
				{again > 0 && <span class="hint" data-testid="source-again">{t('sourceAgain', { count: again })}</span>}
				<code class="source-url">{s.url}</code>
			</div>
			<div class="source-actions">
				<button type="button" data-testid="source-edit" aria-label={t('sourceEditName', { name: s.name })} onClick={onEdit}>{t('sourceEdit')}</button>
				<button type="button" data-testid="source-switch" aria-label={t(s.enabled ? 'sourceOffName' : 'sourceOnName', { name: s.name })} onClick={onSwitch}>
					{t(s.enabled ? 'sourceOff' : 'sourceOn')}
				</button>
				<button type="button" data-testid="source-remove" aria-label={t('sourceRemoveName', { name: s.name })} onClick={onRemove}>{t('sourceRemove')}</button>
			</div>
		</li>
	);
}

/** Somebody's own encoder: it comes and goes by itself. */
function EncoderCard({ person, onRemove }: { person: Participant; onRemove: () => void }) {
	const picture = pictureOf(person);
	const state = person.status === 'away' ? 'connecting' : picture?.active ? 'live' : 'listening';
	return (
		<li class="source" data-testid="source" data-source={person.id} data-state={state}>
			<span class="source-thumb none" aria-hidden="true">WHIP</span>
			<div class="source-text">
				<strong class="source-name">{person.name}</strong>
				<span class="source-line">
					<span class="tag">{t(`source_${picture?.source ?? 'camera'}`)}</span> <span class={`state ${mood(state)}`}>{t(state === 'live' ? 'sourceState_live' : 'sourceEncoderWaits')}</span>
				</span>
				<span>{['WHIP', picture?.codec].filter(Boolean).join(' · ')}</span>
			</div>
			<div class="source-actions">
				<button type="button" data-testid="source-remove" aria-label={t('sourceRemoveName', { name: person.name })} onClick={onRemove}>{t('sourceRemove')}</button>
			</div>
		</li>
	);
}

/** The newest small picture; it cannot be had without the token, so not by an address. */
function Thumbnail({ token, consult, source: s }: { token: string; consult: string; source: RestSource }) {
	const [url, setUrl] = useState<string | null>(null);
	const at = s.enabled && s.state === 'live' ? s.thumbnail_ms : null;
	useEffect(() => {
		let here = true;
		if (at === null) setUrl(null);
		else api.thumbnail(token, consult, s.id).then((blob) => here && setUrl(URL.createObjectURL(blob)), () => here && setUrl(null));
		return () => {
			here = false;
		};
	}, [token, consult, s.id, at]);
	useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url]);
	if (url) return <img class="source-thumb" src={url} alt={t('sourceThumb', { name: s.name })} data-testid="source-thumb" />;
	return (
		<span class="source-thumb none" data-testid="source-no-thumb">
			{s.withheld ? t('sourceWithheld') : t('sourceNoThumb')}
		</span>
	);
}
