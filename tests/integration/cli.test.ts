// The program as its user meets it: exit codes, one-line errors, configuration, doctor, links, ./dev run.
// Timed: how soon a second ./dev run is ready
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gateway, ROOT, until } from "../lib/gateway.ts";

interface DemoLine { kind: string; subscribe: { state: string; video_frames: number }[] }
const BIN = join(ROOT, "build/release/gateway/huizhen");
const run = (args: string[], env: Record<string, string> = {}, cwd = tmpdir()): { status: number | null; out: string; err: string } => {
  const r = spawnSync(BIN, args, { encoding: "utf8", cwd, env: { ...process.env, ...env }, timeout: 20000 });
  return { status: r.status, out: r.stdout, err: r.stderr };
};

test("usage errors: exit 2 and one line", () => {
  for (const args of [[], ["fly"], ["serve", "--no-such"], ["token"], ["token", "--consult", "a b", "--role", "clinic"], ["token", "--consult", "c", "--role", "king"],
    ["link", "--consult", "c"], ["token", "--consult", "c", "--role", "clinic", "--ttl", "soon"]]) {
    const r = run(args, { HUIZHEN_DATA_DIR: mkdtempSync(join(tmpdir(), "hz-cli-")) });
    assert.equal(r.status, 2, `${args.join(" ")}: ${r.status} ${r.err}`);
    assert.ok(r.err.trim().length > 0, args.join(" "));
  }
  assert.equal(run(["--help"]).status, 0);
  assert.match(run(["--version"]).out, /\d+\.\d+\.\d+/);
});

test("configuration errors name file, line and key", () => {
  const dir = mkdtempSync(join(tmpdir(), "hz-cli-"));
  for (const [yaml, what] of [["http:\n  prot: 1\n", /prot.*:2:/], ["http:\n  port: 99999\n", /port/], ["nonsense\n", /./], ["media:\n  workers: many\n", /workers/],
    ["tokens:\n  keys:\n    - kid: a\n      secret: short\n", /secret/]] as const) {
    const file = join(dir, "huizhen.yaml");
    writeFileSync(file, yaml);
    const r = run(["serve", "--config", file, "--check-config"]);
    assert.equal(r.status, 2, `${yaml}: ${r.err}`);
    assert.match(r.err, what);
    assert.equal(r.err.trim().split("\n").length, 1, r.err);
  }
  assert.equal(run(["serve", "--check-config", "--config", join(ROOT, "huizhen.yaml")]).status, 0);
  assert.equal(run(["serve", "--check-config"], { HUIZHEN_HTTP_PORT: "x" }).status, 2);
  rmSync(dir, { recursive: true });
});

