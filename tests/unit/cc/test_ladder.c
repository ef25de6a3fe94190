// The ladder of layers, stills and nothing; and the budget.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "media/cc/ladder.h"
#include "media/cc/pacer.h"

#define SECOND 1000000

static struct hz_ladder_slot slots[HZ_LADDER_MAX_SLOTS + 1];
static struct hz_ladder_wish wishes[HZ_LADDER_MAX_SLOTS + 1];
static int64_t now;

static int setup(void **state)
{
	memset(slots, 0, sizeof(slots));
	memset(wishes, 0, sizeof(wishes));
	now = 5000 * (int64_t)SECOND;
	return 0;
}

static void simulcast(unsigned i, uint32_t priority)
{
	wishes[i] = (struct hz_ladder_wish){.slot = &slots[i],
	                                    .option = {{.bps = 150000, .layer = 0},
	                                               {.bps = 500000, .layer = 1},
	                                               {.bps = 1500000, .layer = 2}},
	                                    .options = 3,
	                                    .priority = priority};
}

static void decide(unsigned count, uint64_t bps)
{
	struct hz_ladder_round round = {.bps = bps, .now_us = now};
	assert_int_equal(hz_ladder_run(wishes, count, &round), 0);
	now += SECOND / 10;
}

static void decide_for(unsigned count, uint64_t bps, unsigned seconds)
{
	for (unsigned i = 0; i < 10 * seconds; i++)
		decide(count, bps);
}

static void takes_what_fits(void **state)
{
	simulcast(0, 0);
	decide(1, 10000000);
	assert_int_equal(slots[0].step, HZ_STEP_FULL);
	assert_int_equal(slots[0].choice, 2);
	decide(1, 600000); // down at once
	assert_int_equal(slots[0].step, HZ_STEP_LOWER);
	assert_int_equal(slots[0].choice, 1);
	decide(1, 200000);
	assert_int_equal(slots[0].choice, 0);
	decide(1, 20000);
	assert_int_equal(slots[0].step, HZ_STEP_STILL);
	decide(1, 1000);
	assert_int_equal(slots[0].step, HZ_STEP_OFF);
	decide_for(1, 20000, 10); // and back by itself
	assert_int_equal(slots[0].step, HZ_STEP_STILL);
	decide_for(1, 10000000, 30);
	assert_int_equal(slots[0].step, HZ_STEP_FULL);
}

static void rises_with_a_margin_and_not_at_once(void **state)
{
	simulcast(0, 0);
	decide(1, 400000);
	assert_int_equal(slots[0].choice, 0);
	decide_for(1, 510000, 20); // fits barely
	assert_int_equal(slots[0].choice, 0);
	decide_for(1, 600000, 2);
	assert_int_equal(slots[0].choice, 1);
	decide(1, 505000); // what it has it keeps without a margin
	assert_int_equal(slots[0].choice, 1);
}

// More of the same pictures needs room for what is more of them only; a larger picture for all of it.
static void more_of_the_same_needs_less_room(void **state)
{
	simulcast(0, 0);
	wishes[0].option[1] = (struct hz_ladder_option){.bps = 230000, .layer = 0, .temporal = 1};
	decide(1, 200000);
	assert_int_equal(slots[0].choice, 0);
	decide_for(1, 235000, 10);
	assert_int_equal(slots[0].choice, 0);
	decide_for(1, 242000, 2);
	assert_int_equal(slots[0].choice, 1);
	decide_for(1, 1680000, 20); // an eighth of 1500000 would be missing
	assert_int_equal(slots[0].choice, 1);
	decide_for(1, 1690000, 3);
	assert_int_equal(slots[0].choice, 2);
}

// A link that swings once a second: the slot does not swing with it for long.
static void swings_are_damped(void **state)
{
	unsigned changes = 0;
	uint8_t before;
	simulcast(0, 0);
	decide(1, 300000);
	before = slots[0].choice;
	for (unsigned i = 0; i < 60; i++) {
		for (unsigned n = 0; n < 20; n++) {
			decide(1, i % 2 ? 700000 : 300000);
			changes += slots[0].choice != before;
			before = slots[0].choice;
		}
	}
	assert_in_range(changes, 2, 40); // 120 without damping
}

