// A network that lets no UDP through: Chromium and Firefox are in by TCP on the HTTPS port. Runs itself again inside a
// network namespace whose loopback drops every UDP packet silently.
// Timed: gaps, in a network of its own
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import type { Browser, Page } from "playwright-core";
import type { Browser as Firefox } from "puppeteer-core";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { launchChromium, launchFirefox } from "../lib/browser.ts";
import { chromiumPerson, firefoxPerson, openLink, readTiles, run, seen, tap, type Person } from "../lib/pages.ts";

const ADDRESS = "10.99.0.1";
// Classifier: IPv4 protocol 17 -> TC_ACT_SHOT.
const BLOCK = `ip link set lo up && ip link add hz0 type veth peer name hz1 && ip addr add ${ADDRESS}/24 dev hz0 && ip link set hz0 up && ip link set hz1 up && ip route add default dev hz0 && ` +
  "tc qdisc add dev lo clsact && tc filter add dev lo ingress protocol ip bpf da bytecode '4,48 0 0 23,21 0 1 17,6 0 0 2,6 0 0 4294967295'";

if (!process.env["HZ_UDP_BLOCKED"]) {
  test("in a network namespace without UDP", { timeout: 240000 }, () => {
    const root = process.getuid?.() === 0 ? [] : ["--map-root-user"];
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const inside = spawnSync("unshare", [...root, "--net", "sh", "-c", `${BLOCK} && exec "$0" "$@"`,
      process.execPath, "--import", "tsx", "--test", "--test-reporter", "tap", import.meta.filename ?? ""],
      { env: { ...env, HZ_UDP_BLOCKED: "1" }, encoding: "utf8", timeout: 230000 });
    for (const line of inside.stdout.split("\n").filter((l) => /^# .?#/.test(l))) console.log(line.replace(/^# \\?#/, "#"));
    assert.match(inside.stdout, /^# pass [1-9]/m, inside.stdout.slice(-2000));
    assert.equal(inside.status, 0, `${inside.stdout.slice(-4000)}\n${inside.stderr.slice(-2000)}`);
  });
} else {
  let gateway: Gateway, chromium: Browser, firefox: Firefox | undefined;
  let clinic: Person, expert: Person, third: Person;

  before(async () => {
    gateway = await Gateway.start({ env: { HUIZHEN_MEDIA_ADDRESS: ADDRESS } });
    chromium = await launchChromium();
    clinic = await chromiumPerson(chromium, 1, 500);
    expert = await chromiumPerson(chromium, 2, 800);
  });
  after(async () => { await firefox?.close(); await chromium?.close(); await gateway?.stop(); });

  // Milliseconds until a fresh picture of each of the others is there.
  async function sees(person: Person, others: Person[], ms: number): Promise<number> {
    const began = Date.now();
    await until(`pictures at ${person.cam.id}`, ms, async () => {
      const fresh = (await readTiles(person.page)).filter((t) => t.age_ms < 1500 && t.age_ms > -50).map((t) => t.id);
      return others.every((o) => fresh.includes(o.cam.id));
    }).catch(async (error: unknown) => {
      throw new Error(`${String(error)} tiles ${JSON.stringify(await readTiles(person.page))} console ${person.errors.slice(-5).join(" | ")}\n${gateway.log().slice(-3000)}`);
    });
    return Date.now() - began;
  }

  const accepted = async (): Promise<number> => (await gateway.metrics()).get("huizhen_ice_tcp_accepted_total") ?? 0;

  // The age of the oldest picture that a person has before the eyes over the next `ms`.
  async function oldest(person: Person, ms: number): Promise<number> {
    let worst = 0;
    for (const end = Date.now() + ms; Date.now() < end; await sleep(40))
      for (const tile of await readTiles(person.page)) if (tile.id !== person.cam.id) worst = Math.max(worst, tile.age_ms);
    return Math.round(worst);
  }

  // Opens the link; time runs from the tap that enters.
  async function enter(person: Person, link: string, others: Person[]): Promise<number> {
    await (person.page as Page).goto(link);
    await tap(person.page, "join-button");
    await until("enter button", 20000, () => run<boolean>(person.page, `(() => { const e = document.querySelector('[data-testid="enter-button"]'); return !!e && !e.disabled; })()`));
    const began = Date.now();
    await tap(person.page, "enter-button");
    await seen(person.page, "call");
    await sees(person, others, 15000);
    return Date.now() - began;
  }

  test("Chromium is in within 3 s", async () => {
    await openLink(clinic, gateway.link("blocked", "clinic", "County Clinic"));
    await seen(clinic.page, "call");
    await sleep(1500);
    const ms = await enter(expert, gateway.link("blocked", "expert", "Dr Wang"), [clinic]);
    console.log(`# Chromium without UDP: tap to the other's picture ${ms} ms`);
    assert.ok(ms < 3000, `${ms} ms`);
    await sees(clinic, [expert], 5000);
    assert.ok(await accepted() >= 2, "by TCP");
    const bounced = createSocket("udp4");
    let heard = 0;
    bounced.on("message", () => { heard++; });
    await new Promise<void>((done) => bounced.bind(0, ADDRESS, () => done()));
    bounced.send("x", bounced.address().port, ADDRESS);
    await sleep(200);
    bounced.close();
    assert.equal(heard, 0, "UDP is blocked");
  });

  test("kill -9 of the worker: the pictures go on over the same connections", async () => {
    const before = await accepted();
    gateway.kill9("worker");
    const ages = await Promise.all([oldest(clinic, 3000), oldest(expert, 3000)]);
    console.log(`# Chromium without UDP: oldest picture shown after the worker's death ${ages.join(", ")} ms`);
    assert.ok(Math.max(...ages) < 2000);
    assert.equal(await accepted(), before, "no new connection was needed");
  });

  test("a connection that the network cuts is made anew", async () => {
    const before = await accepted();
    try { execFileSync("ss", ["-K", "sport", "=", `:${gateway.ports.https}`], { stdio: "ignore" }); } catch { /* the kernel may not offer it */ }
    const ages = await Promise.all([oldest(clinic, 8000), oldest(expert, 8000)]);
    console.log(`# Chromium without UDP: oldest picture shown after every connection was cut ${ages.join(", ")} ms, ${await accepted() - before} new connections`);
    await Promise.all([sees(clinic, [expert], 15000), sees(expert, [clinic], 15000)]);
  });

  test("Firefox is in, too", async () => {
    firefox = await launchFirefox();
    third = await firefoxPerson(firefox, 3, 1300);
    const ms = await enter(third, gateway.link("blocked", "expert", "Dr Li"), [clinic, expert]);
    console.log(`# Firefox without UDP: tap to the others' pictures ${ms} ms`);
    await sees(clinic, [third], 10000);
  });
}
