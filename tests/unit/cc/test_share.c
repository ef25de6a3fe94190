// A share of a link for images: out of what pictures use, never out of audio, never so that pictures go off; and it ends.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "media/cc/share.h"

#define SECOND 1000000

static struct hz_share share;
static struct hz_share_in in;

static int setup(void **state)
{
	share = (struct hz_share){0};
	in = (struct hz_share_in){.target_bps = 1000000,
	                          .audio_bps = 60000,
	                          .least_bps = 150000,
	                          .sending_bps = 960000,
	                          .now_us = 5000ll * SECOND};
	return 0;
}

static uint64_t round_after(int64_t us)
{
	in.now_us += us;
	return hz_share_round(&share, &in);
}

static void taken_out_and_given_back(void **state)
{
	assert_int_equal(round_after(0), 940000); // nobody wants one
	assert_int_equal(share.bps, 0);
	hz_share_ask(&share, 2 * SECOND, in.now_us);
	assert_int_equal(round_after(0), 640000);
	assert_int_equal(share.bps, 300000);
	assert_false(share.ready); // pictures are still there
	in.sending_bps = 650000;
	round_after(SECOND / 10);
	assert_true(share.ready);
	in.sending_bps = 960000;
	round_after(SECOND / 10);
	assert_true(share.ready);                    // images go out by now: it stays
	hz_share_ask(&share, SECOND / 2, in.now_us); // a shorter wish takes nothing back
	assert_int_equal(round_after(SECOND), 640000);
	assert_int_equal(round_after(SECOND), 940000);
	assert_int_equal(share.bps, 0);
	assert_false(share.ready);
}

static void waits_are_bounded(void **state)
{
	hz_share_ask(&share, 3600ll * SECOND, in.now_us); // far too long
	round_after(0);
	round_after(HZ_SHARE_WAIT_US - 1);
	assert_false(share.ready); // pictures do not yield
	round_after(1);
	assert_true(share.ready);
	round_after(HZ_SHARE_MAX_US);
	assert_int_equal(share.bps, 0);
}

static void pictures_stay_where_they_can_be_small(void **state)
{
	hz_share_ask(&share, SECOND, in.now_us);
	in.least_bps = 900000; // it has no smaller size
	assert_int_equal(round_after(0), 900000);
	assert_in_range(share.bps, HZ_SHARE_LEAST_BPS, 40000);
	in.least_bps = 930000;
	assert_int_equal(round_after(0), 930000);
	assert_int_equal(share.bps, 0);
	in.least_bps = 5000000; // it never fitted
	assert_int_equal(round_after(0), 940000);
	assert_int_equal(share.bps, 0);
}

static void bounded_on_both_sides(void **state)
{
	in.target_bps = 80000;
	hz_share_ask(&share, 5 * SECOND, in.now_us);
	in.least_bps = 0;
	assert_int_equal(round_after(0), 0); // audio has 60,000 of it
	assert_int_equal(share.bps, 0);
	in.target_bps = 30000;
	assert_int_equal(round_after(SECOND), 0);
	assert_int_equal(share.bps, 0);
	in.target_bps = 0; // an outage
	assert_int_equal(round_after(SECOND), 0);
	assert_int_equal(share.bps, 0);
	in.target_bps = 100000000;
	assert_int_equal(round_after(SECOND), 100000000 - 60000 - HZ_SHARE_MOST_BPS);
	assert_int_equal(share.bps, HZ_SHARE_MOST_BPS);
	in.target_bps = UINT32_MAX;
	in.audio_bps = UINT32_MAX;
	assert_int_equal(round_after(SECOND), 0);
	assert_int_equal(share.bps, 0);
}

// What images take is missing in the estimate, and is not taken from pictures a second time; a smaller link is.
static void what_images_take_counts_once(void **state)
{
	hz_share_ask(&share, 9 * SECOND, in.now_us);
	assert_int_equal(round_after(0), 640000);
	in.target_bps = 800000; // 200,000 of images flow
	assert_int_equal(round_after(SECOND), 640000);
	assert_int_equal(share.bps, 300000);
	in.target_bps = 400000; // so much do they not take
	for (int i = 0; i < 20; i++)
		round_after(SECOND / 10);
	assert_in_range(hz_share_round(&share, &in), 250000, 340000);
	assert_in_range(share.bps, 60000, 200000);
	in.target_bps = 3000000;
	assert_int_equal(round_after(SECOND), 3000000 - 60000 - 900000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(taken_out_and_given_back, setup),
	    cmocka_unit_test_setup(waits_are_bounded, setup),
	    cmocka_unit_test_setup(pictures_stay_where_they_can_be_small, setup),
	    cmocka_unit_test_setup(bounded_on_both_sides, setup),
	    cmocka_unit_test_setup(what_images_take_counts_once, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
