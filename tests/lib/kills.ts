// Recorded consults whose processes are killed (SIGKILL) in random order, and what is left of them: how much of a stream is
// missing in one place, and whether every file that was made plays.
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeClip } from "./clip.ts";
import { Gateway, sleep, until } from "./gateway.ts";
import { RTP, TRACK, readJournal, type Item } from "./journal.ts";
import { RUNNING, Room } from "./peer.ts";
import { RpcClient } from "./rpc.ts";

export type Kind = "recorder" | "worker" | "pipe" | "processes" | "everything";
export interface Loss { stream: string; record: string; packets: number; lost: number; twice: number; worstMs: number; where: string }
export interface Outcome {
  kills: Record<Kind, number>; records: number; streams: Loss[]; worstMs: number; packets: number; lost: number;
  rejoins: string[]; files: number; finalisedMs: number; pictureGapMs: number; faults: string[];
}
interface Epoch { room: string; from: number; to: number } // ms: a room's media flows
interface Manifest { wall_zero_ms: number; files: { path: string; role: string; participant: string; source: string; kind: string; at_ms: number }[] }

const PEOPLE = ["a", "b"], KINDS: Kind[] = ["recorder", "recorder", "worker", "worker", "pipe", "pipe", "processes", "everything"];

// Until the supervisor starts `huizhen archive` by itself.
class OwnArchive {
  private child: ChildProcess | undefined;
  private over = false;
  constructor(private readonly gateway: Gateway) { this.start(); }
  get pid(): number | undefined { return this.child?.pid; }
  private start(): void {
    const log = openSync(this.gateway.logFile, "a");
    this.child = spawn(this.gateway.binary, ["archive"], { env: this.gateway.env, cwd: this.gateway.dataDir, stdio: ["ignore", log, log] });
    closeSync(log);
    this.child.once("exit", () => { if (!this.over) setTimeout(() => { this.start(); }, 300); });
  }
  stop(): void { this.over = true; this.child?.kill("SIGTERM"); }
}

// What became of the composed picture: "waiting", "running", "made" (not signed yet), "done", "off", "failed"; "" before.
function composing(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, "state.json"), "utf8")) as { composing?: { phase: string } }).composing?.phase ?? "";
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  } catch { return []; }
}

function kill9(pid: number | undefined): boolean {
  if (!pid) return false;
  try { process.kill(pid, "SIGKILL"); return true; } catch { return false; } // gone meanwhile
}

export class Massacre {
  readonly kills: Record<Kind, number> = { recorder: 0, worker: 0, pipe: 0, processes: 0, everything: 0 };
  readonly rejoins: string[] = []; // attempts that came to nothing
  private readonly epochs: Epoch[] = [];
  private readonly records = new Map<string, string>(); // id -> consult
  private state: number;
  private own: OwnArchive | undefined;
  private room: Room | undefined;

  private constructor(private readonly gateway: Gateway, seed: number) { this.state = seed * 7919 + 1; }

  static async start(seed: number): Promise<Massacre> {
    const gateway = await Gateway.start();
    for (const codec of ["h264", "vp8"] as const) makeClip(join(gateway.dataDir, `${codec}.clip`), codec);
    const m = new Massacre(gateway, seed);
    if (!gateway.children().some((c) => c.args[0] === "archive")) m.own = new OwnArchive(gateway);
    return m;
  }

  private random(n: number): number { return (this.state = (this.state * 48271) % 0x7fffffff) % n; }
  private archivePid(): number | undefined { return this.own ? this.own.pid : this.gateway.children().find((c) => c.args[0] === "archive")?.pid; }

  // The archive, or what it has just started.
  private killPipe(): void {
    const archive = this.archivePid(), jobs = archive ? childrenOf(archive) : [];
    const deeper = jobs.flatMap(childrenOf), all = [...jobs, ...deeper];
    kill9(all.length && this.random(3) ? all[this.random(all.length)] : archive);
  }

  private async kill(kind: Kind, consult: string): Promise<void> {
    this.kills[kind]++;
    if (kind === "recorder" || kind === "worker") kill9(this.gateway.pidOf(kind));
    else if (kind === "pipe") this.killPipe();
    else if (kind === "processes") {
      const archive = this.archivePid();
      for (const pid of [...this.gateway.children().map((c) => c.pid), ...(archive ? [...childrenOf(archive), archive] : [])]) kill9(pid);
    } else await this.everything(consult);
  }

  // As if the machine had stopped: the gateway is started anew, and people join again.
  private async everything(consult: string): Promise<void> {
    const gone = new Promise((done) => this.gateway.process.once("exit", done));
    if (this.own) kill9(this.own.pid);
    this.gateway.process.kill("SIGKILL"); // its children go with it
    (this.epochs.at(-1) as Epoch).to = Date.now();
    await gone;
    await this.room?.stop();
    await sleep(300);
    this.gateway.spawn();
    await this.gateway.ready(15000);
    await this.open(consult);
  }

  private token(consult: string, id: string, role: string, consent: boolean): string { return this.gateway.token(consult, role, { id, grant: "create", consent }); }

