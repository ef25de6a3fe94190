// A broadcast to other people's platforms, real ones: nginx over RTMP and ffmpeg over SRT get picture and sound, together; after a CUT
// nothing of later than its mark ever reaches them; they go and come back; who refuses, or is none, ends in a clear state; and a kill -9 of each
// process is a gap.
// Timed: real media behind a delay
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeTcpPort, Gateway, sleep, until } from "../lib/gateway.ts";
import { RpcClient } from "../lib/rpc.ts";
import { makeClip } from "../lib/clip.ts";
import { Room } from "../lib/peer.ts";
import { flashesAndBeeps, RtmpPlatform, SrtPlatform } from "../lib/receivers.ts";

const KEY = "geheim-7f3a", PHRASE = "geheime-worte", DELAY_S = 1;
const FULL = process.env["HZ_TEST_FULL"] === "1";
interface Target { id: string; url: string; state: string; reason: string; sent_bytes: number; reconnects: number; restarts: number; dropped: number }

function freeUdp(): Promise<number> {
  return new Promise((done) => {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1", () => { const { port } = socket.address(); socket.close(() => done(port)); });
  });
}

class Event {
  private constructor(readonly gateway: Gateway, readonly token: string) {}

  // Its picture flashes and beeps at each second.
  static async start(t: TestContext): Promise<Event> {
    const dir = mkdtempSync(join(tmpdir(), "hz-push-"));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const clip = join(dir, "clip");
    makeClip(clip, "h264", "320x180", {
      picture: "color=0x202020:s=320x180:r=25:d=8,drawbox=w=iw:h=ih:color=white:t=fill:enable='lt(mod(t,1),0.19)'",
      sound: "sine=880:d=8:r=48000,volume='if(lt(mod(t,1),0.2),1,0)':eval=frame", group: 1,
    });
    const gateway = await Gateway.start({ workers: 1, env: { HUIZHEN_PUSH_ALLOW: "loopback" } });
    t.after(() => gateway.stop());
    const { client } = await RpcClient.join(gateway.url, { token: gateway.token("op", "clinic", { id: "dir", grant: "create" }) });
    client.close();
    const room = await Room.start(gateway.url, "op", [{ id: "or1", token: gateway.token("op", "theatre", { id: "or1" }) }],
      ["--codec", "h264", "--copies", "0", "--clip", clip, "--stamp"], 0);
    t.after(() => { room.process.kill("SIGKILL"); });
    const event = new Event(gateway, gateway.token("op", "director", { id: "dir2" }));
    const made = await gateway.api(event.token, "PUT", "/api/v1/consults/op/broadcast",
      { title: "Surgery", delay_s: DELAY_S, sources: [{ participant: "or1", source: "camera" }], voices: ["or1"] });
    assert.equal(made.status, 200);
    await event.say("broadcast.program", { source: { participant: "or1", source: "camera" } });
    return event;
  }

  // Control dies in between: each word over a connection of its own.
  async say(method: string, params: object): Promise<void> {
    const { client } = await RpcClient.join(this.gateway.url, { token: this.token });
    await client.call(method, params).finally(() => client.close());
  }

  async ask(method: string, path = "", body?: object): Promise<{ status: number; json: unknown }> {
    const answer = await this.gateway.api(this.token, method, `/api/v1/consults/op/broadcast/targets${path}`, body);
    const text = await answer.text();
    assert.ok(!/geheim/.test(text), text);
    return { status: answer.status, json: text ? JSON.parse(text) : null };
  }

  async add(url: string, key = ""): Promise<string> {
    const { status, json } = await this.ask("POST", "", { url, key });
    assert.equal(status, 201, JSON.stringify(json));
    return (json as Target).id;
  }

  async remove(...ids: string[]): Promise<void> {
    for (const id of ids) assert.equal((await this.ask("DELETE", `/${id}`)).status, 204);
  }

  async get(id: string): Promise<Target> {
    const { items } = (await this.ask("GET")).json as { items: Target[] };
    return items.find((target) => target.id === id)!;
  }

