// A consult spread over two workers: media crosses both ways, and everything that holds within one worker holds over the
// rings between them. `spread_subscriptions: 1` sends every newcomer to the worker that has less to do.
// Timed: delays and gaps
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { outsideOverKills } from "../lib/lobby.ts";
import { Room } from "../lib/peer.ts";
import { RpcClient } from "../lib/rpc.ts";

const SPREAD = { workers: 2, env: { HUIZHEN_MEDIA_SPREAD_SUBSCRIPTIONS: "1" } };
const WORKERS = [0, 1] as const;

async function spread(t: TestContext, ids: string[], options: string[] = [], consult = "wide"): Promise<{ gateway: Gateway; room: Room }> {
  const gateway = await Gateway.start(SPREAD);
  t.after(() => gateway.stop());
  return { gateway, room: await enter(t, gateway, ids, options, consult) };
}

async function enter(t: TestContext, gateway: Gateway, ids: string[], options: string[] = [], consult = "wide"): Promise<Room> {
  const members = ids.map((id) => ({ id, token: gateway.token(consult, "expert", { id, grant: "create" }) }));
  const room = await Room.start(gateway.url, consult, members, options);
  t.after(() => room.stop());
  return room;
}

// Every worker serves receivers of this consult; some of what they receive is published on the other one.
async function isSpread(gateway: Gateway): Promise<void> {
  await until("both workers in use", 6000, async () => {
    const metrics = await gateway.metrics();
    return WORKERS.every((i) => (metrics.get(`huizhen_worker_subs{worker="${i}"}`) ?? 0) >= 2);
  });
}

test("media crosses both ways, nothing is lost, the first keyframe comes quickly", { timeout: 60000 }, async (t) => {
  const began = Date.now();
  const { gateway, room } = await spread(t, ["a", "b", "c"]);
  const took = Date.now() - began;
  const more = await enter(t, gateway, ["d", "e"]); // these publish on the other worker
  await isSpread(gateway);
  await room.reset();
  await more.reset();
  await sleep(4000);
  await room.fresh();
  await more.fresh();
  for (const sink of [...room.sinks(), ...more.sinks()]) {
    assert.equal(sink.lost, 0, JSON.stringify(sink));
    assert.equal(sink.bad, 0);
  }
  const p99 = Math.max(...room.sinks().map((s) => s.p99_us));
  console.log(`# room of three over two workers: up after ${took} ms, p50 <= ${Math.max(...room.sinks().map((s) => s.p50_us))} us, p99 <= ${p99} us`);
});

for (const codec of ["h264", "vp8"]) {
  test(`simulcast crosses, ${codec}: each layer by itself, one gapless stream to each receiver`, { timeout: 60000 }, async (t) => {
    const { gateway, room } = await spread(t, ["a", "b", "c"], ["--layers", "3", "--codec", codec]);
    await isSpread(gateway);
    await sleep(3000);
    await room.fresh();
    for (const sink of room.sinks()) {
      assert.equal(sink.lost, 0, JSON.stringify(sink));
      assert.equal(sink.bad, 0);
    }
    assert.ok(room.flowing(3, 200));
    const publisher = room.last?.peers.find((p) => p.name === "a");
    const videos = room.receivers().filter((p) => p.name.endsWith("<a")).map((p) => p.sinks.find((s) => s.keyframes > 0));
    assert.ok(publisher && videos.length === 2);
    for (const video of videos) assert.ok(video && video.packets * 2 < publisher.sent, "one layer of three arrives");
  });
}

