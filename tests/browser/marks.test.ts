// Presentation states and key objects of a real Orthanc in the viewer: what our own Keep wrote reads back as it was drawn; one of
// another maker with each kind of graphic; what is wrong, too much or of another study is named, and the image stays.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { DESKTOP, launchViewer, watchConsole } from "../lib/browser.ts";
import { dicomFile, type Shape } from "../lib/dicom-make.ts";
import { sleep, until } from "../lib/gateway.ts";
import { hasOrthanc } from "../lib/orthanc.ts";
import { nestedFile, type Nested } from "../lib/dicom-nested.ts";
import { at, shot } from "../lib/pages.ts";
import { ReadingRig } from "../lib/reading.ts";

const skip = hasOrthanc() ? false : "no Orthanc";
const STUDY = "2.25.4718", SERIES = `${STUDY}.1`, SHAPE: Shape = { rows: 96, columns: 128, samples: 1, stored: 12, signed: false, modality: "CT" };
const PIXELS = Buffer.alloc(SHAPE.rows * SHAPE.columns * 2);
for (let i = 0; i < PIXELS.length / 2; i++) PIXELS.writeUInt16LE(1024 + ((i % 128) + Math.floor(i / 128)) * 2, 2 * i);
let rig: ReadingRig, browser: Browser, page: Page, errors: string[];

/** An object of another maker. */
const foreign = (n: number, more: Nested): Promise<void> => rig.store(nestedFile({
  "00080005": ["CS", "ISO_IR 192"], "00080016": ["UI", "1.2.840.10008.5.1.4.1.1.11.1"], "00080018": ["UI", `${STUDY}.77.${n}`], "0020000D": ["UI", STUDY], "0020000E": ["UI", `${STUDY}.77`], "00080060": ["CS", "PR"], "00080070": ["LO", "Other"],
  "00100010": ["PN", "Test^Image"], "00100020": ["LO", "T1"], "00700080": ["CS", `SECOND ${n}`], "00700084": ["PN", "Müller^Anna"], "00700082": ["DA", "20260304"], "00700083": ["TM", "101112"], "20500020": ["CS", "IDENTITY"],
  "00081115": ["SQ", [{ "0020000E": ["UI", SERIES], "00081140": ["SQ", [{ "00081150": ["UI", "1.2.840.10008.5.1.4.1.1.2"], "00081155": ["UI", `${SERIES}.1`] }]] }]], ...more,
}));
const graphic = (type: string, data: number[], units = "PIXEL", filled = ""): Nested =>
  ({ "00700005": ["CS", units], "00700020": ["US", [2]], "00700021": ["US", [data.length / 2]], "00700022": ["FL", data], "00700023": ["CS", type], ...(filled && { "00700024": ["CS", filled] as const }) });
const every: Nested = {
  "00700001": ["SQ", [{
    "00700002": ["CS", "HERS"],
    "00700009": ["SQ", [
      graphic("POINT", [20.5, 20.5]), graphic("POLYLINE", [40, 10, 60, 10, 60, 30]), graphic("INTERPOLATED", [70, 20, 80, 10, 90, 20, 80, 30, 70, 20], "PIXEL", "N"), graphic("CIRCLE", [30, 50, 40, 50], "PIXEL", "N"),
      graphic("ELLIPSE", [50, 50, 80, 50, 65, 42, 65, 58], "PIXEL", "Y"), graphic("POLYLINE", [0.05, 0.9, 0.95, 0.9], "DISPLAY"),
    ]],
    "00700008": ["SQ", [{ "00700003": ["CS", "DISPLAY"], "00700010": ["FL", [0.55, 0.62]], "00700011": ["FL", [0.95, 0.75]], "00700012": ["CS", "RIGHT"], "00700006": ["ST", "second look:\r\nno nodule"], "00700004": ["CS", "PIXEL"], "00700014": ["FL", [65, 50]], "00700015": ["CS", "Y"] }]],
  }]],
  "00700060": ["SQ", [{ "00700002": ["CS", "HERS"], "00700062": ["IS", "1"], "00700401": ["US", [34885, 53485, 50171]] }]], "00700042": ["US", [90]], "00700041": ["CS", "N"],
  "0070005A": ["SQ", [{ "00700052": ["SL", [1, 96]], "00700053": ["SL", [128, 1]], "00700100": ["CS", "SCALE TO FIT"], "00700102": ["IS", "1\\1"] }]],
  "00283110": ["SQ", [{ "00281050": ["DS", "220"], "00281051": ["DS", "500"] }]], "00281052": ["DS", "-1024"], "00281053": ["DS", "1"], "00281054": ["LO", "HU"],
  "00181600": ["CS", "CIRCULAR"], "00181610": ["IS", "48\\64"], "00181612": ["IS", "60"], "00181622": ["US", [0]],
};
const bad: Nested = {
  "00700001": ["SQ", [{ "00700002": ["CS", "L"], "00700009": ["SQ", [graphic("POLYLINE", [NaN, 1, 2, 3]), graphic("POLYLINE", Array.from({ length: 12000 }, (_, i) => i % 90)), graphic("POINT", [5, 5])]] }]],
  "00286100": ["SQ", [{ "00286101": ["CS", "NONE"] }]],
};

