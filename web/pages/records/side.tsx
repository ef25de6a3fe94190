// Beside the pictures: events to jump to, and people with their sound.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { maybe, t, useLanguage, type MessageKey } from '../i18n';
import { Icon, type IconName } from '../shared/icons';
import { clockText } from '../shared/units';
import { eventAt, eventWindow, kindOf, type EventKind, type Lane, type ManifestPerson, type TimelineEvent } from './model';
import type { Replay } from './replay';
import { usePosition } from './transport';

const ICONS: Record<EventKind, IconName> = {
	speech: 'sound', chat: 'chat', consent: 'record', people: 'people', image: 'screen', other: 'info',
};

export function eventText(event: TimelineEvent, names: Map<string, string>): string {
	const detail = event.detail ?? {};
	const name = names.get(event.participant ?? '') ?? event.participant ?? '';
	switch (event.type) {
		case 'chat':
			return `${name}: ${String(detail.text ?? '')}`;
		case 'consent':
			return t(`recConsent_${['given', 'refused', 'withdrawn'].includes(String(detail.state)) ? detail.state : 'other'}` as MessageKey, { name });
		case 'recording':
			return t(detail.state === 'off' ? 'recEvent_off' : 'recEvent_on');
		case 'join':
			return t(detail.before ? 'recEvent_there' : 'recEvent_join', { name: String(detail.name ?? name) });
		case 'table':
			return t(`recTable_${['study', 'floor', 'shown', 'drawn'].includes(String(detail.line)) ? detail.line : 'nothing'}` as MessageKey, { name, text: String(detail.text ?? ''), label: String(detail.label ?? ''), n: Number(detail.n ?? 0) }).replace(/[:：]\s*$/, '');
		case 'kept':
			return t(detail.state === 'kept' ? 'recTable_kept' : 'recTable_waiting');
		case 'mute':
		case 'unmute':
			return t(`recEvent_${event.type}`, { name, source: maybe(`source_${String(detail.source)}`) ?? String(detail.source ?? '') });
		default:
			return maybe(`recEvent_${event.type}`, { name }) ?? t('recEvent_other', { name, type: event.type });
	}
}

export function Events({ replay, events, names }: { replay: Replay; events: TimelineEvent[]; names: Map<string, string> }) {
	const [hide, setHide] = useState<Set<EventKind>>(new Set());
	const position = usePosition(replay);
	const spoken = useLanguage();
	const list = useRef<HTMLOListElement>(null);
	const wanted = useMemo(() => events.filter((e) => !hide.has(kindOf(e))), [events, hide]);
	const at = eventAt(wanted, position + 50);
	const { from, shown } = eventWindow(wanted, at);
	const now = at - from;
	useEffect(() => {
		const box = list.current;
		const line = box?.children[now] as HTMLElement | undefined;
		if (box && line && !box.matches(':hover')) box.scrollTop = line.offsetTop - box.clientHeight / 3;
	}, [now, from]);
	// Made anew only when another event is the current one, not with each step of the clock.
	const rows = useMemo(
		() => shown.map((event, i) => <Row key={`${event.at_ms}-${from + i}`} event={event} names={names} on={i === now} onClick={() => replay.seek(event.at_ms)} />),
		[wanted, from, now, names, replay, spoken],
	);
	const kinds = (Object.keys(ICONS) as EventKind[]).filter((kind) => events.some((e) => kindOf(e) === kind));
	return (
		<section class="events" aria-label={t('recEvents')}>
			<div class="filters">
				{kinds.map((kind) => (
					<button
						key={kind} type="button" class="chip" aria-pressed={!hide.has(kind)}
						onClick={() => setHide((old) => new Set(old.has(kind) ? [...old].filter((k) => k !== kind) : [...old, kind]))}
					>
						<Icon name={ICONS[kind]} size={18} /> {t(`recKind_${kind}`)}
					</button>
				))}
			</div>
			<ol class="event-list" ref={list} data-testid="events" tabIndex={-1}>
				{rows}
			</ol>
			{shown.length < wanted.length && <p class="hint">{t('recEventsNear', { n: wanted.length })}</p>}
			{shown.length === 0 && <p class="hint">{t(events.length > 0 ? 'recNoEvents' : 'recNothing')}</p>}
		</section>
	);
}

interface RowProps {
	event: TimelineEvent;
	names: Map<string, string>;
	on: boolean;
	onClick: () => void;
}

function Row({ event, names, on, onClick }: RowProps) {
	const kind = kindOf(event);
	return (
		<li>
			<button type="button" class={`event ${kind}`} aria-current={on ? 'true' : undefined} data-at={event.at_ms} onClick={onClick}>
				<span class="event-time">{clockText(event.at_ms)}</span>
				<Icon name={ICONS[kind]} size={18} />
				<span class="event-text">{eventText(event, names)}</span>
			</button>
		</li>
	);
}

interface PeopleProps {
	people: ManifestPerson[];
	lanes: Lane[];
	erased: string[];
	/** Whether people can be silenced one by one. */
	switches: boolean;
	silent: Set<string>;
	onSilent: (id: string) => void;
}

export function People({ people, lanes, erased, switches, silent, onSilent }: PeopleProps) {
	return (
		<ul class="replay-people" data-testid="people">
			{people.map((person) => {
				const own = lanes.filter((l) => l.participant === person.id);
				const off = silent.has(person.id);
				const name = person.name || person.id;
				const state = erased.includes(person.id) ? t('recErased') : own.length === 0 ? t('recNotRecorded') : '';
				return (
					<li key={person.id} data-person={person.id}>
						<span class="person-text">
							<span>{name}</span>
							<span class="hint">{[maybe(`role_${person.role}`) ?? person.role, state].filter(Boolean).join(' · ')}</span>
						</span>
						{switches && own.some((l) => l.audio) && (
							<button
								type="button" class="square" aria-pressed={!off} data-testid="person-sound"
								aria-label={t(off ? 'recUnmute' : 'recMute', { name })} title={t(off ? 'recUnmute' : 'recMute', { name })}
								onClick={() => onSilent(person.id)}
							>
								<Icon name={off ? 'soundOff' : 'sound'} />
							</button>
						)}
					</li>
				);
			})}
		</ul>
	);
}
