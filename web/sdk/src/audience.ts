// The audience of a broadcast as a moderator meets it: what viewers asked and said, and what is made of it. Grant `direct`.
import type { AudienceMessage, Broadcast, Requests } from './protocol';
import type { SessionState } from './session';

type Method = 'audience.list' | 'audience.moderate' | 'audience.set';
export type AskAudience = <M extends Method>(method: M, params: Requests[M]['params']) => Promise<Requests[M]['result']>;
export type AudienceSettings = Requests['audience.set']['params'];
export type Decision = Requests['audience.moderate']['params']['state'];

const MOST = 2_000;

export class BroadcastAudience {
	private readonly known = new Map<string, AudienceMessage>();
	private wanted = false;
	private loading: Promise<void> | null = null;

	constructor(
		private readonly desk: () => Broadcast | null,
		private readonly ask: AskAudience,
		private readonly changed: () => void,
	) {}

	/** null: there is no broadcast, or it is not for this participant. */
	get settings(): Broadcast['audience'] | null {
		return this.desk()?.audience ?? null;
	}
	/** In the order of their coming; only after open(). */
	get messages(): readonly AudienceMessage[] {
		return [...this.known.values()].sort((a, b) => Number(a.id) - Number(b.id));
	}
	/** Reads what is there, once; from then on news come by themselves, also after the connection was lost. */
	open(): Promise<void> {
		this.wanted = true;
		this.loading ??= this.load().finally(() => (this.loading = null));
		return this.loading;
	}
	async decide(id: string, state: Decision, answer?: string): Promise<void> {
		const { message } = await this.ask('audience.moderate', answer === undefined ? { id, state } : { id, state, answer });
		this.add([message]);
	}
	/** What is left out stays as it is. */
	async set(settings: AudienceSettings): Promise<void> {
		await this.ask('audience.set', settings);
	}

	/** Called by the consult. */
	onPush(items: readonly AudienceMessage[]): void {
		if (this.wanted) this.add(items);
	}
	/** Called by the consult: what was said while it was away is read. */
	onSession(state: SessionState): void {
		if (state === 'connected' && this.wanted) void this.open().catch(() => undefined);
	}

	private add(items: readonly AudienceMessage[]): void {
		for (const item of items) this.known.set(item.id, item);
		for (const id of this.known.keys()) {
			if (this.known.size <= MOST) break;
			this.known.delete(id);
		}
		this.changed();
	}

	private async load(): Promise<void> {
		const seen = new Set<string>();
		let after: string | null = '';
		while (after !== null) {
			const page: Requests['audience.list']['result'] = await this.ask('audience.list', after ? { after } : {});
			this.add(page.items);
			for (const item of page.items) seen.add(item.id);
			after = page.next;
		}
		// Of an earlier broadcast, or too many: the gateway has them no more.
		for (const [id, item] of this.known) if (!seen.has(id) && item.state === 'waiting') this.known.delete(id);
		this.changed();
	}
}
