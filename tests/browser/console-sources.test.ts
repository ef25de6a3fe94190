// The console against a real gateway: a source is added by hand, comes live with its figures and a small picture of itself, and a device
// that writes names has none; a device profile is made; what viewers said is deleted.
// Timed: a real source, and its small picture
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { DESKTOP, launchChromium, watchConsole } from "../lib/browser.ts";
import { Gateway, until } from "../lib/gateway.ts";
import { run, tap } from "../lib/pages.ts";

let gateway: Gateway, chromium: Browser, admin: string;
const id = (name: string): string => `[data-testid="${name}"]`;

before(async () => {
  gateway = await Gateway.start({ env: { HUIZHEN_INGEST_ENABLED: "true" } });
  chromium = await launchChromium();
  admin = gateway.cli(["token", "--role", "admin", "--id", "boss", "--name", "Admin"]);
  const made = await gateway.api(admin, "POST", "/api/v1/consults", { id: "op", title: "Theatre" });
  assert.equal(made.status, 201);
});
after(async () => {
  await chromium?.close();
  await gateway?.stop();
});

test("a source is added, comes live with its picture, and what tells a name shows none", { timeout: 120000 }, async () => {
  const page = await (await chromium.newContext({ ...DESKTOP })).newPage();
  const errors = watchConsole(page);
  const add = async (name: string, kind: string, way: string, url?: string): Promise<void> => {
    await tap(page, "source-add");
    await page.fill(id("source-name"), name);
    await page.selectOption(id("source-way"), way);
    await page.selectOption(id("source-kind"), kind);
    if (url) await page.fill(id("source-url"), url);
    await tap(page, "source-save");
    await page.waitForSelector(id("source-form"), { state: "detached" });
  };
  const card = (name: string): string => `[...document.querySelectorAll('${id("source")}')].find((e) => e.textContent.includes('${name}'))`;
  await page.goto(`${gateway.url}/console#token=${admin}`);
  await page.click(`${id("consult-item")}[data-consult="op"]`);
  await add("Tower", "endoscope", "test");
  await add("Probe", "ultrasound", "test");
  await add("Nowhere", "camera", "rtsp", "rtsp://doctor:geheim@127.0.0.1:9/cam");
  await until("both live, the third says why not", 60000, async () =>
    run<boolean>(page, `${card("Tower")}?.dataset.state === 'live' && ${card("Probe")}?.dataset.state === 'live' && /ingest.allow/.test(${card("Nowhere")}?.textContent ?? '')`));
  await until("its small picture", 30000, async () => run<boolean>(page, `(${card("Tower")}?.querySelector('img')?.naturalWidth ?? 0) === 320`));
  await until("figures", 15000, async () => run<boolean>(page, `/\\d+×\\d+ · \\d+(\\.\\d)? fps · /.test(${card("Tower")}.textContent)`));
  assert.equal(await run(page, `${card("Probe")}.querySelector('img')`), null, "an ultrasound may tell who the patient is");
  assert.ok(!(await run<string>(page, "document.body.textContent")).includes("geheim"));
  await run(page, `${card("Nowhere")}.querySelector('${id("source-remove")}').click()`);
  await page.click(id("confirm-yes"));
  await until("it is gone", 10000, async () => run<boolean>(page, `!${card("Nowhere")}`));
  await tap(page, "section-devices");
  await tap(page, "device-add");
  await page.fill(id("device-name"), "Probe 7");
  await tap(page, "device-mask-add");
  await tap(page, "device-save");
  await page.waitForSelector(`${id("device")}[data-profile="probe-7"]`);
  await tap(page, "section-consults");
  await page.click(`${id("consult-item")}[data-consult="op"]`);
  await tap(page, "audience-delete");
  await page.click(id("confirm-yes"));
  await page.waitForSelector(`${id("audience-deleted")}:not(:empty)`);
  assert.deepEqual(errors.filter((e) => !/404/.test(e)), []);
});
