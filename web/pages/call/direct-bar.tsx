// The director's hand: what is on the air, another source, CUT. Above the pictures of the consult, which are the previews.
import { useEffect, useState } from 'preact/hooks';
import { HuizhenError, type Broadcast, type BroadcastSource, type Consult } from '../../sdk/src';
import { t } from '../i18n';
import { Icon } from '../shared/icons';
import { maskState } from './masks-model';
import { sourceName } from './masks-panel';
import { ThirdBar } from './third-bar';
import { TogetherBar } from './together-bar';

const FADE_MS = 400;

interface DirectProps {
	consult: Consult;
	onNotice: (text: string) => void;
	audienceOpen: boolean;
	onAudience: () => void;
	masksOpen: boolean;
	onMasks: () => void;
}

/** What is said of a refusal: a picture that tells who the patient is needs masks first. */
function whyNot(error: unknown): string {
	const masks = error instanceof HuizhenError ? error.data['masks'] : undefined;
	return t(masks === 'needed' ? 'masksNeeded' : masks === 'unavailable' ? 'masksAway' : 'actionFailed');
}

/** Says of a source that its picture is painted over, or has to be. */
function MaskSign({ desk, source }: { desk: Broadcast; source: BroadcastSource }) {
	const state = maskState(desk, source);
	return state === 'open' ? null : <span class="direct-mask" data-testid="direct-mask" data-state={state}>{t(`masksSign_${state}`)}</span>;
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

// 1 to 9: the source of that number, 0: nothing, C: CUT. Not while somebody writes, and never together with another key.
function useKeys(desk: Broadcast | null, show: (source: BroadcastSource | null) => void, cut: () => void): void {
	useEffect(() => {
		if (!desk) return;
		const onKey = (ev: KeyboardEvent) => {
			const target = ev.target instanceof HTMLElement ? ev.target : null;
			if (ev.ctrlKey || ev.altKey || ev.metaKey || ev.repeat || target?.closest('input, textarea, select, [contenteditable], [role="dialog"]')) return;
			const source = desk.sources[Number(ev.key) - 1];
			if (ev.key === 'c' || ev.key === 'C') cut();
			else if (ev.key === '0' && desk.on_air) show(null);
			else if (/^[1-9]$/.test(ev.key) && source) show(source);
			else return;
			ev.preventDefault();
		};
		addEventListener('keydown', onKey);
		return () => removeEventListener('keydown', onKey);
	});
}

export function DirectBar({ consult, onNotice, audienceOpen, onAudience, masksOpen, onMasks }: DirectProps) {
	const [busy, setBusy] = useState(false);
	const [fade, setFade] = useState(false);
	const [together, setTogether] = useState(false);
	const desk = consult.broadcast.desk;
	const isCut = desk?.state === 'cut';
	const attempt = (job: Promise<void>) => {
		setBusy(true);
		void job.catch((error: unknown) => onNotice(whyNot(error))).finally(() => setBusy(false));
	};
	const cut = () => !isCut && attempt(consult.broadcast.cut(t('broadcastCutReason')));
	const show = (source: BroadcastSource | null) => consult.broadcast.show(source, fade && source ? FADE_MS : 0);
	useKeys(desk, (source) => !busy && attempt(show(source)), cut);
	if (!desk) return null;
	const waiting = desk.audience?.waiting ?? 0;
	return (
		<div class="direct-bar" role="region" aria-label={t('broadcast')} data-testid="direct-bar" data-state={desk.state}>
			<strong class="direct-count" title={t('deskPeak', { count: desk.audience?.peak ?? 0 })}>{t('watchViewers', { count: desk.viewers })}{desk.viewers_delayed ? <span class="direct-delayed" data-testid="direct-delayed"> {t('deskDelayed', { count: desk.viewers_delayed })}</span> : null}</strong>
			<div class="direct-sources">
				{desk.sources.map((source, i) => (
					<button
						type="button" key={`${source.participant} ${source.source}`} aria-pressed={consult.broadcast.isOnAir(source)} disabled={busy}
						data-testid="direct-source" onClick={() => attempt(show(source))}
					>
						{i < 9 && <kbd aria-hidden="true">{i + 1}</kbd>} {sourceName(consult, source)} <MaskSign desk={desk} source={source} />
					</button>
				))}
				<button
					type="button" class="quiet" disabled={busy || !desk.on_air} data-testid="direct-nothing" onClick={() => attempt(consult.broadcast.show(null))}
				>
					<kbd aria-hidden="true">0</kbd> {t('broadcastNothing')}
				</button>
			</div>
			<button type="button" class="direct-fade" aria-pressed={fade} title={t('deskFadeHint')} data-testid="direct-fade" onClick={() => setFade(!fade)}>
				{t('deskFade')}
			</button>
			{desk.sources.length > 1 && (
				<button
					type="button" class="direct-fade" aria-expanded={together} data-testid="direct-together" data-air={consult.broadcast.onAir.length > 1}
					onClick={() => setTogether(!together)}
				>
					{t('deskTogether')}
				</button>
			)}
			<button
				type="button" class="direct-audience" aria-pressed={audienceOpen} data-testid="direct-audience"
				title={t('deskKeys')} onClick={onAudience}
			>
				<Icon name="people" size={20} /> {t('deskAudience')}
				{waiting > 0 && <span class="desk-waiting" data-testid="desk-waiting">{waiting}</span>}
			</button>
			<button type="button" class="direct-audience" aria-pressed={masksOpen} data-testid="direct-masks" onClick={onMasks}>
				{t('masks')}
			</button>
			{desk.masked === 'slate' && <span role="status" data-testid="direct-slate">{t('masksSlate')}</span>}
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
				onClick={cut}
			>
				CUT
			</button>
			{together && (
				<TogetherBar
					consult={consult} desk={desk} busy={busy}
					onShow={(sources, layout) => attempt(consult.broadcast.showTogether(sources, layout, fade ? FADE_MS : 0))}
				/>
			)}
			<ThirdBar consult={consult} desk={desk} onNotice={onNotice} />
		</div>
	);
}
