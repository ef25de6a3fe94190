import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DisconnectedError, ErrorCode, HuizhenError } from '../src/errors';
import type { Table, TableDrawing, TablePatchPush } from '../src/protocol';
import { Reading } from '../src/reading';
import { applyChange, applyPush, emptyTable, mergeChanges, type Change } from '../src/reading-state';

const study = { pacs: 'main', study: '1.2.3' };
const line = (id: string, x = 1): TableDrawing => ({ id, kind: 'line', on: { participant: 'or', source: 'endoscope' }, points: [[x, 2], [3, 4]] });

/** A gateway with one table, that answers when it is told to. */
class Gateway {
	table: Table = { ...emptyTable(), version: 10, floor: { holder: 'me', asked: [] } };
	asked: { method: string; params: Record<string, unknown> }[] = [];
	fails: Error[] = [];
	waiting: (() => void)[] = [];
	slow = false;
	page: Table = emptyTable();
	readonly ask = async (method: string, params: Record<string, unknown>): Promise<unknown> => {
		this.asked.push({ method, params });
		if (this.slow) await new Promise<void>((done) => this.waiting.push(done));
		const error = this.fails.shift();
		if (error) throw error;
		if (method === 'table.get') return { table: 'after' in params ? this.page : this.table };
		if (method === 'table.pointer') return {};
		const { version } = this.table;
		if (method === 'table.floor') {
			const holder = params['action'] === 'take' ? 'me' : params['action'] === 'pass' ? String(params['participant']) : null;
			this.table = { ...this.table, version: version + 1, floor: { holder, asked: [] } };
			return { floor: this.table.floor, version: version + 1 };
		}
		this.table = { ...applyChange(this.table, params, 'me'), version: version + 1 };
		return { version: version + 1 };
	};
	patches(): Record<string, unknown>[] { return this.asked.filter((a) => a.method === 'table.patch').map((a) => a.params); }
}

