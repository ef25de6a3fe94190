// The time line of a record over clocks that are set and machines that start anew.
#include "tests/unit/rtp/cmocka_all.h"

#include "recorder/finalize/timeline.h"

#define S    1000000ll
#define WALL (1763700000 * S)

static void wall_clock_is_set(void **state)
{
	struct hz_timeline line = {0};
	assert_true(hz_timeline_at(&line, 1, 500 * S, WALL) == WALL);
	static const int64_t set_by[] = {3600 * S, -3600 * S, 86400 * 365 * S, -WALL, INT64_MIN / 2};
	for (int i = 0; i < 5; i++) // in this segment, and at the begin of others
		for (uint32_t segment = 1; segment <= 2; segment++)
			assert_true(hz_timeline_at(&line, segment, (501 + i) * S, WALL + i * S + set_by[i]) ==
			            WALL + (1 + i) * S);
}

static void machine_starts_anew(void **state)
{
	struct hz_timeline line = {0};
	(void)hz_timeline_at(&line, 1, 500 * S, WALL);
	assert_true(hz_timeline_at(&line, 1, 510 * S, WALL + 10 * S) == WALL + 10 * S);
	assert_true(hz_timeline_at(&line, 2, 20 * S, WALL + 70 * S) == WALL + 70 * S);
	assert_true(hz_timeline_at(&line, 2, 21 * S, WALL) == WALL + 71 * S);
	// Once more, and its wall clock stands at 1970 until it hears of the time: it goes on where it was.
	assert_true(hz_timeline_at(&line, 3, 5 * S, 5 * S) == WALL + 71 * S);
	assert_true(hz_timeline_at(&line, 3, 6 * S, WALL + 200 * S) == WALL + 72 * S);
}

static void any_times(void **state)
{
	static const int64_t odd[] = {INT64_MIN, -1, 0, 1, HZ_TIMELINE_MOST, INT64_MAX};
	for (unsigned i = 0; i < 6 * 6 * 6 * 6; i++) {
		struct hz_timeline line = {0};
		(void)hz_timeline_at(&line, 1, odd[i % 6], odd[i / 6 % 6]);
		int64_t us = hz_timeline_at(&line, 2, odd[i / 36 % 6], odd[i / 216]);
		assert_true(us >= -HZ_TIMELINE_MOST && us <= HZ_TIMELINE_MOST);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(wall_clock_is_set),
	                                   cmocka_unit_test(machine_starts_anew),
	                                   cmocka_unit_test(any_times)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