// Seconds of ten in which it is seen in motion on a link that breaks down for a moment, each time a picture larger than that
// has stood for two seconds.
static unsigned fluent(uint8_t choice)
{
	unsigned seen = 0, stood = 0;
	(void)setup(NULL);
	simulcast(0, 0);
	for (unsigned i = 0; i < 2000; i++) {
		bool stands = slots[0].known && slots[0].step <= HZ_STEP_LOWER && slots[0].choice >= choice;
		stood = stands ? stood + 1 : 0;
		decide(1, stood > 20 ? 20000 : 4000000);
		seen += slots[0].step <= HZ_STEP_LOWER;
	}
	return seen / 200;
}

// What is too much again and again is the large picture: the smallest does not wait with it where there is much more room than
// it takes. Where that one does not last either, it waits as well, and sound is left alone.
static void the_smallest_does_not_wait_for_the_largest(void **state)
{
	assert_in_range(fluent(2), 7, 10);
	assert_in_range(fluent(0), 0, 3);
}

static void after_an_outage_nobody_waits(void **state)
{
	simulcast(0, 0);
	decide(1, 2000000);
	decide_for(1, 0, 5);
	assert_int_equal(slots[0].step, HZ_STEP_OFF);
	struct hz_ladder_round round = {.bps = 2000000, .now_us = now, .urgent = true};
	assert_int_equal(hz_ladder_run(wishes, 1, &round), 0);
	assert_int_equal(slots[0].step, HZ_STEP_FULL);
}

static void priority_first(void **state)
{
	simulcast(0, 0);
	simulcast(1, 5);
	decide(2, 1700000);
	assert_int_equal(slots[1].choice, 2);
	assert_int_equal(slots[1].step, HZ_STEP_FULL);
	assert_int_equal(slots[0].choice, 0); // but each has its least
	decide(2, 170000);
	assert_int_equal(slots[1].choice, 0);
	assert_int_equal(slots[1].step, HZ_STEP_LOWER);
	assert_int_equal(slots[0].step, HZ_STEP_STILL);
}

static void equals_share(void **state)
{
	for (unsigned i = 0; i < 4; i++)
		simulcast(i, 0);
	decide(4, 2100000);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(slots[i].choice, 1);
}

static void a_guess_takes_no_picture_away(void **state)
{
	simulcast(0, 0);
	struct hz_ladder_round round = {.bps = 1000, .now_us = now, .floor = true};
	assert_int_equal(hz_ladder_run(wishes, 1, &round), 0);
	assert_int_equal(slots[0].step, HZ_STEP_LOWER);
	assert_int_equal(slots[0].choice, 0);
}

static void the_unmeasured_fits(void **state)
{
	simulcast(0, 0);
	for (unsigned i = 0; i < 3; i++)
		wishes[0].option[i].bps = 0;
	decide(1, 100000);
	assert_int_equal(slots[0].step, HZ_STEP_FULL);
	wishes[0].options = 0; // a track that sends nothing
	decide(1, 0);
	assert_int_equal(slots[0].step, HZ_STEP_FULL);
}

static void single_layer_has_no_lower(void **state)
{
	simulcast(0, 0);
	wishes[0].option[0].bps = 1000000;
	wishes[0].options = 1;
	decide(1, 2000000);
	assert_int_equal(slots[0].step, HZ_STEP_FULL);
	decide(1, 900000);
	assert_int_equal(slots[0].step, HZ_STEP_STILL);
	decide_for(1, 1200000, 5);
	assert_int_equal(slots[0].step, HZ_STEP_FULL);
}

// A better liked option that costs less than the one before it: the one before is never taken.
static void a_bargain_is_taken(void **state)
{
	simulcast(0, 0);
	wishes[0].option[1].bps = 2000000;
	decide(1, 1600000);
	assert_int_equal(slots[0].choice, 2);
}

static void bounds(void **state)
{
	struct hz_ladder_round round = {.bps = UINT64_MAX, .now_us = now};
	for (unsigned i = 0; i <= HZ_LADDER_MAX_SLOTS; i++)
		simulcast(i, i % 3);
	assert_int_equal(hz_ladder_run(wishes, HZ_LADDER_MAX_SLOTS + 1, &round), -E2BIG);
	assert_int_equal(hz_ladder_run(wishes, HZ_LADDER_MAX_SLOTS, &round), 0);
	assert_int_equal(hz_ladder_run(wishes, 0, &round), 0);
	assert_int_equal(hz_ladder_demand(wishes, HZ_LADDER_MAX_SLOTS), 1500000ull * HZ_LADDER_MAX_SLOTS);
	for (unsigned i = 0; i < HZ_LADDER_MAX_SLOTS; i++) {
		assert_int_equal(slots[i].step, HZ_STEP_FULL);
		slots[i].choice = 2;
		wishes[i].options = 1; // layers went away
	}
	assert_int_equal(hz_ladder_run(wishes, HZ_LADDER_MAX_SLOTS, &round), 0);
	assert_int_equal(slots[0].choice, 0);
}

