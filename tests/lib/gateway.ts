// Starts a real gateway on free ports with a data folder of its own, and finds, kills and asks its processes.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { createSocket } from "node:dgram";
import { mkdtempSync, writeFileSync, readFileSync, readdirSync, rmSync, openSync, closeSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../..");
export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
/** What loses a race: it does not keep the test's process alive once everything else is over. */
export const late = <T>(ms: number, value: T): Promise<T> => new Promise((done) => { setTimeout(done, ms, value).unref(); });

export async function until<T>(what: string, ms: number, probe: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const end = Date.now() + ms;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false && value !== null) return value as T;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`timeout after ${ms} ms: ${what}${last ? ` (${String(last)})` : ""}`);
    await sleep(20);
  }
}

/** How often a test does the same: fewer times in each `./dev test`, many in `./dev test --full`. */
export function rounds(few: number, many: number): number {
  return process.env["HZ_TEST_FULL"] === "1" ? many : few;
}

export async function freeTcpPort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address && typeof address === "object" ? done(address.port) : fail(new Error("no port"))));
    });
  });
}

async function freeUdpPort(): Promise<number> {
  return new Promise((done, fail) => {
    const socket = createSocket("udp4");
    socket.once("error", fail);
    socket.bind(0, "0.0.0.0", () => {
      const { port } = socket.address();
      socket.close(() => done(port > 60000 ? port - 2000 : port));
    });
  });
}

export interface GatewayOptions {
  preset?: "release" | "asan" | "tsan";
  workers?: number;
  env?: Record<string, string>;
  dataDir?: string;
  args?: string[];
  yaml?: string; // written as huizhen.yaml into the data folder, which is the working folder
}

export type ChildKind = "control" | "worker" | "recorder" | "archive" | "mix" | "mosaic" | "hls" | "ingest" | "imaging" | "live" | "studies" | "receive" | "push";

export interface TokenOptions { id?: string; name?: string; ttl?: string; once?: boolean; consent?: boolean; grant?: string }

export class Gateway {
  readonly url: string;
  readonly httpsUrl: string;
  process!: ChildProcess;
  private exited: Promise<number | null> = Promise.resolve(null);

  private constructor(
    readonly binary: string, readonly dataDir: string, readonly env: Record<string, string>,
    readonly ports: { http: number; https: number; media: number }, readonly logFile: string, private readonly own: boolean,
  ) {
    this.url = `http://127.0.0.1:${ports.http}`;
    this.httpsUrl = `https://127.0.0.1:${ports.https}`;
  }

