// Which image lay open at this moment of the replay, in words.
import { useMemo } from 'preact/hooks';
import { t } from '../i18n';
import { Icon } from '../shared/icons';
import type { TimelineEvent } from './model';
import type { Replay } from './replay';
import { foldTable, viewAt, viewText } from './table-events';
import { usePosition } from './transport';

export function TableNow({ replay, events }: { replay: Replay; events: TimelineEvent[] }) {
	const views = useMemo(() => foldTable(events).views, [events]);
	const view = viewAt(views, usePosition(replay));
	if (views.length === 0) return null;
	return (
		<p class="table-now" data-testid="table-now">
			<Icon name="image" size={18} />
			<span>{view ? viewText(view) : t('recTable_nothing')}</span>
			{view && view.drawings > 0 && <span class="hint">{t('recTable_drawings', { n: view.drawings })}</span>}
		</p>
	);
}
