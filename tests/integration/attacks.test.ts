// Lobby and token attacks through every door: WebSocket, WHIP, WHEP, REST, links. None gets in.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Gateway, sleep } from "../lib/gateway.ts";
import { RpcClient, errorCode } from "../lib/rpc.ts";
import { offer } from "../lib/offers.ts";

const SECRET = "0123456789abcdef0123456789abcdef-test";
let gateway: Gateway;

const b64 = (value: unknown): string => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const now = (): number => Math.floor(Date.now() / 1000);
const sign = (header: unknown, claims: unknown, secret = SECRET): string => {
  const text = `${b64(header)}.${b64(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
};
const HEADER = { alg: "HS256", typ: "JWT", kid: "k1" };
const claims = (more: Record<string, unknown> = {}): Record<string, unknown> =>
  ({ sub: "mallory", name: "Mallory", consult: "c1", role: "clinic", exp: now() + 600, iat: now(), jti: `j${Math.random()}`, ...more });
const without = (key: string): Record<string, unknown> => { const c = claims(); delete c[key]; return c; };

before(async () => {
  gateway = await Gateway.start({ yaml: `tokens:\n  keys:\n    - kid: k1\n      secret: ${SECRET}\n` });
  const { client } = await RpcClient.join(gateway.url, { token: gateway.token("c1", "clinic", { id: "host" }) });
  client.close();
});
after(async () => { await gateway?.stop(); });

const post = (path: string, token: string | undefined, body: string): Promise<Response> =>
  fetch(`${gateway.url}${path}`, { method: "POST", headers: { "content-type": "application/sdp", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }, body });

test("the good token gets in (so that the refusals below mean something)", async () => {
  const { client } = await RpcClient.join(gateway.url, { token: sign(HEADER, claims({ sub: "good" })) });
  client.close();
  assert.equal((await post("/whip/c1", sign(HEADER, claims({ sub: "good2" })), offer())).status, 201);
});

const BAD: [string, () => string][] = [
  ["empty", () => ""],
  ["garbage", () => "not.a.token"],
  ["two parts", () => sign(HEADER, claims()).split(".").slice(0, 2).join(".")],
  ["four parts", () => `${sign(HEADER, claims())}.x`],
  ["alg none", () => `${b64({ alg: "none", kid: "k1" })}.${b64(claims())}.`],
  ["alg NoNe", () => `${b64({ alg: "NoNe", kid: "k1" })}.${b64(claims())}.`],
  ["alg none with the MAC of a real one", () => sign({ alg: "none", kid: "k1" }, claims())],
  ["alg RS256 on an HMAC key", () => sign({ alg: "RS256", kid: "k1" }, claims())],
  ["alg HS512", () => sign({ alg: "HS512", kid: "k1" }, claims())],
  ["wrong key", () => sign(HEADER, claims(), "another-secret-another-secret-another")],
  ["unknown kid", () => sign({ ...HEADER, kid: "k2" }, claims())],
  ["expired", () => sign(HEADER, claims({ exp: now() - 60 }))],
  ["no exp", () => sign(HEADER, without("exp"))],
  ["exp is text", () => sign(HEADER, claims({ exp: "never" }))],
  ["not yet valid", () => sign(HEADER, claims({ nbf: now() + 600 }))],
  ["no sub", () => sign(HEADER, without("sub"))],
  ["sub with a slash", () => sign(HEADER, claims({ sub: "a/b" }))],
  ["sub too long", () => sign(HEADER, claims({ sub: "x".repeat(65) }))],
  ["unknown role", () => sign(HEADER, claims({ role: "root" }))],
  ["no role", () => sign(HEADER, without("role"))],
  ["critical header", () => sign({ ...HEADER, crit: ["x"], x: 1 }, claims())],
  ["role raised after signing", () => { const t = sign(HEADER, claims({ role: "observer" })).split("."); return `${t[0]}.${b64(claims({ role: "admin" }))}.${t[2]}`; }],
  ["MAC cut short", () => sign(HEADER, claims()).slice(0, -4)],
  ["MAC of zero bytes", () => sign(HEADER, claims()).split(".").slice(0, 2).join(".") + "." + Buffer.alloc(32).toString("base64url")],
  ["claims twice", () => { const text = `${b64(HEADER)}.${Buffer.from(`{"sub":"a","role":"observer","role":"admin","consult":"c1","exp":${now() + 60}}`).toString("base64url")}`; return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`; }],
  ["huge", () => sign(HEADER, claims({ name: "x".repeat(20000) }))],
];

