// A VideoRoom client as an application would write it: one session over WebSocket, one handle, simulcast as in Janus' own
// demo. When ICE is down, or nothing comes any more, it claims its session over a new socket and restarts ICE.
interface Reply { janus: string; transaction?: string; data?: { id: number }; jsep?: RTCSessionDescriptionInit; plugindata?: { data: Record<string, unknown> }; error?: { reason: string } }

const ENCODINGS: RTCRtpEncodingParameters[] = [
  { rid: "h", maxBitrate: 900_000 },
  { rid: "m", maxBitrate: 300_000, scaleResolutionDownBy: 2 },
  { rid: "l", maxBitrate: 100_000, scaleResolutionDownBy: 4 },
];
const PATIENCE_MS = 3000; // nothing for so long: restart

export class JanusClient {
  connection: RTCPeerConnection = new RTCPeerConnection();
  private socket: WebSocket | undefined;
  private session = 0;
  private handle = 0;
  private next = 1;
  private trouble: ReturnType<typeof setTimeout> | undefined;
  private readonly waiting = new Map<string, { done: (r: Reply) => void; fail: (e: Error) => void; event: boolean }>();

  constructor(private readonly url: string, private readonly room: number) {}

  private async open(): Promise<void> {
    this.socket?.close();
    const socket = new WebSocket(this.url, "janus-protocol");
    socket.onmessage = (m) => this.receive(JSON.parse(String(m.data)) as Reply);
    await new Promise<void>((done, fail) => { socket.onopen = () => done(); socket.onerror = () => fail(new Error("socket")); });
    this.socket = socket;
  }

  private receive(reply: Reply): void {
    const w = this.waiting.get(reply.transaction ?? "");
    if (!w || (reply.janus === "ack" && w.event)) return;
    this.waiting.delete(reply.transaction ?? "");
    const problem = reply.error?.reason ?? reply.plugindata?.data["error"];
    if (problem) w.fail(new Error(`janus: ${String(problem)}`));
    else w.done(reply);
  }

  private call(body: Record<string, unknown>, event = false): Promise<Reply> {
    const transaction = `t${this.next++}`;
    const ids = { ...(this.session ? { session_id: this.session } : {}), ...(this.handle ? { handle_id: this.handle } : {}) };
    return new Promise((done, fail) => {
      this.waiting.set(transaction, { done, fail, event });
      this.socket?.send(JSON.stringify({ ...body, ...ids, transaction }));
      setTimeout(() => { if (this.waiting.delete(transaction)) fail(new Error("janus: no answer")); }, 15000);
    });
  }

  private message(body: Record<string, unknown>, jsep?: RTCSessionDescriptionInit): Promise<Reply> {
    return this.call({ janus: "message", body, ...(jsep ? { jsep } : {}) }, true);
  }

  private async start(): Promise<void> {
    await this.open();
    this.session = (await this.call({ janus: "create" })).data?.id ?? 0;
    this.handle = (await this.call({ janus: "attach", plugin: "janus.plugin.videoroom" })).data?.id ?? 0;
    setInterval(() => { this.socket?.send(JSON.stringify({ janus: "keepalive", session_id: this.session, transaction: "k" })); }, 25000);
    this.connection.onicecandidate = (e) => { this.socket?.send(JSON.stringify({ janus: "trickle", session_id: this.session, handle_id: this.handle, transaction: "c", candidate: e.candidate ?? { completed: true } })); };
    this.connection.oniceconnectionstatechange = () => this.watch();
    setInterval(() => void this.listen(), 1000);
  }

  private heard = -1;
  private quietSince = 0;
  // After a change of address ICE may stay "connected" by the browser's checks while the server sends to the old place.
  private async listen(): Promise<void> {
    let now = 0;
    (await this.connection.getStats()).forEach((r: Record<string, unknown>) => {
      if (r["type"] === "inbound-rtp") now += Number(r["packetsReceived"] ?? 0);
      if (r["type"] === "remote-inbound-rtp") now += Number(r["timestamp"] ?? 0);
    });
    if (now !== this.heard) this.quietSince = Date.now();
    this.heard = now;
    if (now === 0 || Date.now() - this.quietSince < PATIENCE_MS) return;
    this.quietSince = Date.now() + 5000; // before the next attempt
    void this.recover();
  }

  private watch(): void {
    const state = this.connection.iceConnectionState;
    clearTimeout(this.trouble);
    if (state === "failed") void this.recover();
    if (state === "disconnected") this.trouble = setTimeout(() => void this.recover(), PATIENCE_MS);
  }

  private restart: () => Promise<void> = () => Promise.resolve();
  private async recover(): Promise<void> {
    try {
      await this.open();
      const handle = this.handle;
      this.handle = 0;
      await this.call({ janus: "claim" }).finally(() => { this.handle = handle; });
      await this.restart();
    } catch (error) {
      console.log(`recovery: ${String(error)}`);
      this.trouble = setTimeout(() => { if (this.connection.iceConnectionState !== "connected") void this.recover(); }, 1000);
    }
  }

  async publish(tracks: MediaStreamTrack[]): Promise<void> {
    await this.start();
    await this.message({ request: "join", ptype: "publisher", room: this.room, id: 1 });
    const streams = [new MediaStream(tracks)];
    for (const track of tracks) this.connection.addTransceiver(track, { direction: "sendonly", streams, ...(track.kind === "video" ? { sendEncodings: ENCODINGS } : {}) });
    const offer = async (request: string, options?: RTCOfferOptions): Promise<void> => {
      await this.connection.setLocalDescription(await this.connection.createOffer(options));
      const reply = await this.message({ request }, { type: "offer", sdp: this.connection.localDescription?.sdp ?? "" });
      if (reply.jsep) await this.connection.setRemoteDescription(reply.jsep);
    };
    this.restart = () => offer("configure", { iceRestart: true });
    await offer("publish");
  }

  async watchFeed(onTrack: (track: MediaStreamTrack) => void): Promise<void> {
    await this.start();
    this.connection.ontrack = (e) => onTrack(e.track);
    const answer = async (reply: Reply): Promise<void> => {
      if (!reply.jsep) throw new Error("janus: no offer");
      await this.connection.setRemoteDescription(reply.jsep);
      await this.connection.setLocalDescription(await this.connection.createAnswer());
      await this.message({ request: "start" }, { type: "answer", sdp: this.connection.localDescription?.sdp ?? "" });
    };
    this.restart = async () => answer(await this.message({ request: "configure", restart: true }));
    await answer(await this.message({ request: "join", ptype: "subscriber", room: this.room, streams: [{ feed: 1 }] }));
  }
}
