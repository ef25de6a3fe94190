// Overlay planes in the viewer: above the picture and just where it has what they mark, however it is turned; off and on; never in the
// pixels. Of a real Orthanc and of what was dropped into the console; those in bits of the pixels; ones that cannot be shown say so.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Browser, Page } from "playwright-core";
import { DESKTOP, launchViewer, watchConsole } from "../lib/browser.ts";
import { PAGE_PRELUDE } from "../lib/clockcam.ts";
import { dicomFile, overlays, type OverlayOf, type Shape } from "../lib/dicom-make.ts";
import { until } from "../lib/gateway.ts";
import { hasOrthanc } from "../lib/orthanc.ts";
import { accessible, at, shot } from "../lib/pages.ts";
import { ReadingRig } from "../lib/reading.ts";

const skip = hasOrthanc() ? false : "no Orthanc";
const STUDY = "2.25.4713", SERIES = `${STUDY}.1`, SHAPE: Shape = { rows: 96, columns: 128, samples: 1, stored: 12, signed: false };
const BOX = { row: 20, column: 70, rows: 24, columns: 40 }; // from 0; what is bright in the picture, and marked by the overlay
const inBox = (i: number): boolean => {
  const x = (i % SHAPE.columns) - BOX.column, y = Math.floor(i / SHAPE.columns) - BOX.row;
  return x >= 0 && y >= 0 && x < BOX.columns && y < BOX.rows;
};
const PIXELS = Buffer.alloc(SHAPE.rows * SHAPE.columns * 2);
for (let i = 0; i < PIXELS.length / 2; i++) PIXELS.writeUInt16LE(inBox(i) ? 4000 : 300, 2 * i);
const full = (bits: number): Buffer => Buffer.alloc(2 * Math.ceil(bits / 16), 255);
const mark: OverlayOf = { group: "6000", row: BOX.row + 1, column: BOX.column + 1, rows: BOX.rows, columns: BOX.columns, data: full(BOX.rows * BOX.columns) };
// Half of it outside: only a strip of it, at the left edge, is of this image.
const region: OverlayOf = { group: "601E", kind: "R", row: 1, column: -9, rows: 96, columns: 20, data: full(96 * 20) };
const file = (n: number, planes: OverlayOf[], pixels = PIXELS): Buffer => dicomFile({ shape: SHAPE, pixels }, { study: STUDY, series: SERIES, instance: `${SERIES}.${n}`, number: n }, undefined,
  { "00280030": "1\\0.5", "00281050": "2048", "00281051": "4096", ...overlays(planes) });
const inBits = Buffer.from(PIXELS);
for (let i = 0; i < PIXELS.length / 2; i++) if (inBox(i)) inBits.writeUInt16LE(PIXELS.readUInt16LE(2 * i) | 0x1000, 2 * i);
const embedded: OverlayOf = { group: "6000", row: 1, column: 1, rows: SHAPE.rows, columns: SHAPE.columns, bit: 12 };
const FILES = [file(1, [mark, region]), file(2, [embedded], inBits), file(3, [mark, { ...mark, group: "6002", rows: 90, columns: 90, data: full(16) }]), file(4, [])];

let rig: ReadingRig, browser: Browser;

before(async () => {
  if (skip) return;
  rig = await ReadingRig.start();
  for (const one of FILES) await rig.store(one);
  for (const n of [0, 1]) await rig.upload(`f${n}`, FILES[n]!);
  await rig.put(STUDY, ["main", "local"]);
  browser = await launchViewer();
});
after(async () => {
  await browser?.close();
  await rig?.stop();
});