test("doctor and the well-known paths of a running gateway; a second gateway on the same data is refused", async () => {
  const gateway = await Gateway.start();
  try {
    for (const path of ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"]) {
      const answer = await fetch(gateway.url + path);
      assert.equal(answer.status, 200, path);
      await answer.text();
    }
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.match(metrics, /# EOF\s*$/, "OpenMetrics ends with # EOF");
    const doctor = spawnSync(BIN, ["doctor", "--json"], { encoding: "utf8", env: gateway.env, cwd: gateway.dataDir });
    assert.equal(doctor.status, 0, doctor.stdout + doctor.stderr);
    assert.ok(JSON.parse(doctor.stdout));
    const second = spawnSync(BIN, ["serve"], { encoding: "utf8", env: gateway.env, cwd: gateway.dataDir, timeout: 10000 });
    assert.ok(second.status === 1 || second.status === 2, `second: ${second.status}`);
    assert.ok(!/secret|eyJ/.test(gateway.log()), "no secret in the log");
    for (const line of gateway.log().trim().split("\n")) assert.match(line, /^t=\S+ level=\w+ proc=\w+ ev=[\w.]+/, line);
  } finally {
    assert.equal(await gateway.stop(), 0);
  }
});

test("SIGTERM drains: running consults go on, new ones are refused, then it ends with 0", async () => {
  const gateway = await Gateway.start();
  const { RpcClient, errorCode } = await import("../lib/rpc.ts");
  const { client } = await RpcClient.join(gateway.url, { token: gateway.token("drain", "clinic", { id: "host" }) });
  gateway.process.kill("SIGTERM");
  const closing = await client.push("closing");
  assert.ok(Number(closing["retry_ms"]) >= 0);
  assert.ok((await fetch(`${gateway.url}/readyz`).then((r) => r.status, () => 503)) === 503);
  assert.notEqual(await errorCode(RpcClient.join(gateway.url, { token: gateway.token("other", "admin", { grant: "create" }) })), undefined);
  assert.equal(typeof (await client.call("ping") as { time: number }).time, "number", "the running consult goes on");
  await client.call("leave");
  await until("exit", 15000, () => gateway.process.exitCode !== null);
  assert.equal(gateway.process.exitCode, 0);
  await gateway.stop();
});

test("the store survives kill -9 of everything: consults and links are still there", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "hz-cli-"));
  const first = await Gateway.start({ dataDir });
  const admin = first.token("kept", "admin", { grant: "create" });
  assert.equal((await first.api(admin, "POST", "/api/v1/consults", { id: "kept", title: "Kept" })).status, 201);
  const link = (await (await first.api(admin, "POST", "/api/v1/consults/kept/links", { role: "patient", name: "P", ttl_s: 600, single_use: true })).json()) as { code: string };
  first.process.kill("SIGKILL");
  await until("children gone with it", 3000, () => first.children().length === 0);
  const second = await Gateway.start({ dataDir });
  try {
    assert.equal((await second.api(admin, "GET", "/api/v1/consults/kept")).status, 200);
    assert.equal((await fetch(`${second.url}/api/v1/links/${link.code}`)).status, 200);
  } finally {
    await second.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("./dev run: links printed, second start under 3 s to /readyz, Ctrl-C ends it all", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "hz-run-"));
  const ports = { HUIZHEN_HTTP_PORT: "18480", HUIZHEN_HTTPS_PORT: "18443", HUIZHEN_MEDIA_PORT: "21480" };
  for (const attempt of [1, 2]) {
    const began = Date.now();
    const child = spawn(join(ROOT, "dev"), ["run", ...(attempt === 2 ? ["--demo"] : [])], { env: { ...process.env, ...ports, HUIZHEN_DATA_DIR: dir }, cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    t.after(() => { if (child.exitCode === null) child.kill("SIGINT"); });
    let out = "";
    child.stdout.on("data", (d) => { out += String(d); });
    child.stderr.on("data", (d) => { out += String(d); });
    await until("readyz", attempt === 1 ? 300000 : 10000, async () => (await fetch(`http://127.0.0.1:${ports.HUIZHEN_HTTP_PORT}/readyz`)).ok);
    const took = Date.now() - began;
    await until("links", 15000, () => /patient\s+http/.test(out) && /watch\s+http/.test(out) && /Ctrl-C/.test(out)).catch((e: unknown) => { throw new Error(`${String(e)}\n${out}`); });
    if (attempt === 2) {
      console.log(`# second ./dev run: ${took} ms to /readyz`);
      assert.ok(took < 3000, `${took} ms`);
      await until("the simulated participants receive each other", 40000, () => {
        const log = readFileSync(join(dir, "demo.log"), "utf8");
        return ["clinic", "expert", "patient"].every((k) => log.split("\n").some((l) => l.startsWith("{") && (JSON.parse(l) as DemoLine).kind === k && (JSON.parse(l) as DemoLine).subscribe.every((x) => x.state === "up" && x.video_frames > 10)));
      }).catch((e: unknown) => { throw new Error(`${String(e)}\n${readFileSync(join(dir, "demo.log"), "utf8").slice(-1500)}`); });
    }
    child.kill("SIGINT");
    await until("the end", 10000, () => child.exitCode !== null);
  }
  rmSync(dir, { recursive: true, force: true });
});
