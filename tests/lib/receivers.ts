// Other people's platforms in tests: nginx with its RTMP module, which asks somebody whether a key is right and keeps what it gets;
// ffmpeg that listens for SRT; and what is in the files they keep.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createServer, type Server } from "node:http";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeTcpPort, until } from "./gateway.ts";

/** When each picture in these files was sent, in ms (hz-peer --stamp). */
export function marksOf(files: string[]): number[] {
  return files.flatMap((file) => existsSync(file) ? [...readFileSync(file, "latin1").matchAll(/HZMARK=(\d+);/g)].map((m) => Number(m[1]) / 1000) : []);
}

export class RtmpPlatform {
  private child: ChildProcess | null = null;
  asked: string[] = [];
  private constructor(readonly port: number, readonly dir: string, private readonly door: Server) {}

  static async start(key: string): Promise<RtmpPlatform> {
    const dir = mkdtempSync(join(tmpdir(), "hz-rtmp-")), port = await freeTcpPort();
    mkdirSync(join(dir, "kept"));
    let platform: RtmpPlatform;
    const door = createServer((req, res) => {
      let body = "";
      req.on("data", (data) => { body += String(data); });
      req.on("end", () => {
        const name = new URLSearchParams(body).get("name") ?? "";
        platform.asked.push(name);
        res.writeHead(name === key ? 200 : 403).end();
      });
    });
    await new Promise<void>((done) => door.listen(0, "127.0.0.1", done));
    platform = new RtmpPlatform(port, dir, door);
    writeFileSync(join(dir, "nginx.conf"), `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log; worker_processes 1; user root;
events { worker_connections 64; }
rtmp { server { listen 127.0.0.1:${port}; application live { live on; record all; record_path ${dir}/kept; record_suffix -%s.flv; record_unique on;
  on_publish http://127.0.0.1:${(door.address() as AddressInfo).port}/; } } }
`);
    await platform.begin();
    return platform;
  }

  async begin(): Promise<void> {
    this.child = spawn("nginx", ["-c", join(this.dir, "nginx.conf"), "-e", join(this.dir, "error.log")], { stdio: "ignore" });
    await until("nginx with RTMP", 10000, () => existsSync(join(this.dir, "pid")));
  }

  async end(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((done) => child.once("exit", () => done()));
    child.kill("SIGKILL");
    await gone;
    rmSync(join(this.dir, "pid"), { force: true });
  }

  hold(on: boolean): void { this.child?.kill(on ? "SIGSTOP" : "SIGCONT"); }
  files(): string[] { return readdirSync(join(this.dir, "kept")).map((name) => join(this.dir, "kept", name)).sort(); }
  marks(): number[] { return marksOf(this.files()); }

  async stop(): Promise<void> {
    await this.end();
    this.door.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** ffmpeg that listens for one SRT caller, and keeps what comes as it is. */
export class SrtPlatform {
  readonly file: string;
  private readonly dir = mkdtempSync(join(tmpdir(), "hz-srt-"));
  private readonly child: ChildProcess;

  constructor(readonly port: number, passphrase: string) {
    this.file = join(this.dir, "kept.flv");
    this.child = spawn("ffmpeg", ["-v", "error", "-nostdin", "-fflags", "nobuffer", "-probesize", "100000", "-analyzeduration", "1000000",
      "-i", `srt://127.0.0.1:${port}?mode=listener&passphrase=${passphrase}&latency=200000`, "-c", "copy", "-flush_packets", "1", "-f", "flv", "-y", this.file], { stdio: "ignore" });
  }
  marks(): number[] { return marksOf([this.file]); }
  stop(): void { this.child.kill("SIGKILL"); rmSync(this.dir, { recursive: true, force: true }); }
}

const probe = (graph: string, tag: string): { at: number; value: number }[] =>
  execFileSync("ffprobe", ["-v", "error", "-f", "lavfi", "-i", graph, "-show_entries", `frame=pts_time:frame_tags=${tag}`, "-of", "csv=p=0"], { encoding: "utf8", maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "ignore"] })
    .trim().split("\n").map((line) => line.split(",").map(Number)).map(([at = NaN, value = NaN]) => ({ at, value })).filter((f) => !Number.isNaN(f.at));

const onsets = (list: { at: number; value: number }[], from: number): number[] =>
  list.filter((f, i) => f.value > from && (list[i - 1]?.value ?? 1e9) <= from).map((f) => f.at);

/** Decodes picture and sound: when pictures turn bright and when it begins to sound, in s. */
export function flashesAndBeeps(file: string): { pictures: number; flashes: number[]; beeps: number[] } {
  const pictures = probe(`movie=${file},signalstats`, "lavfi.signalstats.YAVG");
  const sound = probe(`amovie=${file},astats=metadata=1:reset=1`, "lavfi.astats.Overall.RMS_level").map((f) => ({ ...f, value: Number.isFinite(f.value) ? f.value : -200 }));
  return { pictures: pictures.length, flashes: onsets(pictures, 120), beeps: onsets(sound, -45) };
}
