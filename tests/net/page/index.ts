// The code of both test pages, bundled into one script: `bench` with a publisher and a subscriber for each kind of call.
import { Huizhen, type Consult } from "../../../web/sdk/src/index.ts";
import { startCamera, startTone } from "./camera.ts";
import { JanusClient } from "./janus.ts";
import { Meter } from "./meter.ts";

const WIDTH = 640, HEIGHT = 360, FPS = 25, TONE_HZ = 440;
const DIRECT_BPS = 900_000; // as the highest layer of Janus' demo

let meter: Meter | undefined;
let connection: RTCPeerConnection | null = null;
let current: () => RTCPeerConnection | null = () => connection;
let consult: Consult | undefined;

const tracks = (): MediaStreamTrack[] => [startTone(TONE_HZ), startCamera(WIDTH, HEIGHT, FPS)];

// The browser must pull the sound, or nothing is decoded and concealed.
function play(track: MediaStreamTrack): void {
  const element = document.createElement("audio");
  element.autoplay = true;
  element.srcObject = new MediaStream([track]);
  document.body.appendChild(element);
  void element.play();
}

function show(track: MediaStreamTrack): void {
  if (track.kind === "audio") { play(track); return; }
  if (!meter) return;
  meter.video.srcObject = new MediaStream([track]);
  void meter.video.play();
}

function startMeter(): Meter {
  meter = new Meter(() => current());
  return meter;
}

// Pictures go out in that codec only ("VP8", "H264", ...) and what repairs it, whatever client code prefers.
function useCodec(name: string): void {
  const codecs = (RTCRtpSender.getCapabilities("video")?.codecs ?? []).filter((c) => [`video/${name}`, "video/rtx", "video/red", "video/ulpfec"].some((type) => type.toLowerCase() === c.mimeType.toLowerCase()));
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (this: RTCPeerConnection, what, init) {
    const transceiver = add.call(this, what, init);
    if (init?.direction === "sendonly" && (what === "video" || (what instanceof MediaStreamTrack && what.kind === "video"))) transceiver.setCodecPreferences(codecs);
    return transceiver;
  };
}

// --- this gateway, through its SDK

async function huizhenPublish(url: string, token: string): Promise<void> {
  consult = await Huizhen.join({ url, token, storageKey: "bench" });
  const [sound, picture] = tracks();
  current = () => consult?.peerConnection ?? null;
  await consult.publish("microphone", { track: sound as MediaStreamTrack });
  await consult.publish("camera", { track: picture as MediaStreamTrack });
}

async function huizhenWatch(url: string, token: string): Promise<void> {
  const { video } = startMeter();
  consult = await Huizhen.join({ url, token, storageKey: "bench" });
  current = () => consult?.peerConnection ?? null;
  let shown = "";
  const look = (): void => {
    const track = consult?.remoteTracks.find((t) => t.kind === "video");
    if (!track || track.id === shown) return;
    shown = track.id;
    consult?.attach(video, track.id);
  };
  consult.on("change", look);
  look();
}

// --- Janus

async function janusPublish(url: string): Promise<void> {
  const client = new JanusClient(url, 1);
  connection = client.connection;
  await client.publish(tracks());
}

async function janusWatch(url: string): Promise<void> {
  startMeter();
  const client = new JanusClient(url, 1);
  connection = client.connection;
  await client.watchFeed(show);
}

// --- straight from one browser to the other; the harness carries offers, answers and candidates

const outbox: string[] = [];

function directConnection(): RTCPeerConnection {
  const pc = new RTCPeerConnection();
  connection = pc;
  pc.onicecandidate = (e) => { if (e.candidate) outbox.push(JSON.stringify({ candidate: e.candidate })); };
  pc.ontrack = (e) => show(e.track);
  return pc;
}

async function directPublish(): Promise<void> {
  const pc = directConnection();
  const all = tracks();
  const streams = [new MediaStream(all)]; // one stream: the receiver keeps lips and sound together
  for (const track of all) {
    pc.addTransceiver(track, { direction: "sendonly", streams, ...(track.kind === "video" ? { sendEncodings: [{ maxBitrate: DIRECT_BPS }] } : {}) });
  }
  const offer = async (): Promise<void> => {
    await pc.setLocalDescription(await pc.createOffer({ iceRestart: pc.remoteDescription !== null }));
    outbox.push(JSON.stringify({ description: pc.localDescription }));
  };
  pc.oniceconnectionstatechange = () => { if (pc.iceConnectionState === "disconnected" || pc.iceConnectionState === "failed") void offer(); };
  await offer();
}

function directWatch(): void {
  startMeter();
  directConnection();
}

async function directDeliver(messages: string[]): Promise<void> {
  for (const text of messages) {
    const message = JSON.parse(text) as { candidate?: RTCIceCandidateInit; description?: RTCSessionDescriptionInit };
    const pc = connection;
    if (!pc) return;
    if (message.candidate) await pc.addIceCandidate(message.candidate).catch(() => undefined);
    if (!message.description) continue;
    await pc.setRemoteDescription(message.description);
    if (message.description.type !== "offer") continue;
    await pc.setLocalDescription(await pc.createAnswer());
    outbox.push(JSON.stringify({ description: pc.localDescription }));
  }
}

// What the publisher sends, for the time series: bits a second by the outgoing counters are made of these.
// What the publisher's browser says of itself; counters are totals.
async function sent(): Promise<{ bytes: number; estimate_kbps: number; layers: string }> {
  let bytes = 0, estimate = 0;
  const layers: string[] = [];
  (await current()?.getStats())?.forEach((r: Record<string, unknown>) => {
    const n = (key: string): number => Math.round(Number(r[key] ?? 0));
    if (r["type"] === "candidate-pair" && r["nominated"]) estimate = Math.max(estimate, n("availableOutgoingBitrate"));
    if (r["type"] !== "outbound-rtp") return;
    bytes += n("bytesSent");
    if (r["kind"] !== "video") { layers.push(`audio ${n("bytesSent")} B`); return; }
    layers.push(`${String(r["rid"] ?? "-")} ${n("frameHeight")}p@${n("framesPerSecond")} ${n("bytesSent")} B again ${n("retransmittedBytesSent")} keys ${n("keyFramesEncoded")} pli ${n("pliCount")} target ${Math.round(n("targetBitrate") / 1000)} ${String(r["qualityLimitationReason"] ?? "")}`);
  });
  return { bytes, estimate_kbps: Math.round(estimate / 1000), layers: layers.join("; ") };
}

Object.assign(globalThis, {
  bench: {
    useCodec, huizhenPublish, huizhenWatch, janusPublish, janusWatch, directPublish, directWatch, directDeliver, sent,
    raw: async () => { const o: unknown[] = []; (await current()?.getStats())?.forEach((r: Record<string, unknown>) => { if (/inbound|remote-out/.test(String(r["type"]))) o.push(r); }); return JSON.stringify(o) + (current()?.remoteDescription?.sdp ?? "").split("\r\n").filter((l) => /xr|ssrc|rtcp-fb:|m=|L1T|simul/.test(l)).join("\n"); },
    connection: () => current(),
    directOutbox: () => outbox.splice(0), take: () => meter?.take(),
    state: () => `ICE ${current()?.iceConnectionState ?? "none"}, ${current()?.remoteDescription?.sdp.split("\r\n").filter((l) => l.startsWith("a=candidate")).join(" ") ?? "nothing remote"}`,
  },
});
