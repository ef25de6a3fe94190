// The question whether one may be recorded, in plain words: yes and no weigh the same, nothing is chosen beforehand.
import { consentWording, type ConsentAnswer } from '../../sdk/src';
import { language, t } from '../i18n';

/** The answer, with the words that were on the screen. */
export function answerOf(given: boolean): ConsentAnswer {
	return { given, wording: consentWording.version, language: language() };
}

interface QuestionProps {
	/** It is being recorded right now. */
	on: boolean;
	onAnswer: (answer: ConsentAnswer) => void;
	titleId?: string;
}

export function ConsentQuestion({ on, onAnswer, titleId }: QuestionProps) {
	return (
		<section class="card consent" data-testid="consent-question">
			<h1 id={titleId}>{t('consentTitle')}</h1>
			{on && (
				<p class="recording-now-line">
					<span class="dot on" aria-hidden="true" /> {t('consentOnNow')}
				</p>
			)}
			<p data-testid="consent-text">{consentWording.texts[language()]}</p>
			<div class="consent-buttons">
				<button type="button" class="big" data-testid="consent-yes" onClick={() => onAnswer(answerOf(true))}>
					{t('consentYes')}
				</button>
				<button type="button" class="big" data-testid="consent-no" onClick={() => onAnswer(answerOf(false))}>
					{t('consentNo')}
				</button>
			</div>
		</section>
	);
}
