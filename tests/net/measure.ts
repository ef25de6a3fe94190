// From what the subscriber's page saw to figures. Pure.
import type { LinkCounters } from "./lab.ts";
import type { Frame, Second } from "./page/meter.ts";
import { OUTAGE_S, type Direction, type Profile } from "./profiles.ts";

export const FROZEN_MS = 500; // a gap between fresh pictures longer than this counts as frozen, all of it
const SAMPLES = 48000; // of sound, a second

export interface Observation {
  joined_ms: number; // from the join call of the side behind the link to the first fresh picture; -1: never
  start: number; // ms since 1970
  end: number;
  frames: Frame[];
  seconds: Second[];
  link: { at: number; counters: LinkCounters }[];
  happened: Record<string, number>; // what -> ms since 1970
}

export interface Summary {
  joined_ms: number;
  fresh_fps: number; frozen_s: number; freezes: number;
  latency_p50_ms: number; latency_p95_ms: number;
  concealed_percent: number; // of the sound that should have been heard
  received_kbps: number; audio_kbps: number; link_kbps: number; link_dropped_percent: number;
  height: number; // of most pictures
  recovered_ms?: number; // outage: network back to first fresh picture; move: to the first picture taken after; step: to the full layer
  narrow_fps?: number; narrow_frozen_s?: number; narrow_concealed_percent?: number; // step: while it is narrow
  keyframes: number; nacks: number; plis: number; transport: string;
}

export interface Tick { t: number; fps: number; latency_ms: number; height: number; audio_kbps: number; video_kbps: number; concealed_percent: number; link_in_kbps: number; link_out_kbps: number; lost: number; tail_dropped: number; video_buffer_ms: number; audio_buffer_ms: number; ahead_ms: number }

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const round = (value: number, digits = 1): number => Number(value.toFixed(digits));

function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? -1 : (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number);
}

function frozen(frames: Frame[], start: number, end: number): { seconds: number; count: number } {
  const times = [start, ...frames.filter((f) => f.at >= start && f.at < end).map((f) => f.at), end];
  const gaps = times.slice(1).map((t, i) => t - (times[i] as number)).filter((gap) => gap > FROZEN_MS);
  return { seconds: sum(gaps) / 1000, count: gaps.length };
}

// Sound that was made up, of all that should have been; seconds without any statistics count as made up.
function concealed(seconds: Second[], start: number, end: number): number {
  const inside = seconds.filter((s) => s.at > start && s.at <= end + 500);
  const wanted = Math.max(sum(inside.map((s) => s.samples)), ((end - start) / 1000 - 1) * SAMPLES);
  const real = sum(inside.map((s) => Math.max(0, s.samples - s.concealed)));
  return wanted <= 0 ? 100 : Math.max(0, (1 - real / wanted) * 100);
}

// Rounded down by up to a second at each end, that much is missing; below half a percent of a long run.
const fps = (frames: Frame[], start: number, end: number): number => frames.filter((f) => f.at >= start && f.at < end).length / ((end - start) / 1000);

function recovery(profile: Profile, o: Observation): number | undefined {
  const first = (since: number, fits: (f: Frame) => boolean): number => {
    const frame = o.frames.find((f) => f.at >= since && fits(f));
    return frame ? frame.at - since : -1;
  };
  if (profile.name === "outage") return first((o.happened["gone"] ?? 0) + OUTAGE_S * 1000, () => true);
  if (profile.name === "move") return first(o.happened["moved"] ?? 0, (f) => f.stamp >= (o.happened["moved"] ?? 0));
  if (profile.name !== "step") return undefined;
  const full = Math.max(...o.frames.filter((f) => f.at < (o.happened["narrow"] ?? 0)).map((f) => f.height), 0);
  return first(o.happened["wide"] ?? 0, (f) => f.height >= full);
}

function most(values: number[]): number {
  const counts = new Map<number, number>();
  for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}

