// The composed picture beside relayed ones, over WHEP, through deaths: kill -9 of the mosaic, of control, of the worker, a mosaic that
// stands still, a takeover. It comes back by itself, and what is relayed is not touched by a mosaic.
// Timed: gaps
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { Gateway, sleep, until, type ChildKind } from "../lib/gateway.ts";
import { makeClip } from "../lib/clip.ts";
import { Room, type PeerReport } from "../lib/peer.ts";

let gateway: Gateway, room: Room;
const of = (mix: boolean): PeerReport[] => room.receivers().filter((p) => p.name.endsWith("<mix") === mix);
const gap = (mix: boolean): number => {
  const gaps = of(mix).flatMap((p) => p.sinks.map((s) => Math.max(s.gap_ms, s.age_ms)));
  assert.ok(gaps.length > 0, "somebody receives");
  return Math.max(...gaps);
};
const flows = (): boolean => room.receiving(5, 1000);

before(async () => {
  gateway = await Gateway.start({ env: { HUIZHEN_MOSAIC_ENABLED: "true" } });
  const clip = join(gateway.dataDir, "a.clip");
  makeClip(clip, "h264", "640x360");
  const members = [["a", "clinic"], ["b", "expert"], ["hall", "observer"]]
    .map(([id = "", role = ""]) => ({ id, token: gateway.token("picture", role, { id, ttl: "1h" }) }));
  await until("a mosaic", 15000, async () => (await gateway.metrics()).get("huizhen_mosaic_ready") === 1);
  room = await Room.start(gateway.url, "picture", members, ["--publishers", "2", "--mix", "--clip", clip], 5);
});
after(async () => { await room?.stop(); await gateway?.stop(); });

test("one picture and one sound in one answer; one encode for who watches", { timeout: 60000 }, async () => {
  await until("both decoded and composed", 20000, async () => {
    const m = await gateway.metrics();
    return (m.get("huizhen_mosaic_decoded_total") ?? 0) > 20 && (m.get("huizhen_mosaic_encoded_total") ?? 0) > 20;
  });
  const m = await gateway.metrics();
  assert.equal(m.get("huizhen_mosaic_rooms"), 1);
  assert.equal(m.get("huizhen_mosaic_members"), 2);
  assert.equal(m.get("huizhen_mosaic_renditions"), 1);
  assert.equal(of(true)[0]?.sinks.length, 2);
});

async function dies(what: string, kinds: ChildKind[], seconds: number): Promise<void> {
  await room.reset();
  const old = kinds.map((k) => gateway.kill9(k));
  await until("another one", 5000, () => kinds.every((k, i) => { const pid = gateway.pidOf(k); return pid !== undefined && pid !== old[i]; }));
  await sleep(seconds * 1000);
  await until("all flows", 10000, flows);
  console.log(`# kill -9 of ${what}: composed ${gap(true)} ms, relayed ${gap(false)} ms without anything`);
}

test("kill -9 of the mosaic: back, and what is relayed goes on", { timeout: 60000 }, async () => {
  const worker = gateway.pidOf("worker"), control = gateway.pidOf("control");
  await dies("the mosaic", ["mosaic"], 2);
  assert.ok(gap(false) < 500, "relayed");
  assert.ok(gap(true) < 4000, "composed: 2 s where nothing else runs");
  assert.equal(gateway.pidOf("worker"), worker);
  assert.equal(gateway.pidOf("control"), control);
});

test("kill -9 of control: the picture goes on; of the worker: it comes back", { timeout: 60000 }, async () => {
  await dies("control", ["control"], 3);
  assert.ok(gap(true) < 2000, "it does not pass through control");
  await dies("the worker", ["worker"], 2);
});

test("a mosaic that stands still is replaced, and nobody waits for it", { timeout: 60000 }, async () => {
  const pid = gateway.pidOf("mosaic") as number;
  await room.reset();
  process.kill(pid, "SIGSTOP");
  await sleep(10500);
  process.kill(pid, "SIGCONT"); // what stood still for 10 s ends by itself
  await until("another mosaic", 10000, () => { const now = gateway.pidOf("mosaic"); return now !== undefined && now !== pid; });
  await until("all flows", 10000, flows);
  assert.ok(gap(false) < 500, "relayed");
});

test("a newer gateway takes over: the picture goes on with it", { timeout: 60000 }, async () => {
  await room.reset();
  await gateway.takeover();
  await until("all flows", 15000, flows);
  await until("one room", 10000, async () => (await gateway.metrics()).get("huizhen_mosaic_rooms") === 1);
  console.log(`# a takeover: composed ${gap(true)} ms, relayed ${gap(false)} ms without anything`);
});
