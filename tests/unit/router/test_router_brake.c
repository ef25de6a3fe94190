// A publisher whose uplink became narrow is told so by REMB at once, and control with it.
#include "tests/unit/router/fixture.h"

#include "media/rtp/remb.h"

#define MS 1000

static uint16_t number;

static int setup(void **state)
{
	struct fx *fx = fx_two();
	union hz_msg t = fx_track_msg(0, 0, HZ_KIND_VIDEO, 1);
	t.track_set.ext.abs_send_time = 10;
	t.track_set.pt[0].flags |= HZ_PT_REMB;
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	fx_sub(fx, 0, 1, 0, HZ_KIND_VIDEO);
	number = 100;
	*state = fx;
	return 0;
}

// A packet each 10 ms, this long on its way; each `comes`th comes.
static void packets(struct fx *fx, unsigned count, int64_t way_us, unsigned comes)
{
	static const struct hz_ext_ids ids = {.twcc = 5, .abs_send_time = 10};
	for (unsigned i = 0; i < count; i++, number++) {
		uint8_t buf[512] = {0};
		struct hz_rtp_exts exts = {.has = HZ_EXT_TWCC | HZ_EXT_ABS_SEND_TIME,
		                           .twcc_seq = number,
		                           .abs_send_time = hz_abs_send_time(fx->now - way_us)};
		struct hz_rtp_header h = {
		    .ts = 900u * number, .ssrc = fx_ssrc(0, 0), .seq = number, .pt = PT_VP8};
		struct hz_rtp_offsets at;
		assert_int_equal(hz_rtp_write_header(buf, 256, &h, &exts, &ids, &at), 0);
		buf[at.header_bytes] = 0x10;
		buf[at.header_bytes + 1] = 1;
		if (number % comes == 0)
			(void)hz_router_rtp(fx->router, 0, buf, sizeof(buf), 0, fx->now);
		fx_advance(fx, 10 * MS);
	}
}

static void becomes_narrow(struct fx *fx)
{
	packets(fx, 200, 20 * MS, 1); // 512 bytes each: 410 kb/s
	packets(fx, 50, 270 * MS, 2); // 205 of them come
}

// The newest REMB to a peer, 0: none; *count: how many.
static uint64_t remb(const struct fx *fx, uint32_t slot, unsigned *count)
{
	uint64_t bps = 0;
	*count = 0;
	for (size_t i = 0; i < fx->rtcp_count; i++) {
		struct hz_rtcp_iter it;
		struct hz_rtcp_packet p;
		struct hz_rtcp_feedback fb;
		struct hz_rtcp_remb told;
		if (fx->rtcp[i].slot != slot)
			continue;
		hz_rtcp_iter_init(&it, fx->rtcp[i].data, fx->rtcp[i].bytes);
		while (hz_rtcp_next(&it, &p) == 1) {
			if (p.type != HZ_RTCP_PSFB || p.count != HZ_PSFB_AFB ||
			    hz_rtcp_parse_feedback(&p, &fb) || hz_rtcp_parse_remb(&fb, &told))
				continue;
			assert_int_equal(told.ssrc_count, 1);
			bps = told.bps;
			++*count;
		}
	}
	return bps;
}

static void it_is_told_and_lifted(void **state)
{
	struct fx *fx = *state;
	unsigned count;
	packets(fx, 200, 20 * MS, 1); // 512 bytes each: 410 kb/s
	(void)remb(fx, 0, &count);
	assert_int_equal(count, 0);
	fx_clear(fx);
	packets(fx, 50, 270 * MS, 2); // 205 of them come
	assert_in_range(remb(fx, 0, &count), 205000 * 6 / 10, 205000 * 8 / 10);
	assert_in_range(count, 1, 2);
	assert_int_equal(fx_events_seen(fx, HZ_EV_PEER_UPLINK), 1);
	for (size_t i = 0; i < fx->events_count; i++) {
		if (fx->events[i].h.type == HZ_EV_PEER_UPLINK) {
			assert_int_equal(fx->events[i].uplink.peer, HZ_ID(0, 1));
			assert_in_range(fx->events[i].uplink.bps, 180000, 230000);
		}
	}
	(void)remb(fx, 1, &count); // nobody else
	assert_int_equal(count, 0);
	fx_clear(fx);
	packets(fx, 300, 20 * MS, 1);
	assert_in_range(remb(fx, 0, &count), HZ_REMB_MAX_BPS / 10 * 9, HZ_REMB_MAX_BPS);
	assert_int_equal(fx_events_seen(fx, HZ_EV_PEER_UPLINK), 0);
	fx_clear(fx);
	packets(fx, 500, 20 * MS, 1); // what lifts it may be lost: each report says it again
	assert_in_range(remb(fx, 0, &count), HZ_REMB_MAX_BPS / 10 * 9, HZ_REMB_MAX_BPS);
	assert_in_range(count, 4, 6);
}

