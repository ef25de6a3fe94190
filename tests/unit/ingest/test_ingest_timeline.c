#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "media/ingest/timeline.h"

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

static void by_arrival_with_one_offset(void **state)
{
	struct hz_timeline t = {0};
	assert_int_equal(hz_timeline_map(&t, 70 * S, 5 * S), 5 * S);
	// later ones keep their distances, however they arrive
	assert_int_equal(hz_timeline_map(&t, 70 * S + 40 * MS, 5 * S + 90 * MS), 5 * S + 40 * MS);
	assert_int_equal(hz_timeline_map(&t, 70 * S + 20 * MS, 5 * S + 95 * MS), 5 * S + 20 * MS);
	assert_int_equal(hz_timeline_map(&t, -1, 6 * S), 6 * S); // no timestamp
}

static void a_jump_begins_anew(void **state)
{
	struct hz_timeline t = {0};
	(void)hz_timeline_map(&t, S, 10 * S);
	assert_int_equal(hz_timeline_map(&t, 3600 * S, 11 * S), 11 * S);
	assert_int_equal(hz_timeline_map(&t, 3600 * S + 40 * MS, 11 * S), 11 * S + 40 * MS);
	assert_int_equal(hz_timeline_map(&t, 0, 12 * S), 12 * S);
	assert_int_equal(hz_timeline_map(&t, INT64_MAX / 2, 13 * S), 13 * S);
	assert_int_equal(hz_timeline_map(&t, 0, 14 * S), 12 * S);
	assert_int_equal(hz_timeline_map(&t, INT64_MAX, 15 * S), 15 * S); // no sum of these overflows
	assert_false(hz_timeline_report(&t, INT64_MAX, 1700000000 * S, 0, 1700000001 * S));
	assert_int_equal(hz_timeline_map(&t, 40 * MS, 14 * S), 12 * S + 40 * MS);
	hz_timeline_reset(&t);
	assert_int_equal(hz_timeline_map(&t, 2 * S, S), S);
	assert_int_equal(hz_timeline_map(&t, 0, S), 0); // never negative
}

static void two_cameras_meet_by_their_reports(void **state)
{
	const int64_t wall = 1700000000 * S;
	struct hz_timeline a = {0}, b = {0};
	// Both captured the same moment; one comes 300 ms later.
	(void)hz_timeline_map(&a, 10 * S, 20 * S);
	(void)hz_timeline_map(&b, 55 * S, 20 * S + 300 * MS);
	assert_true(hz_timeline_report(&a, 10 * S, wall, 20 * S, wall + 50 * MS));
	assert_true(hz_timeline_report(&b, 55 * S, wall, 20 * S + 300 * MS, wall + 350 * MS));
	int64_t at_a = hz_timeline_map(&a, 10 * S, 20 * S),
	        at_b = hz_timeline_map(&b, 55 * S, 20 * S + 300 * MS);
	assert_int_equal(at_a, at_b);
	// small differences of later reports move nothing
	assert_true(hz_timeline_report(&a, 11 * S, wall + S + 5 * MS, 21 * S, wall + S + 50 * MS));
	assert_int_equal(hz_timeline_map(&a, 10 * S, 20 * S), at_a);
}

static void a_wrong_clock_is_not_believed(void **state)
{
	const int64_t wall = 1700000000 * S;
	struct hz_timeline t = {0};
	(void)hz_timeline_map(&t, S, 5 * S);
	assert_false(hz_timeline_report(&t, S, wall - 3 * S, 5 * S, wall));
	assert_false(hz_timeline_report(&t, S, wall + 3 * S, 5 * S, wall));
	assert_false(hz_timeline_report(&t, S, 0, 5 * S, wall));
	assert_false(hz_timeline_report(&t, -1, wall, 5 * S, wall));
	assert_false(t.synced);
	assert_int_equal(hz_timeline_map(&t, S, 5 * S), 5 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_arrival_with_one_offset),
	    cmocka_unit_test(a_jump_begins_anew),
	    cmocka_unit_test(two_cameras_meet_by_their_reports),
	    cmocka_unit_test(a_wrong_clock_is_not_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
