// The facts of a record: state, files, certificate, and who looked at it.
import { useEffect, useState } from 'preact/hooks';
import { language, maybe, t } from '../i18n';
import { api, type RestRecordingOne, type RestViewing } from '../shared/api';
import { bytesText } from '../shared/units';
import { CertificateBlock } from './certificate-block';
import type { Proof } from './documents';
import type { ManifestFile } from './model';
import type { Opened } from './session';

interface AboutProps {
	token: string;
	record: RestRecordingOne;
	opened: Opened;
	proof: Proof;
	/** Fetches the proof once more. */
	onAgain: () => void;
	busy: boolean;
	download: boolean;
}

export function About({ token, record, opened, proof, onAgain, busy, download }: AboutProps) {
	const time = new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'medium' });
	const { manifest, view } = opened;
	const rest = (manifest.warnings ?? []).length;
	const honest = [
		record.lost && t('recWarnLost'), record.torn && t('recWarnTorn'), rest > 0 && t('recWarnOther', { n: rest }),
	].filter(Boolean);
	const rows: [string, string][] = [
		[t('recStarted'), time.format(manifest.started_ms)], [t('recEnded'), time.format(manifest.ended_ms)],
		[t('recStateLabel'), t(`recState_${record.state}`)],
	];
	return (
		<div class="about">
			<dl class="facts">
				{rows.map(([name, value]) => (
					<div key={name}>
						<dt>{name}</dt>
						<dd>{value}</dd>
					</div>
				))}
			</dl>
			{honest.length > 0 && (
				<ul class="honest" data-testid="honest">
					{honest.map((text) => (
						<li key={String(text)}>{text}</li>
					))}
				</ul>
			)}
			<ProofBlock proof={proof} url={(path) => view.url(path)} onAgain={onAgain} busy={busy} />
			{download && <Files opened={opened} />}
			<Viewers token={token} record={record.id} />
			<p class="hint">{t('recAudited')}</p>
		</div>
	);
}

interface ProofProps {
	proof: Proof;
	url: (path: string) => string;
	onAgain: () => void;
	busy: boolean;
}

/** The certificate; or that there is none; or that it could not be fetched, which is something else. */
export function ProofBlock({ proof, url, onAgain, busy }: ProofProps) {
	if (proof.state === 'none') return <p class="hint">{t('recNoCertificate')}</p>;
	if (proof.state === 'failed') return <LoadFailed text={t('recCertFailed')} testid="certificate-failed" onAgain={onAgain} busy={busy} />;
	const { certificate, lists } = proof;
	const signed = new Map(certificate.files.map((f) => [f.path, f]));
	const files = proof.files.flatMap((f) => signed.get(f.path) ?? []);
	return <CertificateBlock key={certificate.sha256} certificate={certificate} lists={lists} files={files} url={url} onBad={onAgain} />;
}

export function LoadFailed({ text, testid, onAgain, busy }: { text: string; testid: string; onAgain: () => void; busy: boolean }) {
	return (
		<div class="load-failed" role="alert" data-testid={testid}>
			<p>{text}</p>
			<button type="button" data-testid={`${testid}-again`} disabled={busy} onClick={onAgain}>
				{t(busy ? 'loading' : 'recTryAgain')}
			</button>
		</div>
	);
}

function Files({ opened }: { opened: Opened }) {
	const { manifest, view } = opened;
	const names = new Map(manifest.participants.map((p) => [p.id, p.name || p.id]));
	const nameOf = (file: ManifestFile) =>
		file.role === 'track'
			? [names.get(file.participant ?? ''), maybe(`source_${file.source}`) ?? file.source].filter(Boolean).join(' · ')
			: (maybe(`recFile_${file.role}`) ?? t('recFile_other'));
	return (
		<section class="block" aria-label={t('recFiles')}>
			<h3>{t('recFiles')}</h3>
			<ul class="files" data-testid="files">
				{manifest.files.map((file) => (
					<li key={file.path}>
						<a href={view.url(file.path, true)} download>
							{nameOf(file)}
						</a>
						<span class="hint">{bytesText(file.bytes)}</span>
					</li>
				))}
			</ul>
		</section>
	);
}

/** For auditors and administrators: to all others the gateway does not tell. */
function Viewers({ token, record }: { token: string; record: string }) {
	const [list, setList] = useState<RestViewing[] | null>(null);
	useEffect(() => {
		api.viewings(token, record).then((page) => setList(page.items.filter((v) => v.what === 'open')), () => setList(null));
	}, [token, record]);
	if (!list) return null;
	const time = new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'short' });
	return (
		<section class="block" aria-label={t('recViewers')}>
			<h3>{t('recViewers')}</h3>
			{list.length === 0 && <p class="hint">{t('recViewersNone')}</p>}
			<ul class="files" data-testid="viewers">
				{list.map((v) => (
					<li key={v.id}>
						<span>
							{v.name || v.participant} <span class="tag">{maybe(`role_${v.role}`) ?? v.role}</span>
						</span>
						<span class="hint">{time.format(v.time_ms)}</span>
					</li>
				))}
			</ul>
		</section>
	);
}
