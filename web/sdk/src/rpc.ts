// JSON-RPC 2.0 over one WebSocket. Knows nothing of sessions: a socket that closes is over.
import { DisconnectedError, HuizhenError } from './errors';

export const SUBPROTOCOL = 'huizhen.v1';
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_PENDING = 64;
const MAX_PINGS = 8; // beside them: one that was refused here would look like a dead socket

/** What we need of a WebSocket; tests hand in a fake. */
export interface SocketLike {
	readonly readyState: number;
	onopen: ((ev: Event) => unknown) | null;
	onclose: ((ev: CloseEvent) => unknown) | null;
	onerror: ((ev: Event) => unknown) | null;
	onmessage: ((ev: MessageEvent) => unknown) | null;
	send(data: string): void;
	close(code?: number, reason?: string): void;
}
export type SocketFactory = (url: string, protocol: string) => SocketLike;

interface Pending {
	resolve(value: unknown): void;
	reject(error: Error): void;
	timer: ReturnType<typeof setTimeout>;
}

export interface RpcHandlers {
	onPush(method: string, params: unknown): void;
	/** Called exactly once, also when the socket never opened (code 1006). */
	onClose(code: number, reason: string): void;
}

export class RpcSocket {
	private readonly socket: SocketLike;
	private readonly pending = new Map<number, Pending>();
	private nextId = 1;
	private closed = false;
	private readonly opened: Promise<void>;
	private rejectOpened: (error: Error) => void = () => undefined;

	constructor(url: string, factory: SocketFactory, private readonly handlers: RpcHandlers) {
		this.socket = factory(url, SUBPROTOCOL);
		this.opened = new Promise((resolve, reject) => {
			this.rejectOpened = reject;
			this.socket.onopen = () => resolve();
		});
		this.opened.catch(() => undefined);
		this.socket.onclose = (ev) => this.finish(ev.code || 1006, ev.reason || '');
		this.socket.onerror = () => undefined; // a close follows
		this.socket.onmessage = (ev) => this.onMessage(ev.data);
	}

	get isClosed(): boolean {
		return this.closed;
	}

	ready(): Promise<void> {
		return this.opened;
	}

	request<T>(method: string, params: object, timeoutMs = REQUEST_TIMEOUT_MS): Promise<T> {
		if (this.closed) return Promise.reject(new DisconnectedError());
		const most = method === 'ping' ? MAX_PENDING + MAX_PINGS : MAX_PENDING;
		if (this.pending.size >= most) return Promise.reject(new HuizhenError('too many requests at once'));
		const id = this.nextId++;
		return new Promise<T>((resolve, reject) => {
			const timer = setTimeout(() => {
				this.pending.delete(id);
				reject(new HuizhenError(`no answer to ${method}`));
			}, timeoutMs);
			this.pending.set(id, { resolve: (v) => resolve(v as T), reject, timer });
			try {
				this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
			} catch {
				this.pending.delete(id);
				clearTimeout(timer);
				reject(new DisconnectedError());
			}
		});
	}

	/** Closes from our side. The handler runs at once: a dead network never delivers the close event. */
	close(code = 1000): void {
		if (this.closed) return;
		try {
			this.socket.close(code);
		} catch {
			// already closing
		}
		this.finish(code, '');
	}

	private finish(code: number, reason: string): void {
		if (this.closed) return;
		this.closed = true;
		this.socket.onclose = this.socket.onmessage = this.socket.onopen = null;
		const error = new DisconnectedError();
		this.rejectOpened(error);
		for (const p of this.pending.values()) {
			clearTimeout(p.timer);
			p.reject(error);
		}
		this.pending.clear();
		this.handlers.onClose(code, reason);
	}

	private onMessage(data: unknown): void {
		if (typeof data !== 'string') return;
		let message: Record<string, unknown>;
		try {
			const parsed: unknown = JSON.parse(data);
			if (typeof parsed !== 'object' || parsed === null) return;
			message = parsed as Record<string, unknown>;
		} catch {
			return;
		}
		if (typeof message.method === 'string') {
			this.handlers.onPush(message.method, message.params ?? {});
			return;
		}
		const p = typeof message.id === 'number' ? this.pending.get(message.id) : undefined;
		if (!p) return;
		this.pending.delete(message.id as number);
		clearTimeout(p.timer);
		const error = message.error as { code?: number; message?: string; data?: Record<string, unknown> } | undefined;
		if (error) p.reject(new HuizhenError(error.message ?? 'refused', error.code ?? 0, error.data ?? {}));
		else p.resolve(message.result);
	}
}
