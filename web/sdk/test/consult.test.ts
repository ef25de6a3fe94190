// The whole SDK on fakes: lobby, admission, sending back, muting by the host, a new PeerConnection, resuming.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Consult } from '../src/consult';
import type { Grant, Participant, State, Track } from '../src/protocol';
import { FakeConnection, FakeSocket, FakeTrack, fakeStream, settle } from './fakes';

const track = (id: string, source: Track['source'], muted = false): Track => ({
	id, kind: source === 'microphone' ? 'audio' : 'video', source, label: '', muted, active: true, codec: '', layers: 1,
});
const person = (id: string, tracks: Track[] = []): Participant => ({
	id, name: id, role: 'clinic', status: 'admitted', hand: false, quality: 'good', joined_ms: 0, tracks,
});
const stateOf = (status: 'lobby' | 'admitted', participants: Participant[] = []): State => ({
	version: 1,
	you: { id: 'me', role: 'patient', status, position: status === 'lobby' ? 2 : 0, waiting_s: 0, hand: false, consent: 'none' },
	consult: { id: 'c', title: 'T', status: 'open' },
	...(status === 'lobby' ? {} : { participants }),
});

describe('consult', () => {
	let sockets: FakeSocket[];
	let connections: FakeConnection[];
	let opened: number;
	let consult: Consult;
	const last = () => sockets[sockets.length - 1] as FakeSocket;
	const pc = () => connections[connections.length - 1] as FakeConnection;
	const push = async (method: string, params: object) => {
		last().receive({ method, params });
		await settle();
	};
	const joined = async (state: State, resumed = false, session = 's') => {
		last().open();
		await settle();
		const grants: Grant[] = ['publish', 'subscribe'];
		last().reply('join', {
			session, resume_key: 'k', resumed, participant: 'me', consult: { id: 'c', title: 'T' }, role: 'patient', grants,
			ice_servers: [], state,
		});
		await settle();
	};
	const answer = async () => {
		last().reply('offer', { sdp: 'answer' });
		await settle();
	};
	beforeEach(() => {
		vi.useFakeTimers();
		sockets = [];
		connections = [];
		opened = 0;
		consult = new Consult(
			{ url: 'ws://x/ws', token: 't', language: 'en', client: { name: 'n', version: '1' }, playAudio: false },
			{
				socketFactory: (url) => {
					sockets.push(new FakeSocket(url));
					return last();
				},
				createConnection: () => {
					connections.push(new FakeConnection());
					return pc().real;
				},
				createStream: fakeStream,
				opener: (source) => {
					opened++;
					return Promise.resolve(new FakeTrack(source === 'microphone' ? 'audio' : 'video').real);
				},
				random: () => 0.5,
			},
		);
		consult.start();
	});
	afterEach(() => {
		vi.useRealTimers();
	});

	it('tells what is recorded, asks who was not asked, and sends the answer', async () => {
		const state = stateOf('admitted', [person('me')]);
		await joined(state);
		expect([consult.record.state, consult.record.recording, consult.record.asks]).toEqual(['off', false, false]);
		const record = { state: 'starting', wish: 'automatic', id: 'r1', problem: 'slow' } as const;
		await push('state', { ...state, version: 2, consult: { ...state.consult, record } });
		expect([consult.record.state, consult.record.recording, consult.record.asks]).toEqual(['starting', false, true]);
		expect([consult.record.id, consult.record.problem]).toEqual(['r1', 'slow']);
		const said = consult.record.setConsent({ given: true, wording: 'huizhen-1', language: 'en' });
		expect(last().last('consent.set').params).toEqual({ given: true, wording: 'huizhen-1', language: 'en' });
		last().reply('consent.set', { consent: 'given' });
		expect(await said).toBe('given');
		const you = { ...state.you, consent: 'given' as const };
		await push('state', { ...state, version: 3, you, consult: { ...state.consult, record: { ...record, state: 'on' } } });
		expect([consult.record.consent, consult.record.recording, consult.record.asks]).toEqual(['given', true, false]);
		void consult.record.stop().catch(() => undefined);
		expect(last().count('record.stop')).toBe(1);
	});

	it('in the lobby opens devices but no PeerConnection; admission publishes them', async () => {
		await joined(stateOf('lobby'));
		expect(consult.state).toBe('lobby');
		expect(consult.me.position).toBe(2);
		await consult.publish('camera');
		expect(connections.length).toBe(0);
		await push('state', stateOf('admitted', [person('me'), person('dr', [track('t1', 'camera')])]));
		expect(consult.state).toBe('incall');
		expect(last().last('offer').params.publish).toMatchObject([{ source: 'camera', muted: false }]);
		expect(consult.remoteTracks.map((t) => [t.id, t.participant])).toEqual([['t1', 'dr']]);
		expect(consult.remoteTracks[0]?.mediaStreamTrack).not.toBeNull();
	});

	it('sent back: closes the PeerConnection, forgets what was said; devices stay', async () => {
		await joined(stateOf('admitted', [person('me')]));
		await consult.publish('microphone');
		await push('chat', { id: 'm1', from: 'dr', name: 'dr', text: 'hello', time: 1 });
		expect(consult.chat.length).toBe(1);
		await push('state', stateOf('lobby'));
		expect(consult.state).toBe('lobby');
		expect(pc().closed).toBe(true);
		expect(consult.chat.length).toBe(0);
		expect(consult.remoteTracks).toEqual([]);
		expect(consult.localTrack('microphone')?.mediaStreamTrack?.readyState).toBe('live');
	});

	it('renegotiate: `codec` offers again, `ice` restarts, `peer` builds anew with the same devices', async () => {
		await joined(stateOf('admitted', [person('me')]));
		await consult.publish('camera');
		await settle();
		await answer();
		await answer();
		await push('renegotiate', { reason: 'codec' });
		await answer();
		await push('renegotiate', { reason: 'ice' });
		expect(pc().offers.at(-1)).toEqual({ iceRestart: true });
		await answer();
		await push('renegotiate', { reason: 'peer' });
		expect(connections.length).toBe(2);
		expect(connections[0]?.closed).toBe(true);
		expect(last().last('offer').params.publish).toMatchObject([{ source: 'camera' }]);
		expect(opened).toBe(1);
	});

	it('obeys a host who mutes, and says so', async () => {
		const told = vi.fn();
		consult.on('mutedbyhost', told);
		await joined(stateOf('admitted', [person('me')]));
		await consult.publish('microphone');
		await push('state', stateOf('admitted', [person('me', [track('t9', 'microphone', true)])]));
		expect(consult.localTrack('microphone')?.muted).toBe(true);
		expect(told).toHaveBeenCalledWith('microphone');
	});

	it('does not take an old push for a host while its own unmute is on the way', async () => {
		await joined(stateOf('admitted', [person('me')]));
		await consult.publish('microphone', { muted: true });
		await push('state', stateOf('admitted', [person('me', [track('t9', 'microphone', true)])]));
		const unmute = consult.setMuted('microphone', false);
		await settle();
		await push('state', stateOf('admitted', [person('me', [track('t9', 'microphone', true)])]));
		expect(consult.localTrack('microphone')?.muted).toBe(false);
		last().reply('track.update', {});
		await unmute;
		expect(last().last('track.update').params).toEqual({ track: 't9', muted: false });
	});

	it('does not undo a host who muted while the socket was away', async () => {
		const told = vi.fn();
		consult.on('mutedbyhost', told);
		const mine = (muted: boolean) => stateOf('admitted', [person('me', [track('t9', 'microphone', muted)])]);
		await joined(mine(false));
		await consult.publish('microphone');
		await push('state', mine(false));
		last().die();
		await vi.advanceTimersByTimeAsync(100);
		await joined(mine(true), true);
		expect(last().count('track.update')).toBe(0);
		expect(consult.localTrack('microphone')?.muted).toBe(true);
		expect(told).toHaveBeenCalledWith('microphone');
	});

	it('says an unmute again that was made before the gateway knew of the track', async () => {
		await joined(stateOf('admitted', [person('me')]));
		await consult.publish('microphone', { muted: true });
		await settle();
		await consult.setMuted('microphone', false);
		expect(last().count('track.update')).toBe(0);
		await push('state', stateOf('admitted', [person('me', [track('t9', 'microphone', true)])]));
		expect(consult.localTrack('microphone')?.muted).toBe(false);
		expect(last().last('track.update').params).toEqual({ track: 't9', muted: false });
	});

	it('hears one mixed sound where the gateway offers it, and the voices again', async () => {
		const people = [person('me'), person('dr', [track('t1', 'microphone')])];
		const state = stateOf('admitted', people);
		const items = () => last().last('subscribe').params.items as { track: string | null; quality: string }[];
		await joined(state);
		await answer();
		last().reply('subscribe', {});
		await settle();
		consult.mixed.set(true);
		await settle();
		expect(consult.mixed.available).toBe(false);
		expect(consult.mixed.on).toBe(false);
		await push('state', { ...state, version: 2, consult: { ...state.consult, mix: true } });
		expect(consult.mixed.on).toBe(true);
		await answer();
		expect(items()).toMatchObject([{ track: 'mix', quality: 'high' }]); // the voice stays as it is: the gateway holds it
		last().reply('subscribe', {});
		await settle();
		consult.mixed.set(false);
		await settle();
		expect(items()).toMatchObject([{ track: null }]);
	});

	it('hears an interpreter, and is one', async () => {
		const voice = { ...track('t1', 'microphone'), language: 'en' };
		const people = (mine: object) => [person('me', [{ ...track('t9', 'microphone'), ...mine }]), person('dr', [voice])];
		const base = stateOf('admitted', people({}));
		const state = (version: number, mine = {}) => ({ ...base, version, consult: { ...base.consult, mix: true }, participants: people(mine) });
		await joined(state(1));
		await answer();
		last().reply('subscribe', {});
		await settle();
		expect(consult.mixed.languages).toEqual(['en']);
		consult.mixed.set(true, 'en');
		await answer();
		expect(last().last('subscribe').params.items).toMatchObject([{ track: 'mix', language: 'en' }]);
		last().reply('subscribe', {});
		await settle();
		consult.mixed.set(true);
		await settle();
		expect((last().last('subscribe').params.items as object[])[0]).not.toHaveProperty('language');
		last().reply('subscribe', {});
		await settle();

		consult.mixed.interpret('zh');
		await settle();
		expect(last().last('track.update').params).toEqual({ track: 't9', language: 'zh' });
		last().reply('track.update', {});
		await push('state', state(2, { language: 'zh' }));
		expect(consult.mixed.interprets).toBe('zh');
		expect(consult.mixed.languages).toEqual(['en', 'zh']);
		await push('state', state(3, { id: 't10' })); // a new microphone
		expect(last().last('track.update').params).toEqual({ track: 't10', language: 'zh' });
	});

	it('resumes on the same PeerConnection and subscribes again', async () => {
		const state = stateOf('admitted', [person('me'), person('dr', [track('t1', 'camera')])]);
		await joined(state);
		await answer();
		last().reply('subscribe', {});
		await settle();
		pc().become('connected');
		last().die();
		expect(consult.state).toBe('reconnecting');
		await vi.advanceTimersByTimeAsync(100);
		await joined(state, true);
		expect(consult.state).toBe('incall');
		expect(connections.length).toBe(1);
		expect(last().count('offer')).toBe(0);
		expect(last().count('subscribe')).toBe(1);
	});

	it('a session that could not be resumed gets a new PeerConnection', async () => {
		await joined(stateOf('admitted', [person('me')]));
		await answer();
		last().die();
		await vi.advanceTimersByTimeAsync(100);
		await joined(stateOf('admitted', [person('me')]), false);
		expect(connections.length).toBe(2);
	});

	it('a session whose beginning it never saw, resumed or not, gets a new PeerConnection', async () => {
		await joined(stateOf('admitted', [person('me')]));
		await answer();
		last().die();
		await vi.advanceTimersByTimeAsync(100);
		await joined(stateOf('admitted', [person('me')]), true, 'another');
		expect(connections.length).toBe(2);
		expect(last().count('offer')).toBe(1);
	});

	it('repeats an offer that the old socket took with it', async () => {
		await joined(stateOf('admitted', [person('me')]));
		expect(last().count('offer')).toBe(1);
		last().die();
		await vi.advanceTimersByTimeAsync(100);
		await joined(stateOf('admitted', [person('me')]), true);
		expect(last().count('offer')).toBe(1);
	});

	it('restarts ICE when media is gone for 3 s, then builds a new PeerConnection', async () => {
		await joined(stateOf('admitted', [person('me')]));
		await answer();
		pc().become('connected');
		pc().become('disconnected');
		await vi.advanceTimersByTimeAsync(3_100);
		expect(pc().offers.at(-1)).toEqual({ iceRestart: true });
		await answer();
		await vi.advanceTimersByTimeAsync(6_100);
		expect(connections.length).toBe(2);
	});

	it.each(['first', 'later'])('offers once when its own restart is what the gateway asks for; the socket died %s', async (when) => {
		const state = stateOf('admitted', [person('me')]);
		await joined(state);
		await answer();
		pc().become('connected');
		if (when === 'later') pc().become('disconnected');
		await settle();
		last().die();
		pc().become('disconnected');
		await vi.advanceTimersByTimeAsync(100);
		const before = pc().offers.length;
		await joined(state, true);
		await push('renegotiate', { reason: 'ice' });
		await answer();
		await vi.advanceTimersByTimeAsync(2_000);
		expect(last().count('offer')).toBe(1);
		expect(pc().offers.slice(before)).toEqual([{ iceRestart: true }]);
	});

	it('builds a new PeerConnection when the gateway refuses the restart: nobody repeats it', async () => {
		await joined(stateOf('admitted', [person('me')]));
		await answer();
		pc().become('connected');
		pc().become('disconnected');
		await settle();
		expect(pc().offers.at(-1)).toEqual({ iceRestart: true });
		last().refuse('offer', -32006);
		await settle();
		expect(connections.length).toBe(2);
		expect(connections[0]?.closed).toBe(true);
	});

	it('a long call misses an answer now and then: no reason for a new PeerConnection', async () => {
		await joined(stateOf('admitted', [person('me')]));
		await answer();
		pc().become('connected');
		for (let i = 0; i < 4; i++) {
			await push('renegotiate', { reason: 'codec' });
			for (let s = 0; s < 12; s++) {
				await vi.advanceTimersByTimeAsync(1_000);
				if (last().count('ping') > 0) last().reply('ping', {});
			}
			await answer();
			expect(pc().signalingState).toBe('stable');
		}
		expect(connections.length).toBe(1);
	});

	it('takes an own screen share down when the user ends it', async () => {
		await joined(stateOf('admitted', [person('me')]));
		await answer();
		const local = await consult.publish('screen');
		await settle();
		await answer();
		(local.mediaStreamTrack as unknown as FakeTrack).vanish();
		await settle();
		expect(consult.localTracks).toEqual([]);
		expect(last().last('offer').params.publish).toEqual([]);
	});

	it('ends: everything is released', async () => {
		const ended = vi.fn();
		consult.on('end', ended);
		await joined(stateOf('admitted', [person('me')]));
		const local = await consult.publish('camera');
		const camera = local.mediaStreamTrack;
		await push('end', { reason: 'removed' });
		expect(ended).toHaveBeenCalledWith('removed');
		expect(consult.state).toBe('ended');
		expect(camera?.readyState).toBe('ended');
		expect(pc().closed).toBe(true);
		await vi.advanceTimersByTimeAsync(60_000);
		expect(sockets.length).toBe(1);
	});

	it('refuses to publish one source twice', async () => {
		await joined(stateOf('admitted', [person('me')]));
		await consult.publish('camera');
		await expect(consult.publish('camera')).rejects.toThrow('already');
	});
});
