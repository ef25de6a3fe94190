// Where files are dropped or chosen: what became of them is counted and said; what can be shown may be put on the table.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Consult } from '../../sdk/src';
import { t } from '../i18n';
import { QUIET, filesOf, sendFiles, type UploadProgress, type UploadResult } from './uploads';

export function DropFiles({ consult, onOpen }: { consult: Consult; onOpen: (study: string) => void }) {
	const [progress, setProgress] = useState<UploadProgress | null>(null), [over, setOver] = useState(false);
	const stop = useRef<AbortController | null>(null), files = useRef<HTMLInputElement>(null), folder = useRef<HTMLInputElement>(null);
	useEffect(() => () => stop.current?.abort(), []);
	const busy = progress !== null && !progress.over;
	const send = async (list: readonly File[]): Promise<void> => {
		if (list.length === 0 || busy) return;
		const mine = (stop.current = new AbortController());
		const end = await sendFiles(consult, list, mine.signal, (p) => !mine.signal.aborted && setProgress(p));
		const [only, ...more] = end.studies;
		if (only && more.length === 0 && !mine.signal.aborted) onOpen(only);
	};
	const chosen = (input: HTMLInputElement) => {
		void send([...(input.files ?? [])]);
		input.value = '';
	};
	return (
		<section
			class="drop" data-testid="images-drop" data-over={over} aria-label={t('imagesFiles')}
			onDragOver={(ev) => { ev.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
			onDrop={(ev) => { ev.preventDefault(); setOver(false); if (ev.dataTransfer) void filesOf(ev.dataTransfer).then(send); }}
		>
			<h3>{t('imagesFiles')}</h3>
			<p class="muted">{t('imagesDropHere')}</p>
			<input ref={files} type="file" multiple hidden data-testid="drop-files" onChange={(ev) => chosen(ev.currentTarget)} />
			<input ref={(el) => { folder.current = el; if (el) el.webkitdirectory = true; }} type="file" multiple hidden data-testid="drop-folder" onChange={(ev) => chosen(ev.currentTarget)} />
			<div class="row">
				<button type="button" disabled={busy} onClick={() => files.current?.click()}>{t('imagesChooseFiles')}</button>
				<button type="button" disabled={busy} onClick={() => folder.current?.click()}>{t('imagesChooseFolder')}</button>
				{busy && <button type="button" onClick={() => { stop.current?.abort(); setProgress(null); }}>{t('imagesStop')}</button>}
			</div>
			<div aria-live="polite" data-testid="drop-state" data-over={progress?.over ?? false}>
				{progress && <Came progress={progress} onOpen={onOpen} />}
			</div>
		</section>
	);
}

function Came({ progress, onOpen }: { progress: UploadProgress; onOpen: (study: string) => void }) {
	const good = (progress.results.stored ?? 0) + (progress.results.present ?? 0);
	const bad = (Object.keys(progress.results) as UploadResult[]).filter((result) => !QUIET.includes(result));
	return (
		<>
			<p role="status">{t(progress.over ? 'imagesCame' : 'imagesComing', { done: progress.done, files: progress.files, good })}</p>
			<ul>{bad.map((result) => <li key={result} data-testid={`drop-${result}`}>{t(`imagesGot_${result as Exclude<UploadResult, 'stored' | 'present' | 'dicomdir'>}`, { n: progress.results[result] ?? 0 })}</li>)}</ul>
			{progress.studies.length > 1 && progress.studies.map((study, i) => (
				<button key={study} type="button" data-testid="drop-open" onClick={() => onOpen(study)}>{t('imagesOpenNth', { n: i + 1 })}</button>
			))}
		</>
	);
}
