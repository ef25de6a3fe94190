// Records into a real Orthanc (STOW-RS) and a validating FHIR R4 server: bit-identical, once, also through outages, refusals
// and kill -9.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer, connect, type Server, type Socket } from "node:net";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { Archive } from "../lib/archive.ts";
import { FhirServer } from "../lib/fhir.ts";
import { Orthanc } from "../lib/orthanc.ts";
import { addViewing, makeRecord, setPhase, stateOf, type Made } from "../lib/record.ts";

let orthanc: Orthanc, fhir: FhirServer;


const environment = (pacs = orthanc.url): Record<string, string> => ({
  HUIZHEN_RECORD_PACS_URL: pacs, HUIZHEN_RECORD_PACS_USER: "huizhen", HUIZHEN_RECORD_PACS_PASSWORD: "secret", HUIZHEN_RECORD_EMR_URL: fhir.url,
  HUIZHEN_RECORD_EMR_TOKEN_URL: fhir.tokenUrl, HUIZHEN_RECORD_EMR_CLIENT_ID: "gateway", HUIZHEN_RECORD_EMR_CLIENT_SECRET: "s ecret", HUIZHEN_RECORD_EMR_SCOPE: "system/*.write",
  HUIZHEN_LINKS_PUBLIC_URL: "https://huizhen.example.org",
});

interface Instance { path: string; instance: string; series: string; sha256: string }
const index = (record: Made): { study: string; instances: Instance[]; refused: unknown[] } => JSON.parse(readFileSync(join(record.folder, "dicom/index.json"), "utf8"));
const sha256 = (data: Buffer): string => createHash("sha256").update(data).digest("hex");
// What was sent is taken out right after the answer: who saw it arrive may be earlier.
const emptied = (folder: string): Promise<unknown> => until(`${folder} empty`, 10000, () => {
  const names = readdirSync(folder);
  if (names.length) throw new Error(names.join(", "));
  return true;
});
const delivered = (record: Made, ms = 30000): Promise<unknown> => until(`${record.id} delivered`, ms, () => stateOf(record).phase === "delivered");

before(async () => {
  orthanc = await Orthanc.started();
  fhir = await FhirServer.start();
});
after(async () => {
  await orthanc?.done();
  await fhir?.stop();
});

test("a record stands in PACS and EMR, bit-identical and valid", async () => {
  const archive = new Archive(environment());
  try {
    const record = makeRecord(archive.store, { vp8: true });
    const began = Date.now();
    archive.start();
    await delivered(record);
    console.log(`delivered after ${Date.now() - began} ms`);
    const { study, instances, refused } = index(record);
    assert.equal(instances.length, 2);
    assert.equal(refused.length, 1);
    for (const one of instances) {
      assert.match(execFileSync("sh", ["-c", `dciodvfy ${join(record.folder, one.path)} 2>&1`], { encoding: "utf8" }), /Video/);
      assert.doesNotMatch(execFileSync("sh", ["-c", `dciodvfy ${join(record.folder, one.path)} 2>&1`], { encoding: "utf8" }), /Error/);
      const file = await orthanc.file(one.instance);
      assert.ok(file);
      assert.equal(sha256(file), one.sha256);
      assert.equal(sha256(await orthanc.wado(study, one.series, one.instance)), one.sha256);
    }
    for (const [type, count] of Object.entries({ Patient: 1, Encounter: 1, Consent: 2, DocumentReference: 3, ImagingStudy: 1, Provenance: 1, AuditEvent: 1 }))
      assert.equal((await fhir.all(type)).length, count, type);
    assert.deepEqual(fhir.warnings, []);
    const [encounter] = await fhir.all("Encounter"), [patient] = await fhir.all("Patient");
    assert.equal(encounter!.subject.reference, `Patient/${patient!.id}`);
    const { delivery } = stateOf(record);
    assert.deepEqual([delivery?.pacs.phase, delivery?.emr.phase, delivery?.emr.error], ["sent", "sent", ""]);
    assert.match(archive.metrics(), /huizhen_record_outbox_delivered_total\{destination="pacs"\} 2/);
    assert.match(archive.metrics(), /huizhen_records\{phase="delivered"\} 1/);
    assert.doesNotMatch(archive.log(), /王小东|P1|李医生|secret/);
    assert.match(archive.run("certificate", record.folder), /all is as it was signed/);
    const doctor = JSON.parse(spawnSync(archive.binary, ["doctor", "--json"], { env: archive.environment, cwd: archive.data, encoding: "utf8" }).stdout) as { checks: { check: string; verdict: string }[] };
    assert.equal(doctor.checks.find((one) => one.check === "pacs")?.verdict, "ok");
  } finally {
    await archive.done();
  }
});

