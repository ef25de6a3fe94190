// Active speaker: speech begins and ends in time, a cough does not flicker, the loudest are chosen.
#include "tests/unit/rtp/cmocka_all.h"

#include <string.h>

#include "media/rtp/level.h"
#include "tests/unit/rtp/random.h"

#define SECOND 1000000
#define PACKET 20000
#define START  (100 * SECOND)

// duration_us of packets at this level; returns the time after them.
static int64_t feed(struct hz_level *l, uint8_t dbov, bool voice, int64_t at_us, int64_t duration_us)
{
	for (int64_t end = at_us + duration_us; at_us < end; at_us += PACKET)
		hz_level_update(l, dbov, voice, at_us);
	return at_us;
}

static void test_nothing_is_silence(void **state)
{
	struct hz_level l;
	hz_level_init(&l);
	assert_int_equal(hz_level_score(&l, 0), 0);
	assert_int_equal(hz_level_score(&l, START), 0);
	feed(&l, 127, false, START, 5 * SECOND);
	assert_int_equal(hz_level_score(&l, START + 5 * SECOND), 0);
	hz_level_init(&l);
	feed(&l, 60, false, START, 5 * SECOND); // a fan, by no detector called voice
	assert_int_equal(hz_level_score(&l, START + 5 * SECOND), 0);
	hz_level_init(&l);
	feed(&l, 80, true, START, 5 * SECOND); // a detector's whim at a whisper's level
	assert_int_equal(hz_level_score(&l, START + 5 * SECOND), 0);
	hz_level_init(&l);
	hz_level_update(&l, 255, true, START); // not a level
	assert_int_equal(hz_level_score(&l, START), 0);
}

static void test_speech_begins_in_time(void **state)
{
	struct hz_level l;
	hz_level_init(&l);
	int64_t now = feed(&l, 127, false, START, SECOND);
	now = feed(&l, 30, true, now, 200000);
	assert_int_equal(hz_level_score(&l, now), 0);
	now = feed(&l, 30, true, now, 400000);
	assert_true(hz_level_score(&l, now) > 0);
}

static void test_cough(void **state)
{
	struct hz_level l;
	hz_level_init(&l);
	int64_t now = START;
	for (int i = 0; i < 20; i++) { // one every 2 s, loud, a quarter of a second
		now = feed(&l, 10, true, now, 250000);
		assert_int_equal(hz_level_score(&l, now), 0);
		now = feed(&l, 90, false, now, 2 * SECOND);
		assert_int_equal(hz_level_score(&l, now), 0);
	}
}

static void test_pauses_in_speech(void **state)
{
	struct hz_level l;
	hz_level_init(&l);
	int64_t now = feed(&l, 30, true, START, 2 * SECOND);
	for (int i = 0; i < 50; i++) {
		now = feed(&l, 75, false, now, 300000);
		assert_true(hz_level_score(&l, now) > 0);
		now = feed(&l, 30, true, now, 600000);
		assert_true(hz_level_score(&l, now) > 0);
	}
}

static void test_silence_ends_it(void **state)
{
	struct hz_level l;
	hz_level_init(&l);
	int64_t now = feed(&l, 20, true, START, 5 * SECOND);
	int64_t silent = feed(&l, 127, false, now, 500000);
	assert_true(hz_level_score(&l, silent) > 0);
	silent = feed(&l, 127, false, silent, 500000);
	assert_int_equal(hz_level_score(&l, silent), 0);
	// the same when the packets just stop (mute, DTX, gone)
	hz_level_init(&l);
	now = feed(&l, 20, true, START, 5 * SECOND);
	assert_true(hz_level_score(&l, now + 500000) > 0);
	assert_int_equal(hz_level_score(&l, now + SECOND), 0);
	assert_int_equal(hz_level_score(&l, now + 3600LL * SECOND), 0);
	hz_level_update(&l, 20, true, now + 10 * SECOND); // one packet later does not bring it back
	assert_int_equal(hz_level_score(&l, now + 10 * SECOND), 0);
}

static void test_any_cadence(void **state)
{
	static const int64_t steps[] = {2500, 10000, 20000, 60000, 120000};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct hz_level l;
		hz_level_init(&l);
		int64_t now = START;
		for (; now < START + 2 * SECOND; now += steps[i])
			hz_level_update(&l, 25, true, now);
		assert_true(hz_level_score(&l, now) > 0);
		for (; now < START + 3 * SECOND; now += steps[i])
			hz_level_update(&l, 100, false, now);
		assert_int_equal(hz_level_score(&l, now), 0);
	}
}

static void test_select(void **state)
{
	struct hz_level l[5];
	struct hz_level *p[5];
	uint32_t index[5];
	for (int i = 0; i < 5; i++) {
		hz_level_init(&l[i]);
		p[i] = &l[i];
	}
	int64_t now = START;
	for (; now < START + 2 * SECOND; now += PACKET) {
		hz_level_update(&l[0], 40, true, now);
		hz_level_update(&l[1], 100, false, now);
		hz_level_update(&l[2], 15, true, now);
		hz_level_update(&l[3], 28, true, now);
	}
	assert_int_equal(hz_level_select(p, 5, now, index, 5), 3);
	assert_true(index[0] == 2 && index[1] == 3 && index[2] == 0);
	assert_true(l[2].rank == 1 && l[3].rank == 2 && l[0].rank == 3 && l[1].rank == 0 && l[4].rank == 0);
	assert_int_equal(hz_level_select(p, 5, now, index, 2), 2);
	assert_true(index[0] == 2 && index[1] == 3 && l[0].rank == 0);
	assert_int_equal(hz_level_select(p, 5, now, index, 0), 0);
	assert_int_equal(hz_level_select(p, 0, now, index, 5), 0);
	assert_int_equal(hz_level_select(p, 5, now + 2 * SECOND, index, 5), 0); // all fell silent
	assert_int_equal(l[2].rank, 0);
}

static void test_order_does_not_flicker(void **state)
{
	struct hz_test_random r = {8};
	struct hz_level l[2];
	struct hz_level *p[2] = {&l[0], &l[1]};
	uint32_t index[2], before = 9, changes = 0;
	hz_level_init(&l[0]);
	hz_level_init(&l[1]);
	int64_t now = START;
	for (int i = 0; i < 3000; i++, now += PACKET) { // a minute of both talking, about equally loud
		hz_level_update(&l[0], (uint8_t)(25 + random_below(&r, 10)), true, now);
		hz_level_update(&l[1], (uint8_t)(25 + random_below(&r, 10)), true, now);
		if (i % 5 == 0 && hz_level_select(p, 2, now, index, 2) == 2) {
			changes += before != 9 && index[0] != before;
			before = index[0];
		}
	}
	assert_true(before != 9);
	assert_int_equal(changes, 0);
	now = feed(&l[before], 127, false, now, 400000); // the first one pauses, the other speaks on
	feed(&l[!before], 28, true, now - 400000, 400000);
	assert_int_equal(hz_level_select(p, 2, now, index, 2), 2);
	assert_int_equal(index[0], !before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing_is_silence),
	    cmocka_unit_test(test_speech_begins_in_time),
	    cmocka_unit_test(test_cough),
	    cmocka_unit_test(test_pauses_in_speech),
	    cmocka_unit_test(test_silence_ends_it),
	    cmocka_unit_test(test_any_cadence),
	    cmocka_unit_test(test_select),
	    cmocka_unit_test(test_order_does_not_flicker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
