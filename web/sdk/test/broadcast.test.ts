import { describe, expect, it } from 'vitest';
import { ConsultBroadcast } from '../src/broadcast';
import { DisconnectedError, ErrorCode, HuizhenError } from '../src/errors';
import type { Broadcast, State } from '../src/protocol';

const desk: Broadcast = {
	state: 'live', title: 'T', text: '', delay_s: 10, sources: [{ participant: 'or1', source: 'camera' }], voices: [],
	on_air: { participant: 'or1', source: 'camera' }, since_ms: 1, cut: null, viewers: 3,
};
const stateWith = (broadcast?: Broadcast | { state: 'live' }): State => ({ consult: { id: 'c', title: '', status: 'open', broadcast } }) as unknown as State;

describe('broadcast', () => {
	it('is off until the gateway says otherwise, and its desk is for directors', () => {
		const ask = () => Promise.reject(new Error('not asked'));
		expect(new ConsultBroadcast(() => null, ask).state).toBe('off');
		const guest = new ConsultBroadcast(() => stateWith({ state: 'live' }), ask);
		expect(guest.state).toBe('live');
		expect(guest.desk).toBeNull();
		const director = new ConsultBroadcast(() => stateWith(desk), ask);
		expect(director.desk?.viewers).toBe(3);
		expect(director.isOnAir({ participant: 'or1', source: 'camera' })).toBe(true);
		expect(director.isOnAir({ participant: 'or1', source: 'camera2' })).toBe(false);
		const together = new ConsultBroadcast(() => stateWith({ ...desk, layout: 'pip', beside: [{ participant: 'or2', source: 'camera' }] }), ask);
		expect(together.isOnAir({ participant: 'or1', source: 'camera' })).toBe(false);
		expect(together.onAir.map((s) => s.participant)).toEqual(['or1', 'or2']);
		expect(new ConsultBroadcast(() => stateWith({ ...desk, on_air: null }), ask).onAir).toEqual([]);
	});
	it('asks for what was pressed', async () => {
		const asked: unknown[] = [];
		const broadcast = new ConsultBroadcast(() => null, ((method: string, params: unknown) => {
			asked.push([method, params]);
			return Promise.resolve({ broadcast: desk });
		}) as never);
		await broadcast.show({ participant: 'or1', source: 'camera' });
		await broadcast.show(null);
		await broadcast.showTogether([{ participant: 'or2', source: 'camera' }, { participant: 'or1', source: 'camera' }], 'side', 400);
		await broadcast.cut('why');
		await broadcast.resume('over');
		expect(asked).toEqual([
			['broadcast.program', { source: { participant: 'or1', source: 'camera' } }],
			['broadcast.program', { source: null }],
			['broadcast.program', {
				source: { participant: 'or2', source: 'camera' }, layout: 'side', beside: [{ participant: 'or1', source: 'camera' }], fade_ms: 400,
			}],
			['broadcast.cut', { reason: 'why' }],
			['broadcast.resume', { reason: 'over' }],
		]);
	});
	it('says a cut again when the connection was lost before the answer came', async () => {
		const asked: string[] = [];
		let fails: Error[] = [new DisconnectedError(), new HuizhenError('not connected', ErrorCode.notJoined)];
		const broadcast = new ConsultBroadcast(() => null, ((method: string) => {
			asked.push(method);
			const error = fails.shift();
			return error ? Promise.reject(error) : Promise.resolve({ broadcast: desk });
		}) as never);
		const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
		let done = false;
		const cut = broadcast.cut('why').then(() => (done = true));
		void broadcast.cut('pressed twice');
		await turn();
		expect(asked).toEqual(['broadcast.cut']);
		broadcast.onSession('reconnecting');
		await turn();
		expect(asked.length).toBe(1);
		broadcast.onSession('connected');
		await turn();
		expect(asked.length).toBe(2);
		expect(done).toBe(false);
		broadcast.onSession('connected');
		await cut;
		expect(asked).toEqual(['broadcast.cut', 'broadcast.cut', 'broadcast.cut']);
		// What the gateway refuses, and a session that is over, is no reason to insist.
		fails = [new HuizhenError('not allowed', ErrorCode.notAllowed)];
		await expect(broadcast.cut('why')).rejects.toThrow('not allowed');
		fails = [new DisconnectedError()];
		const last = broadcast.cut('why');
		await turn();
		broadcast.onSession('ended');
		await expect(last).rejects.toThrow(DisconnectedError);
		expect(asked.length).toBe(5);
	});
});
