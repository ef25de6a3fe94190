// A slot that is cut (HZ_SUB_PAUSED) and let go on: what was before, and what came meanwhile, never goes out.
#include "tests/unit/router/fixture.h"

#define VIDEO HZ_KIND_VIDEO

static int setup(void **state)
{
	struct fx *fx = fx_two();
	fx_track(fx, 0, 0, VIDEO, 1);
	*state = fx;
	return 0;
}

static void slot(struct fx *fx, uint32_t flags)
{
	union hz_msg m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.flags = (uint8_t)flags;
	assert_int_equal(fx_sub_set(fx, &m), 0);
}

static void nothing_of_before_is_sent_again(void **state)
{
	struct fx *fx = *state;
	slot(fx, HZ_SUB_LIVE);
	fx_video(fx, 1, true);
	for (uint16_t s = 2; s < 10; s++)
		fx_video(fx, s, false);
	struct fx_packet lost = fx->out[fx->out_count - 3];
	fx_clear(fx);
	slot(fx, HZ_SUB_LIVE | HZ_SUB_PAUSED);
	assert_int_equal(fx_nack(fx, 1, 900000, lost.p.seq), 0);
	assert_int_equal(fx->out_count, 0);
	fx_video(fx, 10, true);
	slot(fx, HZ_SUB_LIVE | HZ_SUB_PAUSED); // said again
	fx_video(fx, 11, false);
	assert_int_equal(fx->out_count, 0);
	slot(fx, HZ_SUB_LIVE);
	assert_int_equal(fx_nack(fx, 1, 900000, lost.p.seq), 0);
	assert_int_equal(fx->out_count, 0);
	fx_video(fx, 12, true);
	assert_int_equal(fx->out_count, 1);
	fx->now += 100000;
	assert_int_equal(fx_nack(fx, 1, 900000, fx->out[0].p.seq), 0); // what came after is
	assert_int_equal(fx->out_count, 2);
}

// The keyframe that came during the cut lies in the history: others begin with it, a broadcast does not.
static void goes_on_with_what_comes_then(void **state)
{
	struct fx *fx = *state;
	slot(fx, HZ_SUB_LIVE | HZ_SUB_PAUSED);
	fx_video(fx, 1, true);
	fx_video(fx, 2, false);
	slot(fx, HZ_SUB_LIVE);
	fx_video(fx, 3, false);
	assert_int_equal(fx->out_count, 0);
	assert_true(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI) > 0);
	fx_video(fx, 4, true);
	assert_true(fx->out_count > 0);
	const struct fx_packet *last = &fx->out[fx->out_count - 1];
	for (size_t i = 0; i < fx->out_count; i++) // empty ones go before a stream's first packet
		assert_true(fx->out[i].p.payload_bytes == 0 || i == fx->out_count - 1);
	assert_true(last->p.payload_bytes > 0);
	// Who is no viewer of a broadcast begins at once.
	union hz_msg m = fx_sub_msg(1, 1, 0, VIDEO);
	fx_clear(fx);
	assert_int_equal(fx_sub_set(fx, &m), 0);
	fx_video(fx, 5, false);
	unsigned begun = 0;
	for (size_t i = 0; i < fx->out_count; i++)
		begun += fx->out[i].p.ssrc == 900001;
	assert_true(begun > 1);
}

// A keyframe of during the cut that comes late, behind the resume, begins nothing; nor can what follows it be asked for.
static void late_packets_are_of_before(void **state)
{
	struct fx *fx = *state;
	slot(fx, HZ_SUB_LIVE);
	fx_video(fx, 1, true);
	slot(fx, HZ_SUB_LIVE | HZ_SUB_PAUSED);
	for (uint16_t s = 2; s < 12; s++) {
		if (s != 6)
			fx_video(fx, s, false);
	}
	slot(fx, HZ_SUB_LIVE);
	fx_clear(fx);
	fx_video(fx, 6, true);
	fx_video(fx, 12, false);
	assert_int_equal(fx->out_count, 0);
	fx_video(fx, 13, true);
	assert_int_equal(fx->out_count, 1);
	uint16_t first = fx->out[0].p.seq;
	fx->now += 100000;
	for (uint16_t back = 1; back < 12; back++)
		assert_int_equal(fx_nack(fx, 1, 900000, (uint16_t)(first - back)), 0);
	assert_int_equal(fx->out_count, 1);
	// Nor is a late one of before the switch to another source and back.
	fx_video(fx, 14, false);
	fx_video(fx, 16, false);
	union hz_msg m = fx_sub_msg(0, 1, UINT32_MAX, VIDEO);
	m.sub_set.flags = HZ_SUB_LIVE;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	slot(fx, HZ_SUB_LIVE);
	fx_clear(fx);
	fx_video(fx, 15, true);
	assert_int_equal(fx->out_count, 0);
	fx_video(fx, 17, true);
	assert_int_equal(fx->out_count, 1);
}

// The worker never had the track that the slot is pointed at now: the command is refused, the pause holds.
static void pauses_also_when_refused(void **state)
{
	struct fx *fx = *state;
	slot(fx, HZ_SUB_LIVE);
	fx_video(fx, 1, true);
	union hz_msg m = fx_sub_msg(0, 1, 7, VIDEO);
	m.sub_set.flags = HZ_SUB_LIVE | HZ_SUB_PAUSED;
	assert_int_equal(fx_sub_set(fx, &m), -ENOENT);
	fx_clear(fx);
	fx_video(fx, 2, false);
	fx_video(fx, 3, true);
	assert_int_equal(fx->out_count, 0);
	// One that no check lets through pauses, too; and nobody else's slot.
	slot(fx, HZ_SUB_LIVE);
	m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.flags = HZ_SUB_LIVE | HZ_SUB_PAUSED;
	m.sub_set.pt_count = 255;
	assert_int_equal(fx_sub_set(fx, &m), -EINVAL);
	fx_video(fx, 4, true);
	assert_int_equal(fx->out_count, 0);
	slot(fx, HZ_SUB_LIVE);
	m = fx_sub_msg(0, 0, 0, VIDEO);
	m.sub_set.flags = HZ_SUB_LIVE | HZ_SUB_PAUSED;
	assert_true(fx_sub_set(fx, &m) < 0);
	fx_video(fx, 5, true);
	assert_true(fx->out_count > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {T(nothing_of_before_is_sent_again),
	                                   T(goes_on_with_what_comes_then), T(late_packets_are_of_before),
	                                   T(pauses_also_when_refused)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
