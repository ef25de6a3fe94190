// WHIP and WHEP with a client that this project did not write: the npm package `whip-whep`, in real Chromium, from a
// page of another origin.
// Timed: glass to glass
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { Gateway, ROOT, sleep, until } from "../lib/gateway.ts";
import { launchChromium } from "../lib/browser.ts";
import { PAGE_PRELUDE, installClockCamera, readClock, readTones, type Reading } from "../lib/clockcam.ts";

let gateway: Gateway, browser: Browser, site: Server, origin: string;

before(async () => {
  gateway = await Gateway.start();
  browser = await launchChromium();
  site = createServer((request, response) => {
    const name = request.url ?? "/";
    if (name === "/whip.js" || name === "/whep.js") {
      response.setHeader("content-type", "text/javascript");
      response.end(readFileSync(join(ROOT, "tests/node_modules/whip-whep", name)));
      return;
    }
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>client</title><video autoplay muted playsinline></video>");
  });
  await new Promise<void>((done) => site.listen(0, "127.0.0.1", done));
  const address = site.address();
  origin = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
});
after(async () => { await browser?.close(); site?.close(); await gateway?.stop(); });

async function page(): Promise<Page> {
  const made = await (await browser.newContext()).newPage();
  await made.addInitScript(PAGE_PRELUDE);
  await made.addInitScript(installClockCamera, { id: 5, toneHz: 620, width: 640, height: 480, fps: 25 });
  await made.goto(origin);
  return made;
}

interface Client { publish(pc: RTCPeerConnection, url: string, token: string): Promise<void>; view(pc: RTCPeerConnection, url: string, token: string): Promise<void>; stop(): Promise<void>; restart(): Promise<void> }
interface Scope { client: Client; pc: RTCPeerConnection }

const publish = (p: Page, url: string, token: string): Promise<void> => p.evaluate(async ([target, bearer]) => {
  const { WHIPClient } = await import("/whip.js" as string) as { WHIPClient: new () => Client };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
  const client = new WHIPClient();
  await client.publish(pc, target as string, bearer as string);
  Object.assign(window, { client, pc });
}, [url, token]);

const view = (p: Page, url: string, token: string): Promise<void> => p.evaluate(async ([target, bearer]) => {
  const { WHEPClient } = await import("/whep.js" as string) as { WHEPClient: new () => Client };
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  pc.addTransceiver("audio", { direction: "recvonly" });
  pc.addTransceiver("video", { direction: "recvonly" });
  const stream = new MediaStream();
  pc.ontrack = (event) => stream.addTrack(event.track);
  (document.querySelector("video") as HTMLVideoElement).srcObject = stream;
  const client = new WHEPClient();
  await client.view(pc, target as string, bearer as string);
  Object.assign(window, { client, pc, stream });
}, [url, token]);

const clock = (p: Page): Promise<Reading | undefined> => p.evaluate(`(${readClock.toString()})(document.querySelector("video"))`);

test("publish with WHIP, watch with WHEP: picture, sound, end", async () => {
  const camera = await page(), viewer = await page();
  const token = gateway.token("interop", "theatre", { id: "camera1", grant: "create" });
  const watch = gateway.token("interop", "observer", { id: "viewer1" });
  const early = await fetch(`${gateway.url}/whep/interop/camera1`, { method: "POST", headers: { authorization: `Bearer ${watch}`, "content-type": "application/sdp" }, body: "v=0" });
  assert.ok(early.status === 404, `nothing published yet: ${early.status}`);
  await publish(camera, `${gateway.url}/whip/interop`, token);
  await until("published", 5000, async () => (await camera.evaluate(() => (window as unknown as Scope).pc.connectionState)) === "connected");
  await view(viewer, `${gateway.url}/whep/interop/camera1`, watch);
  const reading = await until("a readable picture", 10000, () => clock(viewer));
  assert.equal(reading.id, 5);
  console.log(`# WHIP to WHEP glass to glass ${reading.age_ms} ms, ${reading.width}x${reading.height}`);
  const [tone, silence] = await viewer.evaluate(`(${readTones.toString()})(stream.getAudioTracks()[0], [620, 1500])`) as [number, number];
  assert.ok(tone > silence + 20, `tone ${tone} dB over ${silence} dB`);
  await camera.evaluate(async () => (window as unknown as Scope).client.stop());
  await until("the viewer sees no more", 5000, async () => {
    const a = await clock(viewer);
    await sleep(300);
    const b = await clock(viewer);
    return a === undefined || b === undefined || b.age_ms > a.age_ms + 200;
  });
  const gone = await fetch(`${gateway.url}/whep/interop/camera1`, { method: "POST", headers: { authorization: `Bearer ${watch}`, "content-type": "application/sdp" }, body: "v=0" });
  assert.equal(gone.status, 404);
});

test("ICE restart by PATCH keeps the media", async () => {
  const camera = await page(), viewer = await page();
  await publish(camera, `${gateway.url}/whip/interop`, gateway.token("interop", "theatre", { id: "camera2" }));
  await until("published", 5000, async () => (await camera.evaluate(() => (window as unknown as Scope).pc.connectionState)) === "connected");
  await view(viewer, `${gateway.url}/whep/interop/camera2`, gateway.token("interop", "observer", { id: "viewer2" }));
  await until("a readable picture", 10000, () => clock(viewer));
  await camera.evaluate(async () => (window as unknown as Scope).client.restart());
  await sleep(2000);
  const reading = await until("the picture after the restart", 5000, async () => { const r = await clock(viewer); return r && r.age_ms < 1000 ? r : undefined; });
  assert.equal(reading.id, 5);
});
