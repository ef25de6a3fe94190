// What the client does by itself when the network changes, goes away, or is too weak: an ICE restart within a second of
// the sign, the same PeerConnection, pictures back at once; sound without pictures and pictures again.
// Timed: how fast things come back
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import type { Browser, CDPSession, Page } from "playwright-core";
import type { Browser as Firefox } from "puppeteer-core";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { launchChromium, launchFirefox } from "../lib/browser.ts";
import { chromiumPerson, firefoxPerson, openLink, readRemoteTones, readTiles, run, seen, type Person } from "../lib/pages.ts";

let gateway: Gateway, chromium: Browser, firefox: Firefox;
let clinic: Person, expert: Person;

// Notes every offer that restarts ICE, and every sign of the network.
const NOTES = `(() => { window.notes = [];
  const create = RTCPeerConnection.prototype.createOffer;
  RTCPeerConnection.prototype.createOffer = function (options) {
    if (options && options.iceRestart) window.notes.push({ what: 'restart', at: performance.now() });
    return create.call(this, options);
  };
  const set = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = async function (d) {
    await set.call(this, d); window.notes.push({ what: 'answer', at: performance.now(), ufrag: /a=ice-ufrag:(\\S+)/.exec(d.sdp)[1] });
  };
  window.addEventListener('online', () => window.notes.push({ what: 'online', at: performance.now() }));
})()`;

interface Note { what: string; at: number; ufrag?: string }
const notes = (p: Person): Promise<Note[]> => run<Note[]>(p.page, "window.notes");
const PC = "window.huizhen.consult.peerConnection";

async function sees(person: Person, other: Person, ms: number, age_ms = 800): Promise<number> {
  const start = performance.now();
  await until(`picture of ${other.cam.id} at ${person.cam.id}`, ms, async () =>
    (await readTiles(person.page)).some((t) => t.id === other.cam.id && t.age_ms < age_ms && t.age_ms > -50));
  return performance.now() - start;
}

async function hears(person: Person, other: Person): Promise<void> {
  await until(`sound of ${other.cam.id} at ${person.cam.id}`, 10000, async () => {
    const [level = -200, floor = 0] = await readRemoteTones(person.page, [other.cam.toneHz, 3000]);
    return level > floor + 20;
  });
}

// In the order of preference: the first is sent.
const sendCodecs = (p: Person): Promise<string[]> => run<string[]>(p.page,
  `${PC}.getSenders().filter((s) => s.track?.kind === 'audio').flatMap((s) => s.getParameters().codecs.map((c) => c.mimeType.toLowerCase()))`);

before(async () => {
  gateway = await Gateway.start();
  chromium = await launchChromium();
  clinic = await chromiumPerson(chromium, 1, 500);
  expert = await chromiumPerson(chromium, 2, 800);
  for (const p of [clinic, expert]) await (p.page as Page).addInitScript(NOTES);
  await openLink(clinic, gateway.link("c", "clinic", "County Clinic"));
  await openLink(expert, gateway.link("c", "expert", "Dr Wang"));
  for (const p of [clinic, expert]) await seen(p.page, "call");
  await sees(expert, clinic, 20000);
  await sees(clinic, expert, 20000);
  for (const p of [clinic, expert]) await run(p.page, `void (window.samePc = ${PC})`);
});
after(async () => {
  await firefox?.close();
  await chromium?.close();
  await gateway?.stop();
});

test("between browsers that have it, sound goes as RED, with silence left out", async () => {
  for (const p of [clinic, expert]) assert.deepEqual(await sendCodecs(p), ["audio/red", "audio/opus"]);
  await hears(expert, clinic);
  const fmtp = await run<string>(clinic.page, `${PC}.remoteDescription.sdp.split('\\r\\n').filter((l) => /^a=fmtp/.test(l)).join(' ')`);
  assert.match(fmtp, /useinbandfec=1/);
  assert.match(fmtp, /usedtx=1/);
});

test("cameras go out in simulcast, lowest layer first", async () => {
  const rids = await run<string[]>(clinic.page, `${PC}.getSenders().filter((s) => s.track?.kind === 'video').flatMap((s) => s.getParameters().encodings.map((e) => e.rid))`);
  assert.deepEqual(rids, ["l", "m"]); // a picture of 640 has two
});

