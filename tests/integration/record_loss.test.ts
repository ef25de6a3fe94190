// Recorder, workers and control killed again and again, and taken over, while a consult is recorded: of no stream more than a
// second is missing in one place, nothing is in the journal twice, and nobody has to do anything.
// Timed: how much is lost while they come back
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Gateway, rounds, sleep, until } from "../lib/gateway.ts";
import { RTP, readJournal, type Item } from "../lib/journal.ts";
import { RpcClient } from "../lib/rpc.ts";
import { Room } from "../lib/peer.ts";

const KILLS = rounds(8, 24);

function folderOf(gateway: Gateway, id: string): string {
  const root = join(gateway.dataDir, "record");
  for (const year of readdirSync(root).filter((name) => /^\d{4}$/.test(name)))
    for (const month of readdirSync(join(root, year))) if (readdirSync(join(root, year, month)).includes(id)) return join(root, year, month, id);
  throw new Error(`no record ${id}`);
}

// A stream: one SSRC of one track. Sequence numbers are extended over their wrap.
function lossOf(items: Item[]): { packets: number; lost: number; twice: number; worstMs: number } {
  const seen = new Map<number, bigint>();
  let last = -1, twice = 0;
  for (const item of items) {
    const seq = item.data.readUInt16BE(2);
    const ext = last < 0 ? seq : last + ((((seq - last) & 0xffff) ^ 0x8000) - 0x8000);
    if (seen.has(ext)) twice++;
    seen.set(ext, item.wall);
    last = Math.max(last, ext);
  }
  const order = [...seen.keys()].sort((a, b) => a - b);
  let lost = 0, worstMs = 0;
  for (let i = 1; i < order.length; i++) {
    const [a, b] = [order[i - 1] as number, order[i] as number];
    if (b === a + 1) continue;
    lost += b - a - 1;
    worstMs = Math.max(worstMs, Number((seen.get(b) as bigint) - (seen.get(a) as bigint)) / 1000);
  }
  return { packets: order.length, lost, twice, worstMs };
}

test("kill -9 in random order, and takeovers: at most a second of any stream is lost", { timeout: 300000 }, async (t) => {
  const gateway = await Gateway.start();
  t.after(() => gateway.stop());
  const people = ["a", "b", "c"].map((id) => ({ id, token: gateway.token("c1", "expert", { id, grant: "create", consent: true }) }));
  const hostToken = gateway.token("c1", "clinic", { id: "host", grant: "create" });
  const room = await Room.start(gateway.url, "c1", people);
  t.after(() => room.stop());
  let { client: host } = await RpcClient.join(gateway.url, { token: hostToken });
  const on = () => until("recording", 8000, () => host.state?.consult?.record?.state === "on");
  await host.call("record.start");
  await on();
  const id = host.state?.consult?.record?.id as string;
  await sleep(1000);

  let random = 7;
  const next = (n: number): number => (random = (random * 48271) % 0x7fffffff) % n;
  const kinds = ["recorder", "worker", "control", "recorder", "all"] as const;
  for (let i = 0; i < KILLS; i++) {
    const kind = kinds[next(kinds.length)] as (typeof kinds)[number];
    if (i % 8 === 7) await gateway.takeover();
    else for (const one of kind === "all" ? (["worker", "control", "recorder"] as const) : [kind]) gateway.kill9(one);
    await sleep(300 + next(900));
    await gateway.ready(8000);
  }
  ({ client: host } = await RpcClient.join(gateway.url, { token: hostToken }));
  await on();
  assert.equal(host.state?.consult?.record?.id, id);
  await sleep(1500);
  await host.call("record.stop");
  await until("END on disk", 8000, () => /ended|finalis|delivered/.test(gateway.cli(["record", "list"])));

  const journal = readJournal(folderOf(gateway, id), readFileSync(join(gateway.dataDir, "record/master.key")));
  const streams = new Map<string, Item[]>();
  for (const item of journal.items.filter((i) => i.kind === RTP)) {
    const name = `${item.track}/${item.data.readUInt32BE(8)}`;
    streams.set(name, [...(streams.get(name) ?? []), item]);
  }
  let worst = 0;
  for (const [name, items] of streams) {
    const loss = lossOf(items);
    worst = Math.max(worst, loss.worstMs);
    console.log(`# stream ${name}: ${loss.packets} packets, ${loss.lost} lost, worst ${loss.worstMs.toFixed(0)} ms`);
    assert.equal(loss.twice, 0, `${name}: twice`);
  }
  assert.ok(streams.size >= 6, `${streams.size} streams`);
  assert.ok(worst <= 1000, `${worst} ms lost`);
  assert.match(gateway.cli(["record", "verify", id]), /whole/);
});
