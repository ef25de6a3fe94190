// Composing, against real time: records of cameras at 720p with noise in them, as cameras have it; then a consult from its
// journal, with everything that makes sound and picture drift (tests/record/hour.h), measured in what was composed of it.
//   node --import tsx bench/compose.ts [--seconds N] [--minutes N]     JSON: build/bench/compose.json, skew.json
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beeps, COMPOSE, ff, flashes, makePerson, skews, writeRecord, type TrackFile } from "../lib/composed.ts";
import { ROOT } from "../lib/gateway.ts";
import { makeHour } from "../lib/hour.ts";

const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? Number(process.argv[at + 1]) : otherwise;
};
const seconds = option("seconds", 60), minutes = option("minutes", 10);
const base = join(ROOT, "build/bench/compose");
const cases = [
  { name: "3 people, 720p H.264", people: 3, size: "1280x720", codec: "h264", screen: false },
  { name: "3 people, 720p VP8", people: 3, size: "1280x720", codec: "vp8", screen: false },
  { name: "6 people, 360p H.264", people: 6, size: "640x360", codec: "h264", screen: false },
  { name: "3 people, 720p H.264, screen 1080p", people: 3, size: "1280x720", codec: "h264", screen: true },
] as const;

function make(dir: string, c: (typeof cases)[number]): void {
  const files: TrackFile[] = [], people = [];
  for (let i = 0; i < c.people; i++) {
    people.push({ id: `p${i}`, name: `医生 ${i}`, role: "expert" });
    files.push(...makePerson(dir, { id: `p${i}`, seconds, size: c.size, codec: c.codec, picture: "testsrc2" }));
  }
  if (c.screen) {
    const path = "tracks/p0.screen.1.webm";
    ff("-f", "lavfi", "-i", `testsrc=s=1920x1080:r=15:d=${seconds}`, "-pix_fmt", "yuv420p", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1500k", join(dir, path));
    files.push({ path, role: "track", participant: "p0", source: "screen", kind: "video", at_ms: 0, duration_ms: seconds * 1000 });
  }
  writeRecord(dir, people, files, Array.from({ length: seconds / 5 }, (_, i) => ({ at_ms: i * 5000, type: "speaker", participant: "", detail: { ids: [`p${i % c.people}`] } })));
}

// Seconds of wall clock and of CPU that a command takes.
function timed(...command: string[]): { wall: number; cpu: number } {
  const r = spawnSync("bash", ["-c", `TIMEFORMAT='%R %U %S'; time "$@"`, "timed", ...command], { encoding: "utf8" });
  const [wall, user, system] = r.stderr.trim().split("\n").at(-1)!.split(" ").map(Number) as [number, number, number];
  if (r.status !== 0) throw new Error(`${command.join(" ")}: ${r.stderr}`);
  return { wall, cpu: user + system };
}

function speed(): void {
  const rows = cases.map((c, i) => {
    const dir = join(base, `${seconds}-${i}`);
    if (!existsSync(join(dir, "manifest.json"))) {
      mkdirSync(dir, { recursive: true });
      make(dir, c);
    }
    const { wall, cpu } = timed(COMPOSE, dir);
    return { name: c.name, seconds, wall_s: wall, cpu_s: cpu, times_real: seconds / wall, cpu_of_a_core: cpu / seconds };
  });
  console.log(`composing ${seconds} s, ${cpus().length} cores`);
  for (const r of rows)
    console.log(`${r.name.padEnd(36)} ${r.times_real.toFixed(1).padStart(5)} x real time   ${r.cpu_s.toFixed(1).padStart(6)} s of CPU, ${(100 * r.cpu_of_a_core).toFixed(0).padStart(3)} % of a core a second of record`);
  writeFileSync(join(ROOT, "build/bench/compose.json"), JSON.stringify(rows, null, 1));
}

// Two side by side: the left one flashes and beeps at whole seconds, the right one half a second later.
function skew(): boolean {
  const store = join(base, "rough"), LEFT = [100, 330, 400, 60], RIGHT = [740, 330, 400, 60];
  rmSync(store, { recursive: true, force: true });
  const room = makeHour(store, "--minutes", String(minutes), "--publishers", "2", "--rough"), movie = join(room.folder, "composed.mp4");
  const finalised = timed(join(ROOT, "build/release/gateway/huizhen"), "record", "finalize", room.folder, "--store", store);
  const composed = timed(COMPOSE, room.folder), sound = beeps(movie), whole = (t: number): boolean => t % 1 < 0.25 || t % 1 > 0.75;
  console.log(`${minutes} minutes of two people at ±200 ppm, late, dropped, muted: finalised ${((minutes * 60) / finalised.wall).toFixed(0)} x, composed ${((minutes * 60) / composed.wall).toFixed(1)} x real time`);
  const rows = [flashes(movie, LEFT).filter(whole), flashes(movie, RIGHT).filter((t) => !whole(t))].map((seen, i) => {
    const list = skews(seen, sound.filter((t) => whole(t) === (i === 0)));
    return { who: i ? "right" : "left", flashes: seen.length, pairs: list.length, early_ms: -Math.min(...list), late_ms: Math.max(...list) };
  });
  for (const r of rows) console.log(`${r.who.padEnd(6)} ${r.flashes} flashes, ${r.pairs} with beeps: sound ${r.early_ms.toFixed(1)} ms early, ${r.late_ms.toFixed(1)} ms late at most (allowed 40, 60)`);
  writeFileSync(join(ROOT, "build/bench/skew.json"), JSON.stringify({ minutes, rows, finalised, composed }, null, 1));
  rmSync(store, { recursive: true });
  return rows.every((r) => r.pairs > minutes * 60 * 0.85 && r.early_ms <= 40 && r.late_ms <= 60) && composed.wall < minutes * 60;
}

mkdirSync(base, { recursive: true });
if (seconds) speed();
if (minutes && !skew()) process.exitCode = 1;
