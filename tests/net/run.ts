// Inside the lab: runs the cases and writes the table. Started by tests/bench/net.ts.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { join } from "node:path";
import { build } from "esbuild";
import { ROOT, sleep, until } from "../lib/gateway.ts";
import { openCabin, type BrowserName, type Cabin, type Seat } from "./browsers.ts";
import { startCall, type Call, type CallName } from "./calls.ts";
import { Lab, type Side } from "./lab.ts";
import { FROZEN_MS, series, summarize, type Observation, type Summary, type Tick } from "./measure.ts";
import type { Frame, Second } from "./page/meter.ts";
import { PROFILES, happen, type Direction, type Profile } from "./profiles.ts";

const { values } = parseArgs({
  options: {
    profile: { type: "string", default: "rural,bad,step,outage,narrow,blocked,move" }, server: { type: "string", default: "huizhen,janus,direct" },
    dir: { type: "string", default: "down,up" }, seconds: { type: "string", default: "40" }, browser: { type: "string", default: "chromium" },
    settle: { type: "string", default: "10" }, codec: { type: "string", default: "" }, seed: { type: "string", default: "1" }, json: { type: "string", default: join(ROOT, "build/bench/net.json") },
  },
});
const list = <T extends string>(text: string, known: readonly T[]): T[] => text.split(",").map((word) => {
  if (!known.includes(word as T)) throw new Error(`net: no '${word}' (known: ${known.join(" ")})`);
  return word as T;
});
const profiles = list(values.profile, PROFILES.map((p) => p.name)).map((name) => PROFILES.find((p) => p.name === name) as Profile);
const servers = list<CallName>(values.server, ["huizhen", "janus", "direct"]);
const directions = list<Direction>(values.dir, ["down", "up"]);
const browsers = list<BrowserName>(values.browser, ["chromium", "firefox"]);
const SETTLE_MS = Number(values.settle) * 1000;
const PATIENCE_MS = 30000; // for the first picture

interface Result { profile: string; direction: Direction; server: CallName; browser: BrowserName; summary?: Summary; note?: string; series?: Tick[]; publisher?: unknown[] }
const results: Result[] = [];
const out = (line: string): void => { process.stdout.write(line + "\n"); };

interface Taken { frames: Frame[]; seconds: Second[]; unreadable: number }

class Case {
  private readonly o: Observation = { joined_ms: -1, start: 0, end: 0, frames: [], seconds: [], link: [], happened: {} };
  readonly publisherSeries: unknown[] = [];
  constructor(private readonly lab: Lab, private readonly call: Call, private readonly profile: Profile, private readonly direction: Direction,
    private readonly publisher: Seat, private readonly subscriber: Seat) {}

  private get link() { return this.lab.links[(this.direction === "down" ? "subscriber" : "publisher") as Side]; }

  private async take(): Promise<void> {
    const taken = await this.subscriber.run<Taken | undefined>("bench.take()").catch(() => undefined);
    this.o.frames.push(...(taken?.frames ?? []));
    this.o.seconds.push(...(taken?.seconds ?? []));
  }

  private async join(): Promise<void> {
    let begun = Date.now();
    const mark = (): void => { begun = Date.now(); };
    const limit = <T>(what: Promise<T>): Promise<T> => Promise.race([what, sleep(PATIENCE_MS).then(() => { throw new Error("not in after 30 s"); })]);
    await limit(this.call.publish(this.publisher));
    if (this.direction === "down") {
      if (this.call.name !== "direct") await sleep(2000);
      mark();
    }
    await limit(this.call.watch(this.subscriber));
    const picture = until("a picture", PATIENCE_MS, async () => { await this.take(); return this.o.frames.length > 0; });
    await picture.catch(async (error: unknown) => { // sound may have come in: then the rest is measured all the same
      if (!this.o.seconds.some((s) => s.audio_bytes > 0)) throw error;
    });
    const first = this.o.frames[0];
    if (first) this.o.joined_ms = first.at - begun;
  }

