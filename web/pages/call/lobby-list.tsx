// Those who wait, with the host's three answers. Used in the call and in the console.
import type { Participant } from '../../sdk/src';
import { duration, t } from '../i18n';

interface LobbyListProps {
	people: readonly Participant[];
	onAdmit: (id: string) => void;
	onRemove: (id: string) => void;
}

export function LobbyList({ people, onAdmit, onRemove }: LobbyListProps) {
	if (people.length === 0) return <p class="hint">{t('lobbyEmpty')}</p>;
	return (
		<ul class="people">
			{people.map((p) => (
				<li key={p.id} class="person waiting-person" data-testid="lobby-item" data-participant={p.id}>
					<div class="person-who">
						<strong>{p.name}</strong>
						<span class="hint">
							{t(`role_${p.role}`)} · {t('lobbyWaits', { time: duration(p.waiting_s ?? 0) })}
						</span>
					</div>
					<div class="row">
						<button
							type="button" class="primary" data-testid="admit" aria-label={t('admitName', { name: p.name })}
							onClick={() => onAdmit(p.id)}
						>
							{t('admit')}
						</button>
						<button
							type="button" data-testid="remove" aria-label={t('removeName', { name: p.name })} onClick={() => onRemove(p.id)}
						>
							{t('remove')}
						</button>
					</div>
				</li>
			))}
		</ul>
	);
}
