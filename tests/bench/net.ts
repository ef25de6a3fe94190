// ./dev bench net [--profile p,...] [--server huizhen,janus,direct] [--dir down,up] [--seconds n] [--browser chromium,firefox]
//                 [--codec VP8] [--settle n] [--seed n] [--json FILE]
// Real browsers in network namespaces behind an emulated link; both servers and the direct call. tests/net/ does the work.
import { join } from "node:path";
import { ROOT } from "../lib/gateway.ts";
import { enterLab, labMissing } from "../net/lab.ts";

const missing = labMissing();
if (missing) {
  process.stderr.write(`bench net: skipped: ${missing}\n`);
  process.exit(0);
}
process.exit(await enterLab(join(ROOT, "tests/net/run.ts"), process.argv.slice(2)));