test("kill -9 of either worker, of control, and of all: media comes back by itself", { timeout: 120000 }, async (t) => {
  const { gateway, room } = await spread(t, ["a", "b", "c"]);
  await isSpread(gateway);
  const kills: ("control" | number)[][] = [[0], [1], ["control"], [1], [0], [0, 1], ["control", 0, 1]];
  for (const kill of kills) {
    await room.reset();
    const before = room.lost();
    for (const what of kill) typeof what === "number" ? gateway.kill9("worker", what) : gateway.kill9("control");
    await sleep(1500);
    await gateway.ready(5000);
    await room.fresh();
    console.log(`# killed ${kill.join(", ")}: longest media gap ${room.worstGap()} ms`);
    assert.ok(room.flowing(3, 200), `media flows after ${kill.join(", ")}: ${JSON.stringify(room.last)}`);
    if (kill.length === 1 && kill[0] === "control") assert.equal(room.lost() - before, 0, "control is not in the way of media");
    assert.ok(room.worstGap() < 1400);
    assert.equal(room.reused(), 0, "no SRTP or SRTCP index twice");
  }
});

test("serve --takeover with a consult over both workers", { timeout: 60000 }, async (t) => {
  const { gateway, room } = await spread(t, ["a", "b", "c"]);
  await isSpread(gateway);
  await room.reset();
  await gateway.takeover();
  await sleep(1000);
  await room.fresh();
  console.log(`# takeover: longest media gap ${room.worstGap()} ms`);
  assert.ok(room.flowing(3, 200));
  assert.equal(room.reused(), 0);
});

test("the lobby holds over workers: nothing to or from a patient that was sent back", { timeout: 60000 }, async (t) => {
  const gateway = await Gateway.start(SPREAD);
  t.after(() => gateway.stop());
  await outsideOverKills(t, gateway, [[], [0], [1], ["control"]], 1500, () => isSpread(gateway));
});

test("speakers of both workers are told to everybody, in one list", { timeout: 60000 }, async (t) => {
  const gateway = await Gateway.start(SPREAD);
  t.after(() => gateway.stop());
  const watcher = (await RpcClient.join(gateway.url, { token: gateway.token("wide", "expert", { id: "w", grant: "create" }) })).client;
  await enter(t, gateway, ["a", "b"]);
  const second = await enter(t, gateway, ["c", "d"]); // these publish on the other worker
  await isSpread(gateway);
  const newest = (): string[] => (watcher.pushes.filter((p) => p.method === "speakers").at(-1)?.params["ids"] ?? []) as string[];
  await until("all four in one list", 8000, () => newest().slice().sort().join(" ") === "a b c d");
  await second.stop();
  await until("only those who still speak", 8000, () => newest().slice().sort().join(" ") === "a b");
  watcher.close();
});

test("one publisher to many: half of the receivers are served by the other worker", { timeout: 60000 }, async (t) => {
  const COPIES = 100;
  const gateway = await Gateway.start({ workers: 2, env: { HUIZHEN_MEDIA_SPREAD_SUBSCRIPTIONS: String(2 * COPIES) } });
  t.after(() => gateway.stop());
  const members = ["source", "w1", "w2"].map((id) => ({ id, token: gateway.token("cast", "expert", { id, grant: "create" }) }));
  const began = Date.now();
  const room = await Room.start(gateway.url, "cast", members, ["--publishers", "1", "--copies", String(COPIES), "--report-ms", "500"], 2 * COPIES);
  t.after(() => room.stop());
  const took = Date.now() - began - 1000; // hz-peer's pause after publishing
  await isSpread(gateway);
  let subs: number[] = [];
  await until(`each worker serves half: ${2 * COPIES} subscriptions`, 8000, async () => {
    const metrics = await gateway.metrics();
    subs = WORKERS.map((i) => metrics.get(`huizhen_worker_subs{worker="${i}"}`) ?? 0);
    return subs.every((n) => n >= 2 * COPIES);
  });
  await room.reset();
  const before = room.lost();
  await sleep(4000);
  await room.fresh();
  const half = (name: string): number => Math.max(...room.receivers().filter((p) => p.name.startsWith(name)).flatMap((p) => p.sinks).map((s) => s.p50_us));
  console.log(`# 1 to ${2 * COPIES} over two workers: joined in ${took} ms, lost ${room.lost() - before}, worst p50 ${half("w1")} and ${half("w2")} us, subscriptions ${subs.join(" + ")}`);
  assert.ok(room.receiving(2 * COPIES, 500));
  assert.equal(room.lost() - before, 0);
});