test("posted again, nothing doubles", async () => {
  const archive = new Archive(environment());
  try {
    const record = makeRecord(archive.store, { patient: "P-again" });
    archive.start();
    await delivered(record);
    const before = { instances: (await orthanc.instances()).length, encounters: (await fhir.all("Encounter")).length, patients: (await fhir.all("Patient")).length };
    await archive.end("SIGTERM");
    execFileSync("rm", ["-r", join(record.folder, "delivery.json"), join(record.folder, "dicom")]);
    setPhase(record, "finalised");
    archive.start();
    await delivered(record);
    assert.deepEqual({ instances: (await orthanc.instances()).length, encounters: (await fhir.all("Encounter")).length, patients: (await fhir.all("Patient")).length }, before);
    assert.equal((await fhir.all("AuditEvent")).length, before.encounters);
  } finally {
    await archive.done();
  }
});

// Cuts connections in the middle of what is sent.
class Cutter {
  private server!: Server;
  sockets = new Set<Socket>();
  cutting = true;
  port = 0;
  async start(to: number): Promise<void> {
    this.server = createServer((from) => {
      const other = connect(to, "127.0.0.1");
      let left = Math.random() * 400000;
      for (const one of [from, other]) { this.sockets.add(one); one.on("error", () => undefined).on("close", () => { from.destroy(); other.destroy(); this.sockets.delete(one); }); }
      from.on("data", (data) => { left -= data.length; if (this.cutting && left < 0) { from.destroy(); other.destroy(); } else other.write(data); });
      other.pipe(from);
    });
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
    this.port = (this.server.address() as { port: number }).port;
  }
  stop(): void {
    for (const one of this.sockets) one.destroy();
    this.server.close();
  }
}

test("an outage in the middle, connections that break, and kill -9: each object once, none lost, oldest first", async () => {
  const cutter = new Cutter();
  await cutter.start(orthanc.port);
  const archive = new Archive(environment(`http://127.0.0.1:${cutter.port}/dicom-web`));
  const each = { Patient: 1, Encounter: 1, Consent: 2, DocumentReference: 3, ImagingStudy: 1, Provenance: 1, AuditEvent: 1 }; // of a record
  const counted = async (): Promise<number[]> => [(await orthanc.instances()).length, ...(await Promise.all(Object.keys(each).map(async (type) => (await fhir.all(type)).length)))];
  const before = await counted(), fhirPort = fhir.port;
  try {
    const records = Array.from({ length: 5 }, (_, i) => makeRecord(archive.store, { vp8: true, endedMs: Date.now() - 100000 + i * 1000, patient: `P-out-${i}` }));
    for (let round = 0; round < 12; round++) {
      archive.start();
      if (round === 3) await orthanc.stop();
      if (round === 4) await fhir.stop();
      if (round === 8) await orthanc.start();
      if (round === 9) await fhir.listen(fhirPort);
      await sleep(100 + Math.random() * 900);
      await archive.end("SIGKILL");
    }
    cutter.cutting = false;
    archive.start();
    for (const record of records) await delivered(record, 60000);
    assert.deepEqual(await counted(), before.map((n, i) => n + 5 * [2, ...Object.values(each)][i]!));
    for (const record of records) for (const one of index(record).instances) assert.equal(sha256((await orthanc.file(one.instance))!), one.sha256);
    assert.equal(readdirSync(join(archive.store, "outbox/pacs")).length, 0);
    assert.equal(readdirSync(join(archive.store, "outbox/emr")).length, 0);
    assert.deepEqual(fhir.warnings, []);
  } finally {
    await archive.done();
    cutter.stop();
  }
});

