// A broadcast over WHEP and as files at once. Every picture carries in its bytes when it was sent: what of it lies in the folder says so.
// CUT: nothing of after the mark reaches any of 200 viewers or is in any file, ever, and the telementor loses nothing; kill -9 of the packager, also in a cut: the consult does not notice, the playlist
// goes on, what was cut stays cut.
// Timed: real media behind a delay
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { RpcClient } from "../lib/rpc.ts";
import { makeClip } from "../lib/clip.ts";
import { startNginx } from "../lib/nginx.ts";
import { Room } from "../lib/peer.ts";
import { parse, parseMaster, together } from "../lib/hls.ts";
import { inParallel } from "../bench/measure.ts";
import { Load, nowUs } from "../bench/load.ts";
import { connectWords, makeOffer, readSdp, type Line } from "../bench/sdp.ts";

const VIEWERS = Number(process.env["HZ_VIEWERS"] ?? 200), FEW = 20, DELAY_S = 2;
const PER_SUBJECT = 16; // viewers a token's subject may be at once
const WATCH: Line[] = [{ kind: "audio", send: false }, { kind: "video", send: false, codec: "h264" }];
interface State { state: string; hls: string; cut: { at_ms: number; confirmed_ms: number | null } | null }

// When each picture that lies in any file was sent, in ms.
function marks(folder: string): number[] {
  const found: number[] = [];
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    let text = "";
    try { text = statSync(path).isFile() && !name.endsWith(".m3u8") ? readFileSync(path, "latin1") : ""; } catch { /* gone meanwhile */ }
    for (const match of text.matchAll(/HZMARK=(\d+);/g)) found.push(Number(match[1]) / 1000);
  }
  return found;
}
const newest = (folder: string): number => Math.max(0, ...marks(folder));

class Event {
  url = "";
  folder = "";
  private constructor(readonly gateway: Gateway, readonly room: Room, readonly outside: Load, readonly director: RpcClient, readonly token: string) {}

