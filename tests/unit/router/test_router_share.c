// Images over the same link as a call: pictures make room first, in order, and come back; sound does not notice.
#include "tests/unit/router/world.h"

static int ask_share(uint32_t slot, uint32_t ms)
{
	union hz_msg m = {.peer_share = {.peer = HZ_ID(slot, 1), .for_ms = ms}};
	return fx_command(w.fx, &m, HZ_CMD_PEER_SHARE, sizeof(m.peer_share));
}

// Images are about to come over a link that pictures fill: pictures step down in order first, none is lost, and they come back.
static void images_get_a_share(void **state)
{
	w.link_bps = 2200000;
	w.layer_bps[2] = 1400000;
	run(9000);
	assert_int_equal(w.layer[0], 2);
	assert_int_equal(w.shares, 0);
	forget();
	assert_int_equal(ask_share(1, 2500), 0);
	run(1200);
	assert_int_equal(w.layer[0], 1); // at once, and only one step
	assert_true(w.shares >= 1);
	assert_in_range(w.share_bps, 400000, 700000);
	assert_true(w.max_audio_wait_us < 60 * MS);
	assert_true(w.frames[1] + w.frames[2] >= 30);
	unsigned told = w.shares;
	for (int i = 0; i < 6; i++) { // as long as it is wanted
		assert_int_equal(ask_share(1, 2500), 0);
		run(1000);
		assert_int_equal(w.layer[0], 1);
	}
	assert_in_range(w.shares, told + 6, told + 40);
	run(3000);
	told = w.shares;
	run(10000);
	assert_int_equal(w.layer[0], 2); // it ended by itself
	assert_int_equal(w.shares, told);
	assert_int_equal(w.audio_dropped, 0);
}

// Where there is room for both nothing changes.
static void wide_links_keep_their_pictures(void **state)
{
	w.link_bps = 20000000;
	run(9000);
	forget();
	assert_int_equal(ask_share(1, 2500), 0);
	run(400);
	assert_true(w.shares >= 1); // at once
	run(2000);
	assert_int_equal(w.layer[0], 2);
	assert_int_equal(w.frames[0] + w.frames[1], 0);
}

static void shares_that_cannot_be(void **state)
{
	assert_int_equal(ask_share(1, 2500), 0); // nothing is known of its link
	assert_int_equal(ask_share(7, 2500), -ENOENT);
	assert_int_equal(ask_share(0, UINT32_MAX), 0); // it receives nothing
	run(1000);
	assert_int_equal(w.shares, 0);
	run(8000);
	w.fx->api_full = true;
	assert_int_equal(ask_share(1, UINT32_MAX), 0);
	run(3000);
	assert_int_equal(w.shares, 0);
	w.fx->api_full = false;
	run(500);
	assert_true(w.shares >= 1);
	run(12000); // longer than anybody may ask for
	unsigned told = w.shares;
	run(2000);
	assert_int_equal(w.shares, told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(images_get_a_share, setup, teardown),
	    cmocka_unit_test_setup_teardown(wide_links_keep_their_pictures, setup, teardown),
	    cmocka_unit_test_setup_teardown(shares_that_cannot_be, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
