// The images of the consult beside the people: the viewer (loaded when it is first needed), who has the images in hand, and the
// tiles in a strip.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { IMAGE, type Consult, type Reading } from '../../sdk/src';
import type { ReadingChange, SeriesSource, ViewerProps } from '../../imaging';
import { language, t, useLanguage } from '../i18n';
import { tokenOf } from '../shared/enter';
import { RemoteVideo } from '../shared/video';
import { takeOrAsk, usePointers, useTable } from './images';
import { basePath } from './images-found';
import { SelfView, Tile } from './tile';
import { tilesOf } from './tiles';

type Imaging = typeof import('../../imaging');

interface StageProps {
	consult: Consult;
	onNotice: (text: string) => void;
	/** Which viewport is chosen. */
	onActive: (at: number) => void;
	onHide: () => void;
}

export function ImagesStage({ consult, onNotice, onActive, onHide }: StageProps) {
	useEffect(() => consult.setMainTrack(null), [consult]);
	const tiles = tilesOf(consult);
	const [wish, setWish] = useState(isThin), { imageAvailable } = consult.mixed, picture = wish && imageAvailable;
	return (
		<div class="stage images" role="region" aria-label={t('images')} data-testid="images-stage">
			<div class="images-main">
				<FloorBar consult={consult} onNotice={onNotice} onHide={onHide} />
				{imageAvailable && (
					<label class="checkbox images-live">
						<input type="checkbox" checked={picture} data-testid="images-live" onChange={(ev) => setWish(ev.currentTarget.checked)} />
						<span>{t('imagesLive')}</span>
					</label>
				)}
				<div class="images-view">
					{picture ? <LiveImages consult={consult} /> : <SharedViewer consult={consult} onNotice={onNotice} onActive={onActive} />}
				</div>
			</div>
			<div class="strip">
				{tiles.map((tile) => (
					<Tile key={tile.key} consult={consult} tile={tile} />
				))}
				{consult.can('publish') && <SelfView consult={consult} floating={false} />}
			</div>
		</div>
	);
}

/** A link on which a series would take minutes: what the browser knows of it. */
function isThin(): boolean {
	const { connection } = navigator as Navigator & { connection?: { saveData?: boolean; effectiveType?: string } };
	return connection?.saveData === true || /2g$/.test(connection?.effectiveType ?? '');
}

/** As the gateway draws them: no pixels to load, and not for diagnosis, as it says itself. */
function LiveImages({ consult }: { consult: Consult }) {
	return (
		<div class="images-root images-live-tile" data-testid="images-live-tile" role="group" aria-label={t('imagesLiveLabel')}>
			<RemoteVideo consult={consult} track={IMAGE} label={t('imagesLiveLabel')} />
		</div>
	);
}

/** Each series that is looked at, once. */
function sourcesOf(consult: Consult, reading: Reading): SeriesSource[] {
	const found = new Map<string, SeriesSource>();
	for (const { image } of reading.shown.viewports) {
		if (!image) continue;
		const url = `${basePath(consult.id, image)}/series/${image.series}`;
		found.set(url, { image: { pacs: image.pacs, study: image.study, series: image.series }, url });
	}
	return [...found.values()];
}

function apply(reading: Reading, change: ReadingChange): void {
	for (const viewport of change.viewports ?? []) reading.set(viewport);
	if (change.layout !== undefined || change.linked !== undefined) reading.setLayout(change.layout ?? reading.shown.layout, change.linked ?? reading.shown.linked);
}

function SharedViewer({ consult, onNotice, onActive }: Pick<StageProps, 'consult' | 'onNotice' | 'onActive'>) {
	useLanguage();
	const reading = useTable(consult), pointers = usePointers(consult), root = useRef<HTMLDivElement>(null);
	const viewer = useRef<ReturnType<Imaging['openViewer']> | null>(null);
	const [imaging, setImaging] = useState<Imaging | null>(null), [failed, setFailed] = useState(false);
	const { following, inHand, shown } = reading;
	const props: ViewerProps = {
		language: language() === 'en' ? 'en' : 'zh', token: () => tokenOf(consult) ?? '', series: sourcesOf(consult, reading), state: shown,
		onChange: (change) => apply(reading, change), drawings: reading.table.objects, onDraw: (d) => reading.draw(d), onErase: (id) => reading.erase(id), onClear: () => reading.clear(),
		pointers: following ? pointers : [], onPoint: (where) => following && reading.point(where ?? {}), still: following && !inHand, noDrawing: !following || !inHand, onActive,
		cpu: new URLSearchParams(location.search).get('render') === 'cpu',
	};
	const load = () => {
		setFailed(false);
		import('../../imaging').then(setImaging, () => setFailed(true));
	};
	useEffect(load, []);
	// At once, not after the next picture: a step through the stack starts from where the one before it led.
	useLayoutEffect(() => {
		if (!imaging || !root.current) return;
		if (viewer.current) viewer.current.update(props);
		else viewer.current = imaging.openViewer(root.current, props);
	});
	useEffect(() => () => viewer.current?.close(), []);
	useLayoutEffect(() => reading.on('refused', () => onNotice(t('imagesRefused'))), [reading]);
	return (
		<>
			<div class="images-root" ref={root} />
			{!imaging && !failed && <p class="stage-empty" role="status">{t('imagesLoading')}</p>}
			{failed && (
				<p class="stage-empty">
					<button type="button" class="primary" onClick={load}>{t('imagesLoadAgain')}</button>
				</p>
			)}
		</>
	);
}

