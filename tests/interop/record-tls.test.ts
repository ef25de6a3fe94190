// A PACS behind TLS with client certificates: trusted only if told so; answers that are too long or never come.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer, type Server } from "node:https";
import type { TLSSocket } from "node:tls";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../lib/gateway.ts";
import { Archive } from "../lib/archive.ts";
import { makeRecord, stateOf } from "../lib/record.ts";

let folder: string, server: Server, port = 0, mode: "store" | "long" | "never" = "store", authorized = 0, refused = 0;
const pem = (name: string): string => join(folder, `${name}.pem`);

function certificate(name: string): void {
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", `/CN=${name}`, "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", pem(`${name}-key`), "-out", pem(name)], { stdio: "ignore" });
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hz-tls-"));
  for (const name of ["pacs", "gateway", "other"]) certificate(name);
  server = createServer({ cert: readFileSync(pem("pacs")), key: readFileSync(pem("pacs-key")), ca: readFileSync(pem("gateway")), requestCert: true, rejectUnauthorized: true }, (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part)).on("end", () => {
      if (mode === "never") return;
      if (mode === "long") { response.writeHead(200); response.end(Buffer.alloc(17 << 20, 32)); return; }
      authorized += (request.socket as TLSSocket).authorized ? 1 : 0;
      const body = Buffer.concat(parts), at = body.indexOf("2.25."), type = request.headers["content-type"] ?? "";
      assert.match(type, /^multipart\/related; type="application\/dicom"; boundary=\w{32}$/);
      assert.equal(body.length, Number(request.headers["content-length"]));
      assert.ok(at > 0);
      const uid = /2\.25\.\d+/.exec(body.subarray(at, at + 64).toString("latin1"))![0];
      response.writeHead(200, { "Content-Type": "application/dicom+json" }).end(JSON.stringify({ "00081199": { vr: "SQ", Value: [{ "00081155": { vr: "UI", Value: [uid] } }] } }));
    });
  }).on("tlsClientError", () => { refused++; });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  port = (server.address() as { port: number }).port;
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const archiveWith = (more: Record<string, string>): Archive => new Archive({ HUIZHEN_RECORD_PACS_URL: `https://localhost:${port}/dicom-web/`, ...more });
const whole = (): Record<string, string> => ({ HUIZHEN_RECORD_PACS_CA: pem("pacs"), HUIZHEN_RECORD_PACS_CERTIFICATE: pem("gateway"), HUIZHEN_RECORD_PACS_KEY: pem("gateway-key") });

test("with its certificate trusted and ours shown, objects are stored", async () => {
  const archive = archiveWith(whole());
  try {
    const record = makeRecord(archive.store);
    archive.start();
    await until("delivered", 30000, () => stateOf(record).phase === "delivered");
    assert.equal(authorized, 1);
  } finally {
    await archive.done();
  }
});

test("who is not trusted gets nothing, who does not trust us nothing either", async () => {
  const strangers = [archiveWith({ HUIZHEN_RECORD_PACS_CERTIFICATE: pem("gateway"), HUIZHEN_RECORD_PACS_KEY: pem("gateway-key") }),
    archiveWith({ HUIZHEN_RECORD_PACS_CA: pem("pacs"), HUIZHEN_RECORD_PACS_CERTIFICATE: pem("other"), HUIZHEN_RECORD_PACS_KEY: pem("other-key") })];
  try {
    for (const archive of strangers) {
      makeRecord(archive.store);
      archive.start();
      await until("away", 30000, () => archive.console().pacs.away_since_ms > 0 && archive.console().pacs.waiting === 1);
    }
    assert.match(strangers[0]!.console().pacs.error, /certificate|SSL/i);
    assert.ok(refused > 0);
    assert.equal(authorized, 1);
  } finally {
    for (const archive of strangers) await archive.done();
  }
});

test("an answer without end is cut off; one that never comes does not hold the archive when it stops; then it is stored", async () => {
  const archive = archiveWith(whole());
  try {
    mode = "long";
    const record = makeRecord(archive.store);
    archive.start();
    await until("the error", 30000, () => archive.console().pacs.error === "the answer is too long");
    mode = "never";
    await archive.end("SIGTERM");
    archive.start();
    await new Promise((done) => setTimeout(done, 3000));
    const began = Date.now();
    assert.equal(await archive.end("SIGTERM"), 0);
    assert.ok(Date.now() - began < 4000);
    mode = "store";
    archive.start();
    await until("delivered", 30000, () => stateOf(record).phase === "delivered");
  } finally {
    await archive.done();
  }
});
