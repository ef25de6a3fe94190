// A real Orthanc with its DICOMweb plugin, on a free port, with a storage of its own; may be stopped and started again.
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeTcpPort, sleep, until } from "./gateway.ts";

export class Orthanc {
  private child?: ChildProcess;
  readonly folder = mkdtempSync(join(tmpdir(), "hz-orthanc-"));
  readonly auth = `Basic ${Buffer.from("huizhen:secret").toString("base64")}`;
  constructor(readonly port: number) {
    writeFileSync(join(this.folder, "orthanc.json"), JSON.stringify({
      Name: "huizhen-test", StorageDirectory: join(this.folder, "storage"), IndexDirectory: join(this.folder, "storage"), HttpPort: port, HttpServerEnabled: true,
      DicomServerEnabled: false, RemoteAccessAllowed: true, AuthenticationEnabled: true, RegisteredUsers: { huizhen: "secret" },
      Plugins: ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"], DicomWeb: { Enable: true, Root: "/dicom-web/" }, OverwriteInstances: true, StorageCompression: false,
    }));
  }

  static async started(): Promise<Orthanc> {
    const orthanc = new Orthanc(await freeTcpPort());
    await orthanc.start().catch(async (error: unknown) => { await orthanc.done(); throw error; });
    return orthanc;
  }

  /** What a gateway's configuration says of it as a PACS. */
  get yaml(): string { return `imaging:\n  enabled: true\n  pacs: "main=${this.url}"\n  user: huizhen\n  password: secret\n`; }

  get url(): string { return `http://127.0.0.1:${this.port}/dicom-web`; }

  async start(): Promise<void> {
    const log = openSync(join(this.folder, "log"), "a");
    this.child = spawn("Orthanc", [join(this.folder, "orthanc.json")], { stdio: ["ignore", log, log], cwd: this.folder });
    await until("Orthanc", 20000, async () => (await this.ask("/system")).ok);
  }

  ask(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, { headers: { Authorization: this.auth, ...headers } });
  }

  async store(file: Buffer): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/instances`, { method: "POST", body: new Uint8Array(file), headers: { Authorization: this.auth } });
    assert.ok(answer.ok, `Orthanc takes it: ${answer.status}`);
  }

  async instances(): Promise<string[]> { return (await (await this.ask("/instances")).json()) as string[]; }

  // The file as it is stored, by its SOP Instance UID; undefined: it is not there.
  async file(uid: string): Promise<Buffer | undefined> {
    const found = await fetch(`http://127.0.0.1:${this.port}/tools/lookup`, { method: "POST", body: uid, headers: { Authorization: this.auth } });
    const [one] = (await found.json()) as { ID: string; Type: string }[];
    return one ? Buffer.from(await (await this.ask(`/instances/${one.ID}/file`)).arrayBuffer()) : undefined;
  }

  // The same through WADO-RS (PS3.18 10.4).
  async wado(study: string, series: string, uid: string): Promise<Buffer> {
    const answer = await this.ask(`/dicom-web/studies/${study}/series/${series}/instances/${uid}`, { Accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' });
    const body = Buffer.from(await answer.arrayBuffer());
    const boundary = /boundary=([^;]+)/.exec(answer.headers.get("content-type") ?? "")?.[1]?.replaceAll('"', "") ?? "";
    const begin = body.indexOf("\r\n\r\n") + 4;
    return body.subarray(begin, body.lastIndexOf(`\r\n--${boundary}`));
  }

  async stop(): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await until("Orthanc's end", 5000, () => child.exitCode !== null || child.signalCode !== null);
    await sleep(50);
  }

  async done(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const hasOrthanc = (): boolean => { try { execFileSync("Orthanc", ["--version"], { stdio: "ignore" }); return true; } catch { return false; } };
