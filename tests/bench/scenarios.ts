// The scenarios of `./dev bench relay`. Each takes a way to start a server, and leaves nothing running.
import { sleep, until } from "../lib/gateway.ts";
import { GatewayServer } from "./gateway.ts";
import { Load } from "./load.ts";
import { bind, inParallel, percentile, steady, type Steady } from "./measure.ts";
import { memoryOf, threads } from "./proc.ts";
import type { Server } from "./server.ts";

export interface Plan { windows: number; seconds: number; joins: number; subscribers: number; publishers: number; idle: number; many: number }
export const FULL: Plan = { windows: 3, seconds: 8, joins: 200, subscribers: 200, publishers: 60, idle: 1000, many: 1000 };
export const QUICK: Plan = { windows: 1, seconds: 5, joins: 40, subscribers: 40, publishers: 20, idle: 200, many: Number(process.env["HZ_MANY"] ?? 300) };

// Both on a core of their own: the server's figure is not blurred by the load's work. The same for every server.
const SERVER_CPU = "0", LOAD_CPU = "1";

export type Start = () => Promise<Server>;

async function run<T>(start: Start, endpoints: number, pinned: boolean, job: (server: Server, load: Load) => Promise<T>): Promise<T> {
  const server = await start();
  try {
    const load = await Load.start(endpoints, pinned ? { cpu: LOAD_CPU } : {});
    try {
      bind(server, pinned ? SERVER_CPU : undefined);
      return await job(server, load);
    } finally { await load.stop(); }
  } finally { await server.stop(); }
}

const IN_WITHIN_MS = 180_000; // a server that has not let everybody in by then does not get through

async function audience(server: Server, load: Load, count: number, width: number, ids = count): Promise<void> {
  const begun = Date.now();
  await server.publish(load, "room", "publisher", 0);
  await sleep(1000);
  await inParallel(count, width, (i) => {
    if (Date.now() - begun > IN_WITHIN_MS) throw new Error(`${i} of ${count} have media after ${IN_WITHIN_MS / 1000} s`);
    return server.subscribe(load, "room", "publisher", `s${i % ids}`, 1 + i, "media");
  });
  await until("a picture everywhere", 20000, async () => (await load.report()).dark === 0).catch(() => undefined); // the row tells
}

// (a) 1 publisher to n subscribers.
export function oneToMany(start: Start, plan: Plan, count = 100): Promise<Steady> {
  return run(start, count + 1, true, async (server, load) => {
    await audience(server, load, count, 4);
    await sleep(2000);
    return steady(server, load, plan.windows, plan.seconds);
  });
}

// (b) 20 consults of 3, everybody sees both others.
export function consults(start: Start, plan: Plan): Promise<Steady> {
  return run(start, 120, true, async (server, load) => {
    let next = 0;
    for (let c = 0; c < 20; c++) next += await server.consult(load, `consult${c}`, ["a", "b", "c"].map((p) => `${p}${c}`), next);
    await sleep(3000);
    return steady(server, load, plan.windows, plan.seconds);
  });
}

export interface Joins { count: number; seconds: number; dtls_p50_ms: number; dtls_p95_ms: number; rtp_p50_ms: number; rtp_p95_ms: number; picture_p50_ms: number; picture_p95_ms: number; cpu_ms_each: number }

// (c) joins, four at a time: from the first request of the signaling to DTLS done, first RTP, first keyframe.
export function joins(start: Start, plan: Plan): Promise<Joins> {
  return run(start, plan.joins + 1, true, async (server, load) => {
    await server.publish(load, "room", "publisher", 0);
    await sleep(1500);
    const { cpuOf, cpuSeconds } = await import("./proc.ts");
    const before = cpuOf(server.pids()), begun = performance.now();
    await inParallel(plan.joins, 4, (i) => server.subscribe(load, "room", "publisher", `s${i}`, 1 + i, "media"));
    const seconds = (performance.now() - begun) / 1000, cpu = cpuSeconds(before, cpuOf(server.pids()));
    await until("pictures", 15000, () => [...load.joined.values()].filter((j) => j.picture_us >= 0).length >= plan.joins).catch(() => undefined);
    const all = [...load.joined.values()].filter((j) => j.peer > 0);
    const ms = (key: "dtls_us" | "rtp_us" | "picture_us", percent: number): number =>
      percentile(all.map((j) => (j[key] < 0 ? 99999000 : j[key]) / 1000), percent);
    return {
      count: plan.joins, seconds, dtls_p50_ms: ms("dtls_us", 50), dtls_p95_ms: ms("dtls_us", 95), rtp_p50_ms: ms("rtp_us", 50), rtp_p95_ms: ms("rtp_us", 95),
      picture_p50_ms: ms("picture_us", 50), picture_p95_ms: ms("picture_us", 95), cpu_ms_each: 1000 * cpu / plan.joins,
    };
  });
}

export interface Growth { empty_kb: number; each_kb: number; count: number; full_kb: number; after_kb: number; again_kb: number; threads: number }

async function growth(server: Server, load: Load, count: number, width: number, join: (i: number) => Promise<unknown>, settle: number): Promise<Growth> {
  await join(0);
  await sleep(2000);
  const one = memoryOf(server.pids()).private_kb;
  const crowd = async (): Promise<number> => {
    await inParallel(count, width, (i) => join(1 + i));
    await sleep(settle);
    return memoryOf(server.pids()).private_kb;
  };
  const full = await crowd(), thread_count = threads(server.pids());
  await inParallel(count, width, (i) => server.leave(load, 2 + i));
  await sleep(15000); // time for a server to notice that nothing flows
  const after = memoryOf(server.pids()).private_kb;
  return { empty_kb: one, each_kb: (full - one) / count, count, full_kb: full, after_kb: after, again_kb: await crowd(), threads: thread_count };
}

// (d) private memory of all the server's processes: per subscriber, per publisher (nobody watches), per idle participant.
export function subscriberMemory(start: Start, plan: Plan): Promise<Growth> {
  return run(start, plan.subscribers + 2, false, async (server, load) => {
    await server.publish(load, "room", "publisher", 0);
    await sleep(1000);
    return growth(server, load, plan.subscribers, 4, (i) => server.subscribe(load, "room", "publisher", `s${i}`, 1 + i, "media"), 6000);
  });
}

export function publisherMemory(start: Start, plan: Plan): Promise<Growth> {
  return run(start, plan.publishers + 2, false, async (server, load) =>
    growth(server, load, plan.publishers, 4, (i) => server.publish(load, `room${i}`, `p${i}`, 1 + i), 6000));
}

// Participants with a WebSocket and a connection (ICE, DTLS, two slots) over which no media goes. This gateway only.
export function idleMemory(plan: Plan): Promise<Growth> {
  return run(() => GatewayServer.start(), plan.idle + 2, false, async (server, load) => {
    if (!(server instanceof GatewayServer)) throw new Error("this gateway only");
    return growth(server, load, plan.idle, 4, (i) => server.participate(load, `idle${i % 20}`, `i${i}`, 1 + i, 1, false), 4000);
  });
}

// (e) 1 to 1,000, two workers, nothing bound to a core: both share both.
export function thousand(start: Start, plan: Plan): Promise<Steady> {
  return run(start, plan.many + 1, false, async (server, load) => {
    await audience(server, load, plan.many, 4, 900); // ids: a consult has at most 1,000 participants, each may watch more than once
    await sleep(3000);
    return steady(server, load, plan.windows, plan.seconds);
  });
}
