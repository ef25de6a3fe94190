// One codec that everybody present can receive; it changes when somebody comes who cannot, and only then.
#include "gateway/session/codec_choice.h"
#include "tests/unit/session/offers.h"

#define CB   HZ_CODEC_BIT(HZ_CODEC_H264_CB)
#define HIGH HZ_CODEC_BIT(HZ_CODEC_H264_HIGH)
#define VP8  HZ_CODEC_BIT(HZ_CODEC_VP8)
#define VP9  HZ_CODEC_BIT(HZ_CODEC_VP9)

static void choice(void **state)
{
	(void)state;
	static const struct {
		uint32_t offered;
		uint8_t current;
		uint32_t receivers[3];
		unsigned count;
		uint8_t wanted;
	} cases[] = {
	    {CB | HIGH | VP8, 0, {0}, 0, HZ_CODEC_H264_CB},                 // nobody else yet
	    {HIGH | VP8, 0, {0}, 0, HZ_CODEC_H264_HIGH},                    //
	    {VP8 | VP9, 0, {0}, 0, HZ_CODEC_VP8},                           //
	    {CB | VP8, 0, {CB | VP8, VP8}, 2, HZ_CODEC_VP8},                // one lacks H.264
	    {CB | VP8, HZ_CODEC_H264_CB, {CB | VP8, VP8}, 2, HZ_CODEC_VP8}, // and came later
	    {CB | VP8, HZ_CODEC_VP8, {CB | VP8}, 1, HZ_CODEC_VP8},          // and left: no way back
	    {CB | VP8, HZ_CODEC_VP8, {CB}, 1, HZ_CODEC_H264_CB},            // needed
	    {CB, HZ_CODEC_H264_CB, {VP8, CB}, 2, HZ_CODEC_H264_CB},         // cannot serve everybody
	    {CB | VP8, 0, {CB, VP8, VP8}, 3, HZ_CODEC_VP8},                 // the most
	    {CB | VP8, HZ_CODEC_H264_CB, {CB, VP8}, 2, HZ_CODEC_H264_CB},   // a tie: stay
	    {CB | VP8, HZ_CODEC_VP8, {CB, VP8}, 2, HZ_CODEC_VP8},           //
	    {CB | VP8, HZ_CODEC_AV1, {CB}, 1, HZ_CODEC_H264_CB},            // not offered any more
	    {0, 0, {CB}, 1, HZ_CODEC_NONE},                                 //
	    {0, HZ_CODEC_VP8, {0}, 0, HZ_CODEC_NONE},                       //
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t got =
		    hz_codec_choose(cases[i].offered, cases[i].current, cases[i].receivers, cases[i].count);
		if (got != cases[i].wanted)
			fail_msg("case %u: %u, wanted %u", i, got, cases[i].wanted);
	}
}

static uint8_t sent(const struct rig *rig, const struct rig_socket *s)
{
	hz_id peer = s->conn->participant->peers->id;
	for (unsigned i = 0; i < HZ_MAX_TRACKS; i++) {
		const struct hz_cmd_track_set *t = &rig->worker->track[i];
		if (t->track && t->peer == peer && t->kind == HZ_KIND_VIDEO)
			return t->pt[0].codec;
	}
	return 0;
}

