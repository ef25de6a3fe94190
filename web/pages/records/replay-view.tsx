// The player: pictures, time line, and what is beside them. Keyboard: see onKey().
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { language, t } from '../i18n';
import type { RestRecordingOne } from '../shared/api';
import { useMedia } from '../shared/hooks';
import { About, LoadFailed } from './about';
import { loadDocuments, type Documents } from './documents';
import { strokesOf } from './drawn';
import { eventAt, planOf, shownEvents } from './model';
import { Replay } from './replay';
import type { Opened } from './session';
import { Events, People } from './side';
import { Stage } from './stage';
import { TableNow } from './table-now';
import { Lanes, SPEEDS, Transport } from './transport';

declare global {
	interface Window {
		/** For support staff and tests: positions and drifts of the running player. */
		huizhenReplay?: Replay;
	}
}

const TABS = { events: 'recEvents', people: 'recPeople', about: 'recAbout' } as const;
type Tab = keyof typeof TABS;

interface ViewProps {
	token: string;
	record: RestRecordingOne;
	opened: Opened;
	download: boolean;
}

const CHANGING_MS = 3_000;

/** Events and proof as they were opened, until they are fetched once more: by hand, or because they were being made anew. */
function useDocuments(token: string, id: string, opened: Opened): { now: Documents; again: () => void; busy: boolean } {
	const [now, setNow] = useState<Documents>(opened);
	const [busy, setBusy] = useState(false);
	const alive = useRef(true);
	useEffect(() => () => void (alive.current = false), []);
	const again = () => {
		if (busy) return;
		setBusy(true);
		loadDocuments(token, id)
			.catch(() => now)
			.then(({ events, eventsFailed, proof }) => {
				if (!alive.current) return;
				setBusy(false);
				setNow({
					...now,
					...(now.eventsFailed && !eventsFailed && { events, eventsFailed }), // those that are shown stay
					proof: proof.state === 'failed' ? now.proof : proof,
				});
			});
	};
	const changing = now.proof.state === 'there' && now.proof.lists === 'changing';
	useEffect(() => {
		const timer = changing ? setTimeout(again, CHANGING_MS) : undefined;
		return () => clearTimeout(timer);
	}, [now]);
	return { now, again, busy };
}

export function ReplayView({ token, record, opened, download }: ViewProps) {
	const { manifest, view } = opened;
	const { now, again, busy } = useDocuments(token, record.id, opened);
	const phone = useMedia('(max-width: 899px)');
	const plan = useMemo(() => planOf(manifest, opened.events), [opened]);
	const events = useMemo(() => shownEvents(now.events), [now.events]);
	const strokes = useMemo(() => strokesOf(now.events), [now.events]);
	const names = useMemo(() => new Map(manifest.participants.map((p) => [p.id, p.name || p.id])), [opened]);
	const [room, setRoom] = useState(phone && plan.composed !== null);
	const [replay, setReplay] = useState<Replay | null>(null);
	const [begun, setBegun] = useState(false);
	const [silent, setSilent] = useState(false);
	const [silentPeople, setSilentPeople] = useState<Set<string>>(new Set());
	const [large, setLarge] = useState<string | null>(null);
	const [tab, setTab] = useState<Tab>('events');
	const [, bump] = useState(0);
	const left = useRef({ position: 0, on: false, speed: 1 });
	useEffect(() => {
		const lanes = room && plan.composed ? [plan.composed] : plan.lanes;
		const made = new Replay({ lanes, duration_ms: plan.duration_ms, url: (p) => view.url(p), renew: () => view.renew() });
		made.seek(left.current.position);
		made.setSpeed(left.current.speed);
		const off = made.on(() => {
			if (made.wanted) setBegun(true);
			bump((n) => n + 1);
		});
		window.huizhenReplay = made;
		setReplay(made);
		if (left.current.on) made.play();
		return () => {
			left.current = { position: made.position, on: made.wanted, speed: made.speed };
			off();
			made.stop();
		};
	}, [room, plan]);
	useEffect(() => {
		for (const p of replay?.players ?? []) p.muted = silent || silentPeople.has(p.lane.participant);
	}, [replay, silent, silentPeople]);
	useEffect(() => {
		if (!replay) return;
		const onKey = (ev: KeyboardEvent) => handleKey(ev, replay, events, () => setSilent((s) => !s));
		addEventListener('keydown', onKey);
		return () => removeEventListener('keydown', onKey);
	}, [replay, events]);
	if (!replay) return null;
	const day = new Intl.DateTimeFormat(language(), { dateStyle: 'long', timeStyle: 'short' });
	const toggle = (id: string) =>
		setSilentPeople((old) => new Set(old.has(id) ? [...old].filter((p) => p !== id) : [...old, id]));
	const pictures = plan.lanes.filter((l) => l.video).length;
	const blocked = replay.players.filter((p) => p.blocked);
	return (
		<div class="replay" data-testid="replay">
			<div class="replay-main">
				<div class="replay-head">
					<div>
						<h1>{manifest.title || t('recordsUntitled')}</h1>
						<p class="hint">{day.format(manifest.started_ms)}</p>
					</div>
					{plan.composed && plan.lanes.length > 0 && <LayoutSwitch room={room} onRoom={setRoom} />}
				</div>
				<div class={`stage-box${!room && pictures > 1 ? ' many' : ''}`}>
					<Stage players={replay.players} names={names} large={large} replay={replay} strokes={strokes} onLarge={setLarge} />
					{!begun && <Poster url={plan.poster === null ? null : view.url(plan.poster)} onClick={() => replay.play()} />}
					{blocked.length > 0 && (
						<p class="replay-touch" role="alert">
							{t('recTouch')}
							<button type="button" onClick={() => blocked.forEach((p) => p.touch())}>
								{t('recTouchButton')}
							</button>
						</p>
					)}
				</div>
				<Transport
					replay={replay} plan={plan} events={events} wallZero={manifest.wall_zero_ms} silent={silent}
					onSilent={() => setSilent(!silent)}
				/>
				<TableNow replay={replay} events={now.events} />
				<Lanes replay={replay} plan={plan} names={names} />
				<p class="keys">
					{t('recKeys')}: {t('recKeysText')}
				</p>
			</div>
			<aside class="replay-side">
				<Tabs tab={tab} onTab={setTab} />
				<div class="side-body" role="tabpanel" aria-label={t(TABS[tab])}>
					{tab === 'events' && now.eventsFailed && (
						<LoadFailed text={t('recEventsFailed')} testid="events-failed" onAgain={again} busy={busy} />
					)}
					{tab === 'events' && !now.eventsFailed && <Events replay={replay} events={events} names={names} />}
					{tab === 'people' && (
						<>
							{room && <p class="hint">{t('recRoomSound')}</p>}
							<People
								people={manifest.participants} lanes={plan.lanes} erased={plan.erased} switches={!room} silent={silentPeople}
								onSilent={toggle}
							/>
						</>
					)}
					{tab === 'about' && (
						<About token={token} record={record} opened={opened} proof={now.proof} onAgain={again} busy={busy} download={download} />
					)}
				</div>
			</aside>
		</div>
	);
}

