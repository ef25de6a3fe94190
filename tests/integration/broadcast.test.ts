// A broadcast with viewers over WHEP: what they get is the programme, and from CUT on nothing at all. Every packet of the
// publishers carries when it was made, so that a packet of after the mark names itself.
// Timed: CUT
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { RpcClient } from "../lib/rpc.ts";
import { Load, nowUs } from "../bench/load.ts";
import { connectWords, makeOffer, readSdp, type Line } from "../bench/sdp.ts";

const VIEWERS = Number(process.env["HZ_VIEWERS"] ?? 60), LOSS_PERMILLE = 30, WAITED_MS = 250;
const SEND: Line[] = [{ kind: "audio", send: true }, { kind: "video", send: true }];
const WATCH: Line[] = [{ kind: "audio", send: false }, { kind: "video", send: false }];

const SOURCES = ["or1", "or2"].map((participant) => ({ participant, source: "camera" }));

interface Broadcast { state: string; viewers: number; masks_confirmed_ms?: number | null; cut: { at_ms: number; confirmed_ms: number | null } | null }

async function post(gateway: Gateway, load: Load, path: string, token: string, endpoint: number, lines: Line[]): Promise<void> {
  const start = nowUs();
  const response = await fetch(`${gateway.url}${path}`, {
    method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" }, body: makeOffer(load.endpoint(endpoint), lines),
  });
  const body = await response.text();
  assert.equal(response.status, 201, body);
  const said = body.replace(/^a=ice-(ufrag|pwd):.*$/gm, ""); // random letters spell "dir" once in fifty runs
  if (path.endsWith("/program")) assert.doesNotMatch(said, /or1|or2|dir|tele/, "an answer to a viewer names nobody");
  await load.connect(endpoint, connectWords(readSdp(body), start, lines), "running");
}

class Theatre {
  private constructor(readonly gateway: Gateway, readonly inside: Load, readonly outside: Load, readonly director: RpcClient, readonly token: string) {}

  // or1 and or2 publish, somebody of the consult watches or1; all viewers see or1.
  static async start(t: TestContext, workers: number): Promise<Theatre> {
    const env = { HUIZHEN_LIMITS_CONNECTIONS_PER_ADDRESS: "1000", HUIZHEN_LIMITS_REQUESTS_PER_SECOND: "5000", ...(workers > 1 ? { HUIZHEN_MEDIA_SPREAD_SUBSCRIPTIONS: "40" } : {}) };
    const gateway = await Gateway.start({ workers, env });
    t.after(() => gateway.stop());
    const inside = await Load.start(3), outside = await Load.start(VIEWERS);
    t.after(() => { inside.process.kill("SIGKILL"); outside.process.kill("SIGKILL"); });
    const { client } = await RpcClient.join(gateway.url, { token: gateway.token("op", "clinic", { id: "dir", grant: "create" }) });
    t.after(() => client.close());
    await post(gateway, inside, "/whip/op", gateway.token("op", "theatre", { id: "or1" }), 0, SEND);
    await post(gateway, inside, "/whip/op", gateway.token("op", "theatre", { id: "or2" }), 1, SEND);
    const token = gateway.token("op", "director", { id: "dir2" });
    const theatre = new Theatre(gateway, inside, outside, client, token);
    await theatre.put("", { title: "Surgery", sources: SOURCES, voices: ["or1"] });
    await theatre.air("or1");
    await post(gateway, inside, "/whep/op/or1", gateway.token("op", "expert", { id: "tele" }), 2, WATCH);
    for (let i = 0; i < VIEWERS; i++) await post(gateway, outside, "/whep/op/program", gateway.token("op", "viewer", { id: `v${i}` }), i, WATCH);
    await until("all viewers have a picture", 15000, async () => {
      const report = await outside.report();
      return report.running === VIEWERS && report.dark === 0 && report.streams === 2 * VIEWERS;
    });
    return theatre;
  }

  async put(path: string, body: object): Promise<void> {
    assert.equal((await this.gateway.api(this.token, "PUT", `/api/v1/consults/op/broadcast${path}`, body)).status, 200);
  }

  // Of or2. When all had answered, in ms of the wall clock.
  async mask(): Promise<number> {
    await this.put("/masks", { participant: "or2", source: "camera", masks: [{ x: 0, y: 0, w: 1, h: 0.1 }] });
    return await until("the workers' answer to masks", 5000, async () => (await this.get()).masks_confirmed_ms || undefined);
  }

  air(id: string): Promise<unknown> { return this.director.call("broadcast.program", { source: { participant: id, source: "camera" } }); }

  async get(): Promise<Broadcast> {
    const answer = await this.gateway.api(this.token, "GET", "/api/v1/consults/op/broadcast");
    return await answer.json() as Broadcast;
  }

