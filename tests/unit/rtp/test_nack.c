// The NACK generator over a lossy link with retransmission: what it asks for, when, and when it gives up.
#include "tests/unit/rtp/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "media/rtp/nack.h"
#include "tests/unit/rtp/random.h"

#define FIRST 65536000LL // far up, so that 16-bit numbers wrap in every run

static struct hz_nack n;
static struct hz_nack_item items[64];

static size_t expand(const struct hz_nack_item *list, size_t count, int64_t near, int64_t *out)
{
	size_t total = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t pid = near + (int16_t)(uint16_t)(list[i].pid - (uint16_t)near);
		out[total++] = pid;
		for (int bit = 0; bit < 16; bit++)
			if (list[i].blp >> bit & 1)
				out[total++] = pid + bit + 1;
	}
	return total;
}

static void test_no_loss_no_request(void **state)
{
	hz_nack_init(&n);
	for (int i = 0; i < 100000; i++)
		hz_nack_on_packet(&n, FIRST + i, i * 1000);
	assert_int_equal(n.count, 0);
	assert_true(hz_nack_deadline(&n) == INT64_MAX);
	assert_int_equal(hz_nack_collect(&n, INT64_MAX / 2, 50000, items, 64), 0);
	assert_false(hz_nack_take_keyframe(&n));
}

static void test_reordering_heals_itself(void **state)
{
	hz_nack_init(&n);
	hz_nack_on_packet(&n, FIRST, 0);
	hz_nack_on_packet(&n, FIRST + 2, 0);
	assert_true(hz_nack_deadline(&n) == HZ_NACK_REORDER_US);
	assert_int_equal(hz_nack_collect(&n, HZ_NACK_REORDER_US - 1, 50000, items, 64), 0);
	hz_nack_on_packet(&n, FIRST + 1, 1000);
	assert_true(hz_nack_deadline(&n) == INT64_MAX);
	assert_int_equal(hz_nack_collect(&n, 100000, 50000, items, 64), 0);
	hz_nack_on_packet(&n, FIRST + 1, 1000); // again, and one never missed: nothing
	hz_nack_on_packet(&n, FIRST - 50, 1000);
	assert_int_equal(n.count, 0);
}

static void test_retry_times(void **state)
{
	static const struct {
		uint32_t rtt_us;
		int64_t retry_us[10]; // ascending; the last one goes on
		int tries;
		int64_t age_us;
	} cases[] = {
	    {0, {112500}, 9, 1000000},
	    {1, {5000, 5000, 10000, 10000, 20000, 20000, 40000, 40000, 80000, 80000}, 10, 1000000},
	    {900, {5000, 5000, 10000, 10000, 20000, 20000, 40000, 40000, 80000, 80000}, 10, 1000000},
	    {20000, {22500, 22500, 45000, 45000, 90000, 90000, 100000}, 10, 1000000},
	    {80000, {90000, 90000, 100000}, 10, 1000000},
	    {300000, {30000, 337500, 30000, 337500, 30000, 337500, 30000, 337500}, 8, 1200000},
	    {900000, {30000, 1012500, 30000, 1012500}, 4, 2000000},
	};
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		hz_nack_init(&n);
		hz_nack_on_packet(&n, FIRST, 0);
		hz_nack_on_packet(&n, FIRST + 2, 0);
		int64_t now = hz_nack_deadline(&n), wait = 0;
		int tries = 0;
		while (hz_nack_collect(&n, now, cases[c].rtt_us, items, 64) == 1) {
			assert_int_equal(items[0].pid, (uint16_t)(FIRST + 1));
			assert_int_equal(items[0].blp, 0);
			if (tries < 10 && cases[c].retry_us[tries])
				wait = cases[c].retry_us[tries];
			tries++;
			int64_t next = hz_nack_deadline(&n);
			assert_true(next == now + wait || next == cases[c].age_us);
			assert_int_equal(hz_nack_collect(&n, next - 1, cases[c].rtt_us, items, 64), 0);
			now = next;
		}
		assert_int_equal(tries, cases[c].tries);
		assert_int_equal(n.count, 0);
		assert_int_equal(n.given_up, 1);
		assert_true(hz_nack_take_keyframe(&n));
		assert_false(hz_nack_take_keyframe(&n)); // once
	}
}

