// A consult from inside: pictures, controls, chat, people. The roles' grants decide what is shown.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { BellPush, Consult } from '../../sdk/src';
import { t, useLanguage } from '../i18n';
import { choices, remember } from '../shared/choices';
import { useConsult, useNotice, useWakeLock } from '../shared/hooks';
import { Icon } from '../shared/icons';
import { ringBell } from '../shared/sounds';
import { LanguageSwitch, ThemeSwitch } from '../shared/ui';
import { AudiencePanel } from './audience-panel';
import { QualityBanner } from './banner';
import { ChatPanel } from './chat-panel';
import { Controls } from './controls';
import { DevicesPanel } from './devices-panel';
import { BroadcastSign, DirectBar } from './direct-bar';
import { useImagesThere } from './images';
import { ImagesPanel } from './images-panel';
import { ImagesStage } from './images-stage';
import { MasksPanel } from './masks-panel';
import { MixedStage, MixOffer } from './mixed-picture';
import { PeoplePanel } from './people-panel';
import { RecordBar, RecordSign } from './record-bar';
import { Stage, type Layout } from './stage';

type Panel = 'chat' | 'people' | 'devices' | 'audience' | 'masks' | 'images' | null;

export function CallView({ consult }: { consult: Consult }) {
	useLanguage();
	useConsult(consult);
	useWakeLock();
	const [layout, setLayout] = useState<Layout>(choices().layout ?? 'speaker');
	const roomy = matchMedia('(min-width: 1000px)').matches;
	const [panel, setPanel] = useState<Panel>(consult.can('admit') && roomy ? 'people' : null);
	const notice = useNotice();
	const unread = useUnread(consult, panel === 'chat');
	useHostMute(consult, notice.show);
	const bell = useBell(consult);
	const images = useImages(consult);
	const close = () => setPanel(null);
	const changeLayout = () => {
		const next = layout === 'grid' ? 'speaker' : 'grid';
		setLayout(next);
		remember({ layout: next });
	};
	return (
		<div class={`call${panel ? ' with-panel' : ''}`} data-testid="call" data-layout={layout}>
			<header class="call-head">
				<h1 class="call-title">{consult.title || t('call')}</h1>
				<RecordSign consult={consult} />
				<BroadcastSign consult={consult} />
				<span class={`quality ${consult.quality}`} data-testid="quality">
					<span class="quality-name">{t('quality')}: </span>
					{t(`quality_${consult.quality}`)}
				</span>
				<LanguageSwitch />
				<ThemeSwitch />
			</header>
			<div class="call-banners">
				<RecordBar consult={consult} onNotice={notice.show} />
				<DirectBar
					consult={consult} onNotice={notice.show} audienceOpen={panel === 'audience'}
					onAudience={() => setPanel(panel === 'audience' ? null : 'audience')}
					masksOpen={panel === 'masks'} onMasks={() => setPanel(panel === 'masks' ? null : 'masks')}
				/>
				<QualityBanner consult={consult} />
				<MixOffer consult={consult} />
			</div>
			<main class="call-main">
				{images.shown ? (
					<ImagesStage consult={consult} onNotice={notice.show} onActive={images.setActive} onHide={images.hide} />
				) : consult.mixed.pictureOn ? (
					<MixedStage consult={consult} />
				) : (
					<Stage consult={consult} layout={layout} />
				)}
				{consult.audio.blocked && (
					<button type="button" class="primary big tap-sound" data-testid="tap-sound" onClick={() => void consult.audio.resume()}>
						<Icon name="sound" /> {t('soundBlocked')}
					</button>
				)}
				<div class="toasts" role="status" aria-live="polite">
					{bell.latest && panel !== 'people' && (
						<div class="toast" data-testid="bell">
							<Icon name="bell" />
							<span>{t('lobbyBell', { name: bell.latest.name, role: t(`role_${bell.latest.role}`) })}</span>
							<button type="button" class="primary" onClick={() => bell.admit(notice.show)}>
								{t('admit')}
							</button>
							<button type="button" class="square quiet" aria-label={t('close')} onClick={bell.dismiss}>
								<Icon name="close" size={20} />
							</button>
						</div>
					)}
					{notice.text && <div class="toast">{notice.text}</div>}
					<span class="sr">{unread.said}</span>
				</div>
			</main>
			{panel === 'chat' && <ChatPanel consult={consult} onClose={close} />}
			{panel === 'audience' && <AudiencePanel consult={consult} onClose={close} onNotice={notice.show} />}
			{panel === 'masks' && <MasksPanel consult={consult} onClose={close} onNotice={notice.show} />}
			{panel === 'people' && <PeoplePanel consult={consult} onClose={close} onNotice={notice.show} />}
			{panel === 'images' && <ImagesPanel consult={consult} active={images.active} onClose={close} onShow={images.show} onNotice={notice.show} />}
			{panel === 'devices' && <DevicesPanel consult={consult} onClose={close} onNotice={notice.show} />}
			<Controls
				consult={consult} layout={layout} onLayout={changeLayout} panel={panel} unread={unread.count}
				images={images.there ? (images.shown ? 'shown' : 'hidden') : 'none'} onImages={images.toggle}
				onPanel={(p) => setPanel(panel === p ? null : p)} onNotice={notice.show}
			/>
		</div>
	);
}

/** The images of the table take the stage; each may hide them. New images come back by themselves. */
function useImages(consult: Consult) {
	const there = useImagesThere(consult);
	const [hidden, setHidden] = useState(false);
	const [active, setActive] = useState(0);
	useEffect(() => setHidden(false), [there]);
	const show = () => setHidden(false);
	const hide = () => setHidden(true);
	return { there, shown: there && !hidden, active, setActive, show, hide, toggle: () => setHidden((was) => !was) };
}

/** Messages of others that came while the chat was closed; also what a screen reader says about the last one. */
function useUnread(consult: Consult, open: boolean) {
	const [count, setCount] = useState(0);
	const [said, setSaid] = useState('');
	const isOpen = useRef(open);
	isOpen.current = open;
	useLayoutEffect(() => {
		const since = Date.now();
		return consult.on('chat', (m) => {
			if (isOpen.current || m.from === consult.me.id || m.time < since - 5_000) return;
			setCount((n) => n + 1);
			setSaid(t('chatFrom', { name: m.name, text: m.text }));
		});
	}, [consult]);
	useEffect(() => {
		if (open) setCount(0);
	}, [open]);
	return { count, said };
}

/** The last one who rang, while still waiting. */
function useBell(consult: Consult) {
	const [push, setPush] = useState<BellPush | null>(null);
	useLayoutEffect(
		() =>
			consult.on('bell', (next) => {
				setPush(next);
				if (!choices().bellOff) ringBell();
			}),
		[consult],
	);
	const latest = push && consult.lobby.some((p) => p.id === push.participant) ? push : null;
	const admit = (onNotice: (text: string) => void) => {
		if (latest) void consult.admit(latest.participant).catch(() => onNotice(t('actionFailed')));
		setPush(null);
	};
	return { latest, admit, dismiss: () => setPush(null) };
}

/** Says so when the host mutes one's microphone: the gateway's state says muted before we did. */
function useHostMute(consult: Consult, show: (text: string) => void): void {
	useLayoutEffect(() => consult.on('mutedbyhost', () => show(t('mutedByHost'))), [consult]);
}
