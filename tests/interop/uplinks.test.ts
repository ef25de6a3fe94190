// A gateway with two addresses (two ISPs), and Chromium in a call when one of them dies without a word: how long until
// fresh pictures are seen again. And UDP that a firewall begins to drop in mid-call. Runs itself again inside a network
// namespace of its own.
// Timed: gaps, in a network of its own
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chromium as playwright, type Browser } from "playwright-core";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { CHROMIUM_ARGS, launchChromium } from "../lib/browser.ts";
import { chromiumPerson, openLink, readTiles, run, seen, type Person } from "../lib/pages.ts";

const ISPS = ["10.99.1.1", "10.99.2.1"], CLIENT = "10.99.3.1";
const SETUP = "ip link set lo up && ip link add hz0 type veth peer name hz1 && ip link set hz0 up && ip link set hz1 up && " +
  ISPS.map((a) => `ip addr add ${a}/32 dev lo`).join(" && ") + ` && ip addr add ${CLIENT}/24 dev hz0 && ip route add default dev hz0 src ${CLIENT} && tc qdisc add dev lo clsact`;

// Everything from or to that address, or all UDP, is dropped without a word.
function cut(what: string | "udp"): void {
  const code = what === "udp" ? "4,48 0 0 23,21 0 1 17,6 0 0 2,6 0 0 4294967295" : (() => {
    const n = what.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    return `6,32 0 0 26,21 3 0 ${n},32 0 0 30,21 1 0 ${n},6 0 0 4294967295,6 0 0 2`;
  })();
  execFileSync("tc", ["filter", "add", "dev", "lo", "ingress", "protocol", "ip", "bpf", "da", "bytecode", code]);
}

function mend(): void { execFileSync("tc", ["filter", "del", "dev", "lo", "ingress"]); }

if (!process.env["HZ_UPLINKS"]) {
  test("in a network namespace with two uplinks", { timeout: 240000 }, () => {
    const root = process.getuid?.() === 0 ? [] : ["--map-root-user"];
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const inside = spawnSync("unshare", [...root, "--net", "sh", "-c", `${SETUP} && exec "$0" "$@"`,
      process.execPath, "--import", "tsx", "--test", "--test-reporter", "tap", import.meta.filename ?? ""],
      { env: { ...env, HZ_UPLINKS: "1" }, encoding: "utf8", timeout: 230000 });
    for (const line of inside.stdout.split("\n").filter((l) => /^# .?#/.test(l))) console.log(line.replace(/^# \\?#/, "#"));
    assert.match(inside.stdout, /^# pass [1-9]/m, `${inside.stdout.slice(-2000)}${inside.stderr.slice(-2000)}`);
    assert.equal(inside.status, 0, `${inside.stdout.slice(-4000)}\n${inside.stderr.slice(-2000)}`);
  });
} else {
  let gateway: Gateway, chromium: Browser;

  before(async () => {
    gateway = await Gateway.start({ env: { HUIZHEN_MEDIA_ADDRESS: ISPS.join(",") } });
    // Without loopback the browser has one address of its own, and the gateway's two are not among its candidates.
    chromium = await playwright.launch({ executablePath: "/usr/bin/chromium", args: CHROMIUM_ARGS.filter((a) => !a.includes("loopback")) });
  });
  after(async () => { await chromium?.close(); await gateway?.stop(); });

  async function pair(consult: string): Promise<Person[]> {
    const people = [await chromiumPerson(chromium, 1, 500), await chromiumPerson(chromium, 2, 800)];
    for (const [i, role] of ["clinic", "expert"].entries()) {
      const person = people[i] as Person;
      await person.context?.addInitScript(`(() => { const Real = window.RTCPeerConnection;
        window.RTCPeerConnection = class extends Real { constructor(c) { super(c); (window.hzPcs ??= []).push(this); } }; })()`);
      await openLink(person, gateway.link(consult, role, role));
      await seen(person.page, "call");
    }
    for (const person of people) await fresh(person, 15000);
    await sleep(3000); // checks of the pairs that are not used
    return people;
  }

  const fresh = (person: Person, ms: number): Promise<unknown> =>
    until(`a fresh picture at ${person.cam.id}`, ms, async () => (await readTiles(person.page)).some((t) => t.id !== person.cam.id && t.age_ms < 1000));

  // Where this person's media goes: "udp 10.99.1.1".
  const route = (person: Person): Promise<string> => run<string>(person.page, `(async () => {
    for (const pc of window.hzPcs ?? []) { if (pc.connectionState !== 'connected') continue; const stats = await pc.getStats();
      for (const s of stats.values()) if (s.type === 'transport' && s.selectedCandidatePairId) { const p = stats.get(s.selectedCandidatePairId), r = stats.get(p.remoteCandidateId);
        return r.protocol + ' ' + r.address; } } return ''; })()`);

  // Longest time without a fresh picture over the next ms, as each person sees the other; and until pictures are fresh to stay.
  async function frozen(people: Person[], ms: number): Promise<{ oldest: number[]; back: number[] }> {
    const began = Date.now(), oldest = people.map(() => 0), back = people.map(() => 0);
    while (Date.now() - began < ms) {
      await Promise.all(people.map(async (person, i) => {
        for (const tile of await readTiles(person.page)) {
          if (tile.id === person.cam.id) continue;
          oldest[i] = Math.max(oldest[i] ?? 0, Math.round(tile.age_ms));
          if (tile.age_ms > 700) back[i] = Date.now() - began;
        }
      }));
      await sleep(40);
    }
    return { oldest, back };
  }

  test("one of two uplinks dies: pictures move to the other", async () => {
    const people = await pair("isp");
    const routes = await Promise.all(people.map(route));
    const dead = (routes[0] ?? "").split(" ")[1] ?? "";
    assert.ok(ISPS.includes(dead), routes.join(", "));
    cut(dead);
    const { oldest, back } = await frozen(people, 12000);
    const moved = [...gateway.log().matchAll(/ev=path\.moved.*silent_ms=(\d+)/g)].map((m) => Number(m[1]));
    assert.ok(Math.max(...oldest) < 2500, `oldest picture ${oldest.join(", ")} ms`);
    console.log(`# ${dead} dies: pictures at most ${oldest.join(", ")} ms old, fresh for good after ${back.join(", ")} ms; gateway moved after ${moved.join(", ")} ms; now ${(await Promise.all(people.map(route))).join(", ")}`);
    for (const person of people) await fresh(person, 1000); // one reading says little
    mend();
    for (const person of people) await person.context?.close();
  });

  test("UDP is dropped in mid-call: pictures move to TCP", async () => {
    // With both ends in one namespace a connection's source is the gateway's address, and Chromium drops a connection
    // whose source is none of its own: here they are.
    await chromium.close();
    for (const a of ISPS) {
      execFileSync("ip", ["addr", "del", `${a}/32`, "dev", "lo"]);
      execFileSync("ip", ["addr", "add", `${a}/24`, "dev", "hz0"]);
    }
    chromium = await launchChromium();
    const people = await pair("udp");
    assert.match((await Promise.all(people.map(route))).join(), /udp/);
    cut("udp");
    const { oldest, back } = await frozen(people, 12000);
    const routes = await Promise.all(people.map(route));
    console.log(`# UDP dies: pictures at most ${oldest.join(", ")} ms old, fresh for good after ${back.join(", ")} ms; now ${routes.join(", ")}`);
    for (const now of routes) assert.match(now, /^tcp /);
    for (const person of people) await fresh(person, 1000); // one reading says little
    mend();
    for (const person of people) await person.context?.close();
  });
}
