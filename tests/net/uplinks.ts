// A gateway behind NAT, in the lab (lab.ts): its media may leave by uplinks only, each a namespace that masquerades, with
// no port forwarded; its web pages are reached by the lab's own link, as by another way or a proxy. In the middle coturn.
//
//   server 192.168.n.2 --veth-- NAT n --veth-- 10.79.n.1 router (coturn at 10.78.0.254) --hz-link-- clients
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../lib/gateway.ts";
import type { Lab } from "./lab.ts";

export const TURN = "10.78.0.254";
export const TURN_SECRET = "north-star-8823-of-the-lab";

const ip = (...args: string[]): string => execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const inside = (netns: string, ...command: string[]): string => execFileSync("nsenter", [`--net=/run/netns/${netns}`, ...command], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

// Why there can be none here; undefined when there can.
export function uplinksMissing(): string | undefined {
  for (const [program, option] of [["nft", "--version"], ["turnserver", "--help"]] as const)
    try { execFileSync(program, [option], { stdio: "ignore" }); } catch (error) { if ((error as { code?: string }).code === "ENOENT") return `there is no ${program}`; }
  return undefined;
}

export class Uplink {
  readonly address: string;
  private readonly netns: string;
  private readonly device: string;

  constructor(n: number, router: string) {
    const nat = this.netns = `${router}n${n}`, out = `10.79.${n}`, home = `192.168.${n}`;
    this.address = `${home}.2`;
    this.device = `up${n}`;
    ip("netns", "add", nat);
    ip("link", "add", `up${n}`, "type", "veth", "peer", "name", "home", "netns", nat);
    ip("addr", "add", `${home}.2/24`, "dev", `up${n}`);
    ip("link", "set", `up${n}`, "up");
    ip("-n", nat, "link", "add", "out", "type", "veth", "peer", "name", `nat${n}`, "netns", router);
    ip("-n", nat, "addr", "add", `${home}.1/24`, "dev", "home");
    ip("-n", nat, "addr", "add", `${out}.1/24`, "dev", "out");
    for (const device of ["lo", "home", "out"]) ip("-n", nat, "link", "set", device, "up");
    ip("-n", nat, "route", "add", "default", "via", `${out}.254`);
    ip("-n", router, "addr", "add", `${out}.254/24`, "dev", `nat${n}`);
    ip("-n", router, "link", "set", `nat${n}`, "up");
    inside(nat, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward");
    inside(nat, "nft", "add table ip hz; add chain ip hz nat { type nat hook postrouting priority 100; }; add rule ip hz nat oifname out masquerade; add chain ip hz in { type filter hook forward priority 0; }; add rule ip hz in iifname out ct state new drop");
    // What has its address leaves by it (RFC 8445 section 5.1.1.1: a base is an address on an interface).
    ip("rule", "add", "from", this.address, "table", String(100 + n));
    ip("route", "add", "default", "via", `${home}.1`, "table", String(100 + n));
  }

  // Everything that comes here is lost, and nobody is told.
  die(): void { inside(this.netns, "nft", "add chain ip hz dead { type filter hook prerouting priority -300; policy drop; }"); }
  revive(): void { inside(this.netns, "nft", "delete chain ip hz dead"); }
  // Bytes that left the gateway by it. (/sys shows another namespace's devices.)
  sent(): number { return Number(readFileSync("/proc/self/net/dev", "utf8").split("\n").find((l) => l.trim().startsWith(`${this.device}:`))?.trim().split(/\s+/)[9] ?? 0); }
  close(): void { ip("netns", "del", this.netns); }
}

// A firewall around a client: only these addresses, both ways.
export function fence(netns: string, allowed: string[]): void {
  inside(netns, "nft", `add table ip fence; add chain ip fence out { type filter hook output priority 0; }; add rule ip fence out oifname eth0 ip daddr != { ${allowed.join(", ")} } drop; add chain ip fence in { type filter hook input priority 0; }; add rule ip fence in iifname eth0 ip saddr != { ${allowed.join(", ")} } drop`);
}

export class Coturn {
  private constructor(private readonly process: ChildProcess) {}

  static async start(lab: Lab, router: string): Promise<Coturn> {
    const log = join(lab.dir, "coturn.log"), config = join(lab.dir, "turn.conf");
    writeFileSync(config, [`listening-ip=${TURN}`, "listening-port=3478", `relay-ip=${TURN}`, "min-port=40000", "max-port=40500", "use-auth-secret",
      `static-auth-secret=${TURN_SECRET}`, "realm=lab", "no-tls", "no-dtls", "no-cli", "fingerprint", "log-file=stdout", "pidfile=/dev/null", "allow-loopback-peers", `userdb=${join(lab.dir, "turndb")}`].join("\n"));
    const fd = openSync(log, "w");
    const child = spawn("nsenter", [`--net=/run/netns/${router}`, "turnserver", "-c", config], { stdio: ["ignore", fd, fd] });
    await until("coturn", 10000, () => inside(router, "ss", "-lnu").includes(`${TURN}:3478`)).catch((error: unknown) => { throw new Error(`${String(error)}\n${readFileSync(log, "utf8").slice(-2000)}`); });
    return new Coturn(child);
  }

  stop(): void { this.process.kill("SIGTERM"); }
}

export const turnEnvironment = (addresses: string[]): Record<string, string> => ({
  HUIZHEN_ICE_AGENT: "full", HUIZHEN_ICE_ADDRESSES: addresses.join(","),
  HUIZHEN_TURN_URLS: `stun:${TURN}:3478,turn:${TURN}:3478?transport=udp`, HUIZHEN_TURN_SECRET: TURN_SECRET,
});