test("an EMR that refuses one: parked with its reason, the rest goes on, a hand releases it", async () => {
  const archive = new Archive(environment());
  try {
    fhir.failWith = 422;
    fhir.outcome = { resourceType: "OperationOutcome", issue: [{ severity: "error", code: "business-rule", diagnostics: "王小东 is blocked", expression: ["Patient"] }] };
    const record = makeRecord(archive.store, { patient: "P-refused" });
    archive.start();
    await until("parked", 20000, () => archive.console().emr.parked === 1 && archive.console().pacs.delivered === 1);
    // A look may have come between the two deliveries: the next one, a second later, knows of both.
    const state = await until("the reason, and what the PACS has", 10000, () => {
      const now = stateOf(record);
      return now.error && now.delivery?.pacs.phase === "sent" ? now : undefined;
    });
    assert.equal(state.phase, "finalised");
    assert.equal(state.error, "the EMR refuses it (422 business-rule at Patient)");
    assert.deepEqual([state.delivery?.pacs.phase, state.delivery?.emr.phase, state.delivery?.emr.error], ["sent", "parked", state.error]);
    assert.match(archive.metrics(), /outbox_items\{destination="emr",state="parked"\} 1/);
    assert.doesNotMatch(archive.log(), /王小东/);
    fhir.failWith = undefined;
    assert.match(archive.run("retry", "--record", record.id), /1 released/);
    await delivered(record);
    assert.equal(stateOf(record).error, "");
  } finally {
    fhir.failWith = undefined;
    await archive.done();
  }
});

test("wrong credentials wait, and are told; without PACS and EMR a record is done at once", async () => {
  const wrong = new Archive({ ...environment(), HUIZHEN_RECORD_PACS_PASSWORD: "wrong" }), none = new Archive();
  try {
    const record = makeRecord(wrong.store), alone = makeRecord(none.store, { noSubject: true });
    wrong.start();
    none.start();
    await until("the error", 20000, () => wrong.console().pacs.error === "the PACS refuses our credentials (401)");
    assert.equal(wrong.console().pacs.waiting, 1);
    assert.equal(stateOf(record).phase, "finalised");
    await delivered(alone);
    assert.ok(existsSync(join(alone.folder, "fhir.json")) && existsSync(join(alone.folder, "certificate.json")));
    const dump = spawnSync("sh", ["-c", `dciodvfy ${join(alone.folder, "dicom/01.dcm")} 2>&1`], { encoding: "utf8" });
    assert.doesNotMatch(dump.stdout, /Error/);
  } finally {
    await wrong.done();
    await none.done();
  }
});

