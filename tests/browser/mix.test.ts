// One mixed sound in a live call, as browsers hear it: the others' tones and not one's own, switched on and off in the middle of the
// call, through the deaths of the mix, of control and of the worker. Nobody of the consult sees or hears anything of that.
// Timed: gaps in sound, in samples heard
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { launchChromium } from "../lib/browser.ts";
import { pagesWithEar, putEar, takeHeard, type Heard } from "../lib/ear.ts";
import { chromiumPerson, openLink, readRemoteTones, run, seen, tap, type Person } from "../lib/pages.ts";

const AUDIBLE_MS = 60; // what a decoder bridges by itself when one packet is lost, and not more
const TONES = [500, 900, 1400, 2100]; // the last is the listener's own
let gateway: Gateway, chromium: Browser, web: string;
let people: Person[], listener: Person;
const CONSULT = "window.huizhen.consult";

const heard = (): Promise<Heard> => takeHeard(listener);
const mixed = (p: Person, on: boolean): Promise<void> => run(p.page, `${CONSULT}.mixed.set(${on})`);

// Streams of sound that packets arrived on within half a second.
async function streams(p: Person): Promise<number> {
  const counts = (): Promise<Record<string, number>> => run(p.page, `(async () => { const out = {};
    (await ${CONSULT}.peerConnection.getStats()).forEach((s) => { if (s.type === 'inbound-rtp' && s.kind === 'audio') out[s.id] = s.packetsReceived; });
    return out; })()`);
  const first = await counts();
  await sleep(500);
  return Object.entries(await counts()).filter(([id, n]) => n > (first[id] ?? 0) + 5).length;
}

const hearsMix = (p: Person, ms = 10000): Promise<unknown> => until("one stream of sound", ms, async () => (await streams(p)) === 1);
const hearsVoices = (p: Person, ms = 10000): Promise<unknown> => until("a stream a voice", ms, async () => (await streams(p)) === 3);

before(async () => {
  web = pagesWithEar(mkdtempSync(join(tmpdir(), "hz-ear-")));
  gateway = await Gateway.start({ env: { HUIZHEN_WEB_DIR: web } });
  chromium = await launchChromium();
  people = [];
  for (const [i, hz] of TONES.entries()) people.push(await chromiumPerson(chromium, i + 1, hz));
  listener = people[3] as Person;
  for (const [i, p] of people.entries()) await openLink(p, gateway.link("c", i === 0 ? "clinic" : "expert", `Person ${i + 1}`));
  for (const p of people) await seen(p.page, "call");
  await hearsVoices(listener, 30000);
  await putEar(listener);
  await until("an ear", 20000, async () => (await heard()).listened_ms > 0); // since it was asked last
});
after(async () => {
  await chromium?.close();
  await gateway?.stop();
  rmSync(web, { recursive: true, force: true });
});

test("switched on in the call: the others' tones in one stream, one's own at least 40 dB below, no gap", { timeout: 60000 }, async () => {
  await sleep(1000);
  await heard();
  await tap(listener.page, "btn-devices");
  await tap(listener.page, "mixed-sound");
  await hearsMix(listener);
  await sleep(3000); // levels
  const { gap_ms, listened_ms } = await heard();
  assert.ok(listened_ms > 2000, `it listened for ${listened_ms} ms`);
  assert.ok(gap_ms < AUDIBLE_MS, `${gap_ms} ms without sound`);
  await until("the others and not oneself", 20000, async () => {
    const [a = -200, b = -200, c = -200, own = 0] = await readRemoteTones(listener.page, TONES, "mix");
    console.log(`# the others ${[a, b, c].map((x) => x.toFixed(1)).join(", ")} dB, oneself ${own.toFixed(1)} dB`);
    return Math.min(a, b, c) - own >= 40;
  });
  // A second listener, who speaks: theirs is another mix.
  const speaker = people[0] as Person;
  await mixed(speaker, true);
  await hearsMix(speaker);
  await sleep(2000);
  await until("the others and not the speaker", 20000, async () => {
    const [mine = 0, ...others] = await readRemoteTones(speaker.page, TONES, "mix");
    return Math.min(...others) - mine >= 40;
  });
  // Nobody is there who was not there before.
  assert.equal(await run<number>(speaker.page, `${CONSULT}.participants.length`), 4);
  assert.equal((await gateway.metrics()).get("huizhen_mix_members"), 4);
});

