// /watch/{consult}#token=…&source=…: one picture with sound, for viewers. Source: a participant's id, mix or program.
import { useEffect, useRef, useState } from 'preact/hooks';
import { t, useLanguage, type MessageKey } from '../i18n';
import { useWakeLock } from '../shared/hooks';
import { Icon } from '../shared/icons';
import { keep, kept, takeFragment } from '../shared/token';
import { Notice, TopBar } from '../shared/ui';
import { WhepViewer, type WhepState } from './whep';

interface Target {
	consult: string;
	source: string;
	token: string;
}

function target(): Target | null {
	const match = /^\/watch\/([A-Za-z0-9._-]{1,64})\/?$/.exec(location.pathname);
	const consult = match?.[1];
	const values = takeFragment();
	const key = `huizhen.watch.${consult}`;
	const token = values.get('token') ?? kept(key);
	if (!consult || token === null) return null;
	keep(key, token);
	const source = values.get('source') ?? kept(`${key}.source`) ?? 'program';
	keep(`${key}.source`, source);
	return { consult, source, token };
}

const TEXTS: Record<WhepState, MessageKey | null> = {
	connecting: 'watchConnecting',
	waiting: 'watchWaiting',
	playing: null,
	lost: 'watchLost',
	refused: 'watchRefused',
};

export function WatchPage() {
	useLanguage();
	useWakeLock();
	const [to] = useState(target);
	const [state, setState] = useState<WhepState>('connecting');
	const [silent, setSilent] = useState(true);
	const [blocked, setBlocked] = useState(false);
	const video = useRef<HTMLVideoElement>(null);
	const play = () => {
		video.current?.play().then(
			() => setBlocked(false),
			(error: { name?: string }) => setBlocked(error.name === 'NotAllowedError'),
		);
	};
	useEffect(() => {
		if (!to) return;
		const viewer = new WhepViewer({
			url: `/whep/${encodeURIComponent(to.consult)}/${encodeURIComponent(to.source)}`,
			token: to.token,
			onState: setState,
			onStream: (stream) => {
				if (!video.current) return;
				if (video.current.srcObject !== stream) video.current.srcObject = stream;
				play();
			},
		});
		viewer.start();
		const leave = () => viewer.stop();
		addEventListener('pagehide', leave);
		return () => {
			removeEventListener('pagehide', leave);
			viewer.stop();
		};
	}, [to]);
	useEffect(() => {
		if (video.current) video.current.muted = silent;
	}, [silent]);
	const text = TEXTS[state];
	return (
		<div class="page wide">
			<TopBar>
				<h1 class="watch-title">{t('watchTitle')}</h1>
			</TopBar>
			<main class="watch">
				{to === null ? (
					<Notice title={t('linkInvalidTitle')} text={t('linkInvalidText')} />
				) : (
					<>
						<video ref={video} data-testid="watch-video" aria-label={t('watchTitle')} autoplay playsinline muted />
						<p class={`watch-text${text ? '' : ' none'}`} role="status" data-testid="watch-state" data-state={state}>
							{text ? t(text) : ''}
						</p>
						{blocked && (
							<button type="button" class="primary big tap-sound" onClick={play}>
								{t('watchPlay')}
							</button>
						)}
						{state === 'playing' && (
							<button
								type="button" class="primary watch-sound" data-testid="watch-sound" onClick={() => setSilent(!silent)}
							>
								<Icon name={silent ? 'soundOff' : 'sound'} /> {t(silent ? 'watchSoundOn' : 'watchSoundOff')}
							</button>
						)}
					</>
				)}
			</main>
		</div>
	);
}
