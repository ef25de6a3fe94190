// Files without a PACS: DICOM, an archive and a photo are sent to a consult, each object gets its answer, and what can be shown is the
// PACS "local" of the table, bit by bit; who may not does not get a byte in; huizhen-studies dies and all is there again.
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request, type ClientRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync, crc32 } from "node:zlib";
import { dicomFile, samplesOf, type Made } from "../lib/dicom-make.ts";
import { Gateway, until } from "../lib/gateway.ts";
import { RpcClient } from "../lib/rpc.ts";

interface Item { n: number; result: string; study?: string; series?: string; instance?: string; fault?: string }
interface Answer { state: string; items: Item[] }

const STUDY = "1.2.826.0.1.3680043.10.7", SERIES = `${STUDY}.1`;
const made = (seed: number, side = 64): Made => {
  const shape = { rows: side, columns: side, samples: 1 as const, stored: 12, signed: false };
  return { shape, pixels: samplesOf(shape, seed) };
};
const object = (n: number, side?: number): Buffer => dicomFile(made(n, side), { study: STUDY, series: SERIES, instance: `${SERIES}.${n}`, number: n });

// A ZIP as a PC makes it; entry: name, bytes.
function zip(entries: [string, Buffer][]): Buffer {
  const body: Buffer[] = [], directory: Buffer[] = [];
  let at = 0;
  for (const [name, bytes] of entries) {
    const packed = deflateRawSync(bytes), head = Buffer.alloc(30), entry = Buffer.alloc(46);
    head.writeUInt32LE(0x04034b50, 0); head.writeUInt16LE(8, 8); head.writeUInt32LE(crc32(bytes), 14);
    head.writeUInt32LE(packed.length, 18); head.writeUInt32LE(bytes.length, 22); head.writeUInt16LE(name.length, 26);
    entry.writeUInt32LE(0x02014b50, 0); entry.writeUInt16LE(8, 10); entry.writeUInt32LE(crc32(bytes), 16);
    entry.writeUInt32LE(packed.length, 20); entry.writeUInt32LE(bytes.length, 24); entry.writeUInt16LE(name.length, 28); entry.writeUInt32LE(at, 42);
    body.push(head, Buffer.from(name), packed);
    directory.push(entry, Buffer.from(name));
    at += 30 + name.length + packed.length;
  }
  const d = Buffer.concat(directory), end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0); end.writeUInt16LE(entries.length, 8); end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(d.length, 12); end.writeUInt32LE(at, 16);
  return Buffer.concat([...body, d, end]);
}

