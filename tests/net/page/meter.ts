// What the subscriber sees and hears: every presented picture's clock, and once a second the browser's counters.
import { CLOCK_SHARE, COLUMNS, ROWS, checksum } from "./camera.ts";

export interface Frame { at: number; stamp: number; height: number } // ms since 1970, both by this machine's clock
export interface Second {
  at: number;
  audio_bytes: number; video_bytes: number; concealed: number; samples: number; silent: number; packets: number; lost: number;
  decoded: number; keyframes: number; nacks: number; plis: number; height: number; transport: string;
  video_buffer_ms: number; audio_buffer_ms: number; // how long what came out this second had waited
  ahead_ms: number; // of the picture's playout time before the sound's
}

type Report = Record<string, number | string | undefined>;
const COUNTERS = ["audio_bytes", "video_bytes", "concealed", "samples", "silent", "packets", "lost", "decoded", "keyframes", "nacks", "plis"] as const;
const WAITED = ["video", "audio"] as const;

function readClock(context: CanvasRenderingContext2D, video: HTMLVideoElement): number | undefined {
  const width = COLUMNS * 8, height = ROWS * 8;
  context.drawImage(video, 0, 0, video.videoWidth, video.videoHeight * CLOCK_SHARE, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height).data;
  const bit = (row: number, column: number): number => ((pixels[((row * 8 + 4) * width + column * 8 + 4) * 4 + 1] ?? 0) > 127 ? 1 : 0);
  for (let column = 0; column < 8; column++) if (bit(0, column) !== (column & 1)) return undefined;
  let stamp = 0, sum = 0;
  for (let i = 0; i < 32; i++) stamp += bit(1 + (i >> 4), i & 15) * 2 ** i;
  for (let i = 0; i < 8; i++) sum |= bit(0, 8 + i) << i;
  return checksum(stamp) === sum ? stamp : undefined;
}

// The pair in use. Nominated is not it: Firefox nominates every pair that works, and says which is selected.
function transportOf(reports: Map<string, Report>): string {
  const all = [...reports.values()];
  const chosen = all.find((r) => r["type"] === "transport")?.["selectedCandidatePairId"];
  const pair = chosen === undefined ? all.find((r) => r["type"] === "candidate-pair" && r["selected"]) : reports.get(String(chosen));
  return String(reports.get(String(pair?.["localCandidateId"]))?.["protocol"] ?? "");
}

export class Meter {
  readonly video: HTMLVideoElement;
  private frames: Frame[] = [];
  private seconds: Second[] = [];
  private unreadable = 0;
  private newest = 0;
  private last: Record<string, number> = {};
  private lastConnection: RTCPeerConnection | null = null;

  constructor(private readonly connection: () => RTCPeerConnection | null) {
    this.video = document.createElement("video");
    this.video.autoplay = this.video.muted = this.video.playsInline = true;
    this.video.style.cssText = "position:fixed;left:0;top:0;width:640px;height:360px";
    document.body.appendChild(this.video);
    const canvas = document.createElement("canvas");
    canvas.width = COLUMNS * 8;
    canvas.height = ROWS * 8;
    const context = canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
    const next = (): void => {
      this.look(context);
      this.video.requestVideoFrameCallback(next);
    };
    this.video.requestVideoFrameCallback(next);
    setInterval(() => void this.count(), 1000);
  }

  private look(context: CanvasRenderingContext2D): void {
    if (this.video.videoWidth === 0) return;
    const now = Date.now();
    const low = readClock(context, this.video);
    if (low === undefined) { this.unreadable++; return; }
    const stamp = now - (((now >>> 0) - low) | 0);
    if (stamp <= this.newest) return; // the same picture once more
    this.newest = stamp;
    this.frames.push({ at: now, stamp, height: this.video.videoHeight });
  }

  private async count(): Promise<void> {
    const connection = this.connection();
    if (!connection || connection.connectionState === "closed") return;
    const totals: Record<string, number> = {};
    const playout: Record<string, number> = {};
    let height = 0;
    const add = (name: string, value: number | string | undefined): void => { totals[name] = (totals[name] ?? 0) + Number(value ?? 0); };
    const reports = new Map<string, Report>();
    (await connection.getStats()).forEach((r: Report) => reports.set(String(r["id"]), r));
    const transport = transportOf(reports);
    for (const r of reports.values()) {
      if (r["type"] !== "inbound-rtp") continue;
      add("packets", r["packetsReceived"]);
      add("lost", r["packetsLost"]);
      const kind = String(r["kind"]);
      add(`${kind}_waited`, r["jitterBufferDelay"]);
      add(`${kind}_emitted`, r["jitterBufferEmittedCount"]);
      playout[kind] = Number(r["estimatedPlayoutTimestamp"] ?? 0);
      if (r["kind"] === "audio") {
        add("audio_bytes", r["bytesReceived"]);
        add("concealed", r["concealedSamples"]);
        add("samples", r["totalSamplesReceived"]);
        add("silent", r["silentConcealedSamples"]);
      } else {
        add("video_bytes", r["bytesReceived"]);
        add("decoded", r["framesDecoded"]);
        add("keyframes", r["keyFramesDecoded"]);
        add("nacks", r["nackCount"]);
        add("plis", r["pliCount"]);
        height = Math.max(height, Number(r["frameHeight"] ?? 0));
      }
    }
    if (connection !== this.lastConnection) this.last = {};
    this.lastConnection = connection;
    const second = { at: Date.now(), height, transport, ahead_ms: Math.round((playout["video"] ?? 0) - (playout["audio"] ?? 0)) } as Second;
    const grown = (name: string): number => (totals[name] ?? 0) - (this.last[name] ?? 0);
    for (const name of COUNTERS) second[name] = grown(name);
    for (const kind of WAITED) second[`${kind}_buffer_ms`] = Math.round((1000 * grown(`${kind}_waited`)) / Math.max(1, grown(`${kind}_emitted`)));
    this.last = totals;
    this.seconds.push(second);
  }

  // Everything since the last call.
  take(): { frames: Frame[]; seconds: Second[]; unreadable: number } {
    const out = { frames: this.frames, seconds: this.seconds, unreadable: this.unreadable };
    this.frames = [];
    this.seconds = [];
    this.unreadable = 0;
    return out;
  }
}
