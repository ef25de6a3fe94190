// Offers as real clients write them.
#include "tests/unit/sdp/offers.h"

static const struct hz_sdp_codec *find_codec(const struct hz_sdp_media *m, enum hz_codec codec)
{
	for (unsigned i = 0; i < m->codec_count; i++)
		if (m->codec[i].pt.codec == codec)
			return &m->codec[i];
	return NULL;
}

static void chromium(void **state)
{
	struct hz_sdp_offer *o = parse_corpus("chromium");
	const struct hz_sdp_media *a = &o->media[0], *v = &o->media[1];

	assert_int_equal(o->media_count, 5);
	assert_true(o->bundled);
	assert_int_equal(strlen(o->ufrag), 4);
	assert_int_equal(strlen(o->pwd), 24);
	assert_int_equal(a->kind, HZ_SDP_AUDIO);
	assert_int_equal(a->direction, HZ_SDP_SENDONLY);
	assert_int_equal(a->ssrc[0], 4228235594u);
	assert_int_equal(a->rtx_ssrc[0], 0);
	assert_string_equal(a->cname, "1/6Zngs17S9HyNQT");
	assert_string_equal(a->stream, "73572a61-a4b3-468a-a217-c6692725f7bd");
	assert_string_equal(a->track, "1ff44119-9f1d-48c5-99c5-90672dfb5e4f");
	assert_int_equal(a->codec[0].pt.codec, HZ_CODEC_OPUS);
	assert_int_equal(a->codec[0].pt.pt, 111);
	assert_true(a->codec[0].useinbandfec);
	assert_false(a->codec[0].stereo);
	assert_string_equal(a->codec[0].fmtp, "minptime=10;useinbandfec=1");
	assert_int_equal(a->codec[1].pt.codec, HZ_CODEC_RED);
	assert_int_equal(a->codec_count, 2);
	assert_int_equal(a->ext.audio_level, 1);
	assert_true(a->ext.mid && a->ext.mid == v->ext.mid);

	assert_int_equal(v->kind, HZ_SDP_VIDEO);
	assert_int_equal(v->codec[0].pt.codec, HZ_CODEC_VP8);
	assert_int_equal(v->codec[0].pt.rtx_pt, 97);
	assert_int_equal(v->codec[0].pt.flags, HZ_PT_NACK | HZ_PT_PLI | HZ_PT_FIR | HZ_PT_TWCC | HZ_PT_REMB);
	assert_non_null(find_codec(v, HZ_CODEC_H264_CB));
	assert_non_null(find_codec(v, HZ_CODEC_H264_HIGH));
	assert_non_null(find_codec(v, HZ_CODEC_VP9));
	assert_non_null(find_codec(v, HZ_CODEC_AV1));
	assert_int_equal(find_codec(v, HZ_CODEC_RED)->clock_hz, 90000);
	assert_int_equal(find_codec(v, HZ_CODEC_RED)->pt.rtx_pt, 119);
	assert_non_null(find_codec(v, HZ_CODEC_ULPFEC));
	assert_non_null(strstr(find_codec(v, HZ_CODEC_H264_CB)->fmtp, "packetization-mode=1"));
	assert_int_equal(v->ssrc[0], 3345775775u);
	assert_int_equal(v->rtx_ssrc[0], 1388130443u);
	assert_int_equal(v->ssrc_count, 1);
	assert_true(v->rtcp_rsize && v->extmap_allow_mixed);
	assert_true(v->ext.twcc && v->ext.abs_send_time && v->ext.orientation);

	assert_int_equal(o->media[2].direction, HZ_SDP_RECVONLY);
	assert_int_equal(o->media[3].direction, HZ_SDP_RECVONLY);
	assert_int_equal(o->media[3].ssrc_count, 0);
	assert_int_equal(o->media[4].kind, HZ_SDP_OTHER);
	assert_string_equal(o->media[4].other_kind, "application");
	assert_true(o->media[4].rejected);
	assert_ptr_equal(hz_sdp_offer_find(o, "3"), &o->media[3]);
	assert_null(hz_sdp_offer_find(o, "x"));
	assert_null(hz_sdp_offer_find(o, ""));
	hz_sdp_offer_free(o);
}

static void simulcast(void **state)
{
	static const char *const files[] = {"chromium-simulcast", "firefox-simulcast"};

	for (int i = 0; i < 2; i++) {
		struct hz_sdp_offer *o = parse_corpus(files[i]);
		const struct hz_sdp_media *v = &o->media[0];

		assert_int_equal(v->rid_count, 3);
		assert_string_equal(v->rid[0], "l");
		assert_string_equal(v->rid[1], "m");
		assert_string_equal(v->rid[2], "h");
		assert_false(v->rid_paused[0]);
		assert_true(v->ext.rid && v->ext.rrid && v->ext.mid);
		assert_int_equal(v->ssrc_count, 0);
		assert_string_equal(v->stream, "");
		assert_true(v->track[0]);
		hz_sdp_offer_free(o);
	}
}