// A peer that only publishes sends no reports: what its answers take tells the distance.
// The way is short, but what is sent again stands in a queue: asked for again when it has left that, not twice at once.
static void test_waits_for_the_queue(void **state)
{
	(void)state;
	int64_t now = HZ_NACK_REORDER_US, waits_us = 250000, rtt_us = 20000;
	hz_nack_init(&n);
	hz_nack_on_packet(&n, 100, 0);
	hz_nack_on_packet(&n, 102, 0);
	n.waits_us = (uint32_t)waits_us;
	assert_int_equal(hz_nack_collect(&n, now, (uint32_t)rtt_us, items, 64), 1);
	int64_t next = now + (rtt_us + waits_us) * 9 / 8;
	assert_int_equal(hz_nack_collect(&n, next - 1, (uint32_t)rtt_us, items, 64), 0);
	assert_int_equal(hz_nack_collect(&n, next, (uint32_t)rtt_us, items, 64), 1);
}

static void test_learns_the_rtt(void **state)
{
	int64_t now = 0;
	hz_nack_init(&n);
	for (int i = 0; i < 50; i++) {
		hz_nack_on_packet(&n, FIRST + 2 * i, now);
		if (i == 0)
			continue;
		now = hz_nack_deadline(&n);
		assert_int_equal(hz_nack_collect(&n, now, 0, items, 64), 1);
		now += 30000;
		hz_nack_on_packet(&n, FIRST + 2 * i - 1, now);
	}
	assert_in_range(n.rtt_us, 29000, 30000);
	hz_nack_on_packet(&n, FIRST + 100, now);
	now = hz_nack_deadline(&n);
	assert_int_equal(hz_nack_collect(&n, now, 0, items, 64), 1);
	assert_true(hz_nack_deadline(&n) == now + 30000 + 30000 / 8);
	now = hz_nack_deadline(&n);
	assert_int_equal(hz_nack_collect(&n, now, 0, items, 64), 1);
	hz_nack_on_packet(&n, FIRST + 99, now + 1); // answers which request?
	assert_in_range(n.rtt_us, 29000, 30000);
}

static void test_learns_a_long_rtt(void **state)
{
	int64_t now = 0;
	hz_nack_init(&n);
	hz_nack_on_packet(&n, FIRST, now);
	for (int i = 1; i < 50; i++) {
		hz_nack_on_packet(&n, FIRST + 2 * i, now);
		int64_t answer = hz_nack_deadline(&n) + 300000;
		if (i % 10 == 1) // this time the first request is lost
			answer += 112500;
		while (hz_nack_deadline(&n) < answer) {
			now = hz_nack_deadline(&n);
			(void)hz_nack_collect(&n, now, 0, items, 64);
		}
		now = answer;
		hz_nack_on_packet(&n, FIRST + 2 * i - 1, now);
	}
	assert_in_range(n.rtt_us, 295000, 320000);
}

// Repairs would fill the very queue that overflows.
static void test_a_choked_link_is_left_alone(void **state)
{
	int64_t ext = FIRST, now = 0, out[64 * 17];
	size_t asked = 0;
	hz_nack_init(&n);
	n.yields = 1;
	hz_nack_on_packet(&n, ext, now);
	for (int i = 0; i < 300; i++) { // two of three are lost
		hz_nack_on_packet(&n, ext += 3, now += 10000);
		size_t now_asked = expand(items, hz_nack_collect(&n, now, 50000, items, 64), ext, out);
		if (now <= HZ_NACK_WINDOW_US) // until it was clear
			asked += now_asked;
		else
			assert_int_equal(now_asked, 0);
	}
	assert_true(asked > 0);
	int64_t calm_us = now;
	while (!hz_nack_take_keyframe(&n))
		hz_nack_on_packet(&n, ++ext, now += 10000);
	assert_in_range(now - calm_us, 10000, 2 * HZ_NACK_WINDOW_US);
	assert_false(hz_nack_take_keyframe(&n));
	hz_nack_on_packet(&n, ext += 2, now);
	assert_int_equal(hz_nack_collect(&n, now + HZ_NACK_REORDER_US, 50000, items, 64), 1); // as ever
}

