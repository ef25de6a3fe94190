// The audience of a broadcast over the real gateway: viewers ask and read with a token each, a moderator decides over a
// WebSocket; control is killed in between. And what reading the feed costs when nothing is new.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { Gateway, until } from "../lib/gateway.ts";
import { RpcClient } from "../lib/rpc.ts";

const PATH = "/api/v1/consults/op/broadcast";
const ASKS = Number(process.env["HZ_FEED_ASKS"] ?? 4000), CONNECTIONS = 20;

interface Item { id: string; state: string; text?: string; name?: string; answer?: string; role?: string }
interface Feed { state: string; text: string; cursor: string; reset: boolean; items: Item[]; viewers: number | null; poll_ms: number; poster: { text: string; image: number } }

let gateway: Gateway, director: string, desk: RpcClient;
const viewer = (id: string): string => gateway.token("op", "viewer", { id });

async function feed(token: string, cursor = ""): Promise<Feed> {
  const answer = await gateway.api(token, "GET", `${PATH}/feed${cursor ? `?cursor=${cursor}` : ""}`);
  assert.equal(answer.status, 200);
  return await answer.json() as Feed;
}

async function say(id: string, kind: string, text: string, name?: string): Promise<{ status: number; id: string; state: string; wait: number }> {
  const answer = await gateway.api(viewer(id), "POST", `${PATH}/messages`, name ? { kind, text, name } : { kind, text });
  const body = await answer.json() as { id: string; state: string };
  return { status: answer.status, id: body.id, state: body.state, wait: Number(answer.headers.get("retry-after")) };
}

before(async () => {
  gateway = await Gateway.start({ env: { HUIZHEN_LIMITS_REQUESTS_PER_SECOND: "20000", HUIZHEN_LIMITS_CONNECTIONS_PER_ADDRESS: "1000" } });
  ({ client: desk } = await RpcClient.join(gateway.url, { token: gateway.token("op", "clinic", { id: "dr.wang", grant: "create" }) }));
  director = gateway.token("op", "director", { id: "dir" });
  const made = await gateway.api(director, "PUT", PATH, { title: "Surgery", sources: [{ participant: "or1", source: "camera" }] });
  assert.equal(made.status, 200);
});
after(async () => {
  desk?.close();
  await gateway?.stop();
});

test("a question comes to the desk at once, and to viewers when it was approved", { timeout: 60000 }, async () => {
  assert.equal((await say("v1", "question", "Which stitch?")).status, 409, "nobody takes questions yet");
  await desk.call("audience.set", { questions: true, chat: "moderated", poster: "We begin at ten" });
  const asked = await say("v1", "question", "Which stitch?", "Li");
  assert.deepEqual([asked.status, asked.state], [201, "waiting"]);
  const rude = await say("v2", "question", "Who is the patient?");
  const push = await until("the push", 5000, () => desk.pushes.find((p) => p.method === "audience")?.params);
  assert.equal((push["items"] as Item[])[0]?.text, "Which stitch?");
  const before = await feed(viewer("v3"));
  assert.deepEqual(before.items, []);
  await desk.call("audience.moderate", { id: asked.id, state: "approved" });
  await desk.call("audience.moderate", { id: rude.id, state: "rejected" });
  await desk.call("audience.moderate", { id: asked.id, state: "answered", answer: "A running one." });
  const after = await feed(viewer("v3"), before.cursor);
  assert.equal(after.reset, false);
  assert.deepEqual(after.items.map((i) => [i.text, i.name, i.answer, i.role]), [["Which stitch?", "Li", "A running one.", "clinic"]]);
  assert.ok(!/dr\.wang|or1|v1/.test(JSON.stringify(after)), "viewers learn of nobody");
  const many = await Promise.all(Array.from({ length: 6 }, () => say("v4", "question", "Again?")));
  assert.ok(many.some((m) => m.status === 429 && m.wait > 0), "one viewer cannot fill the queue");
});

test("control is killed: what was acknowledged is there, viewers read on, the desk decides on", { timeout: 60000 }, async () => {
  const token = viewer("v5"), waiting = await say("v5", "question", "And the drain?");
  assert.equal(waiting.status, 201);
  const before = await feed(token);
  gateway.kill9("control");
  await until("control is back", 15000, async () => (await gateway.api(token, "GET", `${PATH}/feed`).catch(() => undefined))?.status === 200);
  const again = await feed(token, before.cursor);
  assert.equal(again.reset, true);
  assert.deepEqual(again.items.map((i) => i.answer), ["A running one."]);
  assert.equal(again.poster.text, "We begin at ten");
  ({ client: desk } = await RpcClient.join(gateway.url, { token: gateway.token("op", "director", { id: "dir2" }) }));
  const list = await desk.call("audience.list") as { items: Item[] };
  assert.ok(list.items.some((i) => i.id === waiting.id && i.state === "waiting"));
  await desk.call("audience.moderate", { id: waiting.id, state: "answering" });
  const next = await feed(token, again.cursor);
  assert.deepEqual(next.items.map((i) => [i.id, i.state]), [[waiting.id, "answering"]]);
  // Proof for later: who asked, who decided.
  const csv = await (await gateway.api(gateway.token("op", "auditor", { id: "aud" }), "GET", `${PATH}/messages?format=csv`)).text();
  assert.match(csv, /^id,time_ms,kind,state,sender,name,text,answer,by,role,decided_ms\r\n/);
  assert.match(csv, /"answered","v1","Li","Which stitch\?","A running one\.","dr\.wang","clinic",\d+\r\n/);
  assert.match(csv, /"rejected","v2",,"Who is the patient\?",,"dr\.wang"/);
});

