// Theatre sources in tests: the gateway's side over REST, senders as a theatre has them, and somebody who watches.
import { spawn, type ChildProcess } from "node:child_process";
import { connect, createServer, type Server } from "node:net";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { Gateway, ROOT, until } from "./gateway.ts";

export interface Source {
  id: string; state: string; reason: string; url: string; video: string; audio: string; width: number; height: number;
  passed_video: boolean; passed_audio: boolean; synced: boolean; attempts: number; restarts: number; bitrate_bps: number; fps: number; thumbnail_ms: number | null;
}

export interface Watched { video_frames: number; audio_packets: number; state: string }

/** Processes of a test; all are killed at its end. */
export class Senders {
  private readonly running = new Set<ChildProcess>();

  start(command: string, args: string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
    this.running.add(child);
    child.once("exit", () => this.running.delete(child));
    return child;
  }

  async stop(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((done) => child.once("exit", () => done()));
    child.kill("SIGKILL");
    await gone;
  }

  async end(): Promise<void> { await Promise.all([...this.running].map((child) => this.stop(child))); }

  /** A camera; port 0: any. clock: its picture is a clock, and this number. */
  async camera(port: number, user = "", clock?: number): Promise<{ child: ChildProcess; port: number }> {
    const child = this.start(join(ROOT, "build/release/tests/rtsp/hz-rtsp"), [String(port), user || "-", ...(clock === undefined ? [] : [String(clock)])]);
    const line = await new Promise<string>((done, fail) => {
      createInterface({ input: child.stdout! }).once("line", done);
      child.once("exit", (code) => fail(new Error(`hz-rtsp ended ${code}`)));
    });
    return { child, port: Number(line) };
  }

  /** An encoder: moving bars and a tone, in real time. */
  encoder(to: string, format: string, extra: string[] = [], video: string[] = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25"]): ChildProcess {
    return this.start("ffmpeg", ["-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-f", "lavfi", "-i", "sine=440:r=48000",
      ...video, "-pix_fmt", "yuv420p", "-c:a", "aac", "-threads", "1", ...extra, "-f", format, to]);
  }
}

export class Theatre {
  private constructor(readonly gateway: Gateway, readonly token: string, readonly senders: Senders) {}

  static async start(env: Record<string, string> = {}, preset: "release" | "asan" = "release"): Promise<Theatre> {
    const gateway = await Gateway.start({ preset, env: { HUIZHEN_INGEST_ENABLED: "true", HUIZHEN_INGEST_ALLOW: "loopback", ...env } });
    const token = gateway.token("op", "clinic", { id: "host", grant: "create" });
    const made = await gateway.api(token, "POST", "/api/v1/consults", { id: "op", title: "Theatre" });
    if (made.status !== 201) throw new Error(`no consult: ${made.status}`);
    return new Theatre(gateway, token, new Senders());
  }

  async end(): Promise<void> {
    await this.senders.end();
    await this.gateway.stop();
  }

  call(method: string, path = "", body?: unknown): Promise<Response> { return this.gateway.api(this.token, method, `/api/v1/consults/op/sources${path}`, body); }

  async add(id: string, url: string, more: Record<string, unknown> = {}): Promise<Source> {
    const answer = await this.call("POST", "", { id, name: id, url, ...more });
    if (answer.status !== 201) throw new Error(`${id}: ${answer.status} ${await answer.text()}`);
    return await answer.json() as Source;
  }

  async get(id: string): Promise<Source> { return await (await this.call("GET", `/${id}`)).json() as Source; }

  async reaches(id: string, ms: number, what: (s: Source) => boolean): Promise<Source> {
    let last: Source | undefined;
    return until(`source ${id}`, ms, async () => {
      last = await this.get(id);
      return what(last) ? last : undefined;
    }).catch((error: unknown) => { throw new Error(`${String(error)} ${JSON.stringify(last)}\n${this.gateway.log().split("\n").filter((l) => /source|ingest|theatre/.test(l)).slice(-15).join("\n")}`); });
  }

  live(id: string, ms = 40000): Promise<Source> { return this.reaches(id, ms, (s) => s.state === "live"); }

  /** Watches these over WHEP and decodes what comes; call frames() for how many pictures came of each. */
  watch(ids: string[]): Watcher { return new Watcher(this, ids); }
}

export class Watcher {
  private last: Watched[] = [];
  constructor(theatre: Theatre, private readonly ids: string[]) {
    const { gateway } = theatre;
    const token = gateway.token("op", "expert", { id: `eye-${ids[0]}` });
    const child = theatre.senders.start(join(ROOT, "build/release/media/pipeline/huizhen-demo"), ["--url", gateway.url, "--consult", "op", "--token", token, "--decode",
      ...ids.flatMap((id) => ["--subscribe", id])]);
    createInterface({ input: child.stdout! }).on("line", (line) => {
      this.last = (JSON.parse(line) as { subscribe: Watched[] }).subscribe;
    });
  }

