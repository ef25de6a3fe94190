// How loud the microphone is, as a bar. Drawn without rendering the component again.
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { audioContext } from './sounds';

const FRAME_MS = 80;

export function LevelMeter({ track }: { track: MediaStreamTrack | null }) {
	const box = useRef<HTMLDivElement>(null);
	const bar = useRef<HTMLDivElement>(null);
	useEffect(() => {
		const context = track && audioContext();
		if (!track || !context) return;
		const source = context.createMediaStreamSource(new MediaStream([track]));
		const analyser = context.createAnalyser();
		analyser.fftSize = 512;
		source.connect(analyser);
		const samples = new Uint8Array(analyser.fftSize);
		let shown = 0;
		const timer = setInterval(() => {
			analyser.getByteTimeDomainData(samples);
			let sum = 0;
			for (const s of samples) sum += ((s - 128) / 128) ** 2;
			const db = 20 * Math.log10(Math.sqrt(sum / samples.length) + 1e-5);
			const level = Math.min(100, Math.max(0, ((db + 55) / 45) * 100));
			shown = Math.max(level, shown * 0.8);
			if (bar.current) bar.current.style.transform = `scaleX(${(shown / 100).toFixed(3)})`;
			box.current?.setAttribute('aria-valuenow', String(Math.round(shown)));
		}, FRAME_MS);
		return () => {
			clearInterval(timer);
			source.disconnect();
		};
	}, [track]);
	return (
		<div
			class="level" ref={box} data-testid="level-meter" role="meter" aria-label={t('levelMeter')}
			aria-valuemin={0} aria-valuemax={100} aria-valuenow={0}
		>
			<div class="level-bar" ref={bar} />
		</div>
	);
}
