// A programme for huizhen-hls: renditions encoded by ffmpeg with common keyframes, each picture numbered in an SEI message, sound
// as AAC or Opus; sent with a clock of our own, as fast as the packager takes it.
import { spawn, execFileSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";

export interface Size { name: string; width: number; height: number }
export const SIZES: Size[] = [
  { name: "360p", width: 640, height: 360 }, { name: "540p", width: 960, height: 540 }, { name: "720p", width: 1280, height: 720 },
];
export const FPS = 25;
export const AAC_FRAME_US = 1024 / 0.048;
export const ZERO_US = 1_760_000_000_000_000; // mark of picture 0

function ffmpeg(args: string[], file: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "hz-hls-"));
  try {
    execFileSync("ffmpeg", ["-v", "error", "-y", ...args, join(folder, file)]);
    return readFileSync(join(folder, file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// Access units of an Annex B stream that has delimiters.
function units(stream: Buffer): Buffer[] {
  const out: Buffer[] = [];
  const mark = Buffer.from([0, 0, 0, 1, 9]);
  for (let at = stream.indexOf(mark); at >= 0;) {
    const next = stream.indexOf(mark, at + 5);
    out.push(stream.subarray(at, next < 0 ? undefined : next));
    at = next;
  }
  return out;
}

export function video(size: Size, source: string, seconds: number, extra: string[] = []): Buffer[] {
  return units(ffmpeg(["-f", "lavfi", "-i", `${source}=size=${size.width}x${size.height}:rate=${FPS}`, "-t", String(seconds),
    "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "50", "-keyint_min", "50",
    "-sc_threshold", "0", "-bf", "0", "-x264-params", "aud=1:scenecut=0", ...extra], "v.h264"));
}

// Raw AAC frames out of ADTS.
export function sound(source: string, seconds: number): Buffer[] {
  const stream = ffmpeg(["-f", "lavfi", "-i", `${source}`, "-t", String(seconds), "-ar", "48000", "-ac", "2", "-c:a", "aac",
    "-b:a", "96k"], "a.aac");
  const out: Buffer[] = [];
  for (let at = 0; at + 7 <= stream.length;) {
    const length = (stream.readUInt8(at + 3) & 3) << 11 | stream.readUInt8(at + 4) << 3 | stream.readUInt8(at + 5) >> 5;
    const head = stream.readUInt8(at + 1) & 1 ? 7 : 9;
    out.push(stream.subarray(at + head, at + length));
    at += length;
  }
  return out;
}

// Behind the delimiter: user data of 16 bytes of uuid and the number in digits, which need no emulation prevention.
export function numbered(unit: Buffer, number: number): Buffer {
  const text = Buffer.from(`huizhen-number-=${String(number).padStart(9, "0")};`, "latin1");
  const sei = Buffer.concat([Buffer.from([0, 0, 0, 1, 6, 5, text.length]), text, Buffer.from([0x80])]);
  return Buffer.concat([unit.subarray(0, 6), sei, unit.subarray(6)]);
}

export function numbersIn(file: Buffer): number[] {
  const out: number[] = [];
  for (let at = file.indexOf("huizhen-number-="); at >= 0; at = file.indexOf("huizhen-number-=", at + 1))
    out.push(Number(file.toString("latin1", at + 16, at + 25)));
  return out;
}

function record(kind: string, track: number, pts: number, dts: number, mark: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(32);
  head.write(kind, 0, "latin1");
  head.writeUInt8(track, 1);
  head.writeUInt32BE(data.length, 4);
  head.writeBigInt64BE(BigInt(pts), 8);
  head.writeBigInt64BE(BigInt(dts), 16);
  head.writeBigInt64BE(BigInt(mark), 24);
  return Buffer.concat([head, data]);
}

export class Packager {
  static readonly #all: Packager[] = [];
  readonly #child: ChildProcess;
  readonly #waiting: { done: (line: string) => void; fail: (why: Error) => void }[] = []; // answers come in the order of questions
  #rest = "";

  constructor(binary: string, folder: string, args: string[]) {
    this.#child = spawn(binary, ["--folder", folder, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout!.on("data", (data: Buffer) => {
      const lines = (this.#rest + data.toString()).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#waiting.shift()?.done(line);
    });
    this.#child.on("close", () => {
      for (const one of this.#waiting.splice(0)) one.fail(this.#ended());
    });
    this.#child.stdin!.on("error", () => undefined); // ask() tells of its end
    Packager.#all.push(this);
  }

  #ended(): Error { return new Error(`huizhen-hls has ended: ${this.#child.exitCode ?? this.#child.signalCode}`); }

  unit(track: number, pts: number, mark: number, data: Buffer): void {
    this.#child.stdin!.write(record("U", track, pts, pts, mark, data));
  }

  // What the packager answers: 0, or an errno. The files are then as it left them.
  async ask(kind: "S" | "T" | "C" | "R" | "E", mark: number, track = 0, pts = 0, data?: Buffer): Promise<number> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw this.#ended();
    const line = await new Promise<string>((done, fail) => {
      this.#waiting.push({ done, fail });
      this.#child.stdin!.write(record(kind, track, pts, pts, mark, data));
    });
    const [answered, errno] = line.split(" ");
    if (answered !== kind) throw new Error(`asked ${kind}, answered ${answered}`);
    return Number(errno);
  }

  // Also of one that a failed test left.
  static killAll(): void {
    for (const packager of Packager.#all) packager.#child.kill("SIGKILL");
  }

  async stop(): Promise<void> {
    this.#child.stdin!.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }
}

// Sends what was encoded over and over, at the pace of ticks.
export class Programme {
  picture = 0;
  frame = 0;
  ptsShiftS = 0;
  videos: Buffer[][];
  readonly sounds: Buffer[];
  readonly packager: Packager;
  constructor(packager: Packager, videos: Buffer[][], sounds: Buffer[]) {
    this.packager = packager;
    this.videos = videos;
    this.sounds = sounds;
  }

  get nowUs(): number { return ZERO_US + this.picture * 40_000; }

  async slate(videos: Buffer[][], sounds: Buffer[]): Promise<void> {
    for (const [track, list] of videos.entries())
      for (const [i, unit] of list.entries()) await this.packager.ask("S", 0, track, i * 3600, unit);
    for (const [i, unit] of sounds.entries()) await this.packager.ask("S", 0, videos.length, i * 1024, unit);
  }

  // Until so many seconds after the begin; a tick every `every` pictures.
  async run(untilS: number, onTick?: () => void | Promise<void>, every = 8): Promise<void> {
    while (this.picture < untilS * FPS) {
      for (const [track, list] of this.videos.entries())
        this.packager.unit(track, this.picture * 3600 + this.ptsShiftS * 90_000, this.nowUs,
          numbered(list[this.picture % list.length]!, this.picture));
      for (; this.frame * AAC_FRAME_US < (this.picture + 1) * 40_000; this.frame++)
        this.packager.unit(this.videos.length, this.frame * 1024 + this.ptsShiftS * 48_000,
          ZERO_US + Math.floor(this.frame * AAC_FRAME_US), this.sounds[this.frame % this.sounds.length]!);
      this.picture++;
      if (this.picture % every) continue;
      await this.packager.ask("T", this.nowUs);
      await onTick?.();
    }
  }
}
