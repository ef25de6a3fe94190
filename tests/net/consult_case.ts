// Inside the lab, for tests/integration/net.test.ts: clients behind a link with 10 % loss each way and a round trip of
// 100 ms. A consult of two goes on; then subscribers join during the loss, one after the other.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { peerBinary, type PeerReport, type Report } from "../lib/peer.ts";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { Lab, SERVER } from "./lab.ts";

const JOINS = 16;
const CONSULT_MS = 10000;
const SOUND_MS = 1500, PICTURE_MS = 6000; // longer without a packet: it does not flow
const RUNNING = 3;

class Peers {
  last: PeerReport[] = [];
  reports: PeerReport[][] = [];
  ended: number | null | undefined;
  problem = "";
  private constructor(readonly stop: () => void) {}

  // hz-peer in that side's namespace.
  static start(lab: Lab, args: string[]): Peers {
    const child = spawn(lab.wrapper("subscriber", peerBinary()), args, { stdio: ["pipe", "pipe", "pipe"] });
    const peers = new Peers(() => child.kill("SIGTERM"));
    let buffer = "";
    child.stderr.on("data", (d) => { peers.problem += String(d); });
    child.once("exit", (code) => { peers.ended = code; });
    child.stdout.on("data", (d) => {
      buffer += String(d);
      for (let at = buffer.indexOf("\n"); at >= 0; at = buffer.indexOf("\n")) {
        peers.last = (JSON.parse(buffer.slice(0, at)) as Report).peers;
        peers.reports.push(peers.last);
        buffer = buffer.slice(at + 1);
      }
    });
    return peers;
  }

  receivers(): PeerReport[] { return this.last.filter((p) => p.name.includes("<")); }

  // Both streams come, packets decrypt, and a keyframe was among them.
  static decodable(p: PeerReport): boolean { return p.state === RUNNING && p.sinks.length === 2 && p.sinks.some((s) => s.keyframes > 0) && p.auth_failed === 0; }

  async all(count: number, ms: number): Promise<void> {
    await until(`${count} receivers with sound and picture`, ms, () => {
      if (this.ended !== undefined) throw new Error(`hz-peer ended with ${this.ended}: ${this.problem}`);
      return this.receivers().length === count && this.receivers().every((p) => Peers.decodable(p));
    }).catch((error: unknown) => { throw new Error(`${String(error)}\n${JSON.stringify(this.receivers().filter((p) => !Peers.decodable(p)))}`); });
  }
}

async function main(): Promise<void> {
  const lab = await Lab.open(4711);
  const gateway = await Gateway.start({ env: { HUIZHEN_MEDIA_ADDRESS: SERVER, HUIZHEN_HTTP_ADDRESS: "0.0.0.0" } });
  const url = `http://${SERVER}:${gateway.ports.http}`;
  const member = (id: string): string[] => ["--member", `${id}:${gateway.token("lossy", "clinic", { id, grant: "create" })}`];
  const link = lab.links.subscriber;
  let peers: Peers | undefined;
  try {
    link.send("set both delay=50 loss=10");
    peers = Peers.start(lab, ["room", "--url", url, "--consult", "lossy", "--codec", "vp8", "--layers", "3", "--report-ms", "100", "--seconds", "60", "--bind", "0.0.0.0", ...member("county"), ...member("expert")]);
    await peers.all(2, 20000);
    const from = peers.reports.length;
    const before = peers.receivers().map((p) => p.sinks.map((s) => s.packets));
    await sleep(CONSULT_MS);
    // A picture that starts low and steps up may pause on the way; sound may not.
    const of = peers;
    const ages = (video: boolean): number => Math.max(...of.reports.slice(from).flatMap((r) => r.filter((p) => p.name.includes("<")).flatMap((p) => p.sinks.filter((s) => s.keyframes > 0 === video).map((s) => s.age_ms))));
    const sound = ages(false), picture = ages(true);
    if (process.env["HZ_NET_CONSOLE"]) peers.reports.slice(from).forEach((r, i) => i % 5 === 0 && console.log(JSON.stringify(r.filter((p) => p.name.includes("<")).map((p) => p.sinks.map((s) => [s.packets, s.age_ms, s.keyframes, s.lost])))));
    const counters = await link.counters();
    const lost = (100 * (counters.up.lost + counters.down.lost)) / (counters.up.in_packets + counters.down.in_packets);
    console.log(`# consult of two over ${lost.toFixed(1)} % loss: longest pause of sound ${sound} ms, of pictures ${picture} ms`);
    assert.ok(lost > 5 && lost < 15, `the link lost ${lost} %`);
    assert.ok(sound < SOUND_MS, `no sound for ${sound} ms`);
    assert.ok(picture < PICTURE_MS, `no picture for ${picture} ms`);
    peers.receivers().forEach((p, i) => p.sinks.forEach((s, k) => assert.ok(s.packets > (before[i]?.[k] ?? 0) + 100, `${p.name}: ${JSON.stringify(s)}`)));
    peers.stop();

    peers = Peers.start(lab, ["room", "--url", url, "--consult", "lossy", "--codec", "vp8", "--report-ms", "100", "--seconds", "60", "--bind", "0.0.0.0", "--publishers", "1", "--copies", String(JOINS), ...member("county2"), ...member("student")]);
    await peers.all(JOINS, 40000);
    await sleep(1000);
    await peers.all(JOINS, 5000);
    console.log(`# ${JOINS} joined during the loss, each with sound and a keyframe, none with packets that do not decrypt`);
  } finally {
    peers?.stop();
    await gateway.stop();
    await lab.close();
  }
}

await main();
process.exit(0);