test("the network is another one: ICE restarts within a second of the sign, on the same PeerConnection", async () => {
  const cdp: CDPSession = await (clinic.page as Page).context().newCDPSession(clinic.page as Page);
  const before = (await notes(clinic)).filter((n) => n.ufrag).at(-1)?.ufrag;
  const condition = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
  await cdp.send("Network.emulateNetworkConditions", { offline: true, ...condition });
  await sleep(1000);
  await cdp.send("Network.emulateNetworkConditions", { offline: false, ...condition });
  const restarted = await until("an ICE restart and its answer", 5000, async () => {
    const all = await notes(clinic);
    const online = all.find((n) => n.what === "online");
    const restart = online && all.find((n) => n.what === "restart" && n.at >= online.at - 1000);
    return restart && all.some((n) => n.what === "answer" && n.at > restart.at && n.ufrag !== before) && { online, restart };
  });
  assert.ok(restarted.restart.at - restarted.online.at < 1000, `restart after ${restarted.restart.at - restarted.online.at} ms`);
  await sees(expert, clinic, 3000);
  await sees(clinic, expert, 3000);
  assert.ok(await run<boolean>(clinic.page, `window.samePc === ${PC} && samePc.connectionState === 'connected'`));
});

test("nothing arrives for five seconds: a restart is tried, nothing is torn down, pictures come back by themselves", async () => {
  const count = async (): Promise<number> => (await notes(clinic)).filter((n) => n.what === "restart").length;
  const before = await count();
  await sleep(6000); // media has flowed for a while, and nothing points to trouble any more
  const worker = gateway.children().find((c) => c.args.includes("worker"))?.pid ?? 0;
  assert.ok(worker > 1);
  process.kill(worker, "SIGSTOP");
  try {
    const start = performance.now();
    await until("a restart", 4000, async () => (await count()) > before);
    console.log(`# restart ${Math.round(performance.now() - start)} ms into the silence`);
    await sleep(2000);
  } finally {
    process.kill(worker, "SIGCONT");
  }
  // The worker has seconds of old packets to read first: were they shown, the receivers would lag for many seconds more.
  const took = Math.max(await sees(clinic, expert, 3000), await sees(expert, clinic, 3000));
  console.log(`# pictures fresh again ${Math.round(took)} ms after the silence`);
  assert.ok(await run<boolean>(clinic.page, `window.samePc === ${PC} && window.samePc.connectionState === 'connected'`));
});

test("a weak uplink: sound alone, in plain words on both sides, and pictures again", async () => {
  const uplink = (level: string): Promise<void> => run(clinic.page, `(() => { const l = window.huizhen.consult.link; l.uplinkPolicy.now = '${level}'; l.uplinkPolicy.changedAt = Date.now(); l.peer.setUplink('${level}'); })()`);
  const stale = async (): Promise<boolean> => !(await readTiles(expert.page)).some((t) => t.id === clinic.cam.id && t.age_ms < 1500);
  await uplink("off");
  await until("the picture stands still", 8000, stale);
  await until("the expert is told", 5000, () => run<boolean>(expert.page, `!!document.querySelector('.tile-net.sender')`));
  await until("the clinic is told", 5000, () => run<boolean>(clinic.page, `!!document.querySelector('[data-testid="self-net"]')`));
  await hears(expert, clinic);
  const shown = await run<boolean>(expert.page, `[...document.querySelectorAll('[data-testid="tile"] video')].some((v) => v.videoWidth > 0)`);
  assert.ok(shown, "the last picture stays on the screen");
  await uplink("full");
  await sees(expert, clinic, 10000);
  await until("nothing is said any more", 5000, () => run<boolean>(expert.page, `!document.querySelector('.tile-net')`));
});

test("somebody comes whose browser has no RED: sound for everybody", async () => {
  firefox = await launchFirefox();
  const third = await firefoxPerson(firefox, 3, 1300);
  await openLink(third, gateway.link("c", "expert", "Dr Li"));
  await seen(third.page, "call");
  for (const p of [clinic, expert]) await until("Opus alone", 5000, async () => (await sendCodecs(p)).join() === "audio/opus");
  await hears(third, clinic);
  await hears(third, expert);
  await hears(clinic, third);
  await sees(third, clinic, 15000, 1500);
});

test("the visit's log tells what happened", async () => {
  const answer = await gateway.api(gateway.token("c", "clinic"), "GET", "/api/v1/consults/c/events?limit=200");
  assert.equal(answer.status, 200);
  const { items } = (await answer.json()) as { items: { type: string; participant: string }[] };
  const types = new Set(items.map((e) => e.type));
  for (const type of ["joined", "transport", "restart"]) assert.ok(types.has(type), `${type} in ${[...types].join()}`);
});
