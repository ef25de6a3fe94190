import { describe, expect, it } from 'vitest';
import type { Consent, ConsultRecord, Participant, RecordInfo, RemoteTrack, Source, Step, You } from '../sdk/src';
import { Pause, pictureState, weakness, worstStep } from './call/network';
import { barText, problemTexts } from './call/recording';
import { gridColumns, mainTile, nextFloor, type TileInfo } from './call/tiles';
import { qrPath } from './console/qr-code';
import { en } from './i18n/en';
import { zh } from './i18n/zh';
import { helpFor, otherBrowserHelps } from './shared/help';
import { claimsOf } from './shared/token';

const tile = (id: string, source: Source, more: Partial<TileInfo> = {}): TileInfo => ({
	key: `${id}/${source}`, participant: { id } as Participant, self: false, source, label: '', remote: {} as RemoteTrack,
	local: null, silent: false, speaking: false, ...more,
});

describe('texts', () => {
	it('have the same keys and the same values to fill in, in both languages', () => {
		const holes = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort().join();
		for (const key of Object.keys(en) as (keyof typeof en)[]) {
			expect(zh[key], key).toBeTruthy();
			expect(holes(zh[key]), key).toBe(holes(en[key]));
		}
		expect(Object.keys(zh).length).toBe(Object.keys(en).length);
	});
});

describe('the large picture', () => {
	const tiles = [tile('a', 'camera'), tile('b', 'camera'), tile('b', 'screen'), tile('me', 'screen', { self: true })];
	it('is the pinned one first', () => expect(mainTile(tiles, 'a/camera', 'b')?.key).toBe('a/camera'));
	it('then shared content of others', () => expect(mainTile(tiles, null, 'a')?.key).toBe('b/screen'));
	it('then who spoke last', () => expect(mainTile(tiles.slice(0, 2), null, 'b')?.key).toBe('b/camera'));
	it('then somebody with a picture', () => {
		expect(mainTile([tile('x', 'microphone', { remote: null }), tile('y', 'camera')], null, null)?.key).toBe('y/camera');
	});
	it('is nothing when nobody else is there', () => expect(mainTile([], 'gone', 'gone')).toBeNull());
	it('forgets a pin whose picture went', () => expect(mainTile(tiles, 'z/camera', null)?.key).toBe('b/screen'));
});

describe('the floor', () => {
	const floor = { id: 'a', heard_ms: 1_000 };
	it('goes to the first who speaks', () => expect(nextFloor({ id: null, heard_ms: 0 }, ['b', 'a'], 5).id).toBe('b'));
	it('stays while its holder speaks, however loud others are', () => {
		expect(nextFloor(floor, ['b', 'a'], 9_000)).toEqual({ id: 'a', heard_ms: 9_000 });
	});
	it('is not lost in a pause for breath', () => expect(nextFloor(floor, ['b'], 2_900).id).toBe('a'));
	it('moves on after two seconds', () => expect(nextFloor(floor, ['b'], 3_000).id).toBe('b'));
	it('stays in silence', () => expect(nextFloor(floor, [], 99_000)).toBe(floor));
});

describe('grid', () => {
	it.each([[0, true, 1], [2, false, 1], [3, false, 2], [9, false, 3], [2, true, 2], [5, true, 3], [99, true, 5]])(
		'%i tiles, wide %s: %i columns',
		(count, wide, columns) => expect(gridColumns(count, wide)).toBe(columns),
	);
});

