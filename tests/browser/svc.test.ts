// Scalable video in one stream (VP9 and AV1, three spatial layers) from Chromium through the gateway to Chromium: the
// receiver asks for less and for more, the gateway leaves layers out, every picture that comes can be decoded.
// Timed: one browser encodes three layers and another decodes them
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { launchChromium } from "../lib/browser.ts";
import { chromiumPerson, openLink, run, seen, type Person } from "../lib/pages.ts";

let gateway: Gateway, chromium: Browser, clinic: Person, expert: Person;

before(async () => {
  gateway = await Gateway.start();
  chromium = await launchChromium();
  clinic = await chromiumPerson(chromium, 1, 500);
  expert = await chromiumPerson(chromium, 2, 800);
  await openLink(clinic, gateway.link("svc", "clinic", "County Clinic"));
  await seen(clinic.page, "call");
  await openLink(expert, gateway.link("svc", "expert", "Dr Wang"));
  await seen(expert.page, "call");
});
after(async () => {
  await chromium?.close();
  await gateway?.stop();
});

interface Seen { mid: string; height: number; decoded: number; lost: number; freezes: number; keys: number; bytes: number; plis: number }

// The receiving stream of that codec.
function received(codec: string): Promise<Seen | null> {
  return run(expert.page, `(async () => {
    const stats = await window.huizhen.consult.peerConnection.getStats();
    for (const s of stats.values()) {
      if (s.type !== 'inbound-rtp' || s.kind !== 'video' || stats.get(s.codecId)?.mimeType !== 'video/${codec}') continue;
      return { mid: s.mid, height: s.frameHeight ?? 0, decoded: s.framesDecoded, lost: s.packetsLost, freezes: s.freezeCount ?? 0,
        keys: s.keyFramesDecoded, bytes: s.bytesReceived, plis: s.pliCount };
    }
    return null; })()`);
}

async function publish(codec: "vp9" | "av1"): Promise<void> {
  await run(clinic.page, `(async () => {
    const canvas = document.createElement('canvas');
    canvas.width = 1024; canvas.height = 576; // Chromium makes no layer under 240x135
    const context = canvas.getContext('2d');
    let n = 0;
    const timer = setInterval(() => {
      context.fillStyle = 'hsl(' + (n++ * 7 % 360) + ',60%,50%)';
      context.fillRect(0, 0, 1024, 576);
      context.fillStyle = '#fff';
      context.fillRect(n * 5 % 600, 100, 40, 40);
    }, 50);
    window.svcStop = () => clearInterval(timer);
    await window.huizhen.consult.publish('endoscope', { track: canvas.captureStream(20).getVideoTracks()[0], scalable: '${codec}' });
  })()`);
}

async function ask(mid: string, quality: string): Promise<void> {
  await run(expert.page, `(() => { const c = window.huizhen.consult;
    const track = c.participants.flatMap((p) => p.tracks).find((t) => t.source === 'endoscope');
    return c.session.request('subscribe', { items: [{ mid: '${mid}', track: track.id, quality: '${quality}' }] }); })()`);
}

// Pictures that the clinic's browser has sent of that codec. It counts each of their three layers.
function sent(codec: string): Promise<number> {
  return run(clinic.page, `(async () => {
    const stats = await window.huizhen.consult.peerConnection.getStats();
    let sent = 0;
    for (const s of stats.values()) if (s.type === 'outbound-rtp' && s.kind === 'video' && stats.get(s.codecId)?.mimeType === 'video/${codec}') sent += s.framesSent / 3;
    return sent; })()`);
}

// Lines of what the clinic's browser sends: it begins with the layers that its estimate of the network has room for.
function sentHeight(codec: string): Promise<number> {
  return run(clinic.page, `(async () => {
    const stats = await window.huizhen.consult.peerConnection.getStats();
    let height = 0;
    for (const s of stats.values()) if (s.type === 'outbound-rtp' && s.kind === 'video' && stats.get(s.codecId)?.mimeType === 'video/${codec}') height = Math.max(height, s.frameHeight ?? 0);
    return height; })()`);
}

// Pictures of that height come, one after the other, and none of those that were sent is missing between them. A window in which the
// sender itself had less (its estimate or its machine had a bad moment) says nothing of the rate and is taken again, four times at most; that
// nothing is undecodable, lost or left out of what was sent holds in each.
async function flows(codec: string, height: number): Promise<Seen> {
  for (let window = 1; ; window++) {
    await until(`${codec} at ${height} lines`, 12000, async () => (await received(codec))?.height === height)
      .catch(async (error: unknown) => { throw new Error(`${String(error)}: ${JSON.stringify(await received(codec))}, sent with ${await sentHeight(codec)}`); });
    const from = (await received(codec)) as Seen, sentFrom = await sent(codec);
    await sleep(1500);
    const sentTo = await sent(codec), to = (await received(codec)) as Seen, lines = await sentHeight(codec);
    const decoded = to.decoded - from.decoded, made = sentTo - sentFrom;
    const seen = `${codec}, ${height} lines: ${to.height}, ${decoded} decoded of ${made.toFixed(1)} pictures sent in 1.5 s, with ${lines} lines`;
    assert.equal(to.plis, from.plis, "nothing was undecodable");
    assert.equal(to.lost, 0);
    if (lines === 576) assert.ok(decoded >= made - 3, seen);
    if (lines === 576 && made >= 18 + 3) assert.ok(to.height === height && decoded >= 18, seen);
    if (to.height === height && decoded >= 18 && decoded >= made - 3) return { ...to, bytes: to.bytes - from.bytes };
    assert.ok(window < 4, seen);
    console.log(`# once more: ${seen}`);
  }
}

for (const codec of ["vp9", "av1"] as const) {
  test(`${codec}: spatial layers are left out and come back`, { timeout: 70000 }, async () => {
    const name = codec.toUpperCase();
    await publish(codec);
    try {
      await until(`${name} is sent with all layers`, 30000, async () => (await sentHeight(name)) === 576);
      await until(`${name} arrives`, 10000, async () => ((await received(name))?.decoded ?? 0) > 5);
      const mid = ((await received(name)) as Seen).mid;
      await ask(mid, "high");
      const high = await flows(name, 576);
      await ask(mid, "low");
      const low = await flows(name, 144);
      assert.ok(low.bytes < high.bytes / 2, `${low.bytes} of ${high.bytes} bytes`);
      await ask(mid, "medium");
      await flows(name, 288);
      await ask(mid, "high");
      const again = await flows(name, 576);
      console.log(`# ${codec}: ${Math.round(high.bytes * 8 / 1500)} kbit/s in full, ${Math.round(low.bytes * 8 / 1500)} lowest layer; ${again.keys} keyframes, ${again.freezes} freezes`);
    } finally {
      await run(clinic.page, `(() => { window.svcStop(); window.huizhen.consult.unpublish('endoscope'); })()`);
    }
  });
}
