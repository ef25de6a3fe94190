// The director's hand: what is on the air, another source, CUT. Above the pictures of the consult, which are the previews.
import { useState } from 'preact/hooks';
import type { BroadcastSource, Consult } from '../../sdk/src';
import { t } from '../i18n';

interface DirectProps {
	consult: Consult;
	onNotice: (text: string) => void;
}

function nameOf(consult: Consult, source: BroadcastSource): string {
	const person = consult.participants.find((p) => p.id === source.participant);
	return `${person?.name ?? source.participant} · ${t(`source_${source.source}`)}`;
}

/** For everybody inside: that it is broadcast now. */
export function BroadcastSign({ consult }: { consult: Consult }) {
	const { state } = consult.broadcast;
	if (state === 'off') return null;
	return (
		<span class={`recording ${state === 'live' ? 'on' : 'off'}`} data-testid="broadcast-sign" data-state={state}>
			<span class="recording-text">{t(`broadcast_${state}`)}</span>
		</span>
	);
}

export function DirectBar({ consult, onNotice }: DirectProps) {
	const [busy, setBusy] = useState(false);
	const desk = consult.broadcast.desk;
	if (!desk) return null;
	const attempt = (job: Promise<void>) => {
		setBusy(true);
		void job.catch(() => onNotice(t('actionFailed'))).finally(() => setBusy(false));
	};
	const isCut = desk.state === 'cut';
	return (
		<div class="direct-bar" role="group" aria-label={t('broadcast')} data-testid="direct-bar" data-state={desk.state}>
			<strong>{t('watchViewers', { count: desk.viewers })}</strong>
			{desk.sources.map((source) => (
				<button
					type="button" key={`${source.participant} ${source.source}`} aria-pressed={consult.broadcast.isOnAir(source)}
					class={consult.broadcast.isOnAir(source) ? 'primary' : ''} disabled={busy} data-testid="direct-source"
					onClick={() => attempt(consult.broadcast.show(source))}
				>
					{nameOf(consult, source)}
				</button>
			))}
			<button type="button" disabled={busy || !desk.on_air} onClick={() => attempt(consult.broadcast.show(null))}>
				{t('broadcastNothing')}
			</button>
			{isCut ? (
				<button type="button" class="primary" data-testid="direct-resume" onClick={() => attempt(consult.broadcast.resume(t('broadcastResume')))}>
					{t('broadcastResume')}
				</button>
			) : (
				<button type="button" class="danger big" data-testid="direct-cut" onClick={() => attempt(consult.broadcast.cut(t('broadcastCutReason')))}>
					CUT
				</button>
			)}
			{isCut && <span role="status">{t(desk.cut?.confirmed_ms ? 'broadcastCutDone' : 'broadcastCutting')}</span>}
		</div>
	);
}