static void changes(void **state)
{
	struct rig *rig = *state;
	static const char without[] = "mic:0:send cam:1:send:vp8 a:2:recv v:3:recv:vp8";
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "a", "expert"), *b = rig_join(rig, "b", "expert");
	offer_both(rig, a);
	offer_both(rig, b);
	assert_int_equal(sent(rig, a), HZ_CODEC_H264_CB);
	assert_int_equal(rig_pushes(a, "renegotiate"), 0);
	// One comes who has no H.264.
	struct rig_socket *c = rig_join(rig, "c", "expert");
	assert_int_equal(rig_pushes(a, "renegotiate"), 0);
	assert_non_null(
	    offer_make(rig, c, (struct offer_spec){.lines = without, .session = 3}, "0:microphone 1:camera"));
	assert_string_equal(rig_text(rig_push(a, "renegotiate"), "reason"), "codec");
	assert_int_equal(rig_pushes(b, "renegotiate"), 1);
	assert_int_equal(rig_pushes(c, "renegotiate"), 0);
	rig_advance(rig, 1000);
	assert_int_equal(rig_pushes(a, "renegotiate"), 1); // asked once
	const char *sdp = offer_both(rig, a);
	assert_non_null(strstr(sdp, "VP8/90000"));
	assert_int_equal(sent(rig, a), HZ_CODEC_VP8);
	offer_both(rig, b);
	assert_int_equal(sent(rig, b), HZ_CODEC_VP8);
	rig_clear(a);
	rig_clear(b);
	// It leaves: what works stays.
	rig_result(rig_call(rig, c, "leave", NULL));
	rig_advance(rig, 1000);
	assert_int_equal(rig_pushes(a, "renegotiate"), 0);
	offer_both(rig, a);
	assert_int_equal(sent(rig, a), HZ_CODEC_VP8);
	// Slots had all codecs from the start.
	unsigned slots = 0;
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++)
		slots += rig->worker->sub[i].sub && rig->worker->sub[i].kind == HZ_KIND_VIDEO &&
		         rig->worker->sub[i].pt_count == 3;
	assert_int_equal(slots, 2);
}

static void lobby_does_not_count(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic"), *p = rig_join(rig, "p", "patient");
	offer_both(rig, host);
	rig_result(rig_call(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "p")));
	assert_non_null(offer_make(
	    rig, p, (struct offer_spec){.lines = "cam:1:send:vp8 v:3:recv:vp8", .session = 2}, "1:camera"));
	assert_int_equal(rig_pushes(host, "renegotiate"), 1);
	offer_both(rig, host);
	assert_int_equal(sent(rig, host), HZ_CODEC_VP8);
	rig_result(rig_call(rig, host, "lobby.return", json_pack("{s:s}", "participant", "p")));
	rig_clear(host);
	rig_advance(rig, 1000);
	assert_int_equal(rig_pushes(host, "renegotiate"), 0);
	// A theatre sends only: what it cannot receive is no matter.
	struct rig_socket *t = rig_join(rig, "t", "theatre");
	assert_non_null(
	    offer_make(rig, t, (struct offer_spec){.lines = "cam:1:send:high", .session = 5}, "1:camera"));
	rig_advance(rig, 1000);
	assert_int_equal(rig_pushes(host, "renegotiate"), 0);
	assert_int_equal(sent(rig, t), HZ_CODEC_H264_HIGH);
}

static const struct hz_cmd_track_set *pictures(const struct rig *rig, const struct rig_socket *s)
{
	const struct hz_track *t = hz_track_of_source(s->conn->participant, HZ_KIND_VIDEO, HZ_SOURCE_CAMERA);
	assert_non_null(t);
	return &rig->worker->track[HZ_ID_SLOT(t->id)];
}

