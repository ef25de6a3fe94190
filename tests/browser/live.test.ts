// The images on the table as a picture, as a phone sees it: real Chromium over WHEP, the study in a real Orthanc, the window on the
// original bits; nothing before there is something on the table; kill -9 of huizhen-live: back with the newest state, the call goes on.
// Timed: what is killed is back within seconds
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { launchChromium } from "../lib/browser.ts";
import { PAGE_PRELUDE } from "../lib/clockcam.ts";
import { Orthanc, hasOrthanc } from "../lib/orthanc.ts";
import { chromiumPerson, openLink, seen, shot, tap } from "../lib/pages.ts";
import { RpcClient } from "../lib/rpc.ts";

const STUDY = "1.2.826.0.1.3680043.10.2", SERIES = `${STUDY}.1`, SIDE = 128, VALUES = [600, 1600, 3200];

// 12 bits of one value: its left half is darker by 40, which only a narrow window shows. An overlay lies over its upper fifth.
function dicom(folder: string, n: number): Buffer {
  const raw = join(folder, `${n}.raw`), over = join(folder, `${n}.over`), dump = join(folder, `${n}.dump`), file = join(folder, `${n}.dcm`);
  writeFileSync(raw, Buffer.from(Uint16Array.from({ length: SIDE * SIDE }, (_, i) => (VALUES[n] ?? 0) - (i % SIDE < SIDE / 2 ? 40 : 0)).buffer));
  writeFileSync(over, Buffer.from(Uint8Array.from({ length: SIDE * SIDE / 8 }, (_, i) => (i < SIDE * SIDE / 8 / 5 ? 255 : 0)).buffer));
  writeFileSync(dump, `
(0008,0016) UI =SecondaryCaptureImageStorage
(0008,0018) UI [${SERIES}.${n + 1}]
(0008,0060) CS [OT]
(0010,0010) PN [Test^Live]
(0010,0020) LO [live-1]
(0020,000d) UI [${STUDY}]
(0020,000e) UI [${SERIES}]
(0020,0013) IS [${n + 1}]
(0028,0002) US 1
(0028,0004) CS [MONOCHROME2]
(0028,0010) US ${SIDE}
(0028,0011) US ${SIDE}
(0028,0100) US 16
(0028,0101) US 12
(0028,0102) US 11
(0028,0103) US 0
(0028,1050) DS [2048]
(0028,1051) DS [4096]
(6000,0010) US ${SIDE}
(6000,0011) US ${SIDE}
(6000,0040) CS [G]
(6000,0050) SS 1\\1
(6000,0100) US 1
(6000,0102) US 0
(6000,3000) OW =${over}
(7fe0,0010) OW =${raw}
`);
  execFileSync("dump2dcm", ["-q", "+te", dump, file]);
  return readFileSync(file);
}

