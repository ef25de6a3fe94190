// The director's hand: what is on the air, another source, CUT. Above the pictures of the consult, which are the previews.
import { useState } from 'preact/hooks';
import type { BroadcastSource, Consult } from '../../sdk/src';
import { t } from '../i18n';
import { Icon } from '../shared/icons';

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
	const text = t(`broadcast_${state}`);
	return (
		<span class={`recording air ${state === 'live' ? 'on' : 'off'}`} data-testid="broadcast-sign" data-state={state} title={text}>
			<Icon name="air" size={16} />
			<span class="recording-text">{text}</span>
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
			<strong class="direct-count">{t('watchViewers', { count: desk.viewers })}</strong>
			<div class="direct-sources">
				{desk.sources.map((source) => (
					<button
						type="button" key={`${source.participant} ${source.source}`} aria-pressed={consult.broadcast.isOnAir(source)} disabled={busy}
						data-testid="direct-source" onClick={() => attempt(consult.broadcast.show(source))}
					>
						{nameOf(consult, source)}
					</button>
				))}
				<button
					type="button" class="quiet" disabled={busy || !desk.on_air} data-testid="direct-nothing" onClick={() => attempt(consult.broadcast.show(null))}
				>
					{t('broadcastNothing')}
				</button>
			</div>
			{isCut && (
				<div class="direct-back">
					<span role="status">{t(desk.cut?.confirmed_ms ? 'broadcastCutDone' : 'broadcastCutting')}</span>
					<button type="button" class="primary" disabled={busy} data-testid="direct-resume" onClick={() => attempt(consult.broadcast.resume(t('broadcastResume')))}>
						{t('broadcastResume')}
					</button>
				</div>
			)}
			{/* Always at the same place, and nothing else ever is: who presses twice has cut once. */}
			<button
				type="button" class="direct-cut" aria-pressed={isCut} data-testid="direct-cut"
				onClick={() => !isCut && attempt(consult.broadcast.cut(t('broadcastCutReason')))}
			>
				CUT
			</button>
		</div>
	);
}
