// The whole way: a consult with real media, recorded by itself, finalised and signed by the archive, found in the console's
// list with its state in words, and watched there by those who may.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { DESKTOP, PHONE, launchChromium } from "../lib/browser.ts";
import { Gateway, ROOT, sleep, until } from "../lib/gateway.ts";
import { accessible, run, seen, tap } from "../lib/pages.ts";

const SHOTS = join(ROOT, "tests/out");
let gateway: Gateway, chromium: Browser;
const demos: ChildProcess[] = [];

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  gateway = await Gateway.start({ env: { HUIZHEN_RECORD_DEFAULT: "automatic", HUIZHEN_RECORD_PACS_URL: "http://127.0.0.1:9/dicom-web" } });
  chromium = await launchChromium();
});
after(async () => {
  for (const demo of demos) demo.kill("SIGTERM");
  await chromium?.close();
  await gateway?.stop();
});

const text = (page: Page, selector: string): Promise<string> => run<string>(page, `document.querySelector('${selector}')?.textContent ?? ""`);
const shot = (page: Page, name: string): Promise<unknown> => page.screenshot({ path: join(SHOTS, `records-${name}.png`) as `${string}.png` });
const row = (page: Page, wanted: RegExp, ms: number): Promise<unknown> => until(`the list says ${String(wanted)}`, ms, async () => wanted.test(await text(page, '[data-testid="records-list"]')));

async function open(url: string, phone = false): Promise<Page> {
  const page = await (await chromium.newContext({ ...(phone ? PHONE : DESKTOP), permissions: ["camera", "microphone"] })).newPage();
  await page.goto(url);
  return page;
}

test("from a consult to its replay: being recorded, prepared, ready, in the console, with the state of the archive", { timeout: 180000 }, async () => {
  const people = [["li", "expert", "Prof. Li", "expert"], ["zhang", "expert", "Zhang San", "patient"]] as const;
  for (const [id, role, name, kind] of people) {
    const token = gateway.token("mdt-42", role, { id, name, grant: "create", consent: true });
    demos.push(spawn(join(ROOT, "build/release/media/pipeline/huizhen-demo"), ["--url", gateway.url, "--consult", "mdt-42", "--kind", kind, "--label", name, "--publish"],
      { env: { ...process.env, HUIZHEN_TOKEN: token }, stdio: "ignore" }));
  }
  const admin = gateway.cli(["token", "--role", "admin", "--id", "boss", "--name", "Admin"]);
  const list = async (): Promise<{ id: string; state: string }[]> => ((await (await gateway.api(admin, "GET", "/api/v1/recordings")).json()) as { items: { id: string; state: string }[] }).items;
  const id = await until("a record", 20000, async () => (await list())[0]?.id);

  const page = await open(`${gateway.url}/console#token=${admin}`);
  await tap(page, "section-records");
  await row(page, /Being recorded/, 8000);
  await seen(page, "archive");
  await until("the archive's state", 8000, async () => /Recorderready.*Disk for recordings.*free/.test(await text(page, '[data-testid="archive"]')));
  await sleep(7000); // of the consult
  assert.equal((await gateway.api(admin, "DELETE", "/api/v1/consults/mdt-42/recording")).status, 204);
  for (const demo of demos.splice(0)) demo.kill("SIGTERM");
  await row(page, /Ready to watch/, 60000);
  await until("the PACS is away", 30000, async () => /PACS.*waiting since.*no answer since/.test(await text(page, '[data-testid="archive"]')));
  await shot(page, "console");
  await accessible(page);

  await tap(page, "watch-record");
  await seen(page, "poster");
  assert.equal(page.url(), `${gateway.url}/records/${id}`);
  await tap(page, "poster");
  const near = (): Promise<{ n: number; off: number }> => run(page, `(() => { const d = Object.values(window.huizhenReplay.drifts()); return { n: d.length, off: Math.max(...d.map(Math.abs)) }; })()`);
  await until("two people play", 10000, async () => (await near()).n >= 2);
  await sleep(2000);
  const { n, off } = await near();
  assert.ok(n >= 2 && off < 40, `${n} tracks, ${off} ms off`);
  await until("pictures", 5000, () => run<boolean>(page, `[...document.querySelectorAll('[data-testid="stage"] video.on')].filter((v) => v.videoWidth > 0 && v.currentTime > 1).length >= 2`));
  await shot(page, "replay");
  await tap(page, "tab-about");
  await tap(page, "compare-files");
  await until("verified", 20000, async () => /Verified/.test(await text(page, '[data-testid="certificate"]')));
  await page.goto(`${gateway.url}/console`);
  await page.context().close();

  // Who was in it watches it, from the list that is for him; who was not has an empty one.
  const li = await open(`${gateway.url}/records#token=${gateway.token("mdt-42", "expert", { id: "li", name: "Prof. Li" })}`);
  await row(li, /Ready to watch/, 8000);
  await tap(li, "watch-record");
  await seen(li, "poster");
  await li.context().close();
  const other = await open(`${gateway.url}/records#token=${gateway.token("mdt-42", "expert", { id: "wang", name: "Dr. Wang" })}`);
  await until("an empty list", 8000, () => run<boolean>(other, `/No recording yet/.test(document.querySelector('.records-list')?.textContent ?? '')`));
  await other.context().close();
  const phone = await open(`${gateway.url}/console#token=${admin}`, true);
  await tap(phone, "section-records");
  await row(phone, /可回放/, 8000);
  await shot(phone, "console-phone");
  await accessible(phone);
  assert.equal(await run<boolean>(phone, `document.documentElement.scrollWidth > innerWidth`), false, "nothing sticks out on a phone");
  // Failed, with its reason.
  const folder = join(gateway.dataDir, "record", new Date().toISOString().slice(0, 4), new Date().toISOString().slice(5, 7), id);
  const state = JSON.parse(readFileSync(join(folder, "state.json"), "utf8")) as object;
  writeFileSync(join(folder, "state.json"), JSON.stringify({ ...state, phase: "failed", error: "no space left on the disk" }));
  await row(phone, /失败.*no space left on the disk/, 8000);
  await phone.context().close();
});
