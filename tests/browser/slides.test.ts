// A whole slide of a real Orthanc on the table: what is shown is the picture, place by place, at each zoom; only tiles that are seen are
// fetched; two browsers, one of them a phone, see the same region; what cannot be shown says so, and the rest goes on.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Call, openStudy } from "../lib/call.ts";
import { dcmtk } from "../lib/dicom-make.ts";
import { until } from "../lib/gateway.ts";
import { hasOrthanc } from "../lib/orthanc.ts";
import { at, playwright as page, run, shot, tap, type Person } from "../lib/pages.ts";
import { colourAt, places, slideFile, type Level } from "../lib/slide-make.ts";

const skip = hasOrthanc() ? false : "no Orthanc";
const STUDY = "2.25.4714", SLIDE = `${STUDY}.1`, BAD = `${STUDY}.2`, W = 3000, H = 2200, READING = "window.huizhen.consult.reading";
const level = (scale: number, more: Partial<Level> = {}): Level => ({ columns: Math.ceil(W / scale), rows: Math.ceil(H / scale), scale, tile: 256, spacing: 0.0005 * scale, ...more });
const folder = mkdtempSync(join(tmpdir(), "hz-slides-"));
let call: Call, clinic: Person, expert: Person;

function slide(n: number, series: string, one: Level, jpeg = true): Buffer {
  const plain = slideFile(one, { study: STUDY, series, instance: `${series}.${n}`, number: n });
  return jpeg ? dcmtk(folder, "dcmcjpeg", ["+eb", "+q", "95", "+un"], plain) : plain;
}

