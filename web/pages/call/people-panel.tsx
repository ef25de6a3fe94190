// For hosts: the waiting room, everybody inside, and how good their connections are.
import { useState } from 'preact/hooks';
import type { Consult, Participant } from '../../sdk/src';
import { t } from '../i18n';
import { Icon } from '../shared/icons';
import { Confirm } from '../shared/ui';
import { PanelHead } from './chat-panel';
import { ConnectionDetails } from './connection';
import { LobbyList } from './lobby-list';
import { notRecorded } from './recording';

interface PeopleProps {
	consult: Consult;
	onClose: () => void;
	onNotice: (text: string) => void;
}

export function PeoplePanel({ consult, onClose, onNotice }: PeopleProps) {
	const [removing, setRemoving] = useState<Participant | null>(null);
	const attempt = (job: Promise<void>) => void job.catch(() => onNotice(t('actionFailed')));
	return (
		<aside class="panel" aria-label={t('people')} onKeyDown={(ev) => ev.key === 'Escape' && onClose()}>
			<PanelHead consult={consult} title={t('people')} onClose={onClose} />
			<div class="panel-body">
				<h3>
					{t('lobby')} <span class="count">{consult.lobby.length}</span>
				</h3>
				<div aria-live="polite">
					<LobbyList
						people={consult.lobby} onAdmit={(id) => attempt(consult.admit(id))} onRemove={(id) => attempt(consult.remove(id))}
					/>
				</div>
				<h3>
					{t('inConsult')} <span class="count">{consult.participants.length}</span>
				</h3>
				<ul class="people">
					{consult.participants.map((p) => (
						<Person
							key={p.id} consult={consult} person={p} onSendBack={() => attempt(consult.sendBack(p.id))}
							onMute={(track) => attempt(consult.muteTrack(track))} onRemove={() => setRemoving(p)}
						/>
					))}
				</ul>
			</div>
			{removing && (
				<Confirm
					text={t('removeConfirm', { name: removing.name })} yes={t('remove')} no={t('cancel')}
					onNo={() => setRemoving(null)}
					onYes={() => {
						attempt(consult.remove(removing.id));
						setRemoving(null);
					}}
				/>
			)}
		</aside>
	);
}

interface PersonProps {
	consult: Consult;
	person: Participant;
	onSendBack: () => void;
	onRemove: () => void;
	onMute: (track: string) => void;
}

const WAITS = ['patient', 'companion', 'interpreter'];

function Person({ consult, person, onSendBack, onRemove, onMute }: PersonProps) {
	const [open, setOpen] = useState(false);
	const self = person.id === consult.me.id;
	const mic = person.tracks.find((x) => x.kind === 'audio' && !x.muted);
	const name = person.name;
	const level = self ? consult.quality : person.quality;
	return (
		<li class="person" data-testid="person-item" data-participant={person.id}>
			<div class="person-who">
				<strong>
					{name}
					{self && ` (${t('you')})`}
				</strong>
				<span class="hint">
					{t(`role_${person.role}`)} · {person.status === 'away' ? t('away') : `${t('quality')}: ${t(`quality_${level}`)}`}
					{person.hand && ` · ${t('handRaised')}`}
					{notRecorded(consult, person) && (
						<span class="not-recorded" data-testid="not-recorded">
							{' · '}
							{t(`consentOf_${person.consent ?? 'none'}`)}
						</span>
					)}
				</span>
			</div>
			<div class="row">
				<button
					type="button" class="square" aria-expanded={open} aria-label={t('statsShow', { name })} title={t('statsTitle')}
					data-testid="stats-toggle" onClick={() => setOpen(!open)}
				>
					<Icon name="info" size={20} />
				</button>
				{!self && mic && (
					<button
						type="button" class="square" aria-label={t('muteName', { name })} title={t('muteName', { name })}
						data-testid="mute-other" onClick={() => onMute(mic.id)}
					>
						<Icon name="micOff" size={20} />
					</button>
				)}
				{!self && WAITS.includes(person.role) && (
					<button type="button" data-testid="send-back" aria-label={t('sendBackName', { name })} onClick={onSendBack}>
						{t('sendBack')}
					</button>
				)}
				{!self && (
					<button type="button" data-testid="remove" aria-label={t('removeName', { name })} onClick={onRemove}>
						{t('remove')}
					</button>
				)}
			</div>
			{open && <ConnectionDetails consult={consult} participant={person.id} />}
		</li>
	);
}
