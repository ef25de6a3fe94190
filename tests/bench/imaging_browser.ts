// What a reader sees of it: the viewer's own loader and screen in Chromium, behind a link of 8 Mb/s.
import type { Page } from "playwright-core";
import { DESKTOP, launchViewer } from "../lib/browser.ts";
import { PAGE_PRELUDE } from "../lib/clockcam.ts";
import type { Ids } from "../lib/dicom-make.ts";
import { sleep, until } from "../lib/gateway.ts";
import { Narrow } from "../lib/narrow.ts";
import type { ReadingRig } from "../lib/reading.ts";

export interface Times { eighth: number; quarter: number; half: number; exact: number; bare: number; bytes: number } // seconds
export interface Seen { cold: Times; warm: Times; series: { first: number; small: number; all: number }; decodes: number; scroll: number }

interface Pixels { exact: boolean; columns: number; rows: number; data: Int16Array }
interface Held { onChange(f: (frame: { id: string }, pixels: Pixels | null) => void): () => void; load(frame: object, priority: number): Promise<Pixels>; done(): void }
interface Imaging { Frames: new () => Held; imageInfo(set: object): object }

async function open(rig: ReadingRig, page: Page, url: string, more = ""): Promise<void> {
  await page.goto(`${url}/reading/c#token=${rig.token}${more}`);
  await until("the viewer", 60000, async () => (await page.evaluate("!!globalThis.huizhenImaging")) === true);
}

// Decoders' workers and their wasm are there, as they are in a call that has shown an image before: all their pool has.
async function warmUp(page: Page, series: string, frame: string, token: string): Promise<void> {
  await page.evaluate(async ({ series, frame, token }) => {
    const imaging = (globalThis as unknown as { huizhenImaging: Imaging }).huizhenImaging;
    const page = globalThis as unknown as { held?: Held; sets?: object[] }, held = (page.held ??= new imaging.Frames());
    const sets = (page.sets = (await (await fetch(`${series}/metadata`, { headers: { Authorization: `Bearer ${token}` } })).json()) as object[]);
    for (let n = 0; n < 4; n++) await held.load({ id: `${frame}#${n}`, source: { url: frame, token: () => token }, info: imaging.imageInfo(sets[0]!), index: 0 }, 0);
  }, { series, frame, token });
}

// A frame by the loader of the viewer: when its resolutions are there, and what the same bytes take alone.
function time(page: Page, frame: string, token: string): Promise<Times> {
  return page.evaluate(async ({ frame, token }) => {
    const imaging = (globalThis as unknown as { huizhenImaging: Imaging }).huizhenImaging, page = globalThis as unknown as { held: Held; sets: object[] };
    const held = page.held, info = imaging.imageInfo(page.sets[0]!), id = `${frame}#${performance.now()}`, at: number[] = [];
    const began = performance.now(), since = (): number => (performance.now() - began) / 1000;
    // Enlarged by 2^L, pixels come in squares of that side.
    const level = ({ data, columns }: Pixels): number => {
      const row = 800 * columns;
      for (let l = 5; l > 0; l--) {
        let all = true;
        for (let x = 0; x < 2048 && all; x++) all = data[row + x] === data[row + (x >> l << l)];
        if (all) return l;
      }
      return 0;
    };
    const off = held.onChange((f, pixels) => {
      if (f.id !== id || !pixels) return;
      const now = since(), l = pixels.exact ? 0 : level(pixels);
      for (let i = l; i < 6; i++) at[i] ??= now;
    });
    await held.load({ id, source: { url: frame, token: () => token }, info, index: 0 }, 0);
    off();
    const pixels = "pixels=1760,2140,1,16,12,0,0,MONOCHROME2", again = performance.now();
    const bytes = (await (await fetch(`${frame}?${pixels}`, { headers: { Authorization: `Bearer ${token}`, Accept: "image/jphc, */*;q=0.5" }, cache: "no-store" })).arrayBuffer()).byteLength;
    return { eighth: at[3]!, quarter: at[2]!, half: at[1]!, exact: at[0]!, bare: (performance.now() - again) / 1000, bytes };
  }, { frame, token });
}

