// Theatre sources in words and figures. No rendering in here.
import type { RestSource } from '../shared/api';
import type { Participant, Source } from '../../sdk/src';

/** Ways into the consult. whip: the encoder publishes by itself, all others are fetched by the gateway. */
export const WAYS = ['rtsp', 'srt', 'srtListener', 'rtmp', 'whip', 'file', 'test'] as const;
export type Way = (typeof WAYS)[number];

export const KINDS: RestSource['kind'][] = ['camera', 'ultrasound', 'endoscope', 'microscope', 'screen', 'image'];

/** What an address of each way looks like; the test pattern has no other. */
export const EXAMPLES: Record<Way, string> = {
	rtsp: 'rtsp://user:password@192.168.1.20/stream',
	srt: 'srt://192.168.1.30:9000?passphrase=…',
	srtListener: 'srt://:9000?mode=listener&passphrase=…',
	rtmp: 'rtmp://192.168.1.40/live/key',
	whip: '',
	file: 'file:intro.mp4',
	test: 'test:',
};

export function wayOf(url: string): Way {
	if (/^rtsps?:/i.test(url)) return 'rtsp';
	if (/^srt:/i.test(url)) return /[?&]mode=listener(&|$)/.test(url) ? 'srtListener' : 'srt';
	if (/^rtmp:/i.test(url)) return 'rtmp';
	return /^test:/i.test(url) ? 'test' : 'file';
}

/** Who waits in the consult without being asked for: an encoder that publishes by WHIP. */
export function encoders(people: Participant[], sources: RestSource[]): Participant[] {
	const known = new Set(sources.map((s) => s.id));
	return people.filter((p) => p.role === 'theatre' && !known.has(p.id));
}

/** The picture of an encoder: its first that is no sound. */
export function pictureOf(p: Participant): { source: Source; codec: string; active: boolean } | null {
	return p.tracks.find((track) => track.kind === 'video') ?? null;
}

/** "h264 · 1920×1080 · 25 fps · 4.2 Mb/s"; what is not known is left out. */
export function figures(s: RestSource): string {
	const parts = [
		s.video, s.width && s.height ? `${s.width}×${s.height}` : '', s.fps ? `${Math.round(s.fps * 10) / 10} fps` : '',
		s.bitrate_bps >= 100_000 ? `${(s.bitrate_bps / 1e6).toFixed(1)} Mb/s` : s.bitrate_bps ? `${Math.round(s.bitrate_bps / 1000)} kb/s` : '', s.audio,
	];
	return parts.filter(Boolean).join(' · ');
}

/** How often it was connected to anew, of its own process or by another one. */
export const reconnects = (s: RestSource): number => Math.max(0, s.attempts - 1) + s.restarts;

/** good: as wanted. bad: somebody should look. wait: it may become good by itself. */
export function mood(state: RestSource['state']): 'good' | 'bad' | 'wait' | 'off' {
	if (state === 'live') return 'good';
	if (state === 'retrying' || state === 'unavailable' || state === 'locked') return 'bad';
	return state === 'off' || state === 'ended' ? 'off' : 'wait';
}

export interface Draft {
	name: string;
	kind: RestSource['kind'];
	url: string;
	loop: boolean;
}

/** What is to be said of a change; nothing of what stays. An address with stars is as it was given out. */
export function changes(s: RestSource, draft: Draft): Partial<Draft> {
	const part: Partial<Draft> = {};
	if (draft.name.trim() !== s.name) part.name = draft.name.trim();
	if (draft.kind !== s.kind) part.kind = draft.kind;
	if (draft.url.trim() !== s.url) part.url = draft.url.trim();
	if (draft.loop !== s.loop) part.loop = draft.loop;
	return part;
}
