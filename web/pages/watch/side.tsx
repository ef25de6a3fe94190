// Beside the picture: questions that were approved, chat, and the box to say something.
import { useEffect, useRef, useState } from 'preact/hooks';
import { language, maybe, t } from '../i18n';
import { keep, kept } from '../shared/token';
import { shownItems, type Feed, type FeedItem, type ItemKind } from './feed';
import { say, type Said, type Viewer } from './use-feed';

const NAME = 'huizhen.watch.name';
const MAX_TEXT = 500;
const MAX_NAME = 40;

interface Own {
	id: string;
	kind: ItemKind;
	text: string;
}

export function hasSide(feed: Feed | null): boolean {
	return feed !== null && feed.state !== 'off' && (feed.questions || feed.chat !== 'off' || feed.items.length > 0);
}

export function Side({ to, feed, onSaid }: { to: Viewer; feed: Feed; onSaid: () => void }) {
	const kinds = (['question', 'chat'] as const).filter(
		(k) => (k === 'question' ? feed.questions : feed.chat !== 'off') || feed.items.some((item) => item.kind === k),
	);
	const [picked, setPicked] = useState<ItemKind>('question');
	const kind = kinds.includes(picked) ? picked : (kinds[0] ?? 'question');
	const [own, setOwn] = useState<Own[]>([]);
	const waiting = own.filter((o) => o.kind === kind && !feed.items.some((item) => item.id === o.id));
	const open = kind === 'question' ? feed.questions : feed.chat !== 'off';
	return (
		<section class="watch-side" aria-label={t('feedAside')} data-testid="watch-side">
			{kinds.length > 1 ? (
				<div class="watch-tabs" role="group" aria-label={t('feedAside')}>
					{kinds.map((k) => (
						<button type="button" key={k} aria-pressed={k === kind} data-testid={`watch-tab-${k}`} onClick={() => setPicked(k)}>
							{t(k === 'question' ? 'feedQuestions' : 'feedChat')}
						</button>
					))}
				</div>
			) : (
				<h2>{t(kind === 'question' ? 'feedQuestions' : 'feedChat')}</h2>
			)}
			<Items items={shownItems(feed).filter((item) => item.kind === kind)} waiting={waiting} kind={kind} />
			{open && (
				<SayForm
					key={kind} to={to} kind={kind} openly={kind === 'chat' && feed.chat === 'open'}
					onSaid={(text, said) => {
						if (said.state === 'waiting') setOwn((list) => [...list.slice(-9), { id: said.id, kind, text }]);
						onSaid();
					}}
				/>
			)}
		</section>
	);
}

function Items({ items, waiting, kind }: { items: FeedItem[]; waiting: Own[]; kind: ItemKind }) {
	const list = useRef<HTMLDivElement>(null);
	useEffect(() => {
		if (list.current) list.current.scrollTop = list.current.scrollHeight;
	}, [items.length, waiting.length, kind]);
	return (
		<div class="watch-items" ref={list} role="log" aria-live="polite" tabIndex={0} aria-label={t(kind === 'question' ? 'feedQuestions' : 'feedChat')}>
			{items.length + waiting.length === 0 && <p class="hint">{t(kind === 'question' ? 'feedNoQuestions' : 'feedNoChat')}</p>}
			{items.map((item) => <Item key={item.id} item={item} />)}
			{waiting.map((o) => (
				<article key={o.id} class="watch-item own" data-testid="watch-own">
					<p class="watch-item-head">{t('feedWaiting')}</p>
					<p class="watch-item-text">{o.text}</p>
				</article>
			))}
		</div>
	);
}

function Item({ item }: { item: FeedItem }) {
	const clock = new Intl.DateTimeFormat(language(), { hour: '2-digit', minute: '2-digit' });
	return (
		<article class="watch-item" data-testid="watch-item" data-state={item.state} data-kind={item.kind}>
			<p class="watch-item-head">
				{item.name || t('feedSomebody')} · {clock.format(item.time)}
				{item.state === 'answering' && <span class="tag air">{t('feedAnswering')}</span>}
				{item.state === 'answered' && <span class="tag">{t('feedAnswered')}</span>}
			</p>
			<p class="watch-item-text">{item.text}</p>
			{item.answer && (
				<div class="watch-answer">
					<p class="watch-item-head">{t('feedAnswerOf', { role: maybe(`role_${item.role}`) ?? '' })}</p>
					<p class="watch-item-text">{item.answer}</p>
				</div>
			)}
		</article>
	);
}

interface SayProps {
	to: Viewer;
	kind: ItemKind;
	openly: boolean;
	onSaid: (text: string, said: Said) => void;
}

function SayForm({ to, kind, openly, onSaid }: SayProps) {
	const [text, setText] = useState('');
	const [name, setName] = useState(kept(NAME) ?? '');
	const [note, setNote] = useState('');
	const [busy, setBusy] = useState(false);
	const send = async (ev: Event) => {
		ev.preventDefault();
		const trimmed = text.trim();
		if (!trimmed || busy) return;
		setBusy(true);
		keep(NAME, name.trim());
		const said = await say(to, kind, trimmed, name.trim());
		setBusy(false);
		if (said.state === 'fast') setNote(t('feedTooFast', { seconds: said.seconds }));
		else if (said.state === 'closed') setNote(t('feedClosed'));
		else if (said.state === 'failed') setNote(t('feedFailed'));
		else {
			setText('');
			setNote(said.state === 'waiting' ? t('feedSent') : '');
			onSaid(trimmed, said);
		}
	};
	const label = t(kind === 'question' ? 'feedAsk' : 'feedSay');
	return (
		<form class="watch-form" onSubmit={(ev) => void send(ev)}>
			<label>
				<span>{t('feedName')}</span>
				<input type="text" value={name} maxLength={MAX_NAME} autocomplete="nickname" data-testid="watch-name" onInput={(ev) => setName(ev.currentTarget.value)} />
			</label>
			<label>
				<span>{label}</span>
				<textarea
					rows={2} value={text} maxLength={MAX_TEXT} data-testid="watch-input" onInput={(ev) => setText(ev.currentTarget.value)}
				/>
			</label>
			<p class="hint">{t(openly ? 'feedOpen' : 'feedModerated')}</p>
			<div class="watch-form-row">
				<span role="status" data-testid="watch-note">{note}</span>
				<button type="submit" class="primary" disabled={busy || !text.trim()} data-testid="watch-send">{t('feedSend')}</button>
			</div>
		</form>
	);
}
