// The HLS packager: minutes of a programme (with HZ_HLS_HOUR=1 an hour, which takes six), with a cut, a jump of time and other
// parameters, every version of every playlist checked; what was cut is in no file; ffmpeg plays a programme (with a cut: tests/unit/hls/test_hls_folder.c).
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { compare, parse, parseMaster, together, type Media } from "../lib/hls.ts";
import { FPS, Packager, Programme, SIZES, ZERO_US, numbersIn, sound, video } from "../lib/hls-input.ts";

const BINARY = join(import.meta.dirname, "../../build/release/media/hls/huizhen-hls");
const TRACKS = ["360p", "540p", "720p", "floor"];
const ARGS = ["--first-sequence", "1", "--video", "360p", "--video", "540p", "--video", "720p", "--sound", "floor:aac:2:zh:Floor"];
const NORMAL: string[] = ["-crf", "40"];
let root: string, live: Buffer[][], other: Buffer[][], slate: Buffer[][], tone: Buffer[], silence: Buffer[];

before(() => {
  root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : "/tmp", "hz-hls-"));
  live = SIZES.map((size) => video(size, "smptebars", 4, NORMAL));
  other = SIZES.map((size) => video({ ...size, width: size.width / 2, height: size.height / 2 }, "smptebars", 4, NORMAL));
  slate = SIZES.map((size) => video(size, "color", 2, NORMAL));
  tone = sound("sine=frequency=440", 4);
  silence = sound("anullsrc=r=48000:cl=stereo", 1);
});
after(() => {
  Packager.killAll();
  rmSync(root, { recursive: true, force: true });
});

function folder(name: string): string {
  const path = join(root, name);
  execFileSync("mkdir", ["-p", path]);
  return path;
}

