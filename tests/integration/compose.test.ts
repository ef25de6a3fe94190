// composed.mp4 as a player decodes it: sound and picture together at every point, constant rate, the profile that is promised;
// and what is done with tracks that are not what they should be.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beeps, compose, COMPOSE, ff, flashes, loudest, makePerson, probe, skews, soundOf, writeRecord, type Person, type TrackFile } from "../lib/composed.ts";

const A: Person = { id: "a", name: "张伟", role: "clinic" }, B: Person = { id: "b", name: "Dr. Carter", role: "expert" };
const LEFT = [100, 330, 400, 60], RIGHT = [740, 330, 400, 60]; // inside of two tiles side by side
const folder = (): string => mkdtempSync(join(tmpdir(), "hz-compose-"));
const sha = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");
const sleep = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));
const spread = (list: number[]): string => `${Math.min(...list).toFixed(1)}..${Math.max(...list).toFixed(1)} ms of ${list.length}`;

function good(skew: number[], least: number, what: string): void {
  assert.ok(skew.length >= least, `${what}: ${skew.length} of ${least} flashes have a beep`);
  assert.ok(skew.every((s) => s > -40 && s < 60), `${what}: sound after picture ${spread(skew)}`);
  console.log(`${what}: sound after picture ${spread(skew)}`);
}

test("drifting clocks, a late track, 5 s without anything: sound and picture stay together", () => {
  const dir = folder();
  const files = [
    ...makePerson(dir, { id: "a", seconds: 50, ppm: 1000 }),
    ...makePerson(dir, { id: "b", seconds: 35, at_ms: 7513, ppm: -1000, gap: { at: 20, seconds: 5 }, codec: "vp8" }),
  ];
  writeRecord(dir, [A, B], files, [{ at_ms: 0, type: "layout", participant: "a", detail: { mode: "grid", pinned: false, main: null, source: null } }]);
  const r = compose(dir);
  assert.equal(r.status, 0, r.err);
  const movie = join(dir, "composed.mp4"), sound = beeps(movie);
  const left = flashes(movie, LEFT), right = flashes(movie, RIGHT);
  // until b is there, a fills the picture; later both are side by side
  good(skews(left, sound.filter((b) => b % 1 < 0.3 || b % 1 > 0.8)), 48, "a, +1000 ppm");
  good(skews(right.filter((f) => f > 7.4 && f % 1 > 0.4 && f % 1 < 0.65), sound.filter((b) => b % 1 > 0.3 && b % 1 < 0.8)), 32, "b, -1000 ppm, late, 5 s away");
  const gap = sound.filter((b) => b % 1 > 0.3 && b % 1 < 0.8 && b > 27.6 && b < 32.4);
  assert.equal(gap.length, 0, "silence while b is away");

  const p = probe(movie), v = p.streams[0]!;
  assert.deepEqual([v["codec_name"], v["profile"], v["r_frame_rate"], v["avg_frame_rate"], v["width"], v["height"], v["has_b_frames"]], ["h264", "High", "25/1", "25/1", 1280, 720, 0]);
  assert.ok(Number(v["level"]) <= 41, `level ${v["level"]}`);
  assert.equal(soundOf(movie), "aac,LC,48000,2");
  const pts = p.frames.map((f) => Number(f["pts"]));
  assert.equal(pts[0], 0);
  assert.ok(pts.every((t, i) => i === 0 || t - pts[i - 1]! === pts[1]!), "constant frame rate");
  assert.ok(p.frames.every((f) => f["pts"] === f["dts"]));
  const keys = p.frames.flatMap((f, i) => (String(f["flags"]).startsWith("K") ? [i] : []));
  assert.ok(keys.every((k, i) => i === 0 || k - keys[i - 1]! <= 50), "a keyframe every two seconds at least");
  const decoded = spawnSync("ffmpeg", ["-v", "error", "-i", movie, "-f", "null", "-"], { encoding: "utf8" });
  assert.equal(decoded.stderr, "");
  const head = readFileSync(movie).subarray(0, 4096).toString("latin1");
  assert.ok(head.includes("moov") && !head.includes("elst"), "the index comes first, without edit lists");
  rmSync(dir, { recursive: true });
});