  // Everybody is there and recorded.
  private async open(consult: string): Promise<void> {
    const codec = Number(consult.slice(1)) % 2 ? "vp8" : "h264";
    const people = PEOPLE.map((id) => ({ id, token: this.token(consult, id, "expert", true) }));
    const { client: host } = await RpcClient.join(this.gateway.url, { token: this.token(consult, "host", "clinic", false) });
    const clip = join(this.gateway.dataDir, `${codec}.clip`);
    for (let tries = 1; ; tries++) { // as a client does that finds no connection
      const room = this.room = await Room.start(this.gateway.url, consult, people, ["--codec", codec, "--copies", "0", "--clip", clip], 0);
      const there = await until("everybody publishes", 5000, () => room.last?.peers.every((p) => p.state === RUNNING && p.sent > 0)).catch(() => false);
      if (there) break;
      if (tries === 4) throw new Error(`nobody can publish: ${JSON.stringify(room.last)}`);
      this.rejoins.push(JSON.stringify(room.last?.peers.map((p) => [p.state, p.sent])));
      await room.stop();
    }
    if (host.state?.consult?.record?.state !== "on") await host.call("record.start").catch(() => undefined); // it may go on by itself
    await until("recording", 15000, () => host.state?.consult?.record?.state === "on");
    this.records.set(host.state?.consult?.record?.id as string, consult);
    this.epochs.push({ room: consult, from: Date.now(), to: 0 });
    host.close();
  }

  // A recorded consult with so many kills in it.
  async consult(number: number, kills: number): Promise<void> {
    const consult = `c${number}`;
    await this.open(consult);
    await sleep(1200);
    for (let i = 0; i < kills; i++) {
      await this.kill(KINDS[this.random(KINDS.length)] as Kind, consult);
      await sleep(300 + this.random(1200));
      await this.gateway.ready(15000);
    }
    const { client: host } = await RpcClient.join(this.gateway.url, { token: this.token(consult, "host", "clinic", false) });
    await until("recording", 15000, () => host.state?.consult?.record?.state === "on");
    await sleep(1500);
    (this.epochs.at(-1) as Epoch).to = Date.now();
    await host.call("record.stop");
    host.close();
    await this.room?.stop();
  }

  // `huizhen …`: exit code and what it says; a small disk will do.
  run(...words: string[]): { status: number | null; out: string } {
    const said = spawnSync(this.gateway.binary, words, { env: { ...this.gateway.env, HUIZHEN_RECORD_MIN_FREE: "64" }, cwd: this.gateway.dataDir, encoding: "utf8" });
    return { status: said.status, out: said.stdout + said.stderr };
  }
  verify(id: string): { status: number | null; out: string } { return this.run("record", "verify", id); }

  listed(): { id: string; phase: string; error: string; folder: string }[] {
    return (JSON.parse(this.gateway.cli(["record", "list", "--json"])) as { records: { id: string; phase: string; error: string; folder: string }[] }).records;
  }

  // Waits until all is finalised without a hand, and looks at everything.
  async outcome(): Promise<Outcome> {
    const began = Date.now();
    await until("every record finalised", 240000, () => {
      const all = this.listed();
      const stuck = all.filter((r) => r.phase === "failed");
      if (stuck.length) throw new Error(stuck.map((r) => `${r.id} failed: ${r.error}`).join("; "));
      return all.every((r) => /finalised|delivered/.test(r.phase) && /off|done|failed/.test(composing(r.folder)));
    });
    const records = this.listed(), faults: string[] = [], streams: Loss[] = [];
    const finalisedMs = Date.now() - began;
    for (const id of this.records.keys()) if (!records.some((r) => r.id === id)) faults.push(`record ${id} is not there`);
    let files = 0, pictureGapMs = 0;
    for (const { id, folder } of records) {
      if (composing(folder) === "failed") faults.push(`${id}: not composed`);
      streams.push(...this.losses(id, folder));
      const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;
      const media = manifest.files.filter((f) => /\.(mp4|webm)$/.test(f.path));
      files += media.length;
      if (media.length < 4) faults.push(`${id}: only ${media.length} files`);
      for (const f of media) faults.push(...plays(join(folder, f.path)));
      pictureGapMs = Math.max(pictureGapMs, this.pictureGap(folder, manifest));
      const said = this.verify(id);
      if (said.status !== 0 || !/ whole /.test(said.out)) faults.push(`${id}: ${said.out}`);
    }
    for (const s of streams) if (s.twice) faults.push(`${s.stream}: ${s.twice} packets are there twice`);
    const sum = (key: "packets" | "lost"): number => streams.reduce((n, s) => n + s[key], 0);
    return { kills: this.kills, rejoins: this.rejoins, records: records.length, streams, worstMs: Math.max(...streams.map((s) => s.worstMs)), packets: sum("packets"), lost: sum("lost"), files, finalisedMs, pictureGapMs, faults };
  }

