// The exact lane in a real Chromium: images in a real Orthanc, each frame as it is stored there, decoded by the viewer; the hash of the
// samples that the viewer holds is that of the PACS's uncompressed frame. Damaged ones are errors, and the rest goes on.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { DESKTOP, PHONE, launchViewer, watchConsole } from "../lib/browser.ts";
import { PAGE_PRELUDE } from "../lib/clockcam.ts";
import { dcmtk, dicomFile, htj2k, jpeg2000, samplesOf, type Ids, type Made, type Shape } from "../lib/dicom-make.ts";
import { ROOT, until } from "../lib/gateway.ts";
import { ImageServer, frameOf } from "../lib/imaging.ts";
import { Orthanc, hasOrthanc } from "../lib/orthanc.ts";
import { at, shot } from "../lib/pages.ts";

const SHAPES: Record<string, Shape> = {
  "8 bits": { rows: 61, columns: 47, samples: 1, stored: 8, signed: false },
  "8 bits signed": { rows: 61, columns: 47, samples: 1, stored: 8, signed: true },
  "12 bits": { rows: 61, columns: 47, samples: 1, stored: 12, signed: false },
  "12 bits signed": { rows: 61, columns: 47, samples: 1, stored: 12, signed: true },
  "16 bits": { rows: 61, columns: 47, samples: 1, stored: 16, signed: false },
  "16 bits signed": { rows: 61, columns: 47, samples: 1, stored: 16, signed: true },
  colour: { rows: 61, columns: 47, samples: 3, stored: 8, signed: false },
};
type Encode = (folder: string, made: Made, plain: Buffer, ids: Ids) => Buffer;
const encapsulated = (syntax: string, encode: (folder: string, made: Made) => Buffer, photometric?: string): Encode =>
  (folder, made, _plain, ids) => dicomFile(made, ids, { syntax, bytes: encode(folder, made), photometric: made.shape.samples === 3 ? photometric : undefined });
const SYNTAXES: Record<string, Encode> = {
  "explicit little endian": (_f, _m, plain) => plain,
  "implicit little endian": (f, _m, plain) => dcmtk(f, "dcmconv", ["+ti"], plain),
  "RLE": (f, _m, plain) => dcmtk(f, "dcmcrle", ["+un"], plain),
  "JPEG lossless SV1": (f, _m, plain) => dcmtk(f, "dcmcjpeg", ["+e1", "+un"], plain),
  "JPEG lossless": (f, _m, plain) => dcmtk(f, "dcmcjpeg", ["+el", "+sv", "6", "+un"], plain),
  "JPEG-LS": (f, _m, plain) => dcmtk(f, "dcmcjpls", ["+el", "+un"], plain),
  "JPEG 2000": encapsulated("1.2.840.10008.1.2.4.90", jpeg2000, "YBR_RCT"),
  "HTJ2K labelled JPEG 2000": encapsulated("1.2.840.10008.1.2.4.90", htj2k, "YBR_RCT"),
};

const { PNG } = createRequire(import.meta.url)("pngjs") as { PNG: { sync: { read(png: Buffer): { data: Uint8Array } } } };
let browser: Browser, page: Page, errors: string[], orthanc: Orthanc;
const server = new ImageServer(), folder = mkdtempSync(join(tmpdir(), "hz-imaging-"));
const skip = hasOrthanc() ? false : "no Orthanc";

before(async () => {
  if (skip) return;
  orthanc = await Orthanc.started();
  await server.start();
  browser = await launchViewer();
  page = await browser.newPage();
  errors = watchConsole(page);
  await page.addInitScript(PAGE_PRELUDE);
  await page.goto(`${server.url}/reading/c1#token=good`);
  await wait(page, "!!globalThis.huizhenImaging");
});
after(async () => {
  await browser?.close();
  server.done();
  await orthanc?.done();
  rmSync(folder, { recursive: true, force: true });
});

// Asked from outside: the page's policy forbids expressions inside of it.
const wait = (p: Page, expression: string): Promise<unknown> => until(expression, 30000, async () => (await p.evaluate(expression)) === true);
const sha = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
let last = 0;
const newIds = (): Ids => ({ study: "2.25.900", series: `2.25.900.${++last}`, instance: `2.25.900.${last}.1` });
const pathOf = (ids: Ids): string => `/api/v1/consults/c1/studies/main/${ids.study}/series/${ids.series}`;

