// Offers that must be refused: each spoils one place of a good offer, and the reason must name it.
#include <errno.h>

#include "tests/unit/sdp/offers.h"

static int refuse(const char *text, size_t bytes, char reason[HZ_SDP_REASON_BYTES])
{
	struct hz_sdp_offer *offer = (struct hz_sdp_offer *)1;
	int err = hz_sdp_parse_offer(text, bytes, reason, &offer);

	assert_ptr_equal(offer, 1); // untouched
	return err;
}

static const struct {
	const char *from, *to, *reason;
} cases[] = {
    {"v=0", "v=1", "no v=0"},
    {"v=0\r\n", "", "no v=0"},
    {"o=- 42 7", "o=- x 7", "malformed o= line"},
    {"o=- 42 7", "o=- -42 7", "malformed o= line"},
    {"o=- 42 7 IN", "o=- 99999999999999999999999 7 IN", "malformed o= line"},
    {"s=-\r\n", "s=-\r\n\r\n", "line is not letter=text"},
    {"s=-", "s:-", "line is not letter=text"},
    {"s=-", "s=\x01", "control character"},
    {"s=-", "s=\rx", "control character"},
    {"s=-", "y=-", "line that does not belong here"},
    {"a=mid:a\r\n", "a=mid:a\r\nt=0 0\r\n", "m-line 1: line that does not belong here"},
    {"t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", "ice-lite"},
    {"a=group:BUNDLE a v\r\n", "", "m-line 2: not in the one BUNDLE group"},
    {"BUNDLE a v", "BUNDLE a", "m-line 2: not in the one BUNDLE group"},
    {"BUNDLE a v", "BUNDLE v", "m-line 2: not in the one BUNDLE group"},
    {"BUNDLE a v", "BUNDLE a\r\na=group:BUNDLE v", "m-line 2: not in the one BUNDLE group"},
    {"BUNDLE a v", "LS a v", "m-line 2: not in the one BUNDLE group"},
    {"a=mid:v", "a=mid:a", "m-line 2: mid used twice"},
    {"a=mid:v", "a=mid:v\r\na=mid:w", "m-line 2: mid given twice"},
    {"a=mid:v", "a=mid:12345678901234567", "m-line 2: mid is not"},
    {"a=mid:v", "a=mid:v v", "m-line 2: mid is not"},
    {"a=mid:v", "a=mid:", "m-line 2: mid is not"},
    {"UDP/TLS/RTP/SAVPF 111", "RTP/AVP 111", "m-line 1: transport is not"},
    {"UDP/TLS/RTP/SAVPF 111", "UDP/TLS/RTP/SAVPF x", "m-line 1: format is not a payload type"},
    {"UDP/TLS/RTP/SAVPF 111", "UDP/TLS/RTP/SAVPF 128", "m-line 1: format is not a payload type"},
    {"UDP/TLS/RTP/SAVPF 111", "UDP/TLS/RTP/SAVPF 11\"1", "m-line 1: malformed m-line"},
    {"UDP/TLS/RTP/SAVPF 111", "UDP/TLS/RTP/SAVPF-AND-MUCH-MORE 111", "m-line 1: malformed m-line"},
    {"m=audio 9", "m=audiowithaverylongname 9", "m-line 1: malformed m-line"},
    {"m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio", "m-line 1: malformed m-line"},
    {"a=rtcp-mux\r\n", "", "m-line 1: no rtcp-mux"},
    {"a=sendonly", "a=sendonly\r\na=recvonly", "m-line 1: two directions"},
    {"a=ice-ufrag:abcd\r\n", "", "m-line 1: ice-pwd without ice-ufrag"},
    {"a=ice-pwd:0123456789012345678901\r\n", "", "m-line 1: ice-ufrag without ice-pwd"},
    {"a=ice-ufrag:abcd", "a=ice-ufrag:abc", "m-line 1: ice-ufrag is not 4 to 32"},
    {"a=ice-ufrag:abcd", "a=ice-ufrag:123456789012345678901234567890123",
     "m-line 1: ice-ufrag is not 4 to 32"},
    {"a=ice-ufrag:abcd", "a=ice-ufrag:ab:d", "m-line 1: ice-ufrag has a character"},
    {"a=ice-ufrag:abcd", "a=ice-ufrag:abcd\r\na=ice-ufrag:abcd", "m-line 1: ice-ufrag given twice"},
    {"a=ice-pwd:0123456789012345678901", "a=ice-pwd:012345678901234567890",
     "m-line 1: ice-pwd is not 22 to 64"},
    {"a=ice-pwd:0123456789012345678901", "a=ice-pwd:01234567890123456789 1",
     "m-line 1: ice-pwd has a character"},
    {"a=ice-ufrag:abcd", "a=ice-ufrag:efgh", "m-line 2: ICE credentials differ"},
    {"a=ice-pwd:0", "a=ice-pwd:X", "m-line 2: ICE credentials differ"},
    {"a=fingerprint:sha-256 00", "a=fingerprint:sha-256 FF", "m-line 2: fingerprint differs"},
    {"a=fingerprint:sha-256 " FINGERPRINT "\r\n", "", "m-line 1: no fingerprint"},
    {"a=fingerprint:sha-256", "a=fingerprint:sha-1", "m-line 1: no sha-256 fingerprint"},
    {"a=fingerprint:sha-256 00:01", "a=fingerprint:sha-256 01", "m-line 1: malformed sha-256"},
    {"a=fingerprint:sha-256 00:01", "a=fingerprint:sha-256 00-01", "m-line 1: malformed sha-256"},
    {"a=fingerprint:sha-256 00", "a=fingerprint:sha-256 0G", "m-line 1: malformed sha-256"},
    {"1E:1F", "1E:1F:20", "m-line 1: malformed sha-256"},
    {"a=setup:actpass",
     "a=fingerprint:sha-256 FF:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:"
     "17:18:19:1A:1B:1C:1D:1E:1F",
     "m-line 1: two sha-256"},
    {"a=setup:actpass", "a=setup:passive", "m-line 1: setup:passive"},
    {"a=setup:actpass", "a=setup:holdconn", "m-line 1: setup is neither"},
    {"a=setup:actpass", "a=setup:actpass\r\na=setup:active", "m-line 1: setup given twice"},
    {"m=audio 9", "m=audio 0",
     NULL}, // good: checked by the test, so that a spoiled case is not good by accident
    {"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=bundle-only\r\n",
     "m-line 1: bundle-only, but no m-line before it"},
    {"a=rtpmap:111 opus/48000/2", "a=rtpmap:111", "m-line 1: malformed rtpmap"},
    {"a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus", "m-line 1: malformed rtpmap"},
    {"a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus/-1/2", "m-line 1: malformed rtpmap"},
    {"a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus/48000/256", "m-line 1: malformed rtpmap"},
    {"a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus/48000/2\r\na=rtpmap:111 PCMU/8000",
     "m-line 1: two rtpmaps"},
    {"a=extmap:1 urn", "a=extmap:0 urn", "m-line 1: extmap id out of range"},
    {"a=extmap:1 urn", "a=extmap:256 urn", "m-line 1: extmap id out of range"},
    {"a=extmap:1 urn", "a=extmap:x urn", "m-line 1: extmap id out of range"},
    {"a=extmap:1 urn", "a=extmap:1/both urn", "m-line 1: malformed extmap direction"},
    {"a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid", "a=extmap:1", "m-line 1: extmap without URI"},
    {"a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid", "a=extmap:", "m-line 1: malformed extmap"},
    {"a=extmap:1 urn", "a=extmap:2 urn", "m-line 2: extmap id used for two"},
    {"a=extmap:1 urn", "a=extmap:3 urn", "m-line 2: mid or rid extension has another id"},
    {"a=extmap:2 urn", "a=extmap:1 urn", "m-line 2: extmap id used for two"},
    {"a=ssrc:11", "a=ssrc:21", "m-line 2: SSRC used by two m-lines"},
    {"a=ssrc:11", "a=ssrc:22", "m-line 2: SSRC used by two m-lines"},
    {"a=ssrc:11", "a=ssrc:x", "m-line 1: malformed ssrc"},
    {"a=ssrc:11", "a=ssrc:0", "m-line 1: malformed ssrc"},
    {"a=ssrc:11", "a=ssrc:4294967296", "m-line 1: malformed ssrc"},
    {"a=ssrc:11 cname:c", "a=ssrc:11 cname:c\r\na=ssrc:12 cname:c", "m-line 1: several sources"},
    {"FID 21 22", "FID 21 21", "m-line 2: ssrc-group pairs"},
    {"FID 21 22", "FID 21 x", "m-line 2: malformed ssrc-group"},
    {"FID 21 22", "", "m-line 2: malformed ssrc-group"},
    {"FID 21 22", "FID 21 1 2 3 4 5 6 7 8 9 10 12 13 14 15 16", "m-line 2: too many SSRCs"},
    {"FID 21 22", "SIM 21 31 41 51", "m-line 2: more than 3 simulcast layers"},
    {"a=ssrc:21", "a=rid:h send\r\na=simulcast:send h;l\r\na=ssrc:21",
     "m-line 2: simulcast names a rid without"},
    {"a=ssrc:21", "a=rid:h recv\r\na=simulcast:send h\r\na=ssrc:21",
     "m-line 2: simulcast names a rid without"},
    {"a=ssrc:21", "a=rid:h send\r\na=simulcast:send h;h\r\na=ssrc:21",
     "m-line 2: simulcast names a rid twice"},
    {"a=ssrc:21", "a=simulcast:send a b c\r\na=ssrc:21", "m-line 2: simulcast names a rid without"},
    {"a=ssrc:21", "a=simulcast:send\r\na=ssrc:21", "m-line 2: malformed simulcast"},
    {"a=ssrc:21", "a=simulcast:send h!\r\na=ssrc:21", "m-line 2: simulcast with a malformed rid"},
    {"a=ssrc:21", "a=simulcast:send 12345678901234567\r\na=ssrc:21",
     "m-line 2: simulcast with a malformed rid"},
    {"a=ssrc:21", "a=simulcast:send ~\r\na=ssrc:21", "m-line 2: simulcast with a malformed rid"},
    {"a=ssrc:21",
     "a=rid:a send\r\na=rid:b send\r\na=rid:c send\r\na=rid:d send\r\na=simulcast:send a;b;c;d\r\na=ssrc:21",
     "m-line 2: more than 3 simulcast layers"},
    {"a=ssrc:21", "a=simulcast:send h\r\na=simulcast:send h\r\na=ssrc:21", "m-line 2: simulcast given twice"},
    {"a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n", "a=rid:h send\r\na=simulcast:send h\r\n",
     "m-line 2: simulcast without the rtp-stream-id"},
};

