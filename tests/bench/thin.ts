// A client that costs as little as it can, so that servers are measured and not itself: one kept connection, one buffer for all that
// comes. Bodies are counted and thrown away. HTTP/1.1, answers of 200 with Content-Length, or up to the end of the connection.
import { connect, type Socket } from "node:net";

interface Waiting { began: number; done: (got: { ms: number; bytes: number }) => void; fail: (why: Error) => void }
const HEAD_END = Buffer.from("\r\n\r\n");

export class Thin {
  private socket?: Socket;
  private waiting?: Waiting;
  private head = "";
  private left = -1; // of the body; -1: in the head, -2: up to the end
  private bytes = 0;
  constructor(private readonly host: string, private readonly port: number) {}

  get(path: string, headers: Record<string, string>): Promise<{ ms: number; bytes: number }> {
    const lines = Object.entries({ host: `${this.host}:${this.port}`, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join("");
    this.head = "";
    this.left = -1;
    this.bytes = 0;
    return new Promise((done, fail) => {
      this.waiting = { began: performance.now(), done, fail };
      this.socket ??= this.open();
      this.socket.write(`GET ${path} HTTP/1.1\r\n${lines}\r\n`);
    });
  }

  close(): void { this.socket?.destroy(); }

  private open(): Socket {
    const socket = connect({ host: this.host, port: this.port, noDelay: true, onread: { buffer: Buffer.allocUnsafe(1 << 20), callback: (n, buffer) => { this.take(n, buffer as Buffer); return true; } } });
    socket.on("error", (why) => this.waiting?.fail(why));
    socket.on("close", () => {
      if (this.socket === socket) this.socket = undefined;
      if (this.left === -2) this.finish();
      else this.waiting?.fail(new Error("the connection ended"));
    });
    return socket;
  }

  private take(n: number, buffer: Buffer): void {
    let from = 0;
    if (this.left === -1) {
      const end = buffer.subarray(0, n).indexOf(HEAD_END);
      if (end < 0 || this.head) return this.waiting?.fail(new Error("a head in pieces"));
      this.head = buffer.toString("latin1", 0, end);
      from = end + 4;
      if (!/^HTTP\/1\.1 200 /.test(this.head) || /\r\ntransfer-encoding:/i.test(this.head)) return this.waiting?.fail(new Error(this.head));
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.head);
      this.left = length ? Number(length[1]) : -2;
    }
    this.bytes += n - from;
    if (this.left >= 0 && this.bytes >= this.left) this.finish();
  }

  private finish(): void {
    const { waiting } = this;
    this.waiting = undefined;
    this.left = -1;
    if (/\r\nconnection: *close/i.test(this.head)) {
      this.socket?.destroy();
      this.socket = undefined;
    }
    waiting?.done({ ms: performance.now() - waiting.began, bytes: this.bytes });
  }
}
