// A source with a name burned into its picture, broadcast with masks: the name is in no picture that a viewer over WHEP or the files get,
// over a kill -9 of the mosaic and of control, other masks, another camera, a cut, a takeover. Every picture is decoded and looked at;
// at the end the masks are taken away, and the same look finds the name.
// Timed: real media
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, readdirSync, rmSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gateway, rounds, sleep, until } from "../lib/gateway.ts";
import { RpcClient } from "../lib/rpc.ts";
import { makeClip } from "../lib/clip.ts";
import { Room } from "../lib/peer.ts";
import { parse } from "../lib/hls.ts";
import { ABOVE, BELOW, burn, find, maskOf, SEEN, type Found, type Name } from "../lib/burned.ts";

const PICTURES = rounds(500, 10000); // of each leg
interface State { state: string; masked?: string; hls: string; masks: { version: number }[]; masks_confirmed_ms?: number | null; cut: { confirmed_ms: number | null } | null }

class Stage {
  dumps = 0;
  folder = "";
  private constructor(readonly gateway: Gateway, readonly token: string, readonly dir: string, readonly theatre: Room, readonly other: Room) {}

  // or1 has a name above and one below, or2 none; both publish, and somebody in the consult watches or1.
  static async start(t: TestContext): Promise<Stage> {
    const dir = mkdtempSync(join(tmpdir(), "hz-masks-"));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const named = join(dir, "named"), plain = join(dir, "plain");
    const picture = "testsrc2=s=640x360:r=25:d=8";
    makeClip(named, "h264", "640x360", { picture: picture + burn(ABOVE) + burn(BELOW) });
    makeClip(plain, "h264", "640x360", { picture: `${picture},drawbox=w=iw:h=ih:color=gray:t=fill,noise=alls=12:allf=t` });
    const gateway = await Gateway.start({ workers: 2, env: { HUIZHEN_MOSAIC_ENABLED: "true", HUIZHEN_HLS_WINDOW: "1200" } });
    t.after(() => gateway.stop());
    const { client } = await RpcClient.join(gateway.url, { token: gateway.token("op", "clinic", { id: "dir", grant: "create" }) });
    client.close();
    const theatre = await Room.start(gateway.url, "op", [{ id: "or1", token: gateway.token("op", "theatre", { id: "or1" }) }, { id: "tele", token: gateway.token("op", "expert", { id: "tele" }) }],
      ["--codec", "h264", "--publishers", "1", "--clip", named], 1);
    t.after(() => { theatre.process.kill("SIGKILL"); });
    const other = await Room.start(gateway.url, "op", [{ id: "or2", token: gateway.token("op", "theatre", { id: "or2" }) }], ["--codec", "h264", "--copies", "0", "--clip", plain], 0);
    t.after(() => { other.process.kill("SIGKILL"); });
    const stage = new Stage(gateway, gateway.token("op", "director", { id: "dir2", ttl: "2h" }), dir, theatre, other);
    const camera = (participant: string): object => ({ participant, source: "camera" });
    await stage.put("", { title: "Surgery", delay_s: 1, sources: [camera("or1"), camera("or2")], voices: ["or1"] });
    return stage;
  }

  async put(path: string, body: object): Promise<State> {
    const answer = await this.gateway.api(this.token, "PUT", `/api/v1/consults/op/broadcast${path}`, body);
    assert.equal(answer.status, 200, await answer.clone().text());
    return await answer.json() as State;
  }
  mask(...names: Name[]): Promise<State> {
    return this.put("/masks", { participant: "or1", source: "camera", identified: true, fill: names.length > 1 ? "grey" : "black", masks: names.map(maskOf) });
  }
  // Control dies in between: each word over a connection of its own.
  async say(method: string, params: object): Promise<void> {
    const { client } = await RpcClient.join(this.gateway.url, { token: this.token });
    await client.call(method, params).finally(() => client.close());
  }
  air(participant: string): Promise<void> { return this.say("broadcast.program", { source: { participant, source: "camera" } }); }
  async get(): Promise<State> { return await (await this.gateway.api(this.token, "GET", "/api/v1/consults/op/broadcast")).json() as State; }

  // A viewer who keeps what it is sent.
  async view(t: TestContext): Promise<{ room: Room; file: string }> {
    const id = `v${++this.dumps}`, file = join(this.dir, `${id}.h264`);
    const room = await Room.start(this.gateway.url, "op", [{ id, token: this.gateway.token("op", "viewer", { id, ttl: "2h" }) }],
      ["--codec", "h264", "--publishers", "0", "--watch", "program", "--dump", file], 1);
    t.after(() => { room.process.kill("SIGKILL"); });
    const watch = await (await this.gateway.api(this.gateway.token("op", "viewer", { id }), "GET", "/api/v1/consults/op/broadcast/watch")).json() as { hls: { url: string } };
    this.folder = join(this.gateway.dataDir, "hls", watch.hls.url.split("/")[2]!);
    return { room, file };
  }

  // Masks, and when nothing else leaves any more; what files there were then.
  async confirmed(...names: Name[]): Promise<Set<string>> {
    await this.mask(...names);
    await until("the masks are confirmed", 10000, async () => typeof (await this.get()).masks_confirmed_ms === "number");
    return new Set(readdirSync(join(this.folder, "video")));
  }