static void spoiled(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = spoil(SESSION AUDIO VIDEO, cases[i].from, cases[i].to);
		char reason[HZ_SDP_REASON_BYTES] = "";

		if (!cases[i].reason) {
			hz_sdp_offer_free(parse_ok(text));
		} else {
			int err = refuse(text, strlen(text), reason);

			if (err != -EINVAL || !strstr(reason, cases[i].reason))
				print_error("case %zu (%s): %d \"%s\"\n", i, cases[i].to, err, reason);
			assert_int_equal(err, -EINVAL);
			assert_non_null(strstr(reason, cases[i].reason));
		}
		free(text);
	}
}

static void sizes(void **state)
{
	char reason[HZ_SDP_REASON_BYTES];
	size_t bytes = HZ_SDP_MAX_BYTES + 1;
	char *text = malloc(bytes);

	assert_int_equal(refuse("", 0, reason), -EINVAL);
	assert_int_equal(refuse("\r\n", 2, reason), -EINVAL);
	assert_int_equal(refuse("v=0\r\n", 5, reason), -EINVAL);
	assert_int_equal(refuse(SESSION, strlen(SESSION), reason), -EINVAL);
	assert_string_equal(reason, "no m-line");
	assert_int_equal(refuse("v=0\0\r\n", 6, reason), -EINVAL);

	memset(text, 'a', bytes);
	assert_int_equal(refuse(text, bytes, reason), -EMSGSIZE);
	assert_int_equal(refuse(text, bytes - 1, reason), -EINVAL);
	memset(text, '\n', bytes);
	assert_int_equal(refuse(text, bytes - 1, reason), -EINVAL);
	for (size_t i = 0; i + 4 <= bytes; i += 4)
		memcpy(text + i, "a=b\n", 4);
	assert_int_equal(refuse(text, bytes - 1, reason), -EINVAL);
	assert_string_equal(reason, "too many lines");
	for (size_t i = 0; i + 4 <= bytes; i += 4)
		memcpy(text + i, "m=b\n", 4);
	assert_int_equal(refuse(text, bytes - 1, reason), -EINVAL);
	assert_string_equal(reason, "m-line 65: too many m-lines");
	free(text);
}

