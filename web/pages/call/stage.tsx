// The pictures: one large and the rest in a strip, or all in a grid.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Consult } from '../../sdk/src';
import { t } from '../i18n';
import { useMedia } from '../shared/hooks';
import { SelfView, Tile } from './tile';
import { gridColumns, mainTile, nextFloor, tilesOf, type Floor, type TileInfo } from './tiles';

const REPORT_AFTER_MS = 300;

export type Layout = 'speaker' | 'grid';

/** The record shows what the host saw. */
function useLayoutReport(consult: Consult, mode: Layout, main: string | null, pinned: boolean): void {
	const host = consult.can('record') || consult.can('admit');
	const { state } = consult.record;
	useEffect(() => {
		if (!host || state !== 'on') return;
		const timer = setTimeout(() => void consult.record.reportLayout({ mode, main, pinned }).catch(() => undefined), REPORT_AFTER_MS);
		return () => clearTimeout(timer);
	}, [consult, host, state, mode, main, pinned]);
}

export function Stage({ consult, layout }: { consult: Consult; layout: Layout }) {
	const [pinned, setPinned] = useState<string | null>(null);
	const wide = useMedia('(min-aspect-ratio: 1/1)');
	const floor = useRef<Floor>({ id: null, heard_ms: 0 });
	const others = consult.speakers.filter((id) => id !== consult.me.id);
	floor.current = nextFloor(floor.current, others, Date.now());
	const tiles = tilesOf(consult);
	const canPublish = consult.can('publish');
	const pinTo = (tile: TileInfo) => () => setPinned(pinned === tile.key ? null : tile.key);
	const empty = tiles.every((tile) => tile.self);
	const main = layout === 'grid' && !empty ? null : mainTile(tiles, pinned, floor.current.id);
	const mainTrack = main?.remote?.id ?? null;
	useEffect(() => consult.setMainTrack(mainTrack), [consult, mainTrack]);
	useLayoutReport(consult, layout, mainTrack, main !== null && main.key === pinned);

	if (layout === 'grid' && !empty) {
		const count = tiles.length + (canPublish ? 1 : 0);
		return (
			<div class={`stage grid cols-${gridColumns(count, wide)}`} role="region" aria-label={t('stage')}>
				{tiles.map((tile) => (
					<Tile key={tile.key} consult={consult} tile={tile} drawable />
				))}
				{canPublish && <SelfView consult={consult} floating={false} />}
			</div>
		);
	}
	const rest = tiles.filter((tile) => tile !== main);
	return (
		<div class="stage speaker" role="region" aria-label={t('stage')}>
			<div class="main-area">
				{main ? (
					<Tile
						key={main.key} consult={consult} tile={main} large drawable pinned={main.key === pinned}
						onPin={tiles.length > 1 ? pinTo(main) : undefined}
					/>
				) : (
					<p class="stage-empty">{t('noOneElse')}</p>
				)}
				{empty && main && <p class="stage-empty below">{t('noOneElse')}</p>}
				{canPublish && <SelfView consult={consult} floating />}
			</div>
			{rest.length > 0 && (
				<div class="strip">
					{rest.map((tile) => (
						<Tile key={tile.key} consult={consult} tile={tile} onPin={pinTo(tile)} />
					))}
				</div>
			)}
		</div>
	);
}