const wait = (p: Page, expression: string): Promise<unknown> => until(expression, 30000, async () => (await p.evaluate(expression)) === true);
async function open(pacs: string, locale: string): Promise<{ p: Page; said: string[]; close: () => Promise<void> }> {
  const context = await browser.newContext({ ...DESKTOP, locale }), p = await context.newPage(), said = watchConsole(p);
  await p.addInitScript(PAGE_PRELUDE);
  await p.goto(`${rig.gateway.url}/reading/c#token=${rig.token}&pacs=${pacs}&series=${STUDY}/${SERIES}`);
  await wait(p, `document.querySelector('${at("pane-0")}')?.dataset.exact === "true"`);
  return { p, said, close: () => context.close() };
}

interface Box { left: number; top: number; right: number; bottom: number }
// In parts of the pane: where the overlay's graphics are, and where the picture is bright. Both canvases cover all of the pane.
const boxes = (p: Page): Promise<{ planes: Box | null; bright: Box | null; region: Box | null }> => p.evaluate(() => {
  const pane = document.querySelector<HTMLElement>('[data-testid="pane-0"]')!, planes = pane.querySelector<HTMLCanvasElement>('[data-testid="im-planes"]');
  const picture = [...pane.querySelectorAll("canvas")].find((c) => c !== planes)!;
  const box = (canvas: HTMLCanvasElement | null, is: (r: number, g: number, b: number, a: number) => boolean) => {
    if (!canvas) return null;
    const { data, width, height } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height), out = { left: 1, top: 1, right: 0, bottom: 0 };
    for (let i = 0; i < width * height; i++) {
      if (!is(data[4 * i]!, data[4 * i + 1]!, data[4 * i + 2]!, data[4 * i + 3]!)) continue;
      const x = i % width, y = Math.floor(i / width);
      out.left = Math.min(out.left, x / width), out.right = Math.max(out.right, (x + 1) / width);
      out.top = Math.min(out.top, y / height), out.bottom = Math.max(out.bottom, (y + 1) / height);
    }
    return out.right > 0 ? out : null;
  };
  return { planes: box(planes, (_r, g, _b, a) => a === 255 && g === 255), bright: box(picture, (r) => r > 140), region: box(planes, (_r, _g, _b, a) => a > 64 && a < 255) };
});
const apart = (a: Box | null, b: Box | null): number => (a && b ? Math.max(...(["left", "top", "right", "bottom"] as const).map((k) => Math.abs(a[k] - b[k]))) : 9);
// The picture is drawn in a turn of its own.
async function lieOn(p: Page, what: string): Promise<Box> {
  let last: unknown;
  await until(`${what}: the overlay lies on what it marks`, 10000, async () => apart((last = await boxes(p), last as { planes: Box }).planes, (last as { bright: Box }).bright) < 0.006).catch(() => assert.fail(`${what}: ${JSON.stringify(last)}`));
  return (last as { planes: Box }).planes;
}
// What the viewer's own loader holds.
const hash = (p: Page, pacs: string, n: number): Promise<string | null> => p.evaluate(async ({ url, token, n }) => {
  interface Held { load(frame: object, priority: number): Promise<unknown>; hash(id: string): Promise<string | null> }
  const imaging = (globalThis as unknown as { huizhenImaging: { Frames: new () => Held; imageInfo(set: object): object } }).huizhenImaging, held = new imaging.Frames();
  const sets = (await (await fetch(`${url}/metadata`, { headers: { Authorization: `Bearer ${token}` } })).json()) as Record<string, { Value: unknown[] }>[];
  const set = sets.find((s) => String(s["00200013"]!.Value[0]) === String(n))!, frame = `${url}/instances/${String(set["00080018"]!.Value[0])}/frames/1`;
  await held.load({ id: frame, source: { url: frame, token: () => token }, info: imaging.imageInfo(set), index: 0 }, 0);
  return held.hash(frame);
}, { url: rig.seriesOf({ study: STUDY, series: SERIES }, pacs), token: rig.token, n });
const sha = createHash("sha256").update(PIXELS).digest("hex");