test("the same tracks give the same bytes; captions and clock; the manifest names what was made", () => {
  const dir = folder();
  const files = makePerson(dir, { id: "a", seconds: 4, codec: "vp9" });
  writeRecord(dir, [A, { id: "x", name: "赵敏", role: "companion", consent: "refused" }], files);
  assert.equal(compose(dir).status, 0);
  const first = ["composed.mp4", "poster.jpg", "strip.jpg", "manifest.json"].map((f) => sha(join(dir, f)));
  assert.equal(compose(dir).status, 0);
  assert.deepEqual(["composed.mp4", "poster.jpg", "strip.jpg", "manifest.json"].map((f) => sha(join(dir, f))), first);

  const manifest = JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8")) as { files: Record<string, unknown>[] };
  const made = manifest.files.filter((f) => f["role"] !== "track");
  assert.deepEqual(made.map((f) => f["role"]).sort(), ["composed", "poster", "strip"]);
  for (const f of made) assert.equal(f["sha256"], sha(join(dir, String(f["path"]))));
  assert.deepEqual(made.find((f) => f["role"] === "composed")!["codecs"], ["h264", "aac"]);
  assert.equal(manifest.files.length, files.length + 3);

  assert.equal(compose(dir, "--no-captions").status, 0);
  assert.notEqual(sha(join(dir, "composed.mp4")), first[0]);
  const small = compose(dir, "--size", "640x360", "--rate", "15");
  assert.equal(small.status, 0, small.err);
  const v = probe(join(dir, "composed.mp4")).streams[0]!;
  assert.deepEqual([v["width"], v["height"], v["avg_frame_rate"]], [640, 360, "15/1"]);
  rmSync(dir, { recursive: true });
});

test("kill -9 at any moment: the old file stays, the next run is whole; in a sandbox, at low priority", async () => {
  const dir = folder(), movie = join(dir, "composed.mp4");
  writeRecord(dir, [A], makePerson(dir, { id: "a", seconds: 15 }));
  assert.equal(compose(dir).status, 0);
  const whole = sha(movie);
  let ended = 0;
  for (const ms of [150, 400, 700, 1000]) {
    const child = spawn(COMPOSE, ["--utc-offset", "480", dir], { stdio: "ignore" });
    const exit = new Promise<void>((r) => child.once("exit", () => r()));
    await sleep(ms);
    const proc = (name: string): string => { try { return readFileSync(`/proc/${child.pid}/${name}`, "utf8"); } catch { return ""; } };
    for (let i = 0; ms === 1000 && i < 200 && child.exitCode === null && !/Seccomp:\t2/.test(proc("status")); i++) await sleep(20);
    if (ms === 1000 && child.exitCode === null) {
      assert.match(proc("status"), /NoNewPrivs:\t1[^]*Seccomp:\t2/);
      assert.equal(proc("stat").split(") ")[1]!.split(" ")[16], "10");
    }
    ended += Number(child.kill("SIGKILL"));
    await exit;
    assert.equal(sha(movie), whole);
  }
  assert.ok(ended > 0);
  assert.equal(compose(dir).status, 0);
  assert.equal(sha(movie), whole);
  assert.ok(!existsSync(`${movie}.part`));
  rmSync(dir, { recursive: true });
});

test("eight loud voices at once are not clipped", () => {
  const dir = folder(), people: Person[] = [], files: TrackFile[] = [];
  const [mic] = makePerson(dir, { id: "p0", seconds: 3, level: 0.9 });
  for (let i = 0; i < 8; i++) {
    const path = `tracks/p${i}.microphone.1.webm`;
    if (i) copyFileSync(join(dir, mic!.path), join(dir, path));
    people.push({ id: `p${i}`, name: `声音 ${i}`, role: "expert" });
    files.push({ ...mic!, path, participant: `p${i}` });
  }
  writeRecord(dir, people, files);
  const r = compose(dir, "--size", "320x180");
  assert.equal(r.status, 0, r.err);
  const peak = loudest(join(dir, "composed.mp4"));
  assert.ok(peak > 0.7 && peak < 0.99, `peak ${peak}`);
  assert.equal(beeps(join(dir, "composed.mp4")).length, 3);
  rmSync(dir, { recursive: true });
});