test("retention: held records stay, others go with a signed note", async () => {
  const archive = new Archive({ ...environment(), HUIZHEN_RECORD_RETENTION_MEDIA_DAYS: "1096", HUIZHEN_RECORD_RETENTION_DAYS: "5479" });
  try {
    const old = makeRecord(archive.store, { endedMs: Date.now() - 1100 * 86400000 }), held = makeRecord(archive.store, { endedMs: Date.now() - 6000 * 86400000 });
    const ancient = makeRecord(archive.store, { endedMs: Date.now() - 6000 * 86400000, patient: "P-old" });
    execFileSync("mkdir", [join(archive.store, "hold")]);
    writeFileSync(join(archive.store, "hold", held.id), "court\n");
    archive.start();
    await delivered(held);
    for (const one of [old, ancient]) await until("deleted", 40000, () => stateOf(one).phase === "deleted");
    // The state says so first, then one name after the other goes; the log says when the last has.
    await until("the media's end", 10000, () => [old, ancient].every((one) => archive.log().includes(`record=${one.id} what=${one === old ? "media" : "all"}`)));
    assert.ok(existsSync(join(old.folder, "fhir.json")));
    for (const name of ["keys", "journal", "tracks", "dicom"]) assert.ok(!existsSync(join(old.folder, name)), name);
    assert.deepEqual(readdirSync(ancient.folder).sort(), ["certificate.json", "deletion.json", "state.json"]);
    assert.ok(existsSync(join(held.folder, "tracks")));
    for (const one of [old, ancient, held]) assert.match(archive.run("certificate", one.folder), /all is as it was signed/);
    const deletion = JSON.parse(readFileSync(join(old.folder, "deletion.json"), "utf8"));
    assert.equal(deletion.deletion.what, "media");
    writeFileSync(join(old.folder, "deletion.json"), JSON.stringify({ ...deletion, note: `${deletion.note.slice(0, -4)}AAAA` }));
    assert.match(spawnSync(archive.binary, ["certificate", old.folder], { encoding: "utf8" }).stdout, /is not there/); // a note that nobody signed
  } finally {
    await archive.done();
  }
});

test("an object that was altered after it was signed is not sent", async () => {
  const archive = new Archive(environment());
  try {
    await orthanc.stop();
    const record = makeRecord(archive.store, { patient: "P-altered" });
    archive.start();
    await until("it waits", 20000, () => archive.console().pacs.away_since_ms > 0 && archive.console().pacs.waiting === 1);
    await archive.end("SIGKILL");
    const path = join(record.folder, "dicom/01.dcm"), bytes = readFileSync(path);
    bytes[bytes.length - 1000]! ^= 1;
    writeFileSync(path, bytes);
    await orthanc.start();
    archive.start();
    await until("parked", 20000, () => stateOf(record).error === "the file is not what was signed");
    assert.equal(await orthanc.file(index(record).instances[0]!.instance), undefined);
  } finally {
    await archive.done();
  }
});

// AuditEvents of reading, by their session.
const read = async (): Promise<Record<string, any>[]> => (await fhir.all("AuditEvent")).filter((one) => one.action === "R");
const viewOf = (event: Record<string, any>): string => event.entity.find((e: any) => e.type.code === "XrequestId").what.identifier.value;

test("who looked at a record: an AuditEvent each in the EMR, before and after it was delivered, soon", async () => {
  const archive = new Archive(environment());
  try {
    const record = makeRecord(archive.store, { patient: "P-viewed" });
    addViewing(archive.store, record, { number: 1, view: "early" });
    archive.start();
    await delivered(record);
    await until("the early one", 30000, async () => (await read()).length === 1);
    const began = Date.now();
    addViewing(archive.store, record, { number: 2, view: "late", what: "tracks/doctor.camera.1.mp4", name: `院长\u0001 ${"长".repeat(200)}`, id: "boss", role: "admin", address: "2001:db8::1" });
    await until("the late one", 30000, async () => (await read()).length === 2);
    console.log(`a viewing is in the EMR after ${Date.now() - began} ms`);
    assert.deepEqual(fhir.warnings, []);
    const events = Object.fromEntries((await read()).map((event) => [viewOf(event), event]));
    const [encounter] = (await fhir.all("Encounter")).filter((e) => e.identifier[0].value === events.early!.entity[0].what.identifier.value);
    const [patient] = (await fhir.all("Patient")).filter((p) => p.identifier[0].value === "P-viewed");
    const document = (await fhir.all("DocumentReference")).find((d) => d.identifier[0].value === events.late!.entity[0].what.identifier.value);
    assert.equal(events.early!.entity[0].what.reference, `Encounter/${encounter!.id}`);
    assert.equal(document?.content[0].attachment.title, "tracks/doctor.camera.1.mp4");
    for (const event of Object.values(events)) {
      assert.deepEqual(event.meta.profile, ["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"]);
      assert.equal(event.entity.find((e: any) => e.role?.code === "1").what.reference, `Patient/${patient!.id}`);
      assert.deepEqual([event.subtype[0].code, event.outcome, event.agent.length], ["read", "0", 3]);
    }
    assert.equal(events.late!.agent[0].network.address, "2001:db8::1");
    assert.equal(events.late!.agent[2].altId, "boss");
    assert.match(events.late!.agent[2].name, /^院长 长+$/);
    await until("the console", 30000, () => archive.console().emr.delivered === 3 && archive.console().emr.waiting === 0);
    assert.deepEqual(readdirSync(join(record.folder, "audit")).sort(), ["0000000001.json", "0000000002.json"]); // what the EMR has does not lie here, too
    assert.deepEqual(readdirSync(join(archive.store, "viewings")), []);
    assert.doesNotMatch(archive.log(), /王小东|李医生|院长|P-viewed/);
    assert.match(archive.run("certificate", record.folder), /all is as it was signed/);
  } finally {
    await archive.done();
  }
});

