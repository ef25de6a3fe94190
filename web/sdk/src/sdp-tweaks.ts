// What cannot be said through the API: wishes written into the offer that the gateway reads. The browser's own copy of
// the offer stays untouched; the gateway's answer repeats the parameters, and by them the browser sends. One is written into the answer.

/** Speech is not sent while nobody speaks (Opus DTX); in-band error correction always. `mids`: the m-lines to change. */
export function speechInOffer(sdp: string, mids: readonly string[]): string {
	if (mids.length === 0) return sdp;
	return sdp
		.split(/(?=^m=)/m)
		.map((section) => {
			const mid = /^a=mid:(\S+)/m.exec(section)?.[1];
			const pt = /^a=rtpmap:(\d+) opus\/48000/im.exec(section)?.[1];
			if (!section.startsWith('m=audio') || mid === undefined || pt === undefined || !mids.includes(mid)) return section;
			return withParameters(section, pt, { useinbandfec: '1', usedtx: '1' });
		})
		.join('');
}

function withParameters(section: string, pt: string, wanted: Record<string, string>): string {
	const line = new RegExp(`^a=fmtp:${pt} (.*?)(\\r?)$`, 'm');
	const found = line.exec(section);
	const have = found?.[1] ?? '';
	const missing = Object.entries(wanted).filter(([key]) => !new RegExp(`(^|;)\\s*${key}=`).test(have));
	if (missing.length === 0) return section;
	const text = [have, ...missing.map(([key, value]) => `${key}=${value}`)].filter((part) => part !== '').join(';');
	if (found) return section.replace(line, (_all, _have, end: string) => `a=fmtp:${pt} ${text}${end}`);
	return section.replace(new RegExp(`^(a=rtpmap:${pt} [^\\r\\n]*)(\\r?\\n)`, 'm'), (_all, map: string, end: string) => `${map}${end}a=fmtp:${pt} ${text}${end}`);
}

const LONG_PTIME_MS = 40;
const LONG_BPS = '16000';

/** The gateway's answer, for an uplink that carries sound at most: half as many packets, as headers take as much as the sound
 * does, and less in them, so that each still goes out twice (RED) in 46 kbit/s. No word of it to the gateway: on such an uplink
 * an offer takes long. */
export function longPackets(answer: string): string {
	return answer
		.split(/(?=^m=)/m)
		.map((section) => {
			const pt = /^a=rtpmap:(\d+) opus\/48000/im.exec(section)?.[1];
			if (!section.startsWith('m=audio') || pt === undefined || !/^a=(recvonly|sendrecv)\r?$/m.test(section)) return section;
			const small = withParameters(section, pt, { maxaveragebitrate: LONG_BPS });
			return /^a=ptime:/m.test(small) ? small : `${small.replace(/\r?\n$/, '')}\r\na=ptime:${LONG_PTIME_MS}\r\n`;
		})
		.join('');
}

const HEADERS_BPS = 5_600; // the browser counts them in

/** What the gateway's answer lets sound take, in the terms of `maxBitrate`; 0: it does not say. A browser that is given
 * a `maxBitrate` does not look at the answer's own parameter. */
export function soundLimitOf(answer: string): number {
	const limits = [...answer.matchAll(/^a=fmtp:\d+ .*?maxaveragebitrate=(\d{1,7})/gm)].map((m) => Number(m[1]));
	return limits.length > 0 ? Math.min(...limits) + HEADERS_BPS : 0;
}

type Codec = { mimeType: string };

/** RED before Opus where the browser has it: each packet repeats the one before. Null: nothing to change. */
export function redFirst<C extends Codec>(codecs: readonly C[]): C[] | null {
	const is = (name: string) => (c: C) => c.mimeType.toLowerCase() === name;
	if (!codecs.some(is('audio/red')) || !codecs.some(is('audio/opus'))) return null;
	return [...codecs.filter(is('audio/red')), ...codecs.filter((c) => !is('audio/red')(c))];
}

/** Only this video codec, and what belongs to it. Null: the browser does not send it. */
export function onlyVideo<C extends Codec>(codecs: readonly C[], codec: 'vp9' | 'av1'): C[] | null {
	const own = codecs.filter((c) => c.mimeType.toLowerCase() === `video/${codec}`);
	if (own.length === 0) return null;
	return [...own, ...codecs.filter((c) => /^video\/(rtx|red|ulpfec|flexfec-03)$/i.test(c.mimeType))];
}

/** How many m-lines, and one. */
export function linesOf(sdp = ''): number {
	return sdp.split(/^m=/m).length;
}