for (const [name, make] of BAD) {
  test(`token: ${name}`, async () => {
    const token = make();
    assert.equal(await errorCode(RpcClient.join(gateway.url, { token })), token === "" || token.length > 8192 ? -32602 : -32001, "WebSocket");
    for (const path of ["/whip/c1", "/whep/c1/host"]) {
      const status = (await post(path, token, offer())).status;
      assert.ok(status === 401 || status === 403 || status === 431, `${path} ${status}`);
    }
    const api = await gateway.api(token, "GET", "/api/v1/consults/c1");
    assert.ok(api.status === 401 || api.status === 403 || api.status === 431, `REST ${api.status}`);
    assert.doesNotMatch(await api.text(), /secret|signature|expired|kid/i, "nothing revealed");
  });
}

test("no token at all, and a token in the query", async () => {
  assert.equal((await post("/whip/c1", undefined, offer())).status, 401);
  assert.equal((await gateway.api(undefined, "GET", "/api/v1/consults/c1")).status, 401);
  assert.equal((await fetch(`${gateway.url}/api/v1/consults/c1?token=${sign(HEADER, claims())}`)).status, 401);
});

test("a token of another consult", async () => {
  await gateway.api(gateway.token("c2", "admin", { grant: "create" }), "POST", "/api/v1/consults", { id: "c2", title: "two" });
  const token = gateway.token("c2", "clinic", { id: "other" });
  assert.equal((await post("/whip/c1", token, offer())).status, 403);
  assert.equal((await post("/whep/c1/host", token, offer("recvonly"))).status, 403);
  for (const path of ["", "/participants", "/links"]) assert.equal((await gateway.api(token, "GET", `/api/v1/consults/c1${path}`)).status, 403, path);
  assert.equal((await gateway.api(token, "DELETE", "/api/v1/consults/c1")).status, 403);
});

test("a consult that does not exist is not made by a plain token", async () => {
  assert.equal(await errorCode(RpcClient.join(gateway.url, { token: gateway.token("nowhere", "patient") })), -32001);
  assert.equal((await post("/whip/nowhere", gateway.token("nowhere", "theatre"), offer())).status, 404);
});

test("--once tokens work once", async () => {
  const token = gateway.token("c1", "expert", { id: "once", once: true });
  const { client } = await RpcClient.join(gateway.url, { token });
  assert.equal(await errorCode(RpcClient.join(gateway.url, { token })), -32001);
  assert.ok([401, 403].includes((await post("/whip/c1", token, offer())).status));
  client.close();
});

for (const role of ["patient", "companion", "interpreter"]) {
  test(`lobby: an early ${role} can do nothing`, async () => {
    const token = gateway.token("c1", role, { id: `early-${role}` });
    const { client, result } = await RpcClient.join(gateway.url, { token });
    const state = result["state"] as Record<string, unknown>;
    assert.equal((state["you"] as Record<string, unknown>)["status"], "lobby");
    assert.equal(state["participants"], undefined);
    assert.equal(state["lobby"], undefined);
    assert.equal(await errorCode(client.call("offer", { sdp: offer(), publish: [{ mid: "0", source: "microphone", label: "", muted: false }], recv: [], restart: false })), -32003);
    assert.equal(await errorCode(client.call("subscribe", { items: [{ mid: "0", track: "t10000" }] })), -32003);
    assert.equal(await errorCode(client.call("chat.send", { text: "hello" })), -32003);
    assert.equal(await errorCode(client.call("hand", { raised: true })), -32003);
    assert.equal(await errorCode(client.call("lobby.admit", { participant: `early-${role}` })), -32003);
    assert.equal(await errorCode(client.call("participant.remove", { participant: "host", reason: "" })), -32003);
    assert.equal((await post("/whip/c1", token, offer())).status, 403);
    assert.equal((await post("/whep/c1/good", token, offer("recvonly"))).status, 403);
    assert.equal((await gateway.api(token, "PATCH", `/api/v1/consults/c1/participants/early-${role}`, { status: "admitted" })).status, 403);
    const host = (await RpcClient.join(gateway.url, { token: gateway.token("c1", "clinic", { id: "host" }) })).client;
    await host.call("chat.send", { text: "confidential" });
    await sleep(200);
    assert.equal(client.pushes.filter((p) => p.method === "chat" || p.method === "speakers").length, 0, "hears nothing");
    assert.ok(!JSON.stringify(client.pushes).includes("good"), "sees nobody");
    assert.ok(!(host.state?.participants ?? []).some((p) => p.id === `early-${role}`), "is seen only in the lobby list");
    assert.ok((host.state?.lobby ?? []).some((p) => p.id === `early-${role}`));
    client.close();
    host.close();
  });
}

