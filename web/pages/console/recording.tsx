// Recording of one consult from outside: what it does now, whether it begins by itself, start and stop.
import { useState } from 'preact/hooks';
import type { RecordInfo } from '../../sdk/src';
import { problemTexts } from '../call/recording';
import { t } from '../i18n';
import { api, type RestConsult } from '../shared/api';
import { Confirm } from '../shared/ui';

interface RecordingProps {
	token: string;
	consult: RestConsult;
	onChanged: () => void;
	onFailed: (error: unknown) => void;
}

const WISHES: RecordInfo['wish'][] = ['off', 'automatic', 'on'];

export function Recording({ token, consult, onChanged, onFailed }: RecordingProps) {
	const [busy, setBusy] = useState(false);
	const [sure, setSure] = useState(false);
	const record = consult.record ?? { state: 'off', wish: 'off' };
	const runs = record.state !== 'off';
	const act = (job: Promise<unknown>) => {
		setSure(false);
		setBusy(true);
		void job.catch(onFailed).then(() => {
			setBusy(false);
			onChanged();
		});
	};
	return (
		<section class="block" aria-label={t('recording')}>
			<div class="block-head">
				<h3>
					{t('recording')}{' '}
					<span class={`recording ${record.state}`} data-testid="record-state" data-state={record.state}>
						<span class={`dot ${record.state}`} aria-hidden="true" />
						{t(`record_${record.state}`)}
					</span>
				</h3>
				<button
					type="button" data-testid={runs ? 'record-stop' : 'record-start'} disabled={busy}
					onClick={() => (runs ? setSure(true) : act(api.startRecording(token, consult.id)))}
				>
					{t(runs ? 'recordStop' : 'recordStart')}
				</button>
			</div>
			{record.problem && (
				<p class="record-problem" role="alert">
					{problemTexts(record.problem, true).map((key) => t(key)).join(' ')}
				</p>
			)}
			<label class="field inline">
				<span>{t('recordWish')}</span>
				<select
					value={record.wish} data-testid="record-wish" disabled={busy}
					onChange={(ev) => act(api.setWish(token, consult.id, ev.currentTarget.value as RecordInfo['wish']))}
				>
					{WISHES.map((wish) => (
						<option key={wish} value={wish}>
							{t(`recordWish_${wish}`)}
						</option>
					))}
				</select>
			</label>
			<p class="hint">{t('recordHint')}</p>
			{sure && (
				<Confirm
					text={t('recordStopConfirm')} yes={t('recordStop')} no={t('cancel')} onNo={() => setSure(false)}
					onYes={() => act(api.stopRecording(token, consult.id))}
				/>
			)}
		</section>
	);
}