// What is handed out never exceeds what there is, whatever the wishes.
static void never_more_than_there_is(void **state)
{
	uint32_t r = 7;
	for (unsigned round = 0; round < 3000; round++) {
		unsigned count = 1 + round % 8;
		uint64_t sum = 0, bps;
		for (unsigned i = 0; i < count; i++) {
			r = r * 1664525 + 1013904223;
			simulcast(i, (r >> 10) % 3);
			for (unsigned o = 0; o < 3; o++) {
				r = r * 1664525 + 1013904223;
				wishes[i].option[o].bps = 1 + (r >> 8) % 2000000;
			}
		}
		r = r * 1664525 + 1013904223;
		bps = (r >> 8) % 6000000;
		decide(count, bps);
		for (unsigned i = 0; i < count; i++) {
			if (slots[i].step == HZ_STEP_STILL)
				sum += HZ_LADDER_STILL_BPS;
			else if (slots[i].step != HZ_STEP_OFF)
				sum += wishes[i].option[slots[i].choice].bps;
		}
		assert_true(sum <= bps);
	}
}

static void far_from_the_limit_the_budget_is_off(void **state)
{
	struct hz_pacer p = {0};
	hz_pacer_set(&p, UINT32_MAX, 1000000, now);
	assert_false(p.on);
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(hz_pacer_may(&p, now));
		hz_pacer_spend(&p, 1200);
	}
	hz_pacer_set(&p, 1100000, 1000000, now);
	assert_false(p.on);
	hz_pacer_set(&p, 900000, 1000000, now);
	assert_true(p.on);
	hz_pacer_set(&p, 1100000, 1000000, now); // no fluttering
	assert_true(p.on);
	hz_pacer_set(&p, 1200000, 1000000, now);
	assert_false(p.on);
	hz_pacer_set(&p, 400000, 1000, now); // so narrow that a picture is a queue
	assert_true(p.on);
}

static void a_narrow_one_spreads(void **state)
{
	struct hz_pacer p = {0};
	hz_pacer_set(&p, 64000, 60000, now);
	assert_true(p.on);
	unsigned sent = 0;
	for (unsigned ms = 0; ms < 10000; ms += 5) {
		now += 5000;
		while (hz_pacer_may(&p, now)) {
			hz_pacer_spend(&p, 1200);
			sent++;
		}
	}
	assert_in_range(sent, 45, 70); // 61 kb/s for 10 s
	for (unsigned i = 0; i < 1000; i++)
		hz_pacer_spend(&p, 1200); // audio does not ask
	now += SECOND;
	assert_true(hz_pacer_may(&p, now)); // and what it owes is bounded
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(takes_what_fits, setup),
	    cmocka_unit_test_setup(rises_with_a_margin_and_not_at_once, setup),
	    cmocka_unit_test_setup(more_of_the_same_needs_less_room, setup),
	    cmocka_unit_test_setup(swings_are_damped, setup),
	    cmocka_unit_test_setup(the_smallest_does_not_wait_for_the_largest, setup),
	    cmocka_unit_test_setup(after_an_outage_nobody_waits, setup),
	    cmocka_unit_test_setup(priority_first, setup),
	    cmocka_unit_test_setup(equals_share, setup),
	    cmocka_unit_test_setup(a_guess_takes_no_picture_away, setup),
	    cmocka_unit_test_setup(the_unmeasured_fits, setup),
	    cmocka_unit_test_setup(single_layer_has_no_lower, setup),
	    cmocka_unit_test_setup(a_bargain_is_taken, setup),
	    cmocka_unit_test_setup(bounds, setup),
	    cmocka_unit_test_setup(never_more_than_there_is, setup),
	    cmocka_unit_test_setup(far_from_the_limit_the_budget_is_off, setup),
	    cmocka_unit_test_setup(a_narrow_one_spreads, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