before(async () => {
  if (skip) return;
  const archive = [
    slide(1, SLIDE, level(1)),
    slide(2, SLIDE, level(4)),
    slide(3, SLIDE, level(16, { tile: 192, sparse: places(level(16, { tile: 192 })) }), false),
    slide(4, SLIDE, level(16, { flavour: "LABEL", tile: 160, columns: 160, rows: 160, spacing: 0.01 }), false),
    // One over another, one outside, and a level of another shape.
    slide(1, BAD, level(4, { columns: 1024, rows: 512, sparse: [{ x: 0, y: 0 }, { x: 256, y: 0 }, { x: 512, y: 0 }, { x: 600, y: 40 }, { x: 5000, y: 0 }, { x: 0, y: 256 }] }), false),
    slide(2, BAD, level(16, { columns: 200, rows: 190 }), false),
  ];
  call = await Call.start({ archive, phone: true });
  ({ clinic, expert } = call);
});
after(async () => {
  await call?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const exact = (p: Person, which = "0"): Promise<unknown> => until(`the slide at ${p.cam.id}`, 60000, () => run<boolean>(p.page, `document.querySelector('${at("pane-0")}')?.dataset.exact === "true" && document.querySelector('${at("im-slide")}').dataset.level === "${which}"`)).catch(async (error: unknown) => {
  await shot(p, "slides-failed");
  throw new Error(`${String(error)}: ${await run<string>(p.page, `(document.querySelector('${at("pane-0")}')?.outerHTML ?? document.body.innerText).slice(0, 2500)`)} ${p.errors.slice(-4).join(" | ")}`);
});
interface View { zoom: number; pan_x: number; pan_y: number }
const viewOf = (p: Person): Promise<View> => run(p.page, `(({ zoom, pan_x, pan_y }) => ({ zoom, pan_x, pan_y }))(${READING}.shown.viewports[0])`);
const sized = (p: Person): Promise<{ width: number; height: number }> => run(p.page, `(() => { const r = document.querySelector('${at("pane-0")}'); return { width: r.clientWidth, height: r.clientHeight }; })()`);

/** Which place of the finest level is under a part of the pane, by the gateway's state alone: not the viewer's own geometry. */
function under({ zoom, pan_x, pan_y }: View, pane: { width: number; height: number }, x: number, y: number): [number, number] {
  const unit = Math.max(H / pane.height, W / pane.width) / zoom;
  return [W / 2 - pan_x * W + (x - 0.5) * pane.width * unit, H / 2 - pan_y * H + (y - 0.5) * pane.height * unit];
}

/** The picture that is shown, held against what the slide is made of, in those of 17 x 17 places that are well inside of a field. */
async function asMade(p: Person, tolerance: number): Promise<number> {
  const places: [number, number][] = [];
  for (let j = 0; j < 17; j++) for (let i = 0; i < 17; i++) places.push([0.05 + 0.9 * (i / 16), 0.05 + 0.9 * (j / 16)]);
  // In one go: a banner may come and make the pane smaller.
  const { view, pane, got } = await run<{ view: View; pane: { width: number; height: number }; got: number[][] }>(p.page, `(() => { const c = document.querySelector('${at("im-slide")}'), g = c.getContext("2d"), { zoom, pan_x, pan_y } = ${READING}.shown.viewports[0];
    return { view: { zoom, pan_x, pan_y }, pane: { width: c.width, height: c.height }, got: ${JSON.stringify(places)}.map(([x, y]) => [...g.getImageData(Math.floor(x * c.width), Math.floor(y * c.height), 1, 1).data]) }; })()`);
  const unit = Math.max(H / pane.height, W / pane.width) / view.zoom, edge = 8 + 1.5 * unit;
  let held = 0;
  for (const [k, [px, py]] of places.entries()) {
    const [x, y] = under(view, pane, px, py), inside = (v: number): boolean => v % 64 > edge && v % 64 < 64 - edge;
    if (x < 0 || y < 0 || x >= W || y >= H) { assert.deepEqual(got[k]!.slice(0, 3), [0, 0, 0], "beside the slide there is nothing"); continue; }
    if (!inside(x) || !inside(y)) continue;
    const want = colourAt(x, y), off = Math.max(...want.map((c, i) => Math.abs(c - got[k]![i]!)));
    assert.ok(off <= tolerance, `at ${x.toFixed(0)}, ${y.toFixed(0)}: ${got[k]!.join()} for ${want.join()}`);
    held++;
  }
  assert.ok(held > 10, `${held} places held`);
  return held;
}
const tilesAsked = (p: Person): Promise<string[]> => run(p.page, `performance.getEntriesByType("resource").map((e) => e.name).filter((n) => n.includes("/frames/")).map((n) => n.replace(/.*instances\\//, "").replace(/\\?.*/, ""))`);

test("the clinic puts a slide on the table: everybody sees the picture that was stored, without its label", { skip, timeout: 120000 }, async () => {
  await openStudy(clinic, "S1");
  await exact(clinic, "1");
  await exact(expert, await run<string>(expert.page, `document.querySelector('${at("im-slide")}')?.dataset.level ?? "1"`));
  await asMade(clinic, 8);
  const asked = await tilesAsked(clinic);
  assert.ok(asked.length > 0 && asked.every((n) => !n.startsWith(`${SLIDE}.1/`)), `no tile of the finest level yet: ${asked.join()}`);
  assert.ok(asked.every((n) => !n.startsWith(`${SLIDE}.4/`)), "and never its label");
  await shot(clinic, "slides-whole");
  await shot(expert, "slides-whole-phone");
});

test("zoomed in by the wheel: the place under the cursor stays, only tiles that are seen are fetched, and the phone is at the same place", { skip, timeout: 120000 }, async () => {
  const box = (await page(clinic).locator(at("pane-0")).boundingBox())!, pane = await sized(clinic), x = 0.35, y = 0.4;
  const before = under(await viewOf(clinic), pane, x, y);
  await page(clinic).mouse.move(box.x + x * box.width, box.y + y * box.height);
  for (let i = 0; i < 6; i++) await page(clinic).mouse.wheel(0, -120);
  await until("it is near", 5000, async () => (await viewOf(clinic)).zoom > 8);
  await exact(clinic);
  const now = under(await viewOf(clinic), await sized(clinic), x, y), banner = 40 * Math.max(H / pane.height, W / pane.width); // which may have come meanwhile
  assert.ok(Math.hypot(now[0] - before[0], now[1] - before[1]) < banner, `${now.join()} for ${before.join()}`);
  await asMade(clinic, 8);
  const fine = (await tilesAsked(clinic)).filter((n) => n.startsWith(`${SLIDE}.1/`));
  assert.ok(fine.length > 0 && fine.length < 40, `${fine.length} of 108 tiles`);
  await until("the phone follows", 10000, async () => JSON.stringify(await viewOf(expert)) === JSON.stringify(await viewOf(clinic)));
  await exact(expert);
  await asMade(expert, 8);
  await shot(clinic, "slides-near");
  await shot(expert, "slides-near-phone");
});

test("a line is measured in µm and is at the same place of the slide for all; arrows move, the inset goes there", { skip, timeout: 120000 }, async () => {
  const box = (await page(clinic).locator(at("pane-0")).boundingBox())!, mouse = page(clinic).mouse, pane = await sized(clinic), view = await viewOf(clinic);
  await tap(clinic.page, "im-line");
  await mouse.move(box.x + 0.3 * box.width, box.y + 0.5 * box.height);
  await mouse.down();
  await mouse.move(box.x + 0.6 * box.width, box.y + 0.5 * box.height, { steps: 5 });
  await mouse.up();
  const about = 0.3 * box.width * (Math.max(H / pane.height, W / pane.width) / view.zoom) * 0.5;
  const caption = (p: Person): Promise<string> => run(p.page, `document.querySelector('${at("im-drawing")}')?.dataset.caption ?? ""`);
  const points = (p: Person): Promise<[number, number][]> => run(p.page, `${READING}.table.objects.find((o) => o.kind === "line")?.points ?? []`);
  for (const p of [clinic, expert]) await until(`a line at ${p.cam.id}`, 20000, async () => {
    const [a, b] = await points(p);
    return a && b && Math.abs(Math.hypot(a[0] - b[0], a[1] - b[1]) * 0.5 - about) < about / 6 && Math.abs(Number(/^([\d.]+) µm$/.exec(await caption(p))?.[1]) - Math.hypot(a[0] - b[0], a[1] - b[1]) * 0.5) < 0.2;
  }).catch(async () => assert.fail(`${await caption(p)} for ${about}`));
  const on = await run<{ instance: string; frame: number }>(expert.page, `${READING}.table.objects[0].on`);
  assert.deepEqual([on.instance, on.frame], [`${SLIDE}.1`, 0]);
  assert.match(await run<string>(clinic.page, `document.querySelector('${at("scale-0")}').textContent`), /^\d+ µm$/);
  assert.match(await run<string>(clinic.page, `document.querySelector('${at("times-0")}').textContent`), /^[\d.]+×$/);
  await shot(clinic, "slides-line");
  await page(clinic).focus(at("viewer"));
  await page(clinic).keyboard.press("ArrowRight");
  await until("it moved", 5000, async () => (await viewOf(clinic)).pan_x < view.pan_x);
  const inset = (await page(clinic).locator(at("inset-0")).boundingBox())!;
  await mouse.click(inset.x + 0.8 * inset.width, inset.y + 0.75 * inset.height);
  await until("the phone goes along", 10000, async () => Math.abs((await viewOf(expert)).pan_x + 0.3) < 0.02 && Math.abs((await viewOf(expert)).pan_y + 0.25) < 0.02);
  for (const p of [clinic, expert]) await exact(p);
  await asMade(expert, 8);
  for (const p of [clinic, expert]) assert.deepEqual(p.errors, []);
});

test("tiles one over another, one outside, a level of another shape, a tile that is gone: each says so, the rest is there", { skip, timeout: 120000 }, async () => {
  await run(clinic.page, `void ${READING}.set({ at: 0, image: { pacs: "main", study: "${STUDY}", series: "${BAD}" }, frame: 0, zoom: 1, pan_x: 0, pan_y: 0 })`);
  const notes = (): Promise<Record<string, string>> => run(expert.page, `({ ...document.querySelector('${at("slide-notes-0")}')?.dataset })`);
  await until("a word", 20000, async () => { const n = await notes(); return n["faults"] === "1" && n["lost"] === "2" && n["refused"] === "1" && n["code"] === "disagrees" && n["coming"] === "0"; }).catch(async () => assert.fail(JSON.stringify(await notes())));
  const dot = (x: number, y: number): Promise<number[]> => run(clinic.page, `(() => { const c = document.querySelector('${at("im-slide")}'), k = Math.min(c.width / 1024, c.height / 512); return [...c.getContext("2d").getImageData(Math.floor(c.width / 2 + (${x} - 512) * k), Math.floor(c.height / 2 + (${y} - 256) * k), 1, 1).data].slice(0, 3); })()`);
  await until("the good ones at the clinic", 10000, () => run<boolean>(clinic.page, `document.querySelector('${at("slide-notes-0")}').dataset.coming === "0"`));
  assert.deepEqual(await dot(40, 40), colourAt(40.5 * 4, 40.5 * 4));
  for (const [x, y] of [[296, 40], [40, 296]] as const) assert.deepEqual(await dot(x, y), colourAt((x + 0.5) * 4, (y + 0.5) * 4));
  assert.notDeepEqual(await dot(560, 20), colourAt(560.5 * 4, 20.5 * 4), "nothing is shown where two claim to be");
  assert.deepEqual(await dot(900, 300), [0, 0, 0], "a hole is a hole");
  assert.equal(await run(clinic.page, `document.querySelector('${at("pane-0")}').dataset.exact`), "false", "never called exact");
  await shot(clinic, "slides-bad");
});