// Stores a file and puts its series and frame behind the viewer's server; the metadata are Orthanc's.
async function publish(file: Buffer, ids: Ids): Promise<string> {
  await orthanc.store(file);
  const metadata = await (await orthanc.ask(`/dicom-web/studies/${ids.study}/series/${ids.series}/metadata`)).text();
  server.stored.set(`${pathOf(ids)}/metadata`, { bytes: Buffer.from(metadata), type: "application/dicom+json" });
  const frame = `${pathOf(ids)}/instances/${ids.instance}/frames/1`;
  server.stored.set(frame, await frameOf(orthanc, ids, true));
  return frame;
}

// Of web/imaging, as far as it is used here.
interface Pixels { exact: boolean; data: Int16Array }
interface Held { onChange(f: (frame: { id: string }, pixels: Pixels | null) => void): () => void; load(frame: object, priority: number): Promise<Pixels>; hash(id: string): Promise<string | null> }
interface Imaging { Frames: new () => Held; imageInfo(set: object): object }

interface Seen { hash?: string | null; error?: string; exact?: boolean; stages?: number; type?: string; samples?: number[] }
// Loads a frame by the viewer's own loader, and says what it holds.
function look(frame: string, want: { samples?: boolean } = {}): Promise<Seen> {
  return page.evaluate(async ({ frame, samples }) => {
    const page = globalThis as unknown as { huizhenImaging: Imaging; held?: Held }, imaging = page.huizhenImaging;
    const held = (page.held ??= new imaging.Frames());
    const set = (await (await fetch(frame.replace(/\/instances\/.*/, "/metadata"), { headers: { Authorization: "Bearer good" } })).json()) as object[];
    let stages = 0;
    const off = held.onChange((f, pixels) => { if (f.id === frame && pixels && !pixels.exact) stages++; });
    try {
      const pixels = await held.load({ id: frame, source: { url: frame, token: () => "good" }, info: imaging.imageInfo(set[0]!), index: 0 }, 0);
      return { hash: await held.hash(frame), exact: pixels.exact, stages, type: pixels.data.constructor.name, samples: samples ? [...pixels.data] : undefined };
    } catch (error) { return { error: (error as { code?: string }).code ?? String(error) }; } finally { off(); }
  }, { frame, samples: want.samples ?? false });
}

test("every transfer syntax, depth, sign and colour: the PACS's pixels", { skip, timeout: 120000 }, async (t) => {
  const wrong: string[] = [];
  let right = 0;
  for (const [what, shape] of Object.entries(SHAPES)) {
    const made = { shape, pixels: samplesOf(shape) }, first = newIds(), plain = dicomFile(made, first);
    await orthanc.store(plain);
    const reference = sha((await frameOf(orthanc, first, false)).bytes.subarray(0, made.pixels.length));
    assert.equal(reference, sha(made.pixels), `${what}: Orthanc keeps the pixels`);
    for (const [name, encode] of Object.entries(SYNTAXES)) {
      const ids = newIds();
      let file: Buffer;
      try { file = encode(folder, made, dicomFile(made, ids), ids); } catch (e) { wrong.push(`${what}, ${name}: not made: ${String(e).slice(0, 90)}`); continue; }
      const seen = await look(await publish(file, ids));
      if (seen.hash === reference && seen.exact) right++;
      else wrong.push(`${what}, ${name}: ${JSON.stringify({ ...seen, samples: undefined })}`);
    }
  }
  t.diagnostic(`${right} right`);
  assert.deepEqual(wrong, []);
  assert.ok(right >= 56, `${right} cases`);
});

const BIG: Shape = { rows: 1024, columns: 1024, samples: 1, stored: 12, signed: false };
const smooth = (shape: Shape): Buffer => {
  const out = Buffer.alloc(shape.rows * shape.columns * 2);
  for (let i = 0; i < shape.rows * shape.columns; i++) {
    const x = i % shape.columns, y = Math.floor(i / shape.columns);
    out.writeUInt16LE(Math.max(0, Math.min(4095, Math.round(1800 + 1500 * Math.sin(x / 90) * Math.cos(y / 70) + ((i * 7919) % 61)))), 2 * i);
  }
  return out;
};

