// Replay as people meet it: pictures and voices together at every speed and after every jump, one voice off, from an event to
// its moment; closed to strangers; every viewing written down; and the proof compared, also when a byte is another.
// Timed: how far apart what plays together is
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { DESKTOP, PHONE, launchChromium, watchConsole } from "../lib/browser.ts";
import { compose } from "../lib/composed.ts";
import { Gateway, ROOT, sleep, until } from "../lib/gateway.ts";
import { accessible, run, seen, tap } from "../lib/pages.ts";
import { setPhase, stateOf } from "../lib/record.ts";
import { AT, SECONDS, makeReplay, type Replayed } from "../lib/replay.ts";

const SHOTS = join(ROOT, "tests/out");
let gateway: Gateway, chromium: Browser, record: Replayed;

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  gateway = await Gateway.start({ env: { HUIZHEN_RECORD_DEFAULT: "automatic" } });
  await until("the archive", 10000, () => gateway.pidOf("archive"));
  archive("SIGSTOP"); // else it may sign the manifest before the composed picture is in it
  record = makeReplay(join(gateway.dataDir, "record"));
  assert.equal(compose(record.folder).status, 0);
  archive("SIGCONT");
  await until("the last certificate", 120000, () => {
    const state = stateOf(record);
    return state.phase === "delivered" && /done|off/.test(state.composing?.phase ?? "") && readdirSync(record.folder).includes("certificate.json");
  });
  chromium = await launchChromium();
});
after(async () => {
  archive("SIGCONT");
  await chromium?.close();
  await gateway?.stop();
});

// While it stands still, states are set by hand.
function archive(signal: "SIGSTOP" | "SIGCONT"): void {
  const pid = gateway?.pidOf("archive");
  if (pid) process.kill(pid, signal);
}
const admin = (name = "Auditor General"): string => gateway.token("visit", "admin", { id: "boss", name });
const text = (page: Page, id: string): Promise<string> => run<string>(page, `document.querySelector('[data-testid="${id}"]')?.textContent ?? ""`);
const shot = (page: Page, name: string): Promise<unknown> => page.screenshot({ path: join(SHOTS, `replay-${name}.png`) as `${string}.png` });