  // Pressed and confirmed, in ms of the wall clock.
  async cut(): Promise<{ pressed: number; mark: number; confirmed: number }> {
    const pressed = Date.now();
    await this.director.call("broadcast.cut", { reason: "a name on the screen" });
    const confirmed = await until("the workers' answer", 5000, async () => (await this.get()).cut?.confirmed_ms || undefined);
    return { pressed, mark: (await this.get()).cut?.at_ms ?? 0, confirmed };
  }
}

for (const workers of [1, 2]) {
  test(`CUT with ${VIEWERS} viewers on ${workers} worker${workers > 1 ? "s" : ""}: nothing of after the workers' answer reaches any of them, the telementor loses no packet`, { timeout: 120000 }, async (t) => {
    const theatre = await Theatre.start(t, workers);
    const { inside, outside } = theatre;
    assert.equal((await theatre.get()).viewers, VIEWERS);
    outside.impair(LOSS_PERMILLE); // so that there is something to ask for again
    await sleep(1500);
    inside.mark();
    outside.mark();
    await sleep(500);
    const { pressed, mark, confirmed } = await theatre.cut();
    await sleep(800);
    const seen = await outside.report();
    assert.ok(seen.nacks_sent > 0 && seen.repaired > 0, "repairs were asked for before");
    assert.ok(seen.newest_us > (pressed - 2000) * 1000, "media flowed until the mark");
    assert.ok(seen.newest_us <= (confirmed + 1) * 1000, `a packet made ${seen.newest_us / 1000 - confirmed} ms after the confirmation`);
    console.log(`# ${workers} worker(s), ${VIEWERS} viewers: mark ${mark - pressed} ms after the press, confirmed ${confirmed - pressed} ms after; newest packet that got through ${(seen.newest_us / 1000 - mark).toFixed(1)} ms after the mark`);
    outside.mark();
    await sleep(1500);
    const silence = await outside.report();
    assert.equal(silence.received + silence.repaired + silence.duplicates, 0, "not one packet while it is cut");
    // Another camera while it is cut is not seen either.
    await theatre.air("or2");
    await sleep(500);
    assert.equal((await outside.report()).newest_us, 0);
    const live = await inside.report();
    assert.equal(live.lost, 0);
    assert.equal(live.silent, 0);
    // What came during the cut is never shown. On a busy machine links look narrow for a while: pictures come back by themselves.
    outside.impair(0);
    const resumed = Date.now();
    await theatre.director.call("broadcast.resume", { reason: "it is gone" });
    await until("pictures again", 25000, async () => (await outside.report()).silent === 0).catch(async (error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify(await outside.report())}`);
    });
    await sleep(500);
    const after = await outside.report();
    // What a busy worker found in its socket after the resume had come to nobody before it; what it had taken in is older than that.
    assert.ok(after.oldest_us >= (resumed - WAITED_MS) * 1000, `something made ${resumed - after.oldest_us / 1000} ms before the resume was shown`);
    assert.equal(after.running, VIEWERS);
    // Masks on the air are confirmed in the same way: from then on nothing of the picture as it is leaves. (Nobody paints this one: it is no picture.)
    await theatre.put("", { title: "Surgery", sources: SOURCES, voices: [] });
    await sleep(500);
    outside.mark();
    await sleep(300);
    const asked = Date.now(), masked = await theatre.mask();
    await sleep(800);
    const last = await outside.report();
    assert.ok(last.newest_us > (asked - 2000) * 1000, "pictures flowed until the masks");
    assert.ok(last.newest_us <= (masked + 1) * 1000, `a packet made ${last.newest_us / 1000 - masked} ms after the masks were confirmed`);
    console.log(`# ${workers} worker(s): masks confirmed ${masked - asked} ms after they were sent; newest packet that got through ${(last.newest_us / 1000 - masked).toFixed(1)} ms after that`);
    assert.equal((await inside.report()).lost, 0);
  });
}

test("kill -9 of control while it is cut: it stays cut, and nobody has to come again", { timeout: 120000 }, async (t) => {
  const theatre = await Theatre.start(t, 1);
  await theatre.cut();
  theatre.outside.mark();
  process.kill(theatre.gateway.pidOf("control") ?? 0, "SIGKILL");
  await until("control is back", 10000, async () => (await theatre.get().catch(() => undefined))?.state === "cut");
  await sleep(1500);
  const report = await theatre.outside.report();
  assert.equal(report.received + report.repaired + report.duplicates, 0);
  assert.equal(report.running, VIEWERS);
  const { client } = await RpcClient.join(theatre.gateway.url, { token: theatre.gateway.token("op", "director", { id: "dir3" }) });
  await client.call("broadcast.resume", { reason: "it is gone" });
  await until("pictures again", 25000, async () => (await theatre.outside.report()).silent === 0);
  client.close();
});
