// Images yield to speech: a series is loaded over the 1 Mb/s link of a call. In network namespaces of its own. Root only.
// Timed: delays over a link of a known rate
import { test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../lib/gateway.ts";
import { hasOrthanc } from "../lib/orthanc.ts";
import { enterLab, labMissing } from "../net/lab.ts";

const missing = labMissing() ?? (hasOrthanc() ? undefined : "no Orthanc");

test("a series that loads over 1 Mb/s adds less than 30 ms to the sound of the call, and loses none of it", { skip: missing ?? false, timeout: 140000 }, async () => {
  assert.equal(await enterLab(join(ROOT, "tests/net/pacing_case.ts"), []), 0);
});