// Parity packets beside VP8, from those who publish; never to those who watch.
static void fec_is_taken(void **state)
{
	static const struct {
		const char *lines;
		unsigned taken;
	} cases[] = {{"cam:1:send:vp8,fecrtx v:3:recv:vp8,fecrtx", 3},
	             {"cam:1:send:vp8,fec v:3:recv:vp8,fec", 1}, // nothing in RED could be asked for again
	             {"cam:1:send:h264,vp8,fecrtx v:3:recv:h264,vp8,fecrtx", 1},
	             {"cam:1:send:vp8 v:3:recv:vp8", 1}};
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rig_socket *s = rig_join(rig, "a", "expert");
		const char *sdp = offer_make(
		    rig, s, (struct offer_spec){.lines = cases[i].lines, .session = i + 1}, "1:camera");
		assert_non_null(sdp);
		const struct hz_cmd_track_set *t = pictures(rig, s);
		assert_int_equal(t->pt_count, cases[i].taken);
		if (cases[i].taken == 3) {
			assert_int_equal(t->pt[0].codec, HZ_CODEC_VP8);
			assert_int_equal(t->pt[1].codec, HZ_CODEC_RED);
			assert_int_equal(t->pt[1].rtx_pt, 103);
			assert_int_equal(t->pt[2].codec, HZ_CODEC_ULPFEC);
			const char *first = strstr(sdp, "ulpfec/90000");
			assert_non_null(first);
			assert_null(strstr(first + 1, "ulpfec/90000")); // not in the slot
		} else {
			assert_null(strstr(sdp, "ulpfec"));
			assert_null(strstr(sdp, "red/90000"));
		}
		for (unsigned k = 0; k < HZ_MAX_SUBS; k++)
			for (unsigned j = 0; rig->worker->sub[k].sub && j < rig->worker->sub[k].pt_count; j++)
				assert_true(rig->worker->sub[k].pt[j].codec < HZ_CODEC_RED);
		rig_result(rig_call(rig, s, "leave", NULL));
		rig_advance(rig, 1000);
	}
}

static const struct hz_cmd_track_set *sound(const struct rig *rig, const struct rig_socket *s)
{
	const struct hz_track *t =
	    hz_track_of_source(s->conn->participant, HZ_KIND_AUDIO, HZ_SOURCE_MICROPHONE);
	assert_non_null(t);
	return &rig->worker->track[HZ_ID_SLOT(t->id)];
}

static const char *speak(struct rig *rig, struct rig_socket *s, const char *lines, unsigned session)
{
	return offer_make(rig, s, (struct offer_spec){.lines = lines, .session = session}, "0:microphone");
}

static void red(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "a", "expert"), *b = rig_join(rig, "b", "expert");
	// Preferred by the client, and nobody is there who lacks it.
	const char *sdp = speak(rig, a, "m:0:send:red,opus a:1:recv:later,opus", 1);
	assert_non_null(strstr(sdp, " 63 111\r\n"));
	assert_non_null(strstr(sdp, "a=fmtp:63 111/111"));
	assert_int_equal(sound(rig, a)->pt[0].codec, HZ_CODEC_RED);
	assert_int_equal(sound(rig, a)->pt[1].codec, HZ_CODEC_OPUS);
	// Offered behind Opus: Opus it is. A slot takes both.
	speak(rig, b, "m:0:send:later,opus a:1:recv:later,opus", 2);
	assert_int_equal(sound(rig, b)->pt[0].codec, HZ_CODEC_OPUS);
	assert_int_equal(sound(rig, b)->pt_count, 1);
	rig_advance(rig, 100);
	assert_int_equal(rig_pushes(a, "renegotiate"), 0);
	// Somebody comes who cannot: asked once, answered with Opus alone.
	struct rig_socket *c = rig_join(rig, "c", "expert");
	speak(rig, c, "m:0:send:opus a:1:recv:opus", 3);
	rig_advance(rig, 100);
	assert_string_equal(rig_text(rig_push(a, "renegotiate"), "reason"), "codec");
	assert_int_equal(rig_pushes(a, "renegotiate"), 1);
	speak(rig, a, "m:0:send:red,opus a:1:recv:later,opus", 1);
	assert_int_equal(sound(rig, a)->pt[0].codec, HZ_CODEC_OPUS);
	assert_int_equal(sound(rig, a)->pt_count, 1);
	// And back when that one has left.
	rig_clear(a);
	rig_result(rig_call(rig, c, "leave", NULL));
	rig_advance(rig, 100);
	assert_int_equal(rig_pushes(a, "renegotiate"), 1);
}

