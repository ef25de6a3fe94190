// The table of a consult as one participant meets it: looking together, having the images in hand, drawing, pointing.
import { Emitter } from './emitter';
import { DisconnectedError, ErrorCode, HuizhenError } from './errors';
import type {
	Requests, Table, TableDrawing, TableKeptPush, TablePatchPush, TablePointerParams, TablePointerPush, TableStudy, TableStudyRef, TableViewportChange,
} from './protocol';
import { applyChange, applyPage, applyPush, emptyTable, isEmpty, mergeChanges, type Change } from './reading-state';
import type { SessionState } from './session';

type Ask = <M extends 'table.get' | 'table.floor' | 'table.patch' | 'table.pointer' | 'table.keep'>(
	method: M,
	params: Requests[M]['params'],
) => Promise<Requests[M]['result']>;

export interface ReadingEvents {
	/** `table` or `shown` is another one. */
	change: Table;
	/** Somebody else points; without place: not any more. */
	pointer: TablePointerPush;
	/** What was shown of a study is kept in its PACS, or waits for it (grant `image`). */
	kept: TableKeptPush;
	/** A change of one's own was refused and is undone. */
	refused: HuizhenError;
}

const SEND_EVERY_MS = 50;
const PUTS = 64; // of one message
const IN_FLIGHT = 8;
const POINTS_IN_FLIGHT = 32; // of the 64 requests that may wait for their answers

interface Sent {
	change: Change;
	version: number | null; // in which it is; null: not answered
}

export class Reading extends Emitter<ReadingEvents> {
	private confirmed = emptyTable();
	private sent: Sent[] = [];
	private unsent: Change = {};
	private view = this.confirmed;
	private own: Table | null = null; // while this side looks by itself
	private timer: ReturnType<typeof setTimeout> | undefined;
	private sentAt = 0;
	private pointedAt = 0;
	private pointTimer: ReturnType<typeof setTimeout> | undefined;
	private pointing = 0; // not answered
	private heldPoint: TablePointerParams | null = null; // the newest, while too many are not answered
	private asking = false;
	private connected = false;
	private least = 0; // the floor came with this version: what was made on an older one would be refused
	private stale = false; // the connection was lost: what lies there now is not known yet

	constructor(private readonly me: () => string, private readonly ask: Ask, private readonly now: () => number = () => performance.now()) {
		super();
	}

	// --- what is

	/** As everybody has it, one's own changes on the way included. */
	get table(): Table {
		return this.view;
	}
	/** What this side shows: the table, or its own view while it has left the shared one. */
	get shown(): Table {
		if (!this.own) return this.view;
		const { layout, linked, viewports } = this.own;
		return applyChange({ ...this.view, layout, linked, viewports }, {}, this.me()); // what was taken off the table is not looked at any more, by nobody
	}
	get following(): boolean {
		return this.own === null;
	}
	get holder(): string | null {
		return this.view.floor.holder;
	}
	/** One's own changes reach the others. */
	get inHand(): boolean {
		return this.holder !== null && this.holder === this.me();
	}
	/** All drawings have arrived. */
	get complete(): boolean {
		return this.confirmed.next === null;
	}

	// --- the floor (grant `image`)

	/** Rejects with ErrorCode.noFloor where one has to `askForIt()`. */
	take(): Promise<void> {
		return this.floor('take');
	}
	askForIt(): Promise<void> {
		return this.floor('ask');
	}
	pass(participant: string): Promise<void> {
		return this.floor('pass', participant);
	}
	release(): Promise<void> {
		return this.floor('release');
	}
	/** The wish of somebody, or one's own, is over. */
	dismiss(participant?: string): Promise<void> {
		return this.floor('dismiss', participant);
	}

	// --- what the holder does; each is shown at once and sent with the others of 50 ms

