// A finalised record in a store, made of media from ffmpeg: what `huizhen record finalize` leaves behind.
import { createHash, randomUUID } from "node:crypto";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RecordOptions { endedMs?: number; patient?: string; accession?: string; vp8?: boolean; noSubject?: boolean; hours?: string }
export interface Made { id: string; folder: string }

const hash = (path: string, kind: string): string => createHash(kind).update(readFileSync(path)).digest("hex");

// Made once a run.
function media(name: string, args: string[]): string {
  const path = join(tmpdir(), `hz-media-${process.pid}-${name}`);
  if (!existsSync(path)) execFileSync("ffmpeg", ["-hide_banner", "-loglevel", "error", "-y", "-threads", "1", ...args, path]);
  return path;
}
export const h264 = (): string => media("h264.mp4", ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=3", "-f", "lavfi", "-i",
  "sine=frequency=440:duration=3", "-c:v", "libx264", "-profile:v", "baseline", "-level", "3.1", "-pix_fmt", "yuv420p", "-g", "25", "-c:a", "libopus", "-ac", "1",
  "-strict", "-2", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"]);
export const vp8 = (): string => media("vp8.webm", ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=15:duration=1", "-c:v", "libvpx", "-deadline", "realtime"]);
export const composed = (): string => media("composed.mp4", ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=3", "-f", "lavfi", "-i",
  "sine=frequency=880:duration=3", "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "high", "-x264-params", "8x8dct=1:cabac=1", "-level", "4.0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ar", "48000", "-ac", "2"]);

export function makeRecord(store: string, options: RecordOptions = {}): Made {
  const id = randomUUID();
  const ended = options.endedMs ?? Date.now(), started = ended - 120000, day = new Date(started);
  const folder = join(store, String(day.getUTCFullYear()), String(day.getUTCMonth() + 1).padStart(2, "0"), id);
  mkdirSync(join(folder, "tracks"), { recursive: true });
  mkdirSync(join(folder, "journal"));
  const files: object[] = [];
  const add = (path: string, from: string, rest: object): void => {
    const full = join(folder, path);
    copyFileSync(from, full);
    files.push({ path, bytes: statSync(full).size, sha256: hash(full, "sha256"), sha1: hash(full, "sha1"), ...rest });
  };
  add("tracks/doctor.camera.1.mp4", h264(), { role: "track", participant: "doctor", source: "camera", kind: "av", container: "mp4", codecs: ["h264", "opus"],
    at_ms: 100, duration_ms: 3000, width: 640, height: 360, frames: 75, rate_num: 25, rate_den: 1, part: 1 });
  if (options.vp8) add("tracks/patient.camera.1.webm", vp8(), { role: "track", participant: "patient", source: "camera", kind: "video", container: "webm",
    codecs: ["vp8"], at_ms: 300, duration_ms: 1000, width: 320, height: 240, frames: 15, part: 1 });
  add("composed.mp4", composed(), { role: "composed", participant: "", source: "", kind: "av", container: "mp4", codecs: ["h264", "aac"], at_ms: 0,
    duration_ms: 3000, width: 1280, height: 720, frames: 75, rate_num: 25, rate_den: 1, part: 1 });
  writeFileSync(join(folder, "journal/0001.hzj"), `HZJSEG1\n${id}`);
  writeFileSync(join(folder, "timeline.json"), JSON.stringify([{ at_ms: 10000, type: "quality", participant: "doctor", detail: { loss: 0.25 } }]));
  const periods = [{ from_ms: started, to_ms: ended }];
  const consent = [{ state: "given", time_ms: started, wording: "v1", language: "zh" }];
  const manifest = {
    version: 1, record: id, consult: "mdt", title: "会诊 <&\"'>", started_ms: started, ended_ms: ended, wall_zero_ms: started,
    ...(options.noSubject ? {} : { subject: { patient: { id: options.patient ?? "P1", id_system: "urn:oid:1.2.156.7", name: "王小东", sex: "male", birth_date: "1970-01-31" },
      accession: options.accession ?? "A1", department: "放射科", institution: "县医院" } }),
    participants: [{ id: "doctor", name: "李医生", role: "expert", periods, consent }, { id: "patient", name: "王小东", role: "patient", periods, consent }],
    files, events: "timeline.json",
    journal: { segments: [{ file: "0001.hzj", bytes: statSync(join(folder, "journal/0001.hzj")).size, sha256: hash(join(folder, "journal/0001.hzj"), "sha256") }],
      chain: createHash("sha256").update(id).digest("hex"), torn_bytes: 0, gaps: [] },
    warnings: [],
  };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest, null, 1));
  setPhase({ id, folder }, "finalised", { started_ms: started, ended_ms: ended });
  return { id, folder };
}

export function setPhase(record: Made, phase: string, more: object = {}): void {
  const path = join(record.folder, "state.json");
  const before = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : { id: record.id, consult: "mdt", started_ms: 0, ended_ms: 0, attempts: 0, error: "", lost: false, torn: false };
  writeFileSync(path, JSON.stringify({ ...before, phase, changed_ms: Date.now(), ...more }));
}

export interface State { phase: string; error: string; attempts: number; composing?: { phase: string };
  delivery?: Record<"pacs" | "emr", { phase: string; changed_ms: number; error: string }> }
export const stateOf = (record: Made): State => JSON.parse(readFileSync(join(record.folder, "state.json"), "utf8"));

// A viewing as the gateway writes it down: what the archive finds of it. Numbers go up over a store.
export interface Viewing { number: number; what?: string; name?: string; id?: string; role?: string; address?: string; view?: string; timeMs?: number }
export function addViewing(store: string, record: Made, v: Viewing): void {
  const put = (path: string, text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  const number = String(v.number).padStart(10, "0");
  for (const folder of [join(record.folder, "audit"), join(store, "viewings")]) mkdirSync(folder, { recursive: true });
  put(join(record.folder, "audit", `${number}.json`), JSON.stringify({ version: 1, number: v.number, record: record.id, consult: "mdt", time_ms: v.timeMs ?? Date.now(),
    view: v.view ?? `view-${v.number}`, what: v.what ?? "open", participant: { id: v.id ?? "doctor", name: v.name ?? "李医生", role: v.role ?? "expert" },
    address: v.address ?? "192.0.2.7" }));
  put(join(store, "viewings", `${number}-${record.id}`), "");
}