test("HTJ2K: coarse first, then the same pixels; broken off in the middle it is resumed", { skip, timeout: 60000 }, async () => {
  const made = { shape: BIG, pixels: smooth(BIG) }, ids = newIds(), bytes = htj2k(folder, made);
  const frame = await publish(dicomFile(made, ids, { syntax: "1.2.840.10008.1.2.4.90", bytes }), ids), stored = server.stored.get(frame)!;
  stored.slow = { piece: 48 * 1024, ms: 120 };
  stored.breakAt = Math.floor(bytes.length * 0.7);
  stored.type = "image/jphc";
  const seen = await look(frame);
  assert.equal(seen.hash, sha(made.pixels));
  assert.ok((seen.stages ?? 0) >= 1, "a coarse image came first");
  const ranges = server.asked.filter((a) => a.path === frame).map((a) => a.range);
  assert.equal(ranges.length, 2);
  assert.match(ranges[1] ?? "", /^bytes=[1-9]\d+-$/);
});

test("damaged, lying, foreign and absent frames are errors of their own; the next one is shown", { skip, timeout: 60000 }, async () => {
  const shape = SHAPES["16 bits"]!, made = { shape, pixels: samplesOf(shape) };
  const wrong: string[] = [];
  const expect = async (what: string, frame: string, codes: string[]): Promise<void> => {
    const seen = await look(frame);
    if (!codes.includes(seen.error ?? "")) wrong.push(`${what}: ${JSON.stringify({ ...seen, samples: undefined })}`);
  };
  for (const name of ["JPEG lossless SV1", "JPEG-LS", "JPEG 2000", "HTJ2K labelled JPEG 2000", "RLE"]) {
    const ids = newIds(), frame = await publish(SYNTAXES[name]!(folder, made, dicomFile(made, ids), ids), ids), whole = server.stored.get(frame)!.bytes;
    const variant = (suffix: string, bytes: Buffer): string => {
      const path = frame.replace(/1$/, suffix);
      server.stored.set(path, { ...server.stored.get(frame)!, bytes });
      return path;
    };
    await expect(`${name} cut off`, variant("2", whole.subarray(0, Math.floor(whole.length / 2))), ["damaged", "disagrees"]);
    await expect(`${name}, its beginning only`, variant("3", whole.subarray(0, 70)), ["damaged", "disagrees"]);
    const other = { shape: { ...shape, rows: 60 }, pixels: samplesOf({ ...shape, rows: 60 }) }, otherIds = newIds();
    const lying = await publish(SYNTAXES[name]!(folder, other, dicomFile(other, otherIds), otherIds), otherIds);
    await expect(`${name} of another size`, variant("4", server.stored.get(lying)!.bytes), ["damaged", "disagrees"]);
    assert.equal((await look(frame)).hash, sha(made.pixels), `${name}: the whole one is still right`);
  }
  const ids = newIds(), frame = await publish(dicomFile(made, ids), ids);
  server.stored.set(frame.replace(/1$/, "2"), { bytes: Buffer.from("<html>"), type: "text/html" });
  await expect("HTML", frame.replace(/1$/, "2"), ["not_image"]);
  await expect("absent", frame.replace(/1$/, "3"), ["gone"]);
  server.stored.set(frame.replace(/1$/, "4"), { bytes: Buffer.alloc(7), type: "application/octet-stream" });
  await expect("seven bytes", frame.replace(/1$/, "4"), ["disagrees"]);
  assert.equal((await look(frame)).hash, sha(made.pixels));
  assert.deepEqual(wrong, []);
  assert.deepEqual(errors.filter((e) => !/404|Failed to load resource/.test(e)), [], "nothing else was said");
});

