#include "tests/peer/offer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
	char *buf;
	size_t cap, used;
};

static void add(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text->buf + text->used, text->cap - text->used, fmt, ap);
	va_end(ap);
	text->used = n < 0 || (size_t)n >= text->cap - text->used ? text->cap - 1 : text->used + (size_t)n;
}

static void add_transport(struct text *text, const struct hz_offer_params *p, const char *mid)
{
	add(text, "c=IN IP4 0.0.0.0\r\na=mid:%s\r\na=%s\r\na=rtcp-mux\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n",
	    mid, p->publish ? "sendonly" : "recvonly", p->ufrag, p->pwd);
	add(text, "a=fingerprint:sha-256 %s\r\na=setup:actpass\r\n", p->fingerprint);
	add(text, "a=extmap:%d urn:ietf:params:rtp-hdrext:sdes:mid\r\n", PEER_EXT_MID);
	add(text, "a=extmap:%d http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n",
	    PEER_EXT_TWCC);
}

static void add_video(struct text *text, const struct hz_offer_params *p)
{
	add(text, "m=video 9 UDP/TLS/RTP/SAVPF %d %d\r\n", PEER_PT_VIDEO, PEER_PT_RTX);
	add_transport(text, p, "1");
	add(text, "a=rtpmap:%d %s/90000\r\n", PEER_PT_VIDEO, p->vp8 ? "VP8" : "H264");
	if (!p->vp8)
		add(text,
		    "a=fmtp:%d level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n",
		    PEER_PT_VIDEO);
	add(text, "a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", PEER_PT_RTX, PEER_PT_RTX, PEER_PT_VIDEO);
	add(text,
	    "a=rtcp-fb:%d nack\r\na=rtcp-fb:%d nack pli\r\na=rtcp-fb:%d ccm fir\r\na=rtcp-fb:%d "
	    "transport-cc\r\n",
	    PEER_PT_VIDEO, PEER_PT_VIDEO, PEER_PT_VIDEO, PEER_PT_VIDEO);
	if (!p->publish)
		return;
	if (p->layers > 1) {
		add(text, "a=extmap:%d urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n", PEER_EXT_RID);
		static const char *const rids[] = {"l", "m", "h"};
		for (unsigned i = 0; i < p->layers && i < 3; i++)
			add(text, "a=rid:%s send\r\n", rids[i]);
		add(text, "a=simulcast:send l%s%s\r\n", p->layers > 1 ? ";m" : "", p->layers > 2 ? ";h" : "");
		return;
	}
	add(text, "a=ssrc-group:FID %u %u\r\na=ssrc:%u cname:peer\r\na=ssrc:%u cname:peer\r\n", p->video_ssrc,
	    p->rtx_ssrc, p->video_ssrc, p->rtx_ssrc);
}

int hz_offer_build(const struct hz_offer_params *p, char *buf, size_t cap)
{
	struct text text = {.buf = buf, .cap = cap};
	add(&text, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 "
	           "1\r\na=msid-semantic: WMS *\r\n");
	add(&text, "m=audio 9 UDP/TLS/RTP/SAVPF %d\r\n", PEER_PT_OPUS);
	add_transport(&text, p, "0");
	add(&text, "a=rtpmap:%d opus/48000/2\r\na=fmtp:%d minptime=10;useinbandfec=1\r\n", PEER_PT_OPUS,
	    PEER_PT_OPUS);
	add(&text, "a=rtcp-fb:%d transport-cc\r\n", PEER_PT_OPUS);
	add(&text, "a=extmap:%d urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n", PEER_EXT_AUDIO_LEVEL);
	if (p->publish)
		add(&text, "a=ssrc:%u cname:peer\r\n", p->audio_ssrc);
	add_video(&text, p);
	return text.used >= text.cap - 1 ? -ENOBUFS : 0;
}

static int read_fingerprint(const char *hex, uint8_t ret[HZ_FINGERPRINT_BYTES])
{
	for (int i = 0; i < HZ_FINGERPRINT_BYTES; i++) {
		unsigned byte;
		if (sscanf(hex, "%2x", &byte) != 1)
			return -EBADMSG;
		ret[i] = (uint8_t)byte;
		hex += 3;
	}
	return 0;
}

static void read_candidate(const char *line, struct hz_offer_answer *ret)
{
	char protocol[8], address[64];
	unsigned component, port;
	if (sscanf(line, "a=candidate:%*s %u %7s %*u %63s %u", &component, protocol, address, &port) != 4)
		return;
	bool tcp = strcasecmp(protocol, "tcp") == 0 && strstr(line, " tcptype passive");
	struct sockaddr_in6 *at = tcp ? &ret->tcp_address : &ret->address;
	if (at->sin6_port != 0 || (!tcp && strcasecmp(protocol, "udp") != 0))
		return;
	char mapped[80];
	snprintf(mapped, sizeof(mapped), "%s%s", strchr(address, ':') ? "" : "::ffff:", address);
	if (inet_pton(AF_INET6, mapped, &at->sin6_addr) != 1)
		return;
	at->sin6_family = AF_INET6;
	at->sin6_port = htons((uint16_t)port);
}

static void read_ssrc(const char *line, bool video, struct hz_offer_answer *ret)
{
	unsigned first, second;
	if (sscanf(line, "a=ssrc-group:FID %u %u", &first, &second) == 2) {
		ret->video_ssrc = first;
		ret->rtx_ssrc = second;
	} else if (sscanf(line, "a=ssrc:%u", &first) == 1) {
		uint32_t *at = video ? &ret->video_ssrc : &ret->audio_ssrc;
		if (*at == 0)
			*at = first;
	}
}

int hz_offer_read_answer(const char *sdp, struct hz_offer_answer *ret)
{
	struct hz_offer_answer answer = {0};
	bool video = false, fingerprint = false;
	for (const char *line = sdp; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		if (strncmp(line, "m=video", 7) == 0) {
			video = true;
			answer.video_rejected = strncmp(line, "m=video 0", 9) == 0;
		}
		if (sscanf(line, "a=ice-ufrag:%32[^\r\n]", answer.ufrag) == 1 ||
		    sscanf(line, "a=ice-pwd:%64[^\r\n]", answer.pwd) == 1)
			continue;
		if (strncmp(line, "a=fingerprint:sha-256 ", 22) == 0)
			fingerprint = read_fingerprint(line + 22, answer.fingerprint) == 0;
		read_candidate(line, &answer);
		read_ssrc(line, video, &answer);
	}
	if (!answer.ufrag[0] || !answer.pwd[0] || !fingerprint || answer.address.sin6_port == 0)
		return -EBADMSG;
	*ret = answer;
	return 0;
}
