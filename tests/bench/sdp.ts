// The SDP of load endpoints: offers, answers, and what hz-load must know of the other side's. A line scanner, no more.
export const PT = { opus: 111, vp8: 96, rtx: 97, h264: 102 } as const;
const EXT = { mid: 1, level: 2, twcc: 3 } as const;
const MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid";
const LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const TWCC_URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

export interface Endpoint { number: number; port: number; ufrag: string; pwd: string; audio: number; video: number; fingerprint: string }
export interface Line { kind: "audio" | "video"; send: boolean; codec?: "h264" } // of what is received; VP8 without a word

function transport(me: Endpoint, setup: string): string[] {
  return [
    "c=IN IP4 127.0.0.1", "a=rtcp-mux", "a=rtcp-rsize", `a=ice-ufrag:${me.ufrag}`, `a=ice-pwd:${me.pwd}`, `a=fingerprint:sha-256 ${me.fingerprint}`,
    `a=setup:${setup}`, `a=candidate:1 1 udp 2130706431 127.0.0.1 ${me.port} typ host`, "a=end-of-candidates",
  ];
}

const head = (mids: string[]): string[] => ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", `a=group:BUNDLE ${mids.join(" ")}`, "a=msid-semantic: WMS *"];
const feedback = (pt: number): string[] => ["nack", "nack pli", "ccm fir", "transport-cc"].map((what) => `a=rtcp-fb:${pt} ${what}`);

// m-lines numbered from 0. RTX is offered where we receive; we repeat what we send as it was.
export function makeOffer(me: Endpoint, lines: Line[], setup: "actpass" | "active" = "actpass"): string {
  const out = head(lines.map((_, i) => String(i)));
  lines.forEach((line, i) => {
    const rtx = line.kind === "video" && !line.send, pt = PT[line.codec ?? "vp8"];
    out.push(line.kind === "audio" ? `m=audio 9 UDP/TLS/RTP/SAVPF ${PT.opus}` : `m=video 9 UDP/TLS/RTP/SAVPF ${pt}${rtx ? ` ${PT.rtx}` : ""}`);
    out.push(...transport(me, setup), `a=mid:${i}`, line.send ? "a=sendonly" : "a=recvonly", `a=extmap:${EXT.mid} ${MID_URI}`, `a=extmap:${EXT.twcc} ${TWCC_URI}`);
    if (line.kind === "audio") out.push(`a=rtpmap:${PT.opus} opus/48000/2`, `a=fmtp:${PT.opus} minptime=10;useinbandfec=1`, `a=rtcp-fb:${PT.opus} transport-cc`, `a=extmap:${EXT.level} ${LEVEL_URI}`);
    else if (line.codec === "h264") out.push(`a=rtpmap:${pt} H264/90000`, `a=fmtp:${pt} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f`, ...feedback(pt));
    else out.push(`a=rtpmap:${pt} VP8/90000`, ...feedback(pt));
    if (rtx) out.push(`a=rtpmap:${PT.rtx} rtx/90000`, `a=fmtp:${PT.rtx} apt=${pt}`);
    if (line.send) out.push(`a=msid:load load${i}`, `a=ssrc:${line.kind === "audio" ? me.audio : me.video} cname:load`);
  });
  return [...out, ""].join("\r\n");
}

export interface Section { kind: string; mid: string; pts: string[]; rtpmap: Map<string, string>; apt: Map<string, string>; ext: Map<string, string>; fid?: [number, number]; ssrcs: number[] }
export interface Remote { ufrag: string; pwd: string; setup: string; address: string; sections: Section[] }

