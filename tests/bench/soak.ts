// ./dev bench soak [--minutes=120]: consults of 3 and viewers of a broadcast come and go, some without a word, over links
// that lose and reorder packets at random. Afterwards: did memory grow, did anything fail, did a process restart?
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, sleep } from "../lib/gateway.ts";
import { GatewayServer } from "./gateway.ts";
import { Load } from "./load.ts";
import { cpuOf, cpuSeconds, memoryOf, prefer } from "./proc.ts";

const CONSULTS = 12, VIEWERS = 24, LOSSES = [0, 0, 5, 20, 50]; // per mille, each way
const minutes = Number(process.argv.find((a) => a.startsWith("--minutes="))?.slice(10) ?? (process.argv.includes("--quick") ? 2 : 120));
const sampleS = Math.max(5, Math.min(30, minutes * 2));

interface Sample { minute: number; private_kb: number; participants: number; cores: number; packets_per_second: number; lost_percent: number; dark: number; loss_permille: number }
const samples: Sample[] = [];
const problems: string[] = [];
const counts = { consults: 0, views: 0, vanished: 0 };
const random = (below: number): number => Math.floor(Math.random() * below);

prefer();
const server = await GatewayServer.start({ workers: 2 });
const load = await Load.start(1 + 3 * CONSULTS + VIEWERS);
const children = server.workers().join(" ");
const end = Date.now() + minutes * 60000;
const over = (): boolean => Date.now() > end;
let loss = 0;

async function attempt(what: string, job: () => Promise<unknown>): Promise<boolean> {
  try { await job(); return true; } catch (error) {
    problems.push(`${new Date().toISOString()} ${what} (${loss} per mille lost): ${String(error).split("\n")[0]}`);
    return false;
  }
}

async function depart(endpoint: number): Promise<void> {
  if (random(4) > 0) { await attempt("leave", () => server.leave(load, endpoint)); return; }
  counts.vanished++;
  await server.vanish(load, endpoint);
}

async function consultsIn(seat: number): Promise<void> {
  const first = 1 + 3 * seat;
  for (let n = 0; !over(); n++) {
    await sleep(random(5000));
    const room = `c${seat}-${n}`;
    if (await attempt("consult", () => server.consult(load, room, ["a", "b", "c"], first))) {
      counts.consults++;
      await sleep(3000 + random(40000));
    }
    for (let i = 0; i < 3; i++) { await depart(first + i); await sleep(random(500)); }
    await attempt("close", () => server.closeConsult(room));
  }
}

async function viewer(seat: number): Promise<void> {
  const endpoint = 1 + 3 * CONSULTS + seat;
  for (let n = 0; !over(); n++) {
    await sleep(random(3000));
    if (await attempt("view", () => server.subscribe(load, "broadcast", "camera", `v${seat}-${n}`, endpoint, "picture"))) {
      counts.views++;
      await sleep(1000 + random(20000));
    }
    await depart(endpoint);
  }
}

async function sample(began: number): Promise<void> {
  const before = cpuOf(server.pids()), at = performance.now();
  load.mark();
  await sleep(sampleS * 1000);
  const seconds = (performance.now() - at) / 1000, report = await load.report();
  if (server.workers().join(" ") !== children) problems.push(`processes changed: ${children} to ${server.workers().join(" ")}`);
  samples.push({
    minute: (Date.now() - began) / 60000, private_kb: memoryOf(server.pids()).private_kb, participants: (await server.metrics()).get("huizhen_participants") ?? 0,
    cores: cpuSeconds(before, cpuOf(server.pids())) / seconds, packets_per_second: report.received / seconds,
    lost_percent: 100 * report.lost / Math.max(1, report.received), dark: report.dark, loss_permille: loss,
  });
  const s = samples.at(-1) as Sample;
  process.stdout.write(`${s.minute.toFixed(1).padStart(6)} min ${String(s.private_kb).padStart(8)} kB ${String(s.participants).padStart(5)} people ${s.cores.toFixed(2)} cores `
    + `${s.packets_per_second.toFixed(0).padStart(6)} packets/s lost ${s.lost_percent.toFixed(2)} % (link ${s.loss_permille / 10} %) problems ${problems.length}\n`);
}

const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

await server.publish(load, "broadcast", "camera", 0);
await sleep(1000);
const seats = [...Array.from({ length: CONSULTS }, (_, i) => consultsIn(i)), ...Array.from({ length: VIEWERS }, (_, i) => viewer(i))];
const weather = (async (): Promise<void> => {
  for (let quiet = 0; !over(); quiet++) {
    loss = quiet === 0 ? 0 : LOSSES[random(LOSSES.length)] ?? 0;
    load.impair(loss);
    await sleep(20000);
  }
})();
for (const began = Date.now(); !over();) await sample(began);
load.impair(0);
await Promise.all([...seats, weather]);

const quarter = Math.max(1, Math.floor(samples.length / 4));
const early = mean(samples.slice(quarter, 2 * quarter).map((s) => s.private_kb)), late = mean(samples.slice(-quarter).map((s) => s.private_kb));
const metrics = Object.fromEntries([...(await server.metrics())].filter(([k, v]) => v > 0 && /dropped|failed|bad|refused|recover|5xx|incarnation/.test(k)));
const result = {
  minutes, ...counts, joins: 3 * counts.consults + counts.views, problems: problems.length, growth_kb: late - early, growth_percent: 100 * (late - early) / early,
  restarted: server.workers().join(" ") !== children, complaints: server.complaints().length, metrics,
};
process.stdout.write(`${JSON.stringify(result, null, 2)}\n${[...problems.slice(0, 20), ...server.complaints().slice(0, 20)].join("\n")}\n`);
const judged = minutes >= 20; // before that it is warming up
const good = problems.length === 0 && !result.restarted && (!judged || result.growth_percent < 5);
process.stdout.write(`${good ? "holds" : "MISSES"}  7 ${minutes} minutes: no growth (${result.growth_percent.toFixed(1)} % from the second to the last quarter${judged ? "" : "; too short to judge"}), no error (${problems.length}), no restart\n`);
mkdirSync(join(ROOT, "build/bench"), { recursive: true });
writeFileSync(join(ROOT, "build/bench/soak.json"), JSON.stringify({ result, samples, problems }, null, 2) + "\n");
await server.stop();
await load.stop();
