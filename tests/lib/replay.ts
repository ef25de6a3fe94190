// A finalised record as a consult of three leaves it: two cameras, one of them late, interrupted and VP8; a screen for a
// while; three voices of their own pitch; and what was said, agreed and seen meanwhile.
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ff } from "./composed.ts";
import { setPhase, type Made } from "./record.ts";

export const SECONDS = 24;
const START = Date.now() - 3600000;
export const AT = { late: 3000, gap: 10000, back: 12500, screen: 8000, chat: 9000 };
export interface ReplayFile { path: string; participant: string; at_ms: number; duration_ms: number; kind: "audio" | "video" }

const H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "50", "-movflags", "empty_moov+default_base_moof+frag_keyframe"];
const VP8 = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-g", "50"];
const hash = (path: string, kind: string): string => createHash(kind).update(readFileSync(path)).digest("hex");

function media(folder: string): (ReplayFile & { source: string; container: string; codecs: string[] })[] {
  const video = (person: string, source: string, part: string, picture: string, codec: "h264" | "vp8", at_ms: number, seconds: number) => {
    const container = codec === "h264" ? "mp4" : "webm", path = `tracks/${person}.${source}.${part}.${container}`;
    ff("-f", "lavfi", "-i", `${picture}:size=640x360:rate=25`, "-t", String(seconds), ...(codec === "h264" ? H264 : VP8), join(folder, path));
    return { path, participant: person, source, kind: "video" as const, container, codecs: [codec as string], at_ms, duration_ms: seconds * 1000 };
  };
  const voice = (person: string, hz: number, at_ms: number, seconds: number) => {
    const path = `tracks/${person}.microphone.1.webm`;
    ff("-f", "lavfi", "-i", `sine=frequency=${hz}:duration=${seconds}`, "-c:a", "libopus", "-b:a", "32k", join(folder, path));
    return { path, participant: person, source: "microphone", kind: "audio" as const, container: "webm", codecs: ["opus"], at_ms, duration_ms: seconds * 1000 };
  };
  return [
    video("li", "camera", "1", "testsrc2=alpha=255", "h264", 0, SECONDS), voice("li", 440, 0, SECONDS),
    video("zhang", "camera", "1", "smptehdbars=sar=1", "vp8", AT.late, (AT.gap - AT.late) / 1000),
    video("zhang", "camera", "2", "testsrc=decimals=2", "vp8", AT.back, 9.5), voice("zhang", 660, AT.late, 19),
    video("li", "screen", "3", "mandelbrot=maxiter=60", "h264", AT.screen, 6), voice("zhao", 880, 1000, SECONDS - 2),
  ];
}

const PEOPLE = [
  { id: "li", name: "李建国 教授", role: "expert", from: 0, to: SECONDS * 1000, consent: "given" },
  { id: "zhao", name: "赵敏 护士", role: "clinic", from: 1000, to: 23000, consent: "given" },
  { id: "zhang", name: "张伟", role: "patient", from: AT.late - 400, to: 22000, consent: "given" },
  { id: "qian", name: "钱芳", role: "companion", from: AT.late - 300, to: 22000, consent: "refused" },
];

const EVENTS = [
  [0, "recording", "zhao", { state: "on" }], [0, "join", "li", { name: "李建国 教授", role: "expert", before: true }],
  [0, "consent", "li", { state: "given" }], [1000, "join", "zhao", { name: "赵敏 护士", role: "clinic" }], [1000, "consent", "zhao", { state: "given" }],
  [1400, "speaker", "zhao", { ids: ["zhao"] }], [2600, "join", "zhang", { name: "张伟", role: "patient" }], [2700, "join", "qian", { name: "钱芳", role: "companion" }],
  [2900, "consent", "qian", { state: "refused" }], [2990, "consent", "zhang", { state: "given" }], [4200, "speaker", "zhang", { ids: ["zhang", "li"] }],
  [6000, "quality", "zhang", { loss: 0.02 }], [6300, "speaker", "li", { ids: ["li"] }], [7600, "image", "li", {}],
  [AT.chat, "chat", "zhao", { id: "1", text: "请看右下肺，5 mm 磨玻璃结节" }], [9800, "mute", "zhao", { source: "microphone", by: "zhao" }],
  [11000, "table", "li", { put: [{ id: "d1", kind: "arrow", on: { participant: "li", source: "camera" }, points: [[0.2, 0.2], [0.6, 0.5]], by: "li", n: 1 }, { id: "d2", kind: "line", on: { participant: "li", source: "camera" }, points: [[0.2, 0.8], [0.7, 0.8]], value: 50, unit: "pct", by: "li", n: 2 }] }],
  [13000, "table", "li", { gone: ["d1"] }],
  [14100, "speaker", "zhang", { ids: ["zhang"] }], [16400, "unmute", "zhao", { source: "microphone", by: "zhao" }], [17000, "speaker", "zhao", { ids: ["zhao"] }],
  [19000, "chat", "li", { id: "2", text: "建议三个月后复查低剂量 CT。" }], [22000, "leave", "zhang", { reason: "left" }], [23900, "recording", "zhao", { state: "off" }],
] as const;

export interface Replayed extends Made { files: ReplayFile[] }

// store: <data>/record. The manifest names hashes that are true; `huizhen archive` signs it as it does any other.
export function makeReplay(store: string, consult = "visit"): Replayed {
  const id = randomUUID(), day = new Date(START);
  const folder = join(store, String(day.getUTCFullYear()), String(day.getUTCMonth() + 1).padStart(2, "0"), id);
  mkdirSync(join(folder, "tracks"), { recursive: true });
  const tracks = media(folder);
  const files = tracks.map((f) => {
    const full = join(folder, f.path);
    return { ...f, role: "track", track: f.path.slice(7, f.path.lastIndexOf(".")), part: 1, bytes: statSync(full).size, sha256: hash(full, "sha256"), sha1: hash(full, "sha1"),
      ...(f.kind === "video" ? { width: 640, height: 360, frames: Math.round(f.duration_ms / 40), rate_num: 25, rate_den: 1 } : {}) };
  });
  const participants = PEOPLE.map((p) => ({ id: p.id, name: p.name, role: p.role, periods: [{ from_ms: START + p.from, to_ms: START + p.to }],
    consent: [{ state: p.consent, time_ms: START + p.from, wording: "huizhen-1", language: "zh-CN" }] }));
  writeFileSync(join(folder, "timeline.json"), JSON.stringify(EVENTS.map(([at_ms, type, participant, detail]) => ({ at_ms, type, participant, detail }))));
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({
    version: 1, record: id, consult, title: "肺结节多学科远程会诊", started_ms: START, ended_ms: START + SECONDS * 1000, wall_zero_ms: START, participants, files,
    events: "timeline.json", tracks: [{ track: 1, key: "li.camera.1", participant: "li", source: "camera", lost: 3 }],
    journal: { segments: [], chain: createHash("sha256").update(id).digest("hex"), torn_bytes: 0, gaps: [{ track: 1, at_ms: 15200, packets: 3 }] }, warnings: [],
  }, null, 1));
  setPhase({ id, folder }, "finalised", { consult, started_ms: START, ended_ms: START + SECONDS * 1000, lost: true });
  return { id, folder, files: tracks };
}
