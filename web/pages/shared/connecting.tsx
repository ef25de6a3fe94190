// While one is let in: what cannot be reached is tried for as long as it takes, so after a while that is said, with a way back.
import { t } from '../i18n';
import { useLater } from './hooks';
import { Notice } from './ui';

const SLOW_MS = 15_000;

interface Props {
	/** Gives the attempt up. */
	onBack: () => void;
}

export function Connecting({ onBack }: Props) {
	if (!useLater(SLOW_MS)) {
		return (
			<p class="loading" role="status">
				{t('joining')}
			</p>
		);
	}
	return (
		<Notice title={t('networkErrorTitle')} text={t('joinSlowText')} testid="join-slow">
			<BackButton onBack={onBack} />
		</Notice>
	);
}

/** The same beside other things: nothing until it is slow. */
export function ConnectingLine({ onBack }: Props) {
	const slow = useLater(SLOW_MS);
	return (
		<div role="status" data-testid="join-slow-status">
			{slow && (
				<div class="problem" data-testid="join-slow">
					<p>
						<strong>{t('networkErrorTitle')}</strong>
					</p>
					<p>{t('joinSlowText')}</p>
					<BackButton onBack={onBack} />
				</div>
			)}
		</div>
	);
}

function BackButton({ onBack }: Props) {
	return (
		<button type="button" data-testid="join-give-up" onClick={onBack}>
			{t('joinGiveUp')}
		</button>
	);
}
