// This gateway under test: WHIP and WHEP for single streams, one WebSocket and one connection a participant in consults.
import { createHmac } from "node:crypto";
import { Agent, request } from "node:http";
import { Gateway, until } from "../lib/gateway.ts";
import { RpcClient } from "../lib/rpc.ts";
import { buildDir, nowUs, type Joined, type Load, type Stage } from "./load.ts";
import { connectWords, makeOffer, readSdp, type Line } from "./sdp.ts";
import type { Server } from "./server.ts";

const SECRET = "a-key-of-the-benchmark-not-a-secret-of-anybody";
const YAML = `tokens:\n  keys:\n    - kid: "bench"\n      secret: "${SECRET}"\n`;

const base64 = (text: string): string => Buffer.from(text).toString("base64url");

const EVERYTHING = ["publish", "subscribe", "create", "manage", "record"];

function sign(consult: string, role: string, id: string, grants: string[] | undefined = EVERYTHING): string {
  const now = Math.floor(Date.now() / 1000);
  const head = base64(JSON.stringify({ alg: "HS256", kid: "bench", typ: "JWT" }));
  const claims = base64(JSON.stringify({ sub: id, name: id, consult, role, iat: now, exp: now + 86400, consent: true, ...(grants.length ? { grants } : {}) }));
  return `${head}.${claims}.${createHmac("sha256", SECRET).update(`${head}.${claims}`).digest("base64url")}`;
}

interface Resource { location: string; token: string }

