// A study that came without a PACS: a button to each PACS, and what became of it until now.
import { useEffect, useState } from 'preact/hooks';
import type { Consult, TableStudy } from '../../sdk/src';
import { t } from '../i18n';
import { LOCAL, forwards, pacsNames, type Forward } from './images';

const LOOK_MS = 2_000;

export function forwardText(f: Forward): string {
	const all = f.waiting + f.forwarded + f.refused, why = f.reason ? t(`imagesKept_${f.reason}`) : '';
	if (f.state === 'forwarded') return t('imagesSendDone', { pacs: f.pacs, all });
	if (f.state === 'refused') return t('imagesSendRefused', { pacs: f.pacs, n: f.refused, why });
	return t(why ? 'imagesSendWaitsWhy' : 'imagesSendWaits', { pacs: f.pacs, done: f.forwarded, all, why });
}

export function ForwardStudy({ consult, study, onFail }: { consult: Consult; study: TableStudy; onFail: (error: unknown) => void }) {
	const [names, setNames] = useState<string[]>([]), [items, setItems] = useState<Forward[]>([]), [busy, setBusy] = useState(false);
	const waits = items.some((f) => f.state === 'waiting');
	useEffect(() => {
		let gone = false;
		void pacsNames(consult).then((list) => !gone && setNames(list.filter((name) => name !== LOCAL)), () => undefined);
		void forwards(consult, study).then((list) => !gone && setItems(list), () => undefined);
		return () => void (gone = true);
	}, [consult, study.study]);
	useEffect(() => {
		if (!waits) return;
		const timer = setInterval(() => void forwards(consult, study).then(setItems, () => undefined), LOOK_MS);
		return () => clearInterval(timer);
	}, [waits, consult, study.study]);
	const send = (pacs: string) => {
		setBusy(true);
		forwards(consult, study, pacs).then(setItems, onFail).finally(() => setBusy(false));
	};
	return (
		<div class="row" data-testid="study-forward">
			{names.filter((name) => !items.some((f) => f.pacs === name && f.state !== 'refused')).map((name) => (
				<button key={name} type="button" class="quiet" data-testid="forward-send" data-pacs={name} disabled={busy} onClick={() => send(name)}>{t('imagesSend', { pacs: name })}</button>
			))}
			{items.map((f) => <span key={f.pacs} class={f.state === 'refused' ? 'away' : 'muted'} role="status" data-testid="forward-state" data-state={f.state}>{forwardText(f)}</span>)}
		</div>
	);
}
