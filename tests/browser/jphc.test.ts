// The exact lane through the gateway in a real Chromium: what is stored without encoding in a real Orthanc comes as HTJ2K, turned on arrival,
// and the hash of the samples that the viewer holds is that of the PACS's frame: 8, 12 and 16 bits, signed and unsigned, grey and colour.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { launchViewer } from "../lib/browser.ts";
import { PAGE_PRELUDE } from "../lib/clockcam.ts";
import { dcmtk, dicomFile, samplesOf, type Ids, type Made, type Shape } from "../lib/dicom-make.ts";
import { until } from "../lib/gateway.ts";
import { hasOrthanc } from "../lib/orthanc.ts";
import { ReadingRig, radiograph } from "../lib/reading.ts";

const skip = hasOrthanc() ? false : "no Orthanc", STUDY = "2.25.950";
const grey = (stored: number, signed: boolean): Shape => ({ rows: 161, columns: 147, samples: 1, stored, signed });
const SHAPES: Record<string, Shape> = {
  "8 bits": grey(8, false), "8 bits signed": grey(8, true), "12 bits": grey(12, false), "12 bits signed": grey(12, true),
  "16 bits": grey(16, false), "16 bits signed": grey(16, true), colour: { rows: 161, columns: 147, samples: 3, stored: 8, signed: false },
};
const folder = mkdtempSync(join(tmpdir(), "hz-jphc-"));
let browser: Browser, page: Page, rig: ReadingRig, last = 0;

before(async () => {
  if (skip) return;
  rig = await ReadingRig.start();
  browser = await launchViewer();
  page = await browser.newPage();
  await page.addInitScript(PAGE_PRELUDE);
  await page.goto(`${rig.gateway.url}/reading/c#token=${rig.token}`);
  await until("the viewer", 30000, async () => (await page.evaluate("!!globalThis.huizhenImaging")) === true);
});
after(async () => {
  await browser?.close();
  await rig?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const sha = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const newIds = (): Ids => ({ study: STUDY, series: `${STUDY}.${++last}`, instance: `${STUDY}.${last}.1` });

interface Pixels { exact: boolean }
interface Held { onChange(f: (frame: { id: string }, pixels: Pixels | null) => void): () => void; load(frame: object, priority: number): Promise<Pixels>; hash(id: string): Promise<string | null> }
interface Imaging { Frames: new () => Held; imageInfo(set: object): object }
interface Seen { hash?: string | null; error?: string; coarse?: number; type?: string | null }

function look(ids: Ids, priority = 0): Promise<Seen> {
  return page.evaluate(async ({ series, frame, token, priority }) => {
    const imaging = (globalThis as unknown as { huizhenImaging: Imaging }).huizhenImaging, held = new imaging.Frames();
    const set = (await (await fetch(`${series}/metadata`, { headers: { Authorization: `Bearer ${token}` } })).json()) as object[];
    let coarse = 0;
    held.onChange((_f, pixels) => { if (pixels && !pixels.exact) coarse++; });
    const plain = globalThis.fetch;
    let type: string | null = null;
    globalThis.fetch = async (...args) => { const answer = await plain(...args); if (String(args[0]).includes("/frames/")) type = answer.headers.get("Content-Type"); return answer; };
    try {
      await held.load({ id: frame, source: { url: frame, token: () => token }, info: imaging.imageInfo(set[0]!), index: 0 }, priority);
      return { hash: await held.hash(frame), coarse, type };
    } catch (error) { return { error: (error as { code?: string }).code ?? String(error), type }; } finally { globalThis.fetch = plain; }
  }, { series: rig.seriesOf(ids), frame: rig.frameOf(ids), token: rig.token, priority });
}

test("through the gateway as HTJ2K: the PACS's pixels", { skip, timeout: 90000 }, async () => {
  const all = Object.entries(SHAPES).map(([what, shape]) => ({ what, made: { shape, pixels: samplesOf(shape) }, ids: newIds() }));
  const wrong: string[] = [];
  for (const { made, ids } of all) await rig.store(dicomFile(made, ids));
  await rig.put(STUDY);
  for (const { what, made, ids } of all)
    for (const priority of [0, 2]) { // whole; its beginning first
      const seen = await look(ids, priority);
      if (seen.hash !== sha(made.pixels) || seen.type !== "image/jphc") wrong.push(`${what}, ${priority}: ${JSON.stringify(seen)}`);
    }
  assert.deepEqual(wrong, []);
});

test("JPEG of 12 bits, which no browser decodes, comes as HTJ2K; what the viewer decodes comes as stored", { skip, timeout: 60000 }, async () => {
  const shape = grey(12, false), made: Made = { shape, pixels: samplesOf(shape) }, lossy = newIds(), stored = newIds();
  await rig.store(dcmtk(folder, "dcmcjpeg", ["+ee", "+un"], dicomFile(made, lossy)));
  await rig.store(dcmtk(folder, "dcmcjpls", ["+el", "+un"], dicomFile(made, stored)));
  const seen = await look(lossy), other = await look(stored);
  assert.equal(seen.type, "image/jphc", JSON.stringify(seen));
  assert.match(seen.hash ?? "", /^[0-9a-f]{64}$/);
  assert.notEqual(other.type, "image/jphc");
  assert.equal(other.hash, sha(made.pixels));
});

test("a radiograph is coarse first, then lossless", { skip, timeout: 60000 }, async () => {
  const made = radiograph(), ids = newIds();
  await rig.store(dicomFile(made, ids));
  const slow = await page.context().newCDPSession(page);
  await slow.send("Network.enable");
  await slow.send("Network.emulateNetworkConditions", { offline: false, latency: 5, downloadThroughput: 1e6, uploadThroughput: 1e6 });
  const seen = await look(ids);
  await slow.detach();
  assert.equal(seen.hash, sha(made.pixels));
  assert.ok((seen.coarse ?? 0) >= 2, JSON.stringify(seen));
});