// In the page: greys at a quarter and three quarters of the picture's width, and its size.
async function receive(args: { url: string; token: string }): Promise<void> {
  const pc = new RTCPeerConnection(), video = document.createElement("video");
  pc.addTransceiver("video", { direction: "recvonly" });
  pc.ontrack = (e) => { video.srcObject = new MediaStream([e.track]); };
  video.muted = video.autoplay = true;
  document.body.append(video);
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise<void>((done) => (pc.iceGatheringState === "complete" ? done() : setTimeout(done, 300)));
  const res = await fetch(args.url, { method: "POST", body: pc.localDescription?.sdp ?? "", headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${args.token}` } });
  if (!res.ok) throw new Error(`whep: ${res.status}`);
  await pc.setRemoteDescription({ type: "answer", sdp: await res.text() });
  void video.play();
  Object.assign(window, { hzVideo: video });
}
interface Seen { width: number; height: number; left: number; right: number; top: number; bar: number }
function look(): Seen {
  const own = (window as unknown as { hzVideo?: HTMLVideoElement }).hzVideo, canvas = document.createElement("canvas");
  const video = own ?? document.querySelector<HTMLVideoElement>('[data-testid="images-live-tile"] video') ?? document.createElement("video");
  const { videoWidth: width, videoHeight: height } = video;
  if (!width) return { width: 0, height: 0, left: 0, right: 0, top: 0, bar: 0 };
  canvas.width = width;
  canvas.height = height;
  const g = canvas.getContext("2d") as CanvasRenderingContext2D;
  g.drawImage(video, 0, 0);
  const at = (x: number, y: number): number => g.getImageData(Math.floor(x * width), Math.floor(y * height), 1, 1).data[1] ?? 0;
  let bar = 0; // brightest of the line under the picture: its words
  for (let x = 0; x < width; x++) bar = Math.max(bar, at(x / width, 0.97));
  return { width, height, left: at(0.25, 0.4), right: at(0.75, 0.4), top: at(0.25, 0.1), bar };
}

const shade = (value: number, center = 2048, width = 4096): number => Math.max(0, Math.min(255, ((value - center + 0.5) / (width - 1) + 0.5) * 255));
const shows = (page: Page, left: number, right: number): Promise<Seen> => until(`greys ${left.toFixed(0)} and ${right.toFixed(0)}`, 15000, async () => {
  const s = await page.evaluate(look);
  return s.width > 0 && Math.abs(s.left - left) < 8 && Math.abs(s.right - right) < 8 ? s : false;
}).catch(async (error: unknown) => { throw new Error(`${String(error)}; seen: ${JSON.stringify(await page.evaluate(look))}`); });

test("a study on the table as a picture: the window, the slice, and after kill -9", { timeout: 120000, skip: !hasOrthanc() }, async (t) => {
  const orthanc = await Orthanc.started(), folder = mkdtempSync(join(tmpdir(), "hz-live-"));
  t.after(async () => { await orthanc.done(); rmSync(folder, { recursive: true, force: true }); });
  for (let n = 0; n < VALUES.length; n++) await orthanc.store(dicom(folder, n));
  const gateway = await Gateway.start({ workers: 2, yaml: orthanc.yaml });
  t.after(() => gateway.stop());
  const { client } = await RpcClient.join(gateway.url, { token: gateway.token("c", "clinic", { id: "clinic", grant: "create" }) });
  t.after(() => client.close());
  const chromium = await launchChromium();
  t.after(() => chromium.close());
  const page = await (await chromium.newContext({ ignoreHTTPSErrors: true, bypassCSP: true })).newPage();
  await page.goto(`${gateway.url}/healthz`);
  await page.evaluate(PAGE_PRELUDE);
  const phone = { url: `${gateway.url}/whep/c/image`, token: gateway.token("c", "observer", { id: "phone" }) };

  await assert.rejects(page.evaluate(receive, phone), /whep: 404/); // nothing lies on the table
  let { version } = (await client.call("table.floor", { action: "take" })) as { version: number };
  const patch = async (what: object): Promise<void> => { ({ version } = (await client.call("table.patch", { base: version, ...what })) as { version: number }); };
  const image = { pacs: "main", study: STUDY, series: SERIES };
  await patch({ studies: { put: [{ pacs: "main", study: STUDY }] }, viewports: [{ at: 0, image, frame: 1 }] });
  await until("it can be had", 10000, async () => page.evaluate(receive, phone).then(() => true, () => false));

  const first = await shows(page, shade(1560), shade(1600));
  assert.ok(first.height > first.width && first.bar > 150, `a line under it says that it is not for diagnosis: ${JSON.stringify(first)}`);
  await patch({ viewports: [{ at: 0, frame: 2 }] });
  assert.ok((await shows(page, shade(3160), shade(3200))).top > 240, "inside the overlay is seen");
  const outside = await (await chromium.newContext({ ignoreHTTPSErrors: true, bypassCSP: true })).newPage();
  await onTheAir(gateway, outside);
  const bare = await shows(outside, shade(3160), shade(3200));
  assert.ok(Math.abs(bare.top - shade(3160)) < 8 && bare.bar > 150, `outside it is not: ${JSON.stringify(bare)}`);
  await outside.close();
  await patch({ viewports: [{ at: 0, frame: 0, center: 580, width: 80 }] }); // 12 bits, not 8: two greys where there was one
  await shows(page, shade(560, 580, 80), shade(600, 580, 80));
  await patch({ viewports: [{ at: 0, flip: true }] });
  await shows(page, shade(600, 580, 80), shade(560, 580, 80));

  // In the call page: who wants less data has it in place of the viewer.
  const person = await chromiumPerson(chromium, 1, 700, true);
  await openLink(person, gateway.link("c", "expert", "Dr Wang"));
  await seen(person.page, "images-stage", 20000);
  await tap(person.page, "images-live");
  await seen(person.page, "images-live-tile");
  await shows(person.page as Page, shade(600, 580, 80), shade(560, 580, 80));
  await shot(person, "live");
  assert.deepEqual(person.errors, []);
  await person.context?.close();

  // Killed; what is changed meanwhile is what comes back.
  const control = gateway.pidOf("control"), workers = gateway.pidOf("worker"), killed = gateway.kill9("live"), at = performance.now();
  await patch({ viewports: [{ at: 0, flip: false, invert: true, center: null, width: null, frame: 2 }] });
  await shows(page, 255 - shade(3160), 255 - shade(3200));
  console.log(`# kill -9 of huizhen-live: the newest state is seen after ${(performance.now() - at).toFixed(0)} ms`);
  assert.notEqual(gateway.pidOf("live"), killed);
  assert.equal(gateway.pidOf("control"), control);
  assert.equal(gateway.pidOf("worker"), workers);
  assert.equal(client.closeCode, undefined);

  // Control is started anew: the picture goes on and follows. What was done to the table is on the disk within a second.
  await sleep(1500);
  gateway.kill9("control");
  await until("control", 15000, async () => (await fetch(`${gateway.url}/readyz`).catch(() => undefined))?.ok);
  await shows(page, 255 - shade(3160), 255 - shade(3200));

  await patchAgain(gateway, { viewports: [{ at: 0, invert: false }] });
  await shows(page, shade(3160), shade(3200));
});

// As the same person, over a connection of its own.
async function patchAgain(gateway: Gateway, what: object): Promise<void> {
  const { client } = await RpcClient.join(gateway.url, { token: gateway.token("c", "clinic", { id: "clinic" }) });
  const { version } = (await client.call("table.floor", { action: "take" })) as { version: number };
  await client.call("table.patch", { base: version, ...what });
  client.close();
}

const TABLE = { participant: "~table", source: "image" };

// The images are broadcast, once a director has said that they name nobody.
async function onTheAir(gateway: Gateway, viewer: Page): Promise<void> {
  const token = gateway.token("c", "director", { id: "dir" }), { client } = await RpcClient.join(gateway.url, { token });
  const put = async (path: string, body: object): Promise<void> => {
    const answer = await gateway.api(token, "PUT", `/api/v1/consults/c/broadcast${path}`, body);
    assert.equal(answer.status, 200, await answer.clone().text());
  };
  await put("", { title: "Round", sources: [TABLE] });
  await assert.rejects(client.call("broadcast.program", { source: TABLE }), "nobody said so");
  await put("/masks", { ...TABLE, identified: false, masks: [] });
  await client.call("broadcast.program", { source: TABLE });
  client.close();
  await viewer.goto(`${gateway.url}/healthz`);
  await viewer.evaluate(PAGE_PRELUDE);
  await viewer.evaluate(receive, { url: `${gateway.url}/whep/c/program`, token: gateway.token("c", "viewer", { id: "v" }) });
}
