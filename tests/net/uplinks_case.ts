// Inside the lab, for tests/integration/uplinks.test.ts: a gateway behind NAT with full ICE agents, Chromium outside.
//   nat    one uplink, no port forwarded, coturn for STUN and TURN: the call gets in and flows both ways
//   relay  the same where the clients' firewalls let nothing through but TURN and the web pages
//   two    two uplinks: the one in use dies, and comes back, and the other one dies
//   kill   kill -9 of the worker: its agents die with it
import assert from "node:assert/strict";
import { join } from "node:path";
import { build } from "esbuild";
import { Gateway, ROOT, rounds, sleep, until } from "../lib/gateway.ts";
import { openCabin, type Cabin, type Seat } from "./browsers.ts";
import { Lab, SERVER } from "./lab.ts";
import { Coturn, fence, TURN, turnEnvironment, Uplink } from "./uplinks.ts";

const RTT_MS = 40;
const JOIN_MS = 20000;
const ROUNDS = rounds(1, 4);
const DEAD_MS = 6000, REVIVED_MS = 16000;
const GAP_MS = 1000, BACK_MS = 8000;

// The longest time without a packet of that kind, looked at every 10 ms.
const WATCH = `(() => { const kinds = { audio: { n: 0, at: 0, gap: 0 }, video: { n: 0, at: 0, gap: 0 } };
  const look = async () => { const now = performance.now();
    (await bench.connection()?.getStats())?.forEach((r) => { if (r.type !== "inbound-rtp") return; const k = kinds[r.kind];
      if (r.packetsReceived !== k.n) { if (k.at) k.gap = Math.max(k.gap, now - k.at); k.n = r.packetsReceived; k.at = now; } }); setTimeout(look, 10); };
  look(); globalThis.gaps = () => { const out = {}; for (const [name, k] of Object.entries(kinds)) { out[name] = Math.round(Math.max(k.gap, performance.now() - k.at)); k.gap = 0; } return out; }; })()`;

const PAIR = `(async () => { const all = new Map(); (await bench.connection().getStats()).forEach((r) => all.set(r.id, r));
  for (const r of all.values()) if (r.type === "transport") { const p = all.get(r.selectedCandidatePairId); const remote = p && all.get(p.remoteCandidateId), local = p && all.get(p.localCandidateId);
    return { role: r.iceRole, remote: remote ? remote.candidateType + " " + remote.address : "none", local: local?.candidateType ?? "none" }; } })()`;

interface Gaps { audio: number; video: number }
interface Pair { role: string; remote: string; local: string }

class Stage {
  private constructor(readonly lab: Lab, readonly uplinks: Uplink[], readonly coturn: Coturn, readonly gateway: Gateway, readonly script: string, readonly cabins: Cabin[], readonly seats: Record<"publisher" | "subscriber", Seat>) {}

  static async open(count: number): Promise<Stage> {
    const router = (process.env["HZ_LAB"] ?? "").split(" ")[1] as string;
    const lab = await Lab.open(77);
    const uplinks = Array.from({ length: count }, (_, i) => new Uplink(i + 1, router));
    const coturn = await Coturn.start(lab, router);
    for (const link of Object.values(lab.links)) link.send(`set both delay=${RTT_MS / 2}`);
    const gateway = await Gateway.start({ env: { ...turnEnvironment(uplinks.map((u) => u.address)), HUIZHEN_LOG_LEVEL: "debug" } });
    const bundle = await build({ entryPoints: [join(ROOT, "tests/net/page/index.ts")], bundle: true, write: false, format: "iife", target: "es2022" });
    const cabins = [await openCabin(lab, "publisher", "chromium"), await openCabin(lab, "subscriber", "chromium")];
    const [publisher, subscriber] = [await (cabins[0] as Cabin).seat(), await (cabins[1] as Cabin).seat()];
    return new Stage(lab, uplinks, coturn, gateway, bundle.outputFiles[0]?.text ?? "", cabins, { publisher, subscriber });
  }

  private async join(side: "publisher" | "subscriber", how: string, id: string): Promise<number> {
    const url = `https://${SERVER}:${this.gateway.ports.https}`;
    const seat = this.seats[side];
    await seat.open(`${url}/healthz`, this.script);
    const begun = Date.now();
    await seat.run(`bench.${how}(${JSON.stringify(url)},${JSON.stringify(this.gateway.token("uplinks", "clinic", { id, name: id, grant: "create" }))})`);
    await until(`${id} connected`, JOIN_MS, async () => (await seat.run<string>("bench.connection()?.connectionState ?? ''")) === "connected")
      .catch(async (error: unknown) => { throw new Error(`${String(error)}\n${await seat.run<string>("bench.state()")}\n${this.gateway.log().slice(-6000)}`); });
    return Date.now() - begun;
  }

