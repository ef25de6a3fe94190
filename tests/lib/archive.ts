// `huizhen archive` over a store of its own.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, sleep, until } from "./gateway.ts";

export class Archive {
  readonly data = mkdtempSync(join(tmpdir(), "hz-archive-"));
  readonly store = join(this.data, "record");
  private child?: ChildProcess;
  constructor(readonly env: Record<string, string> = {}, readonly preset = "release") { mkdirSync(this.store); }

  get binary(): string { return join(ROOT, "build", this.preset, "gateway/huizhen"); }
  get environment(): NodeJS.ProcessEnv { return { ...process.env, TZ: "Asia/Shanghai", HUIZHEN_DATA_DIR: this.data, HUIZHEN_RECORD_RETRY_SECONDS: "2", HUIZHEN_RECORD_COMPOSE: "false", ...this.env }; }

  start(): void {
    const log = openSync(join(this.data, "log"), "a");
    this.child = spawn(this.binary, ["archive"], { stdio: ["ignore", log, log], cwd: this.data, env: this.environment });
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.child;
    if (!child) return 0;
    child.kill(signal);
    await until("the archive's end", 10000, () => child.exitCode !== null || child.signalCode !== null);
    this.child = undefined;
    return child.exitCode;
  }

  run(...args: string[]): string { return execFileSync(this.binary, args, { env: this.environment, cwd: this.data, encoding: "utf8" }); }
  metrics(): string { return readFileSync(join(this.store, "metrics.prom"), "utf8"); }
  console(): Record<string, any> { return JSON.parse(readFileSync(join(this.store, "outbox.json"), "utf8")); }
  log(): string { return readFileSync(join(this.data, "log"), "utf8"); }
  async done(): Promise<void> {
    await this.end("SIGKILL");
    await sleep(20);
    rmSync(this.data, { recursive: true, force: true });
  }
}