  async reaches(id: string, ms: number, is: (target: Target) => boolean): Promise<Target> {
    return until(`target ${id}`, ms, async () => { const target = await this.get(id); return is(target) ? target : undefined; })
      .catch(async (error: unknown) => { throw new Error(`${String(error)}: ${JSON.stringify(await this.get(id))}\n${this.gateway.log().slice(-3000)}`); });
  }
  live(id: string, ms = 30000): Promise<Target> { return this.reaches(id, ms, (target) => target.state === "live"); }

  async cut(): Promise<number> {
    await this.say("broadcast.cut", { reason: "a name on the screen" });
    return until("everybody's answer", 10000, async () => {
      const now = await (await this.gateway.api(this.token, "GET", "/api/v1/consults/op/broadcast")).json() as { cut: { at_ms: number; confirmed_ms: number | null } | null };
      return now.cut?.confirmed_ms ? now.cut.at_ms : undefined;
    });
  }
}

const newer = (what: string, marks: () => number[], than: number, ms = 30000): Promise<boolean> => until(`pictures at ${what}`, ms, () => marks().some((mark) => mark > than));

// The mix waits for late voices, on a busy machine for long.
function inStep(name: string, file: string): void {
  const { pictures, flashes, beeps } = flashesAndBeeps(file);
  assert.ok(pictures > 50, `${name}: ${pictures} pictures were decoded`);
  const offsets = flashes.map((at) => beeps.map((beep) => beep - at).sort((a, b) => Math.abs(a) - Math.abs(b))[0] ?? 9).sort((a, b) => a - b);
  const middle = offsets[Math.floor(offsets.length / 2)] ?? 9;
  assert.ok(offsets.length >= 2 && Math.abs(middle) < 0.3, `${name}: sound is ${(middle * 1000).toFixed(0)} ms behind: ${JSON.stringify({ flashes, beeps })}`);
  console.log(`# ${name}: sound ${(middle * 1000).toFixed(0)} ms behind the picture, ${flashes.length} flashes`);
}

test("RTMP and SRT get the programme; CUT holds there; outages and kills are gaps", { timeout: 180000 }, async (t) => {
  const event = await Event.start(t);
  const { gateway } = event;
  const platform = await RtmpPlatform.start(KEY);
  t.after(() => platform.stop());
  const port = await freeUdp();
  const srt = new SrtPlatform(port, PHRASE);
  t.after(() => srt.stop());
  const rtmpId = await event.add(`rtmp://127.0.0.1:${platform.port}/live`, KEY);
  const srtId = await event.add(`srt://127.0.0.1:${port}?passphrase=${PHRASE}`, "#!::r=op,m=publish");
  await event.live(rtmpId);
  await event.live(srtId);
  assert.deepEqual([...new Set(platform.asked)], [KEY]);
  await newer("RTMP", () => platform.marks(), 0);
  await newer("SRT", () => srt.marks(), 0);
  await sleep(5000); // some flashes

  const mark = await event.cut();
  await sleep((DELAY_S + 2) * 1000);
  for (const [name, marks] of [["RTMP", platform.marks()], ["SRT", srt.marks()]] as const) {
    const late = marks.filter((ms) => ms >= mark);
    assert.equal(late.length, 0, `${name}: ${late.length} pictures of after the mark, the first ${late[0]! - mark} ms`);
    assert.ok(Math.max(...marks) > mark - 1000, `${name}: what was before the mark came all the same: ${Math.max(...marks) - mark}`);
  }
  assert.equal((await event.get(rtmpId)).state, "live", "the slate goes on");
  const sent = (await event.get(rtmpId)).sent_bytes;
  const resumed = Date.now();
  await event.say("broadcast.resume", { reason: "over" });
  await newer("RTMP", () => platform.marks(), resumed);
  await newer("SRT", () => srt.marks(), resumed);
  for (const marks of [platform.marks(), srt.marks()]) assert.deepEqual(marks.filter((ms) => ms >= mark && ms < resumed - 5), [], "nothing of the cut comes later");
  assert.ok((await event.get(rtmpId)).sent_bytes > sent);
  inStep("RTMP", platform.files()[0]!);
  inStep("SRT", srt.file);

  await platform.end();
  await event.reaches(rtmpId, 20000, (target) => target.state === "retrying");
  await platform.begin();
  const back = await event.live(rtmpId);
  assert.ok(back.reconnects >= 1, JSON.stringify(back));
  let from = Date.now();
  await newer("RTMP", () => platform.marks(), from);
  assert.equal((await event.get(srtId)).reconnects, 0, "the other one did not notice");
  const files = platform.files().length;

  for (const kind of ["push", "hls", "control"] as const) {
    from = Date.now();
    gateway.kill9(kind);
    if (kind === "control") await gateway.ready(15000);
    await newer(`RTMP after a kill of ${kind}`, () => platform.marks(), from);
    await event.live(rtmpId);
  }
  assert.ok(platform.files().length <= files + 1, "huizhen-push alone is a new connection");
  if (FULL) { // it takes nothing for a while: nobody else notices
    const besidePort = await freeUdp(), beside = new SrtPlatform(besidePort, PHRASE); // the first one ended with the connection of who was killed
    t.after(() => beside.stop());
    const besideId = await event.add(`srt://127.0.0.1:${besidePort}?passphrase=${PHRASE}`);
    await event.live(besideId);
    const before = await event.get(rtmpId);
    platform.hold(true);
    await event.reaches(rtmpId, 60000, (target) => target.state !== "live" || target.dropped > before.dropped);
    from = Date.now();
    await newer("SRT beside it", () => beside.marks(), from);
    assert.equal((await event.get(besideId)).reconnects, 0);
    platform.hold(false);
    from = Date.now();
    await newer("RTMP after it stood still", () => platform.marks(), from, 60000);
    assert.ok((await event.get(rtmpId)).reconnects + (await event.get(rtmpId)).dropped > before.reconnects + before.dropped);
  }
  assert.ok(!new RegExp(`${KEY}|${PHRASE}|geheim`).test(gateway.log()), "no key in the log");
  await event.remove(rtmpId, srtId);
});

