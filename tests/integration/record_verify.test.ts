// One altered byte anywhere in a finished record, whatever file it is in, is found by `huizhen record verify`, and named; also in a
// copy that `huizhen record export` made, by `huizhen certificate` alone.
import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join, relative } from "node:path";
import { rounds } from "../lib/gateway.ts";
import { Massacre } from "../lib/kills.ts";

const SAMPLES = rounds(2, 8); // of each file
const NOT_SIGNED = /(^|\/)(state\.json|delivery\.json|lock)$/; // what became of it, not what it is

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => relative(folder, join(e.parentPath ?? e.path, e.name)));

// The copy holds what is signed and nothing that opens the journal; it is good by itself, and altered is altered.
function exported(one: Massacre, id: string, folder: string): void {
  const away = mkdtempSync(join(tmpdir(), "hz-export-")), copy = join(away, "copy"), key = join(away, "key.pem");
  writeFileSync(key, readFileSync(join(folder, "../../../signing/public.pem")));
  const said = one.run("record", "export", id, "--to", copy);
  assert.equal(said.status, 0, said.out);
  const names = filesOf(copy);
  assert.match(said.out, new RegExp(`^${copy}  ${names.length} files, \\d+ bytes\n$`));
  for (const kind of [".hzj", ".mp4", ".webm", ".dcm"]) assert.ok(names.some((n) => extname(n) === kind), `${kind} in ${names.join()}`);
  assert.deepEqual(names.filter((n) => /^(keys|early|audit|holds)\/|\.(key|part|new)$|state\.json|delivery\.json|lock/.test(n)), []);
  for (const name of names.filter((n) => n !== "public.pem")) assert.ok(readFileSync(join(copy, name)).equals(readFileSync(join(folder, name))), name);
  const check = (): { status: number | null; out: string } => one.run("certificate", copy, "--key", key);
  assert.deepEqual(check(), { status: 0, out: "all is as it was signed\n" });
  for (const name of names.filter((n) => n !== "public.pem")) {
    const good = readFileSync(join(copy, name)), bad = Buffer.from(good);
    bad[bad.length >> 1]! ^= 1;
    writeFileSync(join(copy, name), bad);
    const found = check();
    assert.ok(found.status === 1 && found.out.includes(name), `${name}: ${found.out}`);
    writeFileSync(join(copy, name), good);
  }
  assert.match(one.run("record", "export", id, "--to", copy).out, /is there already/);
  const track = join(folder, names.find((n) => n.startsWith("tracks/"))!), good = readFileSync(track);
  writeFileSync(track, Buffer.concat([good.subarray(0, -1), Buffer.from([good.at(-1)! ^ 1])]));
  const refused = one.run("record", "export", id, "--to", `${copy}2`);
  writeFileSync(track, good);
  assert.equal(refused.status, 1);
  assert.match(refused.out, /^huizhen: nothing was exported of .*: tracks\/[^ ]+: its hash differs, at .*\n$/);
  assert.ok(!existsSync(`${copy}2`) && !existsSync(`${copy}2.part`));
  rmSync(away, { recursive: true });
}

test("one altered byte anywhere in a record is found and named", { timeout: 180000 }, async (t) => {
  const one = await Massacre.start(1);
  t.after(() => one.stop());
  await one.consult(0, 0);
  const { faults } = await one.outcome();
  assert.deepEqual(faults, []);
  const { id, folder } = one.listed()[0]!;
  exported(one, id, folder);
  const files = filesOf(folder);
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
