// A record as the recorder writes it, read by a reader that was written from docs/journal-format.md; and verified by huizhen.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../lib/gateway.ts";
import { CLOCK, EVENT, GAP, META, RTP, SR, TRACK, readJournal, type Item } from "../lib/journal.ts";

interface Expected { folder: string; hash: string; events: number; tracks: Record<string, { records?: number; digest?: string; erased?: boolean }> }

function sample(): { store: string; expected: Expected } {
  const store = mkdtempSync(join(tmpdir(), "hz-record-"));
  const r = spawnSync(join(ROOT, "build/release/tests/record/hz-record-sample"), [store], { encoding: "utf8", timeout: 60000 });
  assert.equal(r.status, 0, r.stderr);
  return { store, expected: JSON.parse(r.stdout) as Expected };
}

const json = (item: Item | undefined): Record<string, unknown> => JSON.parse(item!.data.toString("utf8")) as Record<string, unknown>;

test("the journal is what its page says", () => {
  const { store, expected } = sample();
  const journal = readJournal(expected.folder, readFileSync(join(store, "master.key")));
  assert.ok(journal.ended);
  assert.equal(journal.hash.toString("hex"), expected.hash);
  assert.equal(journal.record.toString("hex"), "0f1e2d3c4b5a49688776655443322110");
  assert.equal(journal.cut, 7n);
  for (const [number, track] of Object.entries(expected.tracks)) {
    const items = journal.items.filter((i) => i.track === Number(number));
    if (track.erased) { assert.equal(items.length, 0); continue; }
    assert.equal(items.length, track.records);
    const digest = items.reduce((before, i) => {
      const head = Buffer.alloc(10);
      head.writeBigInt64LE(i.at);
      head.writeUInt8(i.kind, 8);
      head.writeUInt8(i.flags, 9);
      return createHash("sha256").update(before).update(head).update(i.data).digest();
    }, Buffer.alloc(32));
    assert.equal(digest.toString("hex"), track.digest);
    assert.ok(items.every((i) => i.kind === RTP || i.kind === SR));
  }
  assert.ok(journal.erasedChunks > 0);
  const events = journal.items.filter((i) => i.track === 0);
  assert.deepEqual(events.filter((i) => i.kind === EVENT).map((i) => json(i).number), Array.from({ length: expected.events }, (_, i) => i + 1));
  assert.ok(journal.items.every((i) => i.wall - i.at === 1700000000000000n));
  const segments = new Set(events.map((i) => i.segment));
  assert.ok(segments.size > 3);
  for (const segment of segments) { // each begins with its whole state
    const state = events.filter((i) => i.segment === segment);
    assert.equal(state[0]?.kind, META);
    const clock = state.findIndex((i) => i.kind === CLOCK);
    assert.ok(clock > 0 && state.slice(1, clock).every((i) => i.kind === TRACK));
    if (segment > 1) assert.deepEqual(state.slice(1, clock).map((i) => json(i).key), ["p1.camera.1", "p1.mic.1", "患者.camera.1"]);
  }
  assert.deepEqual(json(events.find((i) => i.kind === GAP)), { track: 2, packets: 7, bytes: 700, why: "ring" });
  rmSync(store, { recursive: true });
});

test("huizhen record list and verify, without a gateway", () => {
  const { store, expected } = sample();
  const run = (...args: string[]): { status: number | null; out: string; err: string } => {
    const r = spawnSync(join(ROOT, "build/release/gateway/huizhen"), ["record", ...args, "--store", store], { encoding: "utf8", cwd: tmpdir(), timeout: 20000 });
    return { status: r.status, out: r.stdout, err: r.stderr };
  };
  assert.match(run("list").out, /^0f1e2d3c-4b5a-4968-8776-655443322110 .* ended +demo\n$/);
  const good = run("verify", "--json");
  assert.equal(good.status, 0, good.err);
  const found = (JSON.parse(good.out) as { records: { verdict: string; journal: { hash: string; erased: number; cut_bytes: number } }[] }).records[0]!;
  assert.equal(found.verdict, "whole");
  assert.deepEqual([found.journal.hash, found.journal.erased, found.journal.cut_bytes], [expected.hash, 1, 7]);
  const segment = join(expected.folder, "journal/0002.hzj"), bytes = readFileSync(segment);
  bytes[1000]! ^= 1;
  writeFileSync(segment, bytes);
  const bad = run("verify");
  assert.equal(bad.status, 1);
  assert.match(bad.out, /altered +0002\.hzj at \d+, chunk \d+: hash does not match/);
  assert.equal(bad.err.trim().split("\n").length, 1);
  assert.throws(() => readJournal(expected.folder, readFileSync(join(store, "master.key"))), /0002\.hzj at \d+: hash/);
  rmSync(store, { recursive: true });
});