// --- the viewer itself --------------------------------------------------------------------------------------------------------
const SLICES = 6;
// 王小东 in GB18030.
const WANG = { "00080005": "GB18030", "00100010": Buffer.from("57616e675e58693d cdf55ed0a1b6ab".replace(" ", ""), "hex"), "00080020": "20240501" };
// A CT of a few slices: a disc that grows, with orientation, spacing and a window.
async function ctSeries(damaged: number, more: Record<string, string | Buffer> = {}): Promise<Ids> {
  const ids = newIds(), shape: Shape = { rows: 256, columns: 256, samples: 1, stored: 16, signed: true };
  for (let n = 0; n < SLICES; n++) {
    const pixels = Buffer.alloc(shape.rows * shape.columns * 2);
    for (let i = 0; i < shape.rows * shape.columns; i++) {
      const x = (i % 256) - 128, y = Math.floor(i / 256) - 128, r = Math.hypot(x, y);
      pixels.writeInt16LE(r < 20 + n * 8 ? 60 : r < 100 ? (x > 0 ? 0 : 20) : r < 108 ? 900 : -1000, 2 * i);
    }
    const one = { ...ids, instance: `${ids.series}.${n + 1}`, number: n + 1 };
    const file = dicomFile({ shape, pixels }, one, undefined, { "00280030": "0.8\\0.8", "00200037": "1\\0\\0\\0\\1\\0", "00200032": `-100\\-100\\${n * 5}`, "00281050": "40", "00281051": "400", "00281052": "0", "00281053": "1", ...more });
    await orthanc.store(file);
    const frame = await frameOf(orthanc, one, true);
    server.stored.set(`${pathOf(one)}/instances/${one.instance}/frames/1`, n === damaged ? { ...frame, bytes: frame.bytes.subarray(0, 999) } : frame);
  }
  const metadata = await (await orthanc.ask(`/dicom-web/studies/${ids.study}/series/${ids.series}/metadata`)).text();
  server.stored.set(`${pathOf(ids)}/metadata`, { bytes: Buffer.from(metadata), type: "application/dicom+json" });
  return ids;
}


// What is on the screen at a point of a pane, from 0 to 1: the mean grey of a few pixels around it.
async function greyAt(p: Page, pane: number, x: number, y: number): Promise<number> {
  const box = (await p.locator(at(`pane-${pane}`)).boundingBox())!;
  const png = await p.screenshot({ clip: { x: box.x + box.width * x - 2, y: box.y + box.height * y - 2, width: 4, height: 4 } });
  const { data } = PNG.sync.read(png);
  return data.reduce((sum, v, i) => (i % 4 === 3 ? sum : sum + v), 0) / ((data.length / 4) * 3);
}

for (const [by, phone] of [["gpu", false], ["cpu", true]] as const)
  test(`the viewer, ${by}: window, value, turn, flip, linked scrolling; a damaged image is its own`, { skip, timeout: 90000 }, async () => {
    const ids = await ctSeries(4), prior = await ctSeries(-1, { "00281051": "60", "00281056": "SIGMOID", ...WANG });
    const context = await browser.newContext(phone ? PHONE : DESKTOP), p = await context.newPage(), said = watchConsole(p);
    try {
      const open = [ids, prior].map((i) => `${i.study}/${i.series}`).join(",");
      await p.goto(`${server.url}/reading/c1#token=good&render=${by}&series=${open}`);
      const exact = (n: number): Promise<unknown> => wait(p, `document.querySelector('${at(`pane-${n}`)}')?.dataset.exact === "true"`);
      await Promise.all([exact(0), exact(1)]);
      assert.equal(await p.locator(at("pane-0")).getAttribute("data-by"), by);
      const settled = async (n: number, x: number, y: number, right: (grey: number) => boolean): Promise<number> => {
        let grey = -1;
        for (let i = 0; i < 60; i++, await p.waitForTimeout(100)) if (right(grey = await greyAt(p, n, x, y))) return grey;
        return assert.fail(`grey ${grey} at ${x}, ${y} of pane ${n}`);
      };
      // 60 HU in a window of 400 about 40: (60 - 39.5 + 199.5) / 399 of white
      const middle = await settled(0, 0.5, 0.5, (g) => Math.abs(g - 141) < 4);
      const whose = await Promise.all([0, 1].map((n) => p.locator(at(`whose-${n}`)).textContent()));
      assert.deepEqual(whose, ["Test Image · T1", "王 小东 · T1 · 2024-05-01"], "whose it is, and when");
      await settled(1, 0.5, 0.5, (g) => Math.abs(g - 202) < 4); // 255 / (1 + exp(-4 * 20 / 60)); a straight one would be 216
      assert.ok(await p.locator(`${at("pane-0")} .im-left`).textContent() === "R", "the patient's right is on the left");
      if (!phone) {
        await p.mouse.move(...(await centre(p, 0)));
        await wait(p, `/60 HU/.test(document.querySelector('${at("value-0")}').textContent)`);
      }
      await shot(p, `reading-${by}`);
      await p.click(at("im-invert"));
      await settled(0, 0.5, 0.5, (g) => Math.abs(g - (255 - middle)) < 4);
      await p.click(at("im-invert"));
      await p.click(at("im-flip"));
      await wait(p, `document.querySelector('${at("pane-0")} .im-left')?.textContent === "L"`);
      await p.click(at("im-rotate"));
      await wait(p, `document.querySelector('${at("pane-0")} .im-right')?.textContent === "A"`);
      await p.click(at("im-reset"));
      await p.keyboard.press("2"); // lung
      await settled(0, 0.5, 0.5, (g) => g > 230);
      for (let i = 0; i < 4; i++) await p.keyboard.press("ArrowDown");
      await p.waitForSelector(at("error-0"), { timeout: 20000 });
      assert.equal(await p.locator(at("error-0")).getAttribute("data-code"), "disagrees");
      await exact(1);
      assert.match((await p.locator(at("pane-1")).getAttribute("aria-label")) ?? "", new RegExp(`5/${SLICES}`), "the prior went along");
      await shot(p, `reading-${by}-error`);
      await p.keyboard.press("ArrowDown");
      await exact(0);
      await p.click(at("im-cine")); // past the damaged one, and round again
      const turning = (n: number): Promise<unknown> => wait(p, `document.querySelector('${at("pane-0")}').getAttribute("aria-label").includes("${n}/${SLICES}")`);
      for (const n of [4, 6, 1]) await turning(n);
      await p.click(at("im-stop"));
      assert.deepEqual(said, []);
    } finally { await context.close(); }
  });

