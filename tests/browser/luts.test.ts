// Palettes, modality and VOI LUTs, padding: ramps through each in a real Chromium, by WebGL and without, painted with the greys and colours that
// PS3.3 makes of them (tests/lib/looks.json; the live lane is held against the same by tests/unit/imaging/test_looks.c). Of a real Orthanc and of
// what was dropped into the console. The samples that the viewer holds stay the archive's; an image whose tables lie is not shown.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { DESKTOP, launchViewer, watchConsole } from "../lib/browser.ts";
import { PAGE_PRELUDE } from "../lib/clockcam.ts";
import { dicomFile, tables, type Shape, type TableOf } from "../lib/dicom-make.ts";
import { ROOT, until } from "../lib/gateway.ts";
import { hasOrthanc } from "../lib/orthanc.ts";
import { at, shot } from "../lib/pages.ts";
import { ReadingRig } from "../lib/reading.ts";

interface Case {
  name: string; photometric: string; allocated: number; stored: number; signed: boolean; samples: number[]; padding?: number[]; slope?: string; intercept?: string; center?: number; width?: number; function?: string; inverse?: boolean;
  modality?: TableOf; voi?: TableOf[]; palette?: TableOf[]; segmented?: boolean; looks: { center?: number; invert?: boolean; expect: number[] }[];
}
const CASES = JSON.parse(readFileSync(join(ROOT, "tests/lib/looks.json"), "utf8")) as Case[];
const skip = hasOrthanc() ? false : "no Orthanc", full = process.env["HZ_TEST_FULL"] === "1";
const STUDY = "2.25.4714", SERIES = `${STUDY}.1`, MODALITY = CASES.find((c) => c.name.startsWith("modality LUT, signed"))!;
const LIAR: Case = { ...MODALITY, name: "a table that lies", modality: { ...MODALITY.modality!, entries: 200 } };

const word = (v: number): Buffer => Buffer.from(Uint16Array.of(v & 0xffff).buffer);
const samples = (c: Case): Buffer => (c.allocated === 32 ? Buffer.from(Uint32Array.from(c.samples, (v) => v >>> 0).buffer) : c.allocated === 8 ? Buffer.from(c.samples) : Buffer.concat(c.samples.map(word)));
function fileOf(c: Case, n: number): Buffer {
  const shape: Shape = { rows: 4, columns: 4, samples: 1, stored: c.stored, signed: c.signed, modality: "OT" }, more: Record<string, string | number | Buffer> = { "00280004": c.photometric, ...(tables(c) as Record<string, Buffer>) };
  const put = (tag: string, value: string | number | Buffer | undefined): void => void (value !== undefined && (more[tag] = typeof value === "number" ? String(value) : value));
  put("00281050", c.center), put("00281051", c.width), put("00281052", c.intercept), put("00281053", c.slope), put("00281056", c.function), put("20500020", c.inverse ? "INVERSE" : undefined);
  c.padding?.forEach((v, i) => put(`0028012${i}`, word(v)));
  return dicomFile({ shape, pixels: samples(c) }, { study: STUDY, series: SERIES, instance: `${SERIES}.${n}`, number: n }, undefined, more);
}

let rig: ReadingRig, browser: Browser;
const LOCAL = [0, 3, 4, 6]; // of each kind one
before(async () => {
  if (skip) return;
  rig = await ReadingRig.start();
  for (const [i, c] of [...CASES, LIAR].entries()) await rig.store(fileOf(c, i + 1));
  for (const n of LOCAL) await rig.upload(`f${n}`, fileOf(CASES[n]!, n + 1));
  await rig.put(STUDY, ["main", "local"]);
  browser = await launchViewer();
});
after(async () => {
  await browser?.close();
  await rig?.stop();
});