static void estimate(struct rig *rig, const struct rig_socket *s, uint32_t bps)
{
	struct hz_ev_peer_stats ev = {.peer = s->conn->participant->peers->id, .estimate_bps = bps};
	rig_event(rig, &ev, HZ_EV_PEER_STATS, sizeof(ev));
	rig_turn(rig);
	rig_advance(rig, 100);
}

// A listener whose link carries sound at most: the others' sound becomes small, and large again; no flapping.
static void thin(void **state)
{
	static const char both[] = "m:0:send:red,opus a:1:recv:later,opus";
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "a", "expert"), *b = rig_join(rig, "b", "expert");
	struct rig_socket *watcher = rig_join(rig, "w", "observer");
	assert_null(strstr(speak(rig, a, both, 1), "a=ptime"));
	speak(rig, b, both, 2);
	assert_non_null(
	    offer_make(rig, watcher, (struct offer_spec){.lines = "a:1:recv:later,opus", .session = 3}, ""));
	rig_advance(rig, 100);
	estimate(rig, b, 0); // not known
	estimate(rig, b, 200000);
	estimate(rig, watcher, 50000); // only watches
	assert_int_equal(rig_pushes(a, "renegotiate"), 0);
	estimate(rig, b, 50000);
	assert_int_equal(rig_pushes(a, "renegotiate"), 1);
	assert_int_equal(rig_pushes(b, "renegotiate"), 0); // its own sound goes to wide links
	const char *sdp = speak(rig, a, both, 1);
	assert_non_null(strstr(sdp, "useinbandfec=1;maxaveragebitrate=16000\r\n"));
	assert_non_null(strstr(sdp, "a=ptime:40\r\n"));
	assert_int_equal(sound(rig, a)->pt[0].codec, HZ_CODEC_RED);
	rig_clear(a);
	estimate(rig, b, 900000); // too soon
	assert_int_equal(rig_pushes(a, "renegotiate"), 0);
	rig_advance(rig, 10000);
	estimate(rig, b, 200000); // more, not enough
	assert_int_equal(rig_pushes(a, "renegotiate"), 0);
	estimate(rig, b, 900000);
	assert_int_equal(rig_pushes(a, "renegotiate"), 1);
	assert_null(strstr(speak(rig, a, both, 1), "maxaveragebitrate"));
}

static void uplink(struct rig *rig, const struct rig_socket *s, uint32_t rtt_us, uint32_t nacks)
{
	struct hz_ev_peer_stats ev = {.peer = s->conn->participant->peers->id,
	                              .rtt_us = rtt_us,
	                              .up_packets = 200,
	                              .nacks_sent = nacks};
	rig_event(rig, &ev, HZ_EV_PEER_STATS, sizeof(ev));
	rig_turn(rig);
	rig_advance(rig, 100);
}

// Parity packets come beside VP8 only: a far and lossy uplink is worth a change, if everybody takes it.
static void far_and_lossy(void **state)
{
	static const char one[] = "cam:1:send:h264,vp8 v:3:recv:h264";
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "a", "expert"), *b = rig_join(rig, "b", "expert");
	offer_both(rig, a);
	offer_both(rig, b);
	uplink(rig, b, 40000, 60); // near
	for (unsigned i = 0; i < 20; i++)
		uplink(rig, b, 300000, 60); // behind a queue
	uplink(rig, a, 300000, 4);          // little
	for (unsigned i = 0; i < 2; i++)
		uplink(rig, a, 300000, 60);
	uplink(rig, a, 300000, 4);
	for (unsigned i = 0; i < 2; i++)
		uplink(rig, a, 300000, 60);
	assert_int_equal(rig_pushes(a, "renegotiate"), 0); // twice is how uplinks begin
	uplink(rig, a, 300000, 60);
	assert_int_equal(rig_pushes(a, "renegotiate"), 1);
	assert_int_equal(rig_pushes(b, "renegotiate"), 0);
	offer_both(rig, a);
	assert_int_equal(sent(rig, a), HZ_CODEC_VP8);
	uplink(rig, a, 40000, 0); // no way back
	offer_both(rig, a);
	assert_int_equal(sent(rig, a), HZ_CODEC_VP8);
	assert_int_equal(rig_pushes(a, "renegotiate"), 1);
	// One who takes H.264 alone: pictures before parity.
	struct rig_socket *c = rig_join(rig, "c", "expert");
	assert_non_null(offer_make(rig, c, (struct offer_spec){.lines = one, .session = 3}, "1:camera"));
	offer_both(rig, a);
	assert_int_equal(sent(rig, a), HZ_CODEC_H264_CB);
}

