// One picture with its name and signs, and what is drawn over it.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Consult } from '../../sdk/src';
import { t } from '../i18n';
import { Icon } from '../shared/icons';
import { LocalVideo, RemoteVideo } from '../shared/video';
import { Pause, pictureState, type PictureState } from './network';
import { notRecorded } from './recording';
import { Drawn, DrawTools, WipeOwn } from './telestration';
import type { TileInfo } from './tiles';

interface TileProps {
	consult: Consult;
	tile: TileInfo;
	large?: boolean;
	pinned?: boolean;
	/** It is large enough to be drawn on. */
	drawable?: boolean;
	onPin?: () => void;
}

function initial(name: string): string {
	return Array.from(name.trim())[0] ?? '?';
}

function nameOf(tile: TileInfo): string {
	const who = tile.self ? t('you') : tile.participant.name;
	if (tile.source === 'camera' || tile.source === 'microphone') return who;
	return `${who} · ${tile.label || t(`source_${tile.source}`)}`;
}

/** With stills of a weak sender one sign, not one that comes and goes. */
function useSettled(now: PictureState): PictureState {
	const pause = useRef<Pause | null>(null);
	const [, lookAgain] = useState(0);
	pause.current ??= new Pause();
	const { state, againMs } = pause.current.observe(now, Date.now());
	const waits = againMs > 0;
	useEffect(() => {
		if (!waits) return undefined;
		const timer = setTimeout(() => lookAgain((n) => n + 1), againMs);
		return () => clearTimeout(timer);
	}, [waits]);
	return state;
}

export function Tile({ consult, tile, large, pinned, drawable, onPin }: TileProps) {
	const [drawing, setDrawing] = useState(false);
	const name = nameOf(tile);
	const { participant } = tile;
	const away = participant.status === 'away';
	const track = tile.local?.mediaStreamTrack ?? null;
	const hasPicture = tile.remote !== null || track !== null;
	const state = useSettled(pictureState(consult, tile));
	const paused = state === 'off' || state === 'sender';
	const mayDraw = drawable === true && hasPicture && tile.source !== 'mix' && consult.can('image');
	const weak = !tile.self && (participant.quality === 'poor' || participant.quality === 'lost');
	return (
		<div
			class={`tile${large ? ' large' : ''}${tile.speaking ? ' speaking' : ''}${mayDraw && drawing ? ' drawing' : ''}`}
			data-testid="tile" data-step={state} data-participant={participant.id} data-source={tile.source} role="group" aria-label={name}
		>
			{paused && <span class="avatar behind">{initial(participant.name)}</span>}
			{tile.remote && <RemoteVideo consult={consult} track={tile.remote.id} label={name} key={tile.remote.id} />}
			{track && <LocalVideo track={track} label={name} />}
			{hasPicture && <Drawn consult={consult} participant={participant.id} source={tile.source} />}
			{!hasPicture && <span class="avatar">{initial(participant.name)}</span>}
			{away && <p class="tile-note">{t('away')}</p>}
			{state !== 'full' && (
				<p class={`tile-net ${state}`} data-testid="tile-net">
					<Icon name="signal" size={16} /> {t(`step_${state}`)}
				</p>
			)}
			<p class="tile-name">
				{tile.silent && <Sign icon="micOff" text={t('mutedSign')} />}
				{notRecorded(consult, participant) && <Sign icon="recordNot" text={t('notRecorded')} />}
				<span class="tile-text">{name}</span>
				{tile.speaking && <span class="sr">{t('speaking')}</span>}
				{weak && <span class="tile-quality">{t(`quality_${participant.quality}`)}</span>}
			</p>
			{participant.hand && (
				<p class="tile-hand">
					<Sign icon="hand" text={t('handRaised')} />
				</p>
			)}
			{mayDraw && <DrawTools consult={consult} participant={participant.id} source={tile.source} name={name} open={drawing} onOpen={setDrawing} />}
			{onPin && (
				<button
					type="button" class="tile-pin" aria-pressed={pinned === true}
					aria-label={t(pinned ? 'unpin' : 'pin', { name })} title={t(pinned ? 'unpin' : 'pin', { name })} onClick={onPin}
				>
					<Icon name="pin" size={20} />
				</button>
			)}
		</div>
	);
}

function Sign({ icon, text }: { icon: 'micOff' | 'hand' | 'recordNot'; text: string }) {
	return (
		<span class="sign" title={text}>
			<Icon name={icon} size={18} />
			<span class="sr">{text}</span>
		</span>
	);
}

/** The own camera: mirrored like a looking glass when it looks at oneself. */
export function SelfView({ consult, floating }: { consult: Consult; floating: boolean }) {
	const camera = consult.localTrack('camera');
	const microphone = consult.localTrack('microphone');
	const track = camera?.mediaStreamTrack ?? null;
	const speaking = consult.speakers.includes(consult.me.id);
	return (
		<div
			class={`tile self${floating ? ' floating' : ''}${speaking ? ' speaking' : ''}`} data-testid="self-view"
			data-participant={consult.me.id} data-source="camera" role="group" aria-label={t('you')}
		>
			{track ? (
				<>
					<LocalVideo track={track} label={t('checkPreview')} mirrored={camera?.facing !== 'environment'} />
					<Drawn consult={consult} participant={consult.me.id} source="camera" />
					<WipeOwn consult={consult} />
				</>
			) : (
				<span class="avatar">
					<Icon name="cameraOff" />
				</span>
			)}
			<p class="tile-name">
				{(!microphone || microphone.muted) && <Sign icon="micOff" text={t('mutedSign')} />}
				<span class="tile-text">{t('you')}</span>
			</p>
			{track && consult.uplink !== 'full' && (
				<p class="tile-net self-net" data-testid="self-net">
					<Icon name="signal" size={16} /> {t(consult.uplink === 'low' ? 'selfLow' : 'selfOff')}
				</p>
			)}
			{consult.me.hand && (
				<p class="tile-hand">
					<Sign icon="hand" text={t('handRaised')} />
				</p>
			)}
		</div>
	);
}
