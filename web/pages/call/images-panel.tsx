// The clinic's and the expert's way to images: what lies on the table, its series, and a search in the PACS.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Consult, TableStudy } from '../../sdk/src';
import { t } from '../i18n';
import { Icon } from '../shared/icons';
import { PanelHead } from './chat-panel';
import { DropFiles } from './images-drop';
import { ForwardStudy } from './images-forward';
import { ImagesError, LOCAL, SEARCH_BY, SEARCH_MOST, listSeries, pacsNames, searchStudies, showSeries, takeOrAsk, useTable, type SearchBy } from './images';
import type { FoundSeries, FoundStudy } from './images-found';

interface PanelProps {
	consult: Consult;
	/** The viewport that is chosen. */
	active: number;
	onClose: () => void;
	onShow: () => void;
	onNotice: (text: string) => void;
}

const failText = (error: unknown): string => t(error instanceof ImagesError ? `imagesFail_${error.reason}` : 'actionFailed');

export function ImagesPanel({ consult, active, onClose, onShow, onNotice }: PanelProps) {
	const reading = useTable(consult);
	/** With the images in hand, or not at all. */
	const inHand = (job: () => Promise<void> | void) => async (): Promise<void> => {
		try {
			if (!(await takeOrAsk(reading))) return onNotice(t('imagesAsked'));
			if (!reading.following) reading.rejoin();
			await job();
			onShow();
		} catch (error) {
			onNotice(failText(error));
		}
	};
	const open = (pacs: string, found: FoundStudy) => inHand(async () => {
		const study = { pacs, study: found.study, label: [found.modalities, found.date].filter(Boolean).join(' ') || '-' };
		reading.putStudy(study);
		const first = (await listSeries(consult, study))[0];
		if (!first) return onNotice(t('imagesNoSeries'));
		showSeries(reading, reading.table.viewports[0]?.image ? active : 0, study, first.series);
	})();
	const openLocal = async (study: string): Promise<void> => {
		try {
			const [found] = await searchStudies(consult, LOCAL, 'StudyInstanceUID', study);
			if (found) await open(LOCAL, found);
		} catch (error) {
			onNotice(failText(error));
		}
	};
	const beside = (study: TableStudy, series: string) => inHand(() => {
		showSeries(reading, 1, study, series);
		reading.setLayout('pair', true);
	})();
	return (
		<aside class="panel" aria-label={t('images')} data-testid="images-panel" onKeyDown={(ev) => ev.key === 'Escape' && onClose()}>
			<PanelHead consult={consult} title={t('images')} onClose={onClose} />
			<div class="panel-body">
				<h3>{t('imagesOnTable')}</h3>
				{reading.table.studies.length === 0 && <p class="muted">{t('imagesNone')}</p>}
				{reading.table.studies.map((study) => (
					<StudyOnTable
						key={`${study.pacs}/${study.study}`} consult={consult} study={study} onShow={(s) => void inHand(() => showSeries(reading, active, study, s))()}
						onBeside={(s) => void beside(study, s)} onRemove={() => void inHand(() => reading.removeStudy(study))()}
					/>
				))}
				<DropFiles consult={consult} onOpen={(study) => void openLocal(study)} />
				<Search consult={consult} onOpen={(pacs, found) => void open(pacs, found)} />
			</div>
		</aside>
	);
}

