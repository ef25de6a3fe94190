// Drives build/<preset>/tests/peer/hz-peer and reads its reports.
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { ROOT, late, sleep, until } from "./gateway.ts";

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