before(async () => {
  if (skip) return;
  rig = await ReadingRig.start();
  for (const n of [1, 2, 3]) await rig.store(dicomFile({ shape: SHAPE, pixels: PIXELS }, { study: STUDY, series: SERIES, instance: `${SERIES}.${n}`, number: n }, undefined, { "00280030": "1\\1", "00281050": "200", "00281051": "600", "00281052": "-1024", "00281053": "1", "00200037": "1\\0\\0\\0\\1\\0", "00200032": `0\\0\\${n * 4}` }));
  await rig.put(STUDY);
  browser = await launchViewer();
});
after(async () => {
  await browser?.close();
  await rig?.stop();
});

const run = <T>(what: string): Promise<T> => page.evaluate(what);
const note = (): Promise<Record<string, string>> => run(`({ ...document.querySelector('${at("marks-0")}')?.dataset, text: document.querySelector('${at("marks-0")}')?.textContent })`);
const kinds = (): Promise<string> => run(`[...document.querySelectorAll('${at("im-their")}')].map((e) => e.dataset.kind).join()`);
async function choose(what: RegExp): Promise<void> {
  const find = `[...document.querySelectorAll('${at("im-marks")} option')].find((o) => ${what}.test(o.textContent))?.value`;
  await page.selectOption(at("im-marks"), await until(String(what), 20000, () => run<string | undefined>(find)));
  await until("it is there", 20000, async () => /^(shown|other|error)$/.test((await note())["state"] ?? ""));
}
const exact = (): Promise<unknown> => until("the image", 60000, () => run<boolean>(`document.querySelector('${at("pane-0")}')?.dataset.exact === "true"`));

