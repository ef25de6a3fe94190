// Images and files are asked for with a token, and a reading may outlast the one that it began with: a fresh one is there before that.
import type { Consult } from '../../sdk/src';
import { claimsOf } from './token';

const EARLY_MS = 120_000;
const AGAIN_MS = 20_000;
const LONGEST_MS = 12 * 3_600_000; // timers that are longer than 24 days fire at once

/** When to ask: two minutes before its end, or at half time where it is short. */
export const renewInMs = (leftMs: number): number => Math.max(0, leftMs - Math.min(EARLY_MS, leftMs / 2));

/** Until the consult ends. tell gets each fresh token; while none can be had (the way is down, the gateway signs none) the old one stays. */
export function renewEarly(consult: Consult, token: string, tell: (token: string) => void): void {
	const exp = claimsOf(token)?.exp ?? 0;
	let dueMs = Date.now() + renewInMs(exp * 1000 - Date.now()), timer: ReturnType<typeof setTimeout> | undefined, over = exp === 0;
	const arm = () => {
		clearTimeout(timer);
		if (!over) timer = setTimeout(turn, Math.min(LONGEST_MS, Math.max(0, dueMs - Date.now())));
	};
	const turn = (): void => {
		if (Date.now() < dueMs) return arm(); // a long one, looked at again
		consult.renewToken().then(
			({ token: fresh, seconds }) => {
				tell(fresh);
				dueMs = Date.now() + renewInMs(seconds * 1000);
				arm();
			},
			() => {
				dueMs = Date.now() + AGAIN_MS;
				arm();
			},
		);
	};
	consult.on('end', () => {
		over = true;
		clearTimeout(timer);
	});
	arm();
}