  frames(id: string): number { return this.last[this.ids.indexOf(id)]?.video_frames ?? 0; }
  sounds(id: string): number { return this.last[this.ids.indexOf(id)]?.audio_packets ?? 0; }

  async more(id: string, count: number, ms: number): Promise<void> {
    const pictures = this.frames(id), sounds = this.sounds(id);
    await until(`${count} more pictures and sound of ${id}`, ms, () => this.frames(id) >= pictures + count && this.sounds(id) >= sounds + count)
      .catch((error: unknown) => { throw new Error(`${String(error)} ${JSON.stringify(this.last)}`); });
  }
}

/** Listens on a free port and does to each that comes what `then` says. */
export async function hostile(then: (write: (bytes: Buffer | string) => boolean, end: () => void) => void): Promise<{ port: number; server: Server }> {
  return new Promise((done) => {
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      then((bytes) => !socket.destroyed && socket.write(bytes), () => socket.destroy());
    });
    server.listen(0, "127.0.0.1", () => done({ port: (server.address() as { port: number }).port, server }));
  });
}

/** What a server says, message by message, with pictures and sound moved from message stream 0 to 1: where ffmpeg -listen sends them no
 *  real server does, and GStreamer does not look. Bytes in, bytes out. */
class RtmpFix {
  private buffer = Buffer.alloc(0);
  private greeting = 3073; // S0, S1, S2
  private chunk = 128;
  private readonly streams = new Map<number, { bytes: number; left: number; type: number }>();

  push(data: Buffer): Buffer[] {
    const out: Buffer[] = [];
    this.buffer = Buffer.concat([this.buffer, data]);
    for (let n = this.next(); n > 0 && n <= this.buffer.length; n = this.next()) {
      out.push(Buffer.from(this.buffer.subarray(0, n)));
      this.buffer = this.buffer.subarray(n);
    }
    return out;
  }

  // Bytes of the next piece; 0: not known yet. Changes it where it must be, once all of it is there.
  private next(): number {
    const b = this.buffer;
    if (this.greeting > 0) {
      const n = Math.min(this.greeting, b.length);
      this.greeting -= n;
      return n;
    }
    if (b.length < 19) return 0;
    const format = b[0]! >> 6, id = b[0]! & 63, at = id === 0 ? 2 : id === 1 ? 3 : 1, head = [11, 7, 3, 0][format]!;
    const stream = { ...(this.streams.get(id) ?? { bytes: 0, left: 0, type: 0 }) };
    if (format < 2) {
      stream.bytes = b.readUIntBE(at + 3, 3);
      stream.type = b[at + 6]!;
    }
    if (stream.left === 0) stream.left = stream.bytes;
    const late = format < 3 && b.readUIntBE(at, 3) === 0xffffff ? 4 : 0, body = Math.min(stream.left, this.chunk), all = at + head + late + body;
    if (b.length < all) return 0;
    if (stream.type === 1 && body >= 4) this.chunk = b.readUInt32BE(at + head + late);
    if (format === 0 && [8, 9, 18].includes(stream.type)) b.writeUInt32LE(1, at + 7);
    stream.left -= body;
    this.streams.set(id, stream);
    return all;
  }
}

/** A port in front of an `ffmpeg -listen 1` RTMP server. */
export async function rtmpFront(to: number): Promise<{ port: number; server: Server }> {
  return new Promise((done) => {
    const server = createServer((client) => {
      const upstream = connect(to, "127.0.0.1"), fix = new RtmpFix();
      upstream.on("data", (data) => { for (const piece of fix.push(data)) client.write(piece); });
      client.on("data", (data) => upstream.write(data));
      for (const [one, other] of [[client, upstream], [upstream, client]] as const) {
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
      }
    });
    server.listen(0, "127.0.0.1", () => done({ port: (server.address() as { port: number }).port, server }));
  });
}

/** A port in front of another one, whose bytes take so long both ways; `ms` may change. */
export async function farAway(to: number, ms: number): Promise<{ port: number; server: Server }> {
  return new Promise((done) => {
    const server = createServer((client) => {
      const upstream = connect(to, "127.0.0.1");
      for (const [from, into] of [[client, upstream], [upstream, client]] as const) {
        from.on("data", (data) => { setTimeout(() => { if (!into.destroyed) into.write(data); }, ms); });
        from.on("error", () => into.destroy());
        from.on("close", () => into.destroy());
      }
    });
    server.listen(0, "127.0.0.1", () => done({ port: (server.address() as { port: number }).port, server }));
  });
}