// Where even a change of codec costs seconds it is VP8 from the first picture on; near ones are not asked to follow.
static void very_far(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "a", "expert"), *b = rig_join(rig, "b", "expert");
	a->rtt_us = 300000;
	b->rtt_us = 150000;
	offer_both(rig, a);
	offer_both(rig, b);
	rig_advance(rig, 100);
	assert_int_equal(sent(rig, a), HZ_CODEC_VP8);
	assert_int_equal(sent(rig, b), HZ_CODEC_H264_CB);
	for (unsigned i = 0; i < 3; i++)
		uplink(rig, a, 300000, 60);
	a->rtt_us = 10000; // the peer stays what it was
	offer_both(rig, a);
	assert_int_equal(sent(rig, a), HZ_CODEC_VP8);
	assert_int_equal(rig_pushes(a, "renegotiate"), 0);
	rig_kill(rig); // and another control does not ask for a change
	rig_advance(rig, 100);
	assert_int_equal(rig->brain->count.codec_changes, 0);
}

// What is recorded goes to a PACS, which takes H.264: it comes first, also over a far and lossy uplink, and comes back.
static void recorded(void **state)
{
	static const char one[] = "cam:1:send:vp8 v:3:recv:vp8";
	struct rig *rig = *state;
	rig->recorder = true;
	rig_kill(rig);
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "a", "clinic"), *b = rig_join(rig, "b", "expert");
	offer_both(rig, a);
	offer_both(rig, b);
	for (unsigned i = 0; i < 3; i++)
		uplink(rig, a, 300000, 60);
	offer_both(rig, a);
	assert_int_equal(sent(rig, a), HZ_CODEC_VP8); // nobody records
	rig_clear(a);
	rig_result(rig_call(rig, a, "record.start", NULL));
	rig_advance(rig, 100);
	assert_string_equal(rig_text(rig_push(a, "renegotiate"), "reason"), "codec");
	offer_both(rig, a);
	assert_int_equal(sent(rig, a), HZ_CODEC_H264_CB);
	rig_clear(a);
	for (unsigned i = 0; i < 6; i++)
		uplink(rig, a, 300000, 60);
	assert_int_equal(rig_pushes(a, "renegotiate"), 0);
	// To be seen comes before the PACS: one who has VP8 alone.
	struct rig_socket *c = rig_join(rig, "c", "expert");
	assert_non_null(offer_make(rig, c, (struct offer_spec){.lines = one, .session = 3}, "1:camera"));
	offer_both(rig, a);
	assert_int_equal(sent(rig, a), HZ_CODEC_VP8);
	rig_clear(a);
	rig_result(rig_call(rig, c, "leave", NULL));
	rig_advance(rig, 1000);
	assert_int_equal(rig_pushes(a, "renegotiate"), 1); // and back
	offer_both(rig, a);
	assert_int_equal(sent(rig, a), HZ_CODEC_H264_CB);
	rig_result(rig_call(rig, a, "record.stop", NULL));
	rig_clear(a);
	rig_advance(rig, 1000);
	assert_int_equal(rig_pushes(a, "renegotiate"), 0); // no change for its own sake
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {cmocka_unit_test(choice), T(changes),  T(lobby_does_not_count),
	                                   T(fec_is_taken),          T(red),      T(thin),
	                                   T(far_and_lossy),         T(recorded), T(very_far)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
