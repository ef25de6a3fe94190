// A session that outlives its sockets: joins, notices that the socket died, comes back with the resume key.
import { ErrorCode, HuizhenError } from './errors';
import type { ConsentAnswer, JoinParams, JoinResult, Method, Requests } from './protocol';
import { RpcSocket, type SocketFactory } from './rpc';

export type SessionState = 'connecting' | 'connected' | 'reconnecting' | 'ended';

export interface SessionOptions {
	url: string;
	token?: string;
	resumeKey?: string;
	/** Of the join with the token. */
	consent?: ConsentAnswer;
	language: string;
	client: { name: string; version: string };
	socketFactory: SocketFactory;
	/** Where the resume key is kept over a reload; null keeps nothing. */
	saveResumeKey(key: string | null): void;
	random?: () => number;
}

export interface SessionHandlers {
	onState(state: SessionState): void;
	onJoined(result: JoinResult): void;
	onPush(method: string, params: unknown): void;
	/** Over for good. `reason` as in the `end` push, or `refused`. */
	onEnd(reason: string): void;
}

const FIRST_DELAY_MS = 100;
const SOON_DELAY_MS = 1_000; // at most, while an outage is young
const SOON_ATTEMPTS = 30;
const MAX_DELAY_MS = 5_000;
// A connection that was asked for while the network was away is repeated by TCP only after seconds: give it up early. On
// a slow link the later ones have their time.
const OPEN_TIMEOUTS_MS = [2_500, 4_000, 6_000, 9_000];
const STALE_MS = 500; // a connection under way for so long when the network came back is of the old network
const PING_EVERY_MS = 8_000;
const PING_TIMEOUT_MS = 5_000;
const PROBE_TIMEOUT_MS = 1_500;
// Close codes after which coming back would be wrong.
const FINAL_CODES: Record<number, string> = { 4001: 'replaced', 4004: 'expired' };

/**
 * 100 ms, 200, 400, … up to 1 s, after half a minute 5 s; each ±25 % so that a hundred clients do not return in the same
 * millisecond.
 */
export function backoffMs(attempt: number, random: () => number): number {
	const most = attempt < SOON_ATTEMPTS ? SOON_DELAY_MS : MAX_DELAY_MS;
	const base = Math.min(most, FIRST_DELAY_MS * 2 ** Math.min(attempt, 10));
	return Math.round(base * (0.75 + random() * 0.5));
}

function openTimeoutMs(attempt: number): number {
	return OPEN_TIMEOUTS_MS[Math.min(attempt, OPEN_TIMEOUTS_MS.length - 1)] ?? MAX_DELAY_MS;
}

