// ./dev bench record [--quick] [--no-janus] [--consults=N]: what recording costs, here and with Janus VideoRoom (.mjr), on the same
// rooms: consults of 3, everybody sees both others. Windows with and without recording take turns in one running server, so that
// nothing else differs. JSON: build/bench/record.json
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { ROOT, sleep } from "../lib/gateway.ts";
import { GatewayServer } from "./gateway.ts";
import { JanusServer } from "./janus.ts";
import { Load } from "./load.ts";
import { bind } from "./measure.ts";
import { cpuOf, cpuSeconds, prefer } from "./proc.ts";

const option = (name: string, fallback: number): number => Number(process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback);
const quick = process.argv.includes("--quick");
const rounds = option("rounds", quick ? 2 : 6), seconds = option("seconds", 6), consults = option("consults", 12);

interface Window { recording: boolean; packets: number; lost: number; written: number; relay_s: number; recorder_s: number; all_s: number } // CPU seconds
interface Row { name: string; windows: Window[]; relay_us: [number, number]; ratio: number; recorder_share: number; total_ratio: number; written_mbit: number }

const median = (values: number[]): number => {
  const sorted = [...values].sort((a, b) => a - b), half = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
};

function bytesBelow(folder: string): number {
  let sum = 0;
  for (const e of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!e.isFile() || !/\.(hzj|mjr)$/.test(e.name)) continue;
    try { sum += statSync(join(e.parentPath ?? e.path, e.name)).size; } catch { /* renamed meanwhile */ }
  }
  return sum;
}

async function window(server: GatewayServer | JanusServer, load: Load, recording: boolean): Promise<Window> {
  const ours = server instanceof GatewayServer, relay = ours ? server.workerPids() : server.pids(), recorder = ours ? [server.pidOf("recorder")] : [];
  await server.record(recording);
  await sleep(2500);
  load.mark();
  const before = [relay, recorder, server.pids()].map(cpuOf), bytes = bytesBelow(server.folder);
  await sleep(seconds * 1000);
  const after = [relay, recorder, server.pids()].map(cpuOf), report = await load.report();
  const spent = after.map((a, i) => cpuSeconds(before[i]!, a));
  return { recording, packets: report.received, lost: report.lost, written: bytesBelow(server.folder) - bytes, relay_s: spent[0]!, recorder_s: spent[1]!, all_s: spent[2]! };
}

// Neighbours are compared: a machine changes its pace in minutes, not within a pair.
function judge(name: string, windows: Window[]): Row {
  const on = windows.filter((w) => w.recording), off = windows.filter((w) => !w.recording);
  const us = (w: Window): number => 1e6 * w.relay_s / w.packets, total = (w: Window): number => w.all_s / w.packets;
  return {
    name, windows, relay_us: [median(off.map(us)), median(on.map(us))],
    ratio: median(on.map((w, i) => us(w) / us(off[i]!))), total_ratio: median(on.map((w, i) => total(w) / total(off[i]!))),
    recorder_share: median(on.map((w) => w.recorder_s / w.relay_s)), written_mbit: median(on.map((w) => 8 * w.written / seconds / 1e6)),
  };
}

async function measure(name: string, start: () => Promise<GatewayServer | JanusServer>): Promise<Row> {
  const server = await start();
  try {
    const load = await Load.start(consults * 6, { cpu: "1" });
    try {
      bind(server, "0");
      let next = 0;
      for (let c = 0; c < consults; c++) next += await server.consult(load, `consult${c}`, ["a", "b", "c"].map((p) => `${p}${c}`), next);
      await sleep(3000);
      const windows: Window[] = [];
      for (let i = 0; i < rounds; i++) // the pair's order changes, so that what drifts cancels
        for (const recording of i % 2 ? [true, false] : [false, true]) windows.push(await window(server, load, recording));
      return judge(name, windows);
    } finally { await load.stop(); }
  } finally { await server.stop(); }
}

prefer();
const out = (line: string): void => { process.stdout.write(`${line}\n`); };
out(`Recording: ${consults} consults of 3 (1 Mb/s VP8 and Opus each), ${rounds} pairs of windows of ${seconds} s; server on core 0, load on core 1; ${cpus().length} cores, ${cpus()[0]?.model.trim()}`);
const rows: Row[] = [await measure("huizhen", () => GatewayServer.start())];
if (!process.argv.includes("--no-janus")) {
  rows.push(await measure("janus loops", () => JanusServer.start({ name: "janus loops", eventLoops: cpus().length })));
  if (!quick) rows.push(await measure("janus default", () => JanusServer.start({ name: "janus default" })));
}
out(`${"".padEnd(16)}  relay us a packet: off      on   ratio   recorder / relay   everything, ratio   Mb/s written   lost`);
for (const r of rows)
  out(`${r.name.padEnd(16)}${r.relay_us[0].toFixed(2).padStart(24)}${r.relay_us[1].toFixed(2).padStart(8)}${r.ratio.toFixed(3).padStart(8)}${(100 * r.recorder_share).toFixed(1).padStart(17)} %${r.total_ratio.toFixed(3).padStart(20)}${r.written_mbit.toFixed(1).padStart(15)}${String(r.windows.reduce((n, w) => n + w.lost, 0)).padStart(7)}`);
const ours = rows[0]!;
const checks = [{ what: "6 the media worker, CPU a packet, recording / not", value: ours.ratio, goal: 1.05 }, { what: "6 recorder / relay, CPU", value: ours.recorder_share, goal: 0.15 }];
for (const c of checks) out(`${c.value <= c.goal ? "holds" : "MISSES"}  ${c.what}: ${c.value.toFixed(3)} (at most ${c.goal})`);
mkdirSync(join(ROOT, "build/bench"), { recursive: true });
writeFileSync(join(ROOT, "build/bench/record.json"), JSON.stringify({ made: new Date().toISOString(), cpu: cpus()[0]?.model, consults, rounds, seconds, rows, checks }, null, 2) + "\n");
out("build/bench/record.json");
