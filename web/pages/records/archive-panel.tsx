// The store of records: recorder, disk, and what PACS and medical record have not got yet. For administrators.
import { useState } from 'preact/hooks';
import { language, t } from '../i18n';
import { api, type RestArchive, type RestArchiveDestination } from '../shared/api';
import { usePoll } from '../shared/hooks';
import { bytesText } from '../shared/units';

const POLL_MS = 10_000;
/** It writes its state every ten seconds. */
const STALE_MS = 120_000;

export function ArchivePanel({ token }: { token: string }) {
	const [archive, setArchive] = useState<RestArchive | null>(null);
	const load = async () => setArchive(await api.archive(token).catch(() => null));
	usePoll(load, POLL_MS, [token]);
	if (!archive) return null;
	const { disk, outbox, recorder } = archive;
	const time = new Intl.DateTimeFormat(language(), { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
	const stale = outbox !== null && Date.now() - outbox.time_ms > STALE_MS;
	const full = disk.state === 'full' || disk.state === 'low' || disk.state === 'slow';
	return (
		<section class="block archive" aria-label={t('archiveTitle')} data-testid="archive">
			<h2 class="block-title">{t('archiveTitle')}</h2>
			<ul class="archive-lines">
				<Line name={t('archiveRecorder')} bad={!recorder} text={[t(recorder ? 'archiveRecorderGood' : 'archiveRecorderAway')]} />
				{disk.bytes > 0 && (
					<Line
						name={t('archiveDisk')} bad={full}
						text={[
							t('archiveFree', { free: bytesText(disk.free_bytes), all: bytesText(disk.bytes) }),
							full ? t(`archiveDisk_${disk.state as 'full' | 'low' | 'slow'}`) : '',
						]}
					/>
				)}
				{outbox && (['pacs', 'emr'] as const).map((name) => <Destination key={name} name={t(`archive_${name}`)} to={outbox[name]} />)}
			</ul>
			{outbox === null && <p class="hint">{t('archiveNever')}</p>}
			{stale && outbox && <p class="rec-error">{t('archiveStale', { time: time.format(outbox.time_ms) })}</p>}
		</section>
	);
}

function Destination({ name, to }: { name: string; to: RestArchiveDestination }) {
	const time = new Intl.DateTimeFormat(language(), { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
	if (!to.configured) return <Line name={name} bad={false} text={[t('archiveNone')]} />;
	const quiet = to.waiting === 0 && to.parked === 0;
	return (
		<Line
			name={name} bad={to.away_since_ms > 0 || to.parked > 0}
			text={[
				quiet ? t('archiveGood') : '', to.waiting > 0 ? t('archiveWaiting', { n: to.waiting, time: time.format(to.oldest_ms) }) : '',
				to.parked > 0 ? t('archiveParked', { n: to.parked }) : '', t('archiveDelivered', { n: to.delivered }),
				to.away_since_ms > 0 ? t('archiveAway', { time: time.format(to.away_since_ms) }) : '',
			]}
			error={to.error}
		/>
	);
}

function Line({ name, text, bad, error = '' }: { name: string; text: string[]; bad: boolean; error?: string }) {
	return (
		<li class={bad ? 'bad' : ''}>
			<span class="archive-name">{name}</span>
			<span>
				{text.filter(Boolean).join(' · ')}
				{error && <span class="rec-error">{t('recordsReason', { reason: error })}</span>}
			</span>
		</li>
	);
}