	putStudy(study: TableStudy): void {
		this.change({ studies: { put: [study] } });
	}
	removeStudy(study: TableStudyRef): void {
		this.change({ studies: { remove: [study] } });
	}
	setLayout(layout: Table['layout'], linked = this.view.linked): void {
		if (this.own) this.own = { ...this.own, layout, linked };
		else this.change({ layout, linked });
		if (this.own) this.emit('change', this.shown);
	}
	/** Scrolls, windows, zooms: the shared view of who has the images in hand, else (after `leave()`) one's own. */
	set(change: TableViewportChange): void {
		if (this.own) {
			this.own = applyChange({ ...this.view, viewports: this.own.viewports }, { viewports: [change] }, this.me());
			this.emit('change', this.shown);
		} else {
			this.change({ viewports: [change] });
		}
	}
	draw(drawing: TableDrawing): void {
		this.change({ put: [drawing] });
	}
	/** Without the images in hand: what one drew oneself, and (grant `admit`) what is on pictures of participants. */
	erase(...ids: string[]): void {
		if (ids.length === 0) return;
		if (this.inHand) return this.change({ remove: ids });
		const refused = (error: unknown) => this.emit('refused', error instanceof HuizhenError ? error : new HuizhenError(String(error)));
		this.ask('table.patch', { base: this.confirmed.version, remove: ids }).catch(refused);
	}
	clear(): void {
		this.change({ clear: true, remove: [] });
	}
	/** Where one points (grant `image`): at most 20 times a second, fewer on a slow link, the newest wins. */
	point(where: TablePointerParams): void {
		this.heldPoint = null;
		const send = () => {
			this.pointedAt = this.now();
			if (!this.connected) return;
			if (this.pointing >= POINTS_IN_FLIGHT) {
				this.heldPoint = where;
				return;
			}
			this.pointing++;
			void this.ask('table.pointer', where).catch(() => undefined).then(() => this.pointed()); // refused: the next one comes
		};
		clearTimeout(this.pointTimer);
		const wait = this.pointedAt + SEND_EVERY_MS - this.now();
		if (wait <= 0) send();
		else this.pointTimer = setTimeout(send, wait);
	}

	/** Keeps what is shown and drawn, in the PACS of each study (grant `image`): `kept` says what became of it. How many studies. */
	async keep(): Promise<number> {
		await this.arrived();
		return (await this.ask('table.keep', {})).studies;
	}
	/** All that was done so far has reached the gateway, or was refused; after `ms` in any case. */
	async arrived(ms = 5_000): Promise<void> {
		const open = () => !isEmpty(this.unsent) || this.sent.some((s) => s.version === null);
		if (!open()) return;
		await new Promise<void>((done) => {
			const end = () => [clearTimeout(timer), off(), done()];
			const timer = setTimeout(end, ms), off = this.on('change', () => !open() && end());
		});
	}

	// --- one's own view

	/** From now on `set()` moves this side only, whoever has the images in hand. */
	leave(): void {
		this.own ??= this.view;
		this.emit('change', this.shown);
	}
	rejoin(): void {
		this.own = null;
		this.emit('change', this.shown);
	}

	// --- called by the consult

	onSession(state: SessionState): void {
		this.connected = state === 'connected';
		if (!this.connected) this.stale = true;
		if (!this.connected) this.least = 0;
		if (state === 'ended') this.stop();
	}
	/** A new session: what lies on the table, if anything, follows. */
	onJoined(resumed: boolean): void {
		if (resumed) return;
		this.confirmed = emptyTable();
		this.forget();
	}
	onPush(method: string, params: unknown): void {
		if (method === 'table.kept') {
			this.emit('kept', params as TableKeptPush);
		} else if (method === 'table.pointer') {
			this.emit('pointer', params as TablePointerPush);
		} else if (method === 'table') {
			this.whole(params as Table);
		} else if (method === 'table.patch') {
			const next = applyPush(this.confirmed, params as TablePatchPush);
			if (next) this.confirm(next);
			else void this.fetch();
		}
	}

	// --- inside

	private pointed(): void {
		this.pointing--;
		if (this.heldPoint) this.point(this.heldPoint);
	}

	private async floor(action: 'take' | 'ask' | 'pass' | 'release' | 'dismiss', participant?: string): Promise<void> {
		await this.settle(action);
		const result = await this.ask('table.floor', participant === undefined ? { action } : { action, participant });
		if (result.version < this.confirmed.version) return; // pushes were quicker
		this.least = result.version;
		this.confirm({ ...this.confirmed, floor: result.floor });
	}