test("a muted voice is silent in the mix", { timeout: 60000 }, async () => {
  const speaker = people[1] as Person;
  await tap(speaker.page, "btn-mic");
  await until("silence", 10000, async () => {
    const [a = 0, b = 0] = await readRemoteTones(listener.page, TONES, "mix");
    return a - b > 30;
  });
  await tap(speaker.page, "btn-mic");
  await until("the voice", 10000, async () => {
    const [a = 0, b = 0] = await readRemoteTones(listener.page, TONES, "mix");
    return Math.abs(a - b) < 20;
  });
});

test("an interpreter: who chose the language hears theirs at full and the others quietly, nobody else hears them", { timeout: 90000 }, async () => {
  const interpreter = people[2] as Person;
  const tones = (p: Person): Promise<number[]> => readRemoteTones(p.page, TONES, "mix");
  await run(interpreter.page, `${CONSULT}.mixed.interpret('en')`);
  await until("a language to choose", 5000, async () => (await run<string[]>(listener.page, `${CONSULT}.mixed.languages`)).join() === "en");
  await heard();
  await run(listener.page, `${CONSULT}.mixed.set(true, 'en')`);
  await until("the floor quietly below the interpreter", 20000, async () => {
    const [a = 0, b = 0, voice = -200] = await tones(listener);
    console.log(`# below the interpreter: ${(voice - a).toFixed(1)} and ${(voice - b).toFixed(1)} dB`);
    return voice - Math.max(a, b) > 10 && voice - Math.min(a, b) < 25;
  });
  await until("no interpreter for who wants none", 20000, async () => {
    const [, b = -200, voice = 0] = await tones(people[0] as Person);
    return b - voice > 30;
  });
  await run(listener.page, `${CONSULT}.mixed.set(true)`);
  await until("the floor alone", 20000, async () => {
    const [a = -200, , voice = 0] = await tones(listener);
    return a - voice > 30;
  });
  await run(interpreter.page, `${CONSULT}.mixed.interpret(null)`);
  await until("a voice like any other", 20000, async () => {
    const [a = 0, , voice = -200] = await tones(listener);
    return Math.abs(a - voice) < 10;
  });
  const { gap_ms } = await heard();
  assert.ok(gap_ms < AUDIBLE_MS, `${gap_ms} ms without sound`);
});

// Time and again, because one time may be luck.
test("there and back in the middle of the call: no gap in the sound", { timeout: 120000 }, async () => {
  const gaps = { off: [] as number[], on: [] as number[] };
  await heard();
  for (let i = 0; i < 4; i++) {
    for (const on of [false, true]) {
      await mixed(listener, on);
      await (on ? hearsMix(listener) : hearsVoices(listener));
      await sleep(1500); // the mix is heard for a while beside the voices
      const { gap_ms, listened_ms } = await heard();
      assert.ok(listened_ms > 1000, `it listened for ${listened_ms} ms`);
      gaps[on ? "on" : "off"].push(gap_ms);
    }
  }
  console.log(`# without sound, ms: to the mix ${gaps.on.join(", ")}; to the voices ${gaps.off.join(", ")}`);
  assert.ok(Math.max(...gaps.on, ...gaps.off) < AUDIBLE_MS);
});

