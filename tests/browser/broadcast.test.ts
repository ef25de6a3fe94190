// A broadcast in real browsers: a director at the desk puts a camera on the air, a viewer sees its clock and hears its voice; CUT, and
// the viewer sees a poster and hears nothing; the next camera, and on the air again. HZ_SHOTS=FOLDER keeps pictures of the pages.
// Timed: pictures and tones
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { Gateway, until } from "../lib/gateway.ts";
import { DESKTOP, launchChromium, watchConsole } from "../lib/browser.ts";
import { readClock, readTones, PAGE_PRELUDE, type Reading } from "../lib/clockcam.ts";
import { chromiumPerson, openLink, run, seen, tap, type Person } from "../lib/pages.ts";

const TONES = [600, 1500]; // of the two who are on the air one after the other
const MOBILE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, locale: "zh-CN" };
let gateway: Gateway, chromium: Browser, people: Person[], viewers: { page: Page; errors: string[] }[];

const shots = process.env["HZ_SHOTS"];
if (shots) mkdirSync(shots, { recursive: true });
async function shot(page: Page, name: string): Promise<void> {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) as `${string}.png` });
}

async function viewer(options: object, url: string): Promise<void> {
  const page = await (await chromium.newContext({ ...options, ignoreHTTPSErrors: true })).newPage();
  await page.addInitScript(PAGE_PRELUDE);
  viewers.push({ page, errors: watchConsole(page) });
  await page.goto(url);
  await tap(page, "join-button");
}

const stateOf = (page: Page): Promise<string> => run(page, `document.querySelector('[data-testid="watch-state"]')?.dataset.state`);
const clockOf = (page: Page): Promise<Reading | undefined> => run(page, `(${readClock.toString()})(document.querySelector('[data-testid="watch-video"]'))`);
const tonesOf = (page: Page): Promise<number[]> => run(page, `(async () => {
  const track = document.querySelector('[data-testid="watch-video"]').srcObject.getAudioTracks()[0];
  return (${readTones.toString()})(track, ${JSON.stringify(TONES)}); })()`);

// The picture is this camera's, and it goes on.
async function shows(page: Page, id: number): Promise<void> {
  const first = await until(`camera ${id}`, 30000, async () => { const r = await clockOf(page); return r?.id === id ? r : undefined; });
  const made = Date.now() - first.age_ms;
  await until("it goes on", 20000, async () => { const r = await clockOf(page); return r?.id === id && Date.now() - r.age_ms > made + 300; });
}

