// Images of a real PACS (Orthanc with its DICOMweb plugin) through the gateway: search, metadata and frames of a study on the table,
// bit by bit as the PACS has them, for who is in the consult only; what is left when the PACS or huizhen-imaging dies.
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dicomFile } from "../lib/dicom-make.ts";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { Orthanc, hasOrthanc } from "../lib/orthanc.ts";
import { RpcClient } from "../lib/rpc.ts";

const STUDY = "1.2.826.0.1.3680043.10.1", SERIES = `${STUDY}.1`, FRAMES = 4, SIDE = 64;

// An object whose pixels say which it is.
const pixels = (n: number): Buffer => Buffer.from(Uint16Array.from({ length: SIDE * SIDE }, (_, i) => (i * 7 + n * 1000) & 0x0fff).buffer);
const dicom = (n: number): Buffer => dicomFile({ shape: { rows: SIDE, columns: SIDE, samples: 1, stored: 12, signed: false, modality: "OT" }, pixels: pixels(n) },
  { study: STUDY, series: SERIES, instance: `${SERIES}.${n}`, number: n }, undefined, { "00100010": "Test^Images", "00100020": "images-1" });

test("a study of Orthanc on the table: frames as they are, and what is left when it dies", { timeout: 90000, skip: !hasOrthanc() }, async (t) => {
  const orthanc = await Orthanc.started(), folder = mkdtempSync(join(tmpdir(), "hz-images-"));
  t.after(async () => { await orthanc.done(); rmSync(folder, { recursive: true, force: true }); });
  for (let n = 1; n <= FRAMES; n++) await orthanc.store(dicom(n));
  const gateway = await Gateway.start({ yaml: `imaging:\n  enabled: true\n  pacs: "main=${orthanc.url}, gone=http://127.0.0.1:1/dicom-web"\n  user: huizhen\n  password: secret\n` });
  t.after(() => gateway.stop());
  const { client } = await RpcClient.join(gateway.url, { token: gateway.token("c", "clinic", { id: "clinic", grant: "create" }) });
  t.after(() => client.close());
  const token = gateway.token("c", "clinic", { id: "clinic" });
  const get = (path: string, headers: Record<string, string> = {}, as = token): Promise<Response> =>
    fetch(`${gateway.url}/api/v1/consults/c/studies${path}`, { headers: { authorization: `Bearer ${as}`, ...headers } });
  const frame = (n: number): string => `/main/${STUDY}/series/${SERIES}/instances/${SERIES}.${n}/frames/1`;

  const found = await until("the search", 15000, async () => { const r = await get("?pacs=main&PatientID=images-1"); return r.ok ? ((await r.json()) as Record<string, { Value: string[] }>[]) : undefined; });
  assert.equal(found.length, 1);
  assert.equal(found[0]?.["0020000D"]?.Value[0], STUDY);
  assert.equal((await get("?pacs=gone")).status, 502);
  assert.equal((await get("?pacs=nobody")).status, 404);
  assert.equal((await get("")).status, 400);

  // Only what lies on the table, only for who is in the consult.
  assert.equal((await get(`/main/${STUDY}/metadata`)).status, 404);
  const { version } = (await client.call("table.floor", { action: "take" })) as { version: number };
  await client.call("table.patch", { base: version, studies: { put: [{ pacs: "main", study: STUDY }] } });
  const metadata = (await (await get(`/main/${STUDY}/metadata`)).json()) as unknown[];
  assert.equal(metadata.length, FRAMES);
  assert.equal((await get(frame(1), {}, gateway.token("c", "expert", { id: "not-there" }))).status, 403);
  assert.equal((await get(frame(1), {}, gateway.token("other", "expert", { id: "clinic" }))).status, 403);
  assert.equal((await get(`/main/${STUDY}.9/metadata`)).status, 404);

  // The pixels, whole and in part.
  for (let n = 1; n < FRAMES; n++) {
    const answer = await get(frame(n));
    assert.equal(answer.status, 200);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), pixels(n));
  }
  const part = await get(frame(1), { range: "bytes=100-199" }), etag = part.headers.get("etag") ?? "";
  assert.equal(part.status, 206);
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), pixels(1).subarray(100, 200));
  assert.equal((await get(frame(1), { "if-none-match": etag })).status, 304);

  // For a viewer that says what the frame is: HTJ2K, exact, its resolutions prefixes of it.
  const header = `pixels=${SIDE},${SIDE},1,16,12,0,0,MONOCHROME2`, viewer = { accept: "image/jphc, */*;q=0.5" };
  for (let n = 1; n < FRAMES; n++) {
    const turned = await get(`${frame(n)}?${header}`, viewer), stream = Buffer.from(await turned.arrayBuffer());
    assert.equal(turned.headers.get("content-type"), "image/jphc");
    assert.equal(turned.headers.get("huizhen-transfer-syntax"), "1.2.840.10008.1.2.4.202");
    const ends = (turned.headers.get("huizhen-resolutions") ?? "").split(",").map(Number);
    assert.ok(ends.length >= 1 && ends.every((end, i) => end > (ends[i - 1] ?? 0) && end < stream.length), `resolutions ${ends}`);
    writeFileSync(join(folder, "t.j2c"), stream);
    execFileSync("ojph_expand", ["-i", join(folder, "t.j2c"), "-o", join(folder, "t.yuv")], { stdio: ["ignore", "ignore", "pipe"] });
    assert.deepEqual(readFileSync(join(folder, "t.yuv")), pixels(n));
    const coarse = await get(`${frame(n)}?${header}`, { ...viewer, range: `bytes=0-${(ends[0] ?? 1) - 1}` });
    assert.equal(coarse.status, 206);
    assert.deepEqual(Buffer.from(await coarse.arrayBuffer()), stream.subarray(0, ends[0]));
  }
  assert.deepEqual(Buffer.from(await (await get(`${frame(1)}?${header}`)).arrayBuffer()), pixels(1), "who does not know the word gets what is stored");
  const wrong = await get(`${frame(1)}?pixels=${SIDE},${SIDE - 1},1,16,12,0,0,MONOCHROME2`, viewer);
  assert.deepEqual(Buffer.from(await wrong.arrayBuffer()), pixels(1), "who is wrong about the frame, too");
  assert.equal((await get(`${frame(1)}?pixels=64`, viewer)).status, 400);

  // The PACS dies: what was had is there, the rest says why; and is there again once the PACS is.
  await orthanc.stop();
  assert.equal((await get(frame(2))).status, 200);
  const lost = await get(frame(FRAMES));
  assert.equal(lost.status, 502);
  assert.match(((await lost.json()) as { detail: string }).detail, /PACS/);
  await orthanc.start();
  assert.equal((await get(frame(FRAMES))).status, 200);

  // huizhen-imaging dies: images are back within 2 s, and nobody else notices.
  const control = gateway.pidOf("control"), killed = gateway.process.pid ?? 0;
  const pid = Number(execFileSync("pgrep", ["-P", String(killed), "-f", "^huizhen-imaging"], { encoding: "utf8" }).trim().split("\n")[0]);
  process.kill(pid, "SIGKILL");
  const at = performance.now();
  await until("images again", 10000, async () => (await get(frame(1))).status === 200);
  console.log(`# images are back ${(performance.now() - at).toFixed(0)} ms after kill -9 of huizhen-imaging`);
  await sleep(50);
  assert.equal(gateway.pidOf("control"), control);
  assert.equal(client.closeCode, undefined);
});
