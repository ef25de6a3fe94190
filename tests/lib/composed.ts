// Folders of finalised records, made with ffmpeg: flashes and beeps of known times, clocks that drift, gaps. What
// `huizhen-compose` makes of them, measured in what a player would decode.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./gateway.ts";

export const COMPOSE = join(ROOT, "build/release/recorder/compose/huizhen-compose");
export const WALL_ZERO = 1795420800000;
export interface Person { id: string; name: string; role: string; from_ms?: number; to_ms?: number; consent?: string }
export interface TrackFile {
  path: string; role: "track"; participant: string; source: string; kind: "audio" | "video" | "av"; at_ms: number; duration_ms: number; bytes?: number;
}
export interface RecordEvent { at_ms: number; type: string; participant: string; detail: object }

export const ff = (...args: string[]): void => void execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args], { stdio: ["ignore", "ignore", "inherit"] });

export function writeRecord(dir: string, people: Person[], files: TrackFile[], events: RecordEvent[] = []): void {
  const end = Math.max(0, ...files.map((f) => f.at_ms + f.duration_ms));
  const participants = people.map((p) => ({
    id: p.id, name: p.name, role: p.role, periods: [{ from_ms: WALL_ZERO + (p.from_ms ?? 0), to_ms: WALL_ZERO + (p.to_ms ?? end) }],
    consent: [{ state: p.consent ?? "given", time_ms: WALL_ZERO, wording: "1", language: "zh" }],
  }));
  for (const f of files) f.bytes ??= statSync(join(dir, f.path)).size;
  writeFileSync(join(dir, "manifest.json"), JSON.stringify({ version: 1, record: "r", title: "远程会诊", started_ms: WALL_ZERO, ended_ms: WALL_ZERO + end, wall_zero_ms: WALL_ZERO, participants, files }));
  writeFileSync(join(dir, "timeline.json"), JSON.stringify(events));
}

interface Make {
  id: string; seconds: number; at_ms?: number;
  ppm?: number; // of the microphone's clock: its beeps come so much later by its own count, its packets' times say so
  gap?: { at: number; seconds: number }; // nothing for so long, from then on
  size?: string; codec?: "h264" | "vp8" | "vp9"; level?: number; picture?: string;
}

// A camera that flashes for 100 ms each second and a microphone that beeps as long, at the same moments of the file's time.
export function makePerson(dir: string, m: Make): TrackFile[] {
  mkdirSync(join(dir, "tracks"), { recursive: true });
  const seconds = m.seconds + (m.gap?.seconds ?? 0), scale = 1 + (m.ppm ?? 0) / 1e6, gap = m.gap ?? { at: 1e6, seconds: 0 }, size = m.size ?? "640x360";
  const mic = `tracks/${m.id}.microphone.1.webm`, video = m.codec === "vp8" || m.codec === "vp9" ? "webm" : "mp4", cam = `tracks/${m.id}.camera.1.${video}`;
  const encode = m.codec === "vp8" || m.codec === "vp9"
    ? ["-c:v", m.codec === "vp8" ? "libvpx" : "libvpx-vp9", "-deadline", "good", "-cpu-used", "5", "-auto-alt-ref", "0", "-lag-in-frames", "0", "-b:v", "2M", "-crf", "20", "-g", "300"]
    : ["-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-b:v", "1500k", "-g", "300"];
  const away = `(1-between(t/${scale},${gap.at},${gap.at + gap.seconds}))`; // finalising fills sound with silence, pictures have a hole
  ff("-f", "lavfi", "-i", `aevalsrc='${m.level ?? 0.5}*sin(2*PI*1000*t)*lt(mod(t/${scale},1),0.1)*${m.gap ? away : 1}':s=48000:d=${seconds * scale}`,
    "-c:a", "libopus", "-b:a", "48k", "-bsf:a", `setts=ts=TS/${scale}`, join(dir, mic));
  ff("-f", "lavfi", "-i", `${m.picture ? `${m.picture}=` : "color=c=0x303030:"}s=${size}:r=30:d=${m.seconds},noise=alls=8:allf=t,drawbox=enable='lt(mod(t+0.001,1),0.1)':c=white:t=fill`,
    "-vf", `setpts='if(gte(T+0.001,${gap.at}),PTS+${gap.seconds}/TB,PTS)'`, "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", ...encode,
    ...(video === "mp4" ? ["-movflags", "empty_moov+default_base_moof+frag_keyframe"] : []), join(dir, cam));
  const base = { role: "track" as const, participant: m.id, at_ms: m.at_ms ?? 0, duration_ms: seconds * 1000 };
  return [{ ...base, path: mic, source: "microphone", kind: "audio" }, { ...base, path: cam, source: "camera", kind: "video" }];
}

