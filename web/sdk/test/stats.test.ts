import { describe, expect, it } from 'vitest';
import { browserOf } from '../src/environment';
import { problemOf } from '../src/devices';
import { levelOf, StatsReader, type TrackName } from '../src/stats';

const inbound = (extra: object) => ({ id: 'in', type: 'inbound-rtp', kind: 'video', mid: '0', ...extra });
const name = (): TrackName => ({ track: 't1', source: 'camera', participant: 'p', active: true });
const read = (reader: StatsReader, ms: number, ...lines: { id: string }[]) =>
	reader.read(lines.map((l) => [l.id, l] as [string, unknown]), ms, name);

describe('statistics', () => {
	it('computes rates between two reports', () => {
		const reader = new StatsReader();
		read(reader, 1000, inbound({ bytesReceived: 1000, packetsReceived: 10, packetsLost: 0, framesDecoded: 0 }));
		const s = read(
			reader, 3000,
			inbound({ bytesReceived: 251_000, packetsReceived: 108, packetsLost: 2, framesDecoded: 50, frameWidth: 640, frameHeight: 360 }),
		);
		expect(s.down_bps).toBe(1_000_000);
		expect(s.tracks[0]).toMatchObject({ lost_percent: 2, fps: 25, width: 640, level: 'fair' });
	});
	it('says lost when nothing arrives although it should', () => {
		const reader = new StatsReader();
		const line = inbound({ packetsReceived: 10 });
		read(reader, 1000, line);
		expect(read(reader, 3000, line).level).toBe('lost');
	});
	it('does not call the connection lost for one silent track among others', () => {
		const reader = new StatsReader();
		const names = (mid: string): TrackName => ({ track: mid, source: 'camera', participant: mid, active: true });
		const lines = (n: number): [string, unknown][] => [
			['a', { ...inbound({ packetsReceived: n, mid: 'a' }), id: 'a' }],
			['b', { ...inbound({ packetsReceived: 5, mid: 'b' }), id: 'b' }],
		];
		reader.read(lines(10), 1000, names);
		const s = reader.read(lines(90), 3000, names);
		expect(s.tracks.map((t) => t.level)).toEqual(['good', 'lost']);
		expect(s.level).toBe('good');
	});
	it('adds up the layers of simulcast', () => {
		const reader = new StatsReader();
		const out = (id: string, bytesSent: number, frameHeight: number) => ({ id, type: 'outbound-rtp', kind: 'video', mid: '1', bytesSent, frameHeight });
		read(reader, 1000, out('l', 0, 180), out('h', 0, 720));
		const s = read(reader, 2000, out('l', 1000, 180), out('h', 2000, 720));
		expect(s.tracks.length).toBe(1);
		expect(s.tracks[0]).toMatchObject({ bps: 24_000, height: 720 });
	});
	it('survives counters that go back and fields that are missing or no numbers', () => {
		const reader = new StatsReader();
		read(reader, 1000, inbound({ bytesReceived: 9e6, packetsReceived: 500 }));
		const s = read(reader, 1000, inbound({ bytesReceived: 'x', packetsReceived: NaN, jitter: null }));
		expect(s.down_bps).toBe(0);
		expect(s.rtt_ms).toBe(0);
	});
	it('tells the pair in use from those that are only nominated', () => {
		const pair = (id: string, rtt: number, extra: object) => (
			{ id, type: 'candidate-pair', state: 'succeeded', nominated: true, localCandidateId: `l-${id}`, currentRoundTripTime: rtt, ...extra });
		const local = (id: string) => ({ id: `l-${id}`, type: 'local-candidate', candidateType: 'host', protocol: id });
		const s = read(
			new StatsReader(), 1000, local('tcp'), local('udp'),
			pair('tcp', 0.5, { selected: false }), pair('udp', 0.1, { selected: true }),
		);
		expect(s.transport).toBe('udp');
		expect(s.rtt_ms).toBe(100);
	});
	it('says when pictures go out smaller than they could', () => {
		const out = (extra: object) => ({ id: 'o', type: 'outbound-rtp', kind: 'video', mid: '1', framesPerSecond: 25, ...extra });
		const small = (extra: object) => read(new StatsReader(), 1000, out(extra)).small;
		expect(small({ qualityLimitationReason: 'bandwidth' })).toBe(true);
		expect(small({ qualityLimitationReason: 'cpu' })).toBe(false);
		expect(small({ qualityLimitationReason: 'none' })).toBe(false);
		expect(small({ qualityLimitationReason: 'bandwidth', framesPerSecond: 0 })).toBe(false); // a layer that does not go out
		expect(small({ qualityLimitationReason: 'bandwidth', active: false })).toBe(false);
	});
	it('has words for figures', () => {
		expect(levelOf(0, 50, 0, 2000)).toBe('good');
		expect(levelOf(3, 50, 0, 2000)).toBe('fair');
		expect(levelOf(0, 350, 0, 2000)).toBe('fair');
		expect(levelOf(9, 50, 0, 2000)).toBe('poor');
		expect(levelOf(0, 50, 900, 2000)).toBe('poor');
	});
});

describe('browsers', () => {
	it.each([
		['Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) AppleWebKit/605 Mobile MicroMessenger/8.0.30', 'wechat-ios'],
		['Mozilla/5.0 (Linux; Android 12) AppleWebKit/537 Chrome/86 MMWEBID/1 MicroMessenger/8.0.30', 'wechat-android'],
		['Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) Version/15.0 Mobile Safari/604.1', 'safari-ios'],
		['Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) CriOS/100 Mobile Safari/604.1', 'chrome-ios'],
		['Mozilla/5.0 (Linux; Android 13) Chrome/120.0 Mobile Safari/537.36', 'chrome-android'],
		['Mozilla/5.0 (Android 13; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0', 'firefox-android'],
		['Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0', 'firefox'],
		['Mozilla/5.0 (Windows NT 10.0) Chrome/120 Safari/537.36 Edg/120', 'edge'],
		['', 'other'],
	])('knows %s', (ua, browser) => expect(browserOf(ua)).toBe(browser));
	it('knows an iPad that says it is a Mac', () => {
		expect(browserOf('Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/15 Safari/605', 5)).toBe('safari-ios');
	});
	it.each([
		['NotAllowedError', 'denied'],
		['NotFoundError', 'none'],
		['OverconstrainedError', 'none'],
		['NotReadableError', 'busy'],
		['NotSupportedError', 'unsupported'],
		['TypeError', 'failed'],
	])('%s is %s', (error, problem) => expect(problemOf({ name: error })).toBe(problem));
	it.each([null, undefined, 5, 'x'])('%j is failed', (error) => expect(problemOf(error)).toBe('failed'));
});