test("viewings through an outage and kill -9: each is in the EMR once, many in one transaction", async () => {
  const archive = new Archive(environment()), port = fhir.port, before = (await read()).length, posts = fhir.posts;
  try {
    const records = [0, 1, 2].map((i) => makeRecord(archive.store, { patient: `P-views-${i}`, endedMs: Date.now() - 10000 + i }));
    let number = 0;
    const views: string[] = [];
    for (let round = 0; round < 10; round++) {
      archive.start();
      if (round === 2) await fhir.stop();
      if (round === 7) await fhir.listen(port);
      for (let i = 0; i < 9; i++) {
        number++;
        views.push(`v-${number}`);
        addViewing(archive.store, records[number % 3]!, { number, view: `v-${number}`, what: i % 2 ? "open" : "composed.mp4" });
        await sleep(Math.random() * 60);
      }
      await sleep(Math.random() * 700);
      await archive.end("SIGKILL");
    }
    archive.start();
    for (const record of records) await delivered(record, 60000);
    await until("all viewings", 30000, async () => (await read()).length - before >= number);
    await until("nothing waits", 30000, () => archive.console().emr.waiting === 0 && readdirSync(join(archive.store, "viewings")).length === 0);
    assert.deepEqual((await read()).map(viewOf).filter((view) => view.startsWith("v-")).sort(), views.sort());
    assert.equal((await read()).length - before, number);
    assert.deepEqual(fhir.warnings, []);
    console.log(`${number} viewings in ${fhir.posts - posts} transactions, records included`);
    await emptied(join(archive.store, "outbox/emr"));
    for (const record of records) assert.deepEqual(readdirSync(join(record.folder, "audit")).filter((name) => name.startsWith("fhir-")), []);
  } finally {
    await archive.done();
  }
});

