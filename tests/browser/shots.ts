// ./dev shots [FOLDER]: pictures of the pages with a running consult of simulated participants, for the README and eyes.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { Gateway, ROOT, sleep, until } from "../lib/gateway.ts";
import { DESKTOP, PHONE, launchChromium } from "../lib/browser.ts";
import { run, seen, tap } from "../lib/pages.ts";

const out = resolve(process.argv[2] ?? join(ROOT, "tests/out/shots"));
mkdirSync(out, { recursive: true });
const gateway = await Gateway.start();
const browser = await launchChromium();
const demos: ChildProcess[] = [];
try {
  for (const [id, kind, name] of [["li", "expert", "Prof. Li"], ["zhang", "patient", "Zhang San"], ["zhao", "clinic", "Dr Zhao"]] as const) {
    const token = gateway.token("mdt-42", "expert", { id, name, grant: "create" });
    demos.push(spawn(join(ROOT, "build/release/media/pipeline/huizhen-demo"), ["--url", gateway.url, "--consult", "mdt-42", "--kind", kind, "--label", name, "--codec", "vp8", "--publish"],
      { env: { ...process.env, HUIZHEN_TOKEN: token }, stdio: "ignore" }));
  }
  for (const [file, options, role, name] of [["consult", DESKTOP, "clinic", "County Clinic"], ["consult-phone", PHONE, "expert", "专家"]] as const) {
    const page = await (await browser.newContext({ ...options, permissions: ["camera", "microphone"] })).newPage();
    await page.goto(gateway.link("mdt-42", role, name, ["--title", "MDT 42"]));
    await tap(page, "join-button");
    await page.screenshot({ path: join(out, `${file}-check.png`) as `${string}.png` });
    await tap(page, "enter-button", 20000);
    await seen(page, "call");
    await until("pictures", 20000, () => run<boolean>(page, `[...document.querySelectorAll('[data-testid="tile"] video')].filter((v) => v.videoWidth > 0).length >= 3`));
    await sleep(1500);
    await page.screenshot({ path: join(out, `${file}.png`) as `${string}.png` });
  }
  console.log(out);
} finally {
  for (const demo of demos) demo.kill("SIGTERM");
  await browser.close();
  await gateway.stop();
}
process.exit(0);