test("files of a consult: kept, shown as the PACS local, refused by name", { timeout: 90000 }, async (t) => {
  const gateway = await Gateway.start({ yaml: "imaging:\n  enabled: true\n" });
  t.after(() => gateway.stop());
  const token = gateway.token("c", "clinic", { id: "clinic", grant: "create" });
  const { client } = await RpcClient.join(gateway.url, { token });
  t.after(() => client.close());
  const base = `${gateway.url}/api/v1/consults/c`, auth = { authorization: `Bearer ${token}` };
  const put = (name: string, body: Uint8Array, as = token): Promise<Response> =>
    fetch(`${base}/uploads/${name}`, { method: "PUT", body: new Uint8Array(body), headers: { authorization: `Bearer ${as}` } });
  const send = async (name: string, body: Uint8Array): Promise<Item[]> => {
    let r = await until("the gateway takes files", 15000, async () => { const a = await put(name, body); return a.status === 503 ? undefined : a; });
    while (r.status === 202) r = await fetch(`${base}/uploads/${name}`, { headers: auth });
    assert.equal(r.status, 200, await r.clone().text());
    return ((await r.json()) as Answer).items;
  };
  const get = (path: string): Promise<Response> => fetch(`${base}/studies${path}`, { headers: auth });

  // Small: through memory; large: through a file; the same once more.
  assert.deepEqual(await send("a", object(1)), [{ n: 1, result: "stored", study: STUDY, series: SERIES, instance: `${SERIES}.1` }]);
  const large = object(2, 1024);
  assert.equal((await send("b", large))[0]?.result, "stored");
  assert.equal((await send("b", large))[0]?.result, "stored"); // of the same name: the answer that it had
  assert.equal((await send("b2", large))[0]?.result, "present");
  // A patient's CD, with a name in a name.
  const cd = await send("cd", zip([["DICOM/", Buffer.alloc(0)], ["DICOM/ZHANG^SAN.dcm", object(3)], ["README.TXT", Buffer.from("See the images with the viewer.")], ["x.dcm", object(4).subarray(0, 2000)]]));
  assert.deepEqual(cd.map((i) => i.result), ["stored", "not_dicom", "damaged"]);
  assert.equal(cd[2]?.fault, "pixels-short");
  assert.equal((await send("heic", Buffer.from("000000186674797068656963000000006d69663168656963", "hex")))[0]?.result, "heic");

  // It is one more PACS.
  const found = (await (await get("?pacs=local&PatientID=T1")).json()) as Record<string, { Value: unknown[] }>[];
  assert.equal(found.length, 1);
  assert.equal(found[0]?.["0020000D"]?.Value[0], STUDY);
  assert.equal(found[0]?.["00201208"]?.Value[0], 3);
  assert.deepEqual(await (await fetch(`${base}/pacs`, { headers: auth })).json(), { items: ["local"] });
  assert.equal((await get(`/local/${STUDY}/metadata`)).status, 404); // not on the table
  const { version } = (await client.call("table.floor", { action: "take" })) as { version: number };
  await client.call("table.patch", { base: version, studies: { put: [{ pacs: "local", study: STUDY }] } });
  const series = (await (await get(`/local/${STUDY}/series`)).json()) as Record<string, { Value: unknown[] }>[];
  assert.deepEqual(series.map((s) => [s["0020000E"]?.Value[0], s["00200011"]?.Value, s["00201209"]?.Value[0]]), [[SERIES, undefined, 3]]);
  const metadata = (await (await get(`/local/${STUDY}/metadata`)).json()) as Record<string, { Value: unknown[] }>[];
  assert.deepEqual(metadata.map((m) => m["00200013"]?.Value[0]), [1, 2, 3]);
  const frame = `/local/${STUDY}/series/${SERIES}/instances/${SERIES}.2/frames/1`, pixels = made(2, 1024).pixels;
  const whole = await get(frame);
  assert.deepEqual(Buffer.from(await whole.arrayBuffer()), pixels);
  assert.equal(whole.headers.get("etag"), `"${createHash("sha256").update(pixels).digest("hex")}"`);
  assert.equal(whole.headers.get("huizhen-transfer-syntax"), "1.2.840.10008.1.2.1");
  // For a viewer it is HTJ2K, as of any other PACS: the same samples, a smaller picture first.
  const viewer = { ...auth, accept: "image/jphc, */*;q=0.5" }, header = "pixels=1024,1024,1,16,12,0,0,MONOCHROME2";
  const turned = async (): Promise<Response> => {
    const r = await until("it is turned", 30000, async () => { const a = await fetch(`${base}/studies${frame}?${header}`, { headers: viewer }); return a.status === 503 ? undefined : a; });
    assert.equal(r.headers.get("content-type"), "image/jphc");
    return r;
  };
  const out = mkdtempSync(join(tmpdir(), "hz-uploads-"));
  t.after(() => rmSync(out, { recursive: true, force: true }));
  const expand = (stream: Buffer): Buffer => {
    writeFileSync(join(out, "t.j2c"), stream);
    execFileSync("ojph_expand", ["-i", join(out, "t.j2c"), "-o", join(out, "t.yuv")], { stdio: ["ignore", "ignore", "pipe"] });
    return readFileSync(join(out, "t.yuv"));
  };
  const first = await turned(), stream = Buffer.from(await first.arrayBuffer());
  assert.deepEqual(expand(stream), pixels);
  const ends = first.headers.get("huizhen-resolutions")!.split(",").map(Number);
  assert.ok(ends.length >= 3 && ends.every((end, i) => end > (ends[i - 1] ?? 0) && end < stream.length), String(ends));
  const part = await fetch(`${base}/studies${frame}?${header}`, { headers: { ...viewer, range: `bytes=0-${ends[0]! - 1}` } });
  assert.equal(part.status, 206);
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), stream.subarray(0, ends[0]));

  // Who may not: neither small nor large, and nothing is left of it.
  for (const body of [object(9), object(9, 1024)]) {
    for (const as of [gateway.token("c", "patient", { id: "p" }), gateway.token("other", "clinic", { id: "clinic" })]) {
      const refused = await put("no", body, as).catch(() => undefined); // a server that hangs up on a body is an answer, too
      assert.ok(!refused || refused.status === 403, String(refused?.status));
    }
  }
  const huge = await fetch(`${base}/uploads/huge`, { method: "PUT", body: new Uint8Array(300000), headers: { ...auth, "content-length": String(2 ** 31) } }).catch(() => undefined);
  assert.ok(!huge || huge.status >= 400);

  // huizhen-studies dies: what it had is there again, and so it is when the index is lost.
  for (const lose of [false, true]) {
    const pid = Number(execFileSync("pgrep", ["-P", String(gateway.process.pid), "-f", "^huizhen-studies"], { encoding: "utf8" }).trim());
    if (lose) for (const name of readdirSync(join(gateway.dataDir, "studies"))) if (name.startsWith("index.db")) execFileSync("truncate", ["-s", "100", join(gateway.dataDir, "studies", name)]);
    process.kill(pid, "SIGKILL");
    await until("images are back", 15000, async () => { const r = await get(frame); return r.status === 200 && Buffer.from(await r.arrayBuffer()).equals(pixels) ? true : undefined; });
    assert.deepEqual(expand(Buffer.from(await (await turned()).arrayBuffer())), pixels);
  }
  assert.equal((await send("e", object(5)))[0]?.result, "stored");
  const log = gateway.log();
  assert.ok(!/ZHANG|README|Test\^Image/.test(log), "a name in the log");
});

