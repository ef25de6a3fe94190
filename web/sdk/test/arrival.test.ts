import { describe, expect, it } from 'vitest';
import { Arrival, arrivedOf } from '../src/arrival';
import { longPackets, onlyVideo, redFirst, soundLimitOf, speechInOffer } from '../src/sdp-tweaks';

describe('arrival', () => {
	it('counts what any browser tells', () => {
		const line = (type: string, more: object): [string, unknown] => [type, { type, ...more }];
		expect(arrivedOf([line('transport', { bytesReceived: 50 }), line('candidate-pair', { responsesReceived: 2 })])).toBe(52);
		expect(arrivedOf([line('inbound-rtp', { bytesReceived: 7 }), line('inbound-rtp', { bytesReceived: NaN })])).toBe(7);
		expect(arrivedOf([])).toBe(0);
	});
	it('tells silence only where there was life', () => {
		const a = new Arrival();
		a.observe(0, 0);
		a.observe(0, 10_000);
		expect(a.silentMs(20_000)).toBe(0); // nobody ever sent anything
		for (let i = 1; i <= 3; i++) a.observe(i * 100, 20_000 + i * 1_000);
		expect(a.silentMs(23_000)).toBe(0);
		expect(a.observe(300, 24_000)).toBe(false);
		expect(a.silentMs(24_000)).toBe(1_000);
		expect(a.observe(301, 25_000)).toBe(true);
		expect(a.silentMs(25_000)).toBe(0);
	});
	it('acts once for one silence', () => {
		const a = new Arrival();
		for (let i = 0; i <= 3; i++) a.observe(i, i * 1_000);
		a.forget();
		a.observe(3, 9_000);
		expect(a.silentMs(9_000)).toBe(0);
	});
});

describe('wishes in the offer', () => {
	const offer = [
		'v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 63 111', 'a=mid:0', 'a=rtpmap:63 red/48000/2', 'a=fmtp:63 111/111',
		'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1', 'm=audio 9 UDP/TLS/RTP/SAVPF 109', 'a=mid:1',
		'a=rtpmap:109 opus/48000/2', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:2', 'a=rtpmap:96 VP8/90000', '',
	].join('\r\n');
	it('ask for silence and repair in the m-lines of speech alone', () => {
		expect(speechInOffer(offer, [])).toBe(offer);
		const changed = speechInOffer(offer, ['0', '2']);
		expect(changed).toBe(offer.replace('useinbandfec=1', 'useinbandfec=1;usedtx=1'));
		expect(speechInOffer(changed, ['0'])).toBe(changed);
	});
	it('add the parameters where there are none', () => {
		expect(speechInOffer(offer, ['1'])).toBe(
			offer.replace('a=rtpmap:109 opus/48000/2\r\n', 'a=rtpmap:109 opus/48000/2\r\na=fmtp:109 useinbandfec=1;usedtx=1\r\n'),
		);
	});
	it('read what the answer lets sound take', () => {
		expect(soundLimitOf(offer)).toBe(0);
		expect(soundLimitOf(offer.replace('useinbandfec=1', 'useinbandfec=1;maxaveragebitrate=16000'))).toBe(21_600);
		expect(soundLimitOf('a=fmtp:111 maxaveragebitrate=x\r\n')).toBe(0);
	});
	it('make packets of sound long in an answer, where sound is sent', () => {
		const answer = [
			'v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 63 111', 'a=mid:0', 'a=recvonly', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 useinbandfec=1',
			'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:1', 'a=sendonly', 'a=rtpmap:111 opus/48000/2', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:2', 'a=recvonly', '',
		].join('\r\n');
		const long = longPackets(answer);
		expect(long).toBe(answer.replace('useinbandfec=1\r\n', 'useinbandfec=1;maxaveragebitrate=16000\r\na=ptime:40\r\n'));
		expect(longPackets(long)).toBe(long);
		expect(soundLimitOf(long)).toBe(21_600);
	});
	it('put RED first where the browser has it', () => {
		const codecs = ['audio/opus', 'audio/red', 'audio/PCMU'].map((mimeType) => ({ mimeType }));
		expect(redFirst(codecs)?.map((c) => c.mimeType)).toEqual(['audio/red', 'audio/opus', 'audio/PCMU']);
		expect(redFirst(codecs.slice(0, 1))).toBeNull();
		expect(redFirst([])).toBeNull();
	});
	it('name one scalable codec, or leave it', () => {
		const codecs = ['video/VP8', 'video/rtx', 'video/VP9', 'video/H264'].map((mimeType) => ({ mimeType }));
		expect(onlyVideo(codecs, 'vp9')?.map((c) => c.mimeType)).toEqual(['video/VP9', 'video/rtx']);
		expect(onlyVideo(codecs, 'av1')).toBeNull();
	});
});
