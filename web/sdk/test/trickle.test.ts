import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Trickle, type TrickleParams } from '../src/trickle';

const host = (port: number, ufrag = 'abcd'): RTCIceCandidate =>
	({ candidate: `candidate:1 1 udp 2130706431 192.0.2.1 ${port} typ host generation 0 ufrag ${ufrag}`, usernameFragment: ufrag }) as RTCIceCandidate;
const FULL = 'v=0\r\na=ice-options:trickle\r\n';
const LITE = 'v=0\r\na=ice-lite\r\n';

let sent: TrickleParams[];
let trickle: Trickle;

beforeEach(() => {
	vi.useFakeTimers();
	sent = [];
	trickle = new Trickle((params) => {
		sent.push(params);
		return Promise.resolve();
	});
});
afterEach(() => vi.useRealTimers());

test('waits for the answer, then sends what came, a message a generation', () => {
	trickle.onCandidate(host(1));
	trickle.onCandidate(host(2));
	trickle.onCandidate(host(3, 'efgh'));
	trickle.onCandidate(null);
	vi.advanceTimersByTime(1000);
	expect(sent).toEqual([]);
	trickle.onAnswer(FULL);
	expect(sent.map((s) => [s.ufrag, s.candidates.length])).toEqual([['abcd', 2], ['efgh', 1]]);
});

test('later ones go together', () => {
	trickle.onAnswer(FULL);
	for (let i = 0; i < 20; i++) trickle.onCandidate(host(i));
	expect(sent).toEqual([]);
	vi.advanceTimersByTime(20);
	expect(sent.map((s) => s.candidates.length)).toEqual([16, 4]);
});

test('an ICE-lite gateway gets none', () => {
	trickle.onCandidate(host(1));
	trickle.onAnswer(LITE);
	trickle.onCandidate(host(2));
	vi.advanceTimersByTime(1000);
	expect(sent).toEqual([]);
});

test('TCP, mDNS and RTCP candidates stay here', () => {
	trickle.onAnswer(FULL);
	for (const text of [
		'candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0 ufrag abcd',
		'candidate:1 1 udp 2130706431 0b4b…d.local 5000 typ host ufrag abcd',
		'candidate:1 2 udp 2130706431 192.0.2.1 5000 typ host ufrag abcd',
		'',
	])
		trickle.onCandidate({ candidate: text, usernameFragment: 'abcd' } as RTCIceCandidate);
	vi.advanceTimersByTime(1000);
	expect(sent).toEqual([]);
});
