// Real media for hz-peer --clip: pictures and sound encoded by ffmpeg, cut into RTP payloads (tests/peer/clip.h).
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";

const MTU = 1100;
interface Frame { video: boolean; key: boolean; packets: Buffer[] }

// NAL units of an Annex B stream, one list an access unit: each begins with its delimiter (type 9).
function accessUnits(stream: Buffer): Buffer[][] {
  const starts: number[] = [];
  for (let at = stream.indexOf("\0\0\x01", 0, "latin1"); at >= 0; at = stream.indexOf("\0\0\x01", at + 3, "latin1")) starts.push(at + 3);
  const units: Buffer[][] = [];
  starts.forEach((start, i) => {
    let end = i + 1 < starts.length ? (starts[i + 1] as number) - 3 : stream.length;
    while (end > start && stream[end - 1] === 0) end--;
    const nal = stream.subarray(start, end);
    if ((nal[0]! & 31) === 9) units.push([]); else units.at(-1)?.push(nal);
  });
  return units;
}

// RFC 6184: single NAL units and FU-A.
function h264Packets(nal: Buffer): Buffer[] {
  if (nal.length <= MTU) return [nal];
  const packets: Buffer[] = [], type = nal[0]! & 31;
  for (let at = 1; at < nal.length; at += MTU) {
    const end = Math.min(nal.length, at + MTU);
    packets.push(Buffer.concat([Buffer.from([(nal[0]! & 0xe0) | 28, type | (at === 1 ? 0x80 : 0) | (end === nal.length ? 0x40 : 0)]), nal.subarray(at, end)]));
  }
  return packets;
}

// RFC 7741: a descriptor with the extension byte (by which hz-peer knows VP8) and nothing in it.
function vp8Packets(frame: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 0; at < frame.length; at += MTU) packets.push(Buffer.concat([Buffer.from([at === 0 ? 0x90 : 0x80, 0]), frame.subarray(at, at + MTU)]));
  return packets;
}

function ivfFrames(file: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 32; at < file.length;) {
    const bytes = file.readUInt32LE(at);
    frames.push(file.subarray(at + 12, at + 12 + bytes));
    at += 12 + bytes;
  }
  return frames;
}

// Packets of an Ogg stream, without its two headers.
function oggPackets(file: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  let open = Buffer.alloc(0);
  for (let at = 0; at < file.length;) {
    const lacing = file.subarray(at + 27, at + 27 + file[at + 26]!);
    at += 27 + lacing.length;
    for (const n of lacing) {
      open = Buffer.concat([open, file.subarray(at, at + n)]);
      at += n;
      if (n < 255) { packets.push(open); open = Buffer.alloc(0); }
    }
  }
  return packets.slice(2);
}

const encode = (path: string, args: string[]): Buffer => {
  execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", "-f", "lavfi", ...args, path]);
  const file = readFileSync(path);
  rmSync(path);
  return file;
};

// What is in a clip, in ffmpeg's words: two filter graphs of 8 s. group: pictures from one keyframe to the next. Who asks hz-peer for a keyframe makes it leave
// out what is before the next one: with groups of 1 its sound stays beside its pictures.
export interface Content { picture?: string; sound?: string; rate?: string; group?: number }

// 8 s, 25 pictures a second, a keyframe each second. Without a word: pictures with their number in them, and a tone.
export function makeClip(path: string, codec: "h264" | "vp8", size = "320x180", content: Content = {}): void {
  const picture = ["-i", content.picture ?? `testsrc2=s=${size}:r=25:d=8`, "-pix_fmt", "yuv420p", "-threads", "1", "-g", String(content.group ?? 25), "-keyint_min", String(content.group ?? 25), "-b:v", content.rate ?? "300k"];
  const video: Frame[] = codec === "h264"
    ? accessUnits(encode(`${path}.h264`, [...picture, "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-x264-params", "aud=1:scenecut=0", "-bf", "0"]))
      .map((nals) => ({ video: true, key: nals.some((n) => (n[0]! & 31) === 5), packets: nals.flatMap(h264Packets) }))
    : ivfFrames(encode(`${path}.ivf`, [...picture, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-auto-alt-ref", "0"]))
      .map((frame) => ({ video: true, key: (frame[0]! & 1) === 0, packets: vp8Packets(frame) }));
  const sound: Frame[] = oggPackets(encode(`${path}.ogg`, ["-i", content.sound ?? "sine=440:d=8:r=48000", "-c:a", "libopus", "-b:a", "24k", "-frame_duration", "20", "-ac", "1"]))
    .map((packet) => ({ video: false, key: true, packets: [packet] }));
  const parts: Buffer[] = [Buffer.from("HZCLIP1\n")];
  for (const f of [...video, ...sound]) {
    const head = Buffer.from([f.video ? 1 : 0, f.key ? 1 : 0, 0, 0]);
    head.writeUInt16LE(f.packets.length, 2);
    parts.push(head);
    for (const p of f.packets) { const n = Buffer.alloc(2); n.writeUInt16LE(p.length); parts.push(n, p); }
  }
  writeFileSync(path, Buffer.concat(parts));
}
