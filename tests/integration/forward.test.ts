// Studies that came without a PACS go to a real Orthanc: by hand and by rule, files and C-STORE, bit by bit; over kill -9 of everybody that
// has them in hand; while the PACS is away; and whoever may not, or names no patient, gets no list of what is here.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dicomFile, samplesOf, type Shape } from "../lib/dicom-make.ts";
import { Gateway, freeTcpPort, until } from "../lib/gateway.ts";
import { Orthanc, hasOrthanc } from "../lib/orthanc.ts";
import { RpcClient } from "../lib/rpc.ts";

interface Forward { pacs: string; state: string; waiting: number; forwarded: number; refused: number; reason?: string }
const skip = hasOrthanc() ? false : "no Orthanc", SHAPE: Shape = { rows: 64, columns: 64, samples: 1, stored: 12, signed: false };
const folder = mkdtempSync(join(tmpdir(), "hz-forward-"));
let orthanc: Orthanc, gateway: Gateway, client: RpcClient, token: string, base = 0, cstore = 0;

const object = (study: string, n: number, more: Record<string, string> = {}): Buffer =>
  dicomFile({ shape: SHAPE, pixels: samplesOf(SHAPE, n) }, { study, series: `${study}.1`, instance: `${study}.1.${n}`, number: n }, undefined, more);
const rest = (path: string, init: RequestInit = {}, as = token): Promise<Response> => fetch(`${gateway.url}/api/v1/consults/c${path}`, { ...init, headers: { authorization: `Bearer ${as}`, ...(typeof init.body === "string" ? { "content-type": "application/json" } : {}) } });
const upload = async (name: string, body: Buffer): Promise<string | undefined> => {
  const r = await until("the gateway takes files", 15000, async () => { const a = await rest(`/uploads/${name}`, { method: "PUT", body: new Uint8Array(body) }); return a.status === 200 ? a : undefined; });
  return ((await r.json()) as { items: { result: string }[] }).items[0]?.result;
};
const lay = async (study: string): Promise<void> => void (base = ((await client.call("table.patch", { base, studies: { put: [{ pacs: "local", study }] } })) as { version: number }).version);
const forwards = async (study: string): Promise<Forward[]> => ((await (await rest(`/studies/local/${study}/forwards`)).json()) as { items: Forward[] }).items;
const order = (study: string, to = "main", as = token): Promise<Response> => rest(`/studies/local/${study}/forwards/${to}`, { method: "PUT" }, as);
const reach = (study: string, state: string, ms = 30000): Promise<Forward> => until(`${study} is ${state}`, ms, async () => (await forwards(study)).find((f) => f.pacs === "main" && f.state === state));
before(async () => {
  if (skip) return;
  orthanc = await Orthanc.started();
  cstore = await freeTcpPort();
  const yaml = (forward: string): string => `${orthanc.yaml}${forward}receive:\n  port: ${cstore}\n  allow: loopback\n`;
  gateway = await Gateway.start({ yaml: yaml("") });
  token = gateway.token("c", "clinic", { id: "clinic", grant: "create" });
  ({ client } = await RpcClient.join(gateway.url, { token }));
  base = ((await client.call("table.floor", { action: "take" })) as { version: number }).version;
});
after(async () => {
  client?.close();
  await gateway?.stop();
  await orthanc?.done();
  rmSync(folder, { recursive: true, force: true });
});

test("by hand: what lies on the table goes there as it came, once, and who asked for it is in the visit's events", { skip, timeout: 60000 }, async () => {
  const files = [1, 2, 3].map((n) => object("2.25.91", n));
  for (const [i, file] of files.entries()) assert.equal(await upload(`a${i}`, file), "stored");
  assert.equal((await order("2.25.91")).status, 404, "it is not on the table");
  await lay("2.25.91");
  assert.deepEqual(await forwards("2.25.91"), []);
  assert.equal((await order("2.25.91", "nowhere")).status, 404);
  assert.equal((await rest("/studies/local/2.25.91/forwards/main")).status, 404, "an order is no GET");
  assert.equal((await order("2.25.91", "main", gateway.token("c", "patient", { id: "p" }))).status, 403);
  assert.equal((await order("2.25.91")).status, 200);
  assert.deepEqual(await reach("2.25.91", "forwarded"), { pacs: "main", state: "forwarded", waiting: 0, forwarded: 3, refused: 0 });
  for (const n of [1, 2, 3]) {
    const there = await orthanc.wado("2.25.91", "2.25.91.1", `2.25.91.1.${n}`), pixels = samplesOf(SHAPE, n);
    assert.ok(there.subarray(there.length - pixels.length).equals(pixels), `object ${n}`);
  }
  const changes = async (): Promise<number> => ((await (await orthanc.ask("/changes?limit=1000")).json()) as { Last: number }).Last;
  const last = await changes();
  assert.equal((await order("2.25.91")).status, 200);
  assert.equal((await forwards("2.25.91"))[0]?.state, "forwarded");
  assert.equal(await changes(), last, "nothing came twice");
  const events = (await (await rest("/events")).json()) as { items: { type: string; participant: string; pacs?: string; study?: string }[] };
  assert.deepEqual(events.items.filter((e) => e.type === "forward").map((e) => [e.participant, e.pacs, e.study]), [["clinic", "main", "2.25.91"], ["clinic", "main", "2.25.91"]]);
});

