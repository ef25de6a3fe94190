// What was shown and drawn comes back from a real Orthanc as presentation states and Key Object Selections that dciodvfy finds no
// error in; once however often it is asked for; later where the PACS is away, also over kill -9; at the end by itself.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dicomErrors } from "../lib/dicom.ts";
import { dicomFile, samplesOf, type Shape } from "../lib/dicom-make.ts";
import { Gateway, until } from "../lib/gateway.ts";
import { Orthanc, hasOrthanc } from "../lib/orthanc.ts";
import { RpcClient, errorCode } from "../lib/rpc.ts";

const skip = hasOrthanc() ? false : "no Orthanc", STUDY = "2.25.4712", SERIES = `${STUDY}.1`, COLOUR = `${STUDY}.2`;
const folder = mkdtempSync(join(tmpdir(), "hz-kept-"));
let orthanc: Orthanc, gateway: Gateway, client: RpcClient, base = 0;

async function store(series: string, n: number, shape: Shape, more: Record<string, string> = {}): Promise<void> {
  const file = dicomFile({ shape, pixels: samplesOf(shape) }, { study: STUDY, series, instance: `${series}.${n}`, number: n }, undefined, more);
  await orthanc.store(file);
}
const CT = { "00280030": "0.8\\0.8", "00200037": "1\\0\\0\\0\\1\\0", "00200032": "0\\0\\0", "00281050": "40", "00281051": "400", "00281052": "-1024", "00281053": "1" };

before(async () => {
  if (skip) return;
  orthanc = await Orthanc.started();
  for (const n of [1, 2, 3]) await store(SERIES, n, { rows: 64, columns: 64, samples: 1, stored: 16, signed: false }, CT);
  await store(COLOUR, 1, { rows: 32, columns: 32, samples: 3, stored: 8, signed: false });
  gateway = await Gateway.start({ yaml: orthanc.yaml });
  ({ client } = await RpcClient.join(gateway.url, { token: gateway.token("c", "clinic", { id: "clinic", grant: "create" }) }));
  base = ((await client.call("table.floor", { action: "take" })) as { version: number }).version;
});
after(async () => {
  client?.close();
  await gateway?.stop();
  await orthanc?.done();
  rmSync(folder, { recursive: true, force: true });
});

const patch = async (change: object): Promise<void> => void (base = ((await client.call("table.patch", { base, ...change })) as { version: number }).version);
const line = (id: string, n: number): object => ({ id, kind: "line", on: { pacs: "main", study: STUDY, series: SERIES, instance: `${SERIES}.${n}`, frame: 0 }, points: [[1, 1], [31.5, 1]], value: 24.4, unit: "mm" });

interface Tags { Modality?: string; SOPInstanceUID?: string }
// Objects of a modality in Orthanc.
async function objects(modality: string): Promise<{ uid: string; file: Buffer }[]> {
  const found: { uid: string; file: Buffer }[] = [];
  for (const id of await orthanc.instances()) {
    const tags = (await (await orthanc.ask(`/instances/${id}/simplified-tags`)).json()) as Tags;
    if (tags.Modality === modality) found.push({ uid: tags.SOPInstanceUID ?? "", file: Buffer.from(await (await orthanc.ask(`/instances/${id}/file`)).arrayBuffer()) });
  }
  return found;
}
async function news(state: string, ms: number): Promise<Record<string, unknown>> {
  const found = await until(`table.kept ${state}`, ms, () => client.pushes.find((p) => p.method === "table.kept" && p.params["state"] === state)?.params);
  client.pushes.length = 0;
  return found;
}
function check(name: string, file: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, file);
  assert.deepEqual(dicomErrors(path), [], name);
  return execFileSync("dcmdump", ["+L", "-q", path], { encoding: "utf8" });
}

