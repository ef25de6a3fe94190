// ./dev bench relay [--quick] [--only=a,b,c,d,e] [--no-janus]: this gateway and Janus VideoRoom in one run.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync, existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { ROOT } from "../lib/gateway.ts";
import { GatewayServer } from "./gateway.ts";
import { JanusServer } from "./janus.ts";
import { buildDir } from "./load.ts";
import { prefer } from "./proc.ts";
import type { Steady } from "./measure.ts";
import { FULL, QUICK, consults, idleMemory, joins, oneToMany, publisherMemory, subscriberMemory, thousand, type Growth, type Joins, type Start } from "./scenarios.ts";

const args = process.argv.slice(2);
const plan = args.includes("--quick") ? QUICK : FULL;
const only = (args.find((a) => a.startsWith("--only="))?.slice(7) ?? "a,b,c,d,e").split(",");

const OURS = "huizhen", LOOPS = "janus loops", DEFAULT = "janus default";
const servers: [string, Start][] = [[OURS, () => GatewayServer.start()]];
if (!args.includes("--no-janus")) {
  servers.push([LOOPS, () => JanusServer.start({ name: LOOPS, eventLoops: cpus().length })]);
  servers.push([DEFAULT, () => JanusServer.start({ name: DEFAULT })]);
}

prefer();
type Rows<T> = Record<string, T | { error: string }>;
const results: Record<string, Rows<unknown>> = {};
const out = (line = ""): void => { process.stdout.write(line + "\n"); };
const cell = (value: string | number, width: number): string => (typeof value === "number" ? (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2)) : value).padStart(width);

async function scenario<T extends object>(letter: string, key: string, title: string, columns: [string, (row: T) => string | number][], job: (start: Start) => Promise<T>, which = servers): Promise<void> {
  if (!only.includes(letter)) return;
  const rows: Rows<T> = {};
  out(`\n(${letter}) ${title}`);
  out(`${"".padEnd(16)}${columns.map(([name]) => name.padStart(Math.max(9, name.length + 2))).join("")}`);
  for (const [name, start] of which) {
    try {
      const row = await job(start);
      rows[name] = row;
      out(`${name.padEnd(16)}${columns.map(([head, f]) => cell(f(row), Math.max(9, head.length + 2))).join("")}`);
    } catch (error) {
      rows[name] = { error: String(error) };
      out(`${name.padEnd(16)}  failed: ${String(error).split("\n")[0]}`);
    }
  }
  results[key] = rows;
}

const STEADY: [string, (r: Steady) => string | number][] = [
  ["CPU s/M", (r) => r.cpu_s_per_million], ["packets/s", (r) => r.packets_per_second], ["lost %", (r) => r.lost_percent], ["p50 us", (r) => r.p50_us], ["p95 us", (r) => r.p95_us],
  ["p99 us", (r) => r.p99_us], ["server", (r) => r.server_cores], ["load", (r) => r.load_cores], ["others", (r) => r.other_cores], ["dark", (r) => String(r.dark)], ["load drops", (r) => String(r.socket_drops)],
];
const JOINS: [string, (r: Joins) => string | number][] = [
  ["joins", (r) => String(r.count)], ["all in s", (r) => r.seconds], ["DTLS p50 ms", (r) => r.dtls_p50_ms], ["p95", (r) => r.dtls_p95_ms], ["RTP p50 ms", (r) => r.rtp_p50_ms], ["p95", (r) => r.rtp_p95_ms],
  ["picture p50 ms", (r) => r.picture_p50_ms], ["p95", (r) => r.picture_p95_ms], ["CPU ms each", (r) => r.cpu_ms_each],
];
const GROWTH: [string, (r: Growth) => string | number][] = [
  ["count", (r) => String(r.count)], ["kB each", (r) => r.each_kb], ["with one kB", (r) => r.empty_kb], ["with all kB", (r) => r.full_kb], ["after kB", (r) => r.after_kb], ["all again kB", (r) => r.again_kb], ["threads", (r) => String(r.threads)],
];

interface Floor { floor_single_us: number; floor_paced_us: number }
function floor(): Floor | undefined { // CPU us of one packet to one destination: the cheapest way found; and when each packet is due
  const file = join(ROOT, "build/bench/floor.json"), program = join(buildDir(), "tests/bench/bench_floor");
  if (existsSync(program)) execFileSync(program, ["--json", file, ...(plan === QUICK ? ["--quick"] : [])], { stdio: "ignore" });
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, "utf8")) as Floor;
}

interface Check { what: string; value: number; goal: number; unit: string }
const checks: Check[] = [];
const value = (key: string, server: string, field: string): number => {
  const row = results[key]?.[server] as Record<string, number> | undefined;
  return row?.[field] ?? NaN;
};
const check = (what: string, number: number, goal: number, unit = ""): void => { if (!Number.isNaN(number)) checks.push({ what, value: number, goal, unit }); };
const ratio = (what: string, key: string, field: string, peer: string, goal: number): void => check(`${what}, huizhen / ${peer}`, value(key, OURS, field) / value(key, peer, field), goal);

