// Janus VideoRoom under test: the system's `janus` binary with a configuration of its own in a temporary folder, over its
// WebSocket API (one session, a handle an endpoint).
import { spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import WebSocket from "ws";
import { until } from "../lib/gateway.ts";
import { nowUs, type Joined, type Load, type Stage } from "./load.ts";
import { connectWords, makeAnswer, makeOffer, readSdp, type Line } from "./sdp.ts";
import type { Server } from "./server.ts";

const FOLDER = "/usr/lib/x86_64-linux-gnu/janus";

export interface JanusOptions { name: string; eventLoops?: number; iceLite?: boolean }

function others(folder: string, keep: string): string {
  const dir = join(process.env["HZ_JANUS_LIBS"] ?? FOLDER, folder);
  return existsSync(dir) ? readdirSync(dir).filter((f) => f.endsWith(".so") && f !== keep).join(",") : "";
}

function writeConfig(dir: string, port: number, options: JanusOptions): void {
  writeFileSync(join(dir, "janus.jcfg"), `
general: { configs_folder = "${dir}"
  debug_level = 2
  ${options.eventLoops ? `event_loops = ${options.eventLoops}` : ""} }
media: { ipv6 = false }
nat: { ice_enforce_list = "127.0.0.1"
  ice_lite = ${options.iceLite ? "true" : "false"} }
plugins: { disable = "${others("plugins", "libjanus_videoroom.so")}" }
transports: { disable = "${others("transports", "libjanus_websockets.so")}" }
loggers: { disable = "${others("loggers", "")}" }
events: { broadcast = false }
`);
  writeFileSync(join(dir, "janus.transport.websockets.jcfg"), `general: { json = "compact"\n ws = true\n ws_port = ${port}\n ws_ip = "127.0.0.1"\n wss = false }\n`);
  writeFileSync(join(dir, "janus.plugin.videoroom.jcfg"), "general: { }\n");
}

async function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(address && typeof address === "object" ? address.port : 0));
    });
  });
}

interface Message { janus: string; transaction?: string; sender?: number; data?: { id: number }; error?: { reason: string }; plugindata?: { data: Record<string, unknown> }; jsep?: { type: string; sdp: string } }

export class JanusServer implements Server {
  private next = 1;
  private session = 0;
  private readonly waiting = new Map<string, { wants: (m: Message) => boolean; done: (m: Message) => void; fail: (e: Error) => void }>();
  private readonly handles = new Map<number, number[]>(); // endpoint -> handles
  private readonly feeds = new Map<string, { room: number; id: number }>(); // room/name
  private readonly up = new Set<number>(); // handles whose connection stands
  private readonly rooms = new Map<string, number>();
  private keepAlive: NodeJS.Timeout | undefined;

  private constructor(readonly name: string, private readonly process: ChildProcess, private readonly dir: string, private readonly socket: WebSocket) {
    socket.on("message", (data) => this.receive(JSON.parse(String(data)) as Message));
  }

  static async start(options: JanusOptions): Promise<JanusServer> {
    const dir = mkdtempSync(join(tmpdir(), "hz-janus-"));
    const port = await freePort();
    writeConfig(dir, port, options);
    const log = openSync(join(dir, "janus.log"), "a");
    const child = spawn("janus", ["-F", dir], { stdio: ["ignore", log, log] });
    closeSync(log);
    const socket = await until("janus", 10000, async () => {
      if (child.exitCode !== null) throw new Error(`janus ended with ${child.exitCode}`);
      const s = new WebSocket(`ws://127.0.0.1:${port}`, "janus-protocol");
      return new Promise<WebSocket | undefined>((done) => { s.once("open", () => done(s)); s.once("error", () => done(undefined)); });
    }).catch((error: unknown) => { child.kill("SIGKILL"); throw new Error(`${String(error)}\n${readFileSync(join(dir, "janus.log"), "utf8")}`); });
    const server = new JanusServer(options.name, child, dir, socket);
    const created = await server.call({ janus: "create" });
    server.session = created.data?.id ?? 0;
    server.keepAlive = setInterval(() => { socket.send(JSON.stringify({ janus: "keepalive", session_id: server.session, transaction: "k" })); }, 20000);
    return server;
  }

  pids(): number[] { return [this.process.pid ?? 0]; }

  private receive(m: Message): void {
    if (m.janus === "webrtcup" && m.sender) this.up.add(m.sender);
    const w = this.waiting.get(m.transaction ?? "");
    if (!w || m.janus === "ack") return;
    const problem = m.janus === "error" ? m.error?.reason : m.plugindata?.data["error"];
    if (!problem && !w.wants(m)) return;
    this.waiting.delete(m.transaction ?? "");
    if (problem) w.fail(new Error(`janus: ${String(problem)}`));
    else w.done(m);
  }

