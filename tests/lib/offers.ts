// Offers for tests that need none of the media: syntactically whole, never connected.
export function offer(direction: "sendonly" | "recvonly" = "sendonly", codec = "H264"): string {
  const transport = (mid: number): string[] => [
    "c=IN IP4 0.0.0.0", `a=mid:${mid}`, `a=${direction}`, "a=rtcp-mux", "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx",
    `a=fingerprint:sha-256 ${Array(32).fill("AB").join(":")}`, "a=setup:actpass", "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid",
  ];
  return [
    "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111", ...transport(0), "a=rtpmap:111 opus/48000/2",
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97", ...transport(1), `a=rtpmap:96 ${codec}/90000`,
    ...(codec === "H264" ? ["a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"] : []),
    "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", "a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli", "",
  ].join("\r\n");
}
