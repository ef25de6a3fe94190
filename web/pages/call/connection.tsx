// How good a connection is, in figures: somebody's for hosts, the own one for everybody.
import { useEffect, useState } from 'preact/hooks';
import type { Consult, Statistics, Stats } from '../../sdk/src';
import { t } from '../i18n';

const EVERY_MS = 3_000;

export function bitrate(bps: number): string {
	return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bps / 1e3)} kbit/s`;
}

interface Figures {
	stats: Stats;
	mine: Statistics;
}

export function ConnectionDetails({ consult, participant }: { consult: Consult; participant: string }) {
	const [figures, setFigures] = useState<Figures | null>(null);
	useEffect(() => {
		let gone = false;
		const read = async () => {
			const [stats, mine] = await Promise.all([consult.statisticsOf(participant), consult.statistics()]);
			if (!gone) setFigures({ stats, mine });
		};
		const tick = () => void read().catch(() => undefined);
		tick();
		const timer = setInterval(tick, EVERY_MS);
		return () => {
			gone = true;
			clearInterval(timer);
		};
	}, [consult, participant]);
	if (!figures) return <p class="hint">{t('statsNone')}</p>;
	return <Lines consult={consult} participant={participant} {...figures} />;
}

function Lines({ consult, participant, stats, mine }: Figures & { consult: Consult; participant: string }) {
	const self = participant === consult.me.id;
	const lost = Math.max(stats.up_lost_percent ?? 0, stats.down_lost_percent ?? 0, stats.client?.lost_percent ?? 0);
	const available = self ? mine.available_bps : (stats.client?.available_bps ?? 0);
	const path = self ? mine.transport : (stats.client?.transport ?? '');
	const pictures = mine.tracks.filter((x) => x.participant === participant && x.kind === 'video' && x.height > 0);
	return (
		<dl class="stats" data-testid="person-stats">
			<Line name={t('quality')} value={t(`quality_${stats.quality}`)} />
			<Line name={t('statsRtt')} value={`${Math.round(stats.rtt_ms || (self ? mine.rtt_ms : 0))} ms`} />
			<Line name={t('statsUp')} value={bitrate(stats.up_bps)} />
			<Line name={t('statsDown')} value={bitrate(stats.down_bps)} />
			{available > 0 && <Line name={t('statsAvailable')} value={bitrate(available)} />}
			{(stats.estimate_bps ?? 0) > 0 && <Line name={t('statsEstimate')} value={bitrate(stats.estimate_bps ?? 0)} />}
			<Line name={t('statsLost')} value={`${lost.toFixed(1)} %`} />
			{path !== '' && <Line name={t('statsPath')} value={t(`path_${path}`)} />}
			{pictures.map((x) => {
				const step = x.track === null ? 'full' : consult.stepOf(x.track);
				const text = `${t(`source_${x.source}`)} ${x.width}×${x.height}, ${x.fps}/s, ${bitrate(x.bps)}`;
				return <Line key={x.source} name={t('statsPicture')} value={step === 'full' ? text : `${text} · ${t(`step_${step}`)}`} />;
			})}
		</dl>
	);
}

function Line({ name, value }: { name: string; value: string }) {
	return (
		<div>
			<dt>{name}</dt>
			<dd>{value}</dd>
		</div>
	);
}
