// The broadcast of a consult as those inside meet it: everybody knows whether there is one, its directors all of it.
import type { Broadcast, BroadcastSource, BroadcastState, Requests, State } from './protocol';

type Ask = <M extends 'broadcast.program' | 'broadcast.cut' | 'broadcast.resume'>(
	method: M,
	params: Requests[M]['params'],
) => Promise<Requests[M]['result']>;

export class ConsultBroadcast {
	constructor(private readonly snapshot: () => State | null, private readonly ask: Ask) {}

	get state(): BroadcastState {
		return this.snapshot()?.consult.broadcast?.state ?? 'off';
	}
	/** Grant `direct` only. */
	get desk(): Broadcast | null {
		const known = this.snapshot()?.consult.broadcast;
		return known && 'sources' in known ? known : null;
	}
	isOnAir(source: BroadcastSource): boolean {
		const air = this.desk?.on_air;
		return air?.participant === source.participant && air.source === source.source;
	}

	/** What viewers see from now on; null: nothing. Only what was marked as free of identity can be. */
	async show(source: BroadcastSource | null): Promise<void> {
		await this.ask('broadcast.program', { source });
	}
	/** From now on nothing reaches any viewer; the consult goes on. The reason is for the audit trail. */
	async cut(reason: string): Promise<void> {
		await this.ask('broadcast.cut', { reason });
	}
	async resume(reason: string): Promise<void> {
		await this.ask('broadcast.resume', { reason });
	}
}
