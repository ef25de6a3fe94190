// One altered byte anywhere in a finished record, whatever file it is in, is found by `huizhen record verify`, and named.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { rounds } from "../lib/gateway.ts";
import { Massacre } from "../lib/kills.ts";

const SAMPLES = rounds(2, 8); // of each file
const NOT_SIGNED = /(^|\/)(state\.json|delivery\.json|lock)$/; // what became of it, not what it is

test("one altered byte anywhere in a record is found and named", { timeout: 180000 }, async (t) => {
  const one = await Massacre.start(1);
  t.after(() => one.stop());
  await one.consult(0, 0);
  const { faults } = await one.outcome();
  assert.deepEqual(faults, []);
  const { id, folder } = one.listed()[0]!;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => relative(folder, join(e.parentPath ?? e.path, e.name)));
  const kinds = new Set(files.map((f) => extname(f)));
  for (const kind of [".hzj", ".mp4", ".webm", ".dcm"]) assert.ok(kinds.has(kind), `${kind} in ${files.join()}`);
  for (const name of ["certificate.json", "manifest.json", "timeline.json", "fhir.json", "keys/record"]) assert.ok(files.includes(name), `${name} in ${files.join()}`);
  let random = 5, altered = 0;
  const next = (n: number): number => (random = (random * 48271) % 0x7fffffff) % n;
  for (const name of files.filter((f) => !NOT_SIGNED.test(f))) {
    const path = join(folder, name), good = readFileSync(path);
    if (good.length === 0) continue;
    const places = new Set([0, good.length - 1, ...Array.from({ length: SAMPLES }, () => next(good.length))]);
    for (const at of places) {
      const bad = Buffer.from(good);
      bad[at]! ^= 1 << next(8);
      writeFileSync(path, bad);
      const said = one.verify(id);
      assert.equal(said.status, 1, `${name}, byte ${at}: ${said.out}`);
      const wanted = name.endsWith(".hzj") ? `altered  ${name.replace("journal/", "")} at ` : `altered  ${name}`;
      assert.ok(said.out.includes(wanted), `${name}, byte ${at}: ${said.out}`);
      altered++;
    }
    writeFileSync(path, good);
  }
  assert.equal(one.verify(id).status, 0);
  console.log(`# ${altered} altered bytes in ${files.length} files: each found, its file named`);
});
