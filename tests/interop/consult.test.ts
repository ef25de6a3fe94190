// From a consult to the record in PACS and EMR, without a hand: two people in Chromium consent, talk and leave; the gateway
// finalises, delivers, composes and delivers again. Then one altered byte of anything is found and named.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { launchChromium } from "../lib/browser.ts";
import { FhirServer } from "../lib/fhir.ts";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { Orthanc } from "../lib/orthanc.ts";
import { chromiumPerson, readTiles, seen, tap, type Person } from "../lib/pages.ts";

const TALK_MS = 12000;
const PATIENT = { id: "P1", id_system: "urn:oid:1.2.156.7", name: "王小东", sex: "male", birth_date: "1970-01-31" };
interface Listed { id: string; phase: string; folder: string; error: string; ended_ms: number; composing?: { phase: string; error: string } }
interface Instance { path: string; file: string; instance: string; sha256: string }
let orthanc: Orthanc, fhir: FhirServer, gateway: Gateway, chromium: Browser, host: Person, patient: Person;
let record: Listed;

const list = (): Listed[] => (JSON.parse(gateway.cli(["record", "list", "--json"])) as { records: Listed[] }).records;
const sha256 = (data: Buffer): string => createHash("sha256").update(data).digest("hex");
const json = <T>(path: string): T => JSON.parse(readFileSync(join(record.folder, path), "utf8")) as T;
const instances = (): Instance[] => json<{ instances: Instance[] }>("dicom/index.json").instances;
const verify = (): { status: number | null; out: string } => {
  const r = spawnSync(gateway.binary, ["record", "verify"], { env: gateway.env, cwd: gateway.dataDir, encoding: "utf8" });
  return { status: r.status, out: r.stdout + r.stderr };
};

before(async () => {
  orthanc = await Orthanc.started();
  fhir = await FhirServer.start();
  gateway = await Gateway.start({ env: {
    HUIZHEN_RECORD_DEFAULT: "automatic", HUIZHEN_RECORD_COMPOSE: "true", HUIZHEN_RECORD_PACS_COMPOSED: "true", HUIZHEN_RECORD_RETRY_SECONDS: "2",
    HUIZHEN_RECORD_PACS_URL: orthanc.url, HUIZHEN_RECORD_PACS_USER: "huizhen", HUIZHEN_RECORD_PACS_PASSWORD: "secret", HUIZHEN_RECORD_EMR_URL: fhir.url,
    HUIZHEN_RECORD_EMR_TOKEN_URL: fhir.tokenUrl, HUIZHEN_RECORD_EMR_CLIENT_ID: "gateway", HUIZHEN_RECORD_EMR_CLIENT_SECRET: "s ecret",
    HUIZHEN_RECORD_EMR_SCOPE: "system/*.write", HUIZHEN_LINKS_PUBLIC_URL: "https://huizhen.example.org", TZ: "Asia/Shanghai",
  } });
  chromium = await launchChromium();
  host = await chromiumPerson(chromium, 1, 500);
  patient = await chromiumPerson(chromium, 2, 800);
});
after(async () => {
  await chromium?.close();
  await gateway?.stop();
  await orthanc?.done();
  await fhir?.stop();
});

async function enter(person: Person, role: string, name: string): Promise<void> {
  await person.page.goto(gateway.link("visit", role, name));
  await tap(person.page, "join-button");
  await tap(person.page, "consent-yes");
  await tap(person.page, "enter-button", 20000);
}

const sees = (person: Person, id: number): Promise<unknown> =>
  until(`${person.cam.id} sees ${id}`, 20000, async () => (await readTiles(person.page)).some((t) => t.id === id && t.age_ms < 2000));

test("two people consent and talk; within 30 s of the last leave the tracks are in PACS and EMR", { timeout: 180000 }, async () => {
  const made = await gateway.api(gateway.token("visit", "admin", { grant: "create" }), "POST", "/api/v1/consults",
    { id: "visit", title: "远程会诊", subject: { patient: PATIENT, accession: "A1", department: "放射科", institution: "县医院" } });
  assert.ok(made.ok, await made.text());
  await enter(host, "clinic", "County Clinic");
  await enter(patient, "patient", "王小东");
  await seen(patient.page, "waiting-room");
  await tap(host.page, "admit");
  await sees(host, 2);
  await sees(patient, 1);
  await sleep(TALK_MS);
  await tap(patient.page, "btn-leave");
  await tap(host.page, "btn-leave");
  const left = Date.now();
  await until("a record that is delivered", 30000, () => list().some((r) => r.phase === "delivered"));
  console.log(`# delivered ${Date.now() - left} ms after the last leave: ${list().length} record(s)`);
  const all = list();
  assert.equal(all.length, 1, JSON.stringify(all));
  record = all[0]!;
  const tracks = instances().filter((one) => one.file.startsWith("tracks/"));
  console.log(`# ${tracks.length} tracks as DICOM: ${tracks.map((one) => one.file).join(" ")}`);
  assert.ok(tracks.length >= 2, JSON.stringify(json("dicom/index.json")));
  for (const one of tracks) assert.equal(sha256((await orthanc.file(one.instance))!), one.sha256, one.path);
  assert.equal((await fhir.all("Encounter")).length, 1);
});

