// Four network namespaces: a publisher's and a subscriber's, joined by hz-link to a router's, and the server's, in which
// this process runs (enterLab), joined to the router's by veth. Needs root; nothing touches the machine's own network.
//
//   publisher 10.78.1.2 --hz-link-- router --hz-link-- 10.78.2.2 subscriber
//                                     |
//                                   veth, 10.78.0.1 server
//
// The router is there because some servers (Janus, by libnice) tie a socket to the interface that has its address.
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, until } from "../lib/gateway.ts";

export const SERVER = "10.78.0.1";
export type Side = "publisher" | "subscriber";
const NUMBER: Record<Side, number> = { publisher: 1, subscriber: 2 };

export interface WireCounters {
  in_packets: number; in_bytes: number; out_packets: number; out_bytes: number;
  lost: number; tail_dropped: number; outage_dropped: number; oversized: number; queued_bytes_max: number;
}
export interface LinkCounters { up: WireCounters; down: WireCounters; blocked: number; write_failed: number }

const ip = (...args: string[]): string => execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

// Why there can be no lab here; undefined when there can.
export function labMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (!existsSync("/dev/net/tun")) return "there is no /dev/net/tun";
  const probe = `hz${process.pid.toString(36)}x`;
  const made = spawnSync("ip", ["netns", "add", probe], { encoding: "utf8" });
  if (made.status !== 0) return `no network namespaces: ${made.error ? made.error.message : made.stderr.trim()}`;
  const veth = spawnSync("ip", ["-n", probe, "link", "add", "hza", "type", "veth", "peer", "name", "hzb"], { encoding: "utf8" });
  ip("netns", "del", probe);
  return veth.status === 0 ? undefined : `no veth devices: ${veth.stderr.trim()}`;
}

// Makes the namespaces, runs `script` inside the server's with their names in HZ_LAB, removes them. Its exit code.
export async function enterLab(script: string, args: string[]): Promise<number> {
  const prefix = `hz${process.pid.toString(36)}`;
  const names = ["s", "t", "p", "r"].map((end) => prefix + end);
  let child: ChildProcess | undefined;
  const forward = (): void => { child?.kill("SIGTERM"); };
  process.on("SIGINT", forward);
  process.on("SIGTERM", forward);
  try {
    for (const name of names) {
      ip("netns", "add", name);
      ip("-n", name, "link", "set", "lo", "up");
    }
    child = spawn("nsenter", [`--net=/run/netns/${names[0]}`, process.execPath, "--import", "tsx", script, ...args], {
      stdio: "inherit", cwd: join(ROOT, "tests"), env: { ...process.env, HZ_LAB: names.join(" ") },
    });
    return await new Promise((done) => child?.once("exit", (code) => done(code ?? 1)));
  } finally {
    process.off("SIGINT", forward);
    process.off("SIGTERM", forward);
    for (const name of names) spawnSync("ip", ["netns", "del", name]);
  }
}

// One client's access link. Its ends are "eth0" in the client's namespace and a device with that namespace's name here.
export class Link {
  private buffer = "";
  private readonly answers: ((line: string) => void)[] = [];
  private address: number;

  private constructor(readonly side: Side, readonly netns: string, private readonly process: ChildProcess) {
    this.address = 2;
    process.stdout?.on("data", (d) => {
      this.buffer += String(d);
      for (let at = this.buffer.indexOf("\n"); at >= 0; at = this.buffer.indexOf("\n")) {
        this.answers.shift()?.(this.buffer.slice(0, at));
        this.buffer = this.buffer.slice(at + 1);
      }
    });
  }

  static async open(side: Side, netns: string, router: string, seed: number): Promise<Link> {
    const binary = join(ROOT, "build/release/tests/net/hz-link");
    const child = spawn(binary, ["--client", netns, "--server", router, "--seed", String(seed)], { stdio: ["pipe", "pipe", "inherit"] });
    const link = new Link(side, netns, child);
    await Promise.race([link.answer(), new Promise((_done, fail) => child.once("exit", (code) => fail(new Error(`hz-link ended: ${code}`))))]);
    const net = `10.78.${NUMBER[side]}`;
    ip("-n", netns, "addr", "add", `${net}.2/32`, "dev", "eth0");
    ip("-n", netns, "link", "set", "eth0", "up");
    ip("-n", netns, "route", "add", "default", "dev", "eth0");
    ip("-n", router, "link", "set", netns, "up");
    ip("-n", router, "route", "add", `${net}.0/24`, "dev", netns);
    return link;
  }

  private answer(): Promise<string> { return new Promise((done) => this.answers.push(done)); }

  // One or more lines of link/script.h.
  send(...lines: string[]): void { this.process.stdin?.write(lines.join("\n") + "\n"); }

  async counters(): Promise<LinkCounters> {
    const line = this.answer();
    this.send("stats");
    return JSON.parse(await line) as LinkCounters;
  }

  // Both directions without any impairment.
  clear(): void { this.send("set both rate=0 queue=0 delay=0 jitter=0 loss=0 burst=0 reorder=0", "block 0"); }

  // The client gets another address, as when a phone goes from Wi-Fi to 4G.
  move(): void {
    const net = `10.78.${NUMBER[this.side]}`;
    const old = this.address;
    this.address = old === 2 ? 3 : 2;
    ip("-n", this.netns, "addr", "add", `${net}.${this.address}/32`, "dev", "eth0");
    ip("-n", this.netns, "addr", "del", `${net}.${old}/32`, "dev", "eth0");
    ip("-n", this.netns, "route", "replace", "default", "dev", "eth0");
  }

  async close(): Promise<void> {
    const gone = new Promise<void>((done) => this.process.once("exit", () => done()));
    this.process.stdin?.end("quit\n");
    await Promise.race([gone, until("hz-link's end", 3000, () => this.process.exitCode !== null)]).catch(() => this.process.kill("SIGKILL"));
  }
}

export class Lab {
  private constructor(readonly links: Record<Side, Link>, readonly dir: string) {}

  // In the process that enterLab started.
  static async open(seed = 1): Promise<Lab> {
    const [server, router, publisher, subscriber] = (process.env["HZ_LAB"] ?? "").split(" ");
    if (!server || !router || !publisher || !subscriber) throw new Error("not in a lab: start through enterLab()");
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "servers", "netns", router);
    ip("addr", "add", `${SERVER}/24`, "dev", "eth0");
    ip("link", "set", "eth0", "up");
    ip("route", "add", "default", "via", "10.78.0.254");
    ip("-n", router, "addr", "add", "10.78.0.254/24", "dev", "servers");
    ip("-n", router, "link", "set", "servers", "up");
    execFileSync("nsenter", [`--net=/run/netns/${router}`, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
    const links = { publisher: await Link.open("publisher", publisher, router, seed), subscriber: await Link.open("subscriber", subscriber, router, seed + 10) };
    return new Lab(links, mkdtempSync(join(tmpdir(), "hz-lab-")));
  }

  // A program that runs `program` in that side's namespace: for launchers that take an executable's path.
  wrapper(side: Side, program: string): string {
    const path = join(this.dir, `${side}-${program.split("/").pop()}`);
    writeFileSync(path, `#!/bin/sh\nexec nsenter --net=/run/netns/${this.links[side].netns} ${program} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  async close(): Promise<void> {
    await this.links.publisher.close();
    await this.links.subscriber.close();
    if (!process.env["HZ_KEEP"]) rmSync(this.dir, { recursive: true, force: true });
  }
}
