// Viewers of HLS files, as many as wanted in one process: node players.ts URL COUNT. Each asks for its playlists once a segment, as
// players that play segments do, and fetches what is new in them. On standard input "mark" begins to count anew and "report" prints a
// line of JSON: requests, bytes, failures, and segments that took longer to fetch than they last (the player would have stood still).
import { Agent, get } from "node:http";
import { createInterface } from "node:readline";

const [url = "", number = "0"] = process.argv.slice(2), COUNT = Number(number), TRACKS = ["video", "sound"];
const agent = new Agent({ keepAlive: true, maxSockets: COUNT });
const counts = { requests: 0, bytes: 0, failed: 0, segments: 0, late: 0, slowest_ms: 0 };

function fetched(path: string, keep: boolean): Promise<string | null> {
  return new Promise((done) => {
    const request = get(`${url}/${path}`, { agent }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (d: Buffer) => { counts.bytes += d.length; if (keep) parts.push(d); });
      response.on("error", () => { counts.failed++; done(null); });
      response.on("end", () => {
        counts.requests++;
        if (response.statusCode !== 200) counts.failed++;
        done(response.statusCode === 200 ? Buffer.concat(parts).toString() : null);
      });
    });
    request.on("error", () => { counts.failed++; done(null); });
  });
}

// What a player needs of a playlist, quickly: tests/lib/hls.ts is the one that looks closely.
interface Listed { sequence: number; seconds: number; uri: string }
function segmentsOf(text: string): Listed[] {
  const found: Listed[] = [];
  let sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0), seconds = 0, gap = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("#EXTINF:")) seconds = parseFloat(line.slice(8));
    else if (line === "#EXT-X-GAP") gap = true;
    else if (line && !line.startsWith("#")) {
      if (!gap) found.push({ sequence, seconds, uri: line });
      sequence++;
      gap = false;
    }
  }
  return found;
}

async function player(): Promise<void> {
  const have = new Map<string, number>();
  let every = 4000;
  await new Promise((r) => setTimeout(r, Math.random() * every));
  for (;;) {
    const began = performance.now();
    for (const track of TRACKS) {
      const text = await fetched(`${track}/index.m3u8`, true);
      if (text === null) continue;
      every = 1000 * Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(text)?.[1] ?? 4);
      const listed = segmentsOf(text), newest = listed.at(-1)?.sequence ?? 0;
      const last = have.get(track) ?? newest - 1;
      for (const segment of listed) {
        if (segment.sequence <= last) continue;
        const from = performance.now();
        await fetched(`${track}/${segment.uri}`, false);
        const took = performance.now() - from;
        counts.segments++;
        counts.slowest_ms = Math.max(counts.slowest_ms, took);
        if (took > 1000 * segment.seconds) counts.late++;
      }
      have.set(track, newest);
    }
    await new Promise((r) => setTimeout(r, Math.max(0, every - (performance.now() - began))));
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "mark") Object.assign(counts, { requests: 0, bytes: 0, failed: 0, segments: 0, late: 0, slowest_ms: 0 });
  else process.stdout.write(`${JSON.stringify(counts)}\n`);
}).on("close", () => process.exit(0));
for (let i = 0; i < COUNT; i++) void player();
