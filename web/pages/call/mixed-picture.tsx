// One composed picture of everybody: the switch, its layout for hosts, the question on a weak link, and the stage that shows it.
import { useLayoutEffect, useState } from 'preact/hooks';
import { PICTURE, type Consult } from '../../sdk/src';
import { t } from '../i18n';
import { RemoteVideo } from '../shared/video';
import { SelfView } from './tile';

const LAYOUTS = ['auto', 'speaker', 'grid', 'pip', 'image'] as const;

export function PictureChoice({ consult, onNotice }: { consult: Consult; onNotice: (text: string) => void }) {
	const { mixed } = consult;
	if (!mixed.pictureAvailable) return null;
	return (
		<>
			<label class="checkbox">
				<input
					type="checkbox" checked={mixed.pictureOn} data-testid="mixed-picture"
					onChange={(ev) => mixed.picture(ev.currentTarget.checked)}
				/>
				<span>{t('mixedPicture')}</span>
			</label>
			{consult.can('admit') && <LayoutChoice consult={consult} onNotice={onNotice} />}
		</>
	);
}

function LayoutChoice({ consult, onNotice }: { consult: Consult; onNotice: (text: string) => void }) {
	const { layout } = consult.mixed;
	const focus = layout.focus ?? null;
	const set = (mode: (typeof LAYOUTS)[number], who: string | null) =>
		void consult.mixed.setLayout(mode, who).catch(() => onNotice(t('actionFailed')));
	return (
		<>
			<label class="field">
				<span>{t('mixLayout')}</span>
				<select
					value={layout.mode} data-testid="mix-layout"
					onChange={(ev) => set(LAYOUTS.find((m) => m === ev.currentTarget.value) ?? 'auto', focus)}
				>
					{LAYOUTS.map((mode) => (
						<option key={mode} value={mode}>
							{t(`mixLayout_${mode}`)}
						</option>
					))}
				</select>
			</label>
			<label class="field">
				<span>{t('mixFocus')}</span>
				<select value={focus ?? ''} data-testid="mix-focus" onChange={(ev) => set(layout.mode, ev.currentTarget.value || null)}>
					<option value="">{t('mixFocusNone')}</option>
					{consult.participants.map((p) => (
						<option key={p.id} value={p.id}>
							{p.name}
						</option>
					))}
				</select>
			</label>
		</>
	);
}

/** Asked by the gateway when nothing but stills goes through; nothing changes without a tap. */
export function MixOffer({ consult }: { consult: Consult }) {
	const [asked, setAsked] = useState(false);
	useLayoutEffect(() => consult.on('mixoffer', () => setAsked(true)), [consult]);
	const asks = asked && !consult.mixed.pictureOn && consult.mixed.pictureAvailable;
	const answer = (yes: boolean) => {
		setAsked(false);
		if (yes) consult.mixed.picture(true);
	};
	// There before anything is asked: screen readers say what comes into a status, not a status that comes.
	return (
		<div role="status" aria-live="polite" data-testid="mix-offer-status">
			{asks && (
				<div class="banner ask" data-testid="mix-offer">
					<span>{t('mixOffer')}</span>
					<button type="button" class="primary" data-testid="mix-offer-yes" onClick={() => answer(true)}>
						{t('mixOfferYes')}
					</button>
					<button type="button" class="quiet" onClick={() => answer(false)}>
						{t('mixOfferNo')}
					</button>
				</div>
			)}
		</div>
	);
}

export function MixedStage({ consult }: { consult: Consult }) {
	return (
		<div class="stage speaker" role="region" aria-label={t('stage')} data-testid="mixed-stage">
			<div class="main-area">
				<div class="tile large" data-testid="mixed-tile" role="group" aria-label={t('mixedPictureLabel')}>
					<p class="stage-empty">{t('mixedPictureWait')}</p>
					<RemoteVideo consult={consult} track={PICTURE} label={t('mixedPictureLabel')} />
				</div>
				{consult.can('publish') && <SelfView consult={consult} floating />}
			</div>
		</div>
	);
}
