// A bound that answers share: no bursts, as fast as the link leaves where that can be measured, as fast as was said where it cannot.
// A link is simulated: a queue that is emptied at its rate, and a round trip that grows with it.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "signaling/server/pace.h"

#define STEP_US 1000
#define RTT_US  20000

struct link {
	double bps, queue_bytes, worst_us, sent, sum_us;
	unsigned steps;
};

// So long with `lanes` answers that want all they can get.
static void run(struct hz_pace *pace, struct link *l, int64_t *now_us, int64_t for_us, unsigned lanes)
{
	static char lane[8];
	int64_t end = *now_us + for_us, biggest = 0;
	l->worst_us = l->sent = l->sum_us = 0;
	l->steps = 0;
	for (; *now_us < end; *now_us += STEP_US) {
		int64_t burst = 0;
		for (unsigned i = 0; i < lanes; i++)
			burst += (int64_t)hz_pace_take(pace, &lane[i], *now_us, 32768);
		biggest = burst > biggest ? burst : biggest;
		l->queue_bytes += (double)burst;
		l->sent += (double)burst;
		double gone = l->bps / 8e6 * STEP_US;
		l->queue_bytes = l->queue_bytes > gone ? l->queue_bytes - gone : 0;
		double delay_us = l->queue_bytes * 8e6 / l->bps;
		l->worst_us = delay_us > l->worst_us ? delay_us : l->worst_us;
		l->sum_us += delay_us;
		l->steps++;
		if (*now_us / STEP_US % 20 == 0)
			hz_pace_measured(pace, *now_us, RTT_US + (uint32_t)delay_us, RTT_US, false);
	}
	assert_true(biggest <= 1400 || (double)biggest <= hz_pace_bps(pace) * 1.5 / 8 * 0.02);
}

static void fills_and_yields(void **state)
{
	static const double rates[] = {500e3, 1e6, 4e6, 20e6};
	for (unsigned i = 0; i < 4; i++) {
		struct hz_pace *pace = hz_pace_new();
		struct link l = {.bps = rates[i]};
		int64_t now_us = 5000000;
		hz_pace_bound(pace, 300000);
		run(pace, &l, &now_us, 6000000, 6);
		run(pace, &l, &now_us, 10000000, 6);
		assert_true(l.sent * 8 / 10 > (rates[i] < 2e6 ? 0.25 : 0.6) * l.bps); // it is used
		assert_true(l.sum_us / l.steps < 20000); // and those in a hurry hardly wait
		// The link becomes a third of it, and something else's: what stands in it is gone soon.
		l.bps /= 3;
		run(pace, &l, &now_us, 2500000, 6);
		run(pace, &l, &now_us, 4000000, 6);
		assert_true(l.sum_us / l.steps < 30000);
		hz_pace_unref(pace);
	}
}

static void as_told(void **state)
{
	struct hz_pace *pace = hz_pace_new();
	int64_t now_us = 0;
	size_t sent = 0;
	assert_int_equal(hz_pace_take(pace, NULL, 0, 1 << 20), 1 << 20); // no bound
	hz_pace_bound(pace, 800000);
	for (; now_us < 10000000; now_us += 500) {
		sent += hz_pace_take(pace, "a", now_us, 32768);
		if (now_us % 20000 == 0)
			hz_pace_measured(pace, now_us, 80, 40, false); // a proxy's way: says nothing
	}
	assert_in_range(sent, 900000, 1010000); // all but the first look
	assert_int_equal(hz_pace_bps(pace), 800000);
	hz_pace_bound(pace, 400000);
	assert_int_equal(hz_pace_bps(pace), 400000);
	hz_pace_lost(pace);
	assert_int_equal(hz_pace_bps(pace), 280000);
	hz_pace_bound(pace, 1);
	assert_int_equal(hz_pace_bps(pace), HZ_PACE_LEAST_BPS);
	hz_pace_bound(pace, 0);
	assert_int_equal(hz_pace_take(pace, NULL, now_us, 1 << 20), 1 << 20);
	hz_pace_unref(pace);
}

static void newest(void **state)
{
	for (uint32_t count = 1; count < 30; count++) {
		double smoothed = 20000;
		for (uint32_t i = 0; i < count; i++)
			smoothed += (90000 - smoothed) / 8;
		assert_in_range(hz_pace_newest_us(20000, (uint32_t)smoothed, count), 89900, 90100);
	}
	assert_int_equal(hz_pace_newest_us(0, 500, 3), 500);
	assert_int_equal(hz_pace_newest_us(500, 600, 0), 600);
	assert_int_equal(hz_pace_newest_us(4000000000u, 1, 1), 0);
	assert_int_equal(hz_pace_newest_us(1, 4000000000u, 1), 10000000);
}