static void whoever_falls_silent_is_not_held(void **state)
{
	struct fx *fx = *state;
	unsigned count;
	becomes_narrow(fx);
	fx_clear(fx);
	fx_advance(fx, 6000 * MS);
	assert_in_range(remb(fx, 0, &count), HZ_REMB_MAX_BPS / 10 * 9, HZ_REMB_MAX_BPS);
	assert_in_range(count, 5, 7);
	packets(fx, 200, 20 * MS, 1);
	assert_in_range(remb(fx, 0, &count), HZ_REMB_MAX_BPS / 10 * 9, HZ_REMB_MAX_BPS);
}

// What it was told holds for its sound, too: lifted when the picture has gone meanwhile.
static void without_the_picture_it_is_lifted_by_sound(void **state)
{
	struct fx *fx = *state;
	unsigned count;
	becomes_narrow(fx);
	union hz_msg t = fx_track_msg(0, 0, HZ_KIND_VIDEO, 1);
	t.track_set.ext.abs_send_time = 10; // and no REMB: as sound
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	fx_clear(fx);
	packets(fx, 300, 20 * MS, 1);
	assert_in_range(remb(fx, 0, &count), HZ_REMB_MAX_BPS / 10 * 9, HZ_REMB_MAX_BPS);
}

// However little comes through: sound has to.
static void sound_is_left_room(void **state)
{
	struct fx *fx = *state;
	unsigned count;
	packets(fx, 200, 20 * MS, 1);
	packets(fx, 60, 270 * MS, 7); // 58 kb/s
	assert_in_range(remb(fx, 0, &count), HZ_REMB_MIN_BPS - 500, HZ_REMB_MIN_BPS);
	assert_int_not_equal(count, 0);
}

// No room for the event: the publisher is told nevertheless.
static void control_that_does_not_listen(void **state)
{
	struct fx *fx = *state;
	unsigned count;
	packets(fx, 200, 20 * MS, 1);
	fx->api_full = true;
	packets(fx, 50, 270 * MS, 2);
	assert_in_range(remb(fx, 0, &count), 205000 * 6 / 10, 205000 * 8 / 10);
	assert_int_equal(fx_events_seen(fx, HZ_EV_PEER_UPLINK), 0);
}

// The worker dies while it brakes: the next one knows nothing of that, and lifts it.
static void a_new_worker_lifts_it(void **state)
{
	struct fx *fx = *state;
	unsigned count;
	becomes_narrow(fx);
	fx_restart(fx);
	fx_clear(fx);
	packets(fx, 200, 20 * MS, 1);
	assert_in_range(remb(fx, 0, &count), HZ_REMB_MAX_BPS / 10 * 9, HZ_REMB_MAX_BPS);
	assert_in_range(count, 1, 3);
}

// Who never said goog-remb is told nothing, and has nothing to be lifted.
static void who_takes_no_remb_gets_none(void **state)
{
	struct fx *fx = *state;
	unsigned count;
	union hz_msg t = fx_track_msg(0, 0, HZ_KIND_VIDEO, 1);
	t.track_set.ext.abs_send_time = 0;
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	packets(fx, 200, 20 * MS, 1);
	fx_restart(fx);
	fx_clear(fx);
	packets(fx, 300, 20 * MS, 1);
	(void)remb(fx, 0, &count);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_is_told_and_lifted, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(whoever_falls_silent_is_not_held, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(without_the_picture_it_is_lifted_by_sound, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(sound_is_left_room, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(control_that_does_not_listen, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(a_new_worker_lifts_it, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(who_takes_no_remb_gets_none, setup, fx_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
