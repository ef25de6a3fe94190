// From the end of an H.264 room to its objects in a real Orthanc: how long, whether they come back as they were sent, and
// whether they hold the NAL units that were received.
// The record is prepared while it is recorded, as in a gateway: its last two segments (five minutes of three such cameras) are kept away
// until that is done. --unprepared: it is not; what an archive needs that was not there before the end.
//   node --import tsx bench/archive.ts [--minutes N] [--publishers N] [--kbps N] [--unprepared] [--keep]     JSON: build/bench/archive.json
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Archive } from "../lib/archive.ts";
import { dicomErrors, mp4Of, unitsOf } from "../lib/dicom.ts";
import { ROOT, freeTcpPort, sleep, until } from "../lib/gateway.ts";
import { endRecord, makeHour, type Hour } from "../lib/hour.ts";
import { Orthanc } from "../lib/orthanc.ts";

const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? Number(process.argv[at + 1]) : otherwise;
};
const minutes = option("minutes", 60), publishers = option("publishers", 3), kbps = option("kbps", 1000), ALLOWED_S = 30;

interface Instance { path: string; file: string; instance: string; series: string; sha256: string; bytes: number }
interface Index { study: string; instances: Instance[]; refused: unknown[] }

const sha256 = (data: Buffer): string => createHash("sha256").update(data).digest("hex");

// When each thing happened, in seconds after the record's end. An instance counts when a WADO-RS request for it is
// answered; each is asked for by itself, as the answer takes Orthanc seconds.
async function watch(room: Hour, orthanc: Orthanc): Promise<{ times: Record<string, number>; index: Index }> {
  const began = Date.now(), times: Record<string, number> = {}, file = (name: string): string => join(room.folder, name);
  const note = (what: string): void => { times[what] ??= (Date.now() - began) / 1000; };
  let index: Index | undefined, left: Instance[] = [];
  endRecord(room.folder);
  while (!index || left.length) {
    if (Date.now() - began > 600000) throw new Error(`not stored after ten minutes: ${JSON.stringify(times)} ${readFileSync(file("state.json"), "utf8")}`);
    await sleep(50);
    if (existsSync(file("manifest.json"))) note("finalised");
    if (!index && existsSync(file("dicom/index.json"))) {
      note("packaged");
      index = JSON.parse(readFileSync(file("dicom/index.json"), "utf8")) as Index;
      left = [...index.instances];
    }
    if (existsSync(file("delivery.json"))) note("signed and queued");
    await Promise.all(left.map(async (one) => {
      const answer = await orthanc.ask(`/dicom-web/studies/${index!.study}/series/${one.series}/instances/${one.instance}/metadata`);
      await answer.arrayBuffer();
      if (!answer.ok) return;
      note(`${one.path} in the PACS`);
      left = left.filter((other) => other !== one);
    }));
  }
  return { times, index };
}

// As if the consult were at its 55th minute: what is sealed is prepared, then the rest of the journal comes.
async function prepare(room: Hour, archive: Archive): Promise<number> {
  const journal = join(room.folder, "journal"), aside = join(room.folder, "..", "aside");
  mkdirSync(aside);
  const last = readdirSync(journal).filter((name) => name.endsWith(".hzj")).sort().slice(1).slice(-2), began = Date.now();
  for (const name of last) renameSync(join(journal, name), join(aside, name));
  archive.start();
  await until("the record prepared", 600000, () => archive.log().includes("archive.prepared"));
  for (const name of last) renameSync(join(aside, name), join(journal, name));
  rmSync(aside, { recursive: true });
  return (Date.now() - began) / 1000;
}

async function compare(room: Hour, orthanc: Orthanc, index: Index, scratch: string): Promise<boolean> {
  let good = index.instances.length === room.cameras.length && index.refused.length === 0;
  for (const one of index.instances) {
    const began = Date.now(), object = await orthanc.wado(index.study, one.series, one.instance), took = (Date.now() - began) / 1000;
    const camera = room.cameras.find((c) => one.file.includes(`/${c.participant}.`))!, mp4 = join(scratch, "retrieved.mp4");
    const identical = sha256(object) === one.sha256;
    writeFileSync(mp4, mp4Of(object));
    const got = await unitsOf(mp4), same = got.sha256 === camera.sha256 && got.units === camera.units;
    const errors = dicomErrors(join(room.folder, one.path));
    console.log(`${one.path}  ${(object.length / 1e6).toFixed(0)} MB retrieved in ${took.toFixed(1)} s, ${identical ? "bit-identical" : "DIFFERENT"};  ${camera.units} NAL units received, ${got.units} in the object, ${same ? "identical" : "DIFFERENT"};  dciodvfy: ${errors.length} errors`);
    for (const line of errors) console.log(`  ${line}`);
    good &&= identical && same && errors.length === 0;
    rmSync(mp4);
  }
  return good;
}

const orthanc = new Orthanc(await freeTcpPort());
const archive = new Archive({ HUIZHEN_RECORD_PACS_URL: orthanc.url, HUIZHEN_RECORD_PACS_USER: "huizhen", HUIZHEN_RECORD_PACS_PASSWORD: "secret" });
let good = false;
try {
  const room = makeHour(archive.store, "--minutes", String(minutes), "--publishers", String(publishers), "--kbps", String(kbps), "--recording");
  const journal = Number(execFileSync("du", ["-sb", join(room.folder, "journal")], { encoding: "utf8" }).split("\t")[0]);
  console.log(`${minutes} minutes, ${publishers} cameras of ${kbps} kb/s with sound, journal of ${(journal / 1e6).toFixed(0)} MB, ${cpus().length} cores`);
  await orthanc.start();
  let early: number | undefined;
  if (process.argv.includes("--unprepared")) {
    archive.start();
    await sleep(1500); // it has seen that somebody records
  } else {
    early = await prepare(room, archive);
    console.log(`prepared while it was recorded: ${early.toFixed(0)} s in the background`);
  }
  const load = loadavg()[0]!, { times, index } = await watch(room, orthanc);
  for (const [what, s] of Object.entries(times)) console.log(`${s.toFixed(2).padStart(7)} s  ${what}`);
  const seconds = Math.max(...Object.values(times));
  console.log(`all retrievable ${seconds.toFixed(1)} s after the record's end (allowed ${ALLOWED_S}), load average ${load.toFixed(1)} at its begin; finalised ${((minutes * 60) / times["finalised"]!).toFixed(0)} times as fast as real time`);
  good = (await compare(room, orthanc, index, archive.data)) && seconds <= ALLOWED_S;
  mkdirSync(join(ROOT, "build/bench"), { recursive: true });
  writeFileSync(join(ROOT, "build/bench/archive.json"), JSON.stringify({ minutes, publishers, kbps, journal, early, load, times, seconds, bytes: index.instances.map((one) => statSync(join(room.folder, one.path)).size), good }, null, 1));
} finally {
  if (process.argv.includes("--keep")) await archive.end("SIGTERM");
  else await archive.done();
  if (process.argv.includes("--keep")) console.log(`kept: ${archive.data}`);
  await orthanc.done();
}
process.exitCode = good ? 0 : 1;
