// Drives build/<preset>/tests/peer/hz-peer and reads its reports.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { ROOT, late, sleep, until, type Gateway } from "./gateway.ts";

export interface Sink { ssrc: number; packets: number; lost: number; bad: number; keyframes: number; age_ms: number; gap_ms: number; p50_us: number; p99_us: number }
export interface PeerReport { name: string; state: number; sent: number; auth_failed: number; index_reused: number; plis: number; connects: number; sinks: Sink[] }
export interface Report { peers: PeerReport[] }

export const RUNNING = 3;

export function peerBinary(preset = "release"): string { return join(ROOT, "build", preset, "tests/peer/hz-peer"); }

export class Room {
  last: Report | undefined;
  private count = 0;
  private stderr = "";
  private buffer = "";
  private exit: Promise<number | null>;

  private constructor(readonly process: ChildProcess) {
    this.exit = new Promise((done) => process.once("exit", (code) => done(code)));
    process.stderr?.on("data", (d) => { this.stderr += String(d); });
    process.stdout?.on("data", (d) => {
      this.buffer += String(d);
      for (let at = this.buffer.indexOf("\n"); at >= 0; at = this.buffer.indexOf("\n")) {
        this.last = JSON.parse(this.buffer.slice(0, at)) as Report;
        this.count++;
        this.buffer = this.buffer.slice(at + 1);
      }
    });
  }

  static async start(url: string, consult: string, members: { id: string; token: string }[], extra: string[] = [], receivers = members.length * (members.length - 1)): Promise<Room> {
    const args = ["room", "--url", url, "--consult", consult, "--report-ms", "50", "--seconds", "900", ...extra];
    for (const m of members) args.push("--member", `${m.id}:${m.token}`);
    const room = new Room(spawn(peerBinary(), args, { stdio: ["pipe", "pipe", "pipe"] }));
    await until("room running", 15000, () => {
      if (room.process.exitCode !== null) throw new Error(`hz-peer ended ${room.process.exitCode}: ${room.stderr}`);
      return room.receiving(receivers, 200);
    }).catch((error: unknown) => { room.process.kill("SIGKILL"); throw new Error(`${String(error)} ${room.stderr} ${JSON.stringify(room.last)}`); });
    return room;
  }

  receivers(): PeerReport[] { return (this.last?.peers ?? []).filter((p) => p.name.includes("<")); }
  sinks(): Sink[] { return this.receivers().flatMap((p) => p.sinks); }

  // Over all of them, as of the last report. An SRTP or SRTCP index is never used twice.
  reused(): number { return (this.last?.peers ?? []).reduce((n, p) => n + p.index_reused, 0); }
  lost(): number { return this.sinks().reduce((n, s) => n + s.lost, 0); }
  connects(): number { return (this.last?.peers ?? []).reduce((n, p) => n + p.connects, 0); }
  worstGap(): number { return Math.max(...this.sinks().map((s) => Math.max(s.gap_ms, s.age_ms))); } // ms
  worstDelay(): { p50: number; p99: number } { // us, of the worst stream
    return { p50: Math.max(...this.sinks().map((s) => s.p50_us)), p99: Math.max(...this.sinks().map((s) => s.p99_us)) };
  }

  // True when every receiver gets audio and video, each at most `age_ms` old.
  flowing(members: number, age_ms: number): boolean { return this.receiving(members * (members - 1), age_ms); }

  receiving(count: number, age_ms: number): boolean {
    const receivers = this.receivers();
    return receivers.length === count && receivers.every((p) => p.state === RUNNING && p.sinks.length === 2 &&
      p.sinks.every((s) => s.age_ms <= age_ms) && p.sinks.some((s) => s.keyframes > 0));
  }

  async reset(): Promise<void> { this.process.stdin?.write("reset\n"); await this.fresh(); }

  // Waits for a report made after now.
  async fresh(): Promise<Report> {
    const seen = this.count;
    await until("a report", 5000, () => this.count > seen + 1);
    return this.last as Report;
  }

  // Stops `pid` for `ms` while everybody goes on speaking, then gives it half a second. For each sink: for how many
  // seconds' worth of packets it has got since, and how old its newest is.
  async stall(pid: number, ms: number): Promise<{ seconds: number; age_ms: number }[]> {
    const packets = (): Map<number, number> => new Map(this.receivers().flatMap((p, i) => p.sinks.map((s, k) => [i * 100 + k, s.packets])));
    const count = (from: Map<number, number>, to: Map<number, number>): number[] => [...to].map(([k, n]) => n - (from.get(k) ?? n));
    await this.fresh();
    const first = packets(), began = Date.now();
    await sleep(2000);
    await this.fresh();
    const second = packets(), rate = count(first, second).map((n) => n * 1000 / (Date.now() - began));
    process.kill(pid, "SIGSTOP");
    await sleep(ms);
    process.kill(pid, "SIGCONT");
    await sleep(500);
    await this.fresh();
    const ages = this.sinks().map((s) => s.age_ms);
    return count(second, packets()).map((n, i) => ({ seconds: n / (rate[i] ?? 1), age_ms: ages[i] ?? Infinity }));
  }

  async stop(): Promise<void> {
    this.process.kill("SIGTERM");
    await Promise.race([this.exit, late(3000, undefined)]);
    this.process.kill("SIGKILL");
  }
}

// A consult of three who all publish: who opens it and two experts.
export async function three(gateway: Gateway, consult: string, extra: string[] = []): Promise<Room> {
  const members = [{ id: "clinic", role: "clinic" }, { id: "expert", role: "expert" }, { id: "expert2", role: "expert" }]
    .map((m) => ({ id: m.id, token: gateway.token(consult, m.role, { id: m.id, ttl: "1h" }) }));
  return Room.start(gateway.url, consult, members, extra);
}

// kill -9 of the worker, a moment after the last one. Returns the longest gap of media (ms) once it is back.
export async function killWorker(gateway: Gateway, room: Room, calm_ms: number): Promise<number> {
  await sleep(300 + Math.random() * calm_ms);
  await room.reset();
  const pid = gateway.kill9("worker");
  await until("a new worker", 1000, () => { const now = gateway.pidOf("worker"); return now !== undefined && now !== pid; });
  await sleep(1000);
  await room.fresh();
  return room.worstGap();
}

// Worker and control at once. Returns the longest gap of media (ms).
export async function killBoth(gateway: Gateway, room: Room): Promise<number> {
  await room.reset();
  gateway.kill9("worker");
  gateway.kill9("control");
  await sleep(1500);
  await gateway.ready(5000);
  await room.fresh();
  return room.worstGap();
}

// Of a consult of three: nobody hears afterwards what was said while the worker stood still.
export async function standsStill(gateway: Gateway, room: Room): Promise<void> {
  const pid = gateway.pidOf("worker");
  assert.ok(pid);
  const heard = await room.stall(pid, 3000);
  console.log(`# 0.5 s after a stall of 3 s, seconds' worth of packets: ${heard.map((h) => h.seconds.toFixed(2)).join(" ")}`);
  assert.equal(heard.length, 12);
  for (const h of heard) assert.ok(h.seconds < 1 && h.age_ms < 300, JSON.stringify(heard));
  assert.equal(gateway.pidOf("worker"), pid, "the same worker");
}
