import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backoffMs, Session, type SessionHandlers, type SessionOptions } from '../src/session';
import { FakeSocket, settle } from './fakes';

const joinResult = (extra: object = {}) => ({
	session: 's', resume_key: 'key-1', resumed: false, participant: 'p', consult: { id: 'c', title: 't' }, role: 'patient',
	grants: [], ice_servers: [], state: { version: 1 }, ...extra,
});

describe('session', () => {
	let sockets: FakeSocket[];
	let log: string[];
	let saved: (string | null)[];
	const handlers: SessionHandlers = {
		onState: (s) => log.push(s),
		onJoined: (r) => log.push(`joined ${r.resumed}`),
		onPush: (m) => log.push(`push ${m}`),
		onEnd: (r) => log.push(`end ${r}`),
	};
	const start = (options: Partial<SessionOptions> = {}) => {
		const session = new Session(
			{
				url: 'ws://x/ws', token: 'tok', language: 'en', client: { name: 'n', version: '1' }, random: () => 0.5,
				socketFactory: (url) => {
					const socket = new FakeSocket(url);
					sockets.push(socket);
					return socket;
				},
				saveResumeKey: (key) => saved.push(key),
				...options,
			},
			handlers,
		);
		session.start();
		return session;
	};
	const last = () => sockets[sockets.length - 1] as FakeSocket;
	const join = async (extra: object = {}) => {
		last().open();
		await settle();
		last().reply('join', joinResult(extra));
		await settle();
	};
	beforeEach(() => {
		vi.useFakeTimers();
		sockets = [];
		log = [];
		saved = [];
	});
	afterEach(() => {
		vi.useRealTimers();
	});

	it('says with the token, and only with it, whether it may be recorded', async () => {
		const consent = { given: false, wording: 'huizhen-1', language: 'zh-CN' };
		start({ consent });
		await join();
		expect(last().last('join').params).toMatchObject({ token: 'tok', consent });
		last().die();
		await vi.advanceTimersByTimeAsync(2_000);
		last().open();
		await settle();
		expect(last().last('join').params).toMatchObject({ resume_key: 'key-1' });
		expect(last().last('join').params).not.toHaveProperty('consent');
	});

	it('joins with the token and keeps the resume key', async () => {
		start();
		last().open();
		await settle();
		expect(last().last('join').params).toMatchObject({ token: 'tok', language: 'en' });
		last().reply('join', joinResult());
		await settle();
		expect(log).toEqual(['joined false', 'connected']);
		expect(saved).toEqual(['key-1']);
	});

	it('comes back with the resume key after kill -9, first after 100 ms', async () => {
		start();
		await join();
		last().die();
		expect(log.at(-1)).toBe('reconnecting');
		await vi.advanceTimersByTimeAsync(99);
		expect(sockets.length).toBe(1);
		await vi.advanceTimersByTimeAsync(1);
		expect(sockets.length).toBe(2);
		last().open();
		await settle();
		expect(last().last('join').params).toMatchObject({ resume_key: 'key-1' });
		last().reply('join', joinResult({ resumed: true }));
		await settle();
		expect(log.slice(-2)).toEqual(['joined true', 'connected']);
	});

	it('repeats the token with the same key of its own until one is answered', async () => {
		start();
		last().open();
		await settle();
		const first = last().last('join').params as { new_key: string };
		expect(first.new_key).toMatch(/^[\w-]{32}$/);
		await vi.advanceTimersByTimeAsync(2_600); // no answer: another socket
		expect(sockets.length).toBe(2);
		last().open();
		await settle();
		expect(last().last('join').params).toMatchObject({ token: 'tok', new_key: first.new_key });
		last().reply('join', joinResult({ resumed: true, resume_key: first.new_key }));
		await settle();
		expect(log).toEqual(['joined true', 'connected']);
		sockets.length = 0;
		start();
		last().open();
		await settle();
		expect((last().last('join').params as { new_key: string }).new_key).not.toBe(first.new_key);
	});

	it('gives a connection its time, and then the answer', async () => {
		start();
		await vi.advanceTimersByTimeAsync(2_400);
		last().open();
		await vi.advanceTimersByTimeAsync(2_400);
		expect(sockets.length).toBe(1);
		last().reply('join', joinResult());
		await vi.advanceTimersByTimeAsync(5_000);
		expect(log).toEqual(['joined false', 'connected']);
		start();
		await vi.advanceTimersByTimeAsync(2_600); // never opens
		expect(sockets.length).toBe(3);
	});

	it('waits longer each time: at most 1 s for half a minute, then 5 s, and a quarter', () => {
		expect([0, 1, 2, 3, 4, 5, 29, 30, 99].map((n) => backoffMs(n, () => 0.5))).toEqual(
			[100, 200, 400, 800, 1000, 1000, 1000, 5000, 5000],
		);
		expect(backoffMs(99, () => 0.999)).toBeLessThanOrEqual(6250);
		expect(backoffMs(0, () => 0)).toBe(75);
	});

	it('returns at once after `closing`', async () => {
		start();
		await join();
		last().receive({ method: 'closing', params: { retry_ms: 100 } });
		await vi.advanceTimersByTimeAsync(100);
		expect(sockets.length).toBe(2);
	});

	it.each([
		[4001, 'replaced'],
		[4004, 'expired'],
	])('stays away after close code %i', async (code, reason) => {
		start();
		await join();
		last().die(code);
		await vi.advanceTimersByTimeAsync(20_000);
		expect(sockets.length).toBe(1);
		expect(log.slice(-2)).toEqual(['ended', `end ${reason}`]);
		expect(saved.at(-1)).toBeNull();
	});

	it.each(['removed', 'closed', 'replaced', 'left', 'expired'])('stays away after end %s', async (reason) => {
		start();
		await join();
		last().receive({ method: 'end', params: { reason } });
		last().die();
		await vi.advanceTimersByTimeAsync(20_000);
		expect(sockets.length).toBe(1);
		expect(log.at(-1)).toBe(`end ${reason}`);
	});

	it('is refused for good with a bad token', async () => {
		start();
		last().open();
		await settle();
		last().refuse('join', -32001);
		await settle();
		await vi.advanceTimersByTimeAsync(20_000);
		expect(sockets.length).toBe(1);
		expect(log).toEqual(['ended', 'end refused']);
	});

	it('falls back to the token when the resume key is refused', async () => {
		start({ resumeKey: 'old' });
		last().open();
		await settle();
		expect(last().last('join').params).toMatchObject({ resume_key: 'old' });
		last().refuse('join', -32001);
		await vi.advanceTimersByTimeAsync(200);
		last().open();
		await settle();
		expect(last().last('join').params).toMatchObject({ token: 'tok' });
	});

	it('tries again when the gateway fails or is full', async () => {
		start();
		last().open();
		await settle();
		last().refuse('join', -32005);
		await vi.advanceTimersByTimeAsync(200);
		expect(sockets.length).toBe(2);
	});

	it('gives up a socket that never opens and tries another', async () => {
		start();
		await vi.advanceTimersByTimeAsync(2_700);
		expect(sockets.length).toBe(2);
		await vi.advanceTimersByTimeAsync(3_900);
		expect(sockets.length).toBe(2); // a slow link has more time
		await vi.advanceTimersByTimeAsync(500);
		expect(sockets.length).toBe(3);
	});

	it('does not wait for a connection of the old network when it has another one', async () => {
		const session = start();
		await vi.advanceTimersByTimeAsync(300);
		session.probe();
		expect(sockets.length).toBe(1); // it may well be of the new one
		await vi.advanceTimersByTimeAsync(300);
		session.probe();
		expect(sockets.length).toBe(2);
		await join();
		expect(log.at(-1)).toBe('connected');
	});

	it('notices a dead network by a ping without answer', async () => {
		start();
		await join();
		await vi.advanceTimersByTimeAsync(8_000);
		expect(last().count('ping')).toBe(1);
		await vi.advanceTimersByTimeAsync(5_200);
		expect(log).toContain('reconnecting');
	});

	it('pings, and stays, however many requests wait for their answers', async () => {
		const session = start();
		await join();
		for (let i = 0; i < 70; i++) void session.request('hand', { raised: true }).catch(() => undefined);
		expect(last().count('hand')).toBe(64);
		await vi.advanceTimersByTimeAsync(8_000);
		expect(last().count('ping')).toBe(1);
		last().reply('ping', {});
		await settle();
		expect([log.at(-1), last().closedWith]).toEqual(['connected', undefined]);
	});

	it('takes an error as a sign of life', async () => {
		start();
		await join();
		await vi.advanceTimersByTimeAsync(8_000);
		last().refuse('ping', -32007);
		await settle();
		expect(log.at(-1)).toBe('connected');
	});

	it('probes at once when the network changed, and does not wait out a backoff', async () => {
		const session = start();
		await join();
		session.probe();
		expect(last().count('ping')).toBe(1);
		last().die();
		for (let i = 0; i < 6; i++) {
			await vi.advanceTimersByTimeAsync(1_300);
			last().die();
		}
		const before = sockets.length;
		session.probe();
		expect(sockets.length).toBe(before + 1);
	});

	it('rejects requests while away', async () => {
		const session = start();
		await join();
		const pending = session.request('hand', { raised: true });
		last().die();
		await expect(pending).rejects.toThrow('lost');
		await expect(session.request('hand', { raised: true })).rejects.toThrow('not connected');
	});

	it.each(['', 'null', '[]', '{', '{"id":"x"}', '{"id":99,"result":{}}', '{"method":5}'])(
		'survives the frame %j',
		async (frame) => {
			start();
			await join();
			last().receive(frame);
			expect(log.at(-1)).toBe('connected');
		},
	);

	it('leaves and says so', async () => {
		const session = start();
		await join();
		const socket = last();
		const left = session.leave();
		await settle();
		socket.reply('leave', {});
		await left;
		expect(log.at(-1)).toBe('end left');
		expect(saved.at(-1)).toBeNull();
	});
});
