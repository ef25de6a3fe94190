// Scripts that run inside a page: publishers over WHIP, each a colour with a clock in it, one of which flashes and beeps; and
// readers of what WHEP brings back, relayed or composed.

export interface Publisher { id: string; token: string; colour: string; url: string; flashes: boolean; hums: boolean }

// The picture: one colour; in the lower half a strip of 16 cells, black and white, with the milliseconds since 1970 mod 2^16. Who
// flashes is white in the upper half, and beeps, for the first 120 ms of each second.
export async function publishAll(list: Publisher[]): Promise<void> {
  const BITS = 16, W = 1280, H = 720;
  const audio = new AudioContext();
  await audio.resume();
  const one = async (p: Publisher): Promise<void> => {
    const canvas = document.createElement("canvas");
    canvas.width = W;
    canvas.height = H;
    const g = canvas.getContext("2d", { alpha: false }) as CanvasRenderingContext2D;
    setInterval(() => {
      const now = Date.now();
      g.fillStyle = p.flashes && now % 1000 < 120 ? "#fff" : p.colour;
      g.fillRect(0, 0, W, H / 2);
      g.fillStyle = p.colour;
      g.fillRect(0, H / 2, W, H / 2);
      for (let i = 0; i < BITS; i++) {
        g.fillStyle = (now >> i) & 1 ? "#fff" : "#000";
        g.fillRect((i * W) / BITS, H * 0.6, W / BITS, H * 0.3);
      }
    }, 40);
    const stream = canvas.captureStream(25);
    if (p.hums) { // something to hear all the time
      const tone = audio.createOscillator(), gain = audio.createGain(), out = audio.createMediaStreamDestination();
      tone.frequency.value = 220;
      gain.gain.value = 0.2;
      tone.connect(gain).connect(out);
      tone.start();
      out.stream.getAudioTracks().forEach((t) => stream.addTrack(t));
    }
    if (p.flashes) {
      const gain = audio.createGain(), tone = audio.createOscillator(), out = audio.createMediaStreamDestination();
      tone.frequency.value = 1000;
      gain.gain.value = 0;
      tone.connect(gain).connect(out);
      tone.start();
      const ahead = (): void => { // the next second's
        const now = Date.now(), at = audio.currentTime + (1000 - (now % 1000)) / 1000;
        gain.gain.setValueAtTime(0.5, at);
        gain.gain.setValueAtTime(0, at + 0.12);
        setTimeout(ahead, 1000 - (now % 1000) + 500);
      };
      ahead();
      out.stream.getAudioTracks().forEach((t) => stream.addTrack(t));
    }
    const pc = new RTCPeerConnection();
    for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: "sendonly" });
    await pc.setLocalDescription(await pc.createOffer());
    await new Promise<void>((done) => (pc.iceGatheringState === "complete" ? done() : setTimeout(done, 300)));
    const res = await fetch(p.url, { method: "POST", body: pc.localDescription?.sdp ?? "",
      headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${p.token}` } });
    if (!res.ok) throw new Error(`whip ${p.id}: ${res.status}`);
    await pc.setRemoteDescription({ type: "answer", sdp: await res.text() });
    ((window as unknown as { hzPublishers?: unknown[] }).hzPublishers ??= []).push(pc);
  };
  for (const p of list) await one(p);
}

// Plays a WHEP source in a <video id=name>; its sound goes into an analyser, and what begins there is noted as it is heard.
export async function watch(name: string, url: string, token: string): Promise<void> {
  const pc = new RTCPeerConnection();
  pc.addTransceiver("audio", { direction: "recvonly" });
  pc.addTransceiver("video", { direction: "recvonly" });
  const video = document.createElement("video");
  video.id = name;
  video.muted = true;
  video.autoplay = true;
  document.body.appendChild(video);
  const seen = { flashes: [] as number[], beeps: [] as number[], frames: [] as number[], streams: 0 };
  const all = window as unknown as { hzSeen?: Record<string, typeof seen>; hzPcs?: Record<string, RTCPeerConnection>;
    hzRegion?: Record<string, { x: number; y: number; w: number; h: number }> };
  (all.hzSeen ??= {})[name] = seen;
  (all.hzPcs ??= {})[name] = pc;
  const streams = new Set<string>();
  pc.ontrack = (event) => {
    event.streams.forEach((s) => streams.add(s.id));
    seen.streams = streams.size;
    if (event.track.kind === "audio") void listen(event.track);
    else video.srcObject = new MediaStream([event.track]);
    void video.play();
  };
  const listen = async (track: MediaStreamTrack): Promise<void> => {
    const sink = new Audio();
    sink.srcObject = new MediaStream([track]); // without an element Chromium plays nothing
    sink.muted = true;
    void sink.play();
    const audio = new AudioContext();
    await audio.resume();
    const code = `registerProcessor("ear", class extends AudioWorkletProcessor { process(inputs) {
      const x = inputs[0][0]; if (!x) return true; let top = 0, at = -1;
      for (let i = 0; i < x.length; i++) { const v = Math.abs(x[i]); if (v > 0.05 && at < 0) at = i; if (v > top) top = v; }
      if (at >= 0 && currentFrame - (this.last ?? -1e9) > sampleRate * 0.3) this.port.postMessage((currentFrame + at) / sampleRate);
      if (at >= 0) this.last = currentFrame; return true; } });`;
    await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    const ear = new AudioWorkletNode(audio, "ear");
    ear.port.onmessage = (m) => {
      seen.beeps.push(performance.now() - (audio.currentTime - (m.data as number)) * 1000);
    };
    const beep = new BiquadFilterNode(audio, { type: "bandpass", frequency: 1000, Q: 4 });
    audio.createMediaStreamSource(new MediaStream([track])).connect(beep).connect(ear).connect(audio.destination);
  };
  const canvas = document.createElement("canvas");
  canvas.width = 320;
  canvas.height = 180;
  const g = canvas.getContext("2d", { willReadFrequently: true, alpha: false }) as CanvasRenderingContext2D;
  let before = true;
  const onFrame = (now: number, meta: VideoFrameCallbackMetadata): void => {
    seen.frames.push(now);
    const at = all.hzRegion?.[name] ?? { x: 0, y: 0, w: 1, h: 1 };
    g.drawImage(video, 0, 0, 320, 180);
    // The upper half, but for its edges.
    const px = g.getImageData((at.x + at.w * 0.1) * 320, (at.y + at.h * 0.1) * 180, at.w * 0.8 * 320, at.h * 0.3 * 180).data;
    let white = 0;
    for (let i = 0; i < px.length; i += 4) if (Math.min(px[i] ?? 0, px[i + 1] ?? 0, px[i + 2] ?? 0) > 180) white++;
    const flash = white > px.length / 8;
    if (flash && !before) seen.flashes.push(meta.expectedDisplayTime);
    before = flash;
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise((done) => setTimeout(done, 300));
  const res = await fetch(url, { method: "POST", body: pc.localDescription?.sdp ?? "",
    headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` } });
  if (!res.ok) throw new Error(`whep ${name}: ${res.status}`);
  await pc.setRemoteDescription({ type: "answer", sdp: await res.text() });
}

