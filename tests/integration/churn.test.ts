// Many joins and leaves with media: descriptors, arena slots and memory return to where they were; ASan and TSan stay silent.
// Timed: a minute of as much work as the machine can do; browsers beside it would be late
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { Gateway, rounds, sleep, until } from "../lib/gateway.ts";
import { peerBinary } from "../lib/peer.ts";

const fds = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
const rssKb = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);

interface Churn {
  joins: number;
  good: number; // stayed for a while with media
  early: number; // left at a random moment
  midway: number; // of those: before they had media
  refused: number;
}

function churn(gateway: Gateway, joins: number, holdMs: number): Churn {
  const args = ["churn", "--url", gateway.url, "--consult", "churn", "--joins", String(joins), "--hold-ms", String(holdMs)];
  for (let i = 0; i < 16; i++) args.push("--member", `m${i}:${gateway.token("churn", "expert", { id: `m${i}`, grant: "create" })}`);
  const run = spawnSync(peerBinary(), args, { encoding: "utf8", timeout: 400000 });
  assert.equal(run.status, 0, run.stderr);
  const result = JSON.parse(run.stdout.trim().split("\n").pop() ?? "{}") as Churn;
  assert.equal(result.refused, 0);
  assert.equal(result.early, Math.floor(joins / 8));
  assert.equal(result.good, joins - result.early, `all others had media: ${run.stderr}`);
  return result;
}

async function emptied(gateway: Gateway): Promise<void> {
  await until("all peers gone", 10000, async () => {
    const m = await gateway.metrics();
    return [...m].filter(([k]) => /^huizhen_worker_(peers|tracks|subs)\b/.test(k)).every(([, v]) => v === 0);
  });
}

// Who leaves has had media for so long; every eighth leaves while it still connects.
for (const [preset, joins, holdMs] of [["release", rounds(1000, 2000), 100], ["asan", rounds(400, 2000), 150], ["tsan", rounds(400, 2000), 150]] as const) {
  test(`${joins} joins and leaves with media, ${preset} build`, async () => {
    const gateway = await Gateway.start({ preset });
    try {
      churn(gateway, 200, holdMs);
      await emptied(gateway);
      await sleep(1500);
      const pids = [gateway.pidOf("control"), gateway.pidOf("worker")] as [number, number];
      const before = pids.map((p) => ({ fds: fds(p), rss: rssKb(p) }));
      const result = churn(gateway, joins, holdMs);
      assert.ok(result.midway > 0, "somebody left while connecting");
      await emptied(gateway);
      await sleep(1500);
      assert.deepEqual([gateway.pidOf("control"), gateway.pidOf("worker")], pids, "nobody restarted");
      const after = pids.map((p) => ({ fds: fds(p), rss: rssKb(p) }));
      console.log(`# ${preset}: good ${result.good}/${joins}, ${result.midway} of ${result.early} early ones before media; control ${JSON.stringify(before[0])} -> ${JSON.stringify(after[0])}, worker ${JSON.stringify(before[1])} -> ${JSON.stringify(after[1])}`);
      for (let i = 0; i < 2; i++) {
        assert.ok((after[i]?.fds ?? 0) <= (before[i]?.fds ?? 0) + 2, "descriptors returned");
        if (preset === "release") assert.ok((after[i]?.rss ?? 0) < (before[i]?.rss ?? 0) * 1.1 + 2048, "memory returned");
      }
    } finally {
      await gateway.stop(); // throws on a sanitizer report, leaks included
    }
  });
}
