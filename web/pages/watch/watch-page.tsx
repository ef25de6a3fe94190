// /watch/{consult}#token=…&source=…: one picture with sound, for viewers. Source: a participant's id, mix or program.
import { useEffect, useRef, useState } from 'preact/hooks';
import { t, useLanguage, type MessageKey } from '../i18n';
import { useWakeLock } from '../shared/hooks';
import { Icon } from '../shared/icons';
import { keep, kept, takeFragment } from '../shared/token';
import { Notice, TopBar } from '../shared/ui';
import { DvrBar } from './dvr-bar';
import { FilesPlayer } from './files-player';
import { Legs, type Leg, type LegState } from './legs';
import { PosterView } from './poster';
import { noticeOf, posterOf, posterOn, type Poster, type Programme } from './programme';
import { hasSide, Side } from './side';
import type { Feed } from './feed';
import { useFeed } from './use-feed';
import { WhepViewer } from './whep';

const VOICES = 4;
const CHANGES_MS = 600; // until the next source's first picture
const FADE_IN_MS = 400;

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

const TEXTS: Record<LegState | Poster, MessageKey | null> = {
	ended: 'watchAfter',
	before: 'watchWaiting',
	pause: 'watchPause',
	slate: 'watchSlate',
	cut: 'watchCut',
	after: 'watchAfter',
	connecting: 'watchConnecting',
	waiting: 'watchWaiting',
	playing: null,
	lost: 'watchLost',
	refused: 'watchRefused',
};

// A fade goes through black: the picture of before goes within the time that is told, and the next one comes when it is there.
function useDark(known: Feed | null): number {
	const [dark, setDark] = useState(0);
	const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
	useEffect(() => {
		if (!known?.fadeMs) return;
		setDark(known.fadeMs);
		clearTimeout(timer.current);
		timer.current = setTimeout(() => setDark(0), known.fadeMs + CHANGES_MS); // the next news do not end it
	}, [known]);
	useEffect(() => () => clearTimeout(timer.current), []);
	return dark;
}

export function WatchPage() {
	useLanguage();
	useWakeLock();
	const [to] = useState(target);
	const [state, setState] = useState<LegState>('connecting');
	const [leg, setLeg] = useState<Leg>('live');
	const [silent, setSilent] = useState(true);
	const [blocked, setBlocked] = useState(false);
	const video = useRef<HTMLVideoElement>(null);
	const viewerRef = useRef<WhepViewer | null>(null);
	const legsRef = useRef<Legs | null>(null);
	const hls = useRef<Programme['hls']>(null);
	const { known, seen, ask } = useFeed(to?.source === 'program' ? to : null, leg === 'files' && state === 'playing'); // other sources have no programme
	if (known?.hls) hls.current = known.hls; // the files outlive the event
	const poster = posterOn(leg, state, posterOf(known, seen));
	const dark = useDark(known);
	const play = () => {
		video.current?.play().then(
			() => setBlocked(false),
			(error: { name?: string }) => setBlocked(error.name === 'NotAllowedError'),
		);
	};
	useEffect(() => {
		if (!to) return;
		const legs = new Legs({
			live: (events) => {
				const viewer = new WhepViewer({
					...events,
					url: `/whep/${encodeURIComponent(to.consult)}/${encodeURIComponent(to.source)}`,
					token: to.token,
					voices: to.source === 'program' ? VOICES : 1,
				});
				viewerRef.current = viewer;
				return viewer;
			},
			files: (onState) => new FilesPlayer(hls.current?.url ?? '', video.current as HTMLVideoElement, onState),
			filesThere: () => hls.current !== null && video.current !== null,
			onLeg: setLeg,
			onState: setState,
			onStream: (stream) => {
				if (!video.current) return;
				if (video.current.srcObject !== stream) video.current.srcObject = stream;
				play();
			},
		});
		legsRef.current = legs;
		legs.start();
		const leave = () => legs.stop();
		addEventListener('pagehide', leave);
		return () => {
			removeEventListener('pagehide', leave);
			legs.stop();
		};
	}, [to]);
	useEffect(() => {
		if (video.current) video.current.muted = silent;
		viewerRef.current?.mute(silent);
	}, [silent, leg]);
	const shown = noticeOf(state, poster);
	const text = TEXTS[shown];
	return (
		<div class="page wide">
			<TopBar>
				<h1 class="watch-title">{known?.title || t('watchTitle')}</h1>
				{known && known.state !== 'off' && known.viewers !== null && (
					<span class="tag" data-testid="watch-viewers">
						<span class="watch-long">{t('watchViewers', { count: known.viewers })}</span>
						<span class="watch-short"><Icon name="people" size={16} /> {known.viewers}</span>
					</span>
				)}
			</TopBar>
			<main class={`watch${hasSide(known) ? ' with-side' : ''}`}>
				{to === null ? (
					<Notice title={t('linkInvalidTitle')} text={t('linkInvalidText')} />
				) : (
					<div class="watch-stage">
						<video class={dark ? 'dark' : ''} style={{ transitionDuration: `${dark || FADE_IN_MS}ms` }} ref={video} data-testid="watch-video" aria-label={t('watchTitle')} autoplay playsinline muted />
						{poster && <PosterView to={to} feed={known} poster={poster} />}
						{!poster && state === 'playing' && known?.text && (
							<p class="watch-third" data-testid="watch-third">{known.text}</p>
						)}
						<p class={`watch-text${text ? '' : ' none'}`} role="status" data-testid="watch-state" data-state={shown}>
							{text ? t(text) : ''}
						</p>
						{blocked && (
							<button type="button" class="primary big tap-sound" onClick={play}>
								{t('watchPlay')}
							</button>
						)}
						{shown === 'playing' && (
							<div class="watch-controls" data-testid="watch-controls" data-leg={leg}>
								{leg === 'files' && video.current && <DvrBar video={video.current} delayS={hls.current?.delay_s ?? 0} />}
								<button type="button" class="primary" data-testid="watch-sound" onClick={() => setSilent(!silent)}>
									<Icon name={silent ? 'soundOff' : 'sound'} /> {t(silent ? 'watchSoundOn' : 'watchSoundOff')}
								</button>
								{leg === 'files' && (
									<button type="button" data-testid="watch-live" onClick={() => legsRef.current?.goLive()}>
										{t('watchBackLive')}
									</button>
								)}
								{leg === 'live' && hls.current && (
									<button type="button" data-testid="watch-files" onClick={() => legsRef.current?.goFiles()}>
										{t('watchGoBack')}
									</button>
								)}
							</div>
						)}
					</div>
				)}
				{to && known && hasSide(known) && <Side to={to} feed={known} onSaid={ask} />}
			</main>
		</div>
	);
}
