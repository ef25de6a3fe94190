// The list of records: what state each is in, in words, and a way to watch those that can be watched.
import { useRef, useState } from 'preact/hooks';
import { language, t } from '../i18n';
import { api, ApiError, type RestRecordingOne } from '../shared/api';
import { usePoll } from '../shared/hooks';
import { clockText } from '../shared/units';
import { FILTERS, isShown, merge, type Filter } from './list-model';

interface ListProps {
	token: string;
	/** Of this one only; null: of all that the token opens. */
	consult: string | null;
	onExpired: () => void;
}

const LIST_MS = 4_000;

export function RecordsList({ token, consult, onExpired }: ListProps) {
	const [records, setRecords] = useState<RestRecordingOne[] | null>(null);
	const [next, setNext] = useState<string | null>(null);
	const [filter, setFilter] = useState<Filter>('all');
	const [problem, setProblem] = useState('');
	const older = useRef(false);
	const load = async (cursor?: string) => {
		try {
			const page = await api.recordings(token, consult, cursor);
			setRecords((old) => merge(old ?? [], page.items));
			if (cursor !== undefined) older.current = true;
			if (cursor !== undefined || !older.current) setNext(page.next);
			setProblem('');
		} catch (error) {
			if (error instanceof ApiError && error.status === 401) onExpired();
			else if (error instanceof ApiError && error.status === 403) setProblem(t('recordsRefused'));
			else if (error instanceof ApiError && error.status === 0) setProblem(t('networkErrorText'));
			else setProblem(t('requestFailed', { detail: error instanceof Error ? error.message : String(error) }));
		}
	};
	usePoll(() => load(), LIST_MS, [token, consult]);
	const shown = (records ?? []).filter((r) => isShown(r, filter));
	return (
		<section class="records-list" aria-label={t('recordsTitle')}>
			<p class="problem-line" role="alert">
				{problem}
			</p>
			{consult === null && (records?.length ?? 0) > 0 && (
				<div class="filters" role="group" aria-label={t('recordsFilter')}>
					{FILTERS.map((f) => (
						<button key={f} type="button" class="chip" aria-pressed={f === filter} onClick={() => setFilter(f)}>
							{t(`recordsFilter_${f}`)}
						</button>
					))}
				</div>
			)}
			<ul class="record-rows" data-testid="records-list">
				{shown.map((r) => (
					<Row key={r.id} record={r} titled={consult === null} />
				))}
			</ul>
			{records === null && problem === '' && <p class="hint">{t('loading')}</p>}
			{records !== null && records.length === 0 && <p class="hint">{t('recordsEmpty')}</p>}
			{records !== null && records.length > 0 && shown.length === 0 && <p class="hint">{t('recordsNoneSuch')}</p>}
			{next !== null && (
				<button type="button" onClick={() => void load(next)}>
					{t('recordsMore')}
				</button>
			)}
		</section>
	);
}

const TO = ['pacs', 'emr'] as const;

/** What PACS and medical record have of it, in words. */
function Deliveries({ record }: { record: RestRecordingOne }) {
	const time = new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'short' });
	return (
		<>
			{TO.map((to) => {
				const one = record.delivery?.[to];
				if (!one || record.state === 'deleted') return null;
				return (
					<span key={to} class={one.state === 'parked' ? 'rec-error' : 'hint'} data-testid={`delivery-${to}`} data-state={one.state}>
						{t(`archive_${to}`)}: {t(`recDelivery_${one.state}`, { time: time.format(one.time_ms) })}
						{one.reason && ` ${t('recordsReason', { reason: one.reason })}`}
					</span>
				);
			})}
		</>
	);
}

function Row({ record, titled }: { record: RestRecordingOne; titled: boolean }) {
	const time = new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'short' });
	const length = record.ended_ms === null ? '' : t('recordsLength', { time: clockText(record.ended_ms - record.started_ms) });
	const told = TO.map((to) => record.delivery?.[to]?.reason);
	const ready = record.state === 'finalised' || record.state === 'delivered';
	return (
		<li class="record-row" data-testid="record-row" data-record={record.id} data-state={record.state}>
			<div class="record-text">
				{titled && <span class="consult-name">{record.title || t('recordsUntitled')}</span>}
				<span class={titled ? 'hint' : 'consult-name'}>{[time.format(record.started_ms), length].filter(Boolean).join(' · ')}</span>
				<span class="record-state-line">
					<span class={`state ${record.state}`}>{t(`recState_${record.state}`)}</span>
					{record.lost && <span class="state failed">{t('recLostTag')}</span>}
					{record.torn && <span class="state">{t('recTornTag')}</span>}
				</span>
				<span class="hint">{t(`recStateHint_${record.state}`)}</span>
				<Deliveries record={record} />
				{record.error && !told.includes(record.error) && <span class="rec-error">{t('recordsReason', { reason: record.error })}</span>}
			</div>
			{ready && (
				<a class="button primary" href={`/records/${record.id}`} data-testid="watch-record">
					{t('recordsWatch')}
				</a>
			)}
		</li>
	);
}