// Before it begins: a text, a picture and a time where there is no picture yet, and questions may be asked.
async function prepare(desk: Page, watch: Page): Promise<void> {
  await tap(desk, "direct-audience");
  await tap(desk, "desk-questions");
  await desk.getByTestId("desk-chat").selectOption("open");
  await desk.getByTestId("desk-poster-text").fill("Grand round of surgery");
  await tap(desk, "desk-poster-save");
  const soon = new Date(Date.now() + 3_600_000 - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  await desk.getByTestId("desk-starts").fill(soon);
  await desk.getByTestId("desk-starts").blur();
  const png = await run<string>(desk, `(() => { const c = document.createElement('canvas'); c.width = 640; c.height = 360;
    const g = c.getContext('2d'); g.fillStyle = '#0b6b60'; g.fillRect(0, 0, 640, 360); return c.toDataURL('image/png').split(',')[1]; })()`);
  await desk.getByTestId("desk-poster-file").setInputFiles({ name: "theatre.png", mimeType: "image/png", buffer: Buffer.from(png, "base64") });
  await until("the poster's words", 20000, async () => /Grand round/.test(await watch.getByTestId("watch-poster").innerText()));
  await until("the poster's picture", 20000, () => run<boolean>(watch, `document.querySelector('[data-testid="watch-poster"] img')?.naturalWidth === 640`));
  await seen(watch, "watch-starts", 15000);
  await shot(desk, "desk-before");
  await shot(watch, "watch-poster");
}

// Through black to the second camera and back to the first: viewers go dark, and are bright again with the other picture.
async function fades(desk: Page, watch: Page[]): Promise<void> {
  const opacity = "Number(getComputedStyle(document.querySelector('[data-testid=\"watch-video\"]')).opacity)";
  await tap(desk, "direct-fade");
  for (const camera of [2, 1]) {
    for (const page of watch)
      await run(page, `window.darkest ??= 1; (function look() { window.darkest = Math.min(window.darkest, ${opacity}); requestAnimationFrame(look); })()`);
    await until("they wait for news", 20000, async () => (await gateway.metrics()).get("huizhen_feed_waits") === watch.length);
    await desk.getByTestId("direct-source").nth(camera - 1).click();
    for (const page of watch) {
      await shows(page, camera);
      await until("bright again", 10000, async () => (await run<number>(page, opacity)) === 1);
    }
  }
  // A page that does not wait for news at that moment sees a hard change: not all pages do so at both fades.
  const darkest = await Promise.all(watch.map((page) => run<number>(page, "window.darkest")));
  assert.ok(Math.min(...darkest) < 0.2, `it went through black: ${darkest.join(" ")}`);
  await tap(desk, "direct-fade");
}

// A viewer asks, the desk approves and answers; a name over the picture; a line of chat.
async function talk(desk: Page, watch: Page[]): Promise<void> {
  const [first, phone] = watch as [Page, Page];
  await first.getByTestId("watch-name").fill("Li");
  await first.getByTestId("watch-input").fill("Which stitch do you take here?");
  await tap(first, "watch-send");
  await seen(first, "watch-own");
  await until("it is at the desk", 10000, async () => (await desk.getByTestId("desk-message").count()) === 1);
  assert.equal(await phone.getByTestId("watch-item").count(), 0, "nobody has read it");
  await shot(desk, "desk-question");
  await tap(desk, "desk-answering");
  for (const page of watch) await until("it is being answered", 15000, async () => (await page.locator('[data-testid="watch-item"][data-state="answering"]').count()) === 1);
  await tap(desk, "desk-filter-shown");
  await tap(desk, "desk-write");
  await desk.getByTestId("desk-answer-text").fill("A running one, absorbable.");
  await tap(desk, "desk-answer-send");
  for (const page of watch) await until("the answer", 15000, async () => /running one/.test(await page.getByTestId("watch-side").innerText()));
  await desk.getByTestId("desk-third").fill("Dr A, theatre 2");
  await tap(desk, "desk-third-show");
  for (const page of watch) await until("the lower third", 15000, async () => (await page.getByTestId("watch-third").count()) === 1 && /Dr A/.test(await page.getByTestId("watch-third").innerText()));
  await tap(phone, "watch-tab-chat");
  await phone.getByTestId("watch-input").fill("Good morning from Kunming");
  await tap(phone, "watch-send");
  await until("chat", 15000, async () => (await phone.getByTestId("watch-item").count()) === 1);
}

// The row that says whose camera it is is painted over: viewers cannot read it any more, the desk can; and again when the mask is gone.
async function paintOver(desk: Page, watch: Page[]): Promise<void> {
  const preview = (): Promise<Reading | undefined> => run(desk, `(${readClock.toString()})(document.querySelector('[data-testid="masks-picture"] video'))`);
  await tap(desk, "direct-masks");
  const id = (await until("the preview", 20000, async () => { const r = await preview(); return r?.id ? r : undefined; })).id;
  await desk.getByTestId("masks-picture").scrollIntoViewIfNeeded();
  const box = (await desk.getByTestId("masks-picture").boundingBox())!;
  await desk.mouse.move(box.x + 2, box.y + box.height * 0.85);
  await desk.mouse.down();
  await desk.mouse.move(box.x + box.width + 20, box.y + box.height + 20, { steps: 3 });
  await desk.mouse.up();
  await shot(desk, "desk-masks");
  await tap(desk, "masks-save");
  for (const page of watch) await shows(page, 0);
  assert.equal((await preview())?.id, id, "the source itself is untouched");
  await shot(watch[0]!, "watch-masked");
  await tap(desk, "masks-clear");
  await tap(desk, "masks-save");
  for (const page of watch) await shows(page, id);
  await tap(desk, "direct-masks");
}

// Both cameras in one picture, and one of them again. Each half is 636 of 1280 wide, its picture 16:9 in the middle.
async function bothTogether(desk: Page, watch: Page[]): Promise<void> {
  const half = (page: Page, x: number): Promise<Reading | undefined> => run(page, `(() => { const v = document.querySelector('[data-testid="watch-video"]'), c = document.createElement('canvas');
    const w = v.videoWidth / 1280, h = v.videoHeight / 720;
    c.width = 636; c.height = 358;
    c.getContext('2d').drawImage(v, ${x} * w, 181 * h, 636 * w, 358 * h, 0, 0, 636, 358);
    return (${readClock.toString()})(Object.assign(c, { readyState: 4, videoWidth: 636, videoHeight: 358 })); })()`);
  await tap(desk, "direct-together");
  await desk.getByTestId("together-source").nth(1).click();
  await tap(desk, "together-show");
  for (const page of watch) await until("both cameras", 30000, async () => (await half(page, 0))?.id === 1 && (await half(page, 644))?.id === 2);
  await shot(desk, "desk-together");
  await shot(watch[0]!, "watch-together");
  await desk.getByTestId("direct-source").first().click();
  for (const page of watch) await shows(page, 1);
  await tap(desk, "direct-together");
}

before(async () => {
  gateway = await Gateway.start();
  chromium = await launchChromium();
  viewers = [];
  people = [await chromiumPerson(chromium, 1, TONES[0] ?? 0), await chromiumPerson(chromium, 2, TONES[1] ?? 0)];
  for (const [i, p] of people.entries()) await openLink(p, gateway.link("op", "expert", i === 0 ? "Prof. Li" : "Prof. Wang", ["--title", "Zhang San, 54"]));
  for (const p of people) await seen(p.page, "call");
  people.push(await chromiumPerson(chromium, 3, 3000));
});
after(async () => {
  await chromium?.close();
  await gateway?.stop();
});

test("a director goes on the air, a viewer sees and hears it; two in one picture; masks; CUT and back", { timeout: 160000 }, async () => {
  const [one, two, desk] = people as [Person, Person, Person], page = desk.page as Page;
  const ids = await Promise.all([one, two].map((p) => run<string>(p.page, "window.huizhen.consult.me.id")));
  const director = gateway.token("op", "director", { id: "dir" });
  const put = await gateway.api(director, "PUT", "/api/v1/consults/op/broadcast", {
    title: "Laparoscopy, live", text: "Theatre 2", sources: ids.map((participant) => ({ participant, source: "camera" })), voices: [ids[0]],
  });
  assert.equal(put.status, 200, await put.text());
  const link = gateway.link("op", "viewer", "Lecture hall");
  await viewer(DESKTOP, link);
  await viewer(MOBILE, gateway.link("op", "viewer", "Student"));
  for (const v of viewers) await until("the poster of before", 20000, async () => (await stateOf(v.page)) === "before");
  assert.ok(!/Zhang San|Prof\. /.test(await viewers[0]!.page.content()), "a viewer's page names nobody");
  await shot(viewers[0]!.page, "watch-before");

  await openLink(desk, gateway.link("op", "director", "Director"));
  await seen(page, "direct-bar");
  await prepare(page, viewers[0]!.page);
  await until("both sources at the desk", 10000, async () => (await page.getByTestId("direct-source").count()) === 2);
  await page.getByTestId("direct-source").first().click();
  for (const v of viewers) {
    await until("the picture", 30000, async () => (await stateOf(v.page)) === "playing");
    await shows(v.page, 1);
  }
  await tap(viewers[0]!.page, "watch-sound");
  await until("the voice", 20000, async () => { const [a = -200, b = 0] = await tonesOf(viewers[0]!.page); return a > -60 && a - b > 20; });
  await seen(one.page, "broadcast-sign");
  await until("both are counted", 15000, async () => /2/.test(await viewers[0]!.page.getByTestId("watch-viewers").innerText()));
  await talk(page, viewers.map((v) => v.page));
  await shot(page, "desk-live");
  await fades(page, viewers.map((v) => v.page));
  await shot(viewers[0]!.page, "watch-live");
  await shot(viewers[1]!.page, "watch-live-phone");
  await bothTogether(page, viewers.map((v) => v.page));
  await paintOver(page, viewers.map((v) => v.page));
  await tap(page, "direct-audience");

  await tap(page, "direct-cut");
  for (const v of viewers) await until("the poster of a cut", 20000, async () => (await stateOf(v.page)) === "cut");
  await until("the desk says so", 10000, async () => (await page.getByTestId("direct-bar").getAttribute("data-state")) === "cut");
  await until("silence", 10000, async () => ((await tonesOf(viewers[0]!.page))[0] ?? 0) < -80);
  await shot(page, "desk-cut");
  await shot(viewers[1]!.page, "watch-cut-phone");
  await page.setViewportSize({ width: 390, height: 844 });
  await shot(page, "desk-cut-phone");

  for (const v of viewers) assert.equal(await v.page.getByTestId("watch-third").count(), 0, "no words over a cut");
  await page.getByTestId("audience-panel").getByRole("button").first().click(); // its panel covers the desk of a phone
  await page.keyboard.press("2"); // another camera while it is cut
  await until("the second source is chosen", 10000, async () => (await page.getByTestId("direct-source").nth(1).getAttribute("aria-pressed")) === "true");
  await tap(page, "direct-resume");
  for (const v of viewers) await shows(v.page, 2);
  await until("the voice again", 20000, async () => ((await tonesOf(viewers[0]!.page))[0] ?? -200) > -60);
  await shot(page, "desk-live-phone");
  assert.equal((await gateway.api(director, "DELETE", "/api/v1/consults/op/broadcast")).status, 204);
  for (const v of viewers) await until("the poster of after", 20000, async () => (await stateOf(v.page)) === "after");
  await shot(viewers[1]!.page, "watch-after-phone");
  for (const p of people) assert.deepEqual(p.errors, []);
  for (const v of viewers) assert.deepEqual(v.errors.filter((e) => !/404/.test(e)), []);
});