  static async start(options: GatewayOptions = {}): Promise<Gateway> {
    const ports = { http: await freeTcpPort(), https: await freeTcpPort(), media: await freeUdpPort() };
    while (ports.https === ports.http) ports.https = await freeTcpPort(); // the kernel may give the same twice
    const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "hz-test-"));
    const binary = join(ROOT, "build", options.preset ?? "release", "gateway/huizhen");
    const env: Record<string, string> = {
      ...(process.env as Record<string, string>),
      HUIZHEN_HTTP_PORT: String(ports.http), HUIZHEN_HTTPS_PORT: String(ports.https),
      HUIZHEN_MEDIA_PORT: String(ports.media), HUIZHEN_MEDIA_WORKERS: String(options.workers ?? 1),
      HUIZHEN_MEDIA_ADDRESS: "127.0.0.1", HUIZHEN_DATA_DIR: dataDir, HUIZHEN_WEB_DIR: join(ROOT, "web/dist"),
      HUIZHEN_RECORD_COMPOSE: "false", // takes the processors' time from what is measured
      HUIZHEN_LIMITS_CONNECTIONS_PER_ADDRESS: "4000", HUIZHEN_LIMITS_REQUESTS_PER_SECOND: "2000",
      ASAN_OPTIONS: "abort_on_error=0:detect_leaks=1:exitcode=99", UBSAN_OPTIONS: "print_stacktrace=1",
      ...(options.env ?? {}),
    };
    const gateway = new Gateway(binary, dataDir, env, ports, join(dataDir, "gateway.log"), options.dataDir === undefined);
    if (options.yaml !== undefined) writeFileSync(join(dataDir, "huizhen.yaml"), options.yaml);
    gateway.spawn(options.args ?? []);
    await gateway.ready(15000);
    return gateway;
  }

  spawn(args: string[] = []): void {
    const log = openSync(this.logFile, "a"); // not a pipe: tests block this process's event loop
    const child = spawn(this.binary, ["serve", ...args], { env: this.env, cwd: this.dataDir, stdio: ["ignore", log, log] });
    closeSync(log);
    this.exited = new Promise((done) => child.once("exit", (code) => done(code)));
    this.process = child;
  }

  // A second gateway process takes this one over; returns once it is ready and the old one is gone.
  async takeover(): Promise<void> {
    const oldExit = this.exited;
    const oldProcess = this.process;
    this.spawn(["--takeover"]);
    const code = await Promise.race([oldExit, late(20000, -1)]);
    if (code !== 0) throw new Error(`the old gateway (${oldProcess.pid}) ended with ${code}\n${this.log().slice(-2000)}`);
    await this.ready(10000);
  }

  async ready(ms: number): Promise<void> {
    await until("gateway ready", ms, async () => {
      if (this.process.exitCode !== null) throw new Error(`gateway exited ${this.process.exitCode}`);
      return (await fetch(`${this.url}/readyz`)).ok;
    }).catch((error: unknown) => { throw new Error(`${String(error)}\n${this.log().slice(-4000)}`); });
  }

  log(): string { return existsSync(this.logFile) ? readFileSync(this.logFile, "utf8") : ""; }

  children(): { pid: number; args: string[] }[] {
    const found: { pid: number; args: string[] }[] = [];
    for (const entry of readdirSync("/proc")) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (Number(fields[1]) !== this.process.pid || fields[0] === "Z") continue;
        const [name = "", ...args] = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0").slice(0, -1);
        found.push({ pid: Number(entry), args: name.startsWith("huizhen-") ? [name.slice(8)] : args });
      } catch { /* gone meanwhile */ }
    }
    return found;
  }

  pidOf(kind: ChildKind, index = 0): number | undefined {
    return this.children().find((c) => c.args[0] === kind && (kind !== "worker" || c.args[1] === String(index)))?.pid;
  }

  // kill -9; returns the pid that was killed.
  kill9(kind: ChildKind, index = 0): number {
    const pid = this.pidOf(kind, index);
    if (!pid) throw new Error(`no ${kind} process`);
    process.kill(pid, "SIGKILL");
    return pid;
  }

  cli(args: string[]): string {
    return execFileSync(this.binary, args, { env: this.env, cwd: this.dataDir, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  }

  token(consult: string, role: string, options: TokenOptions = {}): string {
    const args = ["token", "--consult", consult, "--role", role];
    if (options.id) args.push("--id", options.id);
    if (options.name) args.push("--name", options.name);
    if (options.ttl) args.push("--ttl", options.ttl);
    if (options.once) args.push("--once");
    if (options.consent) args.push("--consent");
    if (options.grant) args.push("--grant", options.grant);
    return this.cli(args);
  }

  link(consult: string, role: string, name: string, extra: string[] = []): string {
    return this.cli(["link", "--consult", consult, "--role", role, "--name", name, "--base-url", this.url, ...extra]).split("\n").pop() ?? "";
  }

  async api(token: string | undefined, method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method,
      headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async metrics(): Promise<Map<string, number>> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const values = new Map<string, number>();
    for (const line of text.split("\n")) {
      const match = /^([a-z_]+)(\{[^}]*\})? ([0-9.eE+-]+)$/.exec(line);
      if (match) values.set(match[1] + (match[2] ?? ""), Number(match[3]));
    }
    return values;
  }

  async stop(): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill("SIGINT");
      const code = await Promise.race([this.exited, late(10000, "late" as const)]);
      if (code === "late") { this.process.kill("SIGKILL"); throw new Error(`gateway did not stop\n${this.log().slice(-2000)}`); }
    }
    const code = await this.exited;
    const log = this.log();
    if (this.own && !process.env["HZ_KEEP"]) rmSync(this.dataDir, { recursive: true, force: true });
    if (/AddressSanitizer|LeakSanitizer|runtime error:|ThreadSanitizer/.test(log)) throw new Error(`sanitizer finding:\n${log.slice(-6000)}`);
    return code;
  }
}
