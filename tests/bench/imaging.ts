// ./dev bench imaging [--quick] [--uncached]: images of a real Orthanc through the gateway, in one run: frames from the cache beside Orthanc's own, what
// the gateway adds to a frame that it does not have, and what a reader sees in a real Chromium behind 8 Mb/s. --uncached: the second alone,
// as JPEG-LS, several series one after the other: to compare two builds.
import { execFileSync } from "node:child_process";
import { Agent, get as httpGet } from "node:http";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dcmtk, dicomFile, type Ids } from "../lib/dicom-make.ts";
import { ROOT, sleep } from "../lib/gateway.ts";
import { hasOrthanc } from "../lib/orthanc.ts";
import { ReadingRig, VIEWER, ctFile, ctSlice, pixelsOf, radiograph } from "../lib/reading.ts";
import { browse, type Seen } from "./imaging_browser.ts";
import { percentile } from "./measure.ts";
import { cpuOf, cpuSeconds, prefer } from "./proc.ts";
import { Thin } from "./thin.ts";

const quick = process.argv.includes("--quick"), SLICES = 60, STUDY = "2.25.970", SECONDS = quick ? 2 : 5, SINGLE = quick ? 100 : 300, ROUNDS = 5;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

// Both servers by the same client: the body is read and thrown away.
function fetchFrom(url: string, headers: Record<string, string>): Promise<{ ms: number; bytes: number; type: string }> {
  const began = performance.now();
  return new Promise((done, fail) => {
    httpGet(url, { agent, headers }, (res) => {
      let bytes = 0;
      res.on("data", (d: Buffer) => { bytes += d.length; });
      res.on("end", () => (res.statusCode === 200 ? done({ ms: performance.now() - began, bytes, type: res.headers["content-type"] ?? "" }) : fail(new Error(`${url}: ${res.statusCode}`))));
      res.on("error", fail);
    }).on("error", fail);
  });
}

// Node's own client takes longer over half a megabyte than the gateway: both servers are asked by one that takes next to nothing.
interface Rate { p50_ms: number; p95_ms: number; per_s: number; bytes: number }
async function rate(url: (n: number) => string, headers: Record<string, string>): Promise<Rate> {
  const urls = Array.from({ length: SLICES }, (_, n) => new URL(url(n))), paths = urls.map((u) => u.pathname + u.search), single: number[] = [];
  const lanes = Array.from({ length: 8 }, () => new Thin(urls[0]!.hostname, Number(urls[0]!.port)));
  let bytes = 0, count = 0;
  for (const path of paths) await lanes[0]!.get(path, headers);
  for (let i = 0; i < SINGLE; i++) {
    const got = await lanes[0]!.get(paths[i % SLICES]!, headers);
    single[i] = got.ms;
    bytes = got.bytes;
  }
  const end = performance.now() + SECONDS * 1000, began = performance.now();
  await Promise.all(lanes.map(async (lane, n) => { for (let i = n; performance.now() < end; i += 8) { await lane.get(paths[i % SLICES]!, headers); count++; } }));
  for (const lane of lanes) lane.close();
  return { p50_ms: percentile(single, 50), p95_ms: percentile(single, 95), per_s: count / ((performance.now() - began) / 1000), bytes };
}

