// Telestration: the expert draws over the clinic's live camera; it lies on the same part of the picture in everybody's page, mirrored
// where the picture is, letterboxed where it is; who comes late has it; it fades; the host wipes it.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { Call } from "../lib/call.ts";
import { until } from "../lib/gateway.ts";
import { accessible, at, chromiumPerson, openLink, playwright as page, run, seen, shot, tap, type Person } from "../lib/pages.ts";

let call: Call, clinic: Person, expert: Person, late: Person;

before(async () => {
  call = await Call.start();
  ({ clinic, expert } = call);
  late = await chromiumPerson(call.chromium, 3, 1300, true);
});
after(() => call?.stop());

interface Where { kind: string; points: [number, number][] }
// What is drawn over the clinic's camera in this page, as parts of the picture that is seen there: from where the lines are on the screen.
const drawn = (p: Person): Promise<Where[]> => run(p.page, `(() => {
  const mine = window.huizhen.consult.me.id, clinic = window.huizhen.consult.participants.find((x) => x.role === "clinic").id;
  const tile = document.querySelector('[data-participant="' + clinic + '"][data-source="camera"]'), video = tile?.querySelector("video");
  if (!video || !video.videoWidth) return [];
  const r = video.getBoundingClientRect(), cover = getComputedStyle(video).objectFit === "cover", across = r.width / video.videoWidth, down = r.height / video.videoHeight;
  const scale = (cover ? Math.max : Math.min)(across, down), w = video.videoWidth * scale, h = video.videoHeight * scale;
  const x0 = r.left + (r.width - w) / 2, y0 = r.top + (r.height - h) / 2;
  return [...tile.querySelectorAll('${at("im-drawing")}')].map((g) => {
    const line = g.querySelector("polyline"), m = line.getScreenCTM();
    const points = [...line.points].slice(0, 2).map((q) => { const s = q.matrixTransform(m), x = (s.x - x0) / w; return [mine === clinic ? 1 - x : x, (s.y - y0) / h]; });
    return { kind: g.dataset.kind, points };
  });
})()`);
const near = (a: [number, number][] | undefined, b: [number, number][]): boolean => !!a && a.length === b.length && a.every((p, i) => p.every((v, k) => Math.abs(v - b[i]![k]!) < 0.015));
const ARROW: [number, number][] = [[0.3, 0.3], [0.7, 0.6]];
const lies = (p: Person): Promise<unknown> => until(`the arrow at ${p.cam.id}`, 15000, async () => near((await drawn(p)).find((d) => d.kind === "arrow")?.points, ARROW))
  .catch(async () => assert.fail(`${p.cam.id}: ${JSON.stringify(await drawn(p))}`));

async function stroke(points: [number, number][]): Promise<void> {
  await seen(expert.page, "draw-pen");
  const box = (await page(expert).locator(at("draw-pen")).boundingBox())!, mouse = page(expert).mouse;
  for (const [i, [x, y]] of points.entries()) {
    await mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: i ? 5 : 1 });
    if (i === 0) await mouse.down();
  }
  await mouse.up();
}

test("the expert draws over the clinic's camera: it lies there in both pages, and in that of who comes late", { timeout: 90000 }, async () => {
  await tap(expert.page, "tile-draw", 20000);
  await until("the pen", 10000, () => run<boolean>(expert.page, `document.querySelector('${at("draw-bar")}')?.dataset.mine === "true"`));
  await stroke(ARROW);
  await lies(expert);
  await lies(clinic); // in the mirror of its own camera
  await tap(expert.page, "draw-line");
  await stroke([[0.2, 0.8], [0.7, 0.8]]);
  await until("what has no scale says so", 5000, () => run<boolean>(expert.page, `/50(\\.\\d)? % · no scale/.test(document.querySelector('${at("im-drawing")}[data-kind="line"]')?.textContent ?? "")`));
  await accessible(expert.page);
  await openLink(late, call.gateway.link("mdt", "expert", "Dr Late"));
  await seen(late.page, "call");
  await lies(late);
  assert.deepEqual(await run(late.page, "window.huizhen.consult.reading.table.objects"), await run(expert.page, "window.huizhen.consult.reading.table.objects"));
  await shot(expert, "telestration-expert");
  await shot(clinic, "telestration-clinic");
  await page(expert).setViewportSize({ width: 700, height: 800 });
  await lies(expert);
  await page(expert).setViewportSize({ width: 1280, height: 800 });
});

test("on a phone: asked for, given, drawn, within reach of a finger", { timeout: 60000 }, async () => {
  await until("the clinic's picture on the stage", 15000, () => run<boolean>(late.page, `!!document.querySelector('.tile.large ${at("tile-draw")}')`));
  await tap(late.page, "tile-draw");
  await until("asked", 5000, () => run<boolean>(late.page, `/Dr Wang/.test(document.querySelector('${at("draw-bar")}')?.textContent ?? "")`));
  await shot(late, "telestration-phone-asked");
  await run(expert.page, `(({ reading, participants }) => reading.pass(participants.find((p) => p.name === "Dr Late").id))(window.huizhen.consult)`);
  await seen(late.page, "draw-pen");
  await accessible(late.page);
  const small = await run<string[]>(late.page, `[...document.querySelectorAll('${at("draw-bar")} button, ${at("draw-bar")} label')].filter((b) => b.offsetHeight < 44 || b.offsetWidth < 44).map((b) => b.textContent)`);
  assert.deepEqual(small, []);
  await shot(late, "telestration-phone");
  await tap(late.page, "draw-close");
  await run(late.page, `(({ reading, participants }) => reading.pass(participants.find((p) => p.name === "Dr Wang").id))(window.huizhen.consult)`);
});

test("what fades goes by itself everywhere; the host wipes what somebody else drew on its picture", { timeout: 60000 }, async () => {
  await until("the pen", 10000, () => run<boolean>(expert.page, `document.querySelector('${at("draw-bar")}')?.dataset.mine === "true"`));
  await tap(expert.page, "draw-freehand");
  await page(expert).check(at("draw-fades"));
  await stroke([[0.1, 0.1], [0.4, 0.2], [0.5, 0.9]]);
  const kinds = (p: Person): Promise<string> => run(p.page, `window.huizhen.consult.reading.table.objects.map((o) => o.kind).join()`);
  for (const p of [expert, clinic, late]) await until(`three at ${p.cam.id}`, 5000, async () => (await kinds(p)) === "arrow,line,freehand");
  for (const p of [expert, clinic, late]) await until(`faded at ${p.cam.id}`, 20000, async () => (await kinds(p)) === "arrow,line");
  await tap(clinic.page, "draw-wipe-own");
  for (const p of [expert, clinic, late]) await until(`wiped at ${p.cam.id}`, 5000, async () => (await kinds(p)) === "");
  await until("nothing is drawn", 5000, async () => (await drawn(late)).length === 0);
});
