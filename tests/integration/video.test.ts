// A video of a PACS and of a file: each picture comes through the gateway as ffmpeg decodes it, from Orthanc as HTJ2K, of a file as it is,
// and what is beyond its end, or asked for as something else, is an error.
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dicomFile } from "../lib/dicom-make.ts";
import { Gateway, until } from "../lib/gateway.ts";
import { Orthanc, hasOrthanc } from "../lib/orthanc.ts";
import { RpcClient } from "../lib/rpc.ts";

const STUDY = "1.2.826.0.1.3680043.10.44", SERIES = `${STUDY}.1`, COLUMNS = 96, ROWS = 80, FRAMES = 24;

// H.264 in one fragment, and the planes that ffmpeg decodes of it.
function video(folder: string): { file: Buffer; planes: Buffer } {
  const stream = join(folder, "v.h264"), raw = join(folder, "v.yuv"), quiet = ["-nostdin", "-v", "error", "-y"];
  execFileSync("ffmpeg", [...quiet, "-f", "lavfi", "-i", `testsrc2=s=${COLUMNS}x${ROWS}:r=25`, "-frames:v", String(FRAMES), "-c:v", "libx264", "-g", "8", "-bf", "2", "-pix_fmt", "yuv420p", stream]);
  execFileSync("ffmpeg", [...quiet, "-i", stream, "-vsync", "0", "-f", "rawvideo", raw]);
  const shape = { rows: ROWS, columns: COLUMNS, samples: 3 as const, stored: 8, signed: false, modality: "ES" };
  const file = dicomFile({ shape, pixels: Buffer.alloc(0) }, { study: STUDY, series: SERIES, instance: `${SERIES}.1` },
    { syntax: "1.2.840.10008.1.2.4.102", bytes: readFileSync(stream), photometric: "YBR_PARTIAL_420" }, { "00280008": String(FRAMES), "00181063": "40" });
  return { file, planes: readFileSync(raw) };
}

// BT.601, limited range, chroma repeated: the furthest that a sample of RGB is from it.
function worst(rgb: Buffer, planes: Buffer, frame: number): number {
  const size = COLUMNS * ROWS, at = frame * size * 1.5;
  let most = 0;
  for (let y = 0; y < ROWS; y++) {
    for (let x = 0; x < COLUMNS; x++) {
      const c = (y >> 1) * (COLUMNS / 2) + (x >> 1), l = (255 / 219) * (planes[at + y * COLUMNS + x]! - 16);
      const b = (255 / 224) * (planes[at + size + c]! - 128), r = (255 / 224) * (planes[at + size * 1.25 + c]! - 128);
      [l + 1.402 * r, l - 0.344136 * b - 0.714136 * r, l + 1.772 * b].forEach((want, k) => {
        most = Math.max(most, Math.abs(rgb[3 * (y * COLUMNS + x) + k]! - Math.min(255, Math.max(0, want))));
      });
    }
  }
  return most;
}

// Of a PPM, what is behind its three lines.
function expand(folder: string, stream: Buffer): Buffer {
  const from = join(folder, "t.j2c"), to = join(folder, "t.ppm");
  writeFileSync(from, stream);
  execFileSync("ojph_expand", ["-i", from, "-o", to], { stdio: ["ignore", "ignore", "pipe"] });
  return readFileSync(to).subarray(-3 * COLUMNS * ROWS);
}

test("frames of a video, of a file and of Orthanc", { timeout: 90000, skip: !hasOrthanc() }, async (t) => {
  const orthanc = await Orthanc.started(), folder = mkdtempSync(join(tmpdir(), "hz-video-"));
  t.after(async () => { await orthanc.done(); rmSync(folder, { recursive: true, force: true }); });
  const { file, planes } = video(folder);
  await orthanc.store(file);
  const gateway = await Gateway.start({ yaml: orthanc.yaml });
  t.after(() => gateway.stop());
  const token = gateway.token("c", "clinic", { id: "clinic", grant: "create" });
  const { client } = await RpcClient.join(gateway.url, { token });
  t.after(() => client.close());
  const base = `${gateway.url}/api/v1/consults/c`, auth = { authorization: `Bearer ${token}` };
  const put = (): Promise<Response> => fetch(`${base}/uploads/video`, { method: "PUT", body: new Uint8Array(file), headers: auth });
  let taken = await until("the gateway takes files", 20000, async () => { const a = await put(); return a.status === 503 ? undefined : a; });
  while (taken.status === 202) taken = await fetch(`${base}/uploads/video`, { headers: auth });
  assert.deepEqual(((await taken.json()) as { items: { result: string; fault?: string }[] }).items.map((i) => [i.result, i.fault]), [["stored", undefined]]);
  const { version } = (await client.call("table.floor", { action: "take" })) as { version: number };
  await client.call("table.patch", { base: version, studies: { put: [{ pacs: "main", study: STUDY }, { pacs: "local", study: STUDY }] } });
  const get = (pacs: string, rest: string): Promise<Response> =>
    fetch(`${base}/studies/${pacs}/${STUDY}/series/${SERIES}/instances/${SERIES}.1/${rest}`, { headers: { ...auth, accept: "image/jphc, */*;q=0.5" } });
  const pixels = `pixels=${ROWS},${COLUMNS},3,8,8,0,0,YBR_PARTIAL_420`;

  const [header] = (await (await get("local", "metadata")).json()) as Record<string, { Value: unknown[] }>[];
  assert.deepEqual([header?.["00280004"]?.Value[0], header?.["00083002"]?.Value[0]], ["RGB", "1.2.840.10008.1.2.1"]);
  for (const n of [1, 2, 24, 13]) {
    const answer = await get("local", `frames/${n}`), rgb = Buffer.from(await answer.arrayBuffer());
    assert.equal(answer.status, 200);
    assert.equal(rgb.length, 3 * COLUMNS * ROWS);
    assert.ok(worst(rgb, planes, n - 1) <= 0.51, `frame ${n} is off by ${worst(rgb, planes, n - 1)}`);
    const turned = await get("main", `frames/${n}?${pixels}`);
    assert.equal(turned.status, 200, await turned.clone().text());
    assert.equal(turned.headers.get("content-type"), "image/jphc");
    assert.ok(expand(folder, Buffer.from(await turned.arrayBuffer())).equals(rgb), `frame ${n} of the PACS is another one`);
  }
  assert.equal((await get("main", `frames/${FRAMES + 1}?${pixels}`)).status, 404);
  assert.equal((await get("main", `frames/1?${pixels.replace(String(ROWS), String(ROWS + 2))}`)).status, 502);
});
