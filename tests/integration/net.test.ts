// A consult behind a bad link (10 % loss each way, 100 ms), in network namespaces of its own. Root only.
// Timed: frames a second over a lossy link
import { test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../lib/gateway.ts";
import { enterLab, labMissing } from "../net/lab.ts";

const missing = labMissing();

test("a consult over a lossy link flows, and whoever joins during the loss can decode", { skip: missing ?? false, timeout: 90000 }, async () => {
  assert.equal(await enterLab(join(ROOT, "tests/net/consult_case.ts"), []), 0);
});
