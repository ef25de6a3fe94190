// kill -9 of the recorder, of workers, of the archive and what it runs, of all at once, of the whole gateway, over running recorded
// consults with real media: at most a second of a stream is lost, everything is finalised by itself, and every file plays.
//   HZ_TEST_KILLS=100   so many (./dev bench kills)
// Timed: how much is lost while they come back
import { test } from "node:test";
import assert from "node:assert/strict";
import { rounds } from "../lib/gateway.ts";
import { Massacre, told } from "../lib/kills.ts";

const KILLS = Number(process.env["HZ_TEST_KILLS"] ?? rounds(5, 20)), EACH = 5;

test(`${KILLS} random kills over recorded consults: at most a second is lost, every file plays`, { timeout: 60000 + KILLS * 20000 }, async (t) => {
  const massacre = await Massacre.start(Number(process.env["HZ_SEED"] ?? 3));
  t.after(() => massacre.stop());
  for (let done = 0; done < KILLS; done += EACH) await massacre.consult(done / EACH, Math.min(EACH, KILLS - done));
  const outcome = await massacre.outcome();
  for (const line of told(outcome).split("\n")) console.log(`# ${line}`);
  assert.deepEqual(outcome.faults, []);
  assert.ok(outcome.worstMs <= 1000, `${outcome.worstMs} ms lost`);
  assert.ok(outcome.streams.length >= outcome.records * 4, `${outcome.streams.length} streams of ${outcome.records} records`);
});