export function compose(dir: string, ...options: string[]): { status: number | null; out: string; err: string } {
  const r = spawnSync(COMPOSE, [...options, "--utc-offset", "480", dir], { encoding: "utf8", timeout: 300000 });
  return { status: r.status, out: r.stdout, err: r.stderr };
}

const raw = (args: string[]): Buffer => execFileSync("ffmpeg", ["-v", "error", "-nostdin", ...args, "-"], { maxBuffer: 1 << 30 });

// Moments (s) at which a part of the picture turns white. crop: x, y, w, h of 1280x720.
export function flashes(file: string, crop: number[], rate = 25): number[] {
  const [x, y, w, h] = crop;
  const luma = raw(["-i", file, "-vf", `crop=${w}:${h}:${x}:${y},scale=2:2:flags=area,format=gray`, "-f", "rawvideo"]);
  const ret: number[] = [];
  for (let n = 1; n < luma.length / 4; n++) if ((luma[4 * n] ?? 0) > 160 && (luma[4 * n - 4] ?? 0) <= 160) ret.push(n / rate);
  return ret;
}

// Moments (s) at which there is sound after silence, to a millisecond.
export function beeps(file: string, threshold = 0.02): number[] {
  const pcm = raw(["-i", file, "-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "s16le"]);
  const ret: number[] = [], block = 48;
  let quiet = 1000;
  for (let n = 0; n + block <= pcm.length / 2; n += block) {
    let peak = 0;
    for (let i = n; i < n + block; i++) peak = Math.max(peak, Math.abs(pcm.readInt16LE(2 * i)) / 32768);
    if (peak > threshold && quiet > 100) ret.push(n / 48000);
    quiet = peak > threshold ? 0 : quiet + 1;
  }
  return ret;
}

export function loudest(file: string): number {
  const pcm = raw(["-i", file, "-map", "0:a:0", "-f", "s16le"]);
  let peak = 0;
  for (let i = 0; i + 1 < pcm.length; i += 2) peak = Math.max(peak, Math.abs(pcm.readInt16LE(i)) / 32768);
  return peak;
}

// Sound minus picture in ms, for each flash that has a beep within 200 ms.
export function skews(flash: number[], beep: number[]): number[] {
  return flash.flatMap((f) => {
    const near = beep.filter((b) => Math.abs(b - f) < 0.2).map((b) => (b - f) * 1000);
    return near.length ? [near.reduce((a, b) => (Math.abs(a) < Math.abs(b) ? a : b))] : [];
  });
}

/** What its sound is: codec, profile, rate, channels. */
export function soundOf(file: string): string {
  return execFileSync("ffprobe", ["-v", "error", "-select_streams", "a", "-show_entries", "stream=codec_name,profile,sample_rate,channels", "-of", "csv=p=0", file]).toString().trim();
}

export function probe(file: string): { streams: Record<string, string | number>[]; frames: Record<string, string | number>[] } {
  return JSON.parse(execFileSync("ffprobe", ["-v", "error", "-select_streams", "v", "-show_streams", "-show_entries", "packet=pts,dts,duration,flags", "-of", "json", file], { maxBuffer: 1 << 28 }).toString().replace('"packets"', '"frames"'));
}
