// A plain web server over a folder, and a page that plays it with hls.js.
import { createServer, type Server } from "node:http";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import type { AddressInfo } from "node:net";

const TYPES: Record<string, string> = { ".m3u8": "application/vnd.apple.mpegurl", ".mp4": "video/mp4", ".m4s": "video/iso.segment" };
const PAGE = `<!doctype html><meta charset="utf-8"><video id="video" muted playsinline></video><script src="/hls.js"></script>`;

export async function serveFolder(root: string): Promise<{ server: Server; url: string; requests: string[]; missing: string[] }> {
  const library = readFileSync(createRequire(import.meta.url).resolve("hls.js/dist/hls.min.js"));
  const requests: string[] = [], missing: string[] = [];
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://x").pathname);
    if (path === "/" || path === "/hls.js") {
      response.setHeader("Content-Type", path === "/" ? "text/html" : "text/javascript");
      response.end(path === "/" ? PAGE : library);
      return;
    }
    requests.push(path);
    const file = join(root, path);
    if (!existsSync(file) || !statSync(file).isFile()) {
      if (path !== "/favicon.ico") missing.push(path);
      response.writeHead(404).end();
      return;
    }
    response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream");
    response.setHeader("Cache-Control", file.endsWith(".m3u8") ? "no-cache" : "max-age=3600");
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests, missing };
}

export interface Playing { time: number; frames: number; height: number; fatal: string[]; other: string[]; latency: number; red: number; seekable: number; state: string }

// To be run in the page.
export const START = `(() => {
  const video = document.getElementById('video');
  const hls = new Hls({ lowLatencyMode: true, backBufferLength: 3600 });
  window.seen = { fatal: [], other: [] };
  hls.on(Hls.Events.ERROR, (_, data) => (data.fatal ? seen.fatal : seen.other).push(data.details + ' ' + String(data.error?.message).slice(0, 80)));
  hls.loadSource('/master.m3u8');
  hls.attachMedia(video);
  hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
  window.hls = hls;
})()`;
export const LOOK = `(() => {
  const video = document.getElementById('video');
  const canvas = document.createElement('canvas');
  canvas.width = 16; canvas.height = 16;
  const context = canvas.getContext('2d');
  if (video.videoWidth) context.drawImage(video, 0, 0, 16, 16);
  const pixels = context.getImageData(0, 0, 16, 16).data;
  let red = 0;
  for (let i = 0; i < pixels.length; i += 4) red = Math.max(red, pixels[i]);
  return { time: video.currentTime, frames: video.getVideoPlaybackQuality().totalVideoFrames, height: video.videoHeight,
    fatal: seen.fatal, other: seen.other, latency: window.hls.latency, red,
    state: [[...Array(video.buffered.length).keys()].map((i) => video.buffered.start(i).toFixed(2) + '-' + video.buffered.end(i).toFixed(2)), video.readyState, video.paused, video.error?.message, video.buffered.length && video.buffered.end(video.buffered.length - 1),
      window.hls.levels?.length, window.hls.currentLevel, window.hls.liveSyncPosition].join(' '),
    seekable: video.seekable.length ? video.seekable.end(0) - video.seekable.start(0) : 0 };
})()`;
