// What finalising makes of a record plays in Chromium: every file from begin to end, with a duration known at once, and from
// the middle. The files are those of tests/unit/finalize/test_files.c, kept.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { createReadStream, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { execFileSync } from "node:child_process";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { launchChromium } from "../lib/browser.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
let folder: string, server: Server, base: string;
const files: string[] = [];

before(async () => {
  folder = mkdtempSync("/dev/shm/hz-play-");
  execFileSync("cmake", ["--build", path.join(ROOT, "build/release"), "--target", "test_files", "--", "--quiet"]);
  execFileSync(path.join(ROOT, "build/release/tests/unit/test_files"), { env: { ...process.env, HZ_KEEP: folder }, stdio: "ignore" });
  for (const run of readdirSync(folder))
    for (const name of readdirSync(path.join(folder, run, "tracks"))) {
      const file = path.join(folder, run, "tracks", name);
      if (statSync(file).size > 4096) files.push(file); // one test makes hundreds of files of 0.4 s
    }
  server = createServer((request, response) => {
    const file = files[Number((request.url ?? "/").slice(1) || NaN)];
    if (file === undefined) {
      response.setHeader("content-type", "text/html").end("<p>player");
      return;
    }
    const size = statSync(file).size, range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "");
    const from = Number(range?.[1] ?? 0), to = range?.[2] ? Number(range[2]) : size - 1;
    response.writeHead(range ? 206 : 200, {
      "accept-ranges": "bytes", "content-length": to - from + 1, "content-range": `bytes ${from}-${to}/${size}`,
      "content-type": file.endsWith("mp4") ? "video/mp4" : "video/webm",
    });
    createReadStream(file, { start: from, end: to }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

after(() => {
  server?.close();
  if (folder) rmSync(folder, { recursive: true });
});

test("every file plays to its end and from its middle", { timeout: 300_000 }, async () => {
  assert.ok(files.length >= 16, `${files.length} files`);
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(base + "player");
    await page.evaluate("globalThis.__name = (f) => f"); // what tsx leaves in functions that are sent to the page
    const play = async (i: number, file: string): Promise<void> => {
      const seen = await page.evaluate(async (number) => {
        const video = document.createElement("video");
        const heard = (event: string): Promise<void> => new Promise((resolve, reject) => {
          video.addEventListener(event, () => resolve(), { once: true });
          video.addEventListener("error", () => reject(new Error(video.error?.message)), { once: true });
          setTimeout(() => reject(new Error(`no ${event} at ${video.currentTime}`)), 30_000);
        });
        document.body.append(video);
        const loaded = heard("loadeddata");
        video.src = `/${number}`;
        await loaded;
        const { duration, videoWidth } = video, ended = heard("ended");
        video.playbackRate = 8;
        await video.play();
        await ended;
        const end = video.currentTime, seeked = heard("seeked");
        video.currentTime = duration / 2;
        await seeked;
        video.remove();
        return { duration, videoWidth, end, middle: video.currentTime };
      }, i);
      assert.ok(seen.duration > 5 && seen.duration < 61, `${file}: ${JSON.stringify(seen)}`);
      assert.ok(Math.abs(seen.end - seen.duration) < 0.1, `${file}: ${JSON.stringify(seen)}`);
      assert.ok(Math.abs(seen.middle - seen.duration / 2) < 0.1, `${file}: ${JSON.stringify(seen)}`);
      assert.equal(seen.videoWidth > 0, !file.includes("microphone"), file);
    };
    const rest = [...files.entries()];
    const some = async (): Promise<void> => { for (let one = rest.shift(); one; one = rest.shift()) await play(...one); };
    await Promise.all(Array.from({ length: 6 }, some));
  } finally {
    await browser.close();
  }
});
