// A narrow link in front of a server: a proxy that lets so many bits a second through to all its clients together, after a delay.
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class Narrow {
  private readonly waiting: { due: number; data: Buffer; to: Socket; from: Socket }[] = [];
  private server?: Server;
  private timer?: ReturnType<typeof setInterval>;
  private tokens = 0;
  private last = performance.now();
  passed = 0;
  url = "";
  constructor(private readonly bps: number, private readonly delayMs: number) {}

  async start(port: number): Promise<this> {
    const server = createServer((client) => {
      const upstream = connect(port, "127.0.0.1");
      client.setNoDelay(true);
      upstream.setNoDelay(true);
      client.on("data", (data) => setTimeout(() => upstream.writable && upstream.write(data), this.delayMs));
      upstream.on("data", (data) => {
        this.waiting.push({ due: performance.now() + this.delayMs, data, to: client, from: upstream });
        upstream.pause(); // no more in the proxy than a piece for each connection
      });
      const end = (): void => { client.destroy(); upstream.destroy(); };
      for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
    });
    this.server = server;
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.timer = setInterval(() => this.pump(), 1);
    return this;
  }

  private pump(): void {
    const now = performance.now();
    this.tokens = Math.min(this.tokens + ((now - this.last) * this.bps) / 8000, (this.bps / 8000) * 20);
    this.last = now;
    while (this.waiting.length > 0 && this.tokens > 0) {
      const at = this.waiting.findIndex((w) => w.due <= now), one = this.waiting[at];
      if (!one) return;
      this.waiting.splice(at, 1);
      const piece = one.data.subarray(0, 1500), rest = one.data.subarray(1500);
      if (one.to.writable) one.to.write(piece);
      this.tokens -= piece.length;
      this.passed += piece.length;
      if (rest.length > 0 && one.to.writable) this.waiting.push({ ...one, data: rest }); // behind the others
      else one.from.resume();
    }
  }

  stop(): void {
    clearInterval(this.timer);
    this.server?.close();
  }
}
