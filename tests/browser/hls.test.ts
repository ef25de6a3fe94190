// The broadcast's files in hls.js in Chromium, live from a plain web server: it plays and keeps playing, a cut shows the slate, the
// programme comes back, and a viewer can go back in time.
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

test("hls.js plays the broadcast, through a cut and back", async () => {
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
    await until("pictures", 60_000, async () => (await look()).frames > 50)
      .catch(async (e: unknown) => assert.fail(`${String(e)} ${JSON.stringify(await look())}`));
    const first = await look();
    const begin = Date.now();
    await until("five seconds more", 30_000, async () => (await look()).time - first.time > 5);
    const second = await look(), took = (Date.now() - begin) / 1000;
    assert.ok(second.red > 150, "the programme is shown");
    assert.deepEqual(second.fatal, []);
    console.log(`# latency ${second.latency.toFixed(2)} s behind the newest part, ${second.height} lines, 5 s in ${took.toFixed(1)} s, errors ${second.other.join(" ")}`);

    assert.equal(await packager.ask("C", programme.nowUs - 500_000), 0);
    await until("the slate", 45_000, async () => (await look()).red < 60);
    await sleep(3000);
    const cut = await look();
    assert.ok(cut.red < 60, "the slate is shown");
    assert.equal(await packager.ask("R", programme.nowUs), 0);
    await until("the programme", 60_000, async () => (await look()).red > 150);
    const back = await look();
    assert.deepEqual(back.fatal, []);
    assert.ok(back.seekable > 30, `${back.seekable} s to go back`);
    await page.evaluate("document.getElementById('video').currentTime = document.getElementById('video').seekable.start(0) + 5");
    await until("the window", 30_000, async () => {
      const past = await look();
      return past.red > 150 && past.frames > back.frames && past.time < back.time - 5;
    });
    const past = await look();
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