test("a presentation state and key objects come back, without an error of dciodvfy", { skip, timeout: 60000 }, async () => {
  assert.equal(await errorCode(client.call("table.keep", {})), -32004, "nothing lies there");
  await patch({
    studies: { put: [{ pacs: "main", study: STUDY, label: "CT" }] }, layout: "pair",
    viewports: [{ at: 0, image: { pacs: "main", study: STUDY, series: SERIES, instance: `${SERIES}.2` }, frame: 0, center: 50, width: 350, rotation: 90, flip: true, zoom: 2 },
      { at: 1, image: { pacs: "main", study: STUDY, series: COLOUR, instance: `${COLOUR}.1` }, frame: 0 }],
    put: [line("l1", 1), { ...line("a1", 2), id: "a1", kind: "arrow", text: "结节 nodule" }, { ...line("e1", 2), id: "e1", kind: "ellipse" }, { ...line("t1", 3), id: "t1", kind: "text", text: "look here\n--huizhen-kept-4f1b7c2e9a6d\nContent-Type: application/dicom", points: [[5, 5]] }],
  });
  await client.call("table.keep", {});
  assert.deepEqual(await news("kept", 20000), { pacs: "main", study: STUDY, state: "kept" });
  const states = await objects("PR"), keys = await objects("KO");
  assert.deepEqual([states.length, keys.length], [2, 1], "a state for each way of turning, one selection");
  const text = states.map((s, i) => check(`pr${i}.dcm`, s.file)).join("\n");
  for (const wanted of [/\[350\] +#.*WindowWidth/, /\[270\]|US 270 +#.*ImageRotation/, /\[Y\] +#.*ImageHorizontalFlip/, /\[ELLIPSE\]/, /\[POLYLINE\]/, /结节 nodule/, /24\.4 mm/, /look here/, /\[-1024\] +#.*RescaleIntercept/])
    assert.match(text, wanted);
  const key = check("ko.dcm", keys[0]!.file);
  for (const wanted of [`${SERIES}.1`, `${SERIES}.2`, `${SERIES}.3`, `${COLOUR}.1`, states[0]!.uid, states[1]!.uid, "113000", "Test^Image"]) assert.ok(key.includes(wanted), wanted);
});

test("the same again is the same objects, and is not sent again; something else is others", { skip, timeout: 60000 }, async () => {
  const first = (await objects("KO"))[0]!.uid, changes = ((await (await orthanc.ask("/changes?limit=1000")).json()) as { Last: number }).Last;
  await client.call("table.keep", {});
  await news("kept", 20000);
  const events = (await (await fetch(`${gateway.url}/api/v1/consults/c/events`, { headers: { Authorization: `Bearer ${gateway.token("c", "clinic", { id: "clinic" })}` } })).json()) as { items: { type: string; participant: string; studies?: number }[] };
  assert.deepEqual(events.items.filter((e) => e.type === "keep").map((e) => [e.participant, e.studies]), [["clinic", 1], ["clinic", 1]], "who asked for it");
  assert.equal(((await (await orthanc.ask("/changes?limit=1000")).json()) as { Last: number }).Last, changes, "nothing came");
  await patch({ remove: ["t1"] });
  await client.call("table.keep", {});
  await news("kept", 20000);
  const keys = await objects("KO");
  assert.equal(keys.length, 2);
  assert.ok(keys.some((k) => k.uid === first));
});

test("the PACS is away: said so, kept on the disk over kill -9, and in the PACS once it is there", { skip, timeout: 90000 }, async () => {
  await orthanc.stop();
  await patch({ put: [line("l2", 3)] });
  await client.call("table.keep", {});
  assert.equal((await news("waiting", 20000))["reason"], "away");
  const pid = Number(execFileSync("pgrep", ["-P", String(gateway.process.pid), "-f", "^huizhen-imaging"], { encoding: "utf8" }).trim().split("\n")[0]);
  process.kill(pid, "SIGKILL");
  await orthanc.start();
  await news("kept", 40000);
  assert.equal((await objects("KO")).length, 3);
});

test("what was drawn is kept at the end of the consult, and by nobody's hand", { skip, timeout: 60000 }, async () => {
  await patch({ put: [line("l3", 1)] });
  const closed = await fetch(`${gateway.url}/api/v1/consults/c`, { method: "DELETE", headers: { Authorization: `Bearer ${gateway.token("c", "clinic", { id: "clinic" })}` } });
  assert.ok(closed.ok, String(closed.status));
  await until("the fourth", 20000, async () => (await objects("KO")).length === 4);
  for (const [i, one] of [...(await objects("PR")), ...(await objects("KO"))].entries()) check(`end${i}.dcm`, one.file);
});
