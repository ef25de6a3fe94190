// Drives one hz-load process: endpoints by number, commands in, events out.
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../lib/gateway.ts";
import type { Endpoint } from "./sdp.ts";

export const nowUs = (): number => Number(process.hrtime.bigint() / 1000n); // CLOCK_MONOTONIC, as in hz-load
export const buildDir = (): string => process.env["HZ_BENCH_BUILD"] ?? join(ROOT, "build/release");

export type Stage = "running" | "media" | "picture";
export interface Joined { peer: number; profile: number; connect_us: number; ice_us: number; dtls_us: number; rtp_us: number; picture_us: number }
export interface Report {
  seconds: number; load_cpu_s: number; running: number; failed: number; streams: number; silent: number; dark: number; lost: number; socket_drops: number;
  sent: number; received: number; video: number; audio: number; bytes: number; repaired: number; duplicates: number; keyframes: number; auth_failed: number;
  plis_sent: number; plis_received: number; nacks_sent: number; nacks_received: number; feedbacks: number; twcc: number; send_failed: number; oldest_us: number; newest_us: number;
  p50_us: number; p95_us: number; p99_us: number; worst_us: number;
}
interface Event extends Joined { event: string; error?: string; fingerprint?: string; peers?: Omit<Endpoint, "number" | "fingerprint">[]; port: number; ufrag: string; pwd: string; audio: number; video: number }
type Waiter = { done: (e: Event) => void; fail: (e: Error) => void; kinds: string[] };

export class Load {
  endpoints: Endpoint[] = [];
  readonly joined = new Map<number, Joined>(); // the newest times of each endpoint
  private buffer = "";
  private fingerprint = "";
  private readonly general: Waiter[] = []; // hello, report: in order
  private readonly byPeer = new Map<number, Waiter[]>();
  private stderr = "";

  private constructor(readonly process: ChildProcess) {
    process.stderr?.on("data", (d) => { this.stderr += String(d); });
    process.stdout?.on("data", (d) => {
      this.buffer += String(d);
      for (let at = this.buffer.indexOf("\n"); at >= 0; at = this.buffer.indexOf("\n")) {
        this.take(JSON.parse(this.buffer.slice(0, at)) as Event);
        this.buffer = this.buffer.slice(at + 1);
      }
    });
    process.once("exit", (code) => {
      const error = new Error(`hz-load ended with ${code}: ${this.stderr}`);
      for (const w of [...this.general, ...[...this.byPeer.values()].flat()]) w.fail(error);
    });
  }

  static async start(peers: number, options: { cpu?: string; videoBps?: number } = {}): Promise<Load> {
    const args = [join(buildDir(), "tests/bench/load/hz-load"), "--peers", String(peers), "--video-bps", String(options.videoBps ?? 1_000_000)];
    if (options.cpu !== undefined) args.unshift("taskset", "-c", options.cpu);
    const load = new Load(spawn(args[0] ?? "", args.slice(1), { stdio: ["pipe", "pipe", "pipe"] }));
    const hello = await new Promise<Event>((done, fail) => load.general.push({ done, fail, kinds: ["hello"] }));
    load.fingerprint = hello.fingerprint ?? "";
    load.endpoints = (hello.peers ?? []).map((p, number) => ({ ...p, number, fingerprint: load.fingerprint }));
    return load;
  }

  private take(e: Event): void {
    if (e.event === "hello" || e.event === "report") { this.general.shift()?.done(e); return; }
    if (e.event === "error") throw new Error(`hz-load: ${e.error}`);
    const waiting = this.byPeer.get(e.peer) ?? [];
    if (e.event !== "fresh") this.joined.set(e.peer, e);
    this.byPeer.set(e.peer, waiting.filter((w) => {
      if (e.event === "failed") { w.fail(new Error(`endpoint ${e.peer}: DTLS failed`)); return false; }
      if (!w.kinds.includes(e.event)) return true;
      w.done(e);
      return false;
    }));
  }

  private wait(peer: number, kinds: string[]): Promise<Event> {
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`endpoint ${peer}: no "${kinds.join('" or "')}" within 20 s`)), 20000);
      const list = this.byPeer.get(peer) ?? [];
      list.push({ done: (e) => { clearTimeout(timer); done(e); }, fail: (e) => { clearTimeout(timer); fail(e); }, kinds });
      this.byPeer.set(peer, list);
    });
  }

  endpoint(number: number): Endpoint {
    const found = this.endpoints[number];
    if (!found) throw new Error(`hz-load has no endpoint ${number}`);
    return found;
  }

  // Connects; resolves when DTLS is done, with the first RTP packet, or with the first keyframe.
  connect(number: number, words: string, until: Stage): Promise<Joined> {
    const joined = this.wait(number, until === "media" ? ["media", "picture"] : [until]);
    this.process.stdin?.write(`connect ${number} ${words}\n`);
    return joined;
  }

  async close(number: number, goodbye = true): Promise<void> {
    const fresh = this.wait(number, ["fresh"]);
    this.process.stdin?.write(`${goodbye ? "close" : "vanish"} ${number}\n`);
    const { port, ufrag, pwd, audio, video } = await fresh;
    this.endpoints[number] = { number, port, ufrag, pwd, audio, video, fingerprint: this.fingerprint };
  }

  impair(permille: number): void { this.process.stdin?.write(`impair ${permille}\n`); }
  mark(): void { this.process.stdin?.write("mark\n"); }

  async report(): Promise<Report> {
    this.process.stdin?.write("report\n");
    return (await new Promise<Event>((done, fail) => this.general.push({ done, fail, kinds: ["report"] }))) as unknown as Report;
  }

  async stop(): Promise<void> {
    const gone = new Promise<void>((done) => this.process.once("exit", () => done()));
    this.process.stdin?.end();
    await gone;
  }
}
