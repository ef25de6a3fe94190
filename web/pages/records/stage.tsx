// The pictures: a tile for each lane that has one now. The media elements belong to the players; tiles only hold them.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { maybe, t } from '../i18n';
import { DrawnOver } from '../shared/drawn-over';
import { drawnAt, type Stroke } from './drawn';
import type { LanePlayer } from './lane-player';
import type { Replay } from './replay';
import { usePosition } from './transport';

interface StageProps {
	players: LanePlayer[];
	names: Map<string, string>;
	large: string | null;
	replay: Replay;
	/** What was drawn over pictures. */
	strokes: readonly Stroke[];
	onLarge: (key: string | null) => void;
}

/** Pictures that are there or held, and people of whom there is only sound now. */
function onStage(players: LanePlayer[]): LanePlayer[] {
	const pictures = players.filter((p) => p.lane.video && (p.place === 'in' || p.place === 'between'));
	const seen = new Set(pictures.map((p) => p.lane.participant));
	const voices = players.filter((p) => {
		if (p.lane.video || p.place !== 'in' || seen.has(p.lane.participant)) return false;
		seen.add(p.lane.participant);
		return true;
	});
	return [...pictures, ...voices];
}

/** What lay over this picture at this moment. */
function Drawn({ replay, strokes, player }: Pick<StageProps, 'replay' | 'strokes'> & { player: LanePlayer }) {
	const { participant, source } = player.lane, drawings = drawnAt(strokes, participant, source, usePosition(replay));
	return drawings.length > 0 ? <DrawnOver drawings={drawings} which="video.on" /> : null;
}

export function Stage({ players, names, large, replay, strokes, onLarge }: StageProps) {
	const here = onStage(players);
	const main = here.some((p) => p.lane.key === large) ? large : null;
	const rest = here.length - 1;
	return (
		<div
			class={`replay-stage${main ? ' has-large' : ''}`} data-count={Math.min(here.length, 9)} data-testid="stage"
			style={main ? { '--rest': String(Math.max(1, rest)) } : undefined}
		>
			{players.map((player) => (
				<Tile
					key={player.lane.key} player={player} name={names.get(player.lane.participant) ?? player.lane.participant}
					shown={here.includes(player)} large={player.lane.key === main}
					drawn={strokes.length > 0 && player.lane.video ? <Drawn replay={replay} strokes={strokes} player={player} /> : null}
					onClick={() => onLarge(player.lane.key === main ? null : player.lane.key)}
				/>
			))}
			{here.length === 0 && <p class="replay-empty">{t('recNobody')}</p>}
		</div>
	);
}

interface TileProps {
	player: LanePlayer;
	name: string;
	shown: boolean;
	large: boolean;
	drawn: ComponentChildren;
	onClick: () => void;
}

function Tile({ player, name, shown, large, drawn, onClick }: TileProps) {
	const box = useRef<HTMLDivElement>(null);
	useEffect(() => {
		box.current?.prepend(player.host);
	}, [player]);
	const { lane } = player;
	const source = lane.source === 'camera' || lane.source === 'mix' || lane.source === '' ? '' : (maybe(`source_${lane.source}`) ?? lane.source);
	const sound = !lane.video;
	const trouble = player.failed ? t('recLaneFailed') : player.place === 'between' && shown ? t('recInterrupted') : '';
	const label = lane.key === 'composed' ? t('recRoom') : [name, source].filter(Boolean).join(' · ');
	return (
		<div
			ref={box} class={`replay-tile${shown ? '' : ' none'}${large ? ' large' : ''}${trouble ? ' dim' : ''}`}
			data-lane={lane.key} data-place={player.place} data-testid="tile"
		>
			<button type="button" class="tile-cover" aria-pressed={large} aria-label={t('recEnlarge', { name: label })} onClick={onClick} />
			{shown && drawn}
			{sound && (
				<span class="avatar" aria-hidden="true">
					{[...name][0] ?? ''}
				</span>
			)}
			{lane.key !== 'composed' && <span class="tile-label">{sound ? `${name} · ${t('recSoundOnly')}` : label}</span>}
			{trouble && <span class="tile-trouble">{trouble}</span>}
		</div>
	);
}
