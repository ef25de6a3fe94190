// Real browsers: Debian's Chromium through playwright-core, Firefox ESR through puppeteer-core (WebDriver BiDi).
import { chromium, type Browser as Chromium, type BrowserContextOptions, type Page } from "playwright-core";
import puppeteer, { type Browser as Firefox, type Page as FirefoxPage } from "puppeteer-core";
import { spawn, execFileSync } from "node:child_process";

export const CHROMIUM_ARGS = [
  "--headless", "--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--no-first-run", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
  "--autoplay-policy=no-user-gesture-required", "--disable-features=WebRtcHideLocalIpsWithMdns",
  "--allow-loopback-in-peer-connection",
];

export async function launchChromium(extra: string[] = []): Promise<Chromium> {
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: [...CHROMIUM_ARGS, ...extra] });
}

/** With WebGL in software, which the exact viewer paints by. */
export const launchViewer = (): Promise<Chromium> => launchChromium(["--enable-unsafe-swiftshader"]);

export const PHONE: BrowserContextOptions = {
  viewport: { width: 360, height: 640 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, locale: "zh-CN",
};
export const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 800 }, locale: "en-US" };

// Firefox's AudioContext needs a sound device: a PulseAudio null sink of our own.
let pulse: string | undefined;
export function startPulse(): void {
  if (pulse) return;
  process.env["XDG_RUNTIME_DIR"] ??= "/tmp/hz-pulse";
  execFileSync("mkdir", ["-p", "-m", "700", process.env["XDG_RUNTIME_DIR"]]);
  spawn("pulseaudio", ["--exit-idle-time=-1", "--disallow-exit=0", "-n", "--load=module-native-protocol-unix", "--load=module-null-sink"],
    { stdio: "ignore", detached: false }).unref();
  pulse = process.env["XDG_RUNTIME_DIR"];
}

export async function launchFirefox(): Promise<Firefox> {
  startPulse();
  return puppeteer.launch({
    browser: "firefox", executablePath: "/usr/bin/firefox-esr", headless: true, protocol: "webDriverBiDi",
    extraPrefsFirefox: {
      "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true,
      "media.peerconnection.ice.loopback": true, "media.peerconnection.ice.obfuscate_host_addresses": false,
      // Without these Firefox offers only the address of the default route, and so no loopback.
      "permissions.default.microphone": 1, "permissions.default.camera": 1,
      "media.autoplay.default": 0, "media.autoplay.blocking_policy": 0, "intl.accept_languages": "en-US",
    },
  });
}

// Console errors of a page, for tests that demand silence.
export function watchConsole(page: Page): string[] {
  const lines: string[] = [];
  page.on("console", (m) => { if (m.type() === "error") lines.push(m.text()); });
  page.on("pageerror", (e) => lines.push(String(e)));
  return lines;
}

export type AnyPage = Page | FirefoxPage;
