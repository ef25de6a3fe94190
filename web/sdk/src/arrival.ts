// Does anything still arrive? Sees a dead path sooner than ICE does. Reads no clock.
type Line = Record<string, unknown>;
const num = (line: Line, key: string): number => {
	const value = line[key];
	return typeof value === 'number' && Number.isFinite(value) ? value : 0;
};

/** Everything that came over the network: media, RTCP, answers to STUN. Only its growth means something. */
export function arrivedOf(report: Iterable<[string, unknown]>): number {
	let transport = 0;
	let pairs = 0;
	let rtp = 0;
	let answers = 0;
	for (const [, value] of report) {
		const line = value as Line;
		if (line.type === 'transport') transport += num(line, 'bytesReceived');
		if (line.type === 'inbound-rtp') rtp += num(line, 'bytesReceived');
		if (line.type !== 'candidate-pair') continue;
		pairs += num(line, 'bytesReceived');
		answers += num(line, 'responsesReceived');
	}
	return Math.max(transport, pairs, rtp) + answers;
}

const LIVELY = 3;

export class Arrival {
	private last = -1;
	private grewAt = 0;
	private grown = 0;

	/** One look. Returns true when something came since the look before. */
	observe(count: number, nowMs: number): boolean {
		const grew = this.last >= 0 && count !== this.last;
		const first = this.last < 0;
		this.last = count;
		if (grew || first) this.grewAt = nowMs;
		if (grew) this.grown++;
		return grew;
	}

	/** For so long nothing came although it had come look after look before; 0: as it should be, or there was never much. */
	silentMs(nowMs: number): number {
		return this.grown >= LIVELY ? Math.max(0, nowMs - this.grewAt) : 0;
	}

	/** The silence was acted upon: the next one counts from new life on. */
	forget(): void {
		this.grown = 0;
	}
}