  // What lies in the files, one file for each beginning (EXT-X-MAP), and looked at. without: those are left out.
  async files(names: Name[], without = new Set<string>()): Promise<Found[][]> {
    const video = join(this.folder, "video"), parts: string[] = [];
    let map = "";
    for (const segment of parse(readFileSync(join(video, "index.m3u8"), "utf8")).segments) {
      if (segment.gap || !segment.uri || !segment.map || without.has(segment.uri)) continue;
      if (segment.map !== map || !parts.length) {
        parts.push(join(this.dir, `part${parts.length}.mp4`));
        rmSync(parts.at(-1)!, { force: true });
        appendFileSync(parts.at(-1)!, readFileSync(join(video, segment.map)));
      }
      map = segment.map;
      appendFileSync(parts.at(-1)!, readFileSync(join(video, segment.uri)));
    }
    const found: Found[][] = [];
    for (const part of parts) found.push(await Promise.all(names.map((name) => find(part, name))));
    return found;
  }
}

const total = (found: Found[]): number => found.reduce((sum, f) => sum + f.pictures, 0);
const strongest = (found: Found[]): number => Math.max(...found.map((f) => f.strongest));

test(`a burned-in name is in none of ${PICTURES} pictures of each leg, whatever dies or changes`, { timeout: rounds(180000, 900000) }, async (t) => {
  const stage = await Stage.start(t), { gateway } = stage;
  await assert.rejects(stage.put("/masks", { participant: "or1", source: "camera", identified: true, masks: [] }).then(() => stage.air("or1")), "identified without masks");
  await stage.mask(ABOVE);
  await stage.air("or1");
  await until("a mosaic", 15000, async () => (await gateway.metrics()).get("huizhen_mosaic_ready") === 1);
  const { room, file } = await stage.view(t), began = Date.now();
  const files: Found[][] = [];
  let then = new Set<string>(), after: Found[] = [];
  const steps: [string, () => unknown][] = [
    ["kill -9 of the mosaic", () => gateway.kill9("mosaic")],
    ["other masks", async () => { then = await stage.confirmed(ABOVE, BELOW); }],
    ["another camera", () => stage.air("or2")],
    ["and back", () => stage.air("or1")],
    ["kill -9 of control", () => gateway.kill9("control")],
    ["a cut", async () => { await stage.say("broadcast.cut", { reason: "test" }); await sleep(500); await stage.say("broadcast.resume", { reason: "test" }); }],
    ["kill -9 of the worker", () => gateway.kill9("worker", 0)],
    ["a takeover", async () => { after = (await stage.files([BELOW], then)).map((f) => f[0]!); files.push(...await stage.files([ABOVE, BELOW])); await gateway.takeover(); }], // its packager begins another list
  ];
  const all = PICTURES / 25 * 1000;
  for (const [i, [what, step]] of steps.entries()) {
    await sleep(Math.max(0, began + all * (i + 1) / (steps.length + 2) - Date.now()));
    await until("control", 10000, async () => (await stage.get()).state !== "off"); // what was killed is back
    await Promise.resolve(step()).catch((error: unknown) => { throw new Error(`${what}: ${String(error)}`); });
  }
  await sleep(Math.max(1000, began + all - Date.now()));
  let above: Found = await find(file, ABOVE, "h264");
  const lacks = async (): Promise<boolean> => above.pictures < PICTURES || total([...files, ...await stage.files([ABOVE])].map((f) => f[0]!)) < PICTURES;
  for (let n = 0; n < 8 && await lacks(); n++) { // kills have cost some, and files come later
    await sleep(Math.max(0, PICTURES - above.pictures) * 40 + 2000);
    above = await find(file, ABOVE, "h264");
  }
  const below = await find(file, BELOW, "h264");
  files.push(...await stage.files([ABOVE, BELOW]));
  const fileAbove = files.map((f) => f[0]!);
  console.log(`# WHEP: ${above.pictures} pictures, the name in ${above.seen}, at most ${above.strongest.toFixed(1)} of 255 of it; files: ${total(fileAbove)} pictures in ${files.length} parts, at most ${strongest(fileAbove).toFixed(1)}`);
  assert.ok(above.pictures >= PICTURES, `${above.pictures} pictures over WHEP`);
  assert.ok(total(fileAbove) >= PICTURES, `${total(fileAbove)} pictures in files`);
  assert.equal(above.seen, 0, `the name in picture ${above.first} over WHEP`);
  assert.deepEqual(fileAbove.filter((f) => f.seen), [], "in the files");
  // What was masked while it was on the air was seen before, and from then on in no picture.
  assert.ok(below.seen > 20, `the name below, before its mask: ${below.seen}`);
  assert.ok(below.last < above.pictures / 2, `and last in picture ${below.last}`);
  assert.equal(below.seen, below.last - below.first + 1, "once gone it is gone");
  // Nothing that waited for its delay when the masks were confirmed came out afterwards.
  assert.ok(total(after) > 50, `${total(after)} pictures in files that were begun after the masks`);
  assert.deepEqual(after.filter((f) => f.seen), [], "written into a file after the masks were confirmed");
  // The telementor sees it as it is; so does everybody once the masks are gone: the look is one that finds it.
  assert.ok(room.process.exitCode === null && stage.theatre.receiving(1, 2000));
  await stage.put("/masks", { participant: "or1", source: "camera", identified: false, masks: [] });
  const open = await stage.view(t);
  await sleep(3000);
  open.room.process.kill("SIGKILL");
  const control = await find(open.file, ABOVE, "h264");
  assert.ok(control.seen > 20 && control.strongest > 4 * SEEN, `without masks the name is found: ${JSON.stringify(control)}`);
  await until("the name in the files", 20000, async () => existsSync(stage.folder) && (await stage.files([ABOVE])).some((f) => f[0]!.seen > 0));
});