  private async watchOver(ms: number): Promise<void> {
    const seconds = this.profile.happenings.map((h) => ({ ...h, due: this.o.start + h.at * ms }));
    let next = this.o.start;
    while (Date.now() < this.o.end) {
      const due = Math.min(next, this.o.end, ...seconds.map((h) => h.due));
      await sleep(Math.max(0, due - Date.now()));
      for (const h of seconds.splice(0, seconds.filter((s) => s.due <= Date.now()).length)) {
        happen(this.link, h);
        this.o.happened[h.what] = Date.now();
      }
      if (Date.now() < next) continue;
      next += 1000;
      await this.sample();
    }
    await this.sample();
    if (process.env["HZ_NET_CONSOLE"]) process.stderr.write(`${await this.subscriber.run<string>("bench.raw()")}\n`);
  }

  private async sample(): Promise<void> {
    const at = Date.now();
    this.o.link.push({ at, counters: await this.link.counters() });
    await this.take();
    this.publisherSeries.push(await this.publisher.run("bench.sent()").catch(() => undefined));
  }

  async run(ms: number): Promise<Result["summary"] & object> {
    await this.call.prepare(this.publisher, this.subscriber);
    if (values.codec) await this.publisher.run(`bench.useCodec(${JSON.stringify(values.codec)})`);
    this.link.send(...this.profile.start);
    if (this.profile.blocked) this.link.send(`block ${this.call.tcpPort}`);
    await this.join();
    await sleep(SETTLE_MS);
    this.o.start = Date.now();
    this.o.end = this.o.start + ms;
    await this.watchOver(ms);
    return summarize(this.profile, this.direction, this.o);
  }

  ticks(): Tick[] { return series(this.direction, this.o); }
}

async function runCase(lab: Lab, script: string, cabins: { publisher: Cabin; subscriber: Cabin }, profile: Profile, direction: Direction, server: CallName): Promise<Result> {
  const result: Result = { profile: profile.name, direction, server, browser: cabins.subscriber.name };
  if (profile.blocked && server === "direct") return { ...result, note: "not possible: there is no TCP between two browsers" };
  const publisher = await cabins.publisher.seat(), subscriber = await cabins.subscriber.seat();
  const call = await startCall(server, lab, script);
  const one = new Case(lab, call, profile, direction, publisher, subscriber);
  try {
    const ms = Math.max(Number(values.seconds), profile.needs ?? 0) * 1000;
    result.summary = await one.run(ms);
    result.series = one.ticks();
    result.publisher = one.publisherSeries;
  } catch (error) {
    const state = (seat: Seat): Promise<unknown> => seat.run("bench.state()").catch(() => "page gone");
    result.note = `${String(error).split("\n")[0]} (publisher ${String(await state(publisher))}; subscriber ${String(await state(subscriber))})`;
  }
  lab.links.publisher.clear();
  lab.links.subscriber.clear();
  await Promise.all([publisher.close(), subscriber.close()]);
  await call.stop().catch((error: unknown) => { result.note = `${result.note ?? ""} ${String(error).slice(0, 300)}`; });
  return result;
}

const COLUMNS: [string, (s: Summary) => string][] = [
  ["fresh/s", (s) => s.fresh_fps.toFixed(1)], ["frozen s", (s) => s.frozen_s.toFixed(1)], ["p50 ms", (s) => String(s.latency_p50_ms)], ["p95 ms", (s) => String(s.latency_p95_ms)],
  ["hidden %", (s) => s.concealed_percent.toFixed(1)], ["kb/s", (s) => String(s.received_kbps)], ["lines", (s) => String(s.height)], ["join ms", (s) => String(s.joined_ms)],
  ["back ms", (s) => (s.recovered_ms === undefined ? "" : String(s.recovered_ms))], ["narrow/s", (s) => (s.narrow_fps === undefined ? "" : s.narrow_fps.toFixed(1))],
  ["over", (s) => s.transport],
];

