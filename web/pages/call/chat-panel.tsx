import { useEffect, useRef, useState } from 'preact/hooks';
import type { Consult } from '../../sdk/src';
import { language, t } from '../i18n';
import { Icon } from '../shared/icons';
import { RecordSign } from './record-bar';

const MAX_TEXT = 2000;

export function ChatPanel({ consult, onClose }: { consult: Consult; onClose: () => void }) {
	const [text, setText] = useState('');
	const [failed, setFailed] = useState(false);
	const list = useRef<HTMLDivElement>(null);
	const input = useRef<HTMLInputElement>(null);
	const messages = consult.chat;
	useEffect(() => {
		const element = list.current;
		if (element) element.scrollTop = element.scrollHeight;
	}, [messages.length]);
	useEffect(() => input.current?.focus(), []);
	const send = async (ev: Event) => {
		ev.preventDefault();
		const trimmed = text.trim();
		if (!trimmed) return;
		setText('');
		setFailed(false);
		try {
			await consult.sendChat(trimmed);
		} catch {
			setText(trimmed);
			setFailed(true);
		}
	};
	const clock = new Intl.DateTimeFormat(language(), { hour: '2-digit', minute: '2-digit' });
	return (
		<aside class="panel" aria-label={t('chat')} onKeyDown={(ev) => ev.key === 'Escape' && onClose()}>
			<PanelHead consult={consult} title={t('chat')} onClose={onClose} />
			<div class="chat-list" data-testid="chat-list" ref={list} role="log" aria-live="polite" aria-label={t('chat')} tabIndex={0}>
				{messages.length === 0 && <p class="hint">{t('chatEmpty')}</p>}
				{messages.map((m) => (
					<div key={m.id} class={`chat-item${m.from === consult.me.id ? ' own' : ''}`}>
						<span class="chat-head">
							{m.from === consult.me.id ? t('you') : m.name} · {clock.format(m.time)}
						</span>
						<span class="chat-text">{m.text}</span>
					</div>
				))}
			</div>
			<p class="away" role="alert">
				{failed ? t('chatFailed') : ''}
			</p>
			<form class="chat-form" onSubmit={(ev) => void send(ev)}>
				<input
					ref={input} data-testid="chat-input" type="text" value={text} maxLength={MAX_TEXT} autocomplete="off"
					placeholder={t('chatPlaceholder')} aria-label={t('chatPlaceholder')}
					onInput={(ev) => setText(ev.currentTarget.value)}
				/>
				<button type="submit" class="primary square" aria-label={t('chatSend')} data-testid="chat-send">
					<Icon name="send" />
				</button>
			</form>
		</aside>
	);
}

/** On a phone a panel covers everything, the head with the recording sign too: it is repeated here. */
export function PanelHead({ consult, title, onClose }: { consult: Consult; title: string; onClose: () => void }) {
	return (
		<div class="panel-head">
			<h2>{title}</h2>
			<RecordSign consult={consult} name="record-sign-panel" />
			<button type="button" class="quiet square" aria-label={t('close')} onClick={onClose}>
				<Icon name="close" size={20} />
			</button>
		</div>
	);
}
