// The recording sign, and what belongs to it: taking one's consent back in one tap, what is wrong, the question itself.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ConsentAnswer, Consult } from '../../sdk/src';
import { t } from '../i18n';
import { answerOf, ConsentQuestion } from '../shared/consent';
import { barText, problemTexts } from './recording';

interface BarProps {
	consult: Consult;
	/** Says to the user what went wrong. */
	onNotice: (text: string) => void;
}

/** Always there: off, starting, on, interrupted. */
export function RecordSign({ consult, name = 'record-sign' }: { consult: Consult; name?: string }) {
	const { state } = consult.record;
	return (
		<span class={`recording ${state}`} data-testid={name} data-state={state} title={t(`record_${state}`)}>
			<span class={`dot ${state}`} aria-hidden="true" />
			<span class="recording-text">{t(`record_${state}`)}</span>
		</span>
	);
}

/** While there is a record: whether oneself is in it, and the one tap that ends it; asks whoever was not asked yet. */
export function RecordBar({ consult, onNotice }: BarProps) {
	const { state, consent, problem, asks } = consult.record;
	const [busy, setBusy] = useState(false);
	const [later, setLater] = useState(false);
	const [again, setAgain] = useState(false);
	const given = consent === 'given';
	const text = barText(consult);
	const say = (answer: ConsentAnswer) => {
		setBusy(true);
		setAgain(false);
		setLater(true);
		consult.record
			.setConsent(answer)
			.catch(() => onNotice(t('consentFailed')))
			.finally(() => setBusy(false));
	};
	return (
		<>
			<div class={`record-bar ${state}`} role="status" aria-live="polite" data-testid="record-bar">
				{text && (
					<>
						<span class={`dot ${state}`} aria-hidden="true" />
						<span class="record-bar-text">
							<span data-testid="record-bar-text">{t(text)}</span>
							{problem && (
								<strong class="record-problem" data-testid="record-problem" data-problem={problem}>
									{problemTexts(problem, consult.can('record') || consult.can('admit')).map((key) => t(key)).join(' ')}
								</strong>
							)}
						</span>
						<button
							type="button" data-testid={given ? 'consent-withdraw' : 'consent-ask'} disabled={busy}
							onClick={() => (given ? say(answerOf(false)) : setAgain(true))}
						>
							{t(given ? 'consentWithdraw' : 'consentAsk')}
						</button>
					</>
				)}
			</div>
			{(again || (asks && !later)) && (
				<ConsentDialog
					on={state === 'on'} onAnswer={say}
					onLater={() => {
						setAgain(false);
						setLater(true);
					}}
				/>
			)}
		</>
	);
}

interface DialogProps {
	on: boolean;
	onAnswer: (answer: ConsentAnswer) => void;
	/** Nothing was said: one is not recorded. */
	onLater: () => void;
}

function ConsentDialog({ on, onAnswer, onLater }: DialogProps) {
	const box = useRef<HTMLDivElement>(null);
	useEffect(() => {
		const before = document.activeElement as HTMLElement | null;
		box.current?.focus();
		return () => before?.focus?.();
	}, []);
	const onKeyDown = (ev: KeyboardEvent) => {
		if (ev.key === 'Escape') onLater();
		if (ev.key !== 'Tab') return;
		const buttons = box.current?.querySelectorAll('button') ?? [];
		const first = buttons[0];
		const last = buttons[buttons.length - 1];
		const at = document.activeElement;
		if (ev.shiftKey ? at === first || at === box.current : at === last) {
			(ev.shiftKey ? last : first)?.focus();
			ev.preventDefault();
		}
	};
	return (
		<div class="veil" data-testid="consent-dialog">
			<div
				class="consent-box" role="dialog" aria-modal="true" aria-labelledby="consent-title" tabIndex={-1} ref={box}
				onKeyDown={onKeyDown}
			>
				<ConsentQuestion titleId="consent-title" on={on} onAnswer={onAnswer} />
			</div>
		</div>
	);
}