function printRow(r: Result): void {
  const name = `${r.profile} ${r.direction}`.padEnd(13) + r.server.padEnd(9) + r.browser.padEnd(9);
  out(name + (r.summary ? COLUMNS.map(([head, f]) => f(r.summary as Summary).padStart(Math.max(8, head.length + 1))).join("") : `  ${r.note ?? ""}`));
}

// What issue 3 asks: against the direct call of the same network.
function verdicts(): string[] {
  const lines: string[] = [];
  for (const r of results.filter((x) => x.server === "huizhen" && x.summary)) {
    const other = (server: CallName): Summary | undefined => results.find((x) => x.server === server && x.profile === r.profile && x.direction === r.direction && x.browser === r.browser)?.summary;
    const mine = r.summary as Summary, direct = other("direct"), janus = other("janus");
    const parts: string[] = [];
    const say = (ok: boolean, text: string): void => { parts.push(`${ok ? "ok  " : "MISS"} ${text}`); };
    if (direct) {
      say(mine.fresh_fps >= 0.85 * direct.fresh_fps, `${(mine.fresh_fps / direct.fresh_fps).toFixed(2)} of direct's fresh frames (0.85)`);
      say(mine.frozen_s <= direct.frozen_s + 1, `${(mine.frozen_s - direct.frozen_s).toFixed(1)} s more frozen (1)`);
    }
    if (r.profile === "narrow") say(mine.concealed_percent < 3, `${mine.concealed_percent} % concealed (3)`);
    if (r.profile === "step" && r.direction === "down") say((mine.narrow_fps ?? 0) >= 10, `${mine.narrow_fps ?? 0} fresh/s while narrow (10)`);
    const limit = ({ step: 5000, outage: 1000, move: 3000 } as Record<string, number>)[r.profile];
    if (limit && mine.recovered_ms !== undefined) say(mine.recovered_ms >= 0 && mine.recovered_ms <= limit, `back after ${mine.recovered_ms} ms (${limit})`);
    if (r.profile === "blocked") say(mine.joined_ms <= 3000, `in after ${mine.joined_ms} ms (3000)`);
    if (janus) parts.push(`     janus: ${janus.fresh_fps} fresh/s, ${janus.frozen_s} s frozen`);
    for (const part of parts) lines.push(`${r.profile} ${r.direction} ${r.browser}: `.padEnd(24) + part);
  }
  return lines;
}

function save(): void {
  mkdirSync(join(ROOT, "build/bench"), { recursive: true });
  writeFileSync(values.json, JSON.stringify({ made: new Date().toISOString(), options: values, frozen_ms: FROZEN_MS, profiles: Object.fromEntries(PROFILES.map((p) => [p.name, p.text])), results }, null, 1));
}

async function bundle(): Promise<string> {
  const file = join(ROOT, "build/bench/net-page.js");
  mkdirSync(join(ROOT, "build/bench"), { recursive: true });
  await build({ entryPoints: [join(ROOT, "tests/net/page/index.ts")], bundle: true, format: "iife", target: "es2022", outfile: file, logLevel: "error" });
  return readFileSync(file, "utf8");
}

async function main(): Promise<void> {
  const script = await bundle();
  const lab = await Lab.open(Number(values.seed));
  const stop = (): void => { save(); process.exit(130); };
  process.once("SIGTERM", stop);
  out("640x360 at 25 frames a second, codecs as each call negotiates them; frozen: gaps between fresh pictures over 500 ms; hidden: concealed sound");
  out(`${"".padEnd(31)}${COLUMNS.map(([head]) => head.padStart(Math.max(8, head.length + 1))).join("")}`);
  const publisher = await openCabin(lab, "publisher", "chromium");
  try {
    for (const browser of browsers) {
      const subscriber = await openCabin(lab, "subscriber", browser);
      for (const profile of profiles) for (const direction of directions) for (const server of servers) {
        const result = await runCase(lab, script, { publisher, subscriber }, profile, direction, server);
        results.push(result);
        printRow(result);
        save();
      }
      await subscriber.close();
    }
  } finally {
    await publisher.close();
    await lab.close();
  }
  out("");
  for (const line of verdicts()) out(line);
}

await main();
process.exit(0);