test("kill -9 of the mix: back within 2 s, nothing else of the consult is touched", { timeout: 60000 }, async () => {
  const worker = gateway.pidOf("worker"), control = gateway.pidOf("control");
  await heard();
  const old = gateway.kill9("mix");
  await until("another mix", 2000, () => gateway.pidOf("mix") !== undefined && gateway.pidOf("mix") !== old);
  await sleep(3000);
  const { gap_ms, mix_ms, listened_ms } = await heard();
  console.log(`# kill -9 of the mix: ${mix_ms} ms without the mix, ${gap_ms} ms without sound`);
  assert.ok(listened_ms > 2500, `it listened for ${listened_ms} ms`);
  assert.ok(mix_ms < 2000, "the mix is back");
  assert.ok(gap_ms < 500, "by then there are the voices");
  await hearsMix(listener, 2000);
  assert.equal(gateway.pidOf("worker"), worker);
  assert.equal(gateway.pidOf("control"), control);
});

test("a mix that stands still: the voices at once, the mix again when there is one", { timeout: 60000 }, async () => {
  const pid = gateway.pidOf("mix") as number;
  await heard();
  const began = Date.now();
  process.kill(pid, "SIGSTOP");
  await hearsVoices(listener, 4000);
  const { gap_ms } = await heard();
  console.log(`# a mix that stands still: ${gap_ms} ms without sound`);
  assert.ok(gap_ms < 500); // 200 until the worker sees it
  await sleep(Math.max(0, 10500 - (Date.now() - began)));
  process.kill(pid, "SIGCONT"); // what stood still for 10 s ends by itself
  await hearsMix(listener);
  assert.notEqual(gateway.pidOf("mix"), pid);
  const back = await heard();
  assert.ok(back.gap_ms < AUDIBLE_MS, `${back.gap_ms} ms without sound on the way back`);
});

test("kill -9 of control and of the worker: the mix goes on", { timeout: 60000 }, async () => {
  await heard();
  gateway.kill9("control");
  await sleep(3000);
  await hearsMix(listener);
  const first = await heard();
  gateway.kill9("worker");
  await sleep(3000);
  await hearsMix(listener);
  const second = await heard();
  console.log(`# without sound: kill -9 of control ${first.gap_ms} ms, of the worker ${second.gap_ms} ms; without the mix ${first.mix_ms} and ${second.mix_ms} ms`);
  assert.ok(first.listened_ms > 2500 && second.listened_ms > 2500);
  assert.ok(first.gap_ms < AUDIBLE_MS && first.mix_ms < 1000, "the mix does not pass through control");
  assert.ok(second.gap_ms < 1000, "a worker comes back");
  assert.ok(second.mix_ms < 2000);
  assert.equal(await run<number>(listener.page, `${CONSULT}.participants.length`), 4);
});

test("kill -9 of the mix, the worker and control at once: the mix is back", { timeout: 60000 }, async () => {
  await heard();
  for (const kind of ["mix", "control", "worker"] as const) gateway.kill9(kind);
  await sleep(3000);
  await hearsMix(listener);
  const { gap_ms, mix_ms } = await heard();
  console.log(`# kill -9 of all three: ${gap_ms} ms without sound, ${mix_ms} ms without the mix`);
  assert.ok(gap_ms < 2000);
});

test("a newer gateway takes over: the mix goes on with it", { timeout: 60000 }, async () => {
  await heard();
  await gateway.takeover();
  await sleep(2000);
  await hearsMix(listener);
  const { gap_ms, mix_ms } = await heard();
  console.log(`# a takeover: ${gap_ms} ms without sound, ${mix_ms} ms without the mix`);
  assert.ok(gap_ms < 1000, "it does not wait for the new control");
});

test("switched off in the call: a stream a voice again, no gap, nothing is left of the mix", { timeout: 60000 }, async () => {
  await mixed(people[0] as Person, false);
  await heard();
  await tap(listener.page, "mixed-sound");
  await hearsVoices(listener);
  await sleep(1000);
  const { gap_ms } = await heard();
  assert.ok(gap_ms < AUDIBLE_MS, `${gap_ms} ms without sound`);
  await until("no mix", 5000, async () => (await gateway.metrics()).get("huizhen_mix_members") === 0);
});
