import { useState } from 'preact/hooks';
import { language, t } from '../i18n';
import type { RestConsult } from '../shared/api';
import { Icon } from '../shared/icons';

interface ListProps {
	consults: RestConsult[] | null;
	selected: string | null;
	onSelect: (id: string) => void;
	/** Null: this token may not open consults. */
	onCreate: ((title: string) => Promise<void>) | null;
}

export function ConsultList({ consults, selected, onSelect, onCreate }: ListProps) {
	const [closed, setClosed] = useState(false);
	const shown = (consults ?? []).filter((c) => closed || c.status === 'open');
	shown.sort((a, b) => Number(a.status === 'closed') - Number(b.status === 'closed') || b.created_ms - a.created_ms);
	const time = new Intl.DateTimeFormat(language(), { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
	const some = consults?.some((c) => c.status === 'closed') ?? false;
	return (
		<section class="list" aria-label={t('consoleTitle')}>
			<h1>{t('consoleTitle')}</h1>
			{onCreate && <CreateForm onCreate={onCreate} />}
			<ul class="consults" data-testid="consult-list">
				{shown.map((c) => (
					<li key={c.id}>
						<button
							type="button" class="consult" data-testid="consult-item" data-consult={c.id}
							aria-current={c.id === selected ? 'true' : undefined} onClick={() => onSelect(c.id)}
						>
							<span class="consult-name">{c.title || c.id}</span>
							<span class="hint">
								{t(c.status === 'open' ? 'consultOpen' : 'consultClosed')} · {time.format(c.created_ms)}
							</span>
							{c.record && c.record.state !== 'off' && (
								<span class={`recording ${c.record.state}`} data-testid="console-recording">
									{t(`record_${c.record.state}`)}
								</span>
							)}
							{c.status === 'open' && (
								<span class="hint">{t('consultCounts', { n: c.participants ?? 0, w: c.lobby ?? 0 })}</span>
							)}
							{(c.lobby ?? 0) > 0 && (
								<span class="badge" aria-hidden="true">
									{c.lobby}
								</span>
							)}
						</button>
					</li>
				))}
			</ul>
			{consults === null && <p class="hint">{t('loading')}</p>}
			{consults !== null && shown.length === 0 && <p class="hint">{t('consultsEmpty')}</p>}
			{some && (
				<label class="checkbox">
					<input type="checkbox" checked={closed} onChange={(ev) => setClosed(ev.currentTarget.checked)} />
					{t('showClosed')}
				</label>
			)}
		</section>
	);
}

function CreateForm({ onCreate }: { onCreate: (title: string) => Promise<void> }) {
	const [title, setTitle] = useState('');
	const [busy, setBusy] = useState(false);
	const [failed, setFailed] = useState(false);
	const submit = async (ev: Event) => {
		ev.preventDefault();
		if (!title.trim() || busy) return;
		setBusy(true);
		setFailed(false);
		try {
			await onCreate(title.trim());
			setTitle('');
		} catch {
			setFailed(true);
		} finally {
			setBusy(false);
		}
	};
	return (
		<form class="create" onSubmit={(ev) => void submit(ev)}>
			<label class="field">
				<span>{t('createTitle')}</span>
				<input
					type="text" value={title} maxLength={80} placeholder={t('createPlaceholder')} data-testid="create-title"
					onInput={(ev) => setTitle(ev.currentTarget.value)}
				/>
			</label>
			<button type="submit" class="primary" data-testid="create-consult" disabled={busy}>
				<Icon name="plus" size={20} /> {t('createButton')}
			</button>
			{failed && (
				<p class="away" role="alert">
					{t('createFailed')}
				</p>
			)}
		</form>
	);
}
