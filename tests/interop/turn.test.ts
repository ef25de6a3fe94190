// TURN through a real coturn: credentials handed out at join and as Link headers, Chromium that may use nothing but the
// relay, wrong and expired credentials, the doctor.
// Timed: a relay that all share
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHmac } from "node:crypto";
import { connect, createServer } from "node:net";
import { mkdtempSync, readFileSync, rmSync, writeFileSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { launchChromium } from "../lib/browser.ts";
import { chromiumPerson, openLink, readTiles, run, seen, type Person } from "../lib/pages.ts";
import { RpcClient } from "../lib/rpc.ts";
import { offer } from "../lib/offers.ts";

const SECRET = "a secret between the gateway and coturn";
interface IceServer { urls: string[]; username?: string; credential?: string }
let coturn: ChildProcess, folder: string, gateway: Gateway, chromium: Browser;
let port = 0, tlsPort = 0;

// Below the ephemeral ports, of which a load test leaves thousands in TIME_WAIT.
const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 21000 + Math.floor(Math.random() * 10000);
    const free = await new Promise<boolean>((done) => {
      const server = createServer().once("error", () => done(false));
      server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
    });
    if (free) return port;
  }
};

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hz-turn-"));
  port = await freePort();
  tlsPort = await freePort();
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")], { stdio: "ignore" });
  writeFileSync(join(folder, "turn.conf"), [
    "listening-ip=127.0.0.1", "relay-ip=127.0.0.1", `listening-port=${port}`, `tls-listening-port=${tlsPort}`, "min-port=47000", "max-port=47400",
    "use-auth-secret", `static-auth-secret=${SECRET}`, "realm=huizhen.test", "allow-loopback-peers", "no-cli", "fingerprint", "no-dtls", "no-multicast-peers",
    `cert=${join(folder, "cert.pem")}`, `pkey=${join(folder, "key.pem")}`, `pidfile=${join(folder, "pid")}`, `userdb=${join(folder, "db")}`, "log-file=stdout", "simple-log",
  ].join("\n"));
  const log = openSync(join(folder, "log"), "w");
  coturn = spawn("turnserver", ["-c", join(folder, "turn.conf")], { stdio: ["ignore", log, log] });
  const urls = `stun:127.0.0.1:${port}, turn:127.0.0.1:${port}?transport=udp, turn:127.0.0.1:${port}?transport=tcp, turns:localhost:${tlsPort}?transport=tcp`;
  gateway = await Gateway.start({ env: { HUIZHEN_TURN_URLS: urls, HUIZHEN_TURN_SECRET: SECRET, HUIZHEN_TURN_TTL: "600", HUIZHEN_MEDIA_TCP: "false" } });
  await until("coturn", 5000, () => new Promise<boolean>((done) => {
    const socket = connect(tlsPort, "127.0.0.1").once("connect", () => { socket.destroy(); done(true); }).once("error", () => done(false));
  }));
  chromium = await launchChromium();
});
after(async () => {
  await chromium?.close();
  await gateway?.stop();
  coturn?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const coturnLog = (): string => readFileSync(join(folder, "log"), "utf8");

async function servers(id: string): Promise<IceServer[]> {
  const { client, result } = await RpcClient.join(gateway.url, { token: gateway.token("turn", "expert", { id, grant: "create" }) });
  client.close();
  return result["ice_servers"] as IceServer[];
}

test("credentials at join: of one's own, with an end, without a name in them", async () => {
  const [plain, relay] = await servers("patient-4711");
  assert.deepEqual(plain, { urls: [`stun:127.0.0.1:${port}`] });
  assert.equal(relay?.urls.length, 3);
  const [expiry, word] = (relay?.username ?? "").split(":");
  const left = Number(expiry) - Date.now() / 1000;
  assert.ok(left > 590 && left < 610, `${left} s`);
  assert.match(word ?? "", /^[0-9a-f]{16}$/);
  assert.doesNotMatch(relay?.username ?? "", /patient/);
  assert.equal(relay?.credential, createHmac("sha1", SECRET).update(relay?.username ?? "").digest("base64"));
  const other = (await servers("patient-4712"))[1];
  assert.notEqual(other?.username?.split(":")[1], word);
  assert.ok(!gateway.log().includes(SECRET) && !gateway.log().includes(relay?.credential ?? "-"), "nothing of it in the log");
});

test("the same as Link headers of WHIP", async () => {
  const answer = await fetch(`${gateway.url}/whip/turn`, { method: "POST", body: offer(),
    headers: { authorization: `Bearer ${gateway.token("turn", "theatre", { id: "cam", grant: "create" })}`, "content-type": "application/sdp" } });
  assert.equal(answer.status, 201);
  const link = answer.headers.get("link") ?? "";
  assert.match(link, new RegExp(`<stun:127\\.0\\.0\\.1:${port}>; rel="ice-server"`));
  const [, username, credential] = /<turns:localhost:\d+\?transport=tcp>; rel="ice-server"; username="([^"]+)"; credential="([^"]+)"; credential-type="password"/.exec(link) ?? [];
  assert.equal(credential, createHmac("sha1", SECRET).update(username ?? "").digest("base64"));
});

// Sends through the server with these credentials, with coturn's own client.
function uclient(username: string, password: string, flags: string[]): Promise<string> {
  return new Promise((done) => {
    execFile("turnutils_uclient", [...flags, "-y", "-n", "5", "-u", username, "-w", password, "127.0.0.1"], { encoding: "utf8", timeout: 20000 }, (_error, out, err) => done(out + err));
  });
}

test("good credentials over UDP, TCP and TLS; wrong, forged and expired ones are refused", async () => {
  const relay = (await servers("expert-1"))[1] as Required<IceServer>;
  await Promise.all([["-p", String(port)], ["-t", "-p", String(port)], ["-t", "-S", "-p", String(tlsPort)]].map(async (flags) =>
    assert.match(await uclient(relay.username, relay.credential, flags), /tot_recv_msgs=([1-9]\d*)/, flags.join(" "))));
  const udp = ["-p", String(port)];
  const hmac = (name: string): string => createHmac("sha1", SECRET).update(name).digest("base64");
  const past = `${Math.floor(Date.now() / 1000) - 60}:0123456789abcdef`;
  await Promise.all(([["wrong", relay.username, "x"], ["forged", `9${relay.username}`, relay.credential], ["expired", past, hmac(past)]] as const).map(async ([name, username, password]) =>
    assert.doesNotMatch(await uclient(username, password, udp), /tot_recv_msgs=[1-9]/, name)));
});

// Two people whose Chromium may use nothing but this server; both see each other.
async function relayed(consult: string, transport: RegExp, flags: string[] = []): Promise<void> {
  const browser = flags.length ? await launchChromium(flags) : chromium;
  const people: Person[] = [];
  try {
    for (const [index, role] of ["clinic", "expert"].entries()) {
      const person = await chromiumPerson(browser, index + 1, 500 + 300 * index);
      people.push(person);
      await person.context?.addInitScript(`(() => {
        const only = ${transport.toString()}, narrow = (c) => ({ ...c, iceTransportPolicy: 'relay',
          iceServers: ((c && c.iceServers) || []).map((s) => ({ ...s, urls: [].concat(s.urls).filter((u) => only.test(u)) })).filter((s) => s.urls.length) });
        const Real = window.RTCPeerConnection, set = Real.prototype.setConfiguration;
        Real.prototype.setConfiguration = function (c) { return set.call(this, narrow(c)); };
        window.RTCPeerConnection = class extends Real { constructor(c) { super(narrow(c)); (window.hzPcs ??= []).push(this); } };
      })()`);
      await openLink(person, gateway.link(consult, role, role));
      await seen(person.page, "call");
    }
    for (const person of people) {
      const other = people.find((p) => p !== person) as Person;
      await until(`picture of ${other.cam.id}`, 20000, async () => (await readTiles(person.page)).some((t) => t.id === other.cam.id && t.age_ms < 1500))
        .catch((error: unknown) => { throw new Error(`${String(error)}\n${person.errors.slice(-5).join(" | ")}\n${coturnLog().slice(-3000)}`); });
      const kinds = await run<string[]>(person.page, `(async () => { const out = []; for (const pc of window.hzPcs ?? []) {
        const stats = await pc.getStats(); for (const s of stats.values()) if (s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded')
          out.push(stats.get(s.localCandidateId).candidateType + ' ' + stats.get(s.localCandidateId).relayProtocol); } return out; })()`);
      assert.ok(kinds.length > 0 && kinds.every((k) => k.startsWith("relay")), kinds.join(", "));
      console.log(`# ${consult}: ${kinds.join(", ")}`);
    }
  } finally {
    for (const person of people) await person.context?.close();
    if (flags.length) await browser.close();
  }
}

test("Chromium with nothing but TURN over UDP: pictures both ways", () => relayed("relay-udp", /transport=udp/));
test("Chromium with nothing but TURN over TCP", () => relayed("relay-tcp", /^turn:.*transport=tcp/));
test("Chromium with nothing but TURN over TLS", () => relayed("relay-tls", /^turns:/, ["--ignore-certificate-errors"]));

test("the doctor asks each server for a relay", async () => {
  const env = { ...gateway.env, SSL_CERT_FILE: join(folder, "cert.pem"), CURL_CA_BUNDLE: join(folder, "cert.pem") };
  const good = spawnSync(gateway.binary, ["doctor"], { env, cwd: gateway.dataDir, encoding: "utf8" });
  assert.equal([...good.stdout.matchAll(/turns?:\S+ gives a relay/g)].length, 3 - (/turns:\S+ does not answer/.test(good.stdout) ? 1 : 0), good.stdout);
  const bad = spawnSync(gateway.binary, ["doctor"], { env: { ...env, HUIZHEN_TURN_SECRET: "another" }, cwd: gateway.dataDir, encoding: "utf8" });
  assert.match(bad.stdout, /turn:\S+ refuses our credentials/, bad.stdout);
  const gone = spawnSync(gateway.binary, ["doctor"], { env: { ...env, HUIZHEN_TURN_URLS: "turn:127.0.0.1:9" }, cwd: gateway.dataDir, encoding: "utf8" });
  assert.match(gone.stdout, /does not answer/, gone.stdout);
  await sleep(1);
});