// 32 characters of 64: 192 bits.
function newKey(): string {
	const bytes = crypto.getRandomValues(new Uint8Array(32));
	return Array.from(bytes, (b) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'[b & 63]).join('');
}

export class Session {
	private socket: RpcSocket | null = null;
	private joined = false;
	private everJoined = false;
	private attempt = 0;
	private connectedAt = 0;
	private current: SessionState = 'connecting';
	private resumeKey: string | undefined;
	/** Goes with the token: when the answer to a join is lost the next one continues what that began. */
	private readonly newKey = newKey();
	private retryTimer: ReturnType<typeof setTimeout> | undefined;
	private pingTimer: ReturnType<typeof setInterval> | undefined;
	private readonly random: () => number;

	constructor(private readonly options: SessionOptions, private readonly handlers: SessionHandlers) {
		this.resumeKey = options.resumeKey;
		this.random = options.random ?? Math.random;
	}

	get state(): SessionState {
		return this.current;
	}

	start(): void {
		this.connect();
	}

	/** Fails at once with DisconnectedError while the socket is away. */
	request<M extends Method>(method: M, params: Requests[M]['params']): Promise<Requests[M]['result']> {
		if (!this.socket || !this.joined) {
			return Promise.reject(new HuizhenError('not connected', ErrorCode.notJoined));
		}
		return this.socket.request<Requests[M]['result']>(method, params);
	}

	/** The network may have changed: check the socket now, or try again now if there is none. */
	probe(): void {
		if (this.current === 'ended') return;
		if (this.socket && this.joined) {
			this.ping(PROBE_TIMEOUT_MS);
		} else if (this.retryTimer !== undefined) {
			clearTimeout(this.retryTimer);
			this.again();
		} else if (this.socket && Date.now() - this.connectedAt > STALE_MS) {
			const old = this.socket;
			this.socket = null; // its close is not another failure
			old.close();
			this.again();
		}
	}

	private again(): void {
		this.attempt = 0;
		this.connect();
	}

	async leave(): Promise<void> {
		const socket = this.socket;
		if (socket && this.joined) {
			await socket.request('leave', {}, 1_000).catch(() => undefined);
		}
		this.finish('left');
	}

	private setState(state: SessionState): void {
		if (this.current === state) return;
		this.current = state;
		this.handlers.onState(state);
	}

	private connect(): void {
		this.retryTimer = undefined;
		this.joined = false;
		this.connectedAt = Date.now();
		let socket: RpcSocket;
		try {
			socket = new RpcSocket(this.options.url, this.options.socketFactory, {
				onPush: (method, params) => {
					if (this.socket === socket) this.onPush(method, params);
				},
				onClose: (code) => {
					if (this.socket === socket) this.onClose(code);
				},
			});
		} catch {
			this.retry();
			return;
		}
		this.socket = socket;
		void this.join(socket);
	}

	private async join(socket: RpcSocket): Promise<void> {
		const limitMs = openTimeoutMs(this.attempt);
		let timer = setTimeout(() => socket.close(), limitMs);
		try {
			await socket.ready();
			clearTimeout(timer);
			timer = setTimeout(() => socket.close(), limitMs); // it lives: the answer has its own time
			const result = await socket.request<JoinResult>('join', this.joinParams());
			if (this.socket !== socket) return;
			this.attempt = 0;
			this.joined = this.everJoined = true;
			this.resumeKey = result.resume_key;
			this.options.saveResumeKey(result.resume_key);
			this.startPing();
			this.handlers.onJoined(result);
			this.setState('connected');
		} catch (error) {
			if (this.socket === socket) this.onJoinFailed(socket, error);
		} finally {
			clearTimeout(timer);
		}
	}

	private joinParams(): JoinParams {
		const { client, language, token, consent } = this.options;
		if (this.resumeKey !== undefined) return { resume_key: this.resumeKey, client, language };
		return { token: token ?? '', new_key: this.newKey, client, language, ...(consent && { consent }) };
	}

	private onJoinFailed(socket: RpcSocket, error: unknown): void {
		if (socket.isClosed) return; // onClose did the rest
		const code = error instanceof HuizhenError ? error.code : 0;
		if (code === ErrorCode.refused && this.resumeKey !== undefined && this.options.token !== undefined) {
			// The session is gone, the token may still be good.
			this.resumeKey = undefined;
			socket.close();
			return;
		}
		// A refusal stays one; a gateway that is full, failing or silent may be better in a second.
		if (code === ErrorCode.refused || code === ErrorCode.notAllowed || code === -32602) {
			this.finish(this.everJoined ? 'expired' : 'refused');
		} else {
			socket.close();
		}
	}

	private onPush(method: string, params: unknown): void {
		if (method === 'end') {
			this.finish(String((params as { reason?: unknown }).reason ?? 'closed'));
		} else if (method === 'closing') {
			this.attempt = 0;
			this.socket?.close();
		} else {
			this.handlers.onPush(method, params);
		}
	}

	private onClose(code: number): void {
		this.socket = null;
		this.joined = false;
		clearInterval(this.pingTimer);
		if (this.current === 'ended') return;
		const final = FINAL_CODES[code];
		if (final !== undefined) this.finish(final);
		else this.retry();
	}

	private retry(): void {
		this.setState(this.everJoined ? 'reconnecting' : 'connecting');
		clearTimeout(this.retryTimer);
		this.retryTimer = setTimeout(() => this.connect(), backoffMs(this.attempt++, this.random));
	}

	private startPing(): void {
		clearInterval(this.pingTimer);
		this.pingTimer = setInterval(() => this.ping(PING_TIMEOUT_MS), PING_EVERY_MS);
	}

	private ping(timeoutMs: number): void {
		const socket = this.socket;
		socket?.request('ping', {}, timeoutMs).catch((error: unknown) => {
			// An error the gateway sent is a sign of life; silence is not.
			const answered = error instanceof HuizhenError && error.code !== 0;
			if (!answered && this.socket === socket) socket.close();
		});
	}

	private finish(reason: string): void {
		if (this.current === 'ended') return;
		this.setState('ended');
		clearTimeout(this.retryTimer);
		clearInterval(this.pingTimer);
		// A replaced session lives on in another window, which has its own copy of the key.
		this.options.saveResumeKey(null);
		const socket = this.socket;
		this.socket = null;
		socket?.close();
		this.handlers.onEnd(reason);
	}
}
