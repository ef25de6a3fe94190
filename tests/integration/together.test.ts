// Two cameras of one theatre over RTSP, one of them far away, on the air side by side in one picture: each picture that a viewer gets is decoded and
// both clocks in it are read. As they come, the far one is late; with the same sync_ms they show one moment. What is masked of one of them is in
// no picture, over WHEP and in the files.
// Timed: real media
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep, until } from "../lib/gateway.ts";
import { RpcClient } from "../lib/rpc.ts";
import { Room } from "../lib/peer.ts";
import { parse } from "../lib/hls.ts";
import { farAway, Theatre } from "../lib/sources.ts";

const COLUMNS = 8, ROWS = 6, NEAR = 1, FAR = 2, FAR_MS = 400, SYNC_MS = 900, FRAME_MS = 40;

interface Picture { near?: number; far?: number; number: number; hidden: number } // clocks; number of the near one; contrast of the far one's, 0..255

// One half of a picture: what its clock says; undefined: nothing that can be read.
function clockOf(at: (row: number, column: number) => number): number | undefined {
  for (let column = 0; column < COLUMNS; column++) if ((at(0, column) > 127 ? 1 : 0) !== (column & 1)) return undefined;
  let ms = 0;
  for (let i = 0; i < 32; i++) ms += at(1 + (i >> 3), i & 7) > 127 ? 2 ** i : 0;
  return ms;
}

function look(cells: Buffer): Picture {
  const near = (row: number, column: number): number => cells[row * 2 * COLUMNS + column]!, far = (row: number, column: number): number => near(row, column + COLUMNS);
  const name = Array.from({ length: COLUMNS }, (_, i) => far(ROWS - 1, i));
  let number = 0;
  for (let i = 0; i < COLUMNS; i++) number += near(ROWS - 1, i) > 127 ? 2 ** i : 0;
  return { near: clockOf(near), far: clockOf(far), number, hidden: Math.max(...name) - Math.min(...name) };
}

/** Every picture of a file: both halves are 636 wide, their pictures 16:9 in the middle. */
async function pictures(file: string, format: string[] = []): Promise<Picture[]> {
  const half = (x: number): string => `crop=w=636:h=358:x=${x}:y=181:exact=1,scale=${COLUMNS}:${ROWS}:flags=area,format=gray`;
  const ffmpeg = spawn("ffmpeg", ["-nostdin", "-v", "error", "-threads", "1", ...format, "-i", file, "-filter_complex", `[0:v]split[a][b];[a]${half(0)}[l];[b]${half(644)}[r];[l][r]hstack`,
    "-fps_mode", "passthrough", "-f", "rawvideo", "-"], { stdio: ["ignore", "pipe", "ignore"] });
  const found: Picture[] = [], bytes = 2 * COLUMNS * ROWS;
  let rest = Buffer.alloc(0);
  for await (const data of ffmpeg.stdout as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, data]);
    for (; rest.length >= bytes; rest = rest.subarray(bytes)) found.push(look(rest.subarray(0, bytes)));
  }
  return found;
}

/** How much later the near one was captured than the far one beside it, in the middle of those that can be read. */
function apart(list: Picture[]): number {
  const found = list.filter((p) => p.near !== undefined && p.far !== undefined).map((p) => p.near! - p.far!).sort((a, b) => a - b);
  assert.ok(found.length > list.length / 2 && found.length > 20, `${found.length} of ${list.length} pictures can be read`);
  return found[found.length >> 1]!;
}

class Air {
  dumps = 0;
  constructor(readonly theatre: Theatre, readonly dir: string) {}
  get token(): string { return this.theatre.gateway.token("op", "director", { id: "dir" }); }

  async put(path: string, body: object): Promise<void> {
    const answer = await this.theatre.gateway.api(this.token, "PUT", `/api/v1/consults/op/broadcast${path}`, body);
    assert.equal(answer.status, 200, await answer.clone().text());
  }
  async say(method: string, params: object): Promise<void> {
    const { client } = await RpcClient.join(this.theatre.gateway.url, { token: this.token });
    await client.call(method, params).finally(() => client.close());
  }

