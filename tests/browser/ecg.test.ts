// An ECG of a real Orthanc on the table: its samples in the browser are the stored ones, it is drawn to scale, callipers measure it,
// and who follows sees the same; an object that lies says why.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { Call, openStudy } from "../lib/call.ts";
import { ecgFile, ecgSamples } from "../lib/ecg-make.ts";
import { until } from "../lib/gateway.ts";
import { hasOrthanc } from "../lib/orthanc.ts";
import { at, playwright as page, run, shot, tap, type Person } from "../lib/pages.ts";

const skip = hasOrthanc() ? false : "no Orthanc", STUDY = "2.25.4712", samples = ecgSamples(12);
let call: Call, clinic: Person, expert: Person;

before(async () => {
  if (skip) return;
  const liar = ecgFile({ study: STUDY, series: `${STUDY}.1`, instance: `${STUDY}.1.2`, number: 2 }, samples.slice(0, 600));
  liar.writeUInt32LE(5000, liar.indexOf(Buffer.from([0x3a, 0, 0x10, 0, 0x55, 0x4c])) + 8); // samples that are not there
  call = await Call.start({ archive: [ecgFile({ study: STUDY, series: `${STUDY}.1`, instance: `${STUDY}.1.1`, number: 1 }, samples), liar], phone: true });
  ({ clinic, expert } = call);
});
after(() => call?.stop());

const drawn = (p: Person): Promise<unknown> => until(`the ECG at ${p.cam.id}`, 30000, () => run<boolean>(p.page, `!!document.querySelector('${at("im-wave")}')`)).catch(async (error: unknown) => {
  await shot(p, "ecg-failed");
  throw new Error(`${String(error)}: ${await run<string>(p.page, `(document.querySelector('${at("pane-0")}')?.outerHTML ?? document.body.innerText).slice(0, 1500)`)} ${await run<string>(p.page, `performance.getEntriesByType("resource").map((e) => e.name + " " + e.responseStatus).slice(-6).join(", ")`)} ${p.errors.slice(-4).join(" | ")}`);
});

test("the clinic puts an ECG on the table: everybody sees it, sample by sample as it is stored", { skip, timeout: 120000 }, async () => {
  await openStudy(clinic, "E1");
  for (const p of [clinic, expert]) await drawn(p);
  const url = await run<string>(clinic.page, `performance.getEntriesByType("resource").map((e) => e.name).find((n) => n.endsWith("/${STUDY}.1.1/waveform"))`);
  assert.ok(url, "the viewer asked for its samples");
  const token = call.gateway.token("mdt", "clinic", { id: await run<string>(clinic.page, "window.huizhen.consult.me.id") });
  const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  assert.match(answer.headers.get("content-type") ?? "", /^application\/json/);
  const json = (await answer.json()) as { groups: { hz: number; samples: number; data: string }[] }, data = Buffer.from(json.groups[0]!.data, "base64");
  assert.equal(json.groups[0]!.hz, 500);
  assert.equal(data.length, samples.byteLength);
  for (let i = 0; i < samples.length; i++) assert.equal(data.readInt16LE(2 * i), samples[(i % 6000) * 12 + Math.floor(i / 6000)]);
  await shot(clinic, "ecg-clinic");
  await shot(expert, "ecg-phone");
});

test("it is to scale: what is under the cursor, and callipers of four hundred milliseconds that the other sees", { skip, timeout: 60000 }, async () => {
  const place = (x: number, y: number): Promise<[number, number]> => run(clinic.page, `(() => { const r = document.querySelector('${at("pane-0")}').getBoundingClientRect(), W = 274, H = 238, s = Math.min(r.width / W, r.height / H);
    return [r.left + r.width / 2 + (${x} - (W - 1) / 2) * s, r.top + r.height / 2 + (${y} - (H - 1) / 2) * s]; })()`);
  const mouse = page(clinic).mouse, value = (): Promise<string> => run(clinic.page, `document.querySelector('${at("value-0")}').textContent`);
  const [x, y] = await place(18 + 0.25 * 25, 14 + 18 * 7 + 9); // V2, at the top of its R wave
  await mouse.move(x, y);
  await until("a value", 5000, async () => /^V2 /.test(await value()));
  const [, time, mv] = /^V2 ([\d.]+) s: (-?[\d.]+) mV$/.exec(await value())!;
  assert.ok(Math.abs(Number(time) - 0.25) < 0.03, time);
  const told = (t: number): string => ((samples[Math.round(t * 500) * 12 + 7]! * 2.5) / 1000).toFixed(3); // the text has whole ms: at an odd one it may be of either side
  assert.ok([told(Number(time) - 0.000499), told(Number(time) + 0.000499)].includes(mv!), `${time}: ${mv}`);
  await tap(clinic.page, "im-line");
  const from = await place(30, 100), to = await place(40, 101);
  await mouse.move(...from);
  await mouse.down();
  await mouse.move(...to, { steps: 6 });
  await mouse.up();
  const caption = (p: Person): Promise<string> => run(p.page, `document.querySelector('${at("im-drawing")}')?.dataset.caption ?? ""`);
  for (const p of [clinic, expert]) await until(`callipers at ${p.cam.id}`, 10000, async () => /^(39|40)\d ms · 1\d\d bpm$/.test(await caption(p))).catch(async () => assert.fail(await caption(p)));
  assert.equal(await run(clinic.page, `!!document.querySelector('${at("im-flip")}')`), false, "an ECG is not turned round");
  await shot(clinic, "ecg-callipers");
  await shot(expert, "ecg-callipers-phone");
});

test("its next page; and one that has fewer samples than it says is not shown, with a word why", { skip, timeout: 60000 }, async () => {
  await page(clinic).focus(at("viewer"));
  await page(clinic).keyboard.press("ArrowDown");
  await until("the second page", 5000, () => run<boolean>(expert.page, `document.querySelector('${at("pane-0")}').dataset.frame.endsWith(".1.1/waveform/1")`));
  await page(clinic).keyboard.press("ArrowDown");
  for (const p of [clinic, expert]) await until("an error", 15000, () => run<boolean>(p.page, `document.querySelector('${at("error-0")}')?.dataset.code === "damaged"`));
  await page(clinic).keyboard.press("Home");
  for (const p of [clinic, expert]) await drawn(p);
});
