// One measurement: a server and hz-load over a few windows of steady traffic; the median window counts.
import { readFileSync } from "node:fs";
import { sleep } from "../lib/gateway.ts";
import type { Load, Report } from "./load.ts";
import { cpuOf, cpuSeconds, pin } from "./proc.ts";
import type { Server } from "./server.ts";

export interface Steady {
  cpu_s_per_million: number; // server, user and system, per million packets that arrived at receivers
  packets_per_second: number; lost: number; lost_percent: number; dark: number; silent: number; socket_drops: number;
  p50_us: number; p95_us: number; p99_us: number;
  server_cores: number; load_cores: number; other_cores: number; // busy on average
  repaired: number; nacks: number; feedbacks: number;
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;

export function percentile(values: number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * percent / 100) - 1)] ?? NaN;
}

function busyTicks(): number { // all cores, without idle and waiting, and without what the hypervisor took
  const fields = (readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "").trim().split(/\s+/).slice(1).map(Number);
  return [0, 1, 2, 5, 6].reduce((sum, i) => sum + (fields[i] ?? 0), 0);
}

async function window(server: Server, load: Load, seconds: number): Promise<{ cpu: number; busy: number; report: Report }> {
  const pids = server.pids();
  load.mark();
  const before = cpuOf(pids), busy = busyTicks();
  await sleep(seconds * 1000);
  const cpu = cpuSeconds(before, cpuOf(pids));
  const report = await load.report();
  return { cpu, busy: (busyTicks() - busy) / 100, report };
}

export async function steady(server: Server, load: Load, windows: number, seconds: number): Promise<Steady> {
  const rows: Steady[] = [];
  for (let i = 0; i < windows; i++) {
    const { cpu, busy, report: r } = await window(server, load, seconds);
    rows.push({
      cpu_s_per_million: cpu * 1e6 / r.received, packets_per_second: r.received / r.seconds,
      lost: r.lost, lost_percent: 100 * r.lost / Math.max(1, r.received + r.lost), dark: r.dark, silent: r.silent, socket_drops: r.socket_drops,
      p50_us: r.p50_us, p95_us: r.p95_us, p99_us: r.p99_us,
      server_cores: cpu / r.seconds, load_cores: r.load_cpu_s / r.seconds, other_cores: (busy - cpu - r.load_cpu_s) / r.seconds,
      repaired: r.repaired, nacks: r.nacks_sent, feedbacks: r.feedbacks,
    });
  }
  const result = { ...rows[0] } as Steady;
  for (const key of Object.keys(result) as (keyof Steady)[]) result[key] = median(rows.map((r) => r[key]));
  result.lost = rows.reduce((sum, r) => sum + r.lost, 0); // of all windows
  return result;
}

// A server's threads on these cores ("0"); undefined: wherever the kernel puts them.
export function bind(server: Server, cpu: string | undefined): void {
  if (cpu !== undefined) pin(server.pids(), cpu);
}

// Runs `job` for 0..count-1, `width` at a time.
export async function inParallel(count: number, width: number, job: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => { while (next < count) await job(next++); };
  await Promise.all(Array.from({ length: width }, worker));
}
