// A colour card through the gateway: where nothing is re-encoded, what Chromium shows of a theatre source is within 2 of 255 in each
// channel what it shows of the file itself, in limited and in full range, and of pictures that the encoder cut into slices. In full range it is
// the card, too; of the limited one Chromium's own converter (libyuv, whose factor for blue ends at 2.0 of 2.11) makes strong blues and
// yellows up to 8 off, file or not.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { until } from "../lib/gateway.ts";
import { launchChromium } from "../lib/browser.ts";
import { PAGE_PRELUDE } from "../lib/clockcam.ts";
import { watch } from "../lib/mosaic-page.ts";
import { Theatre } from "../lib/sources.ts";

const W = 1280, H = 720, COLUMNS = 8, ROWS = 6;
type Colour = [number, number, number];
interface Card { file: string; full: boolean; slices: number }
const CARDS: Card[] = [{ file: "limited.mp4", full: false, slices: 1 }, { file: "full.mp4", full: true, slices: 1 }, { file: "slices.mp4", full: false, slices: 4 }];

// BT.709 (ITU-R BT.709-6, 3.2 and 3.5), 8 bit.
function rgbOf([y, u, v]: Colour, full: boolean): Colour {
  const luma = full ? y / 255 : (y - 16) / 219, span = full ? 255 : 224, cb = (u - 128) / span, cr = (v - 128) / span;
  return [luma + 1.5748 * cr, luma - 0.187324 * cb - 0.468124 * cr, luma + 1.8556 * cb].map((x) => x * 255) as Colour;
}

// 48 colours that 8 bits of luma and chroma hold exactly: skin, blood and bile among them, and a row of greys.
function patches(full: boolean): Colour[] {
  const low = full ? 0 : 16, high = full ? 255 : 235, found: Colour[] = [];
  for (let i = 0; i < COLUMNS; i++) found.push([Math.round(low + (high - low) * i / (COLUMNS - 1)), 128, 128]);
  for (let n = 0; found.length < COLUMNS * ROWS; n++) { // a walk over the cube that leaves out what RGB cannot hold
    const c: Colour = [40 + (n * 37) % 180, 60 + (n * 53) % 140, 60 + (n * 71) % 140];
    if (rgbOf(c, full).every((x) => x >= 4 && x <= 251)) found.push(c);
  }
  return found;
}

function film(path: string, card: Card): void {
  const list = patches(card.full), planes = [Buffer.alloc(W * H), Buffer.alloc(W * H / 4), Buffer.alloc(W * H / 4)];
  planes.forEach((plane, p) => {
    const w = p ? W / 2 : W, h = p ? H / 2 : H;
    for (let y = 0; y < h; y++) for (let x = 0; x < w; x++)
      plane[y * w + x] = (list[Math.floor(y * ROWS / h) * COLUMNS + Math.floor(x * COLUMNS / w)] as Colour)[p] as number;
  });
  const frame = Buffer.concat(planes), range = card.full ? "pc" : "tv";
  execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-f", "rawvideo", "-pix_fmt", card.full ? "yuvj420p" : "yuv420p", "-s", `${W}x${H}`, "-r", "25", "-i", "-",
    "-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-bf", "0", "-g", "25", "-x264-params", `slices=${card.slices}:colorprim=bt709:transfer=bt709:colormatrix=bt709:range=${range}`,
    "-color_range", range, "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-threads", "1", "-y", path],
  { input: Buffer.concat(Array.from({ length: 50 }, () => frame)) });
}

let theatre: Theatre, chromium: Browser, page: Page, folder: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hz-cards-"));
  for (const card of CARDS) film(join(folder, card.file), card);
  theatre = await Theatre.start({ HUIZHEN_INGEST_FOLDER: folder });
  chromium = await launchChromium();
  page = await (await chromium.newContext({ ignoreHTTPSErrors: true, bypassCSP: true })).newPage();
  await page.goto(`${theatre.gateway.url}/healthz`);
  await page.evaluate(PAGE_PRELUDE);
  await page.evaluate(`window.hzWatch = ${watch.toString()}`);
});
after(async () => {
  await chromium?.close();
  await theatre?.end();
  rmSync(folder, { recursive: true, force: true });
});

// The middle of each patch as the page shows it; none before there is a picture.
const look = (name: string): Promise<Colour[]> => page.evaluate(([id, columns, rows]) => {
  const video = document.getElementById(id as string) as HTMLVideoElement | null, w = video?.videoWidth ?? 0, h = video?.videoHeight ?? 0;
  if (!video || !w) return [];
  const canvas = document.createElement("canvas");
  canvas.width = w;
  canvas.height = h;
  const g = canvas.getContext("2d", { willReadFrequently: true, alpha: false }) as CanvasRenderingContext2D;
  g.drawImage(video, 0, 0);
  return Array.from({ length: (columns as number) * (rows as number) }, (_, i) => {
    const x = ((i % (columns as number)) + 0.5) * w / (columns as number), y = (Math.floor(i / (columns as number)) + 0.5) * h / (rows as number);
    return [...g.getImageData(Math.round(x), Math.round(y), 1, 1).data.slice(0, 3)] as [number, number, number];
  });
}, [name, COLUMNS, ROWS] as const);

// The file as the browser plays it by itself.
const playFile = (name: string, bytes: string): Promise<void> => page.evaluate(async ([id, data]) => {
  const video = document.createElement("video");
  video.id = id as string;
  video.muted = true;
  video.src = `data:video/mp4;base64,${data}`;
  document.body.appendChild(video);
  await new Promise((done) => { video.onseeked = done; video.onloadeddata = () => { video.currentTime = 1; }; });
}, [name, bytes] as const);

for (const card of CARDS)
  test(`${card.file}: each of ${COLUMNS * ROWS} colours within 2`, { timeout: 60000 }, async () => {
    await theatre.add(card.file, `file:${card.file}`, { loop: true, kind: "endoscope" });
    const source = await theatre.live(card.file, 30000);
    assert.equal(source.passed_video, true, "nothing is re-encoded");
    await page.evaluate(([n, u, t]) => (window as unknown as { hzWatch: typeof watch }).hzWatch(n as string, u as string, t as string),
      [card.file, `${theatre.gateway.url}/whep/op/${card.file}`, theatre.gateway.token("op", "observer", { id: "hall" })] as const);
    await playFile(`own-${card.file}`, readFileSync(join(folder, card.file)).toString("base64"));
    const own = await look(`own-${card.file}`), ideal = patches(card.full).map((c) => rgbOf(c, card.full));
    const off = (a: Colour[], b: Colour[]): number => Math.max(...a.map((c, i) => Math.max(...c.map((x, k) => Math.abs(x - (b[i] as Colour)[k]!)))));
    const last = await until("the card", 20000, async () => { // a picture that has only begun is not yet the card
      const seen = await look(card.file);
      return seen.length && off(seen, own) <= 2 ? seen : false;
    }).catch(async () => await look(card.file));
    console.log(`# ${card.file}: at most ${off(last, own)} of 255 off the file, ${off(last, ideal).toFixed(1)} off the card`);
    assert.equal(own.length, COLUMNS * ROWS);
    assert.ok(off(last, own) <= 2, JSON.stringify(last));
    assert.ok(off(last, ideal) <= (card.full ? 2 : 8));
  });
