// A gateway behind NAT with full ICE agents, and one with two uplinks of which one dies, in network namespaces of their
// own, with real browsers outside. Root only.
// Timed: gaps, in a network of its own
import { test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../lib/gateway.ts";
import { enterLab, labMissing } from "../net/lab.ts";
import { uplinksMissing } from "../net/uplinks.ts";

const skip = labMissing() ?? uplinksMissing() ?? false;
const run = async (what: string): Promise<void> => { assert.equal(await enterLab(join(ROOT, "tests/net/uplinks_case.ts"), [what]), 0); };

test("behind a NAT without a forwarded port a call gets in and flows both ways", { skip, timeout: 90000 }, () => run("nat"));
test("where the client's NAT lets nobody in, TURN does it", { skip, timeout: 90000 }, () => run("relay"));
test("of two uplinks the one in use dies, again and again: media is on the other within a second", { skip, timeout: 240000 }, () => run("two"));
test("the agents of a killed worker, and of a taken over gateway, come back by an ICE restart", { skip, timeout: 120000 }, () => run("kill"));