// All playlists, checked as they are and against what they were.
class Watch {
  readonly #before = new Map<string, { text: string; media: Media }>();
  readonly errors: string[] = [];
  versions = 0;
  readonly #path: string;
  constructor(path: string) { this.#path = path; }

  look(cut = false): void {
    const all: Media[] = [];
    for (const track of TRACKS) {
      const file = join(this.#path, track, "index.m3u8");
      if (!existsSync(file)) continue;
      const text = readFileSync(file, "utf8"), before = this.#before.get(track);
      if (before?.text === text) {
        all.push(before.media);
        continue;
      }
      const media = parse(text);
      this.versions++;
      const found = [...media.errors, ...(before ? compare(before.media, media, cut) : [])];
      this.errors.push(...found.map((e) => `${track} version ${this.versions}: ${e}`));
      this.#before.set(track, { text, media });
      all.push(media);
      this.#files(track, media);
    }
    if (all.length) this.errors.push(...together(all));
    assert.deepEqual(this.errors.slice(0, 20), []);
  }

  // What the newest segments name must be there. Older ones were seen before.
  #files(track: string, media: Media): void {
    const names = media.segments.slice(-4).flatMap((s) => [
      ...(s.uri && !s.gap ? [s.uri] : []), ...(s.map ? [s.map] : []), ...s.parts.filter((p) => !p.gap).map((p) => p.uri),
    ]);
    const first = media.segments[0];
    if (first?.uri && !first.gap) names.push(first.uri);
    for (const name of names)
      if (!existsSync(join(this.#path, track, name))) this.errors.push(`${track}: ${name} is named and not there`);
  }
}

function numbers(path: string): number[] {
  return TRACKS.flatMap((track) => readdirSync(join(path, track))
    .filter((name) => !name.endsWith(".m3u8")).flatMap((name) => numbersIn(readFileSync(join(path, track, name)))));
}

// ffmpeg says nothing where nothing is wrong.
function decode(path: string, playlist: string): void {
  const done = spawnSync("ffmpeg", ["-v", "error", "-i", join(path, playlist), "-map", "0", "-f", "null", "-"], { encoding: "utf8" });
  assert.equal(done.stderr, "");
  assert.equal(done.status, 0);
}

test("a programme plays in ffmpeg, and its playlist says what it is", async () => {
  const path = folder("plain");
  const packager = new Packager(BINARY, path, [...ARGS, "--delay-ms", "2000"]);
  const programme = new Programme(packager, live, tone), watch = new Watch(path);
  await programme.run(32, () => watch.look());
  assert.equal(await packager.ask("E", 0), 0);
  watch.look();
  await packager.stop();
  const master = parseMaster(readFileSync(join(path, "master.m3u8"), "utf8"));
  assert.deepEqual(master.errors, []);
  assert.deepEqual(master.variants.map((v) => v.resolution), ["640x360", "960x540", "1280x720"]);
  assert.deepEqual(master.variants.map((v) => v.frameRate), [25, 25, 25]);
  for (const [i, variant] of master.variants.entries()) {
    assert.match(variant.codecs, /^avc1\.42c0[0-9a-f]{2},mp4a\.40\.2$/);
    const media = parse(readFileSync(join(path, variant.uri), "utf8")), bytes = (name: string): number => readFileSync(name).length;
    for (const s of media.segments) {
      const audio = join(path, "floor", s.uri!);
      const rate = 8 * (bytes(join(path, TRACKS[i]!, s.uri!)) + bytes(audio)) / s.duration;
      assert.ok(s.duration < 2 || rate <= variant.bandwidth * 1.1, `${s.uri}: ${rate} of ${variant.bandwidth}`);
    }
  }
  for (const playlist of ["master.m3u8", ...TRACKS.map((t) => `${t}/index.m3u8`)]) decode(path, playlist);
  const probe = JSON.parse(execFileSync("ffprobe", ["-v", "error", "-count_packets", "-show_streams", "-of", "json",
    join(path, "720p/index.m3u8")], { encoding: "utf8" })) as { streams: { nb_read_packets: string; width: number }[] };
  assert.equal(probe.streams[0]!.width, 1280);
  assert.ok(Number(probe.streams[0]!.nb_read_packets) >= 29 * FPS, `${probe.streams[0]!.nb_read_packets} pictures`);
});

// Seconds at which things happen: in short, and in an hour.
const HOUR = process.env["HZ_HLS_HOUR"] === "1";
const AT = HOUR ? { cut: 600, back: 660, jump: 1200, other: 1500, same: 1800, late: 2400, again: 2460, end: 3600, window: 1800 }
  : { cut: 40, back: 60, jump: 80, other: 110, same: 130, late: 180, again: 200, end: 260, window: 100 };

test("a cut, a late cut, a jump and other parameters: every playlist is right, what was cut is nowhere", async () => {
  const path = folder("long");
  const packager = new Packager(BINARY, path, [...ARGS, "--window-s", String(AT.window)]);
  const programme = new Programme(packager, live, tone), watch = new Watch(path);
  await programme.slate(slate, silence);
  const gone: [number, number][] = [];
  const look = (): void => watch.look();
  const cut = async (markS: number, backS: number): Promise<void> => {
    gone.push([markS * FPS, backS * FPS]);
    assert.equal(await packager.ask("C", ZERO_US + markS * 1e6), 0);
    watch.look(true);
    for (const n of numbers(path)) assert.ok(n < markS * FPS, `picture ${n} is there after the cut at ${markS * FPS}`);
    await programme.run(backS, look);
    assert.equal(await packager.ask("R", ZERO_US + backS * 1e6), 0);
  };
  await programme.run(AT.cut, look);
  await cut(AT.cut - 3, AT.back); // pressed 3 s later: it all waits
  await programme.run(AT.jump, look);
  programme.ptsShiftS = 5000;
  await programme.run(AT.other, look);
  programme.videos = other;
  await programme.run(AT.same, look);
  programme.videos = live;
  await programme.run(AT.late, look);
  await cut(AT.late - 25, AT.again); // pressed 25 s later: 15 s of it are out
  await programme.run(AT.end, look);
  assert.equal(await packager.ask("E", 0), 0);
  watch.look();
  await packager.stop();
  const there = numbers(path);
  for (const [from, until] of gone) assert.deepEqual(there.filter((n) => n >= from && n < until), []);
  assert.ok(there.includes((AT.end - 20) * FPS));
  const media = parse(readFileSync(join(path, "540p/index.m3u8"), "utf8"));
  const listed = media.segments.reduce((sum, s) => sum + s.duration, 0);
  assert.ok(Math.abs(listed - AT.window) < 10, `a window of ${listed} s`);
  console.log(`# ${watch.versions} versions of playlists, ${there.length} pictures kept, ${listed.toFixed(0)} s in the window`);
});