for (const [pacs, locale] of [["main", "zh-CN"], ["local", "en-US"]] as const)
  test(`of ${pacs}: above the picture, where it marks it; off and on; the pixels are the archive's`, { skip, timeout: 90000 }, async () => {
    const { p, said, close } = await open(pacs, locale);
    try {
      await p.waitForSelector(at("im-planes"));
      const first = await lieOn(p, "as it comes");
      const strip = (await boxes(p)).region!;
      assert.ok(Math.abs((strip.right - strip.left) * 4 - (first.right - first.left)) < 0.01, "of 20 columns 10 are of the image: a quarter of the box");
      await shot(p, `overlays-${pacs}`);
      const button = p.locator(at("im-overlays"));
      assert.equal(await button.textContent(), locale === "zh-CN" ? "叠加层" : "Overlays");
      await accessible(p);
      for (const what of ["im-flip", "im-rotate", "im-rotate"]) {
        await p.click(at(what));
        await lieOn(p, what);
      }
      await p.focus(at("viewer"));
      await p.keyboard.press("+");
      await lieOn(p, "zoomed");
      const pane = (await p.locator(at("pane-0")).boundingBox())!;
      await p.mouse.move(pane.x + 300, pane.y + 300);
      await p.mouse.down({ button: "middle" });
      await p.mouse.move(pane.x + 340, pane.y + 280, { steps: 4 });
      await p.mouse.up({ button: "middle" });
      const moved = await lieOn(p, "moved");
      assert.ok(apart(first, moved) > 0.03, "it went along");
      await shot(p, `overlays-${pacs}-turned`);

      await button.click();
      await p.waitForSelector(at("im-planes"), { state: "detached" });
      assert.equal(await button.getAttribute("aria-pressed"), "false");
      assert.match(await p.locator(at("overlays-0")).innerText(), locale === "zh-CN" ? /已隐藏/ : /hidden/);
      await p.focus(at("viewer"));
      await p.keyboard.press("o");
      await p.waitForSelector(at("im-planes"));

      await p.keyboard.press("ArrowDown"); // the one in a bit of the pixels
      await wait(p, `document.querySelector('${at("pane-0")}').dataset.frame.endsWith(".1.2/frames/1") && document.querySelector('${at("im-planes")}')?.dataset.set === "true"`);
      await p.keyboard.press("0");
      await lieOn(p, "in a bit of the pixels");
      for (const n of [1, 2]) assert.equal(await hash(p, pacs, n), sha, "neither kind of overlay is in the pixels");
      assert.deepEqual(said, []);
    } finally { await close(); }
  });

test("one that lies says so, and the picture is there; without any there is no word of them; who may not gets none", { skip, timeout: 60000 }, async () => {
  const { p, close } = await open("main", "en-US");
  try {
    await p.focus(at("viewer"));
    for (let i = 0; i < 2; i++) await p.keyboard.press("ArrowDown");
    await wait(p, `document.querySelector('${at("overlays-0")}')?.dataset.state === "overlaysFail" && document.querySelector('${at("overlays-0")}').dataset.code === "disagrees"`);
    assert.equal(await p.locator(at("pane-0")).getAttribute("data-exact"), "true");
    await shot(p, "overlays-fail");
    await p.keyboard.press("ArrowDown");
    await wait(p, `document.querySelector('${at("pane-0")}').dataset.frame.endsWith(".1.4/frames/1") && !document.querySelector('${at("overlays-0")}') && !document.querySelector('${at("im-overlays")}')`);
  } finally { await close(); }
  const of = async (study: string, series: string, as = rig.token): Promise<number> => (await rig.get(`${rig.seriesOf({ study, series })}/instances/${SERIES}.1/overlays`, { authorization: `Bearer ${as}` })).status;
  assert.equal(await of(STUDY, SERIES), 200);
  assert.equal(await of(STUDY, SERIES, rig.gateway.token("c", "patient", { id: "outside" })), 403);
  assert.equal(await of("2.25.1", SERIES), 404);
  assert.equal(await of(STUDY, "2.25.2"), 404, "of another series");
});
