// Offers for the tests: real ones from the fuzz corpus, and one small offer to be spoiled.
#ifndef HZ_TESTS_SDP_OFFERS_H
#define HZ_TESTS_SDP_OFFERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/sdp/offer.h"

#define FINGERPRINT                                                                                          \
	"00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"

#define TRANSPORT                                                                                            \
	"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"                                           \
	"a=fingerprint:sha-256 " FINGERPRINT "\r\na=setup:actpass\r\n"

#define SESSION "v=0\r\no=- 42 7 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a v\r\n"

#define AUDIO                                                                                                \
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n" TRANSPORT                                  \
	"a=mid:a\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendonly\r\na=rtcp-mux\r\n"          \
	"a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=ssrc:11 cname:c\r\n"

#define VIDEO                                                                                                \
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\n" TRANSPORT                                \
	"a=mid:v\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"                                      \
	"a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=sendonly\r\na=rtcp-mux\r\n"           \
	"a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"        \
	"a=ssrc-group:FID 21 22\r\na=ssrc:21 cname:c\r\na=ssrc:22 cname:c\r\n"

static inline char *read_corpus(const char *name)
{
	char path[512];
	char *text = calloc(1, 65536);
	FILE *file;

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/sdp/%s.sdp", HZ_SOURCE_DIR, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

static inline struct hz_sdp_offer *parse_ok(const char *sdp)
{
	char reason[HZ_SDP_REASON_BYTES];
	struct hz_sdp_offer *offer = NULL;
	int err = hz_sdp_parse_offer(sdp, strlen(sdp), reason, &offer);

	if (err)
		print_error("refused: %s\n", reason);
	assert_int_equal(err, 0);
	return offer;
}

static inline struct hz_sdp_offer *parse_corpus(const char *name)
{
	char *text = read_corpus(name);
	struct hz_sdp_offer *offer = parse_ok(text);

	free(text);
	return offer;
}

// A copy of text with the first `from` replaced by `to`; `from` must be there. free() it.
static inline char *spoil(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *out = calloc(1, strlen(text) + strlen(to) + 1);

	assert_non_null(at);
	memcpy(out, text, (size_t)(at - text));
	strcat(out, to);
	strcat(out, at + strlen(from));
	return out;
}

#endif