// The middle of each of the 16 pixels, as it is painted: red, green and blue.
const painted = (p: Page): Promise<number[][]> => p.evaluate(() => {
  const canvas = document.querySelector<HTMLCanvasElement>('[data-testid="pane-0"] canvas')!, { width, height } = canvas, side = Math.min(width, height) / 4, to = canvas.getContext("2d")!;
  return Array.from({ length: 16 }, (_, i) => {
    const x = width / 2 + ((i % 4) - 1.5) * side, y = height / 2 + (Math.floor(i / 4) - 1.5) * side;
    return [...to.getImageData(Math.round(x), Math.round(y), 1, 1).data.subarray(0, 3)];
  });
});
async function isSeen(p: Page, c: Case, n: number, invert: boolean, off: number): Promise<void> {
  const look = c.looks.find((l) => l.center === undefined && (l.invert ?? false) === invert);
  if (!look) return;
  const want = Array.from({ length: 16 }, (_, i) => (c.palette ? look.expect.slice(3 * i, 3 * i + 3) : Array<number>(3).fill(look.expect[i]!)));
  let last: number[][] = [];
  await until(c.name, 20000, async () => {
    if (!(await p.evaluate(`(document.querySelector('${at("pane-0")}').dataset.frame ?? "").endsWith(".1.${n}/frames/1") && document.querySelector('${at("pane-0")}').dataset.exact === "true"`))) return false;
    return (last = await painted(p)).every((rgb, i) => rgb.every((v, k) => Math.abs(v - want[i]![k]!) <= off));
  }).catch(() => assert.fail(`${c.name}${invert ? ", inverted" : ""}: ${JSON.stringify(last)} instead of ${JSON.stringify(want)}`));
}
async function open(pacs: string, render: string): Promise<{ p: Page; said: string[]; close: () => Promise<void> }> {
  const context = await browser.newContext({ ...DESKTOP, locale: "en-US" }), p = await context.newPage(), said = watchConsole(p);
  await p.addInitScript(PAGE_PRELUDE);
  await p.goto(`${rig.gateway.url}/reading/c#token=${rig.token}&pacs=${pacs}&series=${STUDY}/${SERIES}${render}`);
  await p.waitForSelector(at("viewer"));
  return { p, said, close: () => context.close() };
}

for (const [what, pacs, render, off] of [["by WebGL", "main", "", 1], ["without WebGL", "main", "&render=cpu", 0], ["of local studies", "local", "&render=cpu", 0]] as const)
  test(`each as PS3.3 says, and turned over: ${what}`, { skip, timeout: 120000 }, async () => {
    const { p, said, close } = await open(pacs, render), stack = pacs === "local" ? LOCAL : CASES.map((_, i) => i);
    try {
      await p.focus(at("viewer"));
      for (const [i, n] of stack.entries()) {
        if (i > 0) await p.keyboard.press("ArrowDown");
        await isSeen(p, CASES[n]!, n + 1, false, off);
        if (pacs === "main" && i % 5 === 0) await shot(p, `luts-${off}-${n}`);
        assert.equal(await p.locator(at("window-0")).count(), CASES[n]!.palette ? 0 : 1, "colour has no window");
      }
      await p.keyboard.press("i");
      for (const [i, n] of [...stack].reverse().entries()) {
        if (i > 0) await p.keyboard.press("ArrowUp");
        if (render || full || i % 2 === 0) await isSeen(p, CASES[n]!, n + 1, true, off);
      }
      assert.equal(await p.locator(at("pane-0")).getAttribute("data-by"), render ? "cpu" : "gpu");
      assert.deepEqual(said, []);
    } finally { await close(); }
  });

test("the samples are the archive's; tables that lie, and ones that nobody may have, are an error of that image", { skip, timeout: 60000 }, async () => {
  const { p, close } = await open("main", "&render=cpu");
  try {
    const held = await p.evaluate(async ({ url, token }) => {
      interface Held { load(frame: object, priority: number): Promise<unknown>; hash(id: string): Promise<string | null> }
      const imaging = (globalThis as unknown as { huizhenImaging: { Frames: new () => Held; imageInfo(set: object): object } }).huizhenImaging, held = new imaging.Frames(), hashes: string[] = [];
      const sets = (await (await fetch(`${url}/metadata`, { headers: { Authorization: `Bearer ${token}` } })).json()) as Record<string, { Value: unknown[] }>[];
      for (const set of sets.sort((a, b) => Number(a["00200013"]!.Value[0]) - Number(b["00200013"]!.Value[0]))) {
        const frame = `${url}/instances/${String(set["00080018"]!.Value[0])}/frames/1`;
        const said = await held.load({ id: frame, source: { url: frame, token: () => token }, info: imaging.imageInfo(set), index: 0 }, 0).then(() => held.hash(frame), (e: { code?: string }) => e.code);
        hashes.push(String(said));
      }
      return hashes;
    }, { url: rig.seriesOf({ study: STUDY, series: SERIES }), token: rig.token });
    assert.deepEqual(held, [...CASES.map((c) => createHash("sha256").update(samples(c)).digest("hex")), "tables"]);
    await p.focus(at("viewer"));
    await p.keyboard.press("End");
    await until("the error", 20000, async () => (await p.locator(at("error-0")).count()) === 1 && (await p.locator(at("error-0")).getAttribute("data-code")) === "tables");
    assert.match(await p.locator(at("error-0")).innerText(), /lookup tables/);
    await p.keyboard.press("ArrowUp"); // the others go on
    await isSeen(p, CASES.at(-1)!, CASES.length, false, 0);
  } finally { await close(); }
  const of = async (as: string): Promise<number> => (await rig.get(`${rig.seriesOf({ study: STUDY, series: SERIES })}/instances/${SERIES}.1/luts`, { authorization: `Bearer ${as}` })).status;
  assert.equal(await of(rig.token), 200);
  assert.equal(await of(rig.gateway.token("c", "patient", { id: "outside" })), 403);
});