test("a poster is what it is, whatever it is called", { timeout: 60000 }, async () => {
  const put = (type: string, body: Buffer) => fetch(`${gateway.url}${PATH}/poster`, { method: "PUT", headers: { authorization: `Bearer ${director}`, "content-type": type }, body: new Uint8Array(body) });
  const png = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.alloc(500)]);
  assert.equal((await put("image/png", Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">${" ".repeat(99)}</svg>`))).status, 422);
  assert.equal((await put("image/svg+xml", png)).status, 415);
  assert.equal((await put("image/png", Buffer.concat([png, Buffer.alloc(300 * 1024)]))).status, 413);
  assert.equal((await put("image/jpeg", png)).status, 204);
  const got = await gateway.api(viewer("v6"), "GET", `${PATH}/poster`);
  assert.equal(got.status, 200);
  assert.equal(got.headers.get("content-type"), "image/png");
  assert.equal(got.headers.get("x-content-type-options"), "nosniff");
  assert.match(got.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), png);
  assert.ok((await feed(viewer("v6"))).poster.image > 0);
  assert.equal((await gateway.api(undefined, "GET", `${PATH}/poster`)).status, 401);
});

test("who waits for news is told at once: a cut, a fade", { timeout: 60000 }, async () => {
  const token = viewer("v8"), first = await gateway.api(token, "GET", `${PATH}/feed`);
  let etag = first.headers.get("etag") ?? "", { cursor } = await first.json() as Feed;
  const wait = async (): Promise<Feed & { fade_ms?: number }> => {
    for (;;) {
      const answer = await gateway.api(token, "GET", `${PATH}/feed?wait=1&cursor=${cursor}`, undefined, { "if-none-match": etag });
      if (answer.status === 304) continue; // some seconds without news
      assert.equal(answer.status, 200);
      etag = answer.headers.get("etag") ?? "";
      const news = await answer.json() as Feed & { fade_ms?: number };
      cursor = news.cursor;
      return news;
    }
  };
  const held = async (): Promise<void> => { await until("it waits", 5000, async () => (await gateway.metrics()).get("huizhen_feed_waits") === 1); };
  const until_state = async (state: string): Promise<Feed & { fade_ms?: number }> => { for (;;) { const news = await wait(); if (news.state === state) return news; } };
  const cut = until_state("cut");
  await held();
  await desk.call("broadcast.cut", { reason: "a name" });
  await cut;
  const ready = until_state("ready");
  await desk.call("broadcast.resume", { reason: "it is gone" });
  await ready;
  const live = until_state("live");
  await desk.call("broadcast.program", { source: { participant: "or1", source: "camera" } });
  await live;
  const fading = wait();
  await held();
  await desk.call("broadcast.program", { source: { participant: "or1", source: "camera" }, fade_ms: 1500 });
  assert.ok(((await fading).fade_ms ?? 0) > 0);
  while ((await wait()).fade_ms !== undefined) continue; // it is over
});

// Processor time of control, in seconds.
function spent(): number {
  const fields = readFileSync(`/proc/${gateway.pidOf("control")}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

test("who asks and there is nothing new is answered with nothing", { timeout: 120000 }, async () => {
  const token = viewer("v7"), first = await gateway.api(token, "GET", `${PATH}/feed`), etag = first.headers.get("etag") ?? "";
  const { cursor, poll_ms } = await first.json() as Feed;
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const ask = (): Promise<number> => new Promise((done, fail) => {
    get(`${gateway.url}${PATH}/feed?cursor=${cursor}`, { agent, headers: { authorization: `Bearer ${token}`, "if-none-match": etag } }, (res) => {
      let bytes = 0;
      res.on("data", (chunk: Buffer) => { bytes += chunk.length; });
      res.on("end", () => (res.statusCode === 304 && bytes === 0 ? done(304) : fail(new Error(`${res.statusCode}`))));
    }).on("error", fail);
  });
  const start = spent();
  let left = ASKS;
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => { while (left-- > 0) await ask(); }));
  agent.destroy();
  const each_us = (spent() - start) / ASKS * 1e6;
  assert.ok(each_us > 0 && each_us < 5000, `${each_us} µs`); // a bound of before: it is a small fraction
  console.log(`# ${ASKS} asks: ${each_us.toFixed(0)} µs of control each; 5,000 viewers who ask each ${poll_ms / 1000} to 5 s: ${(each_us * 1000 / 1e4).toFixed(1)} % of a core`);
});
