// A bare huizhen.v1 client for tests: JSON-RPC over a WebSocket, no media.
import WebSocket from "ws";
import { until } from "./gateway.ts";

export class RpcError extends Error {
  constructor(readonly code: number, message: string, readonly data: unknown) { super(`${code} ${message}`); }
}

export interface State {
  version: number;
  you: { id: string; role: string; status: string; position?: number; consent?: string };
  consult?: { record?: { state: string; wish: string; id?: string; problem?: string } };
  participants?: { id: string; name: string; role: string; status: string; tracks: { id: string; kind: string; source: string; muted: boolean; active: boolean; codec: string }[] }[];
  lobby?: { id: string; name: string; role: string }[];
}

export class RpcClient {
  readonly pushes: { method: string; params: Record<string, unknown> }[] = [];
  state: State | undefined;
  closeCode: number | undefined;
  private next = 1;
  private readonly waiting = new Map<number, { done: (v: unknown) => void; fail: (e: Error) => void }>();

  private constructor(readonly socket: WebSocket) {
    socket.on("message", (data) => this.receive(String(data)));
    socket.on("close", (code) => {
      this.closeCode = code;
      for (const w of this.waiting.values()) w.fail(new Error(`closed ${code}`));
      this.waiting.clear();
    });
    socket.on("error", () => undefined);
  }

  static async connect(url: string): Promise<RpcClient> {
    const socket = new WebSocket(url.replace(/^http/, "ws") + "/ws", "huizhen.v1", { rejectUnauthorized: false });
    const client = new RpcClient(socket);
    await new Promise<void>((done, fail) => { socket.once("open", () => done()); socket.once("error", fail); });
    return client;
  }

  static async join(url: string, params: Record<string, unknown>): Promise<{ client: RpcClient; result: Record<string, unknown> }> {
    const client = await RpcClient.connect(url);
    try {
      const result = (await client.call("join", { client: { name: "test", version: "1" }, language: "en", ...params })) as Record<string, unknown>;
      client.state = (result["state"] as State | undefined) ?? client.state;
      return { client, result };
    } catch (error) {
      client.close();
      throw error;
    }
  }

  private receive(text: string): void {
    const message = JSON.parse(text) as { id?: number; method?: string; params?: Record<string, unknown>; result?: unknown; error?: { code: number; message: string; data?: unknown } };
    if (message.method) {
      this.pushes.push({ method: message.method, params: message.params ?? {} });
      if (message.method === "state") this.state = message.params as unknown as State;
      return;
    }
    const waiter = message.id === undefined ? undefined : this.waiting.get(message.id);
    if (!waiter || message.id === undefined) return;
    this.waiting.delete(message.id);
    if (message.error) waiter.fail(new RpcError(message.error.code, message.error.message, message.error.data));
    else waiter.done(message.result);
  }

  call(method: string, params: unknown = {}): Promise<unknown> {
    const id = this.next++;
    return new Promise((done, fail) => {
      if (this.socket.readyState !== WebSocket.OPEN) { fail(new Error("not open")); return; }
      this.waiting.set(id, { done, fail });
      this.socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  push(method: string, ms = 3000): Promise<Record<string, unknown>> {
    return until(`push ${method}`, ms, () => this.pushes.find((p) => p.method === method)?.params);
  }

  close(): void { this.socket.close(); }
  terminate(): void { this.socket.terminate(); }
}

// The error code a call ends with, or undefined when it succeeds.
export async function errorCode(promise: Promise<unknown>): Promise<number | string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error instanceof RpcError ? error.code : String(error);
  }
}
