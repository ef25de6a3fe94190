// C-STORE straight from a modality, with dcmtk's own senders: echo, objects in several transfer syntaxes, who may not call, peers that
// speak something else or nothing; what came is the PACS "local".
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dcmtk, dicomFile, samplesOf, type Made } from "../lib/dicom-make.ts";
import { Gateway, freeTcpPort, until } from "../lib/gateway.ts";
import { RpcClient } from "../lib/rpc.ts";

const STUDY = "1.2.826.0.1.3680043.10.8", SERIES = `${STUDY}.1`;
const SHAPE = { rows: 64, columns: 64, samples: 1 as const, stored: 12, signed: false };
const made = (seed: number): Made => ({ shape: SHAPE, pixels: samplesOf(SHAPE, seed) });

test("modalities send by C-STORE", { timeout: 90000, skip: !existsSync("/usr/bin/storescu") }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hz-receive-")), port = await freeTcpPort();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const gateway = await Gateway.start({ yaml: `imaging:\n  enabled: true\nreceive:\n  port: ${port}\n  allow: loopback\n  callers: CT1, US2\n` });
  t.after(() => gateway.stop());
  const token = gateway.token("c", "clinic", { id: "clinic", grant: "create" });
  const { client } = await RpcClient.join(gateway.url, { token });
  t.after(() => client.close());
  const say = (tool: string, ...options: string[]): { code: number | null; text: string } => {
    const r = spawnSync(tool, ["-v", "-to", "10", ...options.slice(0, -1), "127.0.0.1", String(port), options.at(-1)!].filter((x) => x !== "-"), { encoding: "utf8", timeout: 30000 });
    return { code: r.status, text: `${r.stdout}${r.stderr}` };
  };
  await until("the port is open", 15000, () => Promise.resolve(say("echoscu", "-aet", "CT1", "-aec", "HUIZHEN", "-").code === 0 ? true : undefined));
  assert.notEqual(say("echoscu", "-aet", "NOBODY", "-aec", "HUIZHEN", "-").code, 0);
  assert.match(say("echoscu", "-aet", "CT1", "-aec", "OTHER", "-").text, /Called AE Title Not Recognized/);

  // As it is made, and by dcmtk's encoder; implicit and big endian on the way.
  const file = (n: number, syntax?: "jpegls" | "lossless"): string => {
    const path = join(folder, `${n}.dcm`);
    let bytes = dicomFile(made(n), { study: STUDY, series: SERIES, instance: `${SERIES}.${n}`, number: n });
    if (syntax) bytes = dcmtk(folder, syntax === "jpegls" ? "dcmcjpls" : "dcmcjpeg", [], bytes);
    writeFileSync(path, bytes);
    return path;
  };
  const kinds: [string[], "jpegls" | "lossless" | undefined][] = [[["-xe"], undefined], [["-xi"], undefined], [["-xb"], undefined], [["-xt"], "jpegls"], [["-xs"], "lossless"]];
  for (const [i, [option, syntax]] of kinds.entries()) {
    const sent = say("storescu", "-aet", "CT1", "-aec", "HUIZHEN", ...option, file(i + 1, syntax));
    assert.equal(sent.code, 0, sent.text);
    assert.match(sent.text, /Received Store Response \(Success\)/);
  }
  assert.match(say("storescu", "-aet", "US2", "-aec", "HUIZHEN", "-xe", file(1)).text, /Success/); // once more
  writeFileSync(join(folder, "other.dcm"), dicomFile(made(77), { study: STUDY, series: SERIES, instance: `${SERIES}.1`, number: 1 }));
  assert.match(say("storescu", "-aet", "CT1", "-aec", "HUIZHEN", "-xe", join(folder, "other.dcm")).text, /0x?0?111|[Dd]uplicate|Refused|Error/);

  // What speaks something else, half a word, or nothing: it goes, the next one is served.
  for (const bytes of [Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.from([1, 0, 0xff, 0xff, 0xff, 0xff]), Buffer.from([4, 0, 0, 0, 0, 4, 0, 0, 0, 1]), Buffer.from([1, 0, 0, 0, 0, 68, ...Array<number>(68).fill(0)])]) {
    await new Promise<void>((done) => {
      const s = connect(port, "127.0.0.1", () => s.write(bytes));
      s.setTimeout(10000, () => s.destroy());
      s.on("data", () => undefined).on("error", () => undefined).on("close", () => done());
    });
  }
  const idle = Array.from({ length: 3 }, () => connect(port, "127.0.0.1"));
  assert.equal(say("echoscu", "-aet", "CT1", "-aec", "HUIZHEN", "-").code, 0);
  for (const s of idle) s.destroy();

  const base = `${gateway.url}/api/v1/consults/c`, headers = { authorization: `Bearer ${token}` };
  const { version } = (await client.call("table.floor", { action: "take" })) as { version: number };
  await client.call("table.patch", { base: version, studies: { put: [{ pacs: "local", study: STUDY }] } });
  const metadata = (await (await fetch(`${base}/studies/local/${STUDY}/metadata`, { headers })).json()) as Record<string, { Value: unknown[] }>[];
  assert.deepEqual(metadata.map((m) => m["00200013"]?.Value[0]), [1, 2, 3, 4, 5]);
  for (const n of [1, 2, 3]) { // big endian comes out as little
    const frame = await fetch(`${base}/studies/local/${STUDY}/series/${SERIES}/instances/${SERIES}.${n}/frames/1`, { headers });
    assert.deepEqual(Buffer.from(await frame.arrayBuffer()), made(n).pixels, `object ${n}`);
  }
});
