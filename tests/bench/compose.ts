// Composing, against real time: records of cameras at 720p with noise in them, as cameras have it.
//   node --import tsx bench/compose.ts [--seconds N]     JSON: build/bench/compose.json
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMPOSE, ff, makePerson, writeRecord, type TrackFile } from "../lib/composed.ts";
import { ROOT } from "../lib/gateway.ts";

const at = process.argv.indexOf("--seconds"), seconds = at > 0 ? Number(process.argv[at + 1]) : 60;
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

const rows = cases.map((c, i) => {
  const dir = join(base, `${seconds}-${i}`);
  if (!existsSync(join(dir, "manifest.json"))) {
    mkdirSync(dir, { recursive: true });
    make(dir, c);
  }
  const r = spawnSync("bash", ["-c", `TIMEFORMAT='%R %U %S'; time "${COMPOSE}" "${dir}"`], { encoding: "utf8" });
  const [wall, user, system] = r.stderr.trim().split("\n").at(-1)!.split(" ").map(Number) as [number, number, number];
  if (r.status !== 0) throw new Error(`${c.name}: ${r.stderr}`);
  return { name: c.name, seconds, wall_s: wall, cpu_s: user + system, times_real: seconds / wall, cpu_of_a_core: (user + system) / seconds };
});
console.log(`composing ${seconds} s, ${cpus().length} cores`);
for (const r of rows)
  console.log(`${r.name.padEnd(36)} ${r.times_real.toFixed(1).padStart(5)} x real time   ${r.cpu_s.toFixed(1).padStart(6)} s of CPU, ${(100 * r.cpu_of_a_core).toFixed(0).padStart(3)} % of a core a second of record`);
mkdirSync(join(ROOT, "build/bench"), { recursive: true });
writeFileSync(join(ROOT, "build/bench/compose.json"), JSON.stringify(rows, null, 1));