/** What is shown and drawn goes to the PACS; what became of it is said. */
function KeepButton({ consult, onNotice }: Pick<StageProps, 'consult' | 'onNotice'>) {
	const [busy, setBusy] = useState(false);
	useEffect(
		() =>
			consult.reading.on('kept', ({ state, reason }) => {
				setBusy(false);
				const why = t(`imagesKept_${reason ?? 'refused'}`);
				onNotice(state === 'kept' ? t('imagesKept') : t(state === 'failed' ? 'imagesKeptFailed' : 'imagesKeptWaits', { why }));
			}),
		[consult],
	);
	useEffect(() => {
		if (!busy) return;
		const timer = setTimeout(() => setBusy(false), 15_000); // the gateway goes on by itself
		return () => clearTimeout(timer);
	}, [busy]);
	const keep = () => {
		setBusy(true);
		consult.reading.keep().catch(() => {
			setBusy(false);
			onNotice(t('imagesKeepNothing'));
		});
	};
	return <button type="button" data-testid="table-keep" disabled={busy} title={t('imagesKeepLabel')} onClick={keep}>{t(busy ? 'imagesKeeping' : 'imagesKeep')}</button>;
}

/** Who has the images in hand, and what one may do about it. */
function FloorBar({ consult, onNotice, onHide }: Pick<StageProps, 'consult' | 'onNotice' | 'onHide'>) {
	const reading = useTable(consult);
	const { holder, inHand, following, table } = reading;
	const nameOf = (id: string) => consult.participants.find((p) => p.id === id)?.name ?? '';
	const attempt = (job: Promise<unknown>) => void job.catch(() => onNotice(t('actionFailed')));
	const take = () => attempt(takeOrAsk(reading).then((mine) => mine || onNotice(t('imagesAsked'))));
	const others = consult.participants.filter((p) => p.id !== consult.me.id && (p.role === 'expert' || p.role === 'clinic' || p.role === 'admin'));
	const asked = table.floor.asked.includes(consult.me.id);
	const who = inHand ? t('imagesMine') : holder ? t('imagesOf', { name: nameOf(holder) }) : t('imagesNobody');
	return (
		<div class="floor-bar" role="toolbar" aria-label={t('imagesFloor')} data-testid="floor-bar" data-holder={holder ?? ''}>
			<span class={`floor-who${inHand ? ' mine' : ''}`} role="status">{following ? who : t('imagesAlone')}</span>
			{consult.can('image') && !inHand && (
				<button type="button" data-testid="floor-take" disabled={asked} onClick={take}>{t(asked ? 'imagesAsking' : 'imagesTake')}</button>
			)}
			{inHand && others.length > 0 && (
				<select class="floor-pass" data-testid="floor-pass" aria-label={t('imagesPass')} value="" onChange={(ev) => attempt(reading.pass(ev.currentTarget.value))}>
					<option value="">{t('imagesPass')}</option>
					{others.map((p) => <option key={p.id} value={p.id}>{table.floor.asked.includes(p.id) ? `${p.name} (${t('imagesAsks')})` : p.name}</option>)}
				</select>
			)}
			{inHand && table.floor.asked.map((id) => (
				<button type="button" key={id} class="primary" data-testid="floor-give" onClick={() => attempt(reading.pass(id))}>{t('imagesGive', { name: nameOf(id) })}</button>
			))}
			{consult.can('image') && <KeepButton consult={consult} onNotice={onNotice} />}
			{inHand && <button type="button" data-testid="floor-release" onClick={() => attempt(reading.release())}>{t('imagesRelease')}</button>}
			{following
				? !inHand && <button type="button" data-testid="table-leave" onClick={() => reading.leave()}>{t('imagesLeave')}</button>
				: <button type="button" class="primary" data-testid="table-rejoin" onClick={() => reading.rejoin()}>{t('imagesRejoin')}</button>}
			<button type="button" class="quiet floor-hide" data-testid="images-hide" onClick={onHide}>{t('imagesHide')}</button>
		</div>
	);
}