out(`Relay: this gateway (${buildDir()}) and Janus VideoRoom ${args.includes("--no-janus") ? "(left out)" : ""}`);
out(`${cpus().length} cores, ${cpus()[0]?.model.trim()}, loopback. 1 publisher: 1 Mb/s VP8 (30 frames/s, a frame's packets at once) and Opus (50/s). AES-GCM, transport-cc.`);
out("(a), (b), (c): every server on core 0, the load on core 1. (d), (e): nothing bound. CPU s/M: CPU seconds of all the server's processes per million");
out("RTP packets that arrived. Delays: publisher's stamp to the receiver's socket (kernel time stamp). server, load, others: cores busy; others disturb.");
out(`janus loops: event_loops = ${cpus().length}; janus default: a thread a connection. Both: WebSocket transport and VideoRoom only, no logging, no record, full ICE.`);

await scenario("a", "one_to_100", "1 publisher to 100 subscribers, one worker", STEADY, (start) => oneToMany(start, plan));
await scenario("b", "consults", "20 consults of 3, everybody sees both others", STEADY, (start) => consults(start, plan));
await scenario("c", "joins", "joins, four at a time, to a running publisher", JOINS, (start) => joins(start, plan));
await scenario("d", "memory_subscriber", "private memory per subscriber", GROWTH, (start) => subscriberMemory(start, plan));
await scenario("d", "memory_publisher", "private memory per publisher", GROWTH, (start) => publisherMemory(start, plan));
await scenario("d", "memory_idle", "private memory per idle participant (WebSocket and connection, no media)", GROWTH, () => idleMemory(plan), servers.slice(0, 1));
await scenario("e", "one_to_1000", `1 publisher to ${plan.many} subscribers, two workers`, STEADY, (start) => thousand(start, plan),
  [[OURS, () => GatewayServer.start({ workers: 2 })], ...(plan === QUICK ? [] : servers.filter(([name]) => name === LOOPS))]);

const lowest = only.includes("a") ? floor() : undefined, single = lowest?.floor_single_us;
ratio("1 CPU, 1 to 100", "one_to_100", "cpu_s_per_million", LOOPS, 0.3);
if (single) check(`1 CPU, 1 to 100, huizhen / floor of one packet a destination (${single.toFixed(2)} us)`, value("one_to_100", OURS, "cpu_s_per_million") / single, 1.4);
ratio("1 CPU, 20 consults of 3", "consults", "cpu_s_per_million", LOOPS, 0.25);
ratio("1 CPU, 20 consults of 3", "consults", "cpu_s_per_million", DEFAULT, 0.25);
check("2 memory per subscriber", value("memory_subscriber", OURS, "each_kb"), 60, " kB");
check("2 memory per publisher", value("memory_publisher", OURS, "each_kb"), 100, " kB");
const left = (key: string): number => (value(key, OURS, "after_kb") - value(key, OURS, "empty_kb")) / (value(key, OURS, "full_kb") - value(key, OURS, "empty_kb"));
check(`2 memory with ${plan.idle} idle participants`, value("memory_idle", OURS, "full_kb") / 1000, 100, " MB");
for (const [key, who] of [["memory_subscriber", "subscribers"], ["memory_idle", "idle participants"]] as const) {
  check(`2 memory still held after ${who} left, of what they took`, left(key), 0.5);
  check(`2 memory when as many ${who} come again, of the first time`, value(key, OURS, "again_kb") / value(key, OURS, "full_kb"), 1.03);
}
ratio("3 delay p50, 1 to 100", "one_to_100", "p50_us", LOOPS, 0.35);
ratio("3 delay p50, 1 to 100", "one_to_100", "p50_us", DEFAULT, 0.35);
check("3 delay p99, 20 consults of 3", value("consults", OURS, "p99_us") / 1000, 1, " ms");
ratio("4 first RTP p50", "joins", "rtp_p50_ms", LOOPS, 0.6);
ratio("4 first RTP p50", "joins", "rtp_p50_ms", DEFAULT, 0.6);
check(`4 ${plan.joins} joins`, value("joins", OURS, "seconds"), 2, " s");
check(`6 lost, 1 to ${plan.many}`, value("one_to_1000", OURS, "lost_percent"), 0, " %");

out("\nThe closing list of issue 3");
for (const c of checks) out(`${c.value <= c.goal ? "holds" : "MISSES"}  ${c.what}: ${c.value.toFixed(2)}${c.unit} (at most ${c.goal}${c.unit})`);
// The floor sends without a pause; a relay sleeps until the next packet comes, and is woken. What that costs whoever sends is no goal, but a part of the distance.
if (lowest) out(`       where 1 CPU, 1 to 100 goes: a floor that sends each packet when it is due takes ${lowest.floor_paced_us.toFixed(2)} us a packet; of that the gateway ${(value("one_to_100", OURS, "cpu_s_per_million") / lowest.floor_paced_us).toFixed(2)}`);
mkdirSync(join(ROOT, "build/bench"), { recursive: true });
writeFileSync(join(ROOT, "build/bench/relay.json"), JSON.stringify({ made: new Date().toISOString(), plan, cpu: cpus()[0]?.model, cores: cpus().length, results, floor: lowest ?? null, checks }, null, 2) + "\n");
out("\nbuild/bench/relay.json");