test("viewings that the EMR refuses are parked with the reason, told at their record, and released by hand; without an EMR they lie with the record", async () => {
  const archive = new Archive(environment()), none = new Archive();
  try {
    const record = makeRecord(archive.store, { patient: "P-views-refused" }), alone = makeRecord(none.store);
    addViewing(none.store, alone, { number: 7 });
    none.start();
    archive.start();
    await delivered(record);
    const before = (await read()).length;
    fhir.failWith = 422;
    addViewing(archive.store, record, { number: 1, view: "refused-1" });
    await until("parked", 20000, () => archive.console().emr.parked === 1);
    const state = await until("the reason", 30000, () => stateOf(record).error ? stateOf(record) : undefined);
    assert.deepEqual([state.phase, state.delivery?.emr.phase, state.delivery?.emr.error], ["delivered", "parked", "the EMR refuses it (422 business-rule at Patient)"]);
    fhir.failWith = undefined;
    addViewing(archive.store, record, { number: 2, view: "refused-2" }); // the rest goes on
    await until("the next one", 30000, async () => (await read()).length === before + 1);
    assert.match(archive.run("retry", "--record", record.id), /1 released/);
    await until("both", 30000, async () => (await read()).length === before + 2);
    await until("the state", 30000, () => stateOf(record).delivery?.emr.phase === "sent" && stateOf(record).error === "");
    await delivered(alone);
    await until("its Bundle", 30000, () => existsSync(join(alone.folder, "audit/fhir-0000000007.json")) && readdirSync(join(none.store, "viewings")).length === 0);
    assert.equal(JSON.parse(readFileSync(join(alone.folder, "audit/fhir-0000000007.json"), "utf8")).entry.length, 1);
    assert.deepEqual(fhir.warnings, []);
  } finally {
    fhir.failWith = undefined;
    await archive.done();
    await none.done();
  }
});

test("through a whole gateway: what is opened and fetched over REST is in the EMR within seconds, also what control saw before kill -9", async () => {
  const gateway = await Gateway.start({ env: { ...environment(), HUIZHEN_RECORD_RETRY_SECONDS: "2" } });
  try {
    const record = makeRecord(join(gateway.dataDir, "record"), { patient: "P-rest" });
    await delivered(record);
    const before = (await read()).length, path = `/api/v1/recordings/${record.id}`;
    const auditor = gateway.token("mdt", "auditor", { id: "audit-7", name: "审计员" });
    const opened = await gateway.api(auditor, "POST", `${path}/views`);
    assert.equal(opened.status, 201, await opened.clone().text());
    const { id } = await opened.json() as { id: string }, cookie = opened.headers.get("set-cookie")!.split(";")[0]!;
    for (let i = 0; i < 3; i++) assert.equal((await fetch(`${gateway.url}${path}/files/tracks/doctor.camera.1.mp4`, { headers: { Cookie: cookie, Range: "bytes=0-99" } })).status, 206);
    const began = Date.now();
    const mine = async (): Promise<Record<string, any>[]> => (await read()).filter((event) => viewOf(event) === id);
    await until("both in the EMR", 30000, async () => (await mine()).length === 2);
    console.log(`viewings over REST are in the EMR after ${Date.now() - began} ms`);
    for (const event of await mine()) {
      assert.deepEqual([event.agent[2].altId, event.agent[2].name, event.agent[2].role[0].text, event.agent[0].network.address], ["audit-7", "审计员", "auditor", "127.0.0.1"]);
      assert.match(event.entity.find((e: any) => e.role?.code === "1").what.reference, /^Patient\//);
    }
    assert.deepEqual((await mine()).map((event) => event.entity[0].name).sort(), ["open", "tracks/doctor.camera.1.mp4"]);
    for (let round = 1; round <= 3; round++) { // by the token alone; then control dies
      const token = gateway.token("mdt", "admin", { id: `boss-${round}`, name: "院长" });
      assert.equal((await gateway.api(token, "GET", `${path}/manifest`)).status, 200);
      process.kill(gateway.pidOf(round % 2 ? "control" : "archive")!, "SIGKILL");
      await gateway.ready(15000);
    }
    await until("all", 90000, async () => (await read()).length === before + 5);
    await sleep(1500);
    assert.equal((await read()).length, before + 5);
    // Who is not let in has seen nothing: 404, and no viewing.
    assert.equal((await gateway.api(gateway.token("other", "admin", { id: "x" }), "POST", `${path}/views`)).status, 404);
    assert.deepEqual(readdirSync(join(record.folder, "audit")).filter((name) => name.startsWith("fhir-")), []);
    assert.deepEqual(fhir.warnings, []);
    assert.doesNotMatch(gateway.log(), /审计员|院长|王小东|P-rest/);
  } finally {
    await gateway.stop();
  }
});
