// ./dev bench mix [--quick] [--only=sound,picture,whep,hls]: what one picture and one sound for many cost.
//   sound  200 listeners, each without themself, of 5 speakers
//   picture six cameras of 720p25 composed into one, beside the same in one bare gst-launch
//   hls    the same as files through nginx: CPU a viewer, and where this machine ends
//   whep   a programme to viewers over WHEP: CPU a viewer, and where this machine ends
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { ROOT, sleep, until } from "../lib/gateway.ts";
import { GatewayServer } from "./gateway.ts";
import { files, whyFilesEnd } from "./hls.ts";
import { buildDir, Load } from "./load.ts";
import { inParallel, steady, type Steady } from "./measure.ts";
import { prefer } from "./proc.ts";

const args = process.argv.slice(2), quick = args.includes("--quick");
const only = (args.find((a) => a.startsWith("--only="))?.slice(7) ?? "sound,picture,whep,hls").split(",");
const VIEWERS = quick ? [50, 200] : [250, 500, 1000, 1500, 2000, 2500];
const SUBJECTS = 16; // viewers a token's subject may be at once

interface Check { what: string; value: number; goal: number; unit: string }
const checks: Check[] = [];
const results: Record<string, unknown> = {};
const out = (line = ""): void => { process.stdout.write(`${line}\n`); };

// A tick's cost does not depend on real time: seconds of CPU a second of sound.
function sound(): void {
  const text = execFileSync(join(buildDir(), "tests/bench/bench_mixer"), ["200", "5", quick ? "5" : "20"], { encoding: "utf8" });
  out(`\nsound\n${text.trimEnd()}`);
  const cores = Number(/200 listeners.*CPU ([0-9.]+) s\/s/.exec(text)?.[1] ?? NaN);
  results["sound"] = { cores };
  checks.push({ what: "2 sound: 200 listeners with mix-minus, 5 speakers, of a core", value: cores, goal: 0.5, unit: "" });
}

function picture(): void {
  const text = execFileSync(join(buildDir(), "tests/bench/bench_mosaic"), [quick ? "4" : "20"], { encoding: "utf8" });
  out(`\npicture\n${text.trimEnd()}`);
  const cores = Number(/^mosaic .*CPU ([0-9.]+) s\/s/m.exec(text)?.[1] ?? NaN), bare = Number(/^gst-launch .*CPU ([0-9.]+) s\/s/m.exec(text)?.[1] ?? NaN);
  results["picture"] = { cores, gst_launch_cores: bare };
  checks.push({ what: "2 picture: six cameras of 720p25 as one, of a bare gst-launch's decode, compose and encode", value: cores / bare, goal: 1.25, unit: "" });
}

interface Row extends Steady { viewers: number }

function whyItEnds(row: Row): string {
  if (row.socket_drops > 0 || row.load_cores > 0.9) return "the load generator";
  if (row.server_cores + row.load_cores + row.other_cores > 0.95 * cpus().length) return `all ${cpus().length} cores are busy (${row.server_cores.toFixed(2)} the gateway, ${row.load_cores.toFixed(2)} the load)`;
  return "not reached";
}

// Nothing lost, and everybody gets the programme as the first few did: where a machine has no time left, pictures step down first.
const whole = (row: Row, first: Row): boolean =>
  row.lost === 0 && row.dark === 0 && row.packets_per_second / row.viewers > 0.98 * first.packets_per_second / first.viewers;

