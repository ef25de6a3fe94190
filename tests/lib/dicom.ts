// What is inside of a DICOM video.
import { createHash } from "node:crypto";
import { spawn, spawnSync } from "node:child_process";

// The stream of an encapsulated pixel data element with one fragment (PS3.5 Annex A.4), without its padding.
export function mp4Of(object: Buffer): Buffer {
  const tag = object.lastIndexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff]), 1 << 16);
  const item = tag + 20; // behind the empty item of the Basic Offset Table
  if (tag < 0 || object.readUInt32LE(tag + 12) !== 0xe000fffe || object.readUInt32LE(tag + 16) !== 0 || object.readUInt32LE(item) !== 0xe000fffe)
    throw new Error("no encapsulated pixel data in one fragment");
  const length = tag - 8; // (7FE0,0003) UV
  if (object.readUInt32LE(length - 12) !== 0x00037fe0) throw new Error("no length of the pixel data");
  const bytes = Number(object.readBigUInt64LE(length)), fragment = object.readUInt32LE(item + 4);
  if (fragment !== bytes + (bytes & 1) || object.readUInt32LE(item + 8 + fragment) !== 0xe0ddfffe) throw new Error("lengths that do not agree");
  return object.subarray(item + 8, item + 8 + bytes);
}

export interface Units { units: number; bytes: number; sha256: string }

// The NAL units of a film's pictures, in order, each behind its length in 4 bytes.
export function unitsOf(path: string): Promise<Units> {
  const child = spawn("ffmpeg", ["-v", "error", "-nostdin", "-i", path, "-map", "0:v:0", "-c", "copy", "-f", "data", "-"], { stdio: ["ignore", "pipe", "inherit"] });
  const hash = createHash("sha256");
  let units = 0, bytes = 0, left = 0, head = Buffer.alloc(0);
  child.stdout.on("data", (data: Buffer) => {
    hash.update(data);
    bytes += data.length;
    for (let at = 0; at < data.length;) {
      if (left > 0) {
        const n = Math.min(left, data.length - at);
        at += n;
        left -= n;
        continue;
      }
      const n = Math.min(4 - head.length, data.length - at);
      head = Buffer.concat([head, data.subarray(at, at + n)]);
      at += n;
      if (head.length < 4) continue;
      left = head.readUInt32BE();
      head = Buffer.alloc(0);
      units++;
    }
  });
  return new Promise((done, fail) => child.on("error", fail).on("close", (code) => (code === 0 && left === 0 && head.length === 0 ? done({ units, bytes, sha256: hash.digest("hex") }) : fail(new Error(`${path}: no NAL units behind their lengths (${code})`)))));
}

// Lines of dciodvfy that say Error.
export function dicomErrors(path: string): string[] {
  const said = spawnSync("dciodvfy", [path], { encoding: "utf8", maxBuffer: 1 << 28 });
  if (said.error) throw said.error;
  return `${said.stdout}\n${said.stderr}`.split("\n").filter((line) => /\berror\b/i.test(line));
}
