// ./dev test: what failed is counted as such and named in the last lines, whichever runner it failed in.
// ./dev bench: each program gets its own options, and where its figures go.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const DEV = new URL("../../dev", import.meta.url).pathname;

/** The functions of ./dev in a folder with these logs, then a few of its lines. */
function run(logs: Record<string, string>, lines: string): string {
  const folder = mkdtempSync(join(tmpdir(), "hz-dev-"));
  try {
    const functions = readFileSync(DEV, "utf8").replace(/^case "\$\{1:-\}" in[\s\S]*/m, "");
    writeFileSync(join(folder, "dev"), functions);
    for (const [name, text] of Object.entries(logs)) {
      mkdirSync(join(folder, name, ".."), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const script = `source "$0"; ${lines}; [ "$FAILED" = 0 ] || failures; echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"`;
    const done = spawnSync("bash", ["-c", script, join(folder, "dev")], { encoding: "utf8", cwd: folder });
    assert.equal(done.status, 0, done.stdout + done.stderr);
    return done.stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const CTEST = `Test project /x
    Start 1: one
    Start 2: two
1/2 Test #1: one ..............   Passed    0.10 sec
2/2 Test #2: two ..............***Failed    0.20 sec
two.c:12: 3 is not 4

50% tests passed, 1 tests failed out of 2

The following tests FAILED:
	  2 - two (Failed)
Errors while running CTest
`;
const PAGES = "ok   first\nFAIL second: at last 7\nok   third\n-- aPage: 3 s\n3 checks, 1 failures\n  second: at last 7\n";
const VITEST = ` ✓ a.test.ts (2 tests) 3ms
 FAIL  b.test.ts > counts
AssertionError: expected 1 to be 2

 Test Files  1 failed | 1 passed (2)
      Tests  1 failed | 4 passed | 2 skipped (7)
`;

test("a failure in any runner is counted alone and named before the last line", () => {
  const out = run(
    { "build/asan/ctest-unit.log": CTEST, "pages.log": PAGES, "web.log": VITEST },
    `count_ctest asan unit; failed_as_said 1 pages.log "$(grep -c '^ok  ' pages.log)" "$(grep -c '^FAIL ' pages.log)" 0 pages;
     read -r p f s < <(web_counts web.log); failed_as_said 1 web.log $p $f $s "web unit"`,
  );
  const last = out.trim().split("\n").slice(-30).join("\n");
  assert.match(last, /two\.c:12: 3 is not 4[\s\S]*2 - two \(Failed\)[\s\S]*second: at last 7[\s\S]*b\.test\.ts > counts\nAssertionError/);
  assert.match(last, /\n7 passed, 3 failed, 2 skipped$/);
});

test("what passed leaves nothing but its count", () => {
  const good = VITEST.replace("1 failed | 4 passed | 2 skipped (7)", "5 passed (5)").replace("1 failed | 1 passed", "2 passed");
  const out = run({ "pages.log": "ok   first\n", "web.log": good }, `failed_as_said 0 pages.log 1 0 0 pages; read -r p f s < <(web_counts web.log); failed_as_said 0 web.log $p $f $s web`);
  assert.equal(out, "6 passed, 0 failed, 0 skipped\n");
});

test("no counts, no tests and a bad end are failures, and the end of the log is shown", () => {
  const out = run(
    { "build/tsan/ctest-unit.log": "", "a.log": "cannot start\n", "b.log": "nothing ran\n", "c.log": " Test Files  1 failed | 1 passed (2)\n      Tests  5 passed (5)\n" },
    `count_ctest tsan unit; failed_as_said 1 a.log 0 0 0 pages; failed_as_said 0 b.log 0 0 0 pages;
     read -r p f s < <(web_counts c.log); failed_as_said 1 c.log $p $f $s "web unit"`,
  );
  assert.match(out, /cannot start[\s\S]*nothing ran[\s\S]*5 passed, 4 failed, 0 skipped\n$/);
});

test("programs of the bench get their own options and write JSON where they can", () => {
  const program = '#!/bin/sh\necho "${0##*_}" "$@"\n', folder = "build/release/tests/bench";
  const names = ["floor", "finalize", "live", "mixer"];
  const out = run(
    Object.fromEntries(names.map((name) => [`${folder}/bench_${name}`, program])),
    `chmod +x ${folder}/*; for name in ${names.join(" ")}; do bench_c $name --quick --minutes 10 --only=a; done; bench_c floor`,
  );
  assert.deepEqual(out.split("\n").slice(0, 5), [
    "floor --json build/bench/floor.json --quick", "finalize --json build/bench/finalize.json --minutes 10", "live --json build/bench/live.json", "mixer",
    "floor --json build/bench/floor.json",
  ]);
});