static void firefox(void **state)
{
	struct hz_sdp_offer *o = parse_corpus("firefox");
	const struct hz_sdp_media *v = &o->media[1];

	assert_int_equal(o->media_count, 5);
	assert_int_equal(strlen(o->ufrag), 8);
	assert_int_equal(strlen(o->pwd), 32);
	assert_int_equal(o->fingerprint[0], 0x4b); // at session level
	assert_false(v->rejected);                 // port 0 with bundle-only
	assert_int_equal(v->direction, HZ_SDP_SENDONLY);
	assert_int_equal(v->codec[0].pt.codec, HZ_CODEC_VP8);
	assert_int_equal(v->codec[0].pt.pt, 120);
	assert_int_equal(v->codec[0].pt.rtx_pt, 124);
	assert_string_equal(v->stream, "{f4e12f43-fa44-45d2-8861-aba4c0c783f2}");
	assert_int_equal(v->ssrc[0], 4047689060u);
	assert_int_equal(v->rtx_ssrc[0], 32518484u);
	assert_int_equal(v->ext.playout_delay, 0);          // recvonly on an m-line that only sends
	assert_int_equal(o->media[3].ext.playout_delay, 6); // and of use where it receives
	assert_int_equal(o->media[3].ext_direction[offsetof(struct hz_ext_ids, playout_delay)],
	                 HZ_SDP_RECVONLY);
	assert_true(o->media[0].codec[0].stereo);
	assert_int_equal(o->media[0].codec[0].pt.flags, HZ_PT_TWCC);
	assert_true(o->media[4].rejected);
	hz_sdp_offer_free(o);
}

static void gstreamer(void **state)
{
	struct hz_sdp_offer *o = parse_corpus("gstreamer-publish");
	const struct hz_sdp_media *v = &o->media[0], *a = &o->media[1];

	assert_string_equal(v->mid, "video0");
	assert_int_equal(v->codec[0].pt.codec, HZ_CODEC_H264_CB);
	assert_string_equal(v->codec[0].fmtp,
	                    "packetization-mode=1;profile-level-id=42c015;level-asymmetry-allowed=1");
	assert_int_equal(v->ssrc[0], 3330563585u);
	assert_int_equal(v->rtx_ssrc[0], 1744857510u);
	assert_string_equal(v->stream, "user3816259193@host-5a2b9d29");
	assert_string_equal(v->track, "webrtctransceiver0");
	assert_int_equal(v->ext.mid, 0);
	assert_false(a->rejected);
	assert_int_equal(a->codec[0].pt.codec, HZ_CODEC_OPUS);
	assert_int_equal(a->codec[0].pt.rtx_pt, 98);
	assert_string_equal(a->codec[0].fmtp, "");
	hz_sdp_offer_free(o);

	o = parse_corpus("gstreamer-play");
	assert_int_equal(o->media[0].direction, HZ_SDP_RECVONLY);
	assert_int_equal(o->media[0].codec[0].pt.codec, HZ_CODEC_H264_CB); // without fmtp
	hz_sdp_offer_free(o);
}

static void obs(void **state)
{
	struct hz_sdp_offer *o = parse_corpus("obs");

	assert_string_equal(o->ufrag, "0fZ4"); // all of the transport at session level
	assert_int_equal(o->fingerprint[1], 7);
	assert_int_equal(o->media[0].ssrc[0], 3111222333u);
	assert_true(o->media[0].codec[0].stereo);
	assert_int_equal(o->media[1].codec_count, 1);
	assert_int_equal(o->media[1].codec[0].pt.rtx_pt, 0);
	assert_int_equal(o->media[1].codec[0].pt.flags, HZ_PT_NACK | HZ_PT_PLI | HZ_PT_REMB);
	hz_sdp_offer_free(o);
}

