// Browsers in a client's namespace. Chromium is steered through a pipe; Firefox listens on its own loopback, to which a
// Unix socket (files know no network namespaces) leads from here.
import { chromium, type Browser as Chromium, type Page } from "playwright-core";
import puppeteer, { type Browser as Firefox, type Page as FirefoxPage } from "puppeteer-core";
import { spawn, type ChildProcess } from "node:child_process";
import { connect, createServer, type Server } from "node:net";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CHROMIUM_ARGS, startPulse } from "../lib/browser.ts";
import { until } from "../lib/gateway.ts";
import type { Lab, Side } from "./lab.ts";

export type BrowserName = "chromium" | "firefox";
type AnyPage = Page | FirefoxPage;

const ARGS = [
  ...CHROMIUM_ARGS.filter((a) => !a.includes("allow-loopback")),
  "--ignore-certificate-errors", "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
];

// A page of one participant: evaluates expressions, goes away.
export class Seat {
  // obeysCsp: on a page whose policy forbids connections it makes none.
  constructor(readonly page: AnyPage, private readonly context: { close(): Promise<void> }, readonly obeysCsp: boolean) {}

  run<T>(expression: string): Promise<T> { return (this.page as Page).evaluate(expression) as Promise<T>; }

  async open(url: string, script: string): Promise<void> {
    await (this.page as Page).goto(url);
    await this.run(`${script};0`);
  }

  async close(): Promise<void> { await this.context.close().catch(() => undefined); }
}

export interface Cabin { readonly name: BrowserName; seat(): Promise<Seat>; close(): Promise<void> }

class ChromiumCabin implements Cabin {
  readonly name = "chromium";
  constructor(private readonly browser: Chromium) {}

  async seat(): Promise<Seat> {
    const context = await this.browser.newContext({ viewport: { width: 700, height: 420 }, ignoreHTTPSErrors: true, bypassCSP: true });
    const page = await context.newPage();
    if (process.env["HZ_NET_CONSOLE"]) page.on("console", (m) => process.stderr.write(`[page] ${m.text()}\n`));
    return new Seat(page, context, false);
  }

  close(): Promise<void> { return this.browser.close(); }
}

const RELAY = `const net = require("net");
net.createServer((a) => { const b = net.connect(Number(process.argv[3]), "127.0.0.1");
  a.pipe(b); b.pipe(a); a.on("error", () => b.destroy()); b.on("error", () => a.destroy()); }).listen(process.argv[2]);`;

class FirefoxCabin implements Cabin {
  readonly name = "firefox";
  constructor(private readonly browser: Firefox, private readonly relay: ChildProcess, private readonly door: Server) {}

  async seat(): Promise<Seat> {
    const page = await this.browser.newPage();
    await page.setViewport({ width: 700, height: 420 });
    return new Seat(page, page, true);
  }

  async close(): Promise<void> {
    await this.browser.close().catch(() => undefined);
    this.relay.kill("SIGKILL");
    this.door.close();
  }
}

async function openFirefox(lab: Lab, side: Side): Promise<Cabin> {
  const port = 29222;
  const socket = join(lab.dir, `${side}.sock`);
  const script = join(lab.dir, "relay.cjs");
  writeFileSync(script, RELAY);
  const relay = spawn("nsenter", [`--net=/run/netns/${lab.links[side].netns}`, process.execPath, script, socket, String(port)], { stdio: "ignore" });
  await until("the relay's socket", 5000, () => existsSync(socket));
  const door = createServer((a) => {
    const b = connect(socket);
    a.pipe(b);
    b.pipe(a);
    a.on("error", () => b.destroy());
    b.on("error", () => a.destroy());
  });
  await new Promise<void>((done) => door.listen(port, "127.0.0.1", () => done()));
  startPulse();
  const browser = await puppeteer.launch({
    browser: "firefox", executablePath: lab.wrapper(side, "/usr/bin/firefox-esr"), headless: true, protocol: "webDriverBiDi",
    acceptInsecureCerts: true, args: [`--remote-debugging-port=${port}`], timeout: 60000,
    extraPrefsFirefox: {
      "media.navigator.permission.disabled": true, "media.peerconnection.ice.obfuscate_host_addresses": false, "media.autoplay.default": 0,
      "media.autoplay.blocking_policy": 0, "network.proxy.type": 0, "network.captive-portal-service.enabled": false, "network.connectivity-service.enabled": false,
    },
  });
  return new FirefoxCabin(browser, relay, door);
}

export async function openCabin(lab: Lab, side: Side, name: BrowserName): Promise<Cabin> {
  if (name === "firefox") return openFirefox(lab, side);
  return new ChromiumCabin(await chromium.launch({ executablePath: lab.wrapper(side, "/usr/bin/chromium"), args: ARGS }));
}
