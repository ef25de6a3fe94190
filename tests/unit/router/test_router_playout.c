// How long receivers are told to hold pictures back, by what is lost on the publisher's long way and sent again.
#include "tests/unit/router/fixture.h"

#define FRAME_US 40000

static struct fx *fx;
static uint32_t random_state;

static void video(uint16_t seq, bool again)
{
	uint8_t payload[2 + 64];
	struct fx_in in = {
	    .ssrc = fx_ssrc(0, 0), .seq = seq, .ts = 3600u * seq, .pt = PT_VP8, .key = !seq, .picture = seq};
	if (again) {
		payload[0] = (uint8_t)(seq >> 8);
		payload[1] = (uint8_t)seq;
		in.raw_bytes = 2 + fx_payload(&in, payload + 2);
		in.raw = payload;
		in.ssrc += 5;
		in.pt = PT_VP8_RTX;
		static uint16_t rtx_seq;
		in.seq = rtx_seq++;
	}
	assert_int_equal(fx_in(fx, 0, &in), 0);
}

// Plays `frames` of one packet each; what is lost comes again after rtt_us. Returns the newest hold told, in ms; -1 none.
static int play(uint16_t *seq, unsigned frames, uint32_t loss_percent, int64_t rtt_us)
{
	static const struct hz_ext_ids ids = {.playout_delay = 13};
	struct {
		int64_t at_us;
		uint16_t seq;
	} lost[64];
	unsigned lost_count = 0;
	int told = -1;
	for (unsigned i = 0; i < frames; i++) {
		random_state = random_state * 1664525u + 1013904223u;
		bool gone = *seq && (random_state >> 8) % 100 < loss_percent;
		if (gone && lost_count < 64) {
			lost[lost_count].at_us = fx->now + FRAME_US + rtt_us;
			lost[lost_count++].seq = *seq;
		} else {
			video(*seq, false);
		}
		(*seq)++;
		fx_advance(fx, FRAME_US);
		for (unsigned l = 0; l < lost_count;) {
			if (lost[l].at_us > fx->now) {
				l++;
				continue;
			}
			video(lost[l].seq, true);
			lost[l] = lost[--lost_count];
		}
		for (size_t o = 0; o < fx->out_count; o++) {
			struct hz_rtp_exts exts;
			hz_rtp_parse_exts(&fx->out[o].p, &ids, &exts);
			if (exts.has & HZ_EXT_PLAYOUT_DELAY)
				told = exts.playout_min_10ms * 10;
		}
		fx_clear(fx);
	}
	return told;
}

static void held_back_for_the_publishers_repairs(void **state)
{
	uint16_t seq = 0;
	fx = fx_new();
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, 1, 1, 0);
	fx_track(fx, 0, 0, HZ_KIND_VIDEO, 1);
	union hz_msg m = fx_sub_msg(0, 1, 0, HZ_KIND_VIDEO);
	m.sub_set.ext.playout_delay = 13;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	assert_int_equal(play(&seq, 250, 0, 300000), -1); // nothing is told without need
	assert_in_range(play(&seq, 500, 10, 300000), 350, 440);
	assert_in_range(play(&seq, 500, 0, 300000), 350, 440); // twenty seconds without loss prove little
	assert_int_equal(play(&seq, 500, 0, 300000), 0);       // and then it is taken back
	assert_int_equal(play(&seq, 500, 10, 40000), 0);       // near: receivers do that by themselves
	fx_free(fx);
}

// What was told is not in the arena, and the receiver goes by it for ever: a new worker begins by taking it back.
static void restarts_without_a_delay(void **state)
{
	uint16_t seq = 0;
	fx = fx_new();
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, 1, 1, 0);
	fx_track(fx, 0, 0, HZ_KIND_VIDEO, 1);
	union hz_msg m = fx_sub_msg(0, 1, 0, HZ_KIND_VIDEO);
	m.sub_set.ext.playout_delay = 13;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	assert_in_range(play(&seq, 500, 10, 300000), 350, 440);
	fx_restart(fx);
	assert_int_equal(play(&seq, 50, 0, 300000), 0);
	assert_in_range(play(&seq, 500, 10, 300000), 350, 440); // and raises it where it is needed
	fx_free(fx);
}

// A publisher's own would stay with the slot, whoever is shown in it next.
static void a_publishers_own_is_not_passed_on(void **state)
{
	static const struct hz_ext_ids ids = {.orientation = 12, .playout_delay = 13};
	fx = fx_new();
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, 1, 1, 0);
	fx_track(fx, 0, 0, HZ_KIND_VIDEO, 1);
	union hz_msg m = fx_sub_msg(0, 1, 0, HZ_KIND_VIDEO);
	m.sub_set.ext.playout_delay = 13;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	struct fx_in in = {
	    .ssrc = fx_ssrc(0, 0), .seq = 1, .ts = 1, .pt = PT_VP8, .key = true, .playout_10ms = 4095};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, 1);
	struct hz_rtp_exts exts;
	hz_rtp_parse_exts(&fx->out[0].p, &ids, &exts);
	assert_int_equal(exts.has & HZ_EXT_PLAYOUT_DELAY, 0);
	fx_free(fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(held_back_for_the_publishers_repairs),
	    cmocka_unit_test(restarts_without_a_delay),
	    cmocka_unit_test(a_publishers_own_is_not_passed_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