// Half of it lost for a while, but never more: repaired for two windows. A window within which there was a pause says nothing.
static void test_how_long_until_it_is_left_alone(void **state)
{
	int64_t ext = FIRST, now = 0;
	hz_nack_init(&n);
	n.yields = 1;
	hz_nack_on_packet(&n, ext, now);
	while (!hz_nack_left_alone(&n))
		hz_nack_on_packet(&n, ext += 2, now += 10000);
	assert_in_range(now, 2 * HZ_NACK_WINDOW_US, 2 * HZ_NACK_WINDOW_US + 20000);

	hz_nack_init(&n);
	n.yields = 1;
	hz_nack_on_packet(&n, ext, now);
	hz_nack_on_packet(&n, ++ext, now += 10000);
	hz_nack_on_packet(&n, ext += 100, now += 5000000); // an outage
	hz_nack_on_packet(&n, ++ext, now += HZ_NACK_WINDOW_US);
	assert_false(hz_nack_left_alone(&n));
}

// A layer that was choked, then off, begins again with a keyframe of its own: there is nothing to ask for.
static void test_begins_again_after_being_left_alone(void **state)
{
	int64_t ext = FIRST, now = 0;
	hz_nack_init(&n);
	n.yields = 1;
	hz_nack_on_packet(&n, ext, now);
	for (int i = 0; i < 60; i++)
		hz_nack_on_packet(&n, ext += 3, now += 10000);
	assert_true(hz_nack_left_alone(&n));
	hz_nack_on_packet(&n, ++ext, now += 3000000);
	hz_nack_forget_before(&n, ext);
	assert_false(hz_nack_left_alone(&n));
	assert_false(hz_nack_take_keyframe(&n));
	hz_nack_on_packet(&n, ext += 2, now += 10000);
	assert_int_equal(n.count, 1);
}

// What trickles in while the queue empties: a keyframe asked of this layer would be made for all sizes, and fill it again.
static void test_single_packets_are_not_a_picture_that_is_back(void **state)
{
	int64_t ext = FIRST, now = 0;
	hz_nack_init(&n);
	n.yields = 1;
	hz_nack_on_packet(&n, ext, now);
	for (int i = 0; i < 60; i++)
		hz_nack_on_packet(&n, ext += 3, now += 10000);
	for (int i = 0; i < 2 * HZ_NACK_WINDOW_LOST; i++) {
		hz_nack_on_packet(&n, ++ext, now += 2 * HZ_NACK_WINDOW_US);
		assert_true(hz_nack_left_alone(&n));
	}
	int64_t began_us = now;
	while (hz_nack_left_alone(&n))
		hz_nack_on_packet(&n, ++ext, now += 20000);
	assert_in_range(now - began_us, HZ_NACK_WINDOW_US, HZ_NACK_WINDOW_US + 20000);
}

// Lost here and there, more than half: that is clear at once, and what was asked for is not asked for again. One long hole
// may be anything.
static void test_holes_everywhere(void **state)
{
	int64_t ext = FIRST, now = 0;
	hz_nack_init(&n);
	n.yields = 1;
	hz_nack_on_packet(&n, ext, now);
	hz_nack_on_packet(&n, ++ext, now += 2 * HZ_NACK_WINDOW_US);
	for (int i = 0; i < 3; i++)
		hz_nack_on_packet(&n, ext += 4, now += 20000);
	assert_false(hz_nack_left_alone(&n));
	assert_int_equal(hz_nack_collect(&n, now + HZ_NACK_REORDER_US, 50000, items, 64), 1);
	for (int i = 0; i < 2; i++)
		hz_nack_on_packet(&n, ext += 4, now += 20000);
	assert_true(hz_nack_left_alone(&n));
	assert_int_equal(hz_nack_collect(&n, now + 200000, 50000, items, 64), 0);
	assert_int_equal(n.count, 0);

	hz_nack_init(&n);
	n.yields = 1;
	hz_nack_on_packet(&n, ext, now);
	hz_nack_on_packet(&n, ++ext, now += 2 * HZ_NACK_WINDOW_US);
	hz_nack_on_packet(&n, ext += 20, now += 20000);
	for (int i = 0; i < 10; i++)
		hz_nack_on_packet(&n, ++ext, now += 20000);
	assert_false(hz_nack_left_alone(&n));
	assert_int_equal(n.count, 19);
}

static void test_big_jump(void **state)
{
	hz_nack_init(&n);
	hz_nack_on_packet(&n, FIRST, 0);
	hz_nack_on_packet(&n, FIRST + HZ_NACK_MAX_MISSING + 1, 0); // exactly full
	assert_int_equal(n.count, HZ_NACK_MAX_MISSING);
	assert_false(hz_nack_take_keyframe(&n));
	hz_nack_on_packet(&n, FIRST + HZ_NACK_MAX_MISSING + 3, 0); // one more
	assert_int_equal(n.count, 0);
	assert_int_equal(n.given_up, HZ_NACK_MAX_MISSING + 1);
	assert_true(hz_nack_take_keyframe(&n));
	assert_true(hz_nack_deadline(&n) == INT64_MAX);
	hz_nack_on_packet(&n, FIRST + 60000, 0);
	assert_true(hz_nack_take_keyframe(&n));
	hz_nack_on_packet(&n, FIRST + 60002, 0); // and goes on from there
	assert_int_equal(n.count, 1);
	hz_nack_on_packet(&n, INT64_MAX - 1, 0);
	assert_int_equal(n.count, 0);
}

