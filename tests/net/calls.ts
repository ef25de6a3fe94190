// The three ways from one browser to the other. Each begins anew for every case.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import type { Seat } from "./browsers.ts";
import { SERVER, type Lab } from "./lab.ts";

export type CallName = "huizhen" | "janus" | "direct";

export interface Call {
  readonly name: CallName;
  readonly tcpPort: number; // the one that passes when everything else is blocked; 0: this call needs UDP
  prepare(publisher: Seat, subscriber: Seat): Promise<void>; // pages loaded, nothing joined
  publish(publisher: Seat): Promise<void>;
  watch(subscriber: Seat): Promise<void>;
  stop(): Promise<void>;
}

const literal = (...values: unknown[]): string => values.map((v) => JSON.stringify(v)).join(",");

class HuizhenCall implements Call {
  readonly name = "huizhen";
  readonly tcpPort: number;
  private readonly url: string;
  constructor(private readonly gateway: Gateway, private readonly script: string, private readonly consult: string) {
    this.tcpPort = gateway.ports.https;
    this.url = `https://${SERVER}:${gateway.ports.https}`;
  }

  async prepare(publisher: Seat, subscriber: Seat): Promise<void> {
    for (const seat of [publisher, subscriber]) await seat.open(`${this.url}/${seat.obeysCsp ? "join" : "healthz"}`, this.script);
  }

  private join(seat: Seat, how: string, id: string): Promise<void> {
    const token = this.gateway.token(this.consult, "clinic", { id, name: id, grant: "create" });
    return seat.run(`bench.${how}(${literal(this.url, token)})`);
  }

  publish(publisher: Seat): Promise<void> { return this.join(publisher, "huizhenPublish", "county"); }
  watch(subscriber: Seat): Promise<void> { return this.join(subscriber, "huizhenWatch", "expert"); }
  async stop(): Promise<void> {
    if (process.env["HZ_NET_LOG"]) process.stderr.write(this.gateway.log());
    await this.gateway.stop();
  }
}

const JANUS_HTTP = 8088, JANUS_WS = 8188;
const JANUS_LIBS = "/usr/lib/x86_64-linux-gnu/janus";

function writeJanusConfig(dir: string): void {
  const others = (folder: string, keep: string[]): string => (existsSync(join(JANUS_LIBS, folder)) ? readdirSync(join(JANUS_LIBS, folder)).filter((f) => f.endsWith(".so") && !keep.includes(f)).join(",") : "");
  writeFileSync(join(dir, "janus.jcfg"), `
general: { configs_folder = "${dir}"
  debug_level = 4
  reclaim_session_timeout = 60 }
media: { ipv6 = false }
nat: { nice_debug = false
  ice_enforce_list = "${SERVER}" }
plugins: { disable = "${others("plugins", ["libjanus_videoroom.so"])}" }
transports: { disable = "${others("transports", ["libjanus_websockets.so", "libjanus_http.so"])}" }
loggers: { disable = "${others("loggers", [])}" }
events: { broadcast = false }
`);
  writeFileSync(join(dir, "janus.transport.websockets.jcfg"), `general: { ws = true\n ws_port = ${JANUS_WS}\n wss = false }\n`);
  writeFileSync(join(dir, "janus.transport.http.jcfg"), `general: { http = true\n port = ${JANUS_HTTP}\n https = false }\n`);
  // The demo's room without its cap of 128 kb/s, which its simulcast would not fit into; FEC for sound, as can be asked for.
  writeFileSync(join(dir, "janus.plugin.videoroom.jcfg"), `room-1: { description = "net"
  publishers = 6
  bitrate = 0
  fir_freq = 10
  audiocodec = "opus"
  opus_fec = true
  videocodec = "vp8"
  transport_wide_cc_ext = true }\n`);
}

class JanusCall implements Call {
  readonly name = "janus";
  readonly tcpPort = JANUS_WS;
  private constructor(private readonly process: ChildProcess, private readonly script: string) {}

  static async start(dir: string, script: string): Promise<JanusCall> {
    mkdirSync(dir, { recursive: true });
    writeJanusConfig(dir);
    const log = openSync(join(dir, "janus.log"), "w");
    const child = spawn("janus", ["-F", dir], { stdio: ["ignore", log, log] });
    closeSync(log);
    await until("janus", 10000, async () => {
      if (child.exitCode !== null) throw new Error(`janus ended with ${child.exitCode}: ${readFileSync(join(dir, "janus.log"), "utf8").slice(-1000)}`);
      return (await fetch(`http://127.0.0.1:${JANUS_HTTP}/janus/info`)).ok;
    }).catch((error: unknown) => { child.kill("SIGKILL"); throw error; });
    return new JanusCall(child, script);
  }

  async prepare(publisher: Seat, subscriber: Seat): Promise<void> {
    for (const seat of [publisher, subscriber]) await seat.open(`http://${SERVER}:${JANUS_HTTP}/janus/info`, this.script);
  }

  publish(publisher: Seat): Promise<void> { return publisher.run(`bench.janusPublish("ws://${SERVER}:${JANUS_WS}")`); }

  // "No such feed" until the publisher's connection stands: as an application would, once more.
  async watch(subscriber: Seat): Promise<void> {
    await until("the feed", 15000, async () => {
      await subscriber.run(`bench.janusWatch("ws://${SERVER}:${JANUS_WS}")`);
      return true;
    });
  }

  async stop(): Promise<void> {
    const gone = new Promise<void>((done) => this.process.once("exit", () => done()));
    this.process.kill("SIGTERM");
    const late = setTimeout(() => this.process.kill("SIGKILL"), 3000);
    await gone;
    clearTimeout(late);
  }
}

class DirectCall implements Call {
  readonly name = "direct";
  readonly tcpPort = 0;
  private running = true;
  private pump: Promise<void> = Promise.resolve();
  private subscriber: Seat | undefined;
  constructor(private readonly script: string) {}

  async prepare(publisher: Seat, subscriber: Seat): Promise<void> {
    for (const seat of [publisher, subscriber]) await seat.open("about:blank", this.script);
    this.subscriber = subscriber;
  }

  async publish(publisher: Seat): Promise<void> {
    const subscriber = this.subscriber as Seat;
    await subscriber.run("bench.directWatch()");
    await publisher.run("bench.directPublish()");
    const carry = async (from: Seat, to: Seat): Promise<void> => {
      const messages = await from.run<string[]>("bench.directOutbox()");
      if (messages.length > 0) await to.run(`bench.directDeliver(${literal(messages)})`);
    };
    this.pump = (async () => {
      while (this.running) {
        await carry(publisher, subscriber);
        await carry(subscriber, publisher);
        await sleep(50);
      }
    })().catch(() => undefined); // a page that is closing
  }

  watch(): Promise<void> { return Promise.resolve(); }

  async stop(): Promise<void> {
    this.running = false;
    await this.pump;
  }
}

export async function startCall(name: CallName, lab: Lab, script: string): Promise<Call> {
  if (name === "direct") return new DirectCall(script);
  if (name === "janus") return JanusCall.start(join(lab.dir, "janus"), script);
  const gateway = await Gateway.start({ workers: 1, env: { HUIZHEN_MEDIA_ADDRESS: SERVER } });
  return new HuizhenCall(gateway, script, "net");
}
