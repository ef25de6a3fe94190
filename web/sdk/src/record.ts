// The record of a consult as one participant meets it: whether it runs, whether oneself is in it, and saying so.
import type { Consent, ConsentAnswer, LayoutReportParams, RecordInfo, Requests, State } from './protocol';

type Ask = <M extends 'consent.set' | 'record.start' | 'record.stop' | 'layout.report'>(
	method: M,
	params: Requests[M]['params'],
) => Promise<Requests[M]['result']>;

const NOT_RECORDED: RecordInfo = { state: 'off', wish: 'off' };

export class ConsultRecord {
	constructor(private readonly snapshot: () => State | null, private readonly ask: Ask) {}

	private get info(): RecordInfo {
		return this.snapshot()?.consult.record ?? NOT_RECORDED;
	}
	/** `on` only once the recorder has confirmed it; `interrupted`: nothing is written just now, it resumes by itself. */
	get state(): RecordInfo['state'] {
		return this.info.state;
	}
	get recording(): boolean {
		return this.state === 'on';
	}
	/** Whether the consult is recorded by itself: `off` `on` `automatic`. */
	get wish(): RecordInfo['wish'] {
		return this.info.wish;
	}
	get id(): string | undefined {
		return this.info.id;
	}
	/** For hosts: what is wrong, before anything is lost where that can be. */
	get problem(): RecordInfo['problem'] {
		return this.info.problem;
	}
	/** One's own answer. */
	get consent(): Consent {
		return this.snapshot()?.you.consent ?? 'none';
	}
	/** The consult is recorded or will be, and this participant was not asked yet. */
	get asks(): boolean {
		return this.consent === 'none' && (this.state !== 'off' || this.wish !== 'off');
	}

	/** Yes or no to being recorded, with the words that asked (`consentWording`). A no works at once, at any time. */
	async setConsent(answer: ConsentAnswer): Promise<Consent> {
		return (await this.ask('consent.set', answer)).consent;
	}
	/** Grant `record`: records everybody who consented. */
	async start(): Promise<void> {
		await this.ask('record.start', {});
	}
	async stop(): Promise<void> {
		await this.ask('record.stop', {});
	}
	/** Hosts: what is shown large, for the record. */
	async reportLayout(layout: LayoutReportParams): Promise<void> {
		await this.ask('layout.report', layout);
	}
}