  private call(body: Record<string, unknown>, wants: (m: Message) => boolean = () => true): Promise<Message> {
    const transaction = `t${this.next++}`;
    return new Promise((done, fail) => {
      const timer = setTimeout(() => { this.waiting.delete(transaction); fail(new Error(`janus: no answer to ${JSON.stringify(body).slice(0, 200)}`)); }, 15000);
      this.waiting.set(transaction, { wants, done: (m) => { clearTimeout(timer); done(m); }, fail: (e) => { clearTimeout(timer); fail(e); } });
      this.socket.send(JSON.stringify({ ...body, transaction, ...(this.session ? { session_id: this.session } : {}) }));
    });
  }

  private message(handle: number, body: Record<string, unknown>, jsep?: { type: string; sdp: string }): Promise<Message> {
    return this.call({ janus: "message", handle_id: handle, body, ...(jsep ? { jsep } : {}) }, (m) => m.plugindata !== undefined);
  }

  private async attach(endpoint?: number): Promise<number> {
    const id = (await this.call({ janus: "attach", plugin: "janus.plugin.videoroom" })).data?.id ?? 0;
    if (endpoint !== undefined) this.handles.set(endpoint, [...(this.handles.get(endpoint) ?? []), id]);
    return id;
  }

  private async room(name: string): Promise<number> {
    const known = this.rooms.get(name);
    if (known) return known;
    const id = 1000 + this.rooms.size;
    this.rooms.set(name, id);
    const handle = await this.attach();
    await this.message(handle, { request: "create", room: id, publishers: 1000, bitrate: 0, audiocodec: "opus", videocodec: "vp8", transport_wide_cc_ext: true, notify_joining: false, fir_freq: 0, rec_dir: this.dir });
    return id;
  }

  async publish(load: Load, room: string, id: string, endpoint: number): Promise<Joined> {
    const number = await this.room(room);
    const start = nowUs();
    const lines: Line[] = [{ kind: "audio", send: true }, { kind: "video", send: true }];
    const handle = await this.attach(endpoint);
    const joined = await this.message(handle, { request: "join", ptype: "publisher", room: number, display: id });
    this.feeds.set(`${room}/${id}`, { room: number, id: Number(joined.plugindata?.data["id"]) });
    const answer = await this.message(handle, { request: "publish" }, { type: "offer", sdp: makeOffer(load.endpoint(endpoint), lines) });
    const running = await load.connect(endpoint, connectWords(readSdp(answer.jsep?.sdp ?? ""), start, lines), "running");
    await until("webrtcup", 10000, () => this.up.has(handle)); // before that Janus knows "no such feed"
    return running;
  }

  private async watch(load: Load, room: string, sources: string[], endpoint: number, wait: Stage): Promise<Joined> {
    const start = nowUs();
    const handle = await this.attach(endpoint);
    const streams = sources.map((s) => ({ feed: this.feeds.get(`${room}/${s}`)?.id }));
    const offer = await this.message(handle, { request: "join", ptype: "subscriber", room: this.rooms.get(room), streams });
    const remote = readSdp(offer.jsep?.sdp ?? "");
    const picture = load.connect(endpoint, connectWords(remote, start), wait); // checks begin while the answer is on its way
    await this.message(handle, { request: "start" }, { type: "answer", sdp: makeAnswer(load.endpoint(endpoint), remote) });
    return picture;
  }

  subscribe(load: Load, room: string, source: string, _id: string, endpoint: number, wait: Stage): Promise<Joined> {
    return this.watch(load, room, [source], endpoint, wait);
  }

  // As its own demo page does it: one connection to publish, one to receive everybody (multistream).
  async consult(load: Load, room: string, ids: string[], first: number): Promise<number> {
    for (let i = 0; i < ids.length; i++) await this.publish(load, room, ids[i] ?? "", first + i);
    await Promise.all(ids.map((id, i) => this.watch(load, room, ids.filter((other) => other !== id), first + ids.length + i, "picture")));
    return 2 * ids.length;
  }

  // Every room's publishers into .mjr files, or not.
  async record(on: boolean): Promise<void> {
    const handle = await this.attach();
    for (const room of this.rooms.values()) await this.message(handle, { request: "enable_recording", room, record: on });
    await this.call({ janus: "detach", handle_id: handle });
  }

  get folder(): string { return this.dir; }

  async leave(load: Load, endpoint: number): Promise<void> {
    for (const handle of this.handles.get(endpoint) ?? []) await this.call({ janus: "detach", handle_id: handle });
    this.handles.delete(endpoint);
    await load.close(endpoint);
  }

  async stop(): Promise<void> {
    clearInterval(this.keepAlive);
    const gone = new Promise<void>((done) => this.process.once("exit", () => done()));
    this.socket.terminate();
    this.process.kill("SIGTERM");
    const late = setTimeout(() => this.process.kill("SIGKILL"), 5000);
    await gone;
    clearTimeout(late);
    if (!process.env["HZ_KEEP"]) rmSync(this.dir, { recursive: true, force: true });
  }
}