function StudyOnTable(props: { consult: Consult; study: TableStudy; onShow: (series: string) => void; onBeside: (series: string) => void; onRemove: () => void }) {
	const { consult, study } = props;
	const [series, setSeries] = useState<FoundSeries[] | null>(null), [fail, setFail] = useState('');
	const load = () => {
		setFail('');
		listSeries(consult, study).then(setSeries, (error) => setFail(failText(error)));
	};
	useEffect(load, [study.pacs, study.study]);
	const { viewports } = consult.reading.shown;
	return (
		<section class="study" data-testid="table-study" data-study={study.study}>
			<div class="study-head">
				<strong>{study.label ?? study.study}</strong>
				<button type="button" class="quiet square" aria-label={t('imagesRemove')} title={t('imagesRemove')} onClick={props.onRemove}>
					<Icon name="close" size={18} />
				</button>
			</div>
			{fail && <p class="away" role="alert">{fail} <button type="button" onClick={load}>{t('imagesAgain')}</button></p>}
			{!series && !fail && <p class="muted" role="status">{t('imagesLoading')}</p>}
			{study.pacs === LOCAL && <ForwardStudy consult={consult} study={study} onFail={(error) => setFail(failText(error))} />}
			<ul class="series-list">
				{(series ?? []).map((s) => (
					<li key={s.series}>
						<button type="button" data-testid="series-show" data-series={s.series} aria-pressed={viewports.some((v) => v.image?.series === s.series)} onClick={() => props.onShow(s.series)}>
							<span class="series-name">{`${s.modality} ${s.number || ''} ${s.text}`}</span>
							<span class="muted">{t('imagesCount', { n: s.images })}</span>
						</button>
						<button type="button" class="quiet" data-testid="series-beside" onClick={() => props.onBeside(s.series)}>{t('imagesBeside')}</button>
					</li>
				))}
			</ul>
		</section>
	);
}

function Search({ consult, onOpen }: { consult: Consult; onOpen: (pacs: string, found: FoundStudy) => void }) {
	const [names, setNames] = useState<string[]>([]), [pacs, setPacs] = useState(''), [by, setBy] = useState<SearchBy>('PatientID'), [what, setWhat] = useState('');
	const [found, setFound] = useState<{ pacs: string; list: FoundStudy[] } | null>(null), [fail, setFail] = useState(''), [busy, setBusy] = useState(false);
	const newest = useRef(0);
	useEffect(() => void pacsNames(consult).then((list) => [setNames(list), setPacs(list[0] ?? '')], (error) => setFail(failText(error))), [consult]);
	const search = (ev: Event) => {
		ev.preventDefault();
		const mine = ++newest.current;
		setBusy(true);
		setFail('');
		searchStudies(consult, pacs, by, what.trim())
			.then((list) => mine === newest.current && setFound({ pacs, list }), (error) => mine === newest.current && [setFail(failText(error)), setFound(null)])
			.finally(() => mine === newest.current && setBusy(false));
	};
	return (
		<>
			<h3>{t('imagesSearch')}</h3>
			<form class="study-search" onSubmit={search}>
				{names.length > 1 && (
					<label class="field">
						<span>PACS</span>
						<select value={pacs} data-testid="search-pacs" onChange={(ev) => setPacs(ev.currentTarget.value)}>
							{names.map((name) => <option key={name} value={name}>{name === LOCAL ? t('imagesFiles') : name}</option>)}
						</select>
					</label>
				)}
				<label class="field">
					<span>{t('imagesBy')}</span>
					<select value={by} onChange={(ev) => setBy(SEARCH_BY.find((b) => b === ev.currentTarget.value) ?? 'PatientID')}>
						{SEARCH_BY.map((b) => <option key={b} value={b}>{t(`imagesBy_${b}`)}</option>)}
					</select>
				</label>
				<label class="field">
					<span>{t(`imagesBy_${by}`)}</span>
					<input type="text" data-testid="search-what" value={what} maxLength={64} autocomplete="off" onInput={(ev) => setWhat(ev.currentTarget.value)} />
				</label>
				<button type="submit" class="primary" data-testid="search-go" disabled={busy || !pacs}>{t(busy ? 'imagesSearching' : 'imagesSearch')}</button>
			</form>
			<div aria-live="polite">
				{fail && <p class="away" role="alert">{fail}</p>}
				{found && found.list.length === 0 && <p class="muted">{t('imagesNotFound')}</p>}
				{found && found.list.length >= SEARCH_MOST && <p class="away" data-testid="search-more">{t('imagesFoundMore', { n: SEARCH_MOST })}</p>}
			</div>
			<ul class="study-list">
				{(found?.list ?? []).slice(0, SEARCH_MOST).map((f) => (
					<li key={f.study} data-testid="study-found" data-study={f.study}>
						<div>
							<strong>{f.name || f.patient}</strong> <span class="muted">{f.patient}</span>
							<div>{[f.modalities, f.date, f.text].filter(Boolean).join(' · ')}</div>
						</div>
						<button type="button" data-testid="study-open" onClick={() => found && onOpen(found.pacs, f)}>{t('imagesOpen')}</button>
					</li>
				))}
			</ul>
		</>
	);
}
