// What viewers of a broadcast said is deleted, once nobody needs it any more. It is audited; the audit trail stays.
import { useState } from 'preact/hooks';
import { t } from '../i18n';
import { api, ApiError } from '../shared/api';
import { Confirm } from '../shared/ui';

interface DataProps {
	token: string;
	consult: string;
	onFailed: (error: unknown) => void;
}

export function AudienceData({ token, consult, onFailed }: DataProps) {
	const [sure, setSure] = useState(false);
	const [busy, setBusy] = useState(false);
	const [said, setSaid] = useState('');
	const remove = () => {
		setSure(false);
		setBusy(true);
		api.deleteAudience(token, consult)
			.then(
				({ deleted }) => setSaid(t('audienceDeleted', { count: deleted })),
				(error: unknown) => (error instanceof ApiError && error.status === 409 ? setSaid(t('audienceBusy')) : onFailed(error)),
			)
			.finally(() => setBusy(false));
	};
	return (
		<section class="block" aria-label={t('audienceData')}>
			<h3>{t('audienceData')}</h3>
			<p class="hint">{t('audienceDataHow')}</p>
			<div class="row">
				<button type="button" class="danger" disabled={busy} data-testid="audience-delete" onClick={() => setSure(true)}>{t('audienceDelete')}</button>
				<span role="status" data-testid="audience-deleted">{said}</span>
			</div>
			{sure && <Confirm text={t('audienceDeleteConfirm')} yes={t('audienceDelete')} no={t('cancel')} onNo={() => setSure(false)} onYes={remove} />}
		</section>
	);
}
