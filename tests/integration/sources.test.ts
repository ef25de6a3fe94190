// Theatre sources from real senders: each comes, is decoded at the other end, and comes back after it was gone; hostile ones end in
// a clear state and hurt nobody.
// Timed: pictures of live senders are waited for; a busy machine sends them late
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createSocket } from "node:dgram";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep, until } from "../lib/gateway.ts";
import { hostile, rtmpFront, Theatre, type Source } from "../lib/sources.ts";

const AWAY_MS = process.env["HZ_TEST_FULL"] === "1" ? 10000 : 1500;

function freeUdp(): Promise<number> {
  return new Promise((done) => {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1", () => { const { port } = socket.address(); socket.close(() => done(port)); });
  });
}

async function freeTcp(): Promise<number> {
  const { port, server } = await hostile((_write, end) => end());
  await new Promise<void>((done) => server.close(() => done()));
  return port;
}

function film(path: string, video: string[], audio: string[] = ["-c:a", "aac"]): void {
  execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-f", "lavfi", "-i", "sine=440:r=48000", "-t", "3",
    ...video, "-pix_fmt", "yuv420p", ...audio, "-threads", "1", "-y", path]);
}

test("RTSP, SRT both ways, RTMP, files, WHIP and the test source arrive, and come back after an outage", { timeout: 300000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hz-films-"));
  const theatre = await Theatre.start({ HUIZHEN_INGEST_FOLDER: folder });
  t.after(async () => { await theatre.end(); rmSync(folder, { recursive: true }); });
  const { senders, gateway } = theatre;
  film(join(folder, "plain.mp4"), ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25"]);
  film(join(folder, "bframes.mkv"), ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25"], ["-c:a", "libopus"]);
  film(join(folder, "h265.mp4"), ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"]);
  film(join(folder, "mpeg2.ts"), ["-c:v", "mpeg2video", "-b:v", "2M"], ["-c:a", "mp2"]);
  const srt = await freeUdp(), caller = await freeUdp(), rtmp = await freeTcp();
  let camera = await senders.camera(0, "doctor:geheim");
  let call = senders.encoder(`srt://127.0.0.1:${srt}?mode=listener`, "mpegts");
  let stream = senders.encoder(`rtmp://127.0.0.1:${rtmp}/live/key`, "flv", ["-listen", "1"]);
  senders.start(join(gateway.binary, "../../media/pipeline/huizhen-demo"), ["--url", gateway.url, "--consult", "op", "--token",
    gateway.token("op", "theatre", { id: "obs" }), "--publish"]);
  await theatre.add("rtsp", `rtsp://doctor:geheim@127.0.0.1:${camera.port}/cam`, { kind: "endoscope" });
  await theatre.add("srt", `srt://127.0.0.1:${srt}`);
  await theatre.add("caller", `srt://:${caller}?mode=listener&passphrase=0123456789ab`);
  const front = await rtmpFront(rtmp);
  t.after(() => { front.server.close(); });
  await theatre.add("rtmp", `rtmp://127.0.0.1:${front.port}/live/key`);
  await theatre.add("test", "test:");
  for (const name of ["plain.mp4", "bframes.mkv", "h265.mp4", "mpeg2.ts"]) await theatre.add(name, `file:${name}`, { loop: true });
  const outage = ["rtsp", "srt", "caller", "rtmp"], all = [...outage, "test", "plain.mp4", "bframes.mkv", "h265.mp4", "mpeg2.ts"];
  const states = new Map<string, Source>();
  await theatre.reaches("caller", 40000, (s) => s.state === "listening");
  let calls = senders.encoder(`srt://127.0.0.1:${caller}?mode=caller&passphrase=0123456789ab`, "mpegts");
  for (const id of all) {
    await theatre.live(id, 60000).then((s) => states.set(id, s));
  }
  const eye = theatre.watch([...all, "obs"]);
  await Promise.all([...all, "obs"].map((id) => eye.more(id, 20, 60000)));

  assert.ok(states.get("rtsp")?.passed_video, "a camera is not re-encoded");
  for (const id of ["rtsp", "bframes.mkv"]) await theatre.reaches(id, 20000, (s) => s.passed_audio); // known when sound came, perhaps after pictures
  assert.equal(states.get("plain.mp4")?.passed_video, true);
  assert.equal(states.get("bframes.mkv")?.passed_video, false, "browsers show no B-frames");
  assert.equal(states.get("h265.mp4")?.video, "h265");
  assert.equal(states.get("mpeg2.ts")?.video, "mpeg2");
  const people = await (await gateway.api(theatre.token, "GET", "/api/v1/consults/op/participants/rtsp")).json() as { role: string; tracks: { source: string; codec: string }[] };
  assert.equal(people.role, "theatre");
  assert.ok(people.tracks.some((track) => track.source === "endoscope" && track.codec === "h264"), JSON.stringify(people.tracks));

  const seen = await theatre.reaches("rtsp", 20000, (s) => s.thumbnail_ms !== null);
  assert.equal([seen.width, seen.height].join("x"), "640x360");
  await theatre.reaches("rtsp", 20000, (s) => s.fps > 5 && s.fps < 60);
  const picture = await theatre.call("GET", "/rtsp/thumbnail");
  const jpeg = Buffer.from(await picture.arrayBuffer());
  assert.equal(picture.headers.get("content-type"), "image/jpeg");
  assert.ok(jpeg.length > 500 && jpeg.length <= 32768 && jpeg.readUInt16BE(0) === 0xffd8, `${jpeg.length} bytes`);

  // All senders go, and come again.
  await Promise.all([camera.child, call, calls, stream].map((child) => senders.stop(child)));
  for (const id of outage) await theatre.reaches(id, 20000, (s) => s.state !== "live");
  await sleep(AWAY_MS);
  camera = await senders.camera(camera.port, "doctor:geheim");
  call = senders.encoder(`srt://127.0.0.1:${srt}?mode=listener`, "mpegts");
  stream = senders.encoder(`rtmp://127.0.0.1:${rtmp}/live/key`, "flv", ["-listen", "1"]);
  await theatre.reaches("caller", 20000, (s) => s.state === "listening");
  calls = senders.encoder(`srt://127.0.0.1:${caller}?mode=caller&passphrase=0123456789ab`, "mpegts");
  for (const id of outage) await theatre.live(id, 60000);
  await Promise.all(outage.map((id) => eye.more(id, 20, 60000)));

  // Nothing of an address that is nobody's business is told or logged.
  const list = await (await theatre.call("GET")).text();
  assert.ok(!/geheim|doctor|0123456789ab|live\/key/.test(list), list);
  assert.ok(!/geheim|0123456789ab|eyJ/.test(gateway.log()), "no password and no token in the log");
  for (const name of ["huizhen.db", "huizhen.db-wal", "runtime.db", "runtime.db-wal"].filter((file) => existsSync(join(gateway.dataDir, file)))) {
    assert.ok(!/geheim|0123456789ab|live\/key/.test(readFileSync(join(gateway.dataDir, name), "latin1")), `no password in ${name}`);
  }
});

test("hostile and broken sources end in a clear state, and the others go on", { timeout: 240000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hz-films-"));
  const theatre = await Theatre.start({ HUIZHEN_INGEST_FOLDER: folder });
  t.after(async () => { await theatre.end(); rmSync(folder, { recursive: true }); });
  writeFileSync(join(folder, "garbage.mp4"), randomBytes(300000));
  writeFileSync(join(folder, "text.mkv"), "1\n00:00:00,000 --> 00:00:01,000\nno picture\n");
  const garbage = await hostile((write) => { for (let i = 0; i < 20; i++) write(randomBytes(4096)); });
  const headers = await hostile((write) => {
    write("RTSP/1.0 200 OK\r\n");
    const timer = setInterval(() => { if (!write(`X-${"a".repeat(50)}: ${"b".repeat(4000)}\r\n`.repeat(20))) clearInterval(timer); }, 20);
  });
  const silent = await hostile(() => undefined);
  t.after(() => { for (const one of [garbage, headers, silent]) { one.server.close(); } });
  const camera = await theatre.senders.camera(0, "doctor:geheim");
  const nobody = await freeTcp();
  await theatre.add("good", "test:");
  const expected: [string, string, RegExp][] = [
    ["refused", `rtsp://127.0.0.1:${nobody}/cam`, /^refused$/],
    ["outside", "rtsp://192.0.2.1/cam", /^not_allowed$/],
    ["wrong-password", `rtsp://doctor:falsch@127.0.0.1:${camera.port}/cam`, /^unauthorised$/],
    ["no-such-stream", `rtsp://doctor:geheim@127.0.0.1:${camera.port}/other`, /^not_found$/],
    ["no-name", "rtsp://no-such-host.invalid/cam", /^unreachable$/],
    ["garbage-rtsp", `rtsp://127.0.0.1:${garbage.port}/cam`, /^(garbage|closed|refused|timeout)$/],
    ["garbage-rtmp", `rtmp://127.0.0.1:${garbage.port}/live/x`, /^(garbage|closed|refused|timeout|not_found)$/],
    ["headers", `rtsp://127.0.0.1:${headers.port}/cam`, /^(garbage|closed|refused|timeout|hung|crashed)$/],
    ["silent", `rtmp://127.0.0.1:${silent.port}/live/x`, /^(timeout|refused|closed|not_found)$/],
    ["garbage-file", "file:garbage.mp4", /^(garbage|no_picture)$/],
    ["text-file", "file:text.mkv", /^(garbage|no_picture|unsupported)$/],
    ["no-file", "file:none.mp4", /^not_found$/],
  ];
  for (const [id, url] of expected) await theatre.add(id, url);
  for (const [id, , reason] of expected) {
    const s = await theatre.reaches(id, 60000, (now) => now.state === "retrying" && now.reason !== "");
    assert.match(s.reason, reason, id);
  }
  await theatre.live("good");
  // A process that is killed, or is stuck, is another one's soon; nobody else notices.
  const children = (): { pid: number }[] => {
    const parent = theatre.gateway.pidOf("ingest") ?? -1;
    return execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number))
      .filter(([, ppid]) => ppid === parent).map(([pid = 0]) => ({ pid }));
  };
  const before = await until("each has its process", 30000, () => { // a hostile one may be dying just now
    const all = children();
    return all.length === expected.length + 1 ? all : undefined;
  });
  const eye = theatre.watch(["good"]);
  await eye.more("good", 10, 30000);
  theatre.gateway.kill9("ingest");
  await theatre.reaches("good", 40000, (s) => s.state !== "live");
  await theatre.live("good");
  await eye.more("good", 10, 40000);
  for (const { pid } of before) await until("the children of before are gone", 20000, () => { try { process.kill(pid, 0); return false; } catch { return true; } });
  theatre.gateway.kill9("control");
  await theatre.gateway.ready(15000);
  await theatre.live("good");
  await eye.more("good", 10, 30000);
  assert.equal((await theatre.call("DELETE", "/good")).status, 204);
  await until("its process and its participant are gone", 20000, async () => children().length === expected.length &&
    (await theatre.gateway.api(theatre.token, "GET", "/api/v1/consults/op/participants/good")).status === 404);
});
