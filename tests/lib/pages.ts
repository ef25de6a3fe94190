// The pages as a person uses them, and what a test reads off them. Works on Playwright's and Puppeteer's pages.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { Browser as Firefox, Page as FirefoxPage } from "puppeteer-core";
import { DESKTOP, PHONE, watchConsole, type AnyPage } from "./browser.ts";
import { PAGE_PRELUDE, installClockCamera, readClock, readTones, type CamOptions, type Reading } from "./clockcam.ts";
import { until } from "./gateway.ts";

export interface Person { page: AnyPage; cam: CamOptions; errors: string[]; context?: BrowserContext }

const camera = (id: number, toneHz: number): CamOptions => ({ id, toneHz, width: 640, height: 360, fps: 25 });

export async function chromiumPerson(browser: Browser, id: number, toneHz: number, phone = false): Promise<Person> {
  const context = await browser.newContext({ ...(phone ? PHONE : DESKTOP), ignoreHTTPSErrors: true, permissions: ["camera", "microphone"] });
  const page = await context.newPage();
  const cam = camera(id, toneHz);
  await page.addInitScript(PAGE_PRELUDE);
  await page.addInitScript(installClockCamera, cam);
  return { page, cam, errors: watchConsole(page), context };
}

export async function firefoxPerson(browser: Firefox, id: number, toneHz: number): Promise<Person> {
  const page = await browser.newPage();
  const cam = camera(id, toneHz);
  const errors: string[] = [];
  page.on("pageerror", (e) => errors.push(String(e)));
  page.on("console", (m) => { if (m.type() === "error") errors.push(m.text()); });
  await page.evaluateOnNewDocument(PAGE_PRELUDE);
  await page.evaluateOnNewDocument(installClockCamera as never, cam as never);
  return { page, cam, errors };
}

export const at = (id: string): string => `[data-testid="${id}"]`;

// Runs an expression in the page: the one call that both drivers share.
export function run<T>(page: AnyPage, expression: string): Promise<T> {
  return (page as Page).evaluate(expression) as Promise<T>;
}

export async function tap(page: AnyPage, id: string, ms = 10000): Promise<void> {
  await until(`button ${id}`, ms, () => run<boolean>(page, `(() => { const e = document.querySelector('${at(id)}'); return !!e && !e.disabled && e.getClientRects().length > 0; })()`));
  await (page as Page).click(at(id));
}

export async function seen(page: AnyPage, id: string, ms = 10000): Promise<void> {
  await until(`${id} on the page`, ms, () => run<boolean>(page, `!!document.querySelector('${at(id)}')`));
}

/** Of a person in Chromium: what only Playwright's pages can. */
export const playwright = (person: Person): Page => person.page as Page;

/** A picture of a page for eyes, where HZ_SHOTS names a folder. */
export async function shot(of: Person | Page, name: string): Promise<void> {
  const folder = process.env["HZ_SHOTS"];
  if (folder) await ("cam" in of ? playwright(of) : of).screenshot({ path: join(folder, `${name}.png`) });
}

export async function accessible(page: AnyPage): Promise<void> {
  await run(page, readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  assert.deepEqual(await run<string[]>(page, `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa"] }).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html).join(" ").slice(0, 300)))`), []);
}

// Opens a join link and goes as far as the page lets this role go.
export async function openLink(person: Person, url: string): Promise<void> {
  await (person.page as Page).goto(url);
  await tap(person.page, "join-button");
  await tap(person.page, "enter-button", 20000);
}

// The clock of every tile that shows one: participant id in the picture -> reading.
export function readTiles(page: AnyPage): Promise<(Reading & { participant: string; source: string })[]> {
  return run(page, `(() => { const read = ${readClock.toString()}; const out = [];
    for (const tile of document.querySelectorAll('${at("tile")}')) {
      const video = tile.querySelector('video'); const r = video && read(video);
      if (r) out.push({ ...r, participant: tile.dataset.participant, source: tile.dataset.source });
    } return out; })()`);
}

// The strongest level of each tone over all remote microphones that the page plays, or in one track.
export function readRemoteTones(page: AnyPage, frequencies: number[], trackId?: string): Promise<number[]> {
  const which = trackId === undefined ? "audio[data-huizhen-track]" : `audio[data-huizhen-track="${trackId}"]`;
  return run(page, `(async () => { const read = ${readTones.toString()}; const best = ${JSON.stringify(frequencies)}.map(() => -200);
    for (const element of document.querySelectorAll('${which}')) {
      const track = element.srcObject && element.srcObject.getAudioTracks()[0];
      if (!track || element.paused) continue;
      const levels = await read(track, ${JSON.stringify(frequencies)}); levels.forEach((l, i) => { if (l > best[i]) best[i] = l; });
    } return best; })()`);
}

export type { Firefox, FirefoxPage };
