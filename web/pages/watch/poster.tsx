// Where there is no picture: the poster's own one, its words, and when it begins.
import { useEffect, useState } from 'preact/hooks';
import { language, t } from '../i18n';
import { untilThen, type Feed } from './feed';
import type { Poster } from './programme';
import { usePosterImage, type Viewer } from './use-feed';

export function PosterView({ to, feed, poster }: { to: Viewer; feed: Feed | null; poster: Poster }) {
	const image = usePosterImage(to, feed?.poster.image ?? 0);
	return (
		<div class="watch-poster" data-testid="watch-poster" data-poster={poster}>
			{image && <img src={image} alt={t('feedPosterAlt')} />}
			{feed && (poster === 'before' || feed.poster.text) && (
				<div class="watch-poster-text">
					{poster === 'before' && feed.title && <h2>{feed.title}</h2>}
					{feed.poster.text && <p data-testid="watch-poster-text">{feed.poster.text}</p>}
					{poster === 'before' && feed.poster.startsMs > 0 && <Countdown starts={feed.poster.startsMs} aheadMs={feed.aheadMs} />}
				</div>
			)}
		</div>
	);
}

function Countdown({ starts, aheadMs }: { starts: number; aheadMs: number }) {
	const [now, setNow] = useState(Date.now());
	useEffect(() => {
		const timer = setInterval(() => setNow(Date.now()), 1_000);
		return () => clearInterval(timer);
	}, []);
	const left = untilThen(starts, now + aheadMs);
	const when = new Intl.DateTimeFormat(language(), { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
	return (
		<p class="watch-starts" data-testid="watch-starts">
			{t('feedStarts', { time: when.format(starts) })}
			{left && <span class="watch-countdown" role="timer">{t('feedIn', { time: left })}</span>}
		</p>
	);
}