  // What a viewer gets from now on.
  async view(t: TestContext, ms: number): Promise<Picture[]> {
    const id = `v${++this.dumps}`, file = join(this.dir, `${id}.h264`), { gateway } = this.theatre;
    const room = await Room.start(gateway.url, "op", [{ id, token: gateway.token("op", "viewer", { id }) }], ["--codec", "h264", "--publishers", "0", "--watch", "program", "--dump", file], 1);
    t.after(() => { room.process.kill("SIGKILL"); });
    await sleep(ms);
    room.process.kill("SIGKILL");
    return pictures(file, ["-f", "h264"]);
  }

  // Of the newest beginning in the files.
  async files(): Promise<Picture[]> {
    const { gateway } = this.theatre;
    const watch = await (await gateway.api(gateway.token("op", "viewer", { id: "v0" }), "GET", "/api/v1/consults/op/broadcast/watch")).json() as { hls: { url: string } };
    const video = join(gateway.dataDir, "hls", watch.hls.url.split("/")[2]!, "video");
    const list = parse(readFileSync(join(video, "index.m3u8"), "utf8")).segments.filter((s) => !s.gap && s.uri && s.map), map = list.at(-1)?.map;
    if (!map) return [];
    const file = join(this.dir, "files.mp4");
    writeFileSync(file, Buffer.concat([map, ...list.filter((s) => s.map === map).map((s) => s.uri!)].map((name) => readFileSync(join(video, name)))));
    return pictures(file);
  }
}

test("two cameras in one picture of a broadcast, in sync, and what is masked of one of them is in none", { timeout: 150000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "hz-together-"));
  const theatre = await Theatre.start({ HUIZHEN_MOSAIC_ENABLED: "true" }), { senders, gateway } = theatre;
  t.after(async () => { await theatre.end(); rmSync(dir, { recursive: true }); });
  const air = new Air(theatre, dir);
  for (const [id, number, ms] of [["near", NEAR, 5], ["far", FAR, FAR_MS]] as const) {
    const front = await farAway((await senders.camera(0, "", number)).port, ms);
    t.after(() => { front.server.close(); });
    await theatre.add(id, `rtsp://127.0.0.1:${front.port}/cam`);
  }
  for (const id of ["near", "far"]) await theatre.reaches(id, 60000, (s) => s.state === "live" && s.synced);
  await until("a mosaic", 15000, async () => (await gateway.metrics()).get("huizhen_mosaic_ready") === 1);
  const near = { participant: "near", source: "camera" }, far = { participant: "far", source: "camera" };
  await air.put("", { title: "Surgery", delay_s: 1, sources: [near, far], voices: ["near"] });
  await air.put("/masks", { ...far, identified: true, masks: [{ x: 0, y: (ROWS - 1) / ROWS, w: 1, h: 1 / ROWS }] });
  await air.say("broadcast.program", { source: near, layout: "side", beside: [far] });

  const loose = await air.view(t, 5000), late = apart(loose);
  for (const id of ["near", "far"]) assert.equal((await theatre.call("PATCH", `/${id}`, { sync_ms: SYNC_MS })).status, 200);
  await sleep(2 * SYNC_MS);
  const tight = await air.view(t, 5000), off = apart(tight);
  const files = await until("the files", 20000, async () => { const list = await air.files(); return list.length > 50 ? list : undefined; });
  console.log(`# the far one ${late} ms behind as they come, ${off} ms with sync_ms (${loose.length} and ${tight.length} pictures, ${files.length} in the files)`);
  assert.ok(late > FAR_MS / 2, `the far one is late by itself: ${late} ms`);
  assert.ok(Math.abs(off) <= 2 * FRAME_MS, `in sync to two pictures: ${off} ms`);
  const all = [...loose, ...tight, ...files];
  assert.ok(all.filter((p) => p.near !== undefined && p.number === NEAR).length > all.length / 2, "what is not masked is read");
  const strongest = Math.max(...all.map((p) => p.hidden));
  assert.ok(strongest < 20, `what is masked is in no picture: ${strongest}`);
  // Taken away, the same look finds it.
  await air.put("/masks", { ...far, identified: false, masks: [] });
  const open = await air.view(t, 3000);
  assert.ok(open.filter((p) => p.hidden > 100).length > 10, "without masks it is there");
});