export interface Box { x: number; y: number; w: number; h: number; age_ms: number | null }

// Where each colour is in the video, in shares of its size, and how old the clock in there is.
export function boxes(name: string, colours: string[]): { width: number; height: number; box: (Box | null)[] } {
  const video = document.getElementById(name) as HTMLVideoElement;
  const w = video.videoWidth, h = video.videoHeight;
  if (!w || !h) return { width: 0, height: 0, box: colours.map(() => null) };
  const canvas = document.createElement("canvas");
  canvas.width = w;
  canvas.height = h;
  const g = canvas.getContext("2d", { willReadFrequently: true, alpha: false }) as CanvasRenderingContext2D;
  g.drawImage(video, 0, 0);
  const now = Date.now(), px = g.getImageData(0, 0, w, h).data;
  const at = (x: number, y: number, c: number): number => px[(Math.round(y) * w + Math.round(x)) * 4 + c] ?? 0;
  const box = colours.map((colour) => {
    const want = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
    let x0 = w, y0 = h, x1 = -1, y1 = -1;
    for (let y = 0; y < h; y += 3) for (let x = 0; x < w; x += 3) {
      if (want.some((v, c) => Math.abs(at(x, y, c) - v) > 45)) continue;
      x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y);
    }
    if (x1 - x0 < 30 || y1 - y0 < 20) return null;
    let stamp = 0;
    const bw = x1 - x0 + 3, bh = y1 - y0 + 3;
    // A flashing one has no colour in its upper half now and then: the strip is found from below.
    const tall = bh > bw * 0.5 ? bh : bw * 0.5625;
    for (let i = 0; i < 16; i++) if (at(x0 + (bw * (i + 0.5)) / 16, y1 - tall * 0.25, 1) > 127) stamp |= 1 << i;
    const age = ((now & 0xffff) - stamp + 0x10000) % 0x10000;
    return { x: x0 / w, y: y0 / h, w: bw / w, h: bh / h, age_ms: age < 5000 ? age : null };
  });
  return { width: w, height: h, box };
}