export function summarize(profile: Profile, direction: Direction, o: Observation): Summary {
  const { start, end } = o;
  const inside = o.frames.filter((f) => f.at >= start && f.at < end);
  const latencies = inside.map((f) => f.at - f.stamp);
  const seconds = o.seconds.filter((s) => s.at > start && s.at <= end + 500);
  const frozenTime = frozen(o.frames, start, end);
  const last = o.link.at(-1), first = o.link[0];
  const wire = (c: LinkCounters | undefined) => c?.[direction];
  const duration = Math.max(1, (last?.at ?? 0) - (first?.at ?? 0)) / 1000;
  const before = wire(first?.counters), after = wire(last?.counters);
  const delta = (name: "in_packets" | "out_packets" | "out_bytes"): number => (after?.[name] ?? 0) - (before?.[name] ?? 0);
  const summary: Summary = {
    joined_ms: o.joined_ms,
    fresh_fps: round(fps(o.frames, start, end)), frozen_s: round(frozenTime.seconds), freezes: frozenTime.count,
    latency_p50_ms: percentile(latencies, 0.5), latency_p95_ms: percentile(latencies, 0.95),
    concealed_percent: round(concealed(o.seconds, start, end)),
    received_kbps: round((sum(seconds.map((s) => s.audio_bytes + s.video_bytes)) * 8) / (end - start), 0),
    audio_kbps: round((sum(seconds.map((s) => s.audio_bytes)) * 8) / (end - start), 0),
    link_kbps: round((delta("out_bytes") * 8) / duration / 1000, 0),
    link_dropped_percent: round(delta("in_packets") ? 100 * (1 - delta("out_packets") / delta("in_packets")) : 0),
    height: most(inside.map((f) => f.height)),
    keyframes: sum(seconds.map((s) => s.keyframes)), nacks: sum(seconds.map((s) => s.nacks)), plis: sum(seconds.map((s) => s.plis)),
    transport: seconds.at(-1)?.transport ?? "",
  };
  const recovered = recovery(profile, o);
  if (recovered !== undefined) summary.recovered_ms = recovered;
  const narrow = o.happened["narrow"], wide = o.happened["wide"];
  if (narrow !== undefined && wide !== undefined) {
    summary.narrow_fps = round(fps(o.frames, narrow, wide));
    summary.narrow_frozen_s = round(frozen(o.frames, narrow, wide).seconds);
    summary.narrow_concealed_percent = round(concealed(o.seconds, narrow, wide));
  }
  return summary;
}

export function series(direction: Direction, o: Observation): Tick[] {
  const ticks: Tick[] = [];
  for (let i = 1; i < o.link.length; i++) {
    const from = o.link[i - 1] as Observation["link"][number], to = o.link[i] as Observation["link"][number];
    const frames = o.frames.filter((f) => f.at >= from.at && f.at < to.at);
    const seconds = o.seconds.filter((s) => s.at > from.at && s.at <= to.at);
    const a = from.counters[direction], b = to.counters[direction];
    const ms = to.at - from.at;
    const samples = sum(seconds.map((s) => s.samples));
    ticks.push({
      t: round((to.at - o.start) / 1000), fps: round((frames.length * 1000) / ms), latency_ms: round(percentile(frames.map((f) => f.at - f.stamp), 0.5), 0),
      height: most(frames.map((f) => f.height)),
      audio_kbps: round((sum(seconds.map((s) => s.audio_bytes)) * 8) / ms), video_kbps: round((sum(seconds.map((s) => s.video_bytes)) * 8) / ms, 0),
      concealed_percent: round(samples ? (100 * sum(seconds.map((s) => s.concealed))) / samples : 0),
      link_in_kbps: round(((b.in_bytes - a.in_bytes) * 8) / ms, 0), link_out_kbps: round(((b.out_bytes - a.out_bytes) * 8) / ms, 0),
      lost: b.lost - a.lost, tail_dropped: b.tail_dropped - a.tail_dropped,
      video_buffer_ms: seconds.at(-1)?.video_buffer_ms ?? 0, audio_buffer_ms: seconds.at(-1)?.audio_buffer_ms ?? 0, ahead_ms: seconds.at(-1)?.ahead_ms ?? 0,
    });
  }
  return ticks;
}
