// A broadcast as files to many viewers: the gateway's packager, nginx before its folder, and tests/bench/players.ts.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { makeClip } from "../lib/clip.ts";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { startNginx } from "../lib/nginx.ts";
import { Room } from "../lib/peer.ts";
import { RpcClient } from "../lib/rpc.ts";
import { cpuOf, cpuSeconds } from "./proc.ts";

export interface FilesRow { viewers: number; requests_per_second: number; megabytes_per_second: number; nginx_cores: number; gateway_cores: number; players_cores: number; failed: number; late: number; slowest_ms: number }
interface Counts { requests: number; bytes: number; failed: number; segments: number; late: number; slowest_ms: number }

class Players {
  private readonly answers: ((c: Counts) => void)[] = [];
  private constructor(readonly process: ReturnType<typeof spawn>) {
    createInterface({ input: process.stdout! }).on("line", (line) => this.answers.shift()?.(JSON.parse(line) as Counts));
  }
  static start(url: string, count: number): Players {
    return new Players(spawn("node", ["--import", "tsx", join(import.meta.dirname, "players.ts"), url, String(count)], { stdio: ["pipe", "pipe", "inherit"], cwd: join(import.meta.dirname, "..") }));
  }
  mark(): void { this.process.stdin?.write("mark\n"); }
  report(): Promise<Counts> {
    this.process.stdin?.write("report\n");
    return new Promise((done) => this.answers.push(done));
  }
  stop(): void { this.process.kill("SIGKILL"); }
}

async function measure(url: string, viewers: number, seconds: number, nginx: number[], gateway: number[]): Promise<FilesRow> {
  const players = Players.start(url, viewers), own = [players.process.pid as number];
  try {
    await sleep(12000); // all have begun, and fetch what is new only
    const before = [nginx, gateway, own].map(cpuOf), began = performance.now();
    players.mark();
    await sleep(seconds * 1000);
    const counts = await players.report(), took = (performance.now() - began) / 1000;
    const [a, b, c] = [nginx, gateway, own].map((pids, i) => cpuSeconds(before[i]!, cpuOf(pids)) / took) as [number, number, number];
    return {
      viewers, requests_per_second: counts.requests / took, megabytes_per_second: counts.bytes / took / 1e6, nginx_cores: a, gateway_cores: b, players_cores: c,
      failed: counts.failed, late: counts.late, slowest_ms: counts.slowest_ms,
    };
  } finally { players.stop(); }
}

// One row for each number of viewers, until one of them is late. `tell` hears of each.
export async function files(steps: number[], seconds: number, tell: (row: FilesRow) => void): Promise<FilesRow[]> {
  const dir = mkdtempSync(join(tmpdir(), "hz-bench-hls-")), clip = join(dir, "clip"), rows: FilesRow[] = [], ends: (() => unknown)[] = [];
  try {
    makeClip(clip, "h264");
    const gateway = await Gateway.start({});
    ends.push(() => gateway.stop());
    const { client } = await RpcClient.join(gateway.url, { token: gateway.token("op", "clinic", { id: "dir", grant: "create" }) });
    ends.push(() => client.close());
    const room = await Room.start(gateway.url, "op", [{ id: "or1", token: gateway.token("op", "theatre", { id: "or1" }) }], ["--codec", "h264", "--copies", "0", "--clip", clip], 0);
    ends.push(() => room.process.kill("SIGKILL"));
    const director = gateway.token("op", "director", { id: "dir2" }), source = { participant: "or1", source: "camera" };
    const made = await gateway.api(director, "PUT", "/api/v1/consults/op/broadcast", { title: "Bench", delay_s: 2, sources: [source], voices: ["or1"] });
    if (!made.ok) throw new Error(`broadcast: ${made.status} ${await made.text()}`);
    await client.call("broadcast.program", { source });
    const watch = await (await gateway.api(director, "GET", "/api/v1/consults/op/broadcast/watch")).json() as { hls: { url: string } };
    const name = watch.hls.url.split("/")[2] ?? "", folder = join(gateway.dataDir, "hls");
    await until("files", 30000, () => existsSync(join(folder, name, "master.m3u8")));
    const nginx = await startNginx(folder);
    ends.push(nginx.stop);
    await sleep(10000);
    const pids = nginx.pids(), ours = [gateway.process.pid ?? 0, ...gateway.children().map((c) => c.pid)];
    for (const viewers of steps) {
      const row = await measure(`${nginx.url}/hls/${name}`, viewers, seconds, pids, ours);
      rows.push(row);
      tell(row);
      if (row.failed + row.late > 0 || row.players_cores > 0.95) break;
    }
    return rows;
  } finally {
    for (const end of ends.reverse()) await end();
    rmSync(dir, { recursive: true, force: true });
  }
}

export function whyFilesEnd(row: FilesRow): string {
  if (row.players_cores > 0.9) return "the players' one core (JavaScript)";
  const all = row.players_cores + row.nginx_cores + row.gateway_cores;
  if (all > 0.95 * cpus().length) return `all ${cpus().length} cores are busy (${row.nginx_cores.toFixed(2)} nginx, ${row.players_cores.toFixed(2)} players)`;
  return row.failed + row.late > 0 ? `${row.failed} requests failed, ${row.late} segments were late` : "not reached";
}
