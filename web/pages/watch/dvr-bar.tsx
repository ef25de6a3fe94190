// How far behind the theatre this is, and a slider over what can be seen again.
import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n';

const LOOK_MS = 500;

interface Place {
	from: number;
	until: number;
	at: number;
}

function look(video: HTMLVideoElement): Place | null {
	const { seekable } = video;
	if (seekable.length === 0) return null;
	return { from: seekable.start(0), until: seekable.end(seekable.length - 1), at: video.currentTime };
}

export function DvrBar({ video, delayS }: { video: HTMLVideoElement; delayS: number }) {
	const [place, setPlace] = useState<Place | null>(() => look(video));
	useEffect(() => {
		const timer = setInterval(() => setPlace(look(video)), LOOK_MS);
		return () => clearInterval(timer);
	}, [video]);
	if (!place || !Number.isFinite(place.until)) return null;
	const behind = Math.max(0, Math.round(place.until - place.at + delayS));
	return (
		<div class="watch-dvr">
			<input
				type="range" data-testid="watch-slider" aria-label={t('watchSlider')}
				min={Math.ceil(place.from)} max={Math.floor(place.until)} step={1} value={Math.round(place.at)}
				onInput={(ev) => {
					video.currentTime = Number(ev.currentTarget.value);
				}}
			/>
			<span class="tag" data-testid="watch-behind">{t('watchDelayed', { seconds: behind })}</span>
		</div>
	);
}