// All of a series, as the viewer asks for it: the first one is looked at.
function loadSeries(page: Page, series: string, count: number, token: string): Promise<{ first: number; small: number; all: number }> {
  return page.evaluate(async ({ series, count, token }) => {
    const imaging = (globalThis as unknown as { huizhenImaging: Imaging }).huizhenImaging, held = new imaging.Frames();
    const sets = (await (await fetch(`${series}/metadata`, { headers: { Authorization: `Bearer ${token}` } })).json()) as Record<string, { Value?: string[] }>[];
    const seen = new Set<string>(), began = performance.now(), since = (): number => (performance.now() - began) / 1000;
    let first = 0, small = 0;
    held.onChange((f, pixels) => {
      if (!pixels) return;
      seen.add(f.id);
      if (f.id.endsWith("#0")) first ||= since();
      if (seen.size === count) small ||= since();
    });
    await Promise.all(sets.map((set, i) => {
      const url = `${series}/instances/${set["00080018"]?.Value?.[0] ?? ""}/frames/1`;
      return held.load({ id: `${url}#${i}`, source: { url, token: () => token }, info: imaging.imageInfo(set), index: 0 }, i === 0 ? 0 : 2);
    }));
    const all = since();
    held.done();
    return { first, small, all };
  }, { series, count, token });
}

// The screen: a key for the next slice 30 times a second; how many different slices were drawn losslessly.
async function scroll(page: Page, count: number): Promise<number> {
  await until("the first slice", 60000, async () => (await page.evaluate(`document.querySelector('[data-testid="pane-0"]')?.dataset.exact === "true"`)) === true);
  await page.click('[data-testid="im-reset"]'); // keys are for who has the focus
  await sleep(5000); // the rest comes
  await page.evaluate(() => {
    const pane = document.querySelector<HTMLElement>('[data-testid="pane-0"]')!, page = globalThis as unknown as { drawn: Set<string> };
    page.drawn = new Set();
    const look = (): void => { if (pane.dataset["exact"] === "true") page.drawn.add(pane.getAttribute("aria-label") ?? ""); requestAnimationFrame(look); };
    requestAnimationFrame(look);
  });
  const began = performance.now();
  for (let n = 1; n < count; n++) {
    await page.keyboard.press("ArrowDown");
    await sleep(Math.max(0, began + n * (1000 / 30) - performance.now()));
  }
  const seconds = (performance.now() - began) / 1000;
  await sleep(100);
  return ((await page.evaluate(() => (globalThis as unknown as { drawn: Set<string> }).drawn.size)) - 1) / seconds;
}

export async function browse(rig: ReadingRig, radiographs: Ids[], ct: { study: string; series: string; count: number }): Promise<Seen> {
  const narrow = await new Narrow(8e6, 5).start(rig.gateway.ports.http), browser = await launchViewer();
  try {
    const page = await (await browser.newContext(DESKTOP)).newPage();
    await page.addInitScript(PAGE_PRELUDE);
    await open(rig, page, narrow.url);
    const [first, second] = radiographs.map((ids) => rig.frameOf(ids)) as [string, string];
    await warmUp(page, rig.seriesOf(radiographs[0]!), first, rig.token);
    const cold = await time(page, second, rig.token), warm = await time(page, second, rig.token);
    const series = await loadSeries(page, rig.seriesOf(ct), ct.count, rig.token);
    await open(rig, page, rig.gateway.url, "&again");
    const fast = await loadSeries(page, rig.seriesOf(ct), ct.count, rig.token);
    await page.goto("about:blank");
    await open(rig, page, rig.gateway.url, `&series=${ct.study}/${ct.series}&render=cpu`); // no machine of ours has a GPU
    return { cold, warm, series, decodes: ct.count / fast.all, scroll: await scroll(page, ct.count) };
  } finally {
    await browser.close();
    narrow.stop();
  }
}