export function readSdp(sdp: string): Remote {
  const remote: Remote = { ufrag: "", pwd: "", setup: "", address: "", sections: [] };
  let section: Section | undefined;
  for (const line of sdp.split(/\r?\n/)) {
    let m: RegExpExecArray | null;
    if ((m = /^m=(\w+) \d+ \S+ (.*)$/.exec(line))) {
      section = { kind: m[1] ?? "", mid: "", pts: (m[2] ?? "").split(" "), rtpmap: new Map(), apt: new Map(), ext: new Map(), ssrcs: [] };
      remote.sections.push(section);
    } else if ((m = /^a=ice-ufrag:(\S+)/.exec(line))) remote.ufrag = m[1] ?? "";
    else if ((m = /^a=ice-pwd:(\S+)/.exec(line))) remote.pwd = m[1] ?? "";
    else if ((m = /^a=setup:(\S+)/.exec(line))) remote.setup = m[1] ?? "";
    else if ((m = /^a=candidate:\S+ 1 (?:udp|UDP) \d+ ([\d.]+) (\d+) typ host/.exec(line))) remote.address ||= `${m[1]}:${m[2]}`;
    else if (!section) continue;
    else if ((m = /^a=mid:(\S+)/.exec(line))) section.mid = m[1] ?? "";
    else if ((m = /^a=rtpmap:(\d+) ([^/]+)/.exec(line))) section.rtpmap.set(m[1] ?? "", (m[2] ?? "").toLowerCase());
    else if ((m = /^a=fmtp:(\d+) .*apt=(\d+)/.exec(line))) section.apt.set(m[2] ?? "", m[1] ?? "");
    else if ((m = /^a=extmap:(\d+)\S* (\S+)/.exec(line))) section.ext.set(m[2] ?? "", m[1] ?? "");
    else if ((m = /^a=ssrc-group:FID (\d+) (\d+)/.exec(line))) section.fid = [Number(m[2]), Number(m[1])];
    else if ((m = /^a=ssrc:(\d+)/.exec(line))) section.ssrcs.push(Number(m[1]));
  }
  return remote;
}

const ptOf = (section: Section | undefined, codec: string): string | undefined => section?.pts.find((pt) => section.rtpmap.get(pt) === codec);

// The answer to a server's offer of streams to receive.
export function makeAnswer(me: Endpoint, remote: Remote): string {
  const out = head(remote.sections.map((s) => s.mid));
  for (const s of remote.sections) {
    const pt = ptOf(s, s.kind === "audio" ? "opus" : "vp8") ?? s.pts[0] ?? "0";
    const rtx = s.apt.get(pt);
    out.push(`m=${s.kind} 9 UDP/TLS/RTP/SAVPF ${pt}${rtx ? ` ${rtx}` : ""}`, ...transport(me, "active"), `a=mid:${s.mid}`, "a=recvonly");
    for (const uri of [MID_URI, TWCC_URI]) if (s.ext.has(uri)) out.push(`a=extmap:${s.ext.get(uri)} ${uri}`);
    out.push(`a=rtpmap:${pt} ${s.kind === "audio" ? "opus/48000/2" : "VP8/90000"}`, ...(s.kind === "video" ? feedback(Number(pt)) : [`a=rtcp-fb:${pt} transport-cc`]));
    if (rtx) out.push(`a=rtpmap:${rtx} rtx/90000`, `a=fmtp:${rtx} apt=${pt}`);
  }
  return [...out, ""].join("\r\n");
}

// The words of hz-load's "connect" for this other side. `sent`: our lines, when we offered; undefined when we answered.
export function connectWords(remote: Remote, startUs: number, sent?: Line[]): string {
  if (!remote.address) throw new Error("no candidate in the server's SDP");
  const words = [
    `role=${sent ? "controlling" : "controlled"}`, `dtls=${remote.setup === "active" ? "server" : "client"}`,
    `ufrag=${remote.ufrag}`, `pwd=${remote.pwd}`, `addr=${remote.address}`, `start=${startUs}`,
  ];
  (sent ?? []).forEach((line, i) => { if (line.send) words.push(`${line.kind}=${line.kind === "audio" ? PT.opus : PT.vp8},${i}`); });
  const sending = remote.sections.find((_, i) => sent?.[i]?.send);
  if (sending) {
    if (sending.ext.has(MID_URI)) words.push(`mid=${EXT.mid}`);
    if (sending.ext.has(TWCC_URI)) words.push(`twcc=${EXT.twcc}`);
    words.push(`level=${EXT.level}`);
  }
  const receiving = remote.sections.filter((_, i) => !sent?.[i]?.send);
  const video = receiving.find((s) => s.kind === "video");
  const pt = ptOf(video, "h264") ?? ptOf(video, "vp8");
  if (video && pt) {
    words.push(`rvideo=${pt}`);
    if (video.apt.has(pt)) words.push(`rrtx=${video.apt.get(pt)}`);
  }
  const twcc = receiving.find((s) => s.ext.has(TWCC_URI))?.ext.get(TWCC_URI);
  if (twcc) words.push(`rtwcc=${twcc}`);
  for (const s of receiving) if (s.fid) words.push(`fid=${s.fid[0]}:${s.fid[1]}`);
  return words.join(" ");
}
