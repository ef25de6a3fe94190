// The waiting room: place in the queue, waiting time, own picture. Calm: nothing blinks.
import { useEffect, useRef } from 'preact/hooks';
import type { Consult } from '../../sdk/src';
import { duration, t } from '../i18n';
import { useNotice, useTick, useWakeLock } from '../shared/hooks';
import { Icon } from '../shared/icons';
import { LevelMeter } from '../shared/level-meter';
import { LocalVideo } from '../shared/video';
import { RecordBar } from '../call/record-bar';

export function WaitingRoom({ consult, wasInside }: { consult: Consult; wasInside: boolean }) {
	useTick(10_000);
	useWakeLock();
	const { position, waiting_s } = consult.me;
	// The state is pushed on change only: the time goes on from the last one.
	const base = useRef({ waiting_s: -1, at: 0 });
	if (base.current.waiting_s !== waiting_s) base.current = { waiting_s, at: Date.now() };
	const waited = waiting_s + (Date.now() - base.current.at) / 1000;
	const heading = useRef<HTMLHeadingElement>(null);
	useEffect(() => heading.current?.focus(), []);
	const camera = consult.localTrack('camera');
	const microphone = consult.localTrack('microphone');
	const away = consult.state === 'reconnecting';
	const notice = useNotice();
	return (
		<section class="card waiting" data-testid="waiting-room">
			<p class="consult-title">{consult.title}</p>
			<h1 tabIndex={-1} ref={heading}>
				{t('waitTitle')}
			</h1>
			<p>{wasInside ? t('waitBackText') : t('waitText')}</p>
			<RecordBar consult={consult} onNotice={notice.show} />
			<p class="away" role="alert" data-testid="waiting-notice">
				{notice.text}
			</p>
			<div class="queue" role="status" aria-live="polite">
				<span class="queue-label">{t('waitPosition')}</span>
				<span class="queue-number" data-testid="queue-position">
					{position || 1}
				</span>
				<span class="queue-label">{position <= 1 ? t('waitNext') : t('waitAhead', { n: position - 1 })}</span>
			</div>
			<p class="hint">
				{t('waitTime')} <span data-testid="waiting-time">{duration(waited)}</span>
			</p>
			<p class="away" role="alert">
				{away ? t('waitReconnecting') : ''}
			</p>
			<div class="waiting-self">
				{camera?.mediaStreamTrack ? (
					<LocalVideo track={camera.mediaStreamTrack} label={t('checkPreview')} mirrored={camera.facing !== 'environment'} />
				) : (
					<span class="preview-empty">
						<Icon name="cameraOff" size={32} />
					</span>
				)}
			</div>
			{microphone?.mediaStreamTrack && (
				<div class="meter-row">
					<Icon name="mic" size={20} />
					<LevelMeter track={microphone.mediaStreamTrack} />
				</div>
			)}
		</section>
	);
}