	// What was done before the floor goes away is sent before it.
	private async settle(action: string): Promise<void> {
		if (action !== 'pass' && action !== 'release') return;
		clearTimeout(this.timer);
		for (let i = 0; i < IN_FLIGHT && !isEmpty(this.unsent) && this.inHand && this.connected; i++) await this.send();
	}

	private change(change: Change): void {
		if (!this.inHand) {
			this.emit('refused', new HuizhenError('the images are not in your hand', ErrorCode.noFloor));
			return;
		}
		this.unsent = mergeChanges(this.unsent, change);
		this.refresh();
		this.flush();
	}

	private flush(): void {
		clearTimeout(this.timer);
		if (isEmpty(this.unsent) || !this.connected || this.stale || this.confirmed.version < this.least) return; // confirm() goes on
		const waiting = this.sent.filter((s) => s.version === null).length;
		const wait = this.sentAt + SEND_EVERY_MS - this.now();
		if (wait <= 0 && waiting < IN_FLIGHT) void this.send();
		else this.timer = setTimeout(() => this.flush(), Math.max(wait, SEND_EVERY_MS / 2));
	}

	// The drawings that fit, and all else.
	private takeUnsent(): Change {
		const { put, ...rest } = this.unsent;
		if (!put || put.length <= PUTS) {
			const all = this.unsent;
			this.unsent = {};
			return all;
		}
		this.unsent = { put: put.slice(PUTS) };
		return { ...rest, put: put.slice(0, PUTS) };
	}

	private async send(): Promise<void> {
		const one: Sent = { change: this.takeUnsent(), version: null };
		this.sent.push(one);
		this.sentAt = this.now();
		try {
			one.version = (await this.ask('table.patch', { base: this.confirmed.version, ...one.change })).version;
			this.settled();
		} catch (error) {
			this.failed(one, error);
		}
		this.flush();
	}

	private failed(one: Sent, error: unknown): void {
		const at = this.sent.indexOf(one);
		if (at < 0) return; // forgotten meanwhile
		const lost = error instanceof DisconnectedError || (error instanceof HuizhenError && error.code === ErrorCode.notJoined);
		if (lost || (error instanceof HuizhenError && error.code === ErrorCode.rate)) {
			// It may have been done or not: doing it again is harmless. Those behind it come behind it.
			const again = this.sent.splice(at).map((s) => s.change);
			this.unsent = [...again, this.unsent].reduce(mergeChanges, {});
			return;
		}
		this.sent.splice(at, 1);
		this.refresh();
		this.emit('refused', error instanceof HuizhenError ? error : new HuizhenError(String(error)));
	}

	private whole(table: Table): void {
		this.confirm({ ...table, objects: [...table.objects] });
		if (table.next !== null) void this.more(table.next);
		this.flush();
	}

	private async more(after: number): Promise<void> {
		let next: number | null = after;
		try {
			while (next !== null) {
				const { table }: { table: Table } = await this.ask('table.get', { after: next });
				this.confirm(applyPage(this.confirmed, table));
				next = table.next !== null && table.next > next ? table.next : null;
			}
		} catch {
			// The connection is gone: with the next one comes the whole table.
		}
	}

	private async fetch(): Promise<void> {
		if (this.asking) return;
		this.asking = true;
		try {
			this.whole((await this.ask('table.get', {})).table);
		} catch {
			// as above
		} finally {
			this.asking = false;
		}
	}

	private confirm(table: Table): void {
		this.confirmed = table;
		this.stale = false;
		this.settled();
		this.flush();
	}

	private settled(): void {
		this.sent = this.sent.filter((s) => s.version === null || s.version > this.confirmed.version);
		if (this.confirmed.floor.holder !== this.me()) this.forgetUnsent();
		this.refresh();
	}

	private forgetUnsent(): void {
		clearTimeout(this.timer);
		this.unsent = {};
	}

	private forget(): void {
		this.forgetUnsent();
		this.sent = [];
		this.refresh();
	}

	private refresh(): void {
		const changes = [...this.sent.map((s) => s.change), this.unsent];
		this.view = changes.reduce((table, change) => (isEmpty(change) ? table : applyChange(table, change, this.me())), this.confirmed);
		this.emit('change', this.shown);
	}

	private stop(): void {
		clearTimeout(this.timer);
		clearTimeout(this.pointTimer);
	}
}
