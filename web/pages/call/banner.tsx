// The network in words: quiet while all is well, clear when it is not.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Consult } from '../../sdk/src';
import { t, type MessageKey } from '../i18n';
import { weakness, worstStep, type Weakness } from './network';

type Trouble = 'lost' | 'connecting' | 'poor' | Weakness | null;
const BACK_MS = 4_000;

export function troubleOf(consult: Consult, everConnected: boolean): Trouble {
	if (!consult.mediaConnected) return everConnected || consult.state === 'reconnecting' ? 'lost' : 'connecting';
	if (consult.state === 'reconnecting' || consult.quality === 'lost') return 'lost';
	const sends = consult.localTracks.some((l) => l.kind === 'video' && !l.muted);
	return weakness(worstStep(consult), consult.uplink, sends) ?? (consult.quality === 'poor' ? 'poor' : null);
}

const TEXTS: Record<NonNullable<Trouble>, MessageKey> = {
	lost: 'bannerReconnecting',
	connecting: 'bannerMedia',
	poor: 'bannerPoor',
	lower: 'bannerLower',
	still: 'bannerStill',
	off: 'bannerOff',
	'up-low': 'bannerUpLow',
	'up-still': 'bannerUpStill',
	'up-off': 'bannerUpOff',
};

export function QualityBanner({ consult }: { consult: Consult }) {
	const everConnected = useRef(false);
	if (consult.mediaConnected) everConnected.current = true;
	const trouble = troubleOf(consult, everConnected.current);
	const before = useRef<Trouble>(null);
	const [back, setBack] = useState(false);
	useEffect(() => {
		const was = before.current;
		before.current = trouble;
		if (trouble !== null || was !== 'lost') {
			if (trouble !== null) setBack(false);
			return;
		}
		setBack(true);
	}, [trouble]);
	useEffect(() => {
		if (!back) return;
		const timer = setTimeout(() => setBack(false), BACK_MS);
		return () => clearTimeout(timer);
	}, [back]);
	const text = trouble ? t(TEXTS[trouble]) : back ? t('bannerBack') : '';
	return (
		<div
			class={`banner ${trouble ?? (back ? 'back' : '')}`} data-testid="quality-banner" data-level={trouble ?? 'good'}
			role="status" aria-live="polite"
		>
			{text}
		</div>
	);
}
