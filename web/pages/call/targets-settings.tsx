// Where a broadcast is sent on to: a hospital's own platform, over RTMP, RTMPS or SRT. Keys are typed here and never come back.
import { useEffect, useState } from 'preact/hooks';
import type { Consult } from '../../sdk/src';
import { t } from '../i18n';
import { api, ApiError, type Target } from '../shared/api';

const LOOK_MS = 3000;
const MOST = 4;

interface Props {
	consult: Consult;
	token: string;
	onNotice: (text: string) => void;
}

/** All of them, asked for again while this is open: bytes are told by nobody. */
function useTargets(consult: Consult, token: string): [Target[], () => void] {
	const [targets, setTargets] = useState<Target[]>([]);
	const [round, setRound] = useState(0);
	const told = consult.broadcast.desk?.targets;
	const key = JSON.stringify(told?.map((target) => [target.id, target.state, target.reason, target.enabled]) ?? null);
	useEffect(() => {
		let here = true;
		const look = () => void api.targets(token, consult.id).then((list) => here && setTargets(list.items), () => undefined);
		look();
		const timer = setInterval(look, LOOK_MS);
		return () => {
			here = false;
			clearInterval(timer);
		};
	}, [token, consult.id, key, round]);
	return [targets, () => setRound((n) => n + 1)];
}

function megabytes(bytes: number): string {
	return (bytes / 1_000_000).toFixed(1);
}

function TargetLine({ target, onSwitch, onRemove }: { target: Target; onSwitch: () => void; onRemove: () => void }) {
	const why = target.state === 'retrying' || target.state === 'refused' ? target.reason : '';
	return (
		<li class="target" data-testid="target" data-state={target.state} data-reason={target.reason}>
			<code class="target-url">{target.url}</code>
			<p class="hint" role="status">
				{t(`target_${target.state}`)}
				{why && `: ${t(`targetWhy_${why}`)}`}
				{target.sent_bytes > 0 && ` · ${t('targetSent', { megabytes: megabytes(target.sent_bytes) })}`}
				{target.reconnects > 0 && ` · ${t('targetReconnects', { count: target.reconnects })}`}
			</p>
			<div class="desk-actions">
				<button type="button" data-testid="target-switch" onClick={onSwitch}>{t(target.enabled ? 'targetStop' : 'targetStart')}</button>
				<button type="button" data-testid="target-remove" onClick={onRemove}>{t('targetRemove')}</button>
			</div>
		</li>
	);
}

export function TargetsSettings({ consult, token, onNotice }: Props) {
	const [targets, again] = useTargets(consult, token);
	const [url, setUrl] = useState('');
	const [key, setKey] = useState('');
	const attempt = (job: Promise<unknown>) =>
		void job.then(again, (error: unknown) => onNotice(error instanceof ApiError && error.status === 422 ? t('targetBad') : t('actionFailed')));
	const add = async () => {
		await api.addTarget(token, consult.id, { url: url.trim(), key: key.trim() });
		setUrl('');
		setKey('');
	};
	return (
		<>
			<h3>{t('targets')}</h3>
			<p class="hint">{t('targetsHint')}</p>
			<ul class="targets">
				{targets.map((target) => (
					<TargetLine
						key={target.id} target={target}
						onSwitch={() => attempt(api.setTarget(token, consult.id, target.id, { enabled: !target.enabled }))}
						onRemove={() => attempt(api.removeTarget(token, consult.id, target.id))}
					/>
				))}
			</ul>
			{targets.length < MOST && (
				<form
					class="desk-field" autocomplete="off"
					onSubmit={(ev) => {
						ev.preventDefault();
						attempt(add());
					}}
				>
					<label>
						{t('targetUrl')}
						<input
							type="text" inputMode="url" value={url} maxLength={511} placeholder="rtmp://live.example.org/app" spellcheck={false}
							data-testid="target-url" onInput={(ev) => setUrl(ev.currentTarget.value)}
						/>
					</label>
					<label>
						{t('targetKey')}
						<input
							type="password" value={key} maxLength={255} autocomplete="off" data-testid="target-key"
							onInput={(ev) => setKey(ev.currentTarget.value)}
						/>
					</label>
					<button type="submit" disabled={!url.trim()} data-testid="target-add">{t('targetAdd')}</button>
				</form>
			)}
		</>
	);
}