test("what our Keep wrote reads back: the drawings, the window, the turn and the area", { skip, timeout: 120000 }, async () => {
  const on = { pacs: "main", study: STUDY, series: SERIES, instance: `${SERIES}.2`, frame: 0 }, image = { pacs: "main", study: STUDY, series: SERIES, instance: `${SERIES}.2` };
  const drawn = [
    { id: "a", kind: "line", on, points: [[10.25, 20.5], [60, 30]], value: 50.6, unit: "mm" }, { id: "b", kind: "ellipse", on, points: [[70, 40], [100, 60]] }, { id: "c", kind: "freehand", on, points: [[5, 5], [9, 12], [14, 11], [20, 30]] },
    { id: "d", kind: "text", on, points: [[40, 70]], text: "结节 nodule" }, { id: "e", kind: "point", on, points: [[90, 80]] }, { id: "f", kind: "angle", on, points: [[30, 60], [50, 60], [50, 80]] },
  ];
  const { table } = (await rig.client.call("table.get", {})) as { table: { version: number } };
  await rig.client.call("table.patch", { base: table.version, viewports: [{ at: 0, image, frame: 0, center: 260, width: 512, zoom: 2, pan_x: 0.125, rotation: 90, flip: true }], put: drawn });
  await rig.client.call("table.keep", {});
  await until("both in the PACS", 20000, async () => (await rig.orthanc.instances()).length === 5);
  page = await browser.newPage({ ...DESKTOP, viewport: { width: 900, height: 760 } });
  errors = watchConsole(page);
  await page.goto(`${rig.gateway.url}/reading/c#token=${rig.token}&series=${STUDY}/${SERIES}&render=cpu`);
  await exact();
  await choose(/Consult|CONSULT/);
  assert.match((await note())["text"]!, /Presentation: CONSULT, creator not recorded, \d{4}-/);
  await exact();
  const pane = await run<{ label: string; text: string; size: [number, number] }>(`(() => { const e = document.querySelector('${at("pane-0")}'); return { label: e.getAttribute("aria-label"), text: e.textContent, size: [e.clientWidth, e.clientHeight] }; })()`);
  assert.match(pane.label, / 2\/3$/, "on the image that it names");
  assert.match(pane.text, /W 512 L 260/);
  // The area: half of each side, moved by 1/8 of the pane; turned by 90 degrees and flipped. What was drawn lies where the table would draw it.
  const paths = await run<[string, string][]>(`[...document.querySelectorAll('${at("im-their")}')].map((e) => [e.dataset.kind + (e.dataset.text ? ":" + e.dataset.text : ""), e.getAttribute("d") ?? ""])`);
  const [w, h] = pane.size, seen = [48, 64] as const, unit = Math.max(seen[1] / h, seen[0] / w); // across: 96 rows / 2, down: 128 columns / 2
  const onPane = ([x, y]: number[]): number[] => [w / 2 - (y! - 53.5) / unit, h / 2 - (x! - 63.5) / unit]; // panned by an eighth of what is seen
  const numbers = (d: string): number[] => (d.match(/-?[\d.]+/g) ?? []).map(Number);
  const lies = (kind: string, nth: number, points: number[][]): void => {
    const d = numbers(paths.filter(([k]) => k === kind)[nth]![1]), wanted = points.flatMap(onPane);
    assert.ok(d.length === wanted.length && d.every((v, i) => Math.abs(v - wanted[i]!) < 0.3), `${kind}: ${d.join()}, not ${wanted.join()}`);
  };
  lies("POLYLINE", 0, drawn[0]!.points);
  lies("POLYLINE", 1, drawn[2]!.points);
  lies("POLYLINE", 2, drawn[5]!.points);
  assert.deepEqual(paths.map(([k]) => k).sort(), ["ELLIPSE", "POINT", "POLYLINE", "POLYLINE", "POLYLINE", "TEXT:50.6 mm", "TEXT:结节 nodule"].sort());
  await shot(page, "marks-own");
  await page.focus(at("viewer"));
  await page.keyboard.press("o");
  assert.equal((await note())["state"], "hidden");
  assert.equal(await kinds(), "");
  await page.keyboard.press("o");
  await choose(/Marked images/);
  await until("the key image alone", 10000, () => run<boolean>(`/ 1\\/1$/.test(document.querySelector('${at("pane-0")}').getAttribute("aria-label"))`));
  await until("with its state", 10000, async () => (await kinds()).split(",").length === 7);
  await shot(page, "marks-keys");
});

test("of another maker: each kind of graphic, where it is on the turned picture; what is wrong is named", { skip, timeout: 120000 }, async () => {
  await foreign(1, every);
  await foreign(2, bad);
  await sleep(5100); // a list is asked for again no sooner
  await page.focus(at("im-marks"));
  await choose(/SECOND 1/);
  assert.match((await note())["text"]!, /Presentation: SECOND 1, Müller Anna, 2026-03-04/);
  assert.equal((await note())["misses"], "");
  await exact();
  assert.equal(await kinds(), "POINT,POLYLINE,INTERPOLATED,CIRCLE,ELLIPSE,POLYLINE,TEXT");
  const pane = await run<{ text: string; w: number; h: number; point: string; shutter: string }>(`(() => { const e = document.querySelector('${at("pane-0")}'); return { text: e.textContent, w: e.clientWidth, h: e.clientHeight, point: e.querySelector('[data-kind="POINT"]').dataset.at, shutter: e.querySelector(".im-shutter")?.dataset.kind }; })()`);
  assert.match(pane.text, /W 500 L 220/);
  assert.equal(pane.shutter, "circle");
  const unit = Math.max(128 / pane.h, 96 / pane.w), [x, y] = pane.point.split(",").map(Number); // turned right: what was left is up
  assert.ok(Math.abs(x! - (pane.w / 2 - (20 - 47.5) / unit)) < 0.6 && Math.abs(y! - (pane.h / 2 + (20 - 63.5) / unit)) < 0.6, pane.point);
  await shot(page, "marks-foreign");
  await page.setViewportSize({ width: 390, height: 780 });
  await sleep(700);
  await shot(page, "marks-phone");
  await page.setViewportSize({ width: 900, height: 760 });
  await choose(/SECOND 2/);
  assert.deepEqual((await note())["misses"]!.split(" ").sort(), ["damaged", "many", "subtraction"]);
  assert.equal(await kinds(), "POINT");
  await shot(page, "marks-bad");
  await page.focus(at("viewer"));
  await page.keyboard.press("ArrowDown");
  await until("not of this image", 5000, async () => (await note())["state"] === "other" && (await kinds()) === "");
  assert.deepEqual(errors.filter((e) => !/WebGL|GPU stall/i.test(e)), []);
});
