// CPU time, memory and core binding of a server's processes, from /proc.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";

export type Cpu = Map<string, number>; // "pid/tid" -> ns on a core, user and system (schedstat: exact, unlike stat's ticks)

export function cpuOf(pids: number[]): Cpu {
  const times: Cpu = new Map();
  for (const pid of pids) {
    for (const tid of readdirSync(`/proc/${pid}/task`)) {
      try {
        times.set(`${pid}/${tid}`, Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "utf8").split(" ")[0]));
      } catch { /* the thread ended */ }
    }
  }
  return times;
}

// Seconds between two looks. A thread that ended in between counts nothing: an idle helper, or the figure is a little low.
export function cpuSeconds(before: Cpu, after: Cpu): number {
  let ns = 0;
  for (const [key, value] of after) ns += value - (before.get(key) ?? 0);
  return ns / 1e9;
}

// private_kb: what was written and is nobody else's. Clean pages are the program's own file: they turn from "private" to "shared"
// and back when another process of the same program comes and goes, and are no memory that a call took.
export interface Memory { private_kb: number; pss_kb: number }

export function memoryOf(pids: number[]): Memory {
  const sum = { private_kb: 0, pss_kb: 0 };
  for (const pid of pids) {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    for (const m of text.matchAll(/^Private_(?:Dirty|Hugetlb):\s+(\d+) kB/gm)) sum.private_kb += Number(m[1]);
    sum.pss_kb += Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
  }
  return sum;
}

// All threads of these processes on that core ("0", "0,1"); new threads inherit it.
export function pin(pids: number[], cpu: string): void {
  for (const pid of pids) execFileSync("taskset", ["-a", "-c", "-p", cpu, String(pid)], { stdio: "ignore" });
}

export function threads(pids: number[]): number {
  return pids.reduce((n, pid) => n + readdirSync(`/proc/${pid}/task`).length, 0);
}

// HZ_BENCH_NICE=-15 (root): this process, and what it starts, before a busy machine's other work; every server alike.
export function prefer(): void {
  const nice = process.env["HZ_BENCH_NICE"];
  if (!nice) return;
  setPriority(Number(nice));
  if (existsSync("/proc/self/autogroup")) writeFileSync("/proc/self/autogroup", nice); // where sessions share, not processes
}