test("who refuses, or is no platform, ends in a clear state", { timeout: 120000 }, async (t) => {
  const event = await Event.start(t);
  const platform = await RtmpPlatform.start(KEY);
  t.after(() => platform.stop());
  const garbage = createServer((socket) => { socket.on("error", () => undefined); socket.end("HTTP/1.1 400 Bad Request\r\n\r\n<html>no</html>"); });
  await new Promise<void>((done) => garbage.listen(0, "127.0.0.1", done));
  t.after(() => garbage.close());
  const address = garbage.address(), port = await freeUdp();
  const srt = new SrtPlatform(port, PHRASE);
  t.after(() => srt.stop());
  const cases: [string, string, string, string, RegExp][] = [
    ["a wrong key", `rtmp://127.0.0.1:${platform.port}/live`, "geheim-falsch", "refused", /^unauthorised$/],
    ["no platform", `rtmp://127.0.0.1:${address && typeof address === "object" ? address.port : 0}/live`, "k", "refused", /^garbage$/],
    ["nobody", `rtmp://127.0.0.1:${await freeTcpPort()}/live`, "k", "retrying", /^refused$/],
    ["outside", "rtmp://192.0.2.1/live", "k", "refused", /^not_allowed$/],
    ["a wrong passphrase", `srt://127.0.0.1:${port}?passphrase=falsche-worte`, "", "refused", /^unauthorised$/],
    ["SRT to nobody", `srt://127.0.0.1:${await freeUdp()}`, "", "retrying", /^timeout$/],
    ["no TLS", `rtmps://127.0.0.1:${address && typeof address === "object" ? address.port : 0}/live`, "k", "refused", /^(garbage|unauthorised)$/],
    ["no name", "rtmp://no-such-host.invalid/live", "k", "retrying", /^unreachable$/],
  ];
  for (let at = 0; at < cases.length; at += 4) { // as many as a broadcast takes
    const some = cases.slice(at, at + 4), ids = [];
    for (const [, url, key] of some) ids.push(await event.add(url, key));
    if (at === 0) assert.equal((await event.ask("POST", "", { url: "rtmp://127.0.0.1/live", key: "k" })).status, 409);
    for (const [i, [name, , , state, reason]] of some.entries()) {
      const target = await event.reaches(ids[i]!, 30000, (now) => now.state === state);
      assert.match(target.reason, reason, name);
    }
    await event.remove(...ids);
  }
  assert.ok(platform.asked.includes("geheim-falsch") && platform.files().length === 0, "nothing was taken");
  assert.ok(!/geheim/.test(event.gateway.log()), "no key in the log");
});