function start(gateway: Gateway): Reading {
	const reading = new Reading(() => 'me', gateway.ask as never, () => Date.now());
	reading.onSession('connected');
	reading.onPush('table', gateway.table);
	return reading;
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('the table as data', () => {
	it('takes what is pushed on any state of at least its base, once or twice', () => {
		const push: TablePatchPush = { base: 3, version: 5, linked: true, put: [{ ...line('a'), by: 'x', n: 2 }], gone: ['b'] };
		const before: Table = { ...emptyTable(), version: 4, objects: [{ ...line('b'), by: 'x', n: 1 }, { ...line('c'), by: 'x', n: 3 }] };
		const after = applyPush(before, push);
		expect(after?.objects.map((o) => o.id)).toEqual(['a', 'c']);
		expect(after?.version).toBe(5);
		expect(applyPush(after ?? before, push)).toEqual(after);
		expect(applyPush({ ...before, version: 2 }, push)).toBeNull();
	});
	it('a study that is taken away takes its viewports and drawings along', () => {
		const on = { ...study, series: '1.4', instance: '1.5', frame: 0 };
		let table = applyChange(emptyTable(), { studies: { put: [study] }, viewports: [{ at: 1, image: { ...study, series: '1.4' }, frame: 7 }], put: [{ ...line('a'), on }, line('b')] }, 'me');
		expect(table.viewports[1]?.frame).toBe(7);
		table = applyChange(table, { studies: { remove: [study] } }, 'me');
		expect(table.viewports[1]?.image).toBeNull();
		expect(table.objects.map((o) => o.id)).toEqual(['b']);
	});
	it('two changes made into one do the same as one after the other', () => {
		const base = applyChange(emptyTable(), { studies: { put: [study] }, put: [line('a'), line('b')] }, 'me');
		const changes: Change[] = [
			{ viewports: [{ at: 0, frame: 3 }] }, { viewports: [{ at: 0, zoom: 2 }, { at: 1, frame: 1 }] }, { put: [line('a', 9), line('c')] }, { remove: ['a'] },
			{ clear: true, remove: [] }, { put: [line('d')], remove: ['b'] }, { layout: 'four', linked: true }, { studies: { remove: [study] } }, { studies: { put: [study] } },
		];
		for (const first of changes) {
			for (const second of changes) {
				const oneByOne = applyChange(applyChange(base, first, 'me'), second, 'me');
				const merged = applyChange(base, mergeChanges(first, second), 'me');
				const strip = (t: Table) => ({ ...t, objects: t.objects.map((o) => ({ ...o, n: 0 })) });
				expect(strip(merged)).toEqual(strip(oneByOne));
			}
		}
	});
});

describe('the table of a participant', () => {
	beforeEach(() => { vi.useFakeTimers(); });
	afterEach(() => { vi.useRealTimers(); });

	it('shows at once what it does and sends it 20 times a second', async () => {
		const gateway = new Gateway(), reading = start(gateway);
		for (let i = 1; i <= 100; i++) {
			reading.set({ at: 0, frame: i });
			expect(reading.shown.viewports[0]?.frame).toBe(i);
			await pass(10);
		}
		await pass(100);
		expect(gateway.patches().length).toBeGreaterThan(15);
		expect(gateway.patches().length).toBeLessThan(23);
		expect(gateway.table.viewports[0]?.frame).toBe(100);
	});
	it('does not fall back to what the gateway had when an older push comes', async () => {
		const gateway = new Gateway(), reading = start(gateway);
		reading.set({ at: 0, frame: 1 });
		await pass(60);
		gateway.slow = true;
		reading.set({ at: 0, frame: 2 });
		await pass(60);
		reading.onPush('table.patch', { base: 10, version: 11, viewports: [{ ...gateway.table.viewports[0], frame: 1 }] });
		expect(reading.shown.viewports[0]?.frame).toBe(2);
		gateway.waiting.shift()?.();
		await pass(0);
		expect(reading.shown.viewports[0]?.frame).toBe(2);
		reading.onPush('table.patch', { base: 11, version: 12, viewports: [{ ...gateway.table.viewports[0], frame: 2 }] });
		expect(reading.table).toEqual({ ...gateway.table, version: 12 });
	});
	it('undoes what was refused, and says so', async () => {
		const gateway = new Gateway(), reading = start(gateway), refused: number[] = [];
		reading.on('refused', (error) => refused.push(error.code));
		gateway.fails = [new HuizhenError('late', ErrorCode.conflict)];
		reading.draw(line('a'));
		expect(reading.shown.objects.length).toBe(1);
		await pass(60);
		expect(reading.shown.objects.length).toBe(0);
		expect(refused).toEqual([ErrorCode.conflict]);
		reading.onPush('table.patch', { base: 10, version: 11, floor: { holder: 'other', asked: ['me'] } });
		reading.draw(line('b'));
		expect(refused).toEqual([ErrorCode.conflict, ErrorCode.noFloor]);
		await pass(100);
		expect(gateway.patches().length).toBe(1);
	});
	it('sends what is done right after taking the floor once it has all of the former holder', async () => {
		const gateway = new Gateway();
		gateway.table = { ...gateway.table, floor: { holder: 'other', asked: [] } };
		const reading = start(gateway);
		await reading.take();
		reading.set({ at: 0, frame: 4 });
		await pass(200);
		expect(gateway.patches().length).toBe(0); // on version 10 it would be refused
		reading.onPush('table.patch', { base: 10, version: 11, floor: gateway.table.floor });
		await pass(100);
		expect(gateway.patches().map((p) => p['base'])).toEqual([11]);
		expect(gateway.table.viewports[0]?.frame).toBe(4);
	});
	it('does again what a lost connection may have taken with it', async () => {
		const gateway = new Gateway(), reading = start(gateway);
		gateway.fails = [new DisconnectedError()];
		reading.draw(line('a'));
		reading.onSession('reconnecting');
		reading.draw(line('b'));
		await pass(200);
		expect(reading.shown.objects.map((o) => o.id)).toEqual(['a', 'b']);
		gateway.table = { ...gateway.table, version: 100_010 };
		reading.onJoined(true);
		reading.onSession('connected');
		reading.onPush('table', gateway.table);
		await pass(200);
		expect(gateway.table.objects.map((o) => o.id)).toEqual(['a', 'b']);
		expect(gateway.patches().at(-1)?.['base']).toBe(100_010);
	});
	it('asks for the whole table when something is missing, and for its further pages', async () => {
		const gateway = new Gateway(), reading = start(gateway);
		gateway.table = { ...gateway.table, version: 20, objects: [{ ...line('a'), by: 'x', n: 1 }], next: 1 };
		gateway.page = { ...gateway.table, objects: [{ ...line('b'), by: 'x', n: 2 }], next: null };
		reading.onPush('table.patch', { base: 19, version: 20, linked: true });
		await pass(0);
		expect(reading.complete).toBe(true);
		expect(reading.table.objects.map((o) => o.id)).toEqual(['a', 'b']);
	});
	it('looks by itself after leaving the shared view', async () => {
		const gateway = new Gateway(), reading = start(gateway);
		gateway.table = { ...gateway.table, version: 11, floor: { holder: 'other', asked: [] } };
		reading.onPush('table', gateway.table);
		reading.leave();
		reading.set({ at: 0, frame: 5 });
		await pass(100);
		expect(gateway.patches().length).toBe(0);
		expect(reading.shown.viewports[0]?.frame).toBe(5);
		expect(reading.table.viewports[0]?.frame).toBe(0);
		reading.rejoin();
		expect(reading.shown.viewports[0]?.frame).toBe(0);
	});
	it('what is taken off the table is gone for who looks alone, too', () => {
		const gateway = new Gateway(), image = { ...study, series: '1.4' };
		gateway.table = { ...applyChange(gateway.table, { studies: { put: [study] }, viewports: [{ at: 0, image, frame: 3 }] }, 'other'), floor: { holder: 'other', asked: [] } };
		const reading = start(gateway);
		reading.leave();
		reading.set({ at: 0, zoom: 2 });
		expect(reading.shown.viewports[0]).toMatchObject({ image, frame: 3, zoom: 2 });
		reading.onPush('table.patch', { base: 10, version: 12, studies: [], viewports: [{ ...reading.table.viewports[0]!, image: null }] });
		expect(reading.shown.viewports[0]?.image).toBeNull();
	});
	it('sends the last change before it lets go', async () => {
		const gateway = new Gateway(), reading = start(gateway);
		reading.set({ at: 0, frame: 1 });
		reading.set({ at: 0, frame: 2 });
		await reading.pass('other');
		expect(gateway.table.viewports[0]?.frame).toBe(2);
		expect(reading.inHand).toBe(false);
		expect(gateway.asked.map((a) => a.method)).toEqual(['table.patch', 'table.patch', 'table.floor']);
	});
	it('points at most 20 times a second', async () => {
		const gateway = new Gateway(), reading = start(gateway);
		for (let i = 0; i < 100; i++) {
			reading.point({ at: 0, x: i, y: 0 });
			await pass(10);
		}
		await pass(100);
		const points = gateway.asked.filter((a) => a.method === 'table.pointer');
		expect(points.length).toBeLessThan(23);
		expect(points.at(-1)?.params['x']).toBe(99);
	});
	it('leaves room for other requests on a slow link: moves are dropped, the newest goes at last', async () => {
		const gateway = new Gateway(), reading = start(gateway);
		gateway.slow = true;
		for (let i = 0; i < 100; i++) {
			reading.point({ at: 0, x: i, y: 0 });
			await pass(50);
		}
		const points = () => gateway.asked.filter((a) => a.method === 'table.pointer');
		expect(points().length).toBe(32);
		gateway.waiting.splice(0).forEach((done) => done());
		await pass(100);
		expect(points().length).toBe(33);
		expect(points().at(-1)?.params['x']).toBe(99);
		gateway.waiting.splice(0).forEach((done) => done());
		await pass(1000);
		expect(points().length).toBe(33);
	});
});

describe('keeping', () => {
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => void vi.useRealTimers());
	it('keeps what was done before it was asked to, and tells what became of it', async () => {
		const gateway = new Gateway(), reading = start(gateway), kept: string[] = [];
		reading.on('kept', (k) => kept.push(k.state));
		reading.draw(line('a'));
		reading.draw(line('b'));
		void reading.keep();
		await pass(1000);
		expect(gateway.asked.map((a) => a.method).filter((m) => m !== 'table.get')).toEqual(expect.arrayContaining(['table.patch', 'table.keep']));
		expect(gateway.asked.at(-1)?.method).toBe('table.keep');
		expect(gateway.patches().flatMap((p) => (p['put'] as TableDrawing[]).map((d) => d.id))).toEqual(expect.arrayContaining(['a', 'b']));
		reading.onPush('table.kept', { pacs: 'main', study: '1.2.3', state: 'waiting', reason: 'away' });
		expect(kept).toEqual(['waiting']);
	});
	it('is not held up for ever by a gateway that does not answer', async () => {
		const gateway = new Gateway(), reading = start(gateway);
		gateway.slow = true;
		reading.draw(line('a'));
		let done = false;
		void reading.arrived(2000).then(() => (done = true));
		await pass(1900);
		expect(done).toBe(false);
		await pass(200);
		expect(done).toBe(true);
	});
});
