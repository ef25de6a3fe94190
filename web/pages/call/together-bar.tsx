// Several sources in one picture of the broadcast: which, in which order, and how they stand.
import { useState } from 'preact/hooks';
import type { Broadcast, BroadcastSource, Consult } from '../../sdk/src';
import { t } from '../i18n';
import { maskState, sameSource } from './masks-model';
import { sourceName } from './masks-panel';
import { chosen, MOST_TOGETHER, toggled } from './together-model';

const LAYOUTS = ['side', 'pip'] as const;
type Layout = (typeof LAYOUTS)[number];

interface TogetherProps {
	consult: Consult;
	desk: Broadcast;
	busy: boolean;
	onShow: (sources: BroadcastSource[], layout: Layout) => void;
}

export function TogetherBar({ consult, desk, busy, onShow }: TogetherProps) {
	const onAir = consult.broadcast.onAir;
	const [picked, setPicked] = useState<BroadcastSource[]>(onAir);
	const [layout, setLayout] = useState<Layout>(desk.layout === 'pip' ? 'pip' : 'side');
	const list = chosen(desk, picked);
	return (
		<div class="together-bar" role="group" aria-label={t('deskTogether')} data-testid="together-bar">
			<div class="direct-sources">
				{desk.sources.map((source) => {
					const at = list.findIndex((s) => sameSource(s, source));
					const free = maskState(desk, source) !== 'needed';
					return (
						<button
							type="button" key={`${source.participant} ${source.source}`} aria-pressed={at >= 0} disabled={!free || (at < 0 && list.length >= MOST_TOGETHER)}
							data-testid="together-source" onClick={() => setPicked(toggled(list, source))}
						>
							{at >= 0 && <span class="together-place">{at + 1}</span>} {sourceName(consult, source)}
						</button>
					);
				})}
			</div>
			<div class="together-layout" role="radiogroup" aria-label={t('deskLayout')}>
				{LAYOUTS.map((which) => (
					<label key={which}>
						<input type="radio" name="together-layout" checked={layout === which} data-testid={`together-${which}`} onChange={() => setLayout(which)} />
						{t(`deskLayout_${which}`)}
					</label>
				))}
			</div>
			<button type="button" class="primary" disabled={busy || list.length < 2} data-testid="together-show" onClick={() => onShow(list, layout)}>
				{t('deskTogetherShow')}
			</button>
			<span class="hint" data-testid="together-now" data-count={onAir.length}>
				{onAir.length > 1 ? t('deskTogetherNow', { names: onAir.map((s) => sourceName(consult, s)).join(' + ') }) : t('deskTogetherHint')}
			</span>
		</div>
	);
}