test("an archive that was away comes back by itself, the list as its images; what of a series cannot be shown is said", { skip, timeout: 90000 }, async () => {
  const ids = await ctSeries(-1), list = server.stored.get(`${pathOf(ids)}/metadata`)!, sets = JSON.parse(list.bytes.toString()) as Record<string, unknown>[];
  const lying = { ...sets[0], "00080018": { vr: "UI", Value: [`${ids.series}.77`] }, "00280100": { vr: "US", Value: [24] } }, report = { "00080018": { vr: "UI", Value: [`${ids.series}.78`] } };
  list.bytes = Buffer.from(JSON.stringify([...sets, lying, report]));
  const context = await browser.newContext(DESKTOP), p = await context.newPage(), code = async (): Promise<string | null> => ((await p.locator(at("error-0")).count()) ? p.locator(at("error-0")).getAttribute("data-code") : null);
  try {
    server.away = /\/metadata$/;
    await p.goto(`${server.url}/reading/c1#token=good&series=${ids.study}/${ids.series}`);
    await until("the list fails", 30000, async () => (await code()) === "busy");
    server.away = /\/frames\//;
    await wait(p, `document.querySelector('${at("refused-0")}')?.dataset.count === "1"`);
    await until("the image fails", 30000, async () => (await code()) === "busy");
    server.away = null;
    const exact = (n: number): Promise<unknown> => wait(p, `document.querySelector('${at("pane-0")}').dataset.exact === "true" && document.querySelector('${at("pane-0")}').getAttribute("aria-label").includes("${n}/${SLICES}")`);
    await exact(1);
    await p.locator(at("viewer")).focus();
    await p.keyboard.press("End"); // had failed, too
    await exact(SLICES);
    assert.equal(await code(), null);
  } finally {
    server.away = null;
    await context.close();
  }
});

async function centre(p: Page, pane: number): Promise<[number, number]> {
  const box = (await p.locator(at(`pane-${pane}`)).boundingBox())!;
  return [box.x + box.width / 2, box.y + box.height / 2];
}

test("no page of a call loads imaging at first", { skip }, () => {
  const dist = join(ROOT, "web/dist");
  for (const name of ["join.html", "console.html", "watch.html", "records.html"]) {
    const open = [...readFileSync(join(dist, name), "utf8").matchAll(/\/(assets\/[^"]+\.js)/g)].map((m) => m[1]!), seen = new Set<string>();
    for (let file = open.pop(); file; file = open.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      const text = readFileSync(join(dist, file), "utf8");
      assert.ok(!/vtkRender|decode-worker|cornerstone/i.test(text), `${name} loads ${file}`);
      open.push(...[...text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)].map((m) => `assets/${m[1]!}`));
    }
    assert.ok(seen.size > 0);
  }
});