test("then it is composed and delivered once more, by itself; nothing doubles", { timeout: 240000 }, async () => {
  await until("composed and delivered", 180000, () => {
    const now = list()[0]!;
    assert.notEqual(now.composing?.phase, "failed", now.composing?.error);
    return now.phase === "delivered" && now.composing?.phase === "done";
  });
  assert.match(gateway.cli(["record", "list"]), new RegExp(`${record.id} .* delivered .*composed`));
  const movie = join(record.folder, "composed.mp4");
  const probed = JSON.parse(execFileSync("ffprobe", ["-v", "error", "-show_streams", "-show_format", "-of", "json", movie], { encoding: "utf8" })) as
    { streams: { codec_name: string; profile?: string }[]; format: { duration: string } };
  assert.deepEqual(probed.streams.map((s) => s.codec_name).sort(), ["aac", "h264"]);
  assert.ok(Number(probed.format.duration) > TALK_MS / 1000, probed.format.duration);
  const files = json<{ files: { path: string }[] }>("manifest.json").files.map((f) => f.path);
  for (const file of files.filter((f) => !f.endsWith(".jpg"))) {
    const r = spawnSync("ffmpeg", ["-v", "error", "-nostdin", "-i", join(record.folder, file), "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"], { encoding: "utf8" });
    assert.equal(r.status, 0, file);
    assert.equal(r.stderr, "", file);
  }
  // The PACS has the composed picture, too; every object is as it was made, and there once.
  const made = instances();
  assert.ok(made.some((one) => one.file === "composed.mp4"));
  assert.equal((await orthanc.instances()).length, made.length);
  for (const one of made) assert.equal(sha256((await orthanc.file(one.instance))!), one.sha256, one.path);
  // The EMR: what both Bundles name is there once; a document for each file; the study as it is now.
  for (const [type, count] of Object.entries({ Patient: 1, Encounter: 1, Consent: 2, DocumentReference: files.length, ImagingStudy: 1, Provenance: 2, AuditEvent: 2 }))
    assert.equal((await fhir.all(type)).length, count, type);
  assert.deepEqual(fhir.warnings, []);
  assert.equal((await fhir.all("ImagingStudy"))[0]!.numberOfInstances, made.length);
  assert.deepEqual(readdirSync(join(gateway.dataDir, "record/outbox/pacs")), []);
  assert.deepEqual(readdirSync(join(gateway.dataDir, "record/outbox/emr")), []);
  assert.doesNotMatch(gateway.log(), /王小东|County Clinic|s ecret/);
});

test("one altered byte of a journal, a file or the certificate is found and named", { timeout: 120000 }, () => {
  const whole = verify();
  assert.equal(whole.status, 0, whole.out);
  assert.match(gateway.cli(["certificate", record.folder]), /all is as it was signed/);
  const journal = readdirSync(join(record.folder, "journal")).sort()[0]!, track = json<{ files: { path: string }[] }>("manifest.json").files[0]!.path;
  const altered = [`journal/${journal}`, "composed.mp4", track, instances()[0]!.path, "fhir.json", "manifest.json", "timeline.json", "certificate.json"];
  for (const file of altered) {
    const path = join(record.folder, file), before = readFileSync(path), other = Buffer.from(before);
    assert.ok(existsSync(path), file);
    const at = Math.floor(other.length / 2);
    other[at] = other[at]! ^ 1;
    writeFileSync(path, other);
    const found = verify();
    writeFileSync(path, before);
    assert.equal(found.status, 1, `${file}: ${found.out}`);
    assert.match(found.out, new RegExp(`altered +${(file.startsWith("journal/") ? journal : file).replaceAll(".", "\\.")}[ :]`), found.out);
  }
  assert.equal(verify().status, 0);
});
