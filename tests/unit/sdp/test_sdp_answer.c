// Answers: what they say, that they fit the offer, and that wrong ones are not written.
#include <errno.h>

#include "signaling/sdp/answer.h"
#include "tests/unit/sdp/offers.h"

static const struct hz_sdp_candidate candidates[] = {{"192.0.2.7", 20000, false, 0},
                                                     {"2001:db8::7", 20000, false, 0}};
static uint8_t fingerprint[HZ_FINGERPRINT_BYTES] = {0xab, 0x01};

static struct hz_sdp_answer_params params_for(const struct hz_sdp_offer *offer,
                                              struct hz_sdp_answer_media *media)
{
	struct hz_sdp_answer_params params = {
	    .session_id = 1234567,
	    .session_version = 3,
	    .ufrag = "HzUfrag1",
	    .pwd = "HzPassword0123456789abcd",
	    .fingerprint = fingerprint,
	    .candidates = candidates,
	    .candidate_count = 2,
	    .media = media,
	    .media_count = offer->media_count,
	};

	return params;
}

static const char *const tracks[] = {"t0", "t1", "t2", "t3", "t4"};

// Takes what they send, sends on what they receive, first codec each.
static void accept_all(const struct hz_sdp_offer *offer, struct hz_sdp_answer_media *media)
{
	for (unsigned i = 0; i < offer->media_count; i++) {
		const struct hz_sdp_media *m = &offer->media[i];

		if (m->rejected || !m->codec_count)
			continue;
		media[i].accept = true;
		media[i].codec_count = 1;
		media[i].simulcast = m->rid_count > 0;
		media[i].direction = m->direction & HZ_SDP_SENDONLY    ? HZ_SDP_RECVONLY
		                     : m->direction == HZ_SDP_RECVONLY ? HZ_SDP_SENDONLY
		                                                       : HZ_SDP_INACTIVE;
		if (media[i].direction == HZ_SDP_SENDONLY) {
			media[i].ssrc = 1000 + 2 * i;
			media[i].rtx_ssrc = 1001 + 2 * i;
			media[i].cname = "hz";
			media[i].stream = "slot";
			media[i].track = tracks[i];
		}
	}
}

static char *build(const struct hz_sdp_offer *offer, struct hz_sdp_answer_media *media)
{
	struct hz_sdp_answer_params params = params_for(offer, media);
	char *text = NULL;

	assert_int_equal(hz_sdp_build_answer(offer, &params, &text), 0);
	return text;
}

// The text of m-line `index` (from 0), up to the next. free() it.
static char *section(const char *answer, unsigned index)
{
	const char *start = strstr(answer, "\r\nm="), *end;

	while (start && index--)
		start = strstr(start + 1, "\r\nm=");
	if (!start) // an assertion alone does not tell the compiler
		fail_msg("no m-line");
	end = start ? strstr(start + 4, "\r\nm=") : NULL;
	return !start ? NULL : end ? strndup(start, (size_t)(end - start) + 2) : strdup(start);
}

static void has(const char *text, const char *line)
{
	char want[512];

	snprintf(want, sizeof want, "\r\n%s\r\n", line);
	if (!strstr(text, want))
		print_error("no \"%s\" in:%s\n", line, text);
	assert_non_null(strstr(text, want));
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		print_error("\"%s\" in:%s\n", part, text);
	assert_null(strstr(text, part));
}

static void small(void **state)
{
	struct hz_sdp_offer *o = parse_ok(SESSION AUDIO VIDEO);
	struct hz_sdp_answer_media media[2] = {0};
	char *text, *audio, *video;

	accept_all(o, media);
	text = build(o, media);
	assert_memory_equal(text, "v=0\r\no=- 1234567 3 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", 48);
	has(text, "a=ice-lite");
	has(text, "a=group:BUNDLE a v");
	audio = section(text, 0);
	video = section(text, 1);
	has(audio, "m=audio 20000 UDP/TLS/RTP/SAVPF 111");
	has(audio, "c=IN IP4 192.0.2.7");
	has(audio, "a=ice-ufrag:HzUfrag1");
	has(audio, "a=ice-pwd:HzPassword0123456789abcd");
	has(audio, "a=fingerprint:sha-256 "
	           "AB:01:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"
	           "00:00:00:00:00:00");
	has(audio, "a=setup:passive");
	has(audio, "a=rtcp-mux");
	has(audio, "a=recvonly");
	has(audio, "a=candidate:1 1 udp 2130706431 192.0.2.7 20000 typ host");
	has(audio, "a=candidate:2 1 udp 2130706175 2001:db8::7 20000 typ host");
	has(audio, "a=end-of-candidates");
	has(audio, "a=rtpmap:111 opus/48000/2");
	has(audio, "a=fmtp:111 minptime=10;useinbandfec=1");
	has(audio, "a=mid:a");
	has(audio, "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid");
	has_not(audio, "a=ssrc");
	has_not(audio, "rtcp-rsize"); // not offered
	has(video, "m=video 20000 UDP/TLS/RTP/SAVPF 96 97");
	has(video, "a=rtcp-fb:96 nack");
	has_not(video, "nack pli");
	has(video, "a=rtpmap:97 rtx/90000");
	has(video, "a=fmtp:97 apt=96");
	has_not(video, "a=candidate");
	free(audio);
	free(video);
	free(text);
	hz_sdp_offer_free(o);
}

