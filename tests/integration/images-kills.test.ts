// A reader scrolls through a series during a call; huizhen-imaging, its decoders and the PACS are killed under him. The call does not notice, and
// images are back within 2 s of their source.
// Timed: gaps in a call's sound, and how long images take to come back
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { sleep, until } from "../lib/gateway.ts";
import { hasOrthanc } from "../lib/orthanc.ts";
import { Room } from "../lib/peer.ts";
import { ReadingRig, VIEWER, ctFile, ctSlice, pixelsOf } from "../lib/reading.ts";

const STUDY = "2.25.980", SERIES = `${STUDY}.1`, SLICES = 60, SIDE = 128, BACK_MS = 2000, GAP_MS = 1000;
const children = (pid: number, like = "."): number[] => {
  assert.ok(pid > 1, "a process of ours");
  try { return execFileSync("pgrep", ["-P", String(pid), "-f", like], { encoding: "utf8" }).trim().split("\n").map(Number); } catch { return []; }
};

test("huizhen-imaging, its decoders and Orthanc die in mid-scroll: the call goes on, images come back", { skip: !hasOrthanc(), timeout: 90000 }, async (t) => {
  const rig = await ReadingRig.start();
  t.after(() => rig.stop());
  const made = ctSlice(0, SIDE);
  for (let n = 1; n <= SLICES; n++) await rig.store(ctFile(n, { study: STUDY, series: SERIES, instance: `${SERIES}.${n}`, number: n }, ctSlice(n, SIDE)));
  await rig.put(STUDY);
  const room = await Room.start(rig.gateway.url, "c", ["a", "b"].map((id) => ({ id, token: rig.gateway.token("c", "clinic", { id }) })));
  t.after(() => room.stop());
  const get = (n: number): Promise<Response> => rig.get(`/api/v1/consults/c/studies/main/${STUDY}/series/${SERIES}/instances/${SERIES}.${n}/frames/1?${pixelsOf(made)}`, VIEWER);
  let at = 1, over = false;
  const scroller = (async () => { while (!over) { await get(at = (at % 20) + 1).then((r) => r.arrayBuffer(), () => undefined); await sleep(30); } })();
  t.after(async () => { over = true; await scroller; });
  await until("images", 15000, async () => (await get(1)).headers.get("content-type") === "image/jphc");
  await room.reset();
  const control = rig.gateway.pidOf("control"), imaging = (): number => children(rig.gateway.process.pid ?? 0, "^huizhen-imaging")[0] ?? 0;
  // A frame that nobody has had, so that it takes PACS, network and decoders.
  let fresh = 20;
  const back = async (what: string): Promise<void> => {
    const began = performance.now(), n = ++fresh;
    await until(`images after ${what}`, 15000, async () => { const r = await get(n); return r.ok && r.headers.get("content-type") === "image/jphc" && (await r.arrayBuffer()).byteLength > 0; });
    const ms = performance.now() - began;
    console.log(`# images are back ${ms.toFixed(0)} ms after ${what}`);
    assert.ok(ms < BACK_MS, `${what}: ${ms} ms`);
  };
  const before = imaging();
  assert.ok(before > 1);
  process.kill(before, "SIGKILL");
  await back("kill -9 of huizhen-imaging");
  assert.notEqual(imaging(), before);
  const nursery = children(imaging())[0] ?? 0;
  assert.ok(nursery > 1);
  for (const pid of children(nursery)) process.kill(pid, "SIGKILL");
  await back("kill -9 of its decoders");
  process.kill(nursery, "SIGKILL");
  await back("kill -9 of their nursery");
  await rig.orthanc.stop();
  const away = await get(++fresh);
  assert.equal(away.status, 502);
  assert.equal((await get(3)).status, 200, "what was had is there");
  await sleep(1000);
  await rig.orthanc.start();
  await back("Orthanc's start");
  await room.fresh();
  const gap = Math.max(...room.sinks().map((s) => s.gap_ms));
  console.log(`# longest gap in the call meanwhile: ${gap} ms`);
  assert.ok(gap < GAP_MS, `the call stood still for ${gap} ms`);
  assert.equal(rig.gateway.pidOf("control"), control);
  assert.equal(rig.client.closeCode, undefined);
  const metrics = await rig.gateway.metrics();
  assert.ok((metrics.get("huizhen_images_turned_total") ?? -1) >= 0, "metrics");
});