test("removed: neither resume key nor old token gets back in, WHIP ends", async () => {
  const host = (await RpcClient.join(gateway.url, { token: gateway.token("c1", "clinic", { id: "host" }) })).client;
  const token = gateway.token("c1", "expert", { id: "removed" });
  const { client, result } = await RpcClient.join(gateway.url, { token });
  const whip = await post("/whip/c1", token, offer());
  assert.equal(whip.status, 201);
  await sleep(1100);
  await host.call("participant.remove", { participant: "removed", reason: "" });
  assert.equal((await client.push("end"))["reason"], "removed");
  assert.equal(await errorCode(RpcClient.join(gateway.url, { resume_key: result["resume_key"] })), -32001);
  assert.equal(await errorCode(RpcClient.join(gateway.url, { token })), -32001);
  const again = (await post("/whip/c1", token, offer())).status;
  assert.ok(again === 401 || again === 403);
  const patch = await fetch(`${gateway.url}${new URL(whip.headers.get("location") ?? "", gateway.url).pathname}`, { method: "DELETE", headers: { authorization: `Bearer ${token}` } });
  assert.ok([401, 403, 404].includes(patch.status));
  host.close();
});

test("sent back to the lobby: publishing and watching end, doors are shut again", async () => {
  const host = (await RpcClient.join(gateway.url, { token: gateway.token("c1", "clinic", { id: "host" }) })).client;
  const token = gateway.token("c1", "patient", { id: "back" });
  const { client } = await RpcClient.join(gateway.url, { token });
  await host.call("lobby.admit", { participant: "back" });
  await client.call("chat.send", { text: "I am in" });
  assert.equal((await post("/whip/c1", token, offer())).status, 201);
  await host.call("lobby.return", { participant: "back" });
  assert.equal(await errorCode(client.call("chat.send", { text: "still here?" })), -32003);
  assert.equal((await post("/whip/c1", token, offer())).status, 403);
  await sleep(200);
  assert.equal(client.state?.you.status, "lobby");
  assert.equal(client.state?.participants, undefined);
  assert.ok(!(host.state?.participants ?? []).some((p) => p.id === "back"));
  client.close();
  host.close();
});

test("roles stay within their grants", async () => {
  const observer = gateway.token("c1", "observer", { id: "obs" }), theatre = gateway.token("c1", "theatre", { id: "th" }), expert = gateway.token("c1", "expert", { id: "ex" });
  assert.equal((await post("/whip/c1", observer, offer())).status, 403);
  assert.equal((await post("/whep/c1/good2", theatre, offer("recvonly"))).status, 403);
  const { client } = await RpcClient.join(gateway.url, { token: observer });
  assert.equal(await errorCode(client.call("offer", { sdp: offer(), publish: [{ mid: "1", source: "camera", label: "", muted: false }], recv: [], restart: false })), -32002);
  client.close();
  const ex = (await RpcClient.join(gateway.url, { token: expert })).client;
  assert.equal(await errorCode(ex.call("lobby.admit", { participant: "early-patient" })), -32002);
  assert.equal(await errorCode(ex.call("stats.get", { participant: "host" })), -32002);
  ex.close();
  assert.equal((await gateway.api(expert, "POST", "/api/v1/consults", { title: "x" })).status, 403);
  assert.equal((await gateway.api(expert, "GET", "/api/v1/consults")).status, 403);
  assert.equal((await gateway.api(observer, "POST", "/api/v1/consults/c1/links", { role: "admin", name: "x", ttl_s: 60, single_use: true })).status, 403);
  assert.equal((await gateway.api(observer, "DELETE", "/api/v1/consults/c1/participants/host")).status, 403);
});