static void browsers(void **state)
{
	static const char *const files[] = {"chromium", "firefox"};

	for (int i = 0; i < 2; i++) {
		struct hz_sdp_offer *o = parse_corpus(files[i]);
		struct hz_sdp_answer_media media[5] = {0};
		char *text, *part;

		accept_all(o, media);
		text = build(o, media);
		has(text, "a=group:BUNDLE 0 1 2 3"); // not the data channel
		part = section(text, 1);
		has(part, "a=recvonly");
		has(part, "a=rtcp-rsize");
		(i == 0 ? has : has_not)(part, "a=rtcp-xr:rcvr-rtt=all"); // as offered
		has_not(part, "goog-remb");                               // transport-cc was offered
		has_not(part, "a=msid");
		free(part);
		part = section(text, 3);
		has(part, "a=sendonly");
		has(part, "a=msid:slot t3");
		has(part, "a=ssrc-group:FID 1006 1007");
		has(part, "a=ssrc:1006 cname:hz");
		has(part, "a=ssrc:1007 cname:hz");
		free(part);
		part = section(text, 2);
		has(part, "a=ssrc:1004 cname:hz");
		has_not(part, "FID"); // no RTX offered for audio
		free(part);
		part = section(text, 4);
		has(part, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel");
		has(part, "a=mid:4");
		has_not(part, "ice-ufrag");
		free(part);
		free(text);
		hz_sdp_offer_free(o);
	}
}

static void extension_directions(void **state)
{
	struct hz_sdp_offer *o = parse_corpus("firefox");
	struct hz_sdp_answer_media media[5] = {0};
	char *text, *part;

	accept_all(o, media);
	text = build(o, media);
	part = section(text, 3);
	has(part, "a=extmap:6/sendonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay");
	has_not(part, "toffset");
	free(part);
	free(text);
	hz_sdp_offer_free(o);
}

static void simulcast(void **state)
{
	struct hz_sdp_offer *o = parse_corpus("firefox-simulcast");
	struct hz_sdp_answer_media media[1] = {0};
	char *text;

	accept_all(o, media);
	text = build(o, media);
	has(text, "a=rid:l recv");
	has(text, "a=rid:h recv");
	has(text, "a=simulcast:recv l;m;h");
	has(text, "a=extmap:9/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id");
	free(text);
	media[0].simulcast = false;
	text = build(o, media);
	has_not(text, "simulcast");
	has_not(text, "a=rid");
	free(text);
	hz_sdp_offer_free(o);
}

static void codec_order(void **state)
{
	struct hz_sdp_offer *o = parse_corpus("safari");
	struct hz_sdp_answer_media media[2] = {0};
	char *text, *part;

	accept_all(o, media);
	media[1].codec_count = 4;
	media[1].codec[0] = 2; // VP8 before H.264 Baseline
	media[1].codec[1] = 1;
	media[1].codec[2] = 3;
	media[1].codec[3] = 4;
	text = build(o, media);
	part = section(text, 1);
	has(part, "m=video 20000 UDP/TLS/RTP/SAVPF 104 98 127 108 105 99");
	has(part, "a=rtpmap:127 red/90000");
	has(part, "a=rtpmap:108 ulpfec/90000");
	has(part, "a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f");
	has_not(part, "640c1f");
	free(part);
	free(text);
	hz_sdp_offer_free(o);
}

static void legacy_clients(void **state)
{
	struct hz_sdp_offer *o = parse_corpus("obs");
	struct hz_sdp_answer_media media[2] = {0};
	char *text;

	accept_all(o, media);
	text = build(o, media);
	has(text, "a=rtcp-fb:96 goog-remb"); // transport-cc was not offered
	has_not(text, "extmap");
	free(text);
	hz_sdp_offer_free(o);

	o = parse_corpus("gstreamer-publish");
	memset(media, 0, sizeof media);
	accept_all(o, media);
	text = build(o, media);
	has(text, "a=group:BUNDLE video0 audio1");
	has_not(text, "sprop");
	free(text);
	hz_sdp_offer_free(o);
}

static void rejecting(void **state)
{
	struct hz_sdp_offer *o = parse_ok(SESSION AUDIO VIDEO);
	struct hz_sdp_answer_media media[2] = {0};
	char *text, *part;

	accept_all(o, media);
	memset(&media[0], 0, sizeof media[0]);
	text = build(o, media);
	has(text, "a=group:BUNDLE v");
	part = section(text, 0);
	has(part, "m=audio 0 UDP/TLS/RTP/SAVPF 111");
	has(part, "a=inactive");
	has(part, "a=mid:a");
	has_not(part, "rtpmap");
	free(part);
	part = section(text, 1);
	has(part, "a=candidate:1 1 udp 2130706431 192.0.2.7 20000 typ host"); // the bundle's first accepted
	free(part);
	free(text);

	memset(media, 0, sizeof media);
	text = build(o, media);
	has_not(text, "BUNDLE");
	has_not(text, "candidate");
	free(text);
	hz_sdp_offer_free(o);
}

// An ICE restart and a recycled m-line are nothing special to the parser: new credentials, another mid.
static void restart(void **state)
{
	char *a = spoil(SESSION AUDIO VIDEO, "a=ice-ufrag:abcd", "a=ice-ufrag:wxyz");
	char *b = spoil(a, "a=ice-ufrag:abcd", "a=ice-ufrag:wxyz");
	char *c = spoil(b, "a=mid:v", "a=mid:9");
	char *d = spoil(c, "BUNDLE a v", "BUNDLE a 9");
	struct hz_sdp_offer *o = parse_ok(d);
	struct hz_sdp_answer_media media[2] = {0};
	char *text;

	assert_string_equal(o->ufrag, "wxyz");
	accept_all(o, media);
	text = build(o, media);
	has(text, "a=group:BUNDLE a 9");
	free(text);
	hz_sdp_offer_free(o);
	free(a);
	free(b);
	free(c);
	free(d);
}

#define CONNECTION_CASES 12
#define MEDIA_CASES      16

// Changes one thing of good parameters; every change must be refused. False: there is no such case.
static bool spoil_connection(int i, struct hz_sdp_answer_params *p, struct hz_sdp_candidate *c)
{
	switch (i) {
	case 0:
		p->media_count = 1;
		break;
	case 1:
		p->ufrag = "abc";
		break;
	case 2:
		p->ufrag = NULL;
		break;
	case 3:
		p->pwd = "short";
		break;
	case 4:
		p->pwd = "HzPassword0123456789\r\na=x";
		break;
	case 5:
		p->fingerprint = NULL;
		break;
	case 6:
		p->candidate_count = 0;
		break;
	case 7:
		p->candidate_count = HZ_SDP_MAX_CANDIDATES + 1;
		break;
	case 8:
		c->port = 0;
		break;
	case 9:
		strcpy(c->address, "host.example");
		break;
	case 10:
		memset(c->address, '1', sizeof c->address);
		break;
	case 11:
		p->session_id = UINT64_MAX;
		break;
	default:
		return false;
	}
	return true;
}

static bool spoil_media(int i, struct hz_sdp_answer_media *m)
{
	switch (i) {
	case 0:
		m[0].codec_count = 0;
		break;
	case 1:
		m[0].codec_count = HZ_MAX_CODECS + 1;
		break;
	case 2:
		m[0].codec[0] = 1;
		break;
	case 3:
		m[0].codec_count = 2;
		break; // index 0 twice
	case 4:
		m[0].direction = HZ_SDP_SENDONLY;
		break;
	case 5:
		m[0].direction = HZ_SDP_SENDRECV;
		break;
	case 6:
		m[0].direction = (enum hz_sdp_direction)7;
		break;
	case 7:
		m[1].simulcast = true;
		break;
	case 8:
		m[2].cname = NULL;
		break;
	case 9:
		m[2].cname = "a b";
		break;
	case 10:
		m[2].cname = "a\r\na=x";
		break;
	case 11:
		m[2].stream = "";
		break;
	case 12:
		m[2].track = "a b";
		break;
	case 13:
		m[2].rtx_ssrc = m[2].ssrc;
		break;
	case 14:
		m[4].accept = true;
		break;
	case 15:
		m[3].track = m[2].track;
		break;
	default:
		return false;
	}
	return true;
}

static void bad_params(void **state)
{
	for (int i = 0; i < CONNECTION_CASES + MEDIA_CASES; i++) {
		int of_media = i - CONNECTION_CASES;
		struct hz_sdp_offer *o = parse_corpus("chromium");
		struct hz_sdp_answer_media media[5] = {0};
		struct hz_sdp_candidate c[HZ_SDP_MAX_CANDIDATES + 1];
		struct hz_sdp_answer_params params = params_for(o, media);
		char *text = NULL;
		int err;

		for (int k = 0; k <= HZ_SDP_MAX_CANDIDATES; k++)
			c[k] = candidates[0];
		params.candidates = c;
		accept_all(o, media);
		if (of_media == 2)
			o->media[0].codec_count = 1;
		assert_true(of_media < 0 ? spoil_connection(i, &params, c) : spoil_media(of_media, media));
		err = hz_sdp_build_answer(o, &params, &text);
		if (err != -EINVAL)
			print_error("case %d\n", i);
		assert_int_equal(err, -EINVAL);
		assert_null(text);
		hz_sdp_offer_free(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(small),
	    cmocka_unit_test(browsers),
	    cmocka_unit_test(extension_directions),
	    cmocka_unit_test(simulcast),
	    cmocka_unit_test(codec_order),
	    cmocka_unit_test(legacy_clients),
	    cmocka_unit_test(rejecting),
	    cmocka_unit_test(restart),
	    cmocka_unit_test(bad_params),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