async function open(token: string | null, options: BrowserContextOptions = DESKTOP, id = record.id, before: (page: Page) => Promise<void> = async () => undefined): Promise<Page> {
  const page = await (await chromium.newContext(options)).newPage();
  await watchTabs(page);
  await before(page);
  await page.goto(`${gateway.url}/records/${id}${token === null ? "" : `#token=${token}`}`);
  return page;
}

// Every request is asked by `answer` first: a status, "away", or undefined to let it through.
async function between(page: Page, what: RegExp, answer: () => number | "away" | undefined): Promise<void> {
  await page.route(what, async (route) => {
    const told = answer();
    if (told === "away") await route.abort("connectionreset");
    else if (told) await route.fulfill({ status: told, contentType: "application/problem+json", body: "{}" });
    else await route.continue();
  });
}

// Watches the bar of tabs in every frame, from the first in which it is there: how far it moved, in px.
const watchTabs = (page: Page): Promise<void> => page.addInitScript(`{
  let first; window.tabsMoved = 0;
  const look = () => {
    const bar = document.querySelector('[role="tablist"]');
    if (bar) { const at = bar.getBoundingClientRect().top + scrollY; first ??= at; window.tabsMoved = Math.max(window.tabsMoved, Math.abs(at - first)); }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}`);

interface Sample { tracks: number; spread: number; off: number; position: number; state: string; late: number }

// Every 50 ms, and how much later than that: where each file that plays is on the time line of the record, by its media element.
function watch(page: Page, ms: number): Promise<Sample[]> {
  const at = JSON.stringify(Object.fromEntries(record.files.map((f) => [f.path, f.at_ms])));
  return run<Sample[]>(page, `new Promise((done) => {
    const at = ${at}, list = [], end = performance.now() + ${ms};
    let last = performance.now();
    const timer = setInterval(() => {
      const late = Math.max(0, performance.now() - last - 50);
      last = performance.now();
      const replay = window.huizhenReplay, position = replay.position;
      const times = [...document.querySelectorAll('[data-testid="stage"] video.on')].filter((v) => !v.paused && !v.seeking && !v.ended).map((v) => v.currentTime * 1000 + at[v.dataset.path]);
      list.push({ tracks: times.length, spread: Math.max(...times) - Math.min(...times), off: Math.max(...times.map((t) => Math.abs(t - position))), position, state: replay.state, late });
      if (performance.now() > end) { clearInterval(timer); done(list); }
    }, 50);
  })`);
}

// Where a part begins or ends a player starts or rests: what counts is what plays. How late the page's own timer was is
// told, because a page that the machine does not run cannot hold its players together.
async function together(page: Page, what: string, ms: number, tracks: number, most = 60): Promise<Sample[]> {
  const samples = await watch(page, ms), played = samples.filter((s) => s.state === "playing" && s.tracks >= 2);
  assert.ok(played.length > samples.length * 0.9, `${what}: plays in ${played.length} of ${samples.length} samples`);
  assert.ok(played.some((s) => s.tracks >= tracks), `${what}: ${Math.max(...played.map((s) => s.tracks))} tracks at once, not ${tracks}`);
  const spreads = played.map((s) => s.spread).sort((a, b) => a - b), at = (share: number): number => spreads[Math.floor((spreads.length - 1) * share)] as number;
  const late = Math.max(...samples.map((s) => s.late));
  const told = `spread ${at(0.5).toFixed(1)} ms in the middle, ${at(0.95).toFixed(1)} ms in 19 of 20, ${at(1).toFixed(1)} ms at most; timer ${late.toFixed(1)} ms late at most`;
  console.log(`${what}: ${played.length} samples, ${told}`);
  assert.ok(at(1) < most, `${what}: ${told}`);
  return samples;
}

const position = (page: Page): Promise<number> => run<number>(page, `window.huizhenReplay.position`);
const playing = (page: Page): Promise<unknown> => until("playing", 10000, () => run<boolean>(page, `window.huizhenReplay.state === "playing"`));
const place = (page: Page, lane: string): Promise<string> => run<string>(page, `document.querySelector('[data-lane="${lane}"]').dataset.place`);

test("all tracks together: from the start, through an interruption, after a jump, at twice the speed", { timeout: 120000 }, async () => {
  const page = await open(admin()), errors = watchConsole(page);
  await seen(page, "poster");
  await sleep(500);
  await shot(page, "poster");
  await accessible(page);
  assert.equal(page.url(), `${gateway.url}/records/${record.id}`, "the token is not left in the address");
  await tap(page, "poster");
  await playing(page);
  await sleep(1500);
  await together(page, "from the start", 4500, 5);
  assert.equal(await place(page, "zhang/camera/0"), "in");

  // From the list of events to their moments.
  await run(page, `document.querySelector('[data-testid="events"] [data-at="${AT.chat}"]').click()`);
  // Read where it begins to play, in the page: how long the test takes to ask is not the player's.
  const reached = await run<number>(page, `new Promise((done) => { const timer = setInterval(() => {
    if (window.huizhenReplay.state === "playing") { clearInterval(timer); done(window.huizhenReplay.position); } }, 10); })`);
  assert.ok(Math.abs(reached - AT.chat) < 700, `at ${reached}`);
  await sleep(250);
  assert.match(await run<string>(page, `document.querySelector('[data-testid="events"] [aria-current]').textContent`), /0:09.*磨玻璃结节/);
  await together(page, "after a jump, into an interruption", 1800, 5);
  assert.equal(await place(page, "zhang/camera/0"), "between", "its last picture is held");
  await shot(page, "interrupted");
  await until("it comes back", 5000, async () => (await place(page, "zhang/camera/0")) === "in");

  await page.selectOption('[data-testid="speed"]', "2");
  await sleep(1000);
  const [from, began] = [await position(page), Date.now()];
  await together(page, "at twice the speed", 2500, 4, 80);
  const speed = ((await position(page)) - from) / (Date.now() - began);
  assert.ok(Math.abs(speed - 2) < 0.1, `speed ${speed.toFixed(3)}`);
  await until("its end", 10000, () => run<boolean>(page, `window.huizhenReplay.state === "ended"`));
  assert.ok(Math.abs((await position(page)) - SECONDS * 1000) < 300);
  await page.selectOption('[data-testid="speed"]', "1");

  // By keyboard: from the begin again, on 15 s, rest.
  await run(page, `document.activeElement.blur()`);
  await page.keyboard.press("Home");
  await page.keyboard.press("l");
  await page.keyboard.press("ArrowRight");
  assert.equal(await position(page), 15000);
  await page.keyboard.press(" ");
  await playing(page);
  await sleep(1200);
  await together(page, "from the middle", 1500, 5);
  await shot(page, "playing");
  await page.keyboard.press("k");
  assert.equal(await run<string>(page, `window.huizhenReplay.state`), "paused");
  assert.equal(await run<number>(page, `[...document.querySelectorAll('[data-testid="stage"] video')].filter((v) => !v.paused).length`), 0);

  // What was drawn over a picture lies there for as long as it did.
  for (const [ms, kinds] of [[10500, ""], [11500, "arrow,line"], [14000, "line"]] as const) {
    await run(page, `window.huizhenReplay.seek(${ms})`);
    await until(`drawn at ${ms}`, 5000, async () => (await run<string>(page, `[...document.querySelectorAll('[data-lane="li/camera/0"] [data-testid="im-drawing"]')].map((g) => g.dataset.kind).join()`)) === kinds);
    if (kinds) await shot(page, `drawn-${ms}`);
  }
  assert.equal(await run<number>(page, `document.querySelectorAll('[data-lane^="zhang"] [data-testid="im-drawing"]').length`), 0);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("one voice off, the others on; the room as it was; everything for eyes and fingers on a phone", { timeout: 120000 }, async () => {
  const page = await open(admin());
  const heard = (): Promise<string[]> => run<string[]>(page, `[...document.querySelectorAll('[data-testid="stage"] video.on')].filter((v) => !v.paused && !v.muted).map((v) => v.dataset.path).sort()`);
  await tap(page, "poster");
  await playing(page);
  await run(page, `window.huizhenReplay.seek(5000)`);
  await playing(page);
  await sleep(500);
  const all = await heard();
  assert.ok(all.includes("tracks/zhang.microphone.1.webm") && all.includes("tracks/li.microphone.1.webm"), all.join());
  await tap(page, "tab-people");
  await shot(page, "people");
  await accessible(page);
  await page.click('[data-person="zhang"] [data-testid="person-sound"]');
  await sleep(200);
  assert.deepEqual(await heard(), all.filter((p) => !p.includes("zhang")), "zhang alone is silent");
  assert.ok((await run<boolean>(page, `!document.querySelector('[data-path="tracks/zhang.microphone.1.webm"]').paused`)), "and goes on");
  await page.click('[data-person="zhang"] [data-testid="person-sound"]');
  await sleep(200);
  assert.deepEqual(await heard(), all);
  assert.equal(await run<number>(page, `document.querySelectorAll('[data-person="qian"] button').length`), 0, "who was not recorded has no switch");
  await tap(page, "as-room");
  await playing(page).catch(() => run(page, `window.huizhenReplay.play()`));
  await sleep(800);
  assert.deepEqual(await run<string[]>(page, `[...document.querySelectorAll('[data-testid="stage"] video.on')].map((v) => v.dataset.path)`), ["composed.mp4"]);
  assert.ok((await position(page)) > 4000, "at the same moment");
  await shot(page, "room");
  await page.context().close();

  const phone = await open(admin(), PHONE);
  await seen(phone, "poster");
  await sleep(500);
  await shot(phone, "phone-poster");
  await tap(phone, "poster");
  await playing(phone);
  await sleep(800);
  await shot(phone, "phone");
  assert.equal(await run<number>(phone, `tabsMoved`), 0, "nothing moves under a finger: loading, playing");
  await tap(phone, "as-tracks");
  await run(phone, `window.huizhenReplay.seek(8500), window.huizhenReplay.play()`);
  await playing(phone);
  await sleep(1200);
  await phone.screenshot({ path: join(SHOTS, "replay-phone-tracks.png") as `${string}.png`, fullPage: true });
  await accessible(phone);
  assert.equal(await run<boolean>(phone, `document.documentElement.scrollWidth > innerWidth`), false, "nothing sticks out on a phone");
  const small = await run<string[]>(phone, `[...document.querySelectorAll('button, select, a')].filter((e) => !e.closest('.lanes')).map((e) => [e, e.getBoundingClientRect()]).filter(([, r]) => r.width > 0 && (r.height < 44 || r.width < 32)).map(([e]) => e.outerHTML.slice(0, 100))`);
  assert.deepEqual(small, [], "large enough for fingers");
  await phone.context().close();
});

test("opens for those entitled, with words for all others; viewings are written down, in the store and in the record", { timeout: 60000 }, async () => {
  const refused = async (token: string | null, wanted: RegExp, id = record.id): Promise<void> => {
    const page = await open(token, DESKTOP, id);
    await seen(page, "record-refused");
    assert.match(await text(page, "record-refused"), wanted);
    assert.equal(await run<number>(page, `document.querySelectorAll('video').length`), 0);
    await page.context().close();
  };
  await refused(null, /open your link/);
  await refused("not.a.token", /open your link/);
  await refused(gateway.token("visit", "patient", { id: "zhang", name: "Zhang" }), /cannot open this recording/);
  await refused(gateway.token("visit", "expert", { id: "somebody", name: "Dr Else" }), /cannot open this recording/);
  await refused(gateway.token("other", "admin", { id: "boss2", name: "Other" }), /cannot open this recording/);
  await refused(admin(), /cannot open this recording/, "00000000-0000-4000-8000-000000000000");
  const file = `/api/v1/recordings/${record.id}/files/tracks/li.camera.1.mp4`;
  assert.equal((await gateway.api(undefined, "GET", file)).status, 401);

  const auditor = await open(gateway.token("visit", "auditor", { id: "audit-1", name: "Ms Audit" }));
  await tap(auditor, "poster");
  await playing(auditor);
  await tap(auditor, "tab-about");
  await seen(auditor, "certificate");
  assert.equal(await run<number>(auditor, `document.querySelectorAll('[data-testid="files"] a').length`), 0, "auditors watch; copies are for those who treat");
  await until("the list of who looked at it", 10000, async () => /Ms Audit/.test(await text(auditor, "viewers")));
  await auditor.context().close();
  type View = { view: string; what: string; participant: string; name: string; role: string };
  const list = (await (await gateway.api(admin(), "GET", `/api/v1/recordings/${record.id}/views?limit=200`)).json()) as { items: View[] };
  const opened = list.items.find((v) => v.participant === "audit-1" && v.what === "open");
  assert.deepEqual([opened?.name, opened?.role], ["Ms Audit", "auditor"]);
  assert.ok(list.items.some((v) => v.view === opened?.view && v.what === "tracks/li.camera.1.mp4"), "and what was looked at");
  assert.ok(!list.items.some((v) => ["zhang", "somebody", "boss2"].includes(v.participant)));
  const handed = readdirSync(join(record.folder, "audit")).filter((f) => /^\d+\.json$/.test(f)).map((f) => JSON.parse(readFileSync(join(record.folder, "audit", f), "utf8")) as { participant: { id: string }; what: string });
  assert.ok(handed.some((h) => JSON.stringify(h).includes("audit-1")), "handed to the archive");
});

test("the proof: compared in the browser, and one other byte is found and named", { timeout: 60000 }, async () => {
  const verdict = (page: Page, wanted: string): Promise<unknown> =>
    until(`verdict ${wanted}`, 20000, () => run<boolean>(page, `document.querySelector('[data-testid="certificate"]')?.dataset.verdict === "${wanted}"`)).catch(async (error: unknown) => {
      await shot(page, "no-verdict");
      const [lists, moved, shown] = await run<string[]>(page, `[document.querySelector('[data-testid="certificate"]')?.dataset.lists, tabsMoved, document.querySelector('.replay-side')?.innerText ?? document.body.innerText]`);
      throw new Error(`${String(error)}; state ${JSON.stringify(stateOf(record))}; lists ${lists}; tabs moved by ${moved} px; the page shows: ${shown}`);
    });
  const check = async (): Promise<Page> => {
    const page = await open(admin());
    await tap(page, "tab-about");
    await verdict(page, "open");
    await tap(page, "compare-files");
    return page;
  };
  const good = await check();
  await verdict(good, "good");
  assert.match(await text(good, "certificate"), /Verified.*fits the certificate.*all 10 are bit for bit/);
  await shot(good, "certificate");
  await accessible(good);
  await good.context().close();

  const path = join(record.folder, "tracks/zhang.microphone.1.webm"), bytes = readFileSync(path), middle = bytes.length >> 1;
  bytes.writeUInt8((bytes.readUInt8(middle) + 1) & 255, middle);
  writeFileSync(path, bytes);
  const bad = await check();
  await verdict(bad, "bad");
  assert.match(await text(bad, "certificate"), /Not what was signed.*zhang\.microphone\.1\.webm/);
  bytes.writeUInt8((bytes.readUInt8(middle) + 255) & 255, middle);
  writeFileSync(path, bytes);
  await bad.context().close();
});

test("a network that hiccups makes no certificate disappear", { timeout: 60000 }, async () => {
  const api = (what: string): RegExp => new RegExp(`/api/v1/recordings/[^/]+/${what}$`);
  let asked = 0, lists = 0;
  const hiccup = await open(admin(), DESKTOP, record.id, async (page) => {
    await between(page, api("certificate"), () => [429, "away"][asked++] as 429 | "away" | undefined);
    await between(page, api("timeline"), () => [503][lists++]);
  });
  await tap(hiccup, "tab-about");
  await seen(hiccup, "certificate");
  assert.deepEqual([asked, lists], [3, 2]);
  await hiccup.context().close();

  let away = true;
  const page = await open(admin(), PHONE, record.id, async (p) => {
    await between(p, api("certificate"), () => (away ? "away" : undefined));
    await between(p, api("timeline"), () => (away ? 500 : undefined));
  });
  await seen(page, "events-failed", 20000);
  assert.match(await text(page, "events-failed"), /未能载入/);
  await tap(page, "tab-about");
  await seen(page, "certificate-failed");
  assert.match(await text(page, "certificate-failed"), /凭证未能载入.*不代表录像有问题/);
  await accessible(page);
  await shot(page, "certificate-failed");
  away = false;
  await tap(page, "certificate-failed-again");
  await seen(page, "certificate");
  await tap(page, "tab-events");
  await seen(page, "events");
  await page.context().close();
});

test("while the composed picture joins the record nobody is told that something was altered", { timeout: 60000 }, async () => {
  archive("SIGSTOP");
  const path = join(record.folder, "manifest.json"), signed = readFileSync(path, "utf8"), { composing } = stateOf(record);
  writeFileSync(path, signed.replace(/\s*\}\s*$/, ', "made": "anew" }'));
  setPhase(record, "delivered", { composing: { ...composing, phase: "made" } });
  const lists = (wanted: string): Promise<unknown> => until(wanted, 20000, () => run<boolean>(page, `document.querySelector('[data-testid="certificate"]')?.dataset.lists === "${wanted}"`));
  const page = await open(admin());
  await tap(page, "tab-about");
  await lists("changing");
  assert.match(await text(page, "certificate"), /Not fully verified.*are being made anew/);
  writeFileSync(path, signed); // as if its certificate had come
  await lists("good");
  setPhase(record, "delivered", { composing });
  archive("SIGCONT");
  await page.context().close();
});

test("one that is not finished says so and opens by itself; failed, deleted", { timeout: 60000 }, async () => {
  archive("SIGSTOP");
  const before = stateOf(record).phase;
  setPhase(record, "finalising");
  const page = await open(admin());
  await seen(page, "record-state");
  assert.match(await text(page, "record-state"), /being prepared/);
  setPhase(record, "failed", { error: "no space left on the disk" });
  await until("failed, with the reason", 8000, async () => /could not be prepared.*no space left/.test(await text(page, "record-state")));
  await shot(page, "failed");
  await accessible(page);
  setPhase(record, before, { error: "" });
  await seen(page, "poster");
  await page.context().close();
  setPhase(record, "deleted");
  const gone = await open(admin());
  await seen(gone, "certificate"); // the proof stays
  assert.match(await text(gone, "record-state"), /was deleted/);
  await gone.context().close();
  setPhase(record, before);
});
