// What proves that nothing was altered: who and when, what this browser has checked, and how to check it without this page.
import { useEffect, useRef, useState } from 'preact/hooks';
import { language, maybe, t, type MessageKey } from '../i18n';
import { Icon } from '../shared/icons';
import { checkFiles, type Certificate, type ListVerdict, type SignedFile, type Verdict } from './certificate';

interface BlockProps {
	certificate: Certificate;
	/** Of manifest and events. */
	lists: ListVerdict;
	/** The files that can be fetched, with their signed hashes; empty: none are left. */
	files: SignedFile[];
	url: (path: string) => string;
	/** Files differ: were they made anew since the certificate was fetched? */
	onBad?: () => void;
}

type Compared = { state: 'open' } | { state: 'running'; percent: number } | { state: 'done'; bad: string[] };

function useComparison(files: SignedFile[], url: (path: string) => string, onBad?: () => void): [Compared, () => void] {
	const [compared, setCompared] = useState<Compared>({ state: 'open' });
	const stop = useRef<AbortController | null>(null);
	useEffect(() => () => stop.current?.abort(), []);
	const run = () => {
		const control = new AbortController();
		stop.current = control;
		setCompared({ state: 'running', percent: 0 });
		const progress = (done: number) => setCompared({ state: 'running', percent: Math.floor(done * 100) });
		checkFiles(files, url, progress, control.signal).then(
			(bad) => {
				setCompared({ state: 'done', bad });
				if (bad.length > 0) onBad?.();
			},
			() => setCompared({ state: 'open' }),
		);
	};
	return [compared, run];
}

const worst = (...all: ListVerdict[]): 'good' | 'bad' | 'open' =>
	all.includes('bad') ? 'bad' : all.every((v) => v === 'good') ? 'good' : 'open';

/** Another certificate is another block (`key`): what was compared with the one before says nothing of it. */
export function CertificateBlock({ certificate, lists, files, url, onBad }: BlockProps) {
	const [compared, run] = useComparison(files, url, onBad);
	const bytes: Verdict = compared.state !== 'done' ? 'unknown' : compared.bad.length > 0 ? 'bad' : 'good';
	const verdict = worst(certificate.signature, lists, bytes);
	const comparedText =
		compared.state === 'running' ? t('recCheckFiles_running', { percent: compared.percent })
		: compared.state === 'open' ? t('recCheckFiles_open')
		: compared.bad.length > 0 ? t('recCheckFiles_bad', { names: compared.bad.join(', ') })
		: t('recCheckFiles_good', { n: files.length });
	return (
		<section class="block" aria-label={t('recCertificate')} data-testid="certificate" data-verdict={verdict} data-lists={lists}>
			<div class="block-head">
				<h3>{t('recCertificate')}</h3>
				<span class={`verdict ${verdict}`}>{t(`recVerdict_${verdict}`)}</span>
			</div>
			<p class="hint">{t('recCertText')}</p>
			<ul class="checks">
				<Check verdict={certificate.signature} name={t('recCheckSignature')} text={t(`recCheckSignature_${certificate.signature}`)} />
				{files.length > 0 && <Check verdict={lists} name={t('recCheckList')} text={t(`recCheckList_${lists}`)} />}
				{files.length > 0 && <Check verdict={bytes} name={t('recCheckFiles')} text={comparedText} />}
			</ul>
			{files.length > 0 && compared.state === 'open' && (
				<button type="button" data-testid="compare-files" onClick={run}>
					{t('recCheckNow')}
				</button>
			)}
			<Facts certificate={certificate} />
			<details>
				<summary>{t('recVerifyTitle')}</summary>
				<p class="hint">{t('recVerifyText')}</p>
				<code class="command">huizhen certificate FOLDER --key public.pem</code>
			</details>
		</section>
	);
}

function Check({ verdict, name, text }: { verdict: ListVerdict; name: string; text: string }) {
	return (
		<li class={`check ${verdict}`}>
			<Icon name={verdict === 'good' ? 'check' : verdict === 'bad' ? 'close' : 'info'} size={20} />
			<span>
				<strong>{name}</strong> {text}
			</span>
		</li>
	);
}

function Facts({ certificate }: { certificate: Certificate }) {
	const full = new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'medium' });
	const hour = new Intl.DateTimeFormat(language(), { timeStyle: 'medium' });
	const rows: [string, string][] = [
		[t('recCertSignature'), certificate.algorithm], [t('recCertKey'), certificate.key], [t('recCertHash'), certificate.sha256],
		[t('recCertChain'), certificate.chain],
	];
	return (
		<>
			<h4>{t('recCertPeople')}</h4>
			<ul class="signed-people">
				{certificate.people.map((p, i) => (
					<li key={i}>
						<span>
							{p.name} <span class="tag">{maybe(`role_${p.role}`) ?? p.role}</span>
						</span>
						<span class="hint">
							{p.periods.map((q) => hour.formatRange(q.from_ms, Math.max(q.from_ms, q.to_ms))).join(', ')}
							{' · '}
							{t((['given', 'refused', 'withdrawn'].includes(p.consent) ? `consentSigned_${p.consent}` : 'consentSigned_none') as MessageKey)}
						</span>
					</li>
				))}
			</ul>
			<dl class="facts">
				{certificate.issued_ms > 0 && (
					<div>
						<dt>{t('recCertIssued')}</dt>
						<dd>{full.format(certificate.issued_ms)}</dd>
					</div>
				)}
				{rows
					.filter(([, value]) => value)
					.map(([name, value]) => (
						<div key={name}>
							<dt>{name}</dt>
							<dd class="hash">{value}</dd>
						</div>
					))}
			</dl>
			<details>
				<summary>{t('recCertHashes', { n: certificate.files.length })}</summary>
				<ul class="hashes">
					{certificate.files.map((f) => (
						<li key={f.path}>
							{f.path}
							<span class="hash hint">{f.sha256}</span>
						</li>
					))}
				</ul>
			</details>
		</>
	);
}
