// A participant who says the same thing a thousand times: what it costs others stays bounded.
#include "tests/unit/router/fixture.h"

#include "media/rtp/bytes.h"

#define VIDEO  HZ_KIND_VIDEO
#define ROUNDS 1000 // a millisecond each

static int setup(void **state)
{
	struct fx *fx = fx_new();
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, 1, 1, 0);
	fx_track(fx, 0, 0, VIDEO, 1);
	for (unsigned i = 0; i < 20; i++)
		fx_sub(fx, i, 1, 0, VIDEO);
	*state = fx;
	return 0;
}

static int teardown(void **state)
{
	fx_free(*state);
	return 0;
}

static void video(struct fx *fx, uint16_t seq, uint8_t pt)
{
	struct fx_in in = {.ssrc = fx_ssrc(0, 0),
	                   .seq = seq,
	                   .ts = 90u * seq,
	                   .pt = pt,
	                   .key = true,
	                   .picture = seq,
	                   .body = seq};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	fx->out_count = 0;
}

static void pass(struct fx *fx)
{
	fx_advance(fx, 1000);
	fx->rtcp_count = 0;
}

// Each change of a track is told to everybody of its consult, and kept in the record of the visit.
static void farewells_of_one_who_stays(void **state)
{
	struct fx *fx = *state;
	for (uint16_t i = 0; i < ROUNDS; i++) {
		video(fx, i, PT_VP8);
		assert_int_equal(fx_bye(fx, 0, fx_ssrc(0, 0)), 0);
		pass(fx);
	}
	assert_in_range(fx_events_seen(fx, HZ_EV_TRACK_STATE), 1, 6);
	fx_clear(fx);
	fx_advance(fx, 3000000); // the last one holds
	assert_int_equal(fx_events_seen(fx, HZ_EV_TRACK_STATE), 1);
	assert_int_equal(fx->events[0].track_state.active, 0);
}

static void a_codec_that_changes_with_each_packet(void **state)
{
	struct fx *fx = *state;
	for (uint16_t i = 0; i < ROUNDS; i++) {
		video(fx, i, i % 2 ? PT_VP8 : PT_H264);
		pass(fx);
	}
	assert_in_range(fx_events_seen(fx, HZ_EV_TRACK_STATE), 1, 15);
	fx_clear(fx);
	video(fx, ROUNDS, PT_H264);
	fx_advance(fx, 200000);
	video(fx, ROUNDS + 1, PT_VP8);
	fx_advance(fx, 200000);
	assert_true(fx_events_seen(fx, HZ_EV_TRACK_STATE) >= 1);
	const union hz_msg *last = NULL;
	for (size_t i = 0; i < fx->events_count; i++)
		last = fx->events[i].h.type == HZ_EV_TRACK_STATE ? &fx->events[i] : last;
	assert_int_equal(last->track_state.codec, HZ_CODEC_VP8);
}

// One compound asks sixty times: each answer is longer than what asks, by a line for each stream.
static void questions_for_the_round_trip(void **state)
{
	struct fx *fx = *state;
	static const uint8_t ask[] = {0x80, 207, 0, 4, 0, 0, 0, 1, 4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t buf[60 * sizeof(ask)];
	size_t answers = 0;
	for (unsigned i = 0; i < 60; i++)
		memcpy(buf + i * sizeof(ask), ask, sizeof(ask));
	fx_clear(fx);
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(hz_router_rtcp(fx->router, 1, buf, sizeof(buf), fx->now), 0);
		for (size_t k = 0; k < fx->rtcp_count; k++)
			answers += fx->rtcp[k].slot == 1 && fx->rtcp[k].bytes > 20 * 24;
		fx_clear(fx);
		fx->now += 1000;
	}
	assert_in_range(answers, 10, 110);
}

// What is recorded of all consults goes through one ring: forty reports a packet push the others' media out of it.
static void reports_into_the_recording(void **state)
{
	struct fx *fx = *state;
	union hz_msg m = fx_track_msg(0, 0, VIDEO, 1);
	m.track_set.flags = HZ_TRACK_TAP;
	assert_int_equal(fx_command(fx, &m, HZ_CMD_TRACK_SET, sizeof(m.track_set)), 0);
	uint8_t buf[40 * 28] = {0};
	for (unsigned i = 0; i < 40; i++) {
		memcpy(buf + 28 * i, "\x80\xc8\x00\x06", 4);
		hz_put32(buf + 28 * i + 4, fx_ssrc(0, 0));
		hz_put32(buf + 28 * i + 8, 3900000000u);
	}
	video(fx, 1, PT_VP8);
	fx_clear(fx);
	for (unsigned i = 0; i < ROUNDS / 4; i++) {
		assert_int_equal(hz_router_rtcp(fx->router, 0, buf, sizeof(buf), fx->now), 0);
		fx->now += 4000;
	}
	assert_in_range(fx->tap_count, 5, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(farewells_of_one_who_stays, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_codec_that_changes_with_each_packet, setup, teardown),
	    cmocka_unit_test_setup_teardown(questions_for_the_round_trip, setup, teardown),
	    cmocka_unit_test_setup_teardown(reports_into_the_recording, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
