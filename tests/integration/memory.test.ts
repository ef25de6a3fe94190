// 200 people come, with a connection each, and leave: what they took goes back to the system.
import { test } from "node:test";
import assert from "node:assert/strict";
import { GatewayServer } from "../bench/gateway.ts";
import { Load } from "../bench/load.ts";
import { memoryOf } from "../bench/proc.ts";
import { sleep, until } from "../lib/gateway.ts";

const PEOPLE = 200, AT_A_TIME = 4;

async function each(work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: AT_A_TIME }, async () => { while (next < PEOPLE) await work(next++); }));
}

test(`${PEOPLE} join and leave: less than 30 % of what they took is still held a few seconds later`, async () => {
  const server = await GatewayServer.start();
  const load = await Load.start(PEOPLE + 2);
  try {
    const held = (): number => memoryOf(server.pids()).private_kb;
    await server.participate(load, "room0", "first", 1, 1, false);
    await sleep(2500);
    const before = held();
    await each((i) => server.participate(load, `room${i % 20}`, `p${i}`, 2 + i, 1, false));
    await sleep(2000);
    const grown = held() - before;
    await each((i) => server.leave(load, 2 + i));
    await until("memory to come back", 12000, () => held() - before < 0.3 * grown).catch(() => undefined);
    const left = held() - before;
    console.log(`# ${PEOPLE} people took ${grown} kB; after they left ${left} kB are held`);
    assert.ok(grown > 2000, `they took ${grown} kB`);
    assert.ok(left < 0.3 * grown, `${left} of ${grown} kB are held`);
  } finally {
    load.process.kill("SIGKILL");
    await server.stop();
  }
});
