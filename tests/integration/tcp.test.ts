// Media over TCP on the HTTPS port (RFC 6544): a consult of three without UDP, kills and a takeover under it, and
// connections that mean no good.
// Timed: gaps and delays
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { Agent, get } from "node:https";
import { createHmac, randomBytes } from "node:crypto";
import { Gateway, late, rounds, sleep } from "../lib/gateway.ts";
import { killBoth, killWorker, standsStill, three, type Room } from "../lib/peer.ts";
import { offer } from "../lib/offers.ts";

const KILLS = rounds(4, 10);
let gateway: Gateway;
let room: Room;

before(async () => {
  gateway = await Gateway.start();
  room = await three(gateway, "tcp", ["--tcp"]);
});
after(async () => { await room?.stop(); await gateway?.stop(); });


function crc32(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

async function publish(to: Gateway, consult: string, token: string): Promise<Response> {
  return fetch(`${to.url}/whip/${consult}`, { method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" }, body: offer() });
}

// A binding request as a frame. key: of MESSAGE-INTEGRITY.
function check(username: string, key: string): Buffer {
  const attribute = (type: number, value: Buffer): Buffer => {
    const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
    padded.writeUInt16BE(type, 0);
    padded.writeUInt16BE(value.length, 2);
    value.copy(padded, 4);
    return padded;
  };
  const head = (bytes: number, id: Buffer): Buffer => {
    const h = Buffer.alloc(8);
    h.writeUInt16BE(1, 0);
    h.writeUInt16BE(bytes, 2);
    h.writeUInt32BE(0x2112a442, 4);
    return Buffer.concat([h, id]);
  };
  const id = randomBytes(12);
  let body = Buffer.concat([attribute(0x0006, Buffer.from(username)), attribute(0x0024, Buffer.from([0x6e, 0, 0, 1])),
    attribute(0x802a, randomBytes(8)), attribute(0x0025, Buffer.alloc(0))]);
  const mac = createHmac("sha1", key).update(Buffer.concat([head(body.length + 24, id), body])).digest();
  body = Buffer.concat([body, attribute(0x0008, mac)]);
  const fingerprint = Buffer.alloc(4);
  fingerprint.writeUInt32BE((crc32(Buffer.concat([head(body.length + 8, id), body])) ^ 0x5354554e) >>> 0);
  body = Buffer.concat([body, attribute(0x8028, fingerprint)]);
  const stun = Buffer.concat([head(body.length, id), body]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(stun.length);
  return Buffer.concat([length, stun]);
}

async function open(first?: Buffer): Promise<Socket> {
  const socket = connect(gateway.ports.https, "127.0.0.1");
  socket.on("error", () => undefined);
  await new Promise<void>((done) => { socket.once("connect", () => done()); socket.once("close", () => done()); });
  if (first) socket.write(first);
  return socket;
}

const closes = (socket: Socket, ms: number): Promise<boolean> => socket.closed ? Promise.resolve(true)
  : Promise.race([new Promise<boolean>((done) => { socket.resume(); socket.once("close", () => done(true)); }), late(ms, false)]);

// How long a whole HTTPS request takes on a connection of its own.
async function https(): Promise<number> {
  const began = performance.now();
  await new Promise<void>((done, fail) => {
    get(`${gateway.httpsUrl}/healthz`, { agent: new Agent({ rejectUnauthorized: false, keepAlive: false }), timeout: 8000 }, (res) => {
      res.resume();
      res.once("end", () => done());
    }).once("error", fail);
  });
  return performance.now() - began;
}

// The ufrag of some peer, as a WHIP client gets it.
async function ufrag(): Promise<{ ufrag: string; pwd: string; location: string; token: string; answer: string }> {
  const token = gateway.token("tcp-attack", "expert", { grant: "create", id: `a${randomBytes(4).toString("hex")}` });
  const answer = await publish(gateway, "tcp-attack", token);
  assert.equal(answer.status, 201);
  const text = await answer.text();
  return { ufrag: /a=ice-ufrag:(\S+)/.exec(text)?.[1] ?? "", pwd: /a=ice-pwd:(\S+)/.exec(text)?.[1] ?? "", location: answer.headers.get("location") ?? "", token, answer: text };
}

test("three people over TCP: nothing lost, candidates as they should be", async () => {
  await sleep(1000);
  await room.reset();
  await sleep(4000);
  await room.fresh();
  const { p50, p99 } = room.worstDelay();
  console.log(`# over TCP, sender to receiver, worst stream: p50 <= ${p50} us, p99 <= ${p99} us`);
  assert.equal(room.lost(), 0);
  assert.equal(room.connects(), 9, "one connection each");
  const metrics = await gateway.metrics();
  assert.equal(metrics.get('huizhen_worker_tcp_connections{worker="0"}'), 9);
  const { answer } = await ufrag();
  const candidates = [...answer.matchAll(/a=candidate:\S+ 1 (\w+) (\d+) \S+ (\d+) typ host( tcptype passive)?/g)];
  assert.deepEqual(candidates.map((c) => [c[1], Number(c[3]), c[4]]),
    [["udp", gateway.ports.media, undefined], ["tcp", gateway.ports.https, " tcptype passive"]]);
  assert.ok(Number(candidates[0]?.[2]) > Number(candidates[1]?.[2]), "UDP is better");
});

test(`kill -9 of the worker ${KILLS} times: media goes on over the same connections`, async () => {
  const gaps: number[] = [];
  const before = room.connects();
  for (let i = 0; i < KILLS; i++) {
    gaps.push(await killWorker(gateway, room, 500));
    assert.ok(room.flowing(3, 200), `media flows after kill ${i}: ${JSON.stringify(room.last)}`);
  }
  gaps.sort((a, b) => a - b);
  console.log(`# over TCP, media gap after a worker's death: median ${gaps[KILLS / 2]} ms, worst ${gaps[KILLS - 1]} ms, ` +
    `${room.connects() - before} of ${9 * KILLS} connections made anew`);
  assert.ok((gaps[KILLS - 1] ?? 9999) < 1000);
  assert.equal(room.connects(), before, "no connection was lost");
  assert.equal(room.reused(), 0);
});

test("the worker stands still for 3 s: nobody hears afterwards what was said then", () => standsStill(gateway, room));

test("kill -9 of control, of both, and a takeover", async () => {
  const before = room.connects();
  await room.reset();
  gateway.kill9("control");
  await sleep(1500);
  await gateway.ready(5000);
  await room.fresh();
  assert.ok(room.worstGap() < 500, `control's death: ${room.worstGap()} ms`);
  const gap = await killBoth(gateway, room);
  console.log(`# worker and control killed together: gap ${gap} ms`);
  assert.ok(gap < 1000);
  await room.reset();
  await gateway.takeover();
  await sleep(1000);
  await room.fresh();
  console.log(`# takeover: gap ${room.worstGap()} ms`);
  assert.ok(room.worstGap() < 1000);
  assert.ok(room.flowing(3, 200));
  assert.equal(room.connects(), before, "no connection was lost");
  assert.equal(room.reused(), 0);
});

test("first bytes that lead nowhere are closed; the rest is bounded", async () => {
  const none = await open(check("nobodyknows:peer", "x".repeat(22)));
  assert.ok(await closes(none, 2000), "unknown ufrag");
  const http = await open(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  assert.ok(await closes(http, 2000), "plain HTTP is TLS's to refuse");
  const junk = await open(Buffer.from([0, 20, 0xff, 0xff, 0, 0, 0, 0]));
  assert.ok(await closes(junk, 2000), "a frame that is no STUN");
  const huge = await open(Buffer.from([5, 0xff, 0, 1]));
  assert.ok(await closes(huge, 2000), "a frame too long for a check");
  const empty = await open(Buffer.from([0, 0]));
  assert.ok(await closes(empty, 2000), "a null frame first");
  const half = await open(check("nobodyknows:peer", "x".repeat(22)).subarray(0, 30));
  assert.ok(await closes(half, 7000), "half a frame, within 5 s");
  const slow = await open();
  const bytes = check("nobodyknows:peer", "x".repeat(22));
  for (let i = 0; i < bytes.length && !slow.closed; i++) { slow.write(bytes.subarray(i, i + 1)); await sleep(10); }
  assert.ok(await closes(slow, 7000), "byte by byte");
  const metrics = await gateway.metrics();
  assert.ok((metrics.get("huizhen_ice_tcp_refused_total") ?? 0) >= 2);
  assert.ok((metrics.get("huizhen_ice_tcp_junk_total") ?? 0) >= 3);
});

test("a right ufrag is not enough: wrong integrity, huge frames, too many connections", async () => {
  const victim = await ufrag();
  const wrong = await open(check(`${victim.ufrag}:peer`, "y".repeat(28)));
  wrong.write(Buffer.concat(Array.from({ length: 20 }, () => check(`${victim.ufrag}:peer`, "y".repeat(28)))));
  assert.ok(await closes(wrong, 7000), "checks that fail end it");
  const silent = await open(check(`${victim.ufrag}:peer`, "y".repeat(28)));
  assert.ok(await closes(silent, 8000), "not authenticated within 5 s");
  const right = await open(check(`${victim.ufrag}:peer`, victim.pwd));
  const answer = await Promise.race([new Promise<Buffer>((done) => right.once("data", done)), late(2000, Buffer.alloc(0))]);
  assert.equal(answer.readUInt16BE(2), 0x0101, "a success response");
  const others = await Promise.all(Array.from({ length: 12 }, () => open(check(`${victim.ufrag}:peer`, "y".repeat(28)))));
  await sleep(300);
  assert.equal(right.closed, false, "the authenticated one stays");
  const metrics = await gateway.metrics();
  assert.ok((metrics.get('huizhen_worker_tcp_connections{worker="0"}') ?? 99) <= 9 + 4, "four a peer");
  right.write(Buffer.from([0xff, 0xff, 0, 0]));
  assert.ok(await closes(right, 2000), "a frame beyond the bound");
  for (const socket of others) socket.destroy();
  await fetch(`${gateway.url}${new URL(victim.location, gateway.url).pathname}`, { method: "DELETE", headers: { authorization: `Bearer ${victim.token}` } });
});

test("a flood of silent connections: HTTPS is served, media flows", async () => {
  const before = await https();
  const flood = await Promise.all(Array.from({ length: 400 }, () => open()));
  const times: number[] = [];
  for (let i = 0; i < 10; i++) times.push(await https());
  times.sort((a, b) => a - b);
  console.log(`# HTTPS request: ${before.toFixed(1)} ms before, with 400 silent connections median ${times[5]?.toFixed(1)}, worst ${times[9]?.toFixed(1)} ms`);
  assert.ok((times[9] ?? 9999) < 3000);
  await room.fresh();
  assert.ok(room.flowing(3, 200));
  for (const socket of flood) socket.destroy();
});

test("media.tcp: false: no candidate, the port is TLS's alone", async () => {
  const plain = await Gateway.start({ env: { HUIZHEN_MEDIA_TCP: "false" } });
  try {
    const token = plain.token("t", "expert", { id: "e", grant: "create" });
    const answer = await publish(plain, "t", token);
    assert.doesNotMatch(await answer.text(), / tcp /);
  } finally { await plain.stop(); }
  const mapped = await Gateway.start({ env: { HUIZHEN_MEDIA_TCP_PORT: "443" } });
  try {
    const token = mapped.token("t", "expert", { id: "e", grant: "create" });
    const answer = await publish(mapped, "t", token);
    assert.match(await answer.text(), / tcp \d+ 127\.0\.0\.1 443 typ host tcptype passive/);
  } finally { await mapped.stop(); }
});
