// The recording sign, and what belongs to it: taking one's consent back in one tap, what is wrong, the question itself.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Consult, Participant } from '../../sdk/src';
import { t } from '../i18n';
import { answerOf, ConsentQuestion } from '../shared/consent';

interface BarProps {
	consult: Consult;
	/** Says to the user what went wrong. */
	onNotice?: (text: string) => void;
}

/** For hosts: this one is in the room and not in the record. */
export function notRecorded(consult: Consult, person: Participant): boolean {
	return consult.record.state !== 'off' && person.consent !== undefined && person.consent !== 'given';
}

/** Always there: off, starting, on, interrupted. */
export function RecordSign({ consult }: { consult: Consult }) {
	const { state } = consult.record;
	return (
		<span class={`recording ${state}`} data-testid="record-sign" data-state={state} title={t(`record_${state}`)}>
			<span class={`dot ${state}`} aria-hidden="true" />
			<span class="recording-text">{t(`record_${state}`)}</span>
		</span>
	);
}

/** While there is a record: whether oneself is in it, and the one tap that changes it. */
export function RecordBar({ consult, onNotice }: BarProps) {
	const { state, consent, problem } = consult.record;
	const [busy, setBusy] = useState(false);
	if (state === 'off') return <div class="record-bar" role="status" aria-live="polite" data-testid="record-bar" />;
	const given = consent === 'given';
	const change = () => {
		setBusy(true);
		consult.record
			.setConsent(answerOf(!given))
			.catch(() => onNotice?.(t('consentFailed')))
			.finally(() => setBusy(false));
	};
	return (
		<div class={`record-bar ${state}`} role="status" aria-live="polite" data-testid="record-bar">
			<span class={`dot ${state}`} aria-hidden="true" />
			<span class="record-bar-text">
				<span data-testid="record-bar-text">{t(`recordBar_${state}_${given ? 'in' : 'out'}`)}</span>
				{problem && (
					<strong class="record-problem" data-testid="record-problem" data-problem={problem}>
						{t(`recordProblem_${problem}`)}
					</strong>
				)}
			</span>
			{consent !== 'none' && (
				<button
					type="button" class={given ? 'record-out' : ''} data-testid={given ? 'consent-withdraw' : 'consent-give'} disabled={busy}
					onClick={change}
				>
					{t(given ? 'consentWithdraw' : 'consentGive')}
				</button>
			)}
		</div>
	);
}

/** Asks whoever was not asked before joining. It can be left for later: until then one is not recorded. */
export function ConsentDialog({ consult, onNotice }: BarProps) {
	const [later, setLater] = useState(false);
	const box = useRef<HTMLDivElement>(null);
	const { asks, state } = consult.record;
	const open = asks && !later;
	useEffect(() => {
		if (open) box.current?.focus();
	}, [open]);
	if (!open) return null;
	return (
		<div class="veil" data-testid="consent-dialog">
			<div
				class="consent-box" role="dialog" aria-modal="true" aria-labelledby="consent-title" tabIndex={-1} ref={box}
				onKeyDown={(ev) => ev.key === 'Escape' && setLater(true)}
			>
				<ConsentQuestion
					titleId="consent-title" on={state === 'on'}
					onAnswer={(answer) => {
						setLater(true);
						consult.record.setConsent(answer).catch(() => {
							setLater(false);
							onNotice?.(t('consentFailed'));
						});
					}}
				/>
			</div>
		</div>
	);
}
