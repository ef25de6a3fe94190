// The broadcast of a consult as those inside meet it: everybody knows whether there is one, its directors all of it.
import { BroadcastAudience } from './audience';
import { DisconnectedError, ErrorCode, HuizhenError } from './errors';
import type { Broadcast, BroadcastLayout, BroadcastSource, BroadcastState, Requests, State } from './protocol';
import type { SessionState } from './session';

type Ask = <M extends 'broadcast.program' | 'broadcast.cut' | 'broadcast.resume' | 'broadcast.third' | 'audience.list' | 'audience.moderate' | 'audience.set'>(
	method: M,
	params: Requests[M]['params'],
) => Promise<Requests[M]['result']>;

// The gateway may have done it or not: it was away, or died before it answered.
function unanswered(error: unknown): boolean {
	return error instanceof DisconnectedError || (error instanceof HuizhenError && error.code === ErrorCode.notJoined);
}

const same = (a: BroadcastSource, b: BroadcastSource): boolean => a.participant === b.participant && a.source === b.source;

export class ConsultBroadcast {
	private cutting: Promise<void> | null = null;
	private waiting: ((back: boolean) => void)[] = [];

	/** What viewers ask and say. Grant `direct`. */
	readonly audience: BroadcastAudience;

	constructor(private readonly snapshot: () => State | null, private readonly ask: Ask, changed: () => void = () => undefined) {
		this.audience = new BroadcastAudience(() => this.desk, ask, changed);
	}

	get state(): BroadcastState {
		return this.snapshot()?.consult.broadcast?.state ?? 'off';
	}
	/** Grant `direct` only. */
	get desk(): Broadcast | null {
		const known = this.snapshot()?.consult.broadcast;
		return known && 'sources' in known ? known : null;
	}
	/** By itself. */
	isOnAir(source: BroadcastSource): boolean {
		const { onAir } = this;
		return onAir.length === 1 && same(onAir[0]!, source);
	}
	/** What viewers see, the first one first; empty: nothing. */
	get onAir(): BroadcastSource[] {
		const desk = this.desk;
		return desk?.on_air ? [desk.on_air, ...(desk.beside ?? [])] : [];
	}

	/** What viewers see from now on, or through black within fadeMs; null: nothing. Only what was marked as free of identity can be. */
	async show(source: BroadcastSource | null, fadeMs = 0): Promise<void> {
		await this.ask('broadcast.program', fadeMs ? { source, fade_ms: fadeMs } : { source });
	}
	/** Two to four of them in one picture, without words, each with its own masks; pip: the first one large. */
	async showTogether(sources: BroadcastSource[], layout: Exclude<BroadcastLayout, 'alone'>, fadeMs = 0): Promise<void> {
		const [source = null, ...beside] = sources;
		await this.ask('broadcast.program', { source, layout, beside, ...(fadeMs ? { fade_ms: fadeMs } : {}) });
	}
	/**
	 * From now on nothing reaches any viewer; the consult goes on. The reason is for the audit trail. It is said again, as often as
	 * the connection is lost before the gateway has answered; rejects when the session ends meanwhile.
	 */
	cut(reason: string): Promise<void> {
		this.cutting ??= this.insist(reason).finally(() => (this.cutting = null));
		return this.cutting;
	}
	/** The lower third, and whether viewers see it. */
	async third(text: string, shown: boolean): Promise<void> {
		await this.ask('broadcast.third', { text, shown });
	}
	async resume(reason: string): Promise<void> {
		await this.ask('broadcast.resume', { reason });
	}

	/** Called by the consult. */
	onSession(state: SessionState): void {
		this.audience.onSession(state);
		if (state !== 'connected' && state !== 'ended') return;
		const waiting = this.waiting;
		this.waiting = [];
		for (const goOn of waiting) goOn(state === 'connected');
	}

	private async insist(reason: string): Promise<void> {
		for (;;) {
			try {
				await this.ask('broadcast.cut', { reason });
				return;
			} catch (error) {
				if (!unanswered(error) || !(await new Promise<boolean>((back) => this.waiting.push(back)))) throw error;
			}
		}
	}
}
