// Hands the browser's candidates to a gateway that is a full ICE agent behind a NAT: it has to send to them before they
// can come in. A gateway that is ICE-lite says so in its answer and learns nothing from them: it gets none.
const TOGETHER_MS = 20;
const MOST = 16; // in one message

export interface TrickleParams {
	ufrag: string;
	candidates: string[];
}

export class Trickle {
	private waiting: { ufrag: string; text: string }[] = [];
	private timer: ReturnType<typeof setTimeout> | undefined;
	private full: boolean | undefined;

	constructor(private readonly send: (params: TrickleParams) => Promise<unknown>) {}

	onCandidate(candidate: RTCIceCandidate | null): void {
		if (!candidate || this.full === false) return;
		const words = candidate.candidate.split(' ');
		const ufrag = candidate.usernameFragment ?? words[words.indexOf('ufrag') + 1] ?? '';
		const usable = words[1] === '1' && words[2]?.toLowerCase() === 'udp' && !words[4]?.endsWith('.local');
		if (!usable || ufrag === '') return;
		this.waiting.push({ ufrag, text: candidate.candidate });
		if (this.full) this.timer ??= setTimeout(() => this.flush(), TOGETHER_MS);
	}

	onAnswer(sdp: string): void {
		this.full = !/^a=ice-lite\s*$/m.test(sdp);
		if (this.full) this.flush();
		else this.waiting = [];
	}

	stop(): void {
		clearTimeout(this.timer);
		this.waiting = [];
	}

	private flush(): void {
		clearTimeout(this.timer);
		this.timer = undefined;
		while (this.waiting.length > 0) {
			const ufrag = this.waiting[0]?.ufrag ?? '';
			const now = this.waiting.filter((c) => c.ufrag === ufrag).slice(0, MOST);
			this.waiting = this.waiting.filter((c) => !now.includes(c));
			// What is lost with the socket is found again by the ICE restart that follows.
			this.send({ ufrag, candidates: now.map((c) => c.text) }).catch(() => undefined);
		}
	}
}