// No cut of a good offer may crash; a cut inside a line must not be taken for more than it says.
static void every_cut(void **state)
{
	const char *text = SESSION AUDIO VIDEO;
	size_t bytes = strlen(text);

	for (size_t i = 0; i < bytes; i++) {
		char reason[HZ_SDP_REASON_BYTES];
		struct hz_sdp_offer *offer = NULL;
		char *cut = malloc(i ? i : 1); // exactly as long, so that ASan sees a read beyond
		int err;

		memcpy(cut, text, i);
		err = hz_sdp_parse_offer(cut, i, reason, &offer);
		if (i < (size_t)(strstr(text, "a=rtcp-mux") - text))
			assert_int_equal(err, -EINVAL);
		if (!err)
			assert_true(offer->media_count >= 1 && offer->media_count <= 2);
		hz_sdp_offer_free(offer);
		free(cut);
	}
}

static void all_rejected(void **state)
{
	char *one = spoil(SESSION AUDIO VIDEO, "m=audio 9", "m=audio 0");
	char *both = spoil(one, "m=video 9", "m=video 0");
	char reason[HZ_SDP_REASON_BYTES];

	assert_int_equal(refuse(both, strlen(both), reason), -EINVAL);
	assert_string_equal(reason, "every m-line is rejected");
	free(one);
	free(both);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(spoiled),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(every_cut),
	    cmocka_unit_test(all_rejected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