test("tracks that are not what they should be: exit 1, one line, composed.mp4 as it was or not at all", () => {
  const dir = folder();
  const [mic, cam] = makePerson(dir, { id: "a", seconds: 4 }) as [TrackFile, TrackFile];
  const keep = join(dir, "keep");
  copyFileSync(join(dir, cam.path), keep);
  const refused = (what: string, say: RegExp): void => {
    const r = compose(dir, "--size", "320x180");
    assert.equal(r.status, 1, `${what}: ${r.out}${r.err}`);
    assert.match(r.err, say, what);
    assert.equal(r.err.trim().split("\n").length, 1, r.err);
    assert.ok(!existsSync(join(dir, "composed.mp4")) && !existsSync(join(dir, "composed.mp4.part")), what);
  };
  const bare = (files: TrackFile[]): void => writeRecord(dir, [A], files.map((f) => ({ ...f, bytes: 0 })));

  refused("no manifest", /manifest\.json/);
  writeFileSync(join(dir, "manifest.json"), "{");
  refused("half a manifest", /manifest\.json/);
  writeRecord(dir, [A], [mic, cam]);
  truncateSync(join(dir, cam.path), 20000);
  refused("cut off, as the manifest tells", /a\.camera\.1\.mp4.*size/);
  bare([mic, cam]);
  for (const bytes of [10, 300, 20000]) {
    copyFileSync(keep, join(dir, cam.path));
    truncateSync(join(dir, cam.path), bytes);
    const r = compose(dir, "--size", "320x180"); // a fragment that ends early may still be a file: then it plays
    if (r.status === 0) assert.equal(spawnSync("ffmpeg", ["-v", "error", "-i", join(dir, "composed.mp4"), "-f", "null", "-"], { encoding: "utf8" }).stderr, "");
    else assert.equal(r.err.trim().split("\n").length, 1, r.err);
    rmSync(join(dir, "composed.mp4"), { force: true });
  }
  truncateSync(join(dir, cam.path), 0);
  refused("empty", /is empty/);
  writeFileSync(join(dir, cam.path), "#!/bin/sh\n".repeat(1000));
  refused("not a film", /not an MP4 or WebM/);
  ff("-f", "lavfi", "-i", "testsrc=d=1:s=320x180", "-c:v", "mpeg4", join(dir, cam.path));
  refused("another codec", /codec is none/);
  writeFileSync(join(dir, cam.path), `#EXTM3U\n#EXTINF:1,\nfile:${keep}\n`);
  refused("a playlist", /not an MP4 or WebM/);
  rmSync(join(dir, cam.path));
  refused("missing", /is missing/);
  copyFileSync(keep, join(dir, cam.path));
  writeRecord(dir, [A], [{ ...mic, bytes: 0, path: "../../etc/passwd" }]);
  refused("outside", /leaves the folder/);

  const noise = readFileSync(keep); // damage inside of the stream is concealed, whatever comes of it
  for (let i = 4000; i < noise.length; i += 97) noise[i] = noise[i]! ^ 0x55;
  writeFileSync(join(dir, cam.path), noise);
  bare([mic, cam]);
  const r = compose(dir, "--size", "320x180");
  assert.ok(r.status === 0 || r.status === 1, `${r.status} ${r.err}`);
  assert.equal(compose(dir, "--size", "17x3").status, 2);
  assert.equal(compose(join(dir, "nowhere")).status, 1);
  writeRecord(dir, [A], []);
  assert.equal(compose(dir).out.trim(), "nothing to compose");
  rmSync(dir, { recursive: true });
});