test("a phone photo becomes an object of the consult's patient, its JPEG bit by bit", { timeout: 60000 }, async (t) => {
  const gateway = await Gateway.start({ yaml: "imaging:\n  enabled: true\n" });
  t.after(() => gateway.stop());
  const token = gateway.token("c", "clinic", { id: "clinic", grant: "create" });
  const { client } = await RpcClient.join(gateway.url, { token });
  t.after(() => client.close());
  const base = `${gateway.url}/api/v1/consults/c`, auth = { authorization: `Bearer ${token}` };
  const jpeg = execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc=size=321x241", "-frames:v", "1", "-pix_fmt", "yuvj420p", "-flags:v", "+bitexact", "-f", "mjpeg", "-"]);
  const send = async (name: string): Promise<Item | undefined> => {
    const r = await until("the gateway takes files", 15000, async () => { const a = await fetch(`${base}/uploads/${name}`, { method: "PUT", body: new Uint8Array(jpeg), headers: auth }); return a.ok ? a : undefined; });
    return ((await r.json()) as Answer).items[0];
  };
  const kept = await send("photo");
  assert.equal(kept?.result, "stored");
  assert.equal((await send("again"))?.result, "present");
  const { version } = (await client.call("table.floor", { action: "take" })) as { version: number };
  await client.call("table.patch", { base: version, studies: { put: [{ pacs: "local", study: kept.study }] } });
  const path = `${base}/studies/local/${kept.study}`;
  const frame = await fetch(`${path}/series/${kept.series}/instances/${kept.instance}/frames/1`, { headers: auth });
  const bytes = Buffer.from(await frame.arrayBuffer());
  assert.deepEqual(bytes.subarray(0, jpeg.length), jpeg);
  assert.ok(bytes.length - jpeg.length <= 1); // the pad to an even length
  const [set] = (await (await fetch(`${path}/metadata`, { headers: auth })).json()) as Record<string, { Value: unknown[] }>[];
  assert.equal(set?.["00080016"]?.Value[0], "1.2.840.10008.5.1.4.1.1.77.1.4");
  assert.equal(set?.["00080060"]?.Value[0], "XC");
  // A third party reads it.
  const files = readdirSync(join(gateway.dataDir, "studies")).filter((n) => /^[0-9a-f]{64}$/.test(n));
  assert.equal(files.length, 1);
  const dump = execFileSync("dcmdump", ["-q", join(gateway.dataDir, "studies", files[0]!)], { encoding: "utf8" });
  assert.match(dump, /VLPhotographicImageStorage/);
  if (existsSync("/usr/bin/dciodvfy")) assert.doesNotMatch(execFileSync("sh", ["-c", 'dciodvfy "$1" 2>&1 || true', "sh", join(gateway.dataDir, "studies", files[0]!)], { encoding: "utf8" }), /^Error/m);
});

test("one person has four uploads on their way, and others still theirs; what is refused may come again", { timeout: 60000 }, async (t) => {
  const gateway = await Gateway.start({ yaml: "imaging:\n  enabled: true\n" });
  t.after(() => gateway.stop());
  const people: Record<string, string> = { clinic: gateway.token("c", "clinic", { id: "clinic", grant: "create" }), expert: gateway.token("c", "expert", { id: "expert" }) };
  for (const token of Object.values(people)) {
    const { client } = await RpcClient.join(gateway.url, { token });
    t.after(() => client.close());
  }
  const bytes = Buffer.alloc(400000);
  await until("the gateway takes files", 15000, async () => (await fetch(`${gateway.url}/api/v1/consults/c/uploads/first`, { method: "PUT", body: new Uint8Array(bytes), headers: { authorization: `Bearer ${people["clinic"]}` } })).status === 200 || undefined);
  const begin = (name: string, as: string): { status: Promise<number>; sent: ClientRequest } => {
    const sent = request(`${gateway.url}/api/v1/consults/c/uploads/${name}`, { method: "PUT", headers: { authorization: `Bearer ${people[as]}`, "content-length": bytes.length } });
    const status = new Promise<number>((done) => void sent.on("response", (r) => { r.resume(); done(r.statusCode ?? 0); }).on("error", () => done(0)));
    sent.write(bytes.subarray(0, 1000));
    return { status, sent };
  };
  const mine = [1, 2, 3, 4].map((n) => begin(`m${n}`, "clinic"));
  const fifth = await until("the fifth is one too many", 15000, async () => {
    const one = begin("m5", "clinic"), status = await Promise.race([one.status, new Promise<number>((done) => setTimeout(done, 500, -1))]);
    one.sent.destroy(); // they may not all have arrived yet
    return status === 429 ? status : undefined;
  });
  assert.equal(fifth, 429);
  const other = begin("o1", "expert");
  other.sent.end(bytes.subarray(1000));
  assert.ok([200, 202].includes(await other.status));
  for (const one of mine) one.sent.end(bytes.subarray(1000));
  for (const one of mine) assert.ok([200, 202].includes(await one.status));
  const again = begin("m5", "clinic");
  again.sent.end(bytes.subarray(1000));
  assert.ok([200, 202].includes(await again.status));
});
