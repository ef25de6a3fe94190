// Recording as people meet it: asked before joining, told at every moment what is so, out of it with one tap.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { Gateway, ROOT, sleep, until } from "../lib/gateway.ts";
import { DESKTOP, PHONE, launchChromium } from "../lib/browser.ts";
import { accessible, run, seen, tap } from "../lib/pages.ts";

const SHOTS = join(ROOT, "tests/out");
let gateway: Gateway, chromium: Browser;
before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  gateway = await Gateway.start({ env: { HUIZHEN_RECORD_DEFAULT: "automatic" } });
  chromium = await launchChromium();
});
after(async () => {
  await chromium?.close();
  await gateway?.stop();
});

async function open(phone: boolean, locale: string, url: string): Promise<Page> {
  const context = await chromium.newContext({ ...(phone ? PHONE : DESKTOP), locale, permissions: ["camera", "microphone"] });
  const page = await context.newPage();
  await page.goto(url);
  await tap(page, "join-button");
  return page;
}

const text = (page: Page, id: string): Promise<string> => run<string>(page, `document.querySelector('[data-testid="${id}"]')?.textContent ?? ""`);
const says = (page: Page, id: string, wanted: RegExp): Promise<unknown> => until(`${id} says ${String(wanted)}`, 8000, async () => wanted.test(await text(page, id)));
const sign = (page: Page, wanted: string): Promise<unknown> => until(`the sign is ${wanted}`, 8000, () => run<boolean>(page, `document.querySelector('[data-testid="record-sign"]')?.dataset.state === "${wanted}"`));
const shot = (page: Page, name: string): Promise<unknown> => page.screenshot({ path: join(SHOTS, `record-${name}.png`) as `${string}.png` });

test("asked before joining, in one's language; no is as good as yes; whoever comes later is told that it is on", { timeout: 120000 }, async () => {
  const host = await open(false, "en-GB", gateway.link("visit", "clinic", "County Clinic"));
  await seen(host, "consent-question");
  assert.match(await text(host, "consent-text"), /You may say no/);
  await accessible(host);
  await tap(host, "consent-yes");
  await tap(host, "enter-button", 20000);
  await sign(host, "off"); // one alone is not a consult yet
  await accessible(host);

  const patient = await open(true, "zh-CN", gateway.link("visit", "patient", "王小明"));
  await seen(patient, "consent-question");
  assert.match(await text(patient, "consent-text"), /您可以不同意/);
  await shot(patient, "question");
  await tap(patient, "consent-no");
  await tap(patient, "enter-button", 20000);
  await seen(patient, "waiting-room");
  await tap(host, "admit");
  await sign(host, "on");
  await sign(patient, "on");
  await says(patient, "record-bar-text", /不包括您/);
  await says(host, "record-bar-text", /including you/);
  await says(host, "not-recorded", /said no/); // the host sees of whom nothing is recorded
  assert.equal(await run<number>(patient, `document.querySelectorAll('[data-testid="not-recorded"]').length`), 0);
  await accessible(host);
  await accessible(patient);
  await shot(host, "host");
  await shot(patient, "patient");
  const box = await run<{ width: number; wide: boolean }>(patient, `({ width: innerWidth, wide: document.documentElement.scrollWidth > innerWidth })`);
  assert.equal(box.wide, false, "nothing sticks out on a phone");

  // Another mind: the question with its words again, then out with one tap.
  await tap(patient, "consent-ask");
  await seen(patient, "consent-dialog");
  await accessible(patient);
  await tap(patient, "consent-yes");
  await says(patient, "record-bar-text", /^会诊正在录制，包括您/);
  await tap(patient, "consent-withdraw");
  await says(patient, "record-bar-text", /不包括您/);
  await says(host, "not-recorded", /took the consent back/);
  const list = (await (await gateway.api(gateway.token("visit", "admin", {}), "GET", "/api/v1/consults/visit/consents")).json()) as { items: { state: string; language: string; wording: string }[] };
  assert.deepEqual(list.items.map((c) => `${c.state} ${c.language}`), ["given en", "refused zh-CN", "given zh-CN", "withdrawn zh-CN"]);

  // Someone with a token instead of a link is asked inside, and told that it is on.
  const later = await open(true, "en-GB", `${gateway.url}/join#token=${gateway.token("visit", "expert", { id: "late", name: "Prof. Li" })}`);
  await tap(later, "enter-button", 20000);
  await seen(later, "consent-dialog");
  assert.match(await text(later, "consent-question"), /Recording is on right now/);
  await later.keyboard.press("Escape"); // no answer: not recorded
  await says(later, "record-bar-text", /without you/);
  await shot(later, "later");
  await later.context().close();

  // The recorder dies: it goes on by itself.
  const before = gateway.kill9("recorder");
  await until("a new recorder", 8000, () => gateway.pidOf("recorder") !== undefined && gateway.pidOf("recorder") !== before);
  await sign(host, "on");

  // The host stops; everybody sees it.
  await tap(host, "btn-record");
  await tap(host, "confirm-yes");
  await sign(host, "off");
  await sign(patient, "off");
  await sleep(300);
  assert.equal(await text(patient, "record-bar-text"), "");
});