static void test_packing_and_room(void **state)
{
	int64_t out[64 * 17];
	hz_nack_init(&n);
	hz_nack_on_packet(&n, FIRST, 0);
	for (int i = 1; i <= 100; i++) // every second one lost
		hz_nack_on_packet(&n, FIRST + 2 * i, 0);
	assert_int_equal(n.count, 100);
	size_t count = hz_nack_collect(&n, 10000, 50000, items, 3);
	assert_int_equal(count, 3);
	assert_int_equal(items[0].pid, (uint16_t)(FIRST + 1));
	assert_int_equal(items[0].blp, 0xaaaa);
	assert_int_equal(expand(items, count, FIRST, out), 27);
	assert_true(hz_nack_deadline(&n) <= 10000); // the rest is due still
	count = hz_nack_collect(&n, 10000, 50000, items, 64);
	assert_int_equal(expand(items, count, FIRST, out), 73);
	assert_true(out[0] == FIRST + 55);
	assert_int_equal(hz_nack_collect(&n, 10000, 50000, items, 64), 0);
	assert_int_equal(hz_nack_collect(&n, 60000, 50000, items, 0), 0); // no room at all
}

static void test_a_run_is_asked_for_whole(void **state)
{
	int64_t out[64 * 17];
	for (int gap = 1; gap <= HZ_NACK_MAX_MISSING; gap += 7) {
		hz_nack_init(&n);
		hz_nack_on_packet(&n, FIRST - 3, 0); // over the 16-bit wrap
		hz_nack_on_packet(&n, FIRST - 2 + gap, 0);
		size_t count = hz_nack_collect(&n, 10000, 50000, items, 64);
		assert_int_equal(count, (gap + 16) / 17);
		assert_int_equal(expand(items, count, FIRST, out), gap);
		for (int i = 0; i < gap; i++)
			assert_true(out[i] == FIRST - 2 + i);
	}
}

static void test_forget_before(void **state)
{
	hz_nack_init(&n);
	hz_nack_on_packet(&n, FIRST, 0);
	hz_nack_on_packet(&n, FIRST + 10, 0);
	hz_nack_on_packet(&n, FIRST + 20, 0);
	hz_nack_forget_before(&n, FIRST + 10);
	assert_int_equal(n.count, 9);
	assert_true(n.missing[0].ext == FIRST + 11);
	hz_nack_forget_before(&n, FIRST + 9); // behind: nothing
	assert_int_equal(n.count, 9);
	hz_nack_forget_before(&n, FIRST + 1000);
	assert_int_equal(n.count, 0);
	assert_true(hz_nack_deadline(&n) == INT64_MAX);
	assert_false(hz_nack_take_keyframe(&n));
}

// --- a link

#define PACKETS    30000
#define MAX_FLIGHT 65536

struct flight {
	int64_t ext, at_us;
};

struct link_test {
	struct hz_test_random rnd;
	uint32_t loss_percent, jitter_us;
	int64_t rtt_us;
	struct flight flight[MAX_FLIGHT]; // unordered
	size_t flying;
	uint8_t arrived[PACKETS], tries[PACKETS];
	int64_t asked_us[PACKETS], lost_us[PACKETS];
	int64_t highest;
};

static void send_one(struct link_test *l, int64_t ext, int64_t now_us)
{
	if (random_percent(&l->rnd, l->loss_percent))
		return;
	assert_true(l->flying < MAX_FLIGHT);
	l->flight[l->flying++] =
	    (struct flight){ext, now_us + l->rtt_us / 2 + random_below(&l->rnd, l->jitter_us + 1)};
}