static void safari(void **state)
{
	struct hz_sdp_offer *o = parse_corpus("safari");
	const struct hz_sdp_media *v = &o->media[1];

	assert_int_equal(v->direction, HZ_SDP_SENDRECV);
	assert_int_equal(v->codec_count, 5); // not mode 0, not H265, not VP9 profile 2
	assert_int_equal(v->codec[0].pt.codec, HZ_CODEC_H264_HIGH);
	assert_int_equal(v->codec[1].pt.codec, HZ_CODEC_H264_CB);
	assert_int_equal(v->codec[1].pt.rtx_pt, 99);
	assert_int_equal(v->codec[2].pt.codec, HZ_CODEC_VP8);
	assert_int_equal(v->codec[3].pt.codec, HZ_CODEC_RED);
	assert_int_equal(v->codec[4].pt.codec, HZ_CODEC_ULPFEC);
	assert_int_equal(v->rtx_ssrc[0], 502);
	hz_sdp_offer_free(o);
}

static void small_forms(void **state)
{
	char *text = spoil(SESSION AUDIO VIDEO, "m=audio 9", "m=audio 0");
	struct hz_sdp_offer *o = parse_ok(text);

	assert_true(o->media[0].rejected);
	assert_string_equal(o->media[0].formats, "111");
	assert_int_equal(o->media[0].direction, HZ_SDP_INACTIVE);
	assert_string_equal(o->ufrag, "abcd");
	hz_sdp_offer_free(o);
	free(text);

	text = spoil("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" VIDEO, "a=mid:v\r\n", "");
	o = parse_ok(text); // one m-line needs neither group nor mid
	assert_false(o->bundled);
	assert_string_equal(o->media[0].mid, "");
	assert_int_equal(o->session_id, 1);
	hz_sdp_offer_free(o);
	free(text);

	text = spoil(SESSION AUDIO VIDEO, "\r\n", "\n"); // a bare line feed, and no end of the last line
	text[strlen(text) - 2] = '\0';
	o = parse_ok(text);
	assert_int_equal(o->media[1].ssrc_count, 1);
	hz_sdp_offer_free(o);
	free(text);
}

static void directions(void **state)
{
	static const struct {
		const char *line;
		enum hz_sdp_direction direction;
	} cases[] = {{"a=inactive\r\n", HZ_SDP_INACTIVE},
	             {"a=recvonly\r\n", HZ_SDP_RECVONLY},
	             {"a=sendrecv\r\n", HZ_SDP_SENDRECV},
	             {"", HZ_SDP_SENDRECV}};

	for (int i = 0; i < 4; i++) {
		char *text = spoil(SESSION AUDIO VIDEO, "a=sendonly\r\n", cases[i].line);
		struct hz_sdp_offer *o = parse_ok(text);

		assert_int_equal(o->media[0].direction, cases[i].direction);
		assert_int_equal(o->media[0].ssrc_count, cases[i].direction & HZ_SDP_SENDONLY ? 1 : 0);
		hz_sdp_offer_free(o);
		free(text);
	}
}

// H.264: what each profile-level-id and packetization-mode is to us. (RFC 6184 table 5)
static void h264_profiles(void **state)
{
	static const struct {
		const char *fmtp;
		enum hz_codec codec;
	} cases[] = {
	    {"packetization-mode=1;profile-level-id=42e01f", HZ_CODEC_H264_CB},
	    {"profile-level-id=42001f; packetization-mode=1", HZ_CODEC_H264_CB},
	    {"PACKETIZATION-MODE=1;PROFILE-LEVEL-ID=42E01F", HZ_CODEC_H264_CB},
	    {"packetization-mode=1", HZ_CODEC_H264_CB},
	    {"packetization-mode=1;profile-level-id=4d001f", HZ_CODEC_H264_HIGH},
	    {"packetization-mode=1;profile-level-id=4d801f", HZ_CODEC_H264_CB},
	    {"packetization-mode=1;profile-level-id=58c01f", HZ_CODEC_H264_CB},
	    {"packetization-mode=1;profile-level-id=640c1f", HZ_CODEC_H264_HIGH},
	    {"packetization-mode=1;profile-level-id=58001f", HZ_CODEC_NONE},
	    {"packetization-mode=1;profile-level-id=f4001f", HZ_CODEC_NONE},
	    {"packetization-mode=1;profile-level-id=42e0", HZ_CODEC_NONE},
	    {"packetization-mode=1;profile-level-id=-2e01f", HZ_CODEC_NONE},
	    {"packetization-mode=1;profile-level-id=0x42e0", HZ_CODEC_NONE},
	    {"packetization-mode=0;profile-level-id=42e01f", HZ_CODEC_NONE},
	    {"packetization-mode=2;profile-level-id=42e01f", HZ_CODEC_NONE},
	    {"profile-level-id=42e01f", HZ_CODEC_NONE},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char line[256], *text;
		struct hz_sdp_offer *o;

		snprintf(line, sizeof line, "a=rtpmap:96 H264/90000\r\na=fmtp:96 %s\r\n", cases[i].fmtp);
		text = spoil(SESSION AUDIO VIDEO, "a=rtpmap:96 VP8/90000\r\n", line);
		o = parse_ok(text);
		assert_int_equal(o->media[1].codec_count, cases[i].codec ? 1 : 0);
		assert_int_equal(o->media[1].codec[0].pt.codec, cases[i].codec);
		hz_sdp_offer_free(o);
		free(text);
	}
}

