import { describe, expect, it } from 'vitest';
import { noticeOf, parseProgramme, posterOf, posterOn, type Programme } from './programme';

const programme = (part: Partial<Programme>): Programme => ({ state: 'live', title: 'T', text: '', began: true, viewers: 1, hls: null, slate: false, ...part });

describe('what a viewer sees', () => {
	it('is the picture only while it is live', () => {
		expect(posterOf(programme({}), true)).toBeNull();
		expect(posterOf(programme({ state: 'cut' }), true)).toBe('cut');
		expect(posterOf(programme({ state: 'ready', began: false }), false)).toBe('before');
		expect(posterOf(programme({ state: 'ready' }), true)).toBe('pause');
		expect(posterOf(programme({ state: 'off' }), false)).toBe('before');
		expect(posterOf(programme({ state: 'off' }), true)).toBe('after');
		expect(posterOf(programme({ slate: true }), true)).toBe('slate');
		expect(posterOf(null, false)).toBeNull();
	});
	it('says refused whatever the programme does', () => {
		expect(noticeOf('refused', 'cut')).toBe('refused');
		expect(noticeOf('waiting', 'before')).toBe('before');
		expect(noticeOf('lost', null)).toBe('lost');
	});
	it('leaves the pauses of files to the files', () => {
		expect(posterOn('live', 'playing', 'cut')).toBe('cut');
		expect(posterOn('files', 'playing', 'cut')).toBeNull();
		expect(posterOn('files', 'connecting', 'before')).toBe('before');
		expect(posterOn('files', 'ended', null)).toBe('after');
	});
	it('believes no answer of another shape', () => {
		expect(parseProgramme(null)).toBeNull();
		expect(parseProgramme({ state: 'on' })).toBeNull();
		expect(parseProgramme({ state: 'cut', title: 7, viewers: 'x' })).toEqual({ state: 'cut', title: '', text: '', began: false, viewers: 0, hls: null, slate: false });
		const at = (url: unknown) => parseProgramme({ state: 'live', hls: { url, delay_s: 10 } })?.hls;
		expect(at('/hls/abcdefghijkmnpqrstuvwx/master.m3u8')).toEqual({ url: '/hls/abcdefghijkmnpqrstuvwx/master.m3u8', delay_s: 10 });
		for (const bad of ['https://evil.example/hls/abcdefghijkmnpqrstuvwx/master.m3u8', '/hls/../x/master.m3u8', 7, null]) expect(at(bad)).toBeNull();
	});
});