static void deliver(struct link_test *l, int64_t now_us)
{
	for (size_t i = 0; i < l->flying;) {
		int64_t ext = l->flight[i].ext;
		if (l->flight[i].at_us > now_us) {
			i++;
			continue;
		}
		l->flight[i] = l->flight[--l->flying];
		if (l->arrived[ext - FIRST])
			continue; // the receiver drops duplicates
		l->arrived[ext - FIRST] = 1;
		for (int64_t e = l->highest + 1; e < ext; e++)
			l->lost_us[e - FIRST] = now_us;
		if (ext > l->highest)
			l->highest = ext;
		hz_nack_on_packet(&n, ext, now_us);
	}
}

static void ask(struct link_test *l, int64_t now_us)
{
	int64_t out[64 * 17];
	if (hz_nack_deadline(&n) > now_us)
		return;
	size_t count = hz_nack_collect(&n, now_us, (uint32_t)l->rtt_us, items, 64);
	size_t total = expand(items, count, l->highest, out);
	int64_t retry = l->rtt_us > HZ_NACK_MIN_RETRY_US ? l->rtt_us : HZ_NACK_MIN_RETRY_US;
	for (size_t i = 0; i < total; i++) {
		int64_t at = out[i] - FIRST;
		assert_true(at >= 0 && out[i] < l->highest);
		assert_false(l->arrived[at]);
		assert_true(l->tries[at]++ < HZ_NACK_MAX_TRIES);
		assert_true(now_us - l->lost_us[at] >= HZ_NACK_REORDER_US);
		assert_true(now_us - l->lost_us[at] < HZ_NACK_MAX_AGE_US);
		bool twice = l->rtt_us > HZ_NACK_LONG_US && l->tries[at] % 2 == 0;
		assert_true(l->tries[at] == 1 ||
		            now_us - l->asked_us[at] >= (twice ? HZ_NACK_TWICE_US : retry));
		l->asked_us[at] = now_us;
		if (!twice) // it has answered just now
			send_one(l, out[i], now_us + l->rtt_us / 2);
	}
	assert_true(n.count <= HZ_NACK_MAX_MISSING);
}

static void run_link(uint64_t seed, uint32_t loss_percent, int64_t rtt_us, uint32_t jitter_us,
                     bool all_repaired)
{
	struct link_test *l = calloc(1, sizeof(*l));
	assert_non_null(l);
	l->rnd.state = seed;
	l->loss_percent = loss_percent;
	l->rtt_us = rtt_us;
	l->jitter_us = jitter_us;
	l->highest = FIRST;
	l->arrived[0] = 1;
	hz_nack_init(&n);
	hz_nack_on_packet(&n, FIRST, 0);
	int64_t now = 0;
	for (int64_t i = 1; i < PACKETS; i++) {
		now += 1000;
		send_one(l, FIRST + i, now);
		deliver(l, now);
		ask(l, now);
	}
	for (int i = 0; i < 3000; i++) {
		now += 1000;
		deliver(l, now);
		ask(l, now);
	}
	uint64_t never = 0;
	for (int64_t e = FIRST; e < l->highest; e++)
		never += !l->arrived[e - FIRST];
	assert_int_equal(n.count, 0);
	assert_true(never <= n.given_up);
	if (all_repaired)
		assert_int_equal(never, 0);
	assert_true(n.requested >= (uint64_t)PACKETS * loss_percent / 200);
	free(l);
}

static void test_lossy_links(void **state)
{
	run_link(11, 5, 40000, 3000, true);
	run_link(12, 5, 600, 100, true); // under a millisecond
	run_link(13, 20, 100000, 15000, false);
	run_link(14, 10, 250000, 8000, false);
	run_link(15, 60, 50000, 50000, false);
	run_link(16, 0, 40000, 30000, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_loss_no_request),
	    cmocka_unit_test(test_reordering_heals_itself),
	    cmocka_unit_test(test_retry_times),
	    cmocka_unit_test(test_waits_for_the_queue),
	    cmocka_unit_test(test_learns_the_rtt),
	    cmocka_unit_test(test_learns_a_long_rtt),
	    cmocka_unit_test(test_a_choked_link_is_left_alone),
	    cmocka_unit_test(test_how_long_until_it_is_left_alone),
	    cmocka_unit_test(test_begins_again_after_being_left_alone),
	    cmocka_unit_test(test_single_packets_are_not_a_picture_that_is_back),
	    cmocka_unit_test(test_holes_everywhere),
	    cmocka_unit_test(test_big_jump),
	    cmocka_unit_test(test_packing_and_room),
	    cmocka_unit_test(test_forget_before),
	    cmocka_unit_test(test_a_run_is_asked_for_whole),
	    cmocka_unit_test(test_lossy_links),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