test("a clinic cannot make itself an admin by a link", async () => {
  const clinic = gateway.token("c1", "clinic", { id: "host" });
  assert.equal((await gateway.api(clinic, "POST", "/api/v1/consults/c1/links", { role: "admin", name: "x", ttl_s: 60, single_use: true })).status, 403);
});

test("WHIP and WHEP resources belong to their maker", async () => {
  const made = await post("/whip/c1", gateway.token("c1", "expert", { id: "maker" }), offer());
  const path = new URL(made.headers.get("location") ?? "", gateway.url).pathname;
  const other = gateway.token("c1", "expert", { id: "thief" });
  const gone = await fetch(`${gateway.url}${path}`, { method: "DELETE", headers: { authorization: `Bearer ${other}` } });
  assert.ok(gone.status === 403 || gone.status === 404);
  const patched = await fetch(`${gateway.url}${path}`, { method: "PATCH", headers: { authorization: `Bearer ${other}`, "content-type": "application/trickle-ice-sdpfrag", "if-match": "*" }, body: "a=ice-ufrag:aaaa\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbbbb\r\n" });
  assert.ok(patched.status === 403 || patched.status === 404);
  assert.equal((await fetch(`${gateway.url}${path}`, { method: "DELETE" })).status, 401);
});

test("links: once, not after revocation, not guessed, not after expiry", async () => {
  const clinic = gateway.token("c1", "clinic", { id: "host" });
  const make = async (more: Record<string, unknown> = {}): Promise<{ id: string; code: string }> =>
    (await (await gateway.api(clinic, "POST", "/api/v1/consults/c1/links", { role: "patient", name: "Zhang", ttl_s: 60, single_use: true, ...more })).json()) as { id: string; code: string };
  const redeem = (code: string, cookie = ""): Promise<Response> => fetch(`${gateway.url}/api/v1/links/${code}/redeem`, { method: "POST", headers: cookie ? { cookie } : {} });
  const single = await make();
  for (let i = 0; i < 3; i++) assert.equal((await fetch(`${gateway.url}/api/v1/links/${single.code}`)).status, 200, "a preview does not use it up");
  const first = await redeem(single.code);
  assert.equal(first.status, 200);
  const participant = ((await first.json()) as Record<string, unknown>)["participant"];
  assert.ok([403, 404, 409, 410].includes((await redeem(single.code)).status), "a replay from elsewhere");
  const cookie = (first.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  assert.match(first.headers.get("set-cookie") ?? "", /HttpOnly/i);
  const same = await redeem(single.code, cookie);
  assert.equal(same.status, 200, "the same browser again");
  assert.equal(((await same.json()) as Record<string, unknown>)["participant"], participant);
  assert.ok([403, 404, 409, 410].includes((await redeem(single.code, cookie.slice(0, -3) + "aaa")).status), "a forged cookie");
  const revoked = await make();
  assert.ok((await gateway.api(clinic, "DELETE", `/api/v1/consults/c1/links/${revoked.id}`)).ok);
  assert.ok([404, 410].includes((await redeem(revoked.code)).status));
  assert.ok([404, 410].includes((await redeem("AAAAAAAAAAAAAAAAAAAAAA")).status));
  assert.ok([400, 404].includes((await redeem("../../etc/passwd")).status));
  assert.equal((await gateway.api(clinic, "POST", "/api/v1/consults/c1/links", { role: "patient", name: "Zhang", ttl_s: 1 })).status, 422);
  const raced = await make();
  const all = await Promise.all(Array.from({ length: 20 }, () => redeem(raced.code).then((r) => r.status)));
  assert.equal(all.filter((status) => status === 200).length, 1, "twenty at once");
});

test("a revoked link takes its tokens along", async () => {
  const clinic = gateway.token("c1", "clinic", { id: "host" });
  const made = (await (await gateway.api(clinic, "POST", "/api/v1/consults/c1/links", { role: "clinic", name: "Li" })).json()) as { id: string; code: string };
  const token = ((await (await fetch(`${gateway.url}/api/v1/links/${made.code}/redeem`, { method: "POST" })).json()) as { token: string }).token;
  assert.equal((await gateway.api(token, "GET", "/api/v1/consults/c1")).status, 200);
  assert.ok((await gateway.api(clinic, "DELETE", `/api/v1/consults/c1/links/${made.id}`)).ok);
  assert.equal((await gateway.api(token, "GET", "/api/v1/consults/c1")).status, 403);
  assert.equal((await post("/whip/c1", token, offer())).status, 403);
  assert.equal(await errorCode(RpcClient.join(gateway.url, { token })), -32001);
});

test("an expert who comes back as a patient waits in the lobby", async () => {
  const expert = (await RpcClient.join(gateway.url, { token: sign(HEADER, claims({ sub: "turncoat", role: "expert" })) })).client;
  const { client, result } = await RpcClient.join(gateway.url, { token: sign(HEADER, claims({ sub: "turncoat", role: "patient" })) });
  assert.equal(((result["state"] as Record<string, unknown>)["you"] as Record<string, unknown>)["status"], "lobby");
  assert.equal(await errorCode(client.call("chat.send", { text: "hello" })), -32003);
  client.close();
  expert.close();
});

test("a token narrowed by its grants makes no link to what it lost", async () => {
  const narrow = sign(HEADER, claims({ grants: ["manage"] }));
  assert.equal((await gateway.api(narrow, "POST", "/api/v1/consults/c1/links", { role: "clinic", name: "x" })).status, 403);
  assert.equal((await gateway.api(narrow, "POST", "/api/v1/consults/c1/links", { role: "patient", name: "x" })).status, 201);
});

test("staff links and tokens without a consult open the console; nobody else's can be made", async () => {
  const link = gateway.cli(["link", "--role", "admin", "--name", "X", "--base-url", gateway.url]).split("/").pop() ?? "";
  const redeemed = (await (await fetch(`${gateway.url}/api/v1/links/${link}/redeem`, { method: "POST" })).json()) as { token: string; consult: string | null };
  assert.equal(redeemed.consult, null);
  assert.equal((await gateway.api(redeemed.token, "GET", "/api/v1/consults")).status, 200);
  assert.equal(await errorCode(RpcClient.join(gateway.url, { token: redeemed.token })), -32001, "it joins nothing by itself");
  assert.equal((await post("/whip/c1", redeemed.token, offer())).status, 403);
  for (const role of ["patient", "observer", "theatre", "auditor"]) assert.throws(() => gateway.cli(["link", "--role", role, "--name", "X"]));
  assert.equal((await fetch(`${gateway.url}/join`)).status, 200);
});

test("resume keys are not guessed and do not cross sessions", async () => {
  for (const key of ["", "x", "A".repeat(22), "A".repeat(43), "../../x"]) {
    const code = await errorCode(RpcClient.join(gateway.url, { resume_key: key }));
    assert.ok(code === -32001 || code === -32602, `${key}: ${code}`);
  }
});

test("a closed consult lets nobody in", async () => {
  const admin = gateway.token("c3", "admin", { grant: "create" });
  assert.equal((await gateway.api(admin, "POST", "/api/v1/consults", { id: "c3", title: "three" })).status, 201);
  const token = gateway.token("c3", "expert");
  assert.equal((await gateway.api(admin, "DELETE", "/api/v1/consults/c3")).ok, true);
  assert.equal(await errorCode(RpcClient.join(gateway.url, { token })), -32001);
  assert.ok([403, 404, 409, 410].includes((await post("/whip/c3", token, offer())).status));
});

test("before join nothing works; silence and floods end with a reason", async () => {
  const client = await RpcClient.connect(gateway.url);
  assert.equal(await errorCode(client.call("chat.send", { text: "x" })), -32000);
  assert.equal(await errorCode(client.call("no.such", {})), -32601);
  for (let i = 0; i < 400; i++) client.socket.send("{}");
  for (let i = 0; i < 100 && client.closeCode === undefined; i++) await sleep(50);
  assert.equal(client.closeCode, 4003);
  const silent = await RpcClient.connect(gateway.url);
  for (let i = 0; i < 140 && silent.closeCode === undefined; i++) await sleep(50);
  assert.equal(silent.closeCode, 4000);
});

test("refusals are counted", async () => {
  const metrics = await gateway.metrics();
  const refused = [...metrics].filter(([k]) => k.startsWith("huizhen_token")).reduce((n, [, v]) => n + v, 0);
  assert.ok(refused >= 40, `${refused} refusals counted`);
});