function LayoutSwitch({ room, onRoom }: { room: boolean; onRoom: (room: boolean) => void }) {
	return (
		<div class="switch" role="group" aria-label={t('recLayout')}>
			<button type="button" aria-pressed={room} data-testid="as-room" onClick={() => onRoom(true)}>
				{t('recRoom')}
			</button>
			<button type="button" aria-pressed={!room} data-testid="as-tracks" onClick={() => onRoom(false)}>
				{t('recTracks')}
			</button>
		</div>
	);
}

function Poster({ url, onClick }: { url: string | null; onClick: () => void }) {
	return (
		<button
			type="button" class={`poster${url === null ? ' bare' : ''}`} data-testid="poster" aria-label={t('recPlay')}
			style={url === null ? undefined : { backgroundImage: `url("${url}")` }} onClick={onClick}
		>
			<svg viewBox="0 0 48 48" width="72" height="72" aria-hidden="true">
				<circle cx="24" cy="24" r="23" class="poster-disc" />
				<path d="M19 14.5v19l15-9.5z" class="poster-play" />
			</svg>
		</button>
	);
}

/** Arrow keys go from tab to tab, as in every tab list. */
function Tabs({ tab, onTab }: { tab: Tab; onTab: (tab: Tab) => void }) {
	const keys = Object.keys(TABS) as Tab[];
	const onKeyDown = (ev: KeyboardEvent) => {
		const step = ev.key === 'ArrowRight' ? 1 : ev.key === 'ArrowLeft' ? -1 : 0;
		if (step === 0) return;
		ev.preventDefault();
		ev.stopPropagation();
		const next = keys[(keys.indexOf(tab) + step + keys.length) % keys.length] as Tab;
		onTab(next);
		(ev.currentTarget as HTMLElement).querySelector<HTMLElement>(`[data-testid="tab-${next}"]`)?.focus();
	};
	return (
		<div class="tabs" role="tablist" aria-label={t('recBeside')} onKeyDown={onKeyDown}>
			{keys.map((key) => (
				<button
					key={key} type="button" role="tab" aria-selected={tab === key} tabIndex={tab === key ? 0 : -1} data-testid={`tab-${key}`}
					onClick={() => onTab(key)}
				>
					{t(TABS[key])}
				</button>
			))}
		</div>
	);
}

/** Space, K: play. Arrows: 5 s. J, L: 10 s. Home, End. M: sound. < and >: speed. N, P: next and previous event. */
function handleKey(ev: KeyboardEvent, replay: Replay, events: { at_ms: number }[], mute: () => void): void {
	const on = ev.target as HTMLElement;
	if (ev.ctrlKey || ev.metaKey || ev.altKey || on.tagName === 'SELECT' || on.tagName === 'SUMMARY') return;
	if (on.tagName === 'BUTTON' && (ev.key === ' ' || ev.key === 'Enter')) return;
	const { position } = replay;
	const speed = (step: number) => {
		const next = SPEEDS[SPEEDS.indexOf(replay.speed) + step];
		if (next !== undefined) replay.setSpeed(next);
	};
	const event = (step: number) => {
		const at = eventAt(events as never[], position + (step > 0 ? 50 : -1500));
		const to = events[step > 0 ? at + 1 : Math.max(0, at)];
		if (to) replay.seek(to.at_ms);
	};
	const actions: Record<string, () => void> = {
		' ': () => (replay.wanted ? replay.pause() : replay.play()),
		k: () => (replay.wanted ? replay.pause() : replay.play()),
		ArrowLeft: () => replay.seek(position - 5_000),
		ArrowRight: () => replay.seek(position + 5_000),
		j: () => replay.seek(position - 10_000),
		l: () => replay.seek(position + 10_000),
		Home: () => replay.seek(0),
		End: () => replay.seek(replay.duration_ms),
		m: mute,
		'<': () => speed(-1),
		'>': () => speed(1),
		n: () => event(1),
		p: () => event(-1),
	};
	const action = actions[ev.key.length === 1 ? ev.key.toLowerCase() : ev.key];
	if (!action) return;
	ev.preventDefault();
	action();
}
