// Pictures over a lossy uplink with a long round trip, in network namespaces of their own. Root only.
// Timed: frames a second over a lossy link
import { test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../lib/gateway.ts";
import { enterLab, labMissing } from "../net/lab.ts";

const missing = labMissing();

test("what the uplink loses is made from Chromium's FEC, and decodes", { skip: missing ?? false, timeout: 120000 }, async () => {
  assert.equal(await enterLab(join(ROOT, "tests/net/fec_case.ts"), []), 0);
});