const childrenOf = (pid: number): number[] => { try { return execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8" }).trim().split("\n").map(Number); } catch { return []; } };
interface Pids { control: number; imaging: number; turn: number[] }
function pidsOf(rig: ReadingRig): Pids {
  const imaging = Number(execFileSync("pgrep", ["-P", String(rig.gateway.process.pid), "-f", "^huizhen-imaging"], { encoding: "utf8" }).trim().split("\n")[0]);
  return { control: rig.gateway.pidOf("control") ?? 0, imaging, turn: childrenOf(imaging).flatMap(childrenOf) };
}

// CPU of the gateway for each frame of a series that it has not seen.
async function uncached(rig: ReadingRig, url: (n: number) => string, headers: Record<string, string>): Promise<{ ms: number; control_ms: number; turn_ms: number; type: string }> {
  const pids = pidsOf(rig), own = [pids.control, pids.imaging], one = [pids.control], oneBefore = cpuOf(one), before = cpuOf(own), turnBefore = cpuOf(pids.turn);
  let type = "";
  const began = performance.now();
  for (let n = 0; n < SLICES; n++) ({ type } = await fetchFrom(url(n), headers));
  const took = performance.now() - began, after = cpuOf(own), control = cpuSeconds(oneBefore, cpuOf(one));
  await sleep(2000); // what they take anyway is not the frames'
  const used = cpuSeconds(before, after) - (cpuSeconds(after, cpuOf(own)) * took) / 2000, turn = cpuSeconds(turnBefore, cpuOf(pids.turn));
  return { ms: (used * 1000) / SLICES, control_ms: (control * 1000) / SLICES, turn_ms: (turn * 1000) / SLICES, type };
}

// The cost of each series, and of control and of huizhen-imaging in it.
async function onlyUncached(): Promise<void> {
  const rig = await ReadingRig.start({ env: { HUIZHEN_LIMITS_REQUESTS_PER_SECOND: "20000" } }), folder = mkdtempSync(join(tmpdir(), "hz-bench-imaging-"));
  try {
    const made = ctSlice(0), headers = { authorization: `Bearer ${rig.token}`, ...VIEWER }, all: number[] = [];
    const idsOf = (round: number, n: number): Ids => ({ study: STUDY, series: `${STUDY}.${round}`, instance: `${STUDY}.${round}.${n + 1}`, number: n + 1 });
    for (let round = 1; round <= ROUNDS; round++) for (let n = 0; n < SLICES; n++) await rig.store(dcmtk(folder, "dcmcjpls", ["+el", "+un"], ctFile(n, idsOf(round, n), ctSlice(n))));
    await rig.put(STUDY);
    console.log(`control ${pidsOf(rig).control} huizhen-imaging ${pidsOf(rig).imaging}`);
    await sleep(Number(process.env["HZ_BENCH_WAIT_MS"] ?? 0)); // for a profiler
    for (let round = 1; round <= ROUNDS; round++) {
      const cost = await uncached(rig, (n) => `${rig.gateway.url}${rig.frameOf(idsOf(round, n))}?${pixelsOf(made)}`, headers);
      all.push(cost.ms);
      console.log(`series ${round}: ${cost.ms.toFixed(3)} ms a frame (control ${cost.control_ms.toFixed(3)}) ${cost.type}`);
    }
    console.log(`uncached, as stored: median ${percentile(all, 50).toFixed(3)} ms CPU`);
  } finally {
    agent.destroy();
    await rig.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  if (!hasOrthanc()) return console.log("imaging: no Orthanc (apt-get install orthanc orthanc-dicomweb)");
  prefer();
  const rig = await ReadingRig.start({ env: { HUIZHEN_LIMITS_REQUESTS_PER_SECOND: "20000" } }), folder = mkdtempSync(join(tmpdir(), "hz-bench-imaging-")), verdicts: [string, boolean][] = [];
  const result: Record<string, unknown> = {};
  const say = (text: string): void => console.log(text), f = (n: number, digits = 2): string => n.toFixed(digits);
  try {
    const plain = { study: STUDY, series: `${STUDY}.1` }, packed = { study: STUDY, series: `${STUDY}.2` }, made = ctSlice(0);
    const idsOf = (s: typeof plain, n: number): Ids => ({ ...s, instance: `${s.series}.${n + 1}`, number: n + 1 });
    for (let n = 0; n < SLICES; n++) {
      await rig.store(ctFile(n, idsOf(plain, n), ctSlice(n)));
      await rig.store(dcmtk(folder, "dcmcjpls", ["+el", "+un"], ctFile(n, idsOf(packed, n), ctSlice(n))));
    }
    const photo = radiograph(), dx: Ids[] = [1, 2, 3].map((n) => ({ study: STUDY, series: `${STUDY}.3`, instance: `${STUDY}.3.${n}`, number: n }));
    for (const ids of dx) await rig.store(dicomFile(photo, ids, undefined, { "00281050": "2000", "00281051": "3000" }));
    await rig.put(STUDY);

    const auth = { authorization: `Bearer ${rig.token}` }, base = rig.gateway.url;
    const url = (s: typeof plain, n: number, query = ""): string => `${base}${rig.frameOf(idsOf(s, n))}${query}`;
    const asStored = await uncached(rig, (n) => url(packed, n, `?${pixelsOf(made)}`), { ...auth, ...VIEWER });
    const turned = await uncached(rig, (n) => url(plain, n, `?${pixelsOf(made)}`), { ...auth, ...VIEWER });
    const raw = await uncached(rig, (n) => url(plain, n), auth);
    say(`a frame of 512² that the gateway does not have: ${f(asStored.ms)} ms CPU as JPEG-LS, ${f(raw.ms)} ms as 512 KiB of samples; ${f(turned.ms)} ms and ${f(turned.turn_ms)} ms of its decoders to become ${turned.type}`);
    const orthancUrl = (s: typeof plain, n: number): string => `http://127.0.0.1:${rig.orthanc.port}/dicom-web/studies/${s.study}/series/${s.series}/instances/${s.series}.${n + 1}/frames/1`;
    const orthancHeaders = { authorization: rig.orthanc.auth, accept: 'multipart/related; type="application/octet-stream"; transfer-syntax=*' };
    const orthanc = await rate((n) => orthancUrl(plain, n), orthancHeaders);
    const same = await rate((n) => url(plain, n), auth);
    const jphc = await rate((n) => url(plain, n, `?${pixelsOf(made)}`), { ...auth, ...VIEWER });
    for (const [name, r] of [["Orthanc", orthanc], ["gateway, the same bytes", same], ["gateway, HTJ2K", jphc]] as const)
      say(`${name}: p50 ${f(r.p50_ms)} ms, p95 ${f(r.p95_ms)} ms, ${f(r.per_s, 0)} frames/s at 8 connections, ${r.bytes} bytes`);
    verdicts.push([`a cached frame, as viewers get it, has a p50 of ${f(jphc.p50_ms / orthanc.p50_ms)} of Orthanc's (wanted: at most 0.33); with the same bytes ${f(same.p50_ms / orthanc.p50_ms)}`, jphc.p50_ms <= orthanc.p50_ms / 3]);
    verdicts.push([`${f(jphc.per_s / orthanc.per_s, 1)} times its frames/s (wanted: 5); with the same bytes ${f(same.per_s / orthanc.per_s, 1)}`, jphc.per_s >= 5 * orthanc.per_s]);
    verdicts.push([`an uncached frame that goes out as stored costs ${f(asStored.ms)} ms (wanted: at most 0.5)`, asStored.ms <= 0.5]);
    Object.assign(result, { orthanc, same, jphc, asStored, raw, turned });

    const seen: Seen = await browse(rig, dx, { ...plain, count: SLICES });
    for (const [what, t] of [["not in the cache", seen.cold], ["in the cache", seen.warm]] as const)
      say(`radiograph of 2140 x 1760 at 8 Mb/s, ${what}: 1/8 after ${f(t.eighth, 3)} s, 1/4 after ${f(t.quarter, 3)} s, 1/2 after ${f(t.half, 3)} s, lossless after ${f(t.exact, 3)} s; ${t.bytes} bytes bare in ${f(t.bare, 3)} s`);
    say(`CT of ${SLICES}: first image after ${f(seen.series.first, 3)} s, all of them small after ${f(seen.series.small, 2)} s, lossless after ${f(seen.series.all, 2)} s; decoded ${f(seen.decodes, 0)} frames/s; scrolled at ${f(seen.scroll, 1)} of 30 frames/s`);
    verdicts.push([`first usable image (1/4) after ${f(seen.warm.quarter, 3)} s, ${f(seen.cold.quarter, 3)} s when it must be fetched and turned (wanted: 0.35)`, seen.warm.quarter <= 0.35]);
    verdicts.push([`lossless in ${f(seen.warm.exact / seen.warm.bare)} of the bare transfer, ${f(seen.cold.exact / seen.cold.bare)} when it must be turned (wanted: 1.15)`, seen.warm.exact <= 1.15 * seen.warm.bare]);
    verdicts.push([`first image of the CT after ${f(seen.series.first, 3)} s (wanted: 0.3)`, seen.series.first <= 0.3]);
    verdicts.push([`scrolls at ${f(seen.scroll, 1)} frames/s (wanted: 30, or what decodes: ${f(seen.decodes, 0)})`, seen.scroll >= Math.min(29, seen.decodes)]);
    Object.assign(result, { seen });
    for (const [text, good] of verdicts) say(`${good ? "reached" : "MISSED"}: ${text}`);
    writeFileSync(join(ROOT, "build/bench/imaging.json"), JSON.stringify(result, null, 1));
  } finally {
    agent.destroy();
    await rig.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv.includes("--uncached") && hasOrthanc()) {
  prefer();
  await onlyUncached();
} else await main();
process.exit(0);
