// The broadcast's files in hls.js in Chromium, live from a plain web server: it plays and keeps playing, a cut shows the slate, the
// programme comes back, and a viewer can go back in time.
// Timed: pictures are made and played in real time
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { launchChromium } from "../lib/browser.ts";
import { sleep, until } from "../lib/gateway.ts";
import { FPS, Packager, Programme, SIZES, ZERO_US, sound, video } from "../lib/hls-input.ts";
import { LOOK, START, serveFolder, type Playing } from "../lib/hls-page.ts";

const BINARY = join(import.meta.dirname, "../../build/release/media/hls/huizhen-hls");
let root: string, chromium: Browser;

before(async () => {
  root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : "/tmp", "hz-hls-"));
  chromium = await launchChromium();
});
after(async () => {
  Packager.killAll();
  await chromium?.close();
  rmSync(root, { recursive: true, force: true });
});

// As a live source sends: a picture every 40 ms.
async function live(programme: Programme, stop: () => boolean): Promise<void> {
  const begin = Date.now() - programme.picture * 1000 / FPS;
  while (!stop()) {
    await programme.run((Date.now() - begin) / 1000, undefined, 4);
    await sleep(40);
  }
}

test("hls.js plays the broadcast, through a cut and back", { timeout: 180000 }, async () => {
  const packager = new Packager(BINARY, root, ["--delay-ms", "2000", "--first-sequence", "1", "--video", "360p", "--video", "720p",
    "--sound", "floor:aac:2:zh:Floor"]);
  const sizes = [SIZES[0]!, SIZES[2]!];
  const programme = new Programme(packager, sizes.map((s) => video(s, "smptebars", 2, ["-crf", "40"])), sound("sine=frequency=440", 4));
  await programme.slate(sizes.map((s) => video(s, "color", 2, ["-crf", "40"])), sound("anullsrc=r=48000:cl=stereo", 1));
  await programme.run(20); // what was before the viewer came
  let stopped = false;
  const sending = live(programme, () => stopped);
  const { server, url, missing } = await serveFolder(root);
  try {
    const page = await (await chromium.newContext()).newPage();
    await page.goto(url);
    await page.evaluate(START);
    const look = (): Promise<Playing> => page.evaluate(LOOK) as Promise<Playing>;
    const see = async (what: string, right: (p: Playing) => boolean): Promise<Playing> => {
      let last: Playing | undefined;
      await until(what, 30_000, async () => right(last = await look()))
        .catch((e: unknown) => assert.fail(`${String(e)} ${JSON.stringify(last)}`));
      return last!;
    };
    const first = await see("pictures", (p) => p.frames > 50);
    const begin = Date.now();
    const second = await see("six seconds more", (p) => p.time - first.time > 6), took = (Date.now() - begin) / 1000;
    assert.ok(second.red > 150, "the programme is shown");
    assert.deepEqual(second.fatal, []);
    assert.deepEqual(second.other.filter((e) => !e.startsWith("bufferStalledError")), [], "no holes, no refused lists");
    assert.ok(took < 8, `6 s in ${took} s`);
    console.log(`# ${second.latency.toFixed(2)} s behind the newest part, ${second.height} lines, 6 s in ${took.toFixed(1)} s, ${second.other.join(" ")}`);

    const pressed = Date.now();
    assert.equal(await packager.ask("C", programme.nowUs - 500_000), 0);
    await see("the slate", (p) => p.red < 60);
    const slateS = (Date.now() - pressed) / 1000;
    await sleep(1000);
    const cut = await look();
    assert.ok(cut.red < 60, "the slate is shown");
    const resumed = Date.now();
    assert.equal(await packager.ask("R", programme.nowUs), 0);
    const back = await see("the programme", (p) => p.red > 150);
    console.log(`# the slate after ${slateS.toFixed(1)} s, the programme after ${((Date.now() - resumed) / 1000).toFixed(1)} s, ${back.seekable.toFixed(0)} s to go back`);
    assert.deepEqual(back.fatal, []);
    assert.ok(back.seekable > 25, `${back.seekable} s to go back`);
    await page.evaluate("document.getElementById('video').currentTime = document.getElementById('video').seekable.start(0) + 5");
    const past = await see("the window", (p) => p.red > 150 && p.frames > back.frames && p.time < back.time - 5);
    assert.deepEqual(past.fatal, []);
    assert.deepEqual(missing, []);
    assert.ok(programme.nowUs > ZERO_US);
  } finally {
    stopped = true;
    await sending;
    server.close();
    await packager.stop();
  }
});
