// What the pages say about recording. No rendering in here.
import type { Consult, Participant } from '../../sdk/src';
import type { MessageKey } from '../i18n/en';

/** For hosts: this one is in the room and not in the record. */
export function notRecorded(consult: Consult, person: Participant): boolean {
	return consult.record.state !== 'off' && person.consent !== undefined && person.consent !== 'given';
}

/** What is true for oneself right now: in the waiting room nobody is recorded. Null: there is no record. */
export function barText(consult: Pick<Consult, 'me' | 'record'>): MessageKey | null {
	const { state, consent } = consult.record;
	const part = consent === 'given' ? 'in' : 'out';
	if (state === 'off') return null;
	return consult.me.status === 'lobby' ? `recordBar_lobby_${part}` : `recordBar_${state}_${part}`;
}

/** What is wrong with the recorder, sentence by sentence. Hosts are asked to do something about it; `away` mends itself. */
export function problemTexts(problem: NonNullable<Consult['record']['problem']>, host: boolean): MessageKey[] {
	const text: MessageKey = `recordProblem_${problem}`;
	return host && problem !== 'away' ? [text, 'recordTellIt'] : [text];
}
