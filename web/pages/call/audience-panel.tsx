// What the audience of a broadcast says, and what the desk makes of it; poster, start, lower third, export.
import { useEffect, useState } from 'preact/hooks';
import type { AudienceMessage, Consult, Decision } from '../../sdk/src';
import { language, t } from '../i18n';
import { AudienceSettings } from './audience-settings';
import { PanelHead } from './chat-panel';

const MAX_TEXT = 500;
const FILTERS = ['waiting', 'shown', 'all'] as const;
type Filter = (typeof FILTERS)[number];

interface PanelProps {
	consult: Consult;
	onClose: () => void;
	onNotice: (text: string) => void;
}

const isShown = (m: AudienceMessage) => m.state === 'approved' || m.state === 'answering' || m.state === 'answered';

export function AudiencePanel({ consult, onClose, onNotice }: PanelProps) {
	const [filter, setFilter] = useState<Filter>('waiting');
	const { audience } = consult.broadcast;
	useEffect(() => void audience.open().catch(() => onNotice(t('actionFailed'))), [audience]);
	const settings = audience.settings;
	const messages = audience.messages.filter((m) => (filter === 'all' ? true : filter === 'shown' ? isShown(m) : m.state === 'waiting'));
	const decide = (m: AudienceMessage, state: Decision, answer?: string) =>
		audience.decide(m.id, state, answer).catch(() => onNotice(t('actionFailed')));
	return (
		<aside class="panel" aria-label={t('deskAudience')} data-testid="audience-panel" onKeyDown={(ev) => ev.key === 'Escape' && onClose()}>
			<PanelHead consult={consult} title={t('deskAudience')} onClose={onClose} />
			{settings && (
				<div class="panel-body" tabIndex={0} role="region" aria-label={t('deskAudience')}>
					<p class="hint">
						{t('watchViewers', { count: consult.broadcast.desk?.viewers ?? 0 })} · {t('deskPeak', { count: settings.peak })}
					</p>
					<h3>{t('deskMessages')}</h3>
					<div class="desk-filter" role="group" aria-label={t('deskFilter')}>
						{FILTERS.map((f) => (
							<button type="button" key={f} aria-pressed={f === filter} data-testid={`desk-filter-${f}`} onClick={() => setFilter(f)}>
								{t(`deskFilter_${f}`)}
								{f === 'waiting' && settings.waiting > 0 ? ` (${settings.waiting})` : ''}
							</button>
						))}
					</div>
					{settings.dropped > 0 && <p class="away">{t('deskDropped', { count: settings.dropped })}</p>}
					{messages.length === 0 && <p class="hint">{t('deskNone')}</p>}
					{messages.map((m) => (
						<Message key={m.id} message={m} onDecide={(state, answer) => decide(m, state, answer)} />
					))}
					<AudienceSettings consult={consult} settings={settings} onNotice={onNotice} />
				</div>
			)}
		</aside>
	);
}

interface MessageProps {
	message: AudienceMessage;
	onDecide: (state: Decision, answer?: string) => Promise<void>;
}

function Message({ message: m, onDecide }: MessageProps) {
	const [writing, setWriting] = useState(false);
	const clock = new Intl.DateTimeFormat(language(), { hour: '2-digit', minute: '2-digit' });
	const question = m.kind === 'question';
	return (
		<article class="desk-message" data-testid="desk-message" data-state={m.state}>
			<p class="chat-head">
				{t(`deskKind_${m.kind}`)} · {m.name || t('feedSomebody')} · {clock.format(m.time_ms)} · {t(`deskState_${m.state}`)}
			</p>
			<p class="chat-text">{m.text}</p>
			{m.answer && <p class="chat-text desk-answer">{m.answer}</p>}
			<div class="desk-actions">
				{!isShown(m) && (
					<button type="button" class="primary" data-testid="desk-approve" onClick={() => void onDecide('approved')}>{t('deskApprove')}</button>
				)}
				{question && m.state !== 'answering' && m.state !== 'answered' && (
					<button type="button" data-testid="desk-answering" onClick={() => void onDecide('answering')}>{t('deskAnswering')}</button>
				)}
				{m.state === 'answering' && (
					<button type="button" class="primary" data-testid="desk-answered" onClick={() => void onDecide('answered')}>{t('deskAnswered')}</button>
				)}
				{question && (
					<button type="button" data-testid="desk-write" aria-expanded={writing} onClick={() => setWriting(!writing)}>{t('deskWrite')}</button>
				)}
				{m.state !== 'rejected' && (
					<button type="button" class="quiet" data-testid="desk-reject" onClick={() => void onDecide('rejected')}>
						{t(isShown(m) ? 'deskTakeBack' : 'deskReject')}
					</button>
				)}
			</div>
			{writing && (
				<AnswerForm
					before={m.answer}
					onAnswer={(text) => void onDecide('answered', text).then(() => setWriting(false))}
				/>
			)}
		</article>
	);
}

function AnswerForm({ before, onAnswer }: { before: string; onAnswer: (text: string) => void }) {
	const [text, setText] = useState(before);
	const send = (ev: Event) => {
		ev.preventDefault();
		if (text.trim()) onAnswer(text.trim());
	};
	return (
		<form class="desk-answer-form" onSubmit={send}>
			<label>
				<span>{t('deskAnswerText')}</span>
				<textarea rows={2} maxLength={MAX_TEXT} value={text} data-testid="desk-answer-text" onInput={(ev) => setText(ev.currentTarget.value)} />
			</label>
			<button type="submit" class="primary" disabled={!text.trim()} data-testid="desk-answer-send">{t('feedSend')}</button>
		</form>
	);
}