static void clocks_and_losses(void **state)
{
	struct hz_pace *pace = hz_pace_new(), *again = hz_pace_ref(pace);
	hz_pace_bound(pace, 1000000);
	const char *a = "a", *b = "b";
	while (hz_pace_take(pace, a, 100000000, 1400)) // empties it
		;
	int64_t soon = 100000000 + hz_pace_wait_us(pace, a) + 100;
	assert_true(soon >= 100001000);
	assert_int_equal(hz_pace_take(pace, b, soon, 1400), 0); // one after the other
	assert_int_equal(hz_pace_take(pace, a, soon, 1400), 1400);
	hz_pace_leave(pace, a);
	assert_int_equal(hz_pace_take(pace, b, soon + 200000, 1400), 1400);
	assert_int_equal(hz_pace_take(pace, a, soon + 700000, 1400), 1400); // that does not come back
	(void)hz_pace_take(pace, a, 5, 1400);                               // a clock that went back
	hz_pace_measured(pace, 199000000, 20000, 20000, false);
	for (int64_t t = 200000000; t < 260000000; t += 1000000)
		hz_pace_measured(pace, t, 900000, 20000, true);
	assert_int_equal(hz_pace_bps(pace), HZ_PACE_LEAST_BPS); // and never less
	for (int64_t t = 300000000; t < 600000000; t += 500000)
		hz_pace_measured(pace, t, 20000, 20000, false);
	assert_true(hz_pace_bps(pace) > 1000000000u);
	hz_pace_unref(again);
	hz_pace_unref(pace);
}

// Somebody makes room on the link first, and says how much.
static void held_and_shared(void **state)
{
	struct hz_pace *pace = hz_pace_new();
	int64_t now_us = 50000000, t = now_us;
	hz_pace_bound(pace, 600000);
	assert_int_equal(hz_pace_asked_us(pace), 0);
	hz_pace_hold(pace, now_us + 900000);
	for (; t < now_us + 900000; t += 20000)
		assert_int_equal(hz_pace_take(pace, "a", t, 1400), 0);
	assert_int_equal(hz_pace_asked_us(pace), t - 20000);
	t += 40000;
	(void)hz_pace_take(pace, "a", t, 1400);
	assert_int_equal(hz_pace_take(pace, "a", t + 200000, 1400), 1400); // the wait is over by itself
	hz_pace_hold(pace, t + 3600000000);                                // a clock that went back
	assert_int_equal(hz_pace_take(pace, "a", t + 500000, 1400), 1400);
	hz_pace_hold(pace, t + 2000000);
	hz_pace_hold(pace, 0);
	assert_int_equal(hz_pace_take(pace, "a", t + 900000, 1400), 1400);
	hz_pace_share(pace, 240000);
	assert_int_equal(hz_pace_bps(pace), 210000);
	for (int64_t at = t + 1000000; at < t + 5000000; at += 50000)
		hz_pace_measured(pace, at, 20000, 20000, false);
	assert_true(hz_pace_bps(pace) > 1000000); // a free link: the estimate need not know of it
	for (int64_t at = t + 5000000; at < t + 8000000; at += 50000)
		hz_pace_measured(pace, at, 50000, 20000, false); // pictures come in bursts
	assert_int_equal(hz_pace_bps(pace), 210000);
	for (int64_t at = t + 8000000; at < t + 9000000; at += 50000)
		hz_pace_measured(pace, at, 120000, 20000, false); // that is more than they make
	assert_true(hz_pace_bps(pace) < 100000);
	hz_pace_share(pace, 0);
	for (int64_t at = t + 20000000; at < t + 40000000; at += 50000)
		hz_pace_measured(pace, at, 20000, 20000, false);
	assert_true(hz_pace_bps(pace) > 400000);
	hz_pace_bound(pace, 0); // the call is over
	hz_pace_share(pace, 100000);
	assert_int_equal(hz_pace_take(pace, "a", t, 1 << 20), 1 << 20);
	hz_pace_unref(pace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(fills_and_yields), cmocka_unit_test(as_told),
	                                   cmocka_unit_test(newest), cmocka_unit_test(clocks_and_losses),
	                                   cmocka_unit_test(held_and_shared)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