async function whep(): Promise<void> {
  out("\nwhep: a programme (1 Mb/s VP8, Opus) to viewers, two workers; nothing bound to a core");
  out("viewers   packets/s   CPU ms/s a viewer   gateway cores   load   lost   dark   p50 ms   p99 ms");
  const rows: Row[] = [], most = VIEWERS.at(-1) ?? 0;
  const server = await GatewayServer.start({ workers: 2 }), load = await Load.start(most + 1);
  try {
    await server.publish(load, "theatre", "or1", 0);
    await server.broadcast("theatre", "or1");
    for (let there = 0, i = 0; i < VIEWERS.length; there = VIEWERS[i++] ?? 0) {
      const count = VIEWERS[i] ?? 0;
      await inParallel(count - there, 8, (n) => server.watch(load, "theatre", `v${Math.floor((there + n) / SUBJECTS)}`, 1 + there + n));
      await until("a picture everywhere", 20000, async () => (await load.report()).dark === 0).catch(() => undefined); // the row tells
      await sleep(3000);
      const s = await steady(server, load, quick ? 1 : 3, quick ? 4 : 8), row: Row = { ...s, viewers: count };
      rows.push(row);
      out(`${String(count).padStart(7)} ${s.packets_per_second.toFixed(0).padStart(11)} ${(1000 * s.server_cores / count).toFixed(3).padStart(19)} ${s.server_cores.toFixed(2).padStart(15)} ${s.load_cores.toFixed(2).padStart(6)} `
        + `${String(s.lost).padStart(6)} ${String(s.dark).padStart(6)} ${(s.p50_us / 1000).toFixed(2).padStart(8)} ${(s.p99_us / 1000).toFixed(2).padStart(8)}`);
      if (!whole(row, rows[0] as Row)) break; // further on there is nothing to learn
    }
  } finally {
    await load.stop();
    await server.stop();
  }
  const last = rows.at(-1);
  if (last) out(`ends: ${whyItEnds(last)}`);
  results["whep"] = rows;
  const goal = Math.min(1000, most);
  const held = Math.max(0, ...rows.filter((r) => whole(r, rows[0] as Row)).map((r) => r.viewers));
  checks.push({ what: `6 viewers over WHEP that were wanted (${goal}) of those who had all of it`, value: goal / held, goal: 1, unit: "" });
}

async function hls(): Promise<void> {
  out("\nhls: the same programme as files: the packager, nginx (one process), players that fetch segments of 4 s");
  out("viewers   requests/s    MB/s   nginx CPU ms/s a viewer   nginx cores   gateway   players   failed   late   slowest ms");
  const rows = await files(quick ? [50, 200] : [500, 1000, 2000, 4000, 8000], quick ? 8 : 16, (r) =>
    out(`${String(r.viewers).padStart(7)} ${r.requests_per_second.toFixed(0).padStart(12)} ${r.megabytes_per_second.toFixed(1).padStart(7)} ${(1000 * r.nginx_cores / r.viewers).toFixed(3).padStart(25)} ${r.nginx_cores.toFixed(2).padStart(13)} ${r.gateway_cores.toFixed(2).padStart(9)} ${r.players_cores.toFixed(2).padStart(9)} `
      + `${String(r.failed).padStart(8)} ${String(r.late).padStart(6)} ${r.slowest_ms.toFixed(0).padStart(12)}`));
  const last = rows.at(-1);
  if (last) out(`ends: ${whyFilesEnd(last)}`);
  results["hls"] = rows;
  const goal = quick ? 200 : 1000, held = Math.max(0, ...rows.filter((r) => r.failed + r.late === 0).map((r) => r.viewers));
  checks.push({ what: `6 viewers of files that were wanted (${goal}) of those whom nothing came late`, value: goal / held, goal: 1, unit: "" });
}

prefer();
out(`One for many (${buildDir()}); ${cpus().length} cores, ${cpus()[0]?.model.trim()}, loopback`);
if (only.includes("sound")) sound();
if (only.includes("picture")) picture();
if (only.includes("whep")) await whep();
if (only.includes("hls")) await hls();

out("\nThe closing list of issue 5");
for (const c of checks) out(`${c.value <= c.goal ? "holds" : "MISSES"}  ${c.what}: ${c.value.toFixed(2)}${c.unit} (at most ${c.goal}${c.unit})`);
mkdirSync(join(ROOT, "build/bench"), { recursive: true });
writeFileSync(join(ROOT, "build/bench/mix.json"), `${JSON.stringify({ made: new Date().toISOString(), cpu: cpus()[0]?.model, cores: cpus().length, results, checks }, null, 2)}\n`);
out("\nbuild/bench/mix.json");
