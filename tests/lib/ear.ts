// An ear in a page: counts, in samples of the audio clock, for how long at a time nothing of some sounds was heard. Next to them runs a
// tone over two RTCPeerConnections within the page: where that is silent as well, the machine stands still and not the sound,
// and nothing is counted. So a page that gets no processor for a second is not taken for a gap.
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./gateway.ts";
import { run, type Person } from "./pages.ts";

// inputs: everything that is heard; the mix alone; the page's own tone
const WORKLET = `registerProcessor('ear', class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.run = [0, 0]; this.worst = [0, 0]; this.listened = 0;
    this.port.onmessage = () => {
      this.port.postMessage({ gap: this.worst[0] / sampleRate, mix: this.worst[1] / sampleRate, listened: this.listened / sampleRate });
      this.worst = [...this.run]; this.listened = 0;
    };
  }
  process(inputs) {
    const loud = inputs.map((input) => input.some((channel) => channel.some((x) => Math.abs(x) > 0.003)));
    if (loud[2]) this.listened += 128;
    for (const i of [0, 1]) {
      if (loud[i]) this.run[i] = 0;
      else if (loud[2]) this.worst[i] = Math.max(this.worst[i], this.run[i] += 128);
    }
    return true;
  }
});`;

const EAR = `(async () => {
  const audio = new AudioContext();
  await audio.resume();
  await audio.audioWorklet.addModule('/assets/hz-test-ear.js');
  const ear = new AudioWorkletNode(audio, 'ear', { numberOfInputs: 3, numberOfOutputs: 0 });
  const source = (track) => audio.createMediaStreamSource(new MediaStream([track]));
  const known = new Map();
  const listen = (track) => { if (track.kind === 'audio' && !known.has(track.id)) { const s = source(track); s.connect(ear, 0, 0); known.set(track.id, s); } };
  const peer = window.huizhen.consult.peerConnection;
  peer.addEventListener('track', (event) => listen(event.track));
  for (const { track } of peer.getReceivers()) listen(track);
  let mix;
  setInterval(() => {
    const element = document.querySelector('audio[data-huizhen-track="mix"]');
    const now = element && element.srcObject && known.get(element.srcObject.getAudioTracks()[0].id);
    if (!now || now === mix) return;
    if (mix) mix.disconnect(ear, 0, 1);
    mix = now;
    mix.connect(ear, 0, 1);
  }, 20);

  const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
  a.onicecandidate = (e) => e.candidate && b.addIceCandidate(e.candidate);
  b.onicecandidate = (e) => e.candidate && a.addIceCandidate(e.candidate);
  const tone = audio.createOscillator(), out = audio.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  b.ontrack = ({ track }) => {
    const element = new Audio();
    element.srcObject = new MediaStream([track]);
    element.muted = true;
    void element.play();
    source(track).connect(ear, 0, 2);
  };
  a.addTrack(out.stream.getAudioTracks()[0], out.stream);
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  window.hzEar = { all: [audio, a, b], take: () => new Promise((done) => {
    ear.port.onmessage = ({ data }) => done({ gap_ms: Math.round(data.gap * 1000), mix_ms: Math.round(data.mix * 1000), listened_ms: Math.round(data.listened * 1000) });
    ear.port.postMessage(0);
  }) };
})()`;

export interface Heard {
  gap_ms: number; // the longest time without any sound
  mix_ms: number; // without any of the mix
  listened_ms: number; // how long it could have heard something
}

// The pages and what an ear needs, for HUIZHEN_WEB_DIR: pages load scripts of their own gateway only.
export function pagesWithEar(folder: string): string {
  cpSync(join(ROOT, "web/dist"), folder, { recursive: true });
  writeFileSync(join(folder, "assets/hz-test-ear.js"), WORKLET);
  return folder;
}

// In a page that is in a call.
export async function putEar(person: Person): Promise<void> {
  await run(person.page, EAR);
}

// Since it was asked last.
export function takeHeard(person: Person): Promise<Heard> {
  return run<Heard>(person.page, "window.hzEar.take()");
}