  static async start(t: TestContext, workers: number, viewers: number): Promise<Event> {
    const dir = mkdtempSync(join(tmpdir(), "hz-broadcast-"));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const clip = join(dir, "clip");
    makeClip(clip, "h264");
    const gateway = await Gateway.start({ workers, env: { HUIZHEN_LIMITS_CONNECTIONS_PER_ADDRESS: "1000", HUIZHEN_LIMITS_REQUESTS_PER_SECOND: "5000", ...(workers > 1 ? { HUIZHEN_MEDIA_SPREAD_SUBSCRIPTIONS: "100" } : {}) } });
    t.after(() => gateway.stop());
    const { client } = await RpcClient.join(gateway.url, { token: gateway.token("op", "clinic", { id: "dir", grant: "create" }) });
    t.after(() => client.close());
    const room = await Room.start(gateway.url, "op", [{ id: "or1", token: gateway.token("op", "theatre", { id: "or1" }) }, { id: "tele", token: gateway.token("op", "expert", { id: "tele" }) }],
      ["--codec", "h264", "--publishers", "1", "--clip", clip, "--stamp"], 1);
    t.after(() => { room.process.kill("SIGKILL"); });
    const outside = await Load.start(viewers);
    t.after(() => { outside.process.kill("SIGKILL"); });
    const event = new Event(gateway, room, outside, client, gateway.token("op", "director", { id: "dir2" }));
    const made = await gateway.api(event.token, "PUT", "/api/v1/consults/op/broadcast",
      { title: "Surgery", delay_s: DELAY_S, sources: [{ participant: "or1", source: "camera" }], voices: ["or1"] });
    assert.equal(made.status, 200);
    await client.call("broadcast.program", { source: { participant: "or1", source: "camera" } });
    const viewer = gateway.token("op", "viewer", { id: "v" });
    const tokens = Array.from({ length: Math.ceil(viewers / PER_SUBJECT) }, (_, i) => gateway.token("op", "viewer", { id: `v${i}` }));
    await inParallel(viewers, 8, (i) => event.#watch(tokens[Math.floor(i / PER_SUBJECT)]!, i));
    const watch = await (await gateway.api(viewer, "GET", "/api/v1/consults/op/broadcast/watch")).json() as { hls: { url: string; delay_s: number } };
    assert.equal(watch.hls.delay_s, DELAY_S);
    event.url = `${gateway.url}${watch.hls.url}`;
    event.folder = join(gateway.dataDir, "hls", watch.hls.url.split("/")[2]!);
    await event.shown(0);
    return event;
  }

  async #watch(token: string, endpoint: number): Promise<void> {
    const start = nowUs();
    const response = await fetch(`${this.gateway.url}/whep/op/program`,
      { method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" }, body: makeOffer(this.outside.endpoint(endpoint), WATCH) });
    const body = await response.text();
    assert.equal(response.status, 201, body);
    await this.outside.connect(endpoint, connectWords(readSdp(body), start, WATCH), "running");
  }

  async get(): Promise<State> { return await (await this.gateway.api(this.token, "GET", "/api/v1/consults/op/broadcast")).json() as State; }

  // A picture that was sent after this moment is in a file.
  async shown(afterMs: number): Promise<void> {
    await until("the programme in files", 30000, () => existsSync(this.folder) && newest(this.folder) > afterMs)
      .catch(async (error: unknown) => { throw new Error(`${String(error)}: ${JSON.stringify(await this.get())}\n${this.gateway.log().slice(-2000)}`); });
  }

  async text(path: string): Promise<string> {
    const response = await fetch(new URL(path, this.url));
    assert.equal(response.status, 200, path);
    return response.text();
  }

  async cut(): Promise<{ mark: number; confirmed: number }> {
    await this.director.call("broadcast.cut", { reason: "a name on the screen" });
    const confirmed = await until("everybody's answer", 10000, async () => (await this.get()).cut?.confirmed_ms || undefined);
    return { mark: (await this.get()).cut?.at_ms ?? 0, confirmed };
  }
}

function assertNothing(folder: string, from: number, until: number, why: string): void {
  const there = marks(folder).filter((ms) => ms >= from && ms < until);
  assert.deepEqual(there.slice(0, 3), [], `${why}: ${there.length} pictures, the first ${there[0]! - from} ms after the mark`);
}

async function checkPlaylists(event: Event): Promise<void> {
  const master = parseMaster(await event.text("master.m3u8"));
  assert.deepEqual(master.errors, []);
  assert.match(master.variants[0]!.codecs, /^avc1\.[0-9a-f]{6},opus$/);
  const lists = [parse(await event.text("video/index.m3u8")), parse(await event.text("sound/index.m3u8"))];
  for (const list of lists) assert.deepEqual(list.errors, []);
  assert.deepEqual(together(lists), []);
}

// Frames that were sent, by their marks: each is one packet at least, and a lost one is a gap in the numbers.
const heard = (event: Event): { packets: number; lost: number; silent: number } => {
  const sinks = event.room.sinks();
  assert.equal(sinks.length, 2, "the telementor has a picture and sound");
  return { packets: sinks.reduce((sum, s) => sum + s.packets, 0), lost: sinks.reduce((sum, s) => sum + s.lost, 0), silent: Math.max(...sinks.map((s) => s.age_ms)) };
};

test(`${VIEWERS} viewers over WHEP and files at once: CUT holds on both, the telementor loses nothing; kill -9 of the packager in the cut, too`, { timeout: 180000 }, async (t) => {
  const event = await Event.start(t, 2, VIEWERS);
  const { outside, folder } = event;
  await until("all WHEP viewers have picture and sound", 30000, async () => { const r = await outside.report(); return r.dark === 0 && r.streams === 2 * VIEWERS; });
  assert.equal((await event.get()).hls, "live");
  await until("the multivariant playlist", 15000, async () => existsSync(join(folder, "master.m3u8")));
  await checkPlaylists(event);
  outside.mark();
  await until("everybody sees and hears it", 25000, async () => (await outside.report()).silent === 0); // on a busy machine links look narrow for a while
  const pressed = Date.now();
  const { mark, confirmed } = await event.cut();
  assertNothing(folder, mark, Infinity, "at the confirmation");
  await sleep(800);
  const seen = await outside.report(), newestMs = seen.newest_us / 1000;
  assert.ok(newestMs > pressed - 2000, `pictures flowed until the mark: ${JSON.stringify(seen)} ${pressed}`);
  assert.ok(newestMs <= confirmed + 1, `a picture sent ${(newestMs - confirmed).toFixed(1)} ms after the workers' answer reached a viewer`);
  outside.mark();
  await sleep((DELAY_S + 1) * 1000);
  assertNothing(folder, mark, Infinity, "behind the delay");
  assert.ok(newest(folder) > mark - DELAY_S * 1000, "what was before the mark came all the same");
  const silent = await outside.report();
  assert.equal(silent.received + silent.repaired + silent.duplicates, 0, "nothing over WHEP");
  assert.equal(silent.running, VIEWERS);
  const live = heard(event);
  assert.equal(live.lost, 0, "the telementor lost nothing");
  assert.ok(live.silent < 2000, "and goes on");
  console.log(`# ${VIEWERS} viewers: newest picture that reached one was sent ${(newestMs - mark).toFixed(1)} ms after the mark; telementor: ${live.packets} packets, ${live.lost} lost`);
  console.log(`# confirmed ${confirmed - mark} ms after the mark, newest picture in a file ${(mark - newest(folder)).toFixed(0)} ms before it`);
  event.gateway.kill9("hls");
  await sleep((DELAY_S + 1) * 1000);
  assertNothing(folder, mark, Infinity, "after a kill in the cut");
  const resumed = Date.now();
  await event.director.call("broadcast.resume", { reason: "it is gone" });
  await event.shown(resumed);
  await until("WHEP again", 25000, async () => (await outside.report()).silent === 0);
  assertNothing(folder, mark, resumed - 250, "after the resume"); // what waited in a socket over it
  assert.equal(heard(event).lost, 0, "the telementor, all the way");
  await checkPlaylists(event);
});

test("kill -9 of the packager: the consult goes on, so does the playlist; nginx serves it, ffmpeg plays it", { timeout: 120000 }, async (t) => {
  const event = await Event.start(t, 1, FEW);
  const { outside, folder } = event;
  await until("all WHEP viewers have a picture", 20000, async () => (await outside.report()).dark === 0);
  const playlist = join(folder, "video/index.m3u8"), before = parse(readFileSync(playlist, "utf8"));
  outside.mark();
  event.gateway.kill9("hls");
  const killed = Date.now();
  const version = statSync(playlist).ino;
  await until("a playlist of the new process", 20000, () => existsSync(playlist) && statSync(playlist).ino !== version && parse(readFileSync(playlist, "utf8")).segments.length > 0);
  const back = Date.now() - killed, after = parse(readFileSync(playlist, "utf8"));
  assert.ok(after.sequence > before.sequence, "no name is given to other bytes");
  assert.deepEqual(after.errors, []);
  const report = await outside.report();
  assert.equal(report.lost, 0, "nobody over WHEP lost anything");
  await event.shown(killed);
  console.log(`# files again ${back} ms after the kill, the programme after ${Date.now() - killed} ms`);
  const { url, stop } = await startNginx(join(event.gateway.dataDir, "hls"));
  t.after(stop);
  await until("the multivariant playlist", 15000, () => existsSync(join(folder, "master.m3u8")));
  assert.equal((await event.gateway.api(event.token, "DELETE", "/api/v1/consults/op/broadcast")).status, 204);
  await until("the end of the list", 10000, () => parse(readFileSync(playlist, "utf8")).ended);
  const played = spawnSync("ffmpeg", ["-v", "error", "-i", `${url}${new URL(event.url).pathname}`, "-map", "0", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"], { encoding: "utf8" });
  assert.equal(played.stderr, "");
  assert.equal(played.status, 0);
});