test("what came by C-STORE goes the same way", { skip: skip || !existsSync("/usr/bin/storescu"), timeout: 60000 }, async () => {
  writeFileSync(join(folder, "us.dcm"), object("2.25.92", 1));
  await until("the port is open", 15000, () => Promise.resolve(spawnSync("storescu", ["-aec", "HUIZHEN", "-xe", "127.0.0.1", String(cstore), join(folder, "us.dcm")]).status === 0 ? true : undefined));
  await lay("2.25.92");
  assert.equal((await order("2.25.92")).status, 200);
  await reach("2.25.92", "forwarded");
  assert.ok(await orthanc.file("2.25.92.1.1"));
});

test("the PACS is away, and all who carry it are killed: it is there in the end", { skip, timeout: 180000 }, async () => {
  for (const n of [1, 2, 3, 4]) assert.equal(await upload(`k${n}`, object("2.25.93", n)), "stored");
  await lay("2.25.93");
  await orthanc.stop();
  assert.equal((await order("2.25.93")).status, 200);
  assert.equal((await until("it says why", 20000, async () => (await forwards("2.25.93")).find((f) => f.reason))).reason, "away");
  for (const kind of ["studies", "imaging", "control"] as const) gateway.kill9(kind);
  await until("it waits still", 20000, async () => { const r = await rest("/studies/local/2.25.93/forwards"); return r.ok ? ((await r.json()) as { items: Forward[] }).items.find((f) => f.waiting === 4) : undefined; });
  await orthanc.start();
  assert.deepEqual(await reach("2.25.93", "forwarded", 60000), { pacs: "main", state: "forwarded", waiting: 0, forwarded: 4, refused: 0 });
  for (const n of [1, 2, 3, 4]) assert.ok(await orthanc.file(`2.25.93.1.${n}`));
});

test("nobody lists the patients of others", { skip, timeout: 60000 }, async () => {
  assert.equal(await upload("o1", object("2.25.94", 1, { "00100020": "OTHER-9" })), "stored");
  const find = async (query: string, as = token): Promise<number | number[]> => {
    const r = await rest(`/studies?pacs=local${query}`, {}, as);
    return r.ok ? ((await r.json()) as unknown[]).length : [r.status];
  };
  for (const query of ["", "&PatientName=*", "&PatientID=*", "&PatientID=", "&PatientID=OTHER-9&PatientID=*", "&StudyDate=20200101-20301231", "&00100020=O%2A"]) assert.deepEqual(await find(query), [403], query);
  assert.equal(await find("&PatientID=OTHER-9"), 1);
  assert.equal(await find("&StudyInstanceUID=2.25.94"), 1);
  // The consult's patient: what is of him alone, whatever else is asked for.
  const about = await rest("", { method: "PATCH", body: JSON.stringify({ subject: { patient: { id: "OTHER-9" } } }) });
  assert.ok(about.ok, await about.text());
  assert.equal(await find(""), 1);
  assert.equal(await find("&PatientName=*&PatientID=*"), 1);
  assert.equal(await find("&PatientID=T1"), 3); // named in full
  // A token that is not of one consult, with `manage`: the hospital's own.
  const staff = gateway.cli(["token", "--role", "clinic", "--id", "clinic"]);
  assert.ok(Number(await find("", staff)) >= 4);
});

test("a reading outlasts its token: who is inside gets another one, who is not does not", { skip, timeout: 60000 }, async () => {
  const short = gateway.token("t", "clinic", { id: "long", grant: "create", ttl: "4s" });
  const { client: own } = await RpcClient.join(gateway.url, { token: short });
  const look = async (as: string): Promise<number> => (await fetch(`${gateway.url}/api/v1/consults/t/pacs`, { headers: { authorization: `Bearer ${as}` } })).status;
  assert.equal(await look(short), 200);
  await until("it has expired", 15000, async () => (await look(short)) === 401 || undefined);
  const { token: fresh, seconds } = (await own.call("token.renew", {})) as { token: string; seconds: number };
  assert.equal(await look(fresh), 200);
  assert.ok(seconds >= 60 && seconds <= 3600);
  const claims = JSON.parse(Buffer.from(fresh.split(".")[1] ?? "", "base64url").toString()) as { sub: string; role: string; consult: string };
  assert.deepEqual([claims.sub, claims.role, claims.consult], ["long", "clinic", "t"]);
  const { client: lobby } = await RpcClient.join(gateway.url, { token: gateway.token("t", "patient", { id: "p" }) });
  await assert.rejects(lobby.call("token.renew", {}));
  lobby.close();
  own.close();
  assert.ok(!gateway.log().includes(fresh.split(".")[2] ?? "?"), "a token in the log");
});
