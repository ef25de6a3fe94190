// Beside the pictures: events to jump to, and people with their sound.
import { useEffect, useRef, useState } from 'preact/hooks';
import { maybe, t, type MessageKey } from '../i18n';
import { Icon, type IconName } from '../shared/icons';
import { clockText } from '../shared/units';
import { eventAt, kindOf, type EventKind, type Lane, type ManifestPerson, type TimelineEvent } from './model';
import type { Replay } from './replay';
import { usePosition } from './transport';

const ICONS: Record<EventKind, IconName> = {
	speech: 'sound', chat: 'chat', consent: 'record', people: 'people', image: 'screen', other: 'info',
};
const MOST_EVENTS = 1500;

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
	const list = useRef<HTMLOListElement>(null);
	const shown = events.filter((e) => !hide.has(kindOf(e))).slice(0, MOST_EVENTS);
	const now = eventAt(shown, position + 50);
	useEffect(() => {
		const box = list.current;
		const line = box?.children[now] as HTMLElement | undefined;
		if (box && line && !box.matches(':hover')) box.scrollTop = line.offsetTop - box.clientHeight / 3;
	}, [now]);
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
				{shown.map((event, i) => (
					<li key={`${event.at_ms}-${i}`}>
						<button
							type="button" class={`event ${kindOf(event)}`} aria-current={i === now ? 'true' : undefined} data-at={event.at_ms}
							onClick={() => replay.seek(event.at_ms)}
						>
							<span class="event-time">{clockText(event.at_ms)}</span>
							<Icon name={ICONS[kindOf(event)]} size={18} />
							<span class="event-text">{eventText(event, names)}</span>
						</button>
					</li>
				))}
			</ol>
			{shown.length === 0 && <p class="hint">{t(events.length > 0 ? 'recNoEvents' : 'recNothing')}</p>}
		</section>
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