export class GatewayServer implements Server {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 16 });
  private readonly resources = new Map<number, Resource>();
  private readonly clients = new Map<number, RpcClient>();
  private readonly rooms = new Map<string, RpcClient>(); // one of each consult

  private constructor(readonly name: string, private readonly gateway: Gateway) {}

  static async start(options: { workers?: number } = {}): Promise<GatewayServer> {
    const workers = options.workers ?? 1;
    // The harness looks for builds below build/; another folder is reached from there.
    const preset = `../${"../".repeat(8)}${buildDir()}` as "release";
    const gateway = await Gateway.start({
      preset: buildDir().endsWith("build/release") ? "release" : preset, workers, yaml: YAML,
      env: { HUIZHEN_LIMITS_PARTICIPANTS_PER_CONSULT: "1000", HUIZHEN_LIMITS_CONNECTIONS_PER_ADDRESS: "4000", HUIZHEN_LIMITS_REQUESTS_PER_SECOND: "20000", HUIZHEN_LOG_LEVEL: "warn" },
    });
    return new GatewayServer(`huizhen, ${workers} worker${workers > 1 ? "s" : ""}`, gateway);
  }

  pids(): number[] { return [this.gateway.process.pid ?? 0, ...this.gateway.children().map((c) => c.pid)]; }
  workerPids(): number[] { return this.gateway.children().filter((c) => c.args[0] === "worker").map((c) => c.pid); }
  metrics(): Promise<Map<string, number>> { return this.gateway.metrics(); }

  private http(method: string, path: string, token: string, body = ""): Promise<{ status: number; location: string; body: string }> {
    return new Promise((done, fail) => {
      const call = request(`${this.gateway.url}${path}`, {
        method, agent: this.agent,
        headers: { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/sdp", "content-length": Buffer.byteLength(body) } : {}) },
      }, (response) => {
        let text = "";
        response.on("data", (d) => { text += String(d); });
        response.on("end", () => done({ status: response.statusCode ?? 0, location: response.headers.location ?? "", body: text }));
      });
      call.on("error", fail);
      call.end(body);
    });
  }

  private async post(load: Load, path: string, token: string, endpoint: number, lines: Line[], wait: Stage): Promise<Joined> {
    const start = nowUs();
    const answer = await this.http("POST", path, token, makeOffer(load.endpoint(endpoint), lines));
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.body}`);
    this.resources.set(endpoint, { location: answer.location, token });
    return load.connect(endpoint, connectWords(readSdp(answer.body), start, lines), wait);
  }

  async publish(load: Load, room: string, id: string, endpoint: number): Promise<Joined> {
    const lines: Line[] = [{ kind: "audio", send: true }, { kind: "video", send: true }];
    return this.post(load, `/whip/${room}`, sign(room, "expert", id), endpoint, lines, "running");
  }

  async subscribe(load: Load, room: string, source: string, id: string, endpoint: number, wait: Stage): Promise<Joined> {
    const lines: Line[] = [{ kind: "audio", send: false }, { kind: "video", send: false }];
    return this.post(load, `/whep/${room}/${source}`, sign(room, "observer", id), endpoint, lines, wait);
  }

  // What viewers of this room see from now on: the camera and the microphone of one who publishes.
  async broadcast(room: string, source: string): Promise<void> {
    const token = sign(room, "director", "director", []);
    const api = async (method: string, path: string, body: object): Promise<void> => {
      const answer = await fetch(`${this.gateway.url}/api/v1/consults/${room}/broadcast${path}`, {
        method, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`broadcast${path}: ${answer.status} ${await answer.text()}`);
    };
    await api("PUT", "", { title: "Bench", sources: [{ participant: source, source: "camera" }], voices: [source] });
    const { client } = await RpcClient.join(this.gateway.url, { token });
    await client.call("broadcast.program", { source: { participant: source, source: "camera" } });
    client.close();
  }

  async watch(load: Load, room: string, id: string, endpoint: number): Promise<Joined> {
    const lines: Line[] = [{ kind: "audio", send: false }, { kind: "video", send: false }];
    return this.post(load, `/whep/${room}/program`, sign(room, "viewer", id, []), endpoint, lines, "media");
  }

  // One participant on the WebSocket with one connection: sends, and has places for `others` people.
  async participate(load: Load, room: string, id: string, endpoint: number, others: number, sends: boolean): Promise<{ client: RpcClient; joined: Joined }> {
    const start = nowUs();
    const { client } = await RpcClient.join(this.gateway.url, { token: sign(room, "expert", id) });
    const lines: Line[] = sends ? [{ kind: "audio", send: true }, { kind: "video", send: true }] : [];
    for (let i = 0; i < others; i++) lines.push({ kind: "audio", send: false }, { kind: "video", send: false });
    const at = (line: Line): string => String(lines.indexOf(line));
    const { sdp } = (await client.call("offer", {
      sdp: makeOffer(load.endpoint(endpoint), lines),
      publish: lines.filter((l) => l.send).map((l) => ({ mid: at(l), source: l.kind === "audio" ? "microphone" : "camera" })),
      recv: lines.filter((l) => !l.send).map((l) => ({ mid: at(l), group: null })),
    })) as { sdp: string };
    this.clients.set(endpoint, client);
    return { client, joined: await load.connect(endpoint, connectWords(readSdp(sdp), start, lines), "running") };
  }

  async consult(load: Load, room: string, ids: string[], first: number): Promise<number> {
    const clients = await Promise.all(ids.map(async (id, i) => (await this.participate(load, room, id, first + i, ids.length - 1, true)).client));
    await Promise.all(clients.map(async (client, i) => {
      const others = await until("everybody's tracks", 10000, () => {
        const people = client.state?.participants?.filter((p) => p.id !== ids[i] && p.tracks.length === 2);
        return people?.length === ids.length - 1 && people;
      });
      this.rooms.set(room, client);
      const items = others.flatMap((p, k) => p.tracks.map((t) => ({ mid: String(2 + 2 * k + (t.kind === "audio" ? 0 : 1)), track: t.id })));
      await client.call("subscribe", { items });
    }));
    return ids.length;
  }

  // Every consult's record, on or off; what was recorded is not finalised meanwhile.
  async record(on: boolean): Promise<void> {
    for (const c of this.gateway.children()) if (c.args[0] === "archive") process.kill(c.pid, "SIGSTOP");
    for (const client of this.rooms.values()) await client.call(on ? "record.start" : "record.stop");
    for (const client of this.rooms.values()) await until(`record ${on}`, 15000, () => (client.state?.consult?.record?.state === "on") === on);
  }

  pidOf(kind: "worker" | "recorder"): number { return this.gateway.pidOf(kind) ?? 0; }
  get folder(): string { return this.gateway.dataDir; }

  async leave(load: Load, endpoint: number): Promise<void> {
    const resource = this.resources.get(endpoint);
    const client = this.clients.get(endpoint);
    if (resource) await this.http("DELETE", resource.location.replace(/^https?:\/\/[^/]+/, ""), resource.token);
    if (client) { await client.call("leave").catch(() => undefined); client.close(); }
    this.resources.delete(endpoint);
    this.clients.delete(endpoint);
    await load.close(endpoint);
  }

  // Gone without a word: no DELETE, no leave, no DTLS goodbye.
  async vanish(load: Load, endpoint: number): Promise<void> {
    this.clients.get(endpoint)?.terminate();
    this.resources.delete(endpoint);
    this.clients.delete(endpoint);
    await load.close(endpoint, false);
  }

  async closeConsult(room: string): Promise<void> {
    const answer = await this.http("DELETE", `/api/v1/consults/${room}`, sign(room, "admin", "bench-admin"));
    if (answer.status >= 300 && answer.status !== 404) throw new Error(`closing ${room}: ${answer.status} ${answer.body}`);
  }

  workers(): number[] { return this.gateway.children().map((c) => c.pid).sort((a, b) => a - b); }
  complaints(): string[] { return this.gateway.log().split("\n").filter((line) => /level=(warn|error)/.test(line)); }

  async stop(): Promise<void> {
    for (const client of this.clients.values()) client.terminate();
    this.agent.destroy();
    await this.gateway.stop();
  }
}
