// The watch page where there is no place left over WHEP: it plays the files, with sound, goes back in time, and comes back to the direct
// way when the viewer says so. HZ_SHOTS=FOLDER keeps pictures of the page.
// Timed: real media behind a delay
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { Gateway, until } from "../lib/gateway.ts";
import { DESKTOP, launchChromium, watchConsole } from "../lib/browser.ts";
import { makeClip } from "../lib/clip.ts";
import { Room } from "../lib/peer.ts";
import { run, tap } from "../lib/pages.ts";
import { RpcClient } from "../lib/rpc.ts";

interface Look { state: string; leg: string; poster: string; time: number; frames: number; sound: number; from: number; until: number }
const LOOK = `(() => {
  const at = (id) => document.querySelector('[data-testid="' + id + '"]')?.dataset ?? {}, v = document.querySelector('video');
  return { state: at("watch-state").state ?? "", leg: at("watch-controls").leg ?? "", poster: at("watch-poster").poster ?? "", time: v.currentTime,
    frames: v.getVideoPlaybackQuality().totalVideoFrames, sound: v.webkitAudioDecodedByteCount ?? 0,
    from: v.seekable.length ? v.seekable.start(0) : 0, until: v.seekable.length ? v.seekable.end(0) : 0 };
})()`;
let gateway: Gateway, chromium: Browser, room: Room, director: RpcClient, dir: string;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "hz-watch-"));
  makeClip(join(dir, "clip"), "h264");
  gateway = await Gateway.start();
  chromium = await launchChromium();
  director = (await RpcClient.join(gateway.url, { token: gateway.token("op", "clinic", { id: "dir", grant: "create" }) })).client;
  room = await Room.start(gateway.url, "op", [{ id: "or1", token: gateway.token("op", "theatre", { id: "or1" }) }],
    ["--codec", "h264", "--copies", "0", "--clip", join(dir, "clip")], 0);
});
after(async () => {
  room?.process.kill("SIGKILL");
  director?.close();
  await chromium?.close();
  await gateway?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function see(page: Page, what: string, right: (l: Look) => boolean): Promise<Look> {
  let last: Look | undefined;
  await until(what, 40000, async () => right(last = await run<Look>(page, LOOK)))
    .catch((error: unknown) => assert.fail(`${String(error)} ${JSON.stringify(last)}`));
  return last!;
}

async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env["HZ_SHOTS"];
  if (folder) mkdirSync(folder, { recursive: true });
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) as `${string}.png` });
}

/** How many watch, and how many of them behind the delay, as the desk is told. */
async function watching(what: string, delayed: number, all: number): Promise<void> {
  let last = "";
  await until(what, 20000, async () => {
    const desk = await (await gateway.api(gateway.token("op", "director", { id: "dir2" }), "GET", "/api/v1/consults/op/broadcast")).json() as { viewers: number; viewers_delayed: number };
    last = `${desk.viewers_delayed} of ${desk.viewers}`;
    return desk.viewers_delayed === delayed && desk.viewers === all;
  }).catch((error: unknown) => assert.fail(`${String(error)}: ${last}`));
}

test("no place over WHEP: the page plays the files, goes back in time, and comes back", { timeout: 150000 }, async () => {
  const token = gateway.token("op", "director", { id: "dir2" });
  const put = await gateway.api(token, "PUT", "/api/v1/consults/op/broadcast",
    { title: "Laparoscopy, live", delay_s: 2, sources: [{ participant: "or1", source: "camera" }], voices: ["or1"] });
  assert.equal(put.status, 200, await put.text());
  await director.call("broadcast.program", { source: { participant: "or1", source: "camera" } });
  const page = await (await chromium.newContext({ ...DESKTOP, ignoreHTTPSErrors: true })).newPage();
  const errors = watchConsole(page);
  await page.route("**/whep/**", (route) => route.fulfill({ status: 503, body: "" }));
  await page.goto(gateway.link("op", "viewer", "Student"));
  await tap(page, "join-button");
  const first = await see(page, "pictures and sound out of files", (l) => l.leg === "files" && l.state === "playing" && l.frames > 50 && l.sound > 0);
  assert.equal(first.poster, "");
  await watching("a viewer of the files is counted", 1, 1);
  await see(page, "it goes on", (l) => l.time > first.time + 4 && l.frames > first.frames + 80);
  await tap(page, "watch-sound");
  await until("how far behind it is", 10000, async () => /\d/.test(await page.getByTestId("watch-behind").innerText()));
  const back = await see(page, "something to go back to", (l) => l.until - l.from > 6 && l.time > l.from + 5);
  await shot(page, "watch-files");
  await page.getByTestId("watch-slider").fill(String(Math.ceil(back.from) + 1));
  const past = await see(page, "an earlier moment", (l) => l.time < back.time - 2);
  await see(page, "it plays from there", (l) => l.time > past.time + 1);
  await page.unroute("**/whep/**");
  await tap(page, "watch-live");
  await see(page, "the direct way", (l) => l.leg === "live" && l.state === "playing");
  await watching("a viewer of the direct way is not counted twice", 0, 1);
  await tap(page, "watch-files");
  await see(page, "the files by choice", (l) => l.leg === "files" && l.state === "playing");
  assert.equal((await gateway.api(token, "DELETE", "/api/v1/consults/op/broadcast")).status, 204);
  await see(page, "the poster of after", (l) => l.poster === "after");
  assert.deepEqual(errors.filter((e) => !/404|503/.test(e)), []);
});