describe('the network in words', () => {
	const steps = (table: Record<string, Step>) => (id: string) => table[id] ?? 'full';
	const remote = (id: string, active = true) => ({ id, active, kind: 'video', muted: false }) as RemoteTrack;
	it('is told on the tile concerned', () => {
		const consult = { stepOf: steps({ a: 'off', b: 'lower' }) };
		const of = (id: string, active = true) => pictureState(consult, tile('p', 'camera', { remote: remote(id, active) }));
		expect(of('a')).toBe('off');
		expect(of('a', false)).toBe('off');
		expect(of('b')).toBe('lower');
		expect(of('c')).toBe('full');
		expect(of('c', false)).toBe('sender');
		expect(pictureState(consult, tile('p', 'microphone', { remote: null }))).toBe('full');
		expect(pictureState(consult, tile('p', 'camera', { remote: remote('a'), participant: { status: 'away' } as Participant }))).toBe('full');
	});
	it('does not come and go with the stills of a weak sender', () => {
		const pause = new Pause();
		const at = (state: 'full' | 'sender' | 'off', s: number) => pause.observe(state, s * 1_000);
		expect(at('full', 0)).toEqual({ state: 'full', againMs: 0 });
		expect(at('sender', 1).state).toBe('sender');
		expect(at('full', 5)).toEqual({ state: 'full', againMs: 0 }); // it may be over
		expect(at('sender', 9).state).toBe('sender');
		expect(at('full', 13)).toEqual({ state: 'sender', againMs: 6_000 });
		expect(at('full', 17)).toEqual({ state: 'sender', againMs: 2_000 });
		expect(at('sender', 17).state).toBe('sender');
		expect(at('full', 21).state).toBe('sender');
		expect(at('off', 22).state).toBe('off');
		expect(at('full', 23).state).toBe('sender');
		expect(at('full', 27)).toEqual({ state: 'full', againMs: 0 });
		expect(at('sender', 40).state).toBe('sender'); // much later: another pause
		expect(at('full', 45)).toEqual({ state: 'full', againMs: 0 });
	});
	it('is the worst of all that is shown', () => {
		const remoteTracks = ['a', 'b', 'c'].map((id) => remote(id));
		expect(worstStep({ stepOf: steps({ b: 'still', c: 'lower' }), remoteTracks })).toBe('still');
		expect(worstStep({ stepOf: steps({}), remoteTracks })).toBe('full');
		expect(worstStep({ stepOf: steps({ a: 'off' }), remoteTracks: [{ ...remote('a'), muted: true }] })).toBe('full');
	});
	it.each([
		['off', 'off', true, 'off'], ['full', 'still', true, 'up-still'], ['full', 'still', false, null], ['lower', 'off', true, 'up-off'], ['full', 'low', true, 'up-low'], ['full', 'off', false, null],
		['lower', 'full', true, 'lower'], ['full', 'full', true, null],
	] as const)('%s down, %s up, sending %s: %s', (step, uplink, sends, wanted) => expect(weakness(step, uplink, sends)).toBe(wanted));
});

describe('what the recording bar says', () => {
	const of = (state: RecordInfo['state'], consent: Consent, status: 'lobby' | 'admitted' = 'admitted') =>
		barText({ me: { status } as You, record: { state, consent } as ConsultRecord });
	it.each([
		['off', 'given', null], ['starting', 'given', 'recordBar_starting_in'], ['on', 'given', 'recordBar_on_in'],
		['on', 'refused', 'recordBar_on_out'], ['on', 'none', 'recordBar_on_out'], ['on', 'withdrawn', 'recordBar_on_out'],
		['interrupted', 'given', 'recordBar_interrupted_in'],
	] as const)('%s, consent %s', (state, consent, wanted) => expect(of(state, consent)).toBe(wanted));
	it('never claims that somebody in the waiting room is recorded', () =>
		expect(of('on', 'given', 'lobby')).toBe('recordBar_lobby_in'));
});

describe('tokens', () => {
	const jwt = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
	it('are read for display', () => {
		expect(claimsOf(jwt({ sub: 'p', role: 'clinic', name: '李医生', consult: '' }))).toMatchObject({ name: '李医生', consult: null });
	});
	it.each(['', 'x', 'a.b.c', 'a.%%%.c', jwt({}), jwt({ sub: 5, role: 'x' })])('%j is none', (text) =>
		expect(claimsOf(text)).toBeNull(),
	);
});

describe('help', () => {
	it('is for the browser at hand, and only when permission is missing', () => {
		expect(helpFor('wechat-ios', ['denied', null])).toBe('help_wechat_ios');
		expect(helpFor('chrome', ['busy', 'none'])).toBeNull();
		expect(otherBrowserHelps('wechat-android', ['unsupported', null])).toBe(true);
		expect(otherBrowserHelps('chrome', ['unsupported', null])).toBe(false);
	});
});

describe('QR code', () => {
	it('is larger for longer links', () => {
		expect(qrPath('https://h/j/1234567890123456789012').size).toBeGreaterThan(qrPath('x').size);
	});
});

it('what is wrong with the recorder is told to everybody; hosts are asked to tell IT, but not of what mends itself', () => {
	expect(problemTexts('low', true)).toEqual(['recordProblem_low', 'recordTellIt']);
	expect(problemTexts('low', false)).toEqual(['recordProblem_low']);
	expect(problemTexts('away', true)).toEqual(['recordProblem_away']);
});