  // Of each stream (an SSRC of a track): the largest hole in its numbers, in ms; what is missing before a death counts, too.
  private losses(id: string, folder: string): Loss[] {
    const journal = readJournal(folder, readFileSync(join(this.gateway.dataDir, "record/master.key")));
    const names = new Map(journal.items.filter((i) => i.kind === TRACK).map((i) => JSON.parse(i.data.toString("utf8")) as { track: number; key: string }).map((t) => [t.track, t.key]));
    const streams = new Map<string, Item[]>(), mine = this.epochs.filter((e) => e.room === this.records.get(id));
    for (const item of journal.items.filter((i) => i.kind === RTP)) {
      const name = `${names.get(item.track)}/${item.data.readUInt32BE(8)}`;
      streams.set(name, [...(streams.get(name) ?? []), item]);
    }
    return [...streams].map(([stream, items]) => lossOf(id, stream, items, mine));
  }

  // The longest time without a new picture while media flowed, in the files of one camera.
  private pictureGap(folder: string, manifest: Manifest): number {
    let worst = 0;
    for (const person of PEOPLE) {
      const times: number[] = [];
      for (const f of manifest.files.filter((x) => x.role === "track" && x.participant === person && x.kind !== "audio")) {
        const out = execFileSync("ffprobe", ["-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "csv=p=0", join(folder, f.path)], { encoding: "utf8" });
        for (const line of out.split("\n")) if (line) times.push(manifest.wall_zero_ms + f.at_ms + 1000 * parseFloat(line));
      }
      times.sort((x, y) => x - y);
      for (let i = 1; i < times.length; i++) {
        const [from, to] = [times[i - 1] as number, times[i] as number];
        if (this.epochs.some((e) => from >= e.from && to <= e.to)) worst = Math.max(worst, to - from);
      }
    }
    return worst;
  }

  async stop(): Promise<void> {
    this.own?.stop();
    await this.room?.stop();
    await this.gateway.stop();
  }
}

function lossOf(record: string, stream: string, items: Item[], epochs: Epoch[]): Loss {
  const seen = new Map<number, { ms: number; ts: number }>(); // extended number -> wall clock at arrival, sender's timestamp
  const ticks = stream.includes("microphone") ? 48 : 90; // a millisecond
  let last = -1, twice = 0, lost = 0, worstMs = 0, where = "";
  const take = (ms: number, what: string): void => { if (ms > worstMs) { worstMs = ms; where = what; } };
  for (const item of items) {
    const seq = item.data.readUInt16BE(2), ext = last < 0 ? seq : last + ((((seq - last) & 0xffff) ^ 0x8000) - 0x8000);
    if (seen.has(ext)) twice++;
    seen.set(ext, { ms: Number(item.wall) / 1000, ts: item.data.readUInt32BE(4) });
    last = Math.max(last, ext);
  }
  const order = [...seen.keys()].sort((a, b) => a - b);
  for (let i = 1; i < order.length; i++) {
    const [a, b] = [order[i - 1] as number, order[i] as number];
    if (b === a + 1) continue;
    lost += b - a - 1;
    take(((seen.get(b)!.ts - seen.get(a)!.ts) >>> 0) / ticks, `${b - a - 1} packets`); // of what was sent, not of when it came
  }
  const end = seen.get(order.at(-1) as number)!.ms, epoch = epochs.find((e) => end >= e.from - 5000 && end <= e.to + 2000);
  if (epoch) take(epoch.to - end, "before the end");
  return { stream, record, packets: order.length, lost, twice, worstMs, where };
}

// What stock players say of a file: nothing.
export function plays(path: string): string[] {
  const probe = spawnSync("ffprobe", ["-v", "error", "-show_packets", "-of", "compact", path], { encoding: "utf8", maxBuffer: 1 << 28 });
  const play = spawnSync("ffmpeg", ["-nostdin", "-v", "error", "-i", path, "-f", "null", "-"], { encoding: "utf8" });
  const faults: string[] = [];
  if (probe.status !== 0 || probe.stderr !== "") faults.push(`ffprobe ${path}: ${probe.status} ${probe.stderr.slice(0, 300)}`);
  if (play.status !== 0 || play.stderr !== "") faults.push(`ffmpeg ${path}: ${play.status} ${play.stderr.slice(0, 300)}`);
  return faults;
}

export function told(o: Outcome): string {
  const kills = Object.entries(o.kills).map(([kind, n]) => `${kind} ${n}`).join(", ");
  const worst = o.streams.reduce((a, b) => (b.worstMs > a.worstMs ? b : a));
  return [`killed: ${kills}${o.rejoins.length ? `; joined again: ${o.rejoins.join(" ")}` : ""}`, `${o.records} records finalised by themselves, the last ${(o.finalisedMs / 1000).toFixed(1)} s after the last kill`,
    `${o.streams.length} streams, ${o.packets} packets, ${o.lost} lost; worst ${o.worstMs.toFixed(0)} ms in one place (${worst.stream}, ${worst.where})`,
    `${o.files} files, ${o.faults.length} faults; longest time without a new picture ${o.pictureGapMs.toFixed(0)} ms`].join("\n");
}
