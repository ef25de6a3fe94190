// Play, seek bar with what happened and what is missing, speed; and a line for each track.
import { useEffect, useRef, useState } from 'preact/hooks';
import { language, maybe, t } from '../i18n';
import { Icon } from '../shared/icons';
import { clockText } from '../shared/units';
import { kindOf, type Lane, type Plan, type TimelineEvent } from './model';
import type { Replay } from './replay';

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

interface TransportProps {
	replay: Replay;
	plan: Plan;
	events: TimelineEvent[];
	wallZero: number;
	silent: boolean;
	onSilent: () => void;
}

/** Renders some times a second while it plays, else when something changed. */
export function usePosition(replay: Replay): number {
	const [position, setPosition] = useState(replay.position);
	useEffect(() => {
		const read = () => setPosition(replay.position);
		const timer = setInterval(() => {
			if (replay.wanted) read();
		}, 200);
		const off = replay.on(read);
		read();
		return () => {
			clearInterval(timer);
			off();
		};
	}, [replay]);
	return position;
}

export function Transport({ replay, plan, events, wallZero, silent, onSilent }: TransportProps) {
	const position = usePosition(replay);
	const wall = new Intl.DateTimeFormat(language(), { hour: '2-digit', minute: '2-digit', second: '2-digit' });
	const on = replay.wanted;
	return (
		<div class="transport">
			<SeekBar replay={replay} plan={plan} events={events} position={position} />
			<div class="transport-row">
				<button
					type="button" class="primary square" data-testid="play" data-state={replay.state}
					aria-label={t(on ? 'recPause' : 'recPlay')} title={t(on ? 'recPause' : 'recPlay')}
					onClick={() => (on ? replay.pause() : replay.play())}
				>
					<Icon name={on ? 'pause' : 'play'} />
				</button>
				<button type="button" class="square" aria-label={t('recBack10')} title={t('recBack10')} onClick={() => replay.seek(position - 10_000)}>
					<Icon name="back10" />
				</button>
				<button type="button" class="square" aria-label={t('recOn10')} title={t('recOn10')} onClick={() => replay.seek(position + 10_000)}>
					<Icon name="on10" />
				</button>
				<button
					type="button" class="square" aria-pressed={silent} aria-label={t(silent ? 'watchSoundOn' : 'watchSoundOff')}
					title={t(silent ? 'watchSoundOn' : 'watchSoundOff')} onClick={onSilent}
				>
					<Icon name={silent ? 'soundOff' : 'sound'} />
				</button>
				<span class="times">
					<span class="position" data-testid="position">
						{clockText(position)} / {clockText(plan.duration_ms)}
					</span>
					<span class="hint">{wall.format(wallZero + position)}</span>
				</span>
				<span class="waits" role="status">
					{replay.state === 'waiting' ? t('recWaiting') : ''}
				</span>
				<label class="speed">
					<span class="sr">{t('recSpeed')}</span>
					<select
						value={String(replay.speed)} data-testid="speed"
						onChange={(ev) => replay.setSpeed(Number(ev.currentTarget.value))}
					>
						{SPEEDS.map((speed) => (
							<option key={speed} value={String(speed)}>
								{speed}×
							</option>
						))}
					</select>
				</label>
			</div>
		</div>
	);
}

function SeekBar({ replay, plan, events, position }: { replay: Replay; plan: Plan; events: TimelineEvent[]; position: number }) {
	const bar = useRef<HTMLInputElement>(null);
	const most = Math.max(1, plan.duration_ms);
	const at = (ms: number) => `${Math.min(100, Math.max(0, (ms / most) * 100))}%`;
	// As many as a thumb could tell apart: a long consult has thousands.
	const marks = new Map<number, TimelineEvent>();
	for (const event of events) if (kindOf(event) !== 'speech') marks.set(Math.round((event.at_ms / most) * 300), event);
	return (
		<div class="seek">
			<div class="seek-marks" aria-hidden="true">
				{[...marks.values()].map((event) => (
					<span key={`${event.at_ms}${event.type}`} class={`mark ${kindOf(event)}`} style={{ left: at(event.at_ms) }} />
				))}
				{plan.losses.map((loss) => (
					<span key={`l${loss.at_ms}`} class="mark loss" style={{ left: at(loss.at_ms) }} />
				))}
			</div>
			<input
				ref={bar} type="range" class="seek-bar" data-testid="seek" min={0} max={most} step={100} value={position}
				aria-label={t('recSeek')} aria-valuetext={clockText(position)} style={{ '--at': at(position) }}
				onInput={(ev) => replay.seek(Number(ev.currentTarget.value))}
			/>
		</div>
	);
}

function laneName(lane: Lane, names: Map<string, string>): string {
	const plain = lane.source === 'camera' || lane.source === 'microphone' || lane.source === '';
	return [names.get(lane.participant) ?? lane.participant, plain ? '' : (maybe(`source_${lane.source}`) ?? lane.source)].filter(Boolean).join(' · ');
}

/** Who was there when: a line a track, with holes where nothing was received and marks where something was lost. */
export function Lanes({ replay, plan, names }: { replay: Replay; plan: Plan; names: Map<string, string> }) {
	const position = usePosition(replay);
	const most = Math.max(1, plan.duration_ms);
	const at = (ms: number) => `${(ms / most) * 100}%`;
	return (
		<ul class="lanes" data-testid="lanes" aria-label={t('recLanes')}>
			{plan.lanes.map((lane) => (
				<li key={lane.key}>
					<span class="lane-name">
						<Icon name={lane.source === 'screen' ? 'screen' : lane.video ? 'camera' : 'mic'} size={16} /> {laneName(lane, names)}
					</span>
					<span class="lane-line">
						{lane.parts.map((part) => (
							<button
								key={part.path} type="button" class="lane-part" style={{ left: at(part.at_ms), width: at(part.duration_ms) }}
								aria-label={t('recJumpTrack', { name: laneName(lane, names), time: clockText(part.at_ms) })} onClick={() => replay.seek(part.at_ms)}
							/>
						))}
						{lane.losses.map((loss) => (
							<span
								key={loss.at_ms} class="lane-loss" style={{ left: at(loss.at_ms) }}
								title={t('recLost', { n: loss.packets, time: clockText(loss.at_ms) })}
							/>
						))}
						<span class="lane-now" style={{ left: at(position) }} />
					</span>
				</li>
			))}
		</ul>
	);
}