  async call(): Promise<void> {
    const first = await this.join("publisher", "huizhenPublish", "county"), second = await this.join("subscriber", "huizhenWatch", "expert");
    await this.seats.subscriber.run(WATCH);
    await this.seats.publisher.run(WATCH);
    await sleep(4000);
    const gaps = await this.gaps();
    console.log(`# in after ${first} and ${second} ms; ${JSON.stringify(await this.pairs())}; ${JSON.stringify(gaps)}`);
    await sleep(2000);
    const steady = await this.gaps();
    assert.ok(steady.audio < 500 && steady.video < 1500, `media does not flow: ${JSON.stringify(steady)}`);
  }

  // By which uplink most leaves; both clients may use the same one or not.
  async busiest(): Promise<number> {
    const before = this.uplinks.map((u) => u.sent());
    await sleep(300);
    const grown = this.uplinks.map((u, i) => u.sent() - (before[i] ?? 0));
    return (grown[1] ?? 0) > (grown[0] ?? 0) ? 1 : 0;
  }

  gaps(): Promise<Gaps> { return this.seats.subscriber.run<Gaps>("gaps()"); }
  async pairs(): Promise<Pair[]> { return [await this.seats.publisher.run<Pair>(PAIR), await this.seats.subscriber.run<Pair>(PAIR)]; }

  async close(): Promise<void> {
    if (process.env["HZ_NET_LOG"]) process.stderr.write(this.gateway.log());
    for (const seat of Object.values(this.seats)) await seat.close();
    for (const cabin of this.cabins) await cabin.close();
    await this.gateway.stop();
    this.coturn.stop();
    await this.lab.close();
    for (const uplink of this.uplinks) uplink.close();
  }
}

async function nat(): Promise<void> {
  const stage = await Stage.open(1);
  try {
    await stage.call();
    for (const pair of await stage.pairs()) assert.match(pair.remote, /^(srflx|prflx|relay) /);
  } finally { await stage.close(); }
}

async function two(): Promise<void> {
  const stage = await Stage.open(2);
  try {
    await stage.call();
    for (let round = 0; round < ROUNDS; round++) {
      const before = (await stage.pairs()).map((p) => p.remote);
      const used = await stage.busiest();
      const uplink = stage.uplinks[used] as Uplink;
      await stage.gaps();
      uplink.die();
      await sleep(DEAD_MS);
      const gaps = await stage.gaps();
      console.log(`# uplink ${used + 1} died: no sound for ${gaps.audio} ms, no pictures for ${gaps.video} ms; ${before.join(", ")} -> ${JSON.stringify(await stage.pairs())}`);
      assert.ok(gaps.audio < GAP_MS && gaps.video < GAP_MS, JSON.stringify(gaps));
      uplink.revive();
      await sleep(REVIVED_MS);
      assert.ok((await stage.gaps()).audio < GAP_MS);
    }
  } finally { await stage.close(); }
}

async function kill(): Promise<void> {
  const stage = await Stage.open(1);
  try {
    await stage.call();
    for (const what of ["kill -9 of the worker", "takeover"] as const) {
      await stage.gaps();
      if (what === "takeover") await stage.gateway.takeover();
      else stage.gateway.kill9("worker");
      await sleep(BACK_MS);
      const gaps = await stage.gaps();
      console.log(`# ${what}: no sound for ${gaps.audio} ms, no pictures for ${gaps.video} ms`);
      assert.ok(gaps.audio < 5000 && gaps.video < 5000, JSON.stringify(gaps));
    }
  } finally { await stage.close(); }
}

// Clients reach the TURN server and the web pages, and nothing else.
async function relay(): Promise<void> {
  const stage = await Stage.open(1);
  try {
    for (const side of ["publisher", "subscriber"] as const)
      fence(stage.lab.links[side].netns, [SERVER, TURN]);
    await stage.call();
    for (const pair of await stage.pairs()) assert.ok(pair.local === "relay" || pair.remote.startsWith("relay ") || pair.remote.includes(TURN), JSON.stringify(pair));
  } finally { await stage.close(); }
}

const cases: Record<string, () => Promise<void>> = { nat, relay, two, kill };
await (cases[process.argv[2] ?? ""] as () => Promise<void>)();
process.exit(0);