static void left_out(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
	    {"VP8/90000", "VP8/8000"},   // clock
	    {"VP8/90000", "AV1X/90000"}, // name
	    {"VP8/90000", "VP9/90000\r\na=fmtp:96 profile-id=2"},
	    {"VP8/90000", "AV1/90000\r\na=fmtp:96 profile=1"},
	    {"SAVPF 96 97", "SAVPF 97"},              // not in the m-line
	    {"SAVPF 96 97\r\n", "SAVPF 0 72 95\r\n"}, // not usable with rtcp-mux
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = spoil(SESSION AUDIO VIDEO, cases[i].from, cases[i].to);
		struct hz_sdp_offer *o = parse_ok(text);

		assert_int_equal(o->media[1].codec_count, 0);
		hz_sdp_offer_free(o);
		free(text);
	}
}

static void simulcast_forms(void **state)
{
	char *text = spoil(
	    SESSION AUDIO VIDEO, "a=ssrc-group:FID 21 22\r\na=ssrc:21 cname:c\r\na=ssrc:22 cname:c\r\n",
	    "a=rid:hi send pt=96\r\na=rid:lo send\r\na=rid:x recv\r\na=simulcast:recv x send ~hi,z;lo\r\n");
	struct hz_sdp_offer *o = parse_ok(text);

	assert_int_equal(o->media[1].rid_count, 2);
	assert_string_equal(o->media[1].rid[0], "hi");
	assert_true(o->media[1].rid_paused[0]);
	assert_string_equal(o->media[1].rid[1], "lo");
	hz_sdp_offer_free(o);
	free(text);

	text = spoil(SESSION AUDIO VIDEO, "a=ssrc-group:FID 21 22\r\n",
	             "a=ssrc-group:SIM 21 31 41\r\na=ssrc-group:FID 21 22\r\na=ssrc-group:FID 31 32\r\n");
	o = parse_ok(text);
	assert_int_equal(o->media[1].ssrc_count, 3);
	assert_int_equal(o->media[1].ssrc[2], 41);
	assert_int_equal(o->media[1].rtx_ssrc[1], 32);
	assert_int_equal(o->media[1].rtx_ssrc[2], 0);
	hz_sdp_offer_free(o);
	free(text);
}

static void fingerprints(void **state)
{
	char *text = spoil(SESSION AUDIO VIDEO, "a=fingerprint:sha-256 ",
	                   "a=fingerprint:sha-1 00:11:22\r\na=fingerprint:SHA-256 ");
	struct hz_sdp_offer *o = parse_ok(text);

	for (int i = 0; i < HZ_FINGERPRINT_BYTES; i++)
		assert_int_equal(o->fingerprint[i], i);
	hz_sdp_offer_free(o);
	free(text);
}

static void sixty_four(void **state)
{
	char *text = calloc(1, 65536);
	struct hz_sdp_offer *o;

	strcpy(text, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" TRANSPORT "a=group:BUNDLE");
	for (int i = 0; i < HZ_SDP_MAX_MEDIA; i++)
		sprintf(text + strlen(text), " %d", i);
	strcat(text, "\r\n");
	for (int i = 0; i < HZ_SDP_MAX_MEDIA; i++)
		sprintf(text + strlen(text),
		        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:%d\r\na=rtcp-mux\r\na=recvonly\r\n"
		        "a=rtpmap:111 opus/48000/2\r\n",
		        i);
	o = parse_ok(text);
	assert_int_equal(o->media_count, HZ_SDP_MAX_MEDIA);
	assert_string_equal(o->media[63].mid, "63");
	hz_sdp_offer_free(o);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(chromium),
	    cmocka_unit_test(simulcast),
	    cmocka_unit_test(firefox),
	    cmocka_unit_test(gstreamer),
	    cmocka_unit_test(obs),
	    cmocka_unit_test(safari),
	    cmocka_unit_test(small_forms),
	    cmocka_unit_test(directions),
	    cmocka_unit_test(h264_profiles),
	    cmocka_unit_test(left_out),
	    cmocka_unit_test(simulcast_forms),
	    cmocka_unit_test(fingerprints),
	    cmocka_unit_test(sixty_four),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
