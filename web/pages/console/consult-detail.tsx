// One consult from outside: enter, waiting room, links.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Participant, Role } from '../../sdk/src';
import { LobbyList } from '../call/lobby-list';
import { t } from '../i18n';
import { RecordsList } from '../records/list';
import { api, ApiError, type RestConsult } from '../shared/api';
import { choices, remember } from '../shared/choices';
import { ConnectingLine } from '../shared/connecting';
import { usePoll } from '../shared/hooks';
import { ringBell } from '../shared/sounds';
import type { Claims } from '../shared/token';
import { Confirm } from '../shared/ui';
import { AudienceData } from './audience-data';
import { Links } from './links';
import { Recording } from './recording';
import { Sources } from './sources';

interface DetailProps {
	token: string;
	consult: RestConsult;
	claims: Claims;
	onEnter: (role: Role) => Promise<void>;
	onChanged: () => void;
	onFailed: (error: unknown) => void;
	onExpired: () => void;
	/** Whether to show what was recorded of it. */
	records: boolean;
}

const LOBBY_MS = 2_500;
const ENTER_ROLES: Role[] = ['clinic', 'expert', 'observer'];

export function ConsultDetail({ token, consult, claims, onEnter, onChanged, onFailed, onExpired, records }: DetailProps) {
	const open = consult.status === 'open';
	const [role, setRole] = useState<Role>(claims.role === 'admin' ? 'clinic' : claims.role);
	const [busy, setBusy] = useState(false);
	const [closing, setClosing] = useState(false);
	const enter = async () => {
		setBusy(true);
		await onEnter(role).catch(onFailed);
		setBusy(false);
	};
	const close = async () => {
		setClosing(false);
		await api.closeConsult(token, consult.id).catch(onFailed);
		onChanged();
	};
	return (
		<section aria-label={consult.title}>
			<h2 class="detail-title">{consult.title || consult.id}</h2>
			{open ? (
				<div class="row enter-row">
					{claims.role === 'admin' && (
						<label class="field inline">
							<span>{t('enterAs')}</span>
							<select value={role} onChange={(ev) => setRole(ev.currentTarget.value as Role)}>
								{ENTER_ROLES.map((r) => (
									<option key={r} value={r}>
										{t(`role_${r}`)}
									</option>
								))}
							</select>
						</label>
					)}
					<button type="button" class="primary" data-testid="enter-consult" disabled={busy} onClick={() => void enter()}>
						{t('enterConsult')}
					</button>
					<button type="button" data-testid="close-consult" onClick={() => setClosing(true)}>
						{t('closeConsult')}
					</button>
				</div>
			) : (
				<p class="hint">{t('consultClosed')}</p>
			)}
			{busy && <ConnectingLine onBack={() => location.reload()} />}
			{open && <Recording token={token} consult={consult} onChanged={onChanged} onFailed={onFailed} />}
			{open && <Lobby token={token} consult={consult.id} onFailed={onFailed} />}
			{open && <Sources key={consult.id} token={token} consult={consult.id} onFailed={onFailed} />}
			{open && <Links token={token} consult={consult.id} onFailed={onFailed} />}
			{records && (
				<section class="block" aria-label={t('recordsOfConsult')}>
					<h3>{t('recordsOfConsult')}</h3>
					<RecordsList token={token} consult={consult.id} onExpired={onExpired} />
				</section>
			)}
			{claims.role === 'admin' && <AudienceData key={`data ${consult.id}`} token={token} consult={consult.id} onFailed={onFailed} />}
			{closing && (
				<Confirm
					text={t('closeConfirm')} yes={t('closeConsult')} no={t('cancel')} onYes={() => void close()}
					onNo={() => setClosing(false)}
				/>
			)}
		</section>
	);
}

/** The waiting room as REST shows it, for staff that has not entered. */
function Lobby({ token, consult, onFailed }: { token: string; consult: string; onFailed: (error: unknown) => void }) {
	const [people, setPeople] = useState<Participant[]>([]);
	const [allowed, setAllowed] = useState(true);
	const [bell, setBell] = useState(!choices().bellOff);
	const known = useRef<Set<string> | null>(null);
	const load = async () => {
		try {
			const waiting = (await api.participants(token, consult)).items.filter((p) => p.status === 'lobby');
			setPeople(waiting);
		} catch (error) {
			if (error instanceof ApiError && error.status === 403) setAllowed(false);
			else onFailed(error);
		}
	};
	const refresh = usePoll(load, LOBBY_MS, [token, consult]);
	useEffect(() => {
		const before = known.current;
		known.current = new Set(people.map((p) => p.id));
		if (before && bell && people.some((p) => !before.has(p.id))) ringBell();
	}, [people]);
	if (!allowed) return null;
	const act = (job: Promise<unknown>) => void job.catch(onFailed).then(refresh);
	return (
		<section class="block" aria-label={t('lobby')}>
			<div class="block-head">
				<h3>
					{t('lobby')} <span class="count">{people.length}</span>
				</h3>
				<label class="checkbox">
					<input
						type="checkbox" checked={bell}
						onChange={(ev) => {
							setBell(ev.currentTarget.checked);
							remember({ bellOff: !ev.currentTarget.checked });
						}}
					/>
					{t('bellSound')}
				</label>
			</div>
			<div aria-live="polite">
				<LobbyList
					people={people} onAdmit={(p) => act(api.setStatus(token, consult, p, 'admitted'))}
					onRemove={(p) => act(api.removeParticipant(token, consult, p))}
				/>
			</div>
		</section>
	);
}
