// Offers as a browser writes them, from a few words: "mic:0:send cam:1:send:h264,vp8 a:2:recv v:3:recv:vp8".
#ifndef HZ_TESTS_UNIT_SESSION_OFFERS_H
#define HZ_TESTS_UNIT_SESSION_OFFERS_H

#include "tests/unit/session/rig.h"

#define OFFER_BYTES 65536

struct offer_spec {
	const char *
	    lines; // kind:mid:direction[:codecs[:extra]] ...; kind begins with a or m (audio), v or c (video)
	unsigned session;  // o= and, with it, the certificate
	const char *ufrag; // NULL: "ufrg"
};

static inline void offer_add(char *sdp, const char *text)
{
	assert_true(strlen(sdp) + strlen(text) + 1 < OFFER_BYTES);
	strcat(sdp, text);
}

static inline void offer_codec(char *sdp, const char *name, int pt, const char *fmtp)
{
	char text[600];
	snprintf(text, sizeof(text),
	         "a=rtpmap:%d %s/90000\r\na=rtcp-fb:%d nack\r\na=rtcp-fb:%d nack pli\r\na=rtcp-fb:%d "
	         "transport-cc\r\n%s"
	         "a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n",
	         pt, name, pt, pt, pt, fmtp, pt + 1, pt + 1, pt);
	offer_add(sdp, text);
}

static inline void offer_line(char *sdp, const struct offer_spec *spec, char *word)
{
	char text[600], *save = NULL;
	const char *kind = strtok_r(word, ":", &save), *mid = strtok_r(NULL, ":", &save);
	const char *direction = strtok_r(NULL, ":", &save), *codecs = strtok_r(NULL, ":", &save);
	const char *extra = strtok_r(NULL, ":", &save);
	bool audio = kind[0] == 'a' || kind[0] == 'm';
	codecs = codecs && codecs[0] && strcmp(codecs, "-") ? codecs : audio ? "opus" : "h264,high,vp8";
	snprintf(text, sizeof(text),
	         "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n",
	         audio ? "audio" : "video",
	         !audio && strstr(codecs, "fec") ? "96 97 98 99 100 101 102 103 104"
	         : !audio                        ? "96 97 98 99 100 101"
	         : strstr(codecs, "red")         ? "63 111"
	         : strstr(codecs, "later")       ? "111 63"
	         : strstr(codecs, "opus")        ? "111"
	                                         : "8");
	offer_add(sdp, text);
	snprintf(text, sizeof(text),
	         "a=ice-ufrag:%s\r\na=ice-pwd:passwordpasswordpassword%02u\r\na=fingerprint:sha-256 ",
	         spec->ufrag ? spec->ufrag : "ufrg", spec->session % 100);
	offer_add(sdp, text);
	for (int i = 0; i < 32; i++) {
		snprintf(text, sizeof(text), "%02X%s", (spec->session + (unsigned)i) & 0xff,
		         i < 31 ? ":" : "\r\n");
		offer_add(sdp, text);
	}
	snprintf(text, sizeof(text),
	         "a=setup:actpass\r\na=mid:%s\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
	         "a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
	         "a=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
	         mid,
	         strcmp(direction, "send") == 0   ? "sendonly"
	         : strcmp(direction, "recv") == 0 ? "recvonly"
	                                          : direction);
	offer_add(sdp, text);
	if (audio && (strstr(codecs, "red") || strstr(codecs, "later")))
		offer_add(sdp, "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n");
	if (audio && strstr(codecs, "opus"))
		offer_add(sdp, "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n");
	if (strstr(codecs, "h264"))
		offer_codec(
		    sdp, "H264", 96,
		    "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n");
	if (strstr(codecs, "high"))
		offer_codec(
		    sdp, "H264", 98,
		    "a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f\r\n");
	if (strstr(codecs, "vp8"))
		offer_codec(sdp, "VP8", 100, "");
	if (strstr(codecs, "fec"))
		offer_add(sdp, "a=rtpmap:102 red/90000\r\na=rtpmap:104 ulpfec/90000\r\n");
	if (strstr(codecs, "fecrtx"))
		offer_add(sdp, "a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n");
	if (extra && strcmp(extra, "sim") == 0)
		offer_add(sdp, "a=rid:h send\r\na=rid:m send\r\na=rid:l send\r\na=simulcast:send h;m;l\r\n");
}

static inline const char *offer_sdp(struct offer_spec spec)
{
	static char sdp[OFFER_BYTES];
	char lines[4096], bundle[4096] = "a=group:BUNDLE", body[600], *save = NULL;
	snprintf(sdp, sizeof(sdp), "v=0\r\no=- %u 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
	         spec.session ? spec.session : 77);
	snprintf(lines, sizeof(lines), "%s", spec.lines);
	for (char *word = strtok_r(lines, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		const char *mid = strchr(word, ':') + 1;
		snprintf(body, sizeof(body), " %.*s", (int)strcspn(mid, ":"), mid);
		strcat(bundle, body);
	}
	offer_add(sdp, bundle);
	offer_add(sdp, "\r\na=msid-semantic: WMS *\r\n");
	save = NULL;
	snprintf(lines, sizeof(lines), "%s", spec.lines);
	for (char *word = strtok_r(lines, " ", &save); word; word = strtok_r(NULL, " ", &save))
		offer_line(sdp, &spec, word);
	return sdp;
}

// publish: "0:microphone 1:camera"
static inline json_t *offer_params(struct offer_spec spec, const char *publish)
{
	json_t *list = json_array();
	char words[1024], *save = NULL;
	snprintf(words, sizeof(words), "%s", publish);
	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *source = strchr(word, ':');
		*source++ = '\0';
		json_array_append_new(list, json_pack("{s:s, s:s}", "mid", word, "source", source));
	}
	return json_pack("{s:s, s:o}", "sdp", offer_sdp(spec), "publish", list);
}

// The answer's SDP, or NULL.
static inline const char *offer_make(struct rig *rig, struct rig_socket *s, struct offer_spec spec,
                                     const char *publish)
{
	json_t *answer = rig_call(rig, s, "offer", offer_params(spec, publish));
	return json_string_value(json_object_get(json_object_get(answer, "result"), "sdp"));
}

#define PUBLISH_BOTH "mic:0:send cam:1:send a:2:recv v:3:recv"

static inline const char *offer_both(struct rig *rig, struct rig_socket *s)
{
	const char *sdp =
	    offer_make(rig, s, (struct offer_spec){.lines = PUBLISH_BOTH}, "0:microphone 1:camera");
	rig_result(s->answer);
	return sdp;
}

static inline json_t *subscribe_item(const char *mid, const char *track)
{
	return json_pack("{s:[{s:s, s:s?, s:s}]}", "items", "mid", mid, "track", track, "quality",
	                 track ? "high" : "off");
}

#endif
