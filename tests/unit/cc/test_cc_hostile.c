// Feedback of somebody who wants to do harm: nothing is read out of bounds, nothing grows, the estimate stays in its
// bounds and the work is bounded.
#include <errno.h>

#include "tests/unit/cc/sim.h"

struct fb {
	uint8_t body[1200];
	size_t bytes;
};

static void begin(struct fb *fb, uint16_t base, uint16_t count, uint32_t reference)
{
	memset(fb, 0, sizeof(*fb));
	fb->body[8] = (uint8_t)(base >> 8);
	fb->body[9] = (uint8_t)base;
	fb->body[10] = (uint8_t)(count >> 8);
	fb->body[11] = (uint8_t)count;
	fb->body[12] = (uint8_t)(reference >> 16);
	fb->body[13] = (uint8_t)(reference >> 8);
	fb->body[14] = (uint8_t)reference;
	fb->bytes = 16;
}

static void run(struct fb *fb, unsigned symbol, unsigned count)
{
	fb->body[fb->bytes++] = (uint8_t)(symbol << 5 | count >> 8);
	fb->body[fb->bytes++] = (uint8_t)count;
}

static int give(struct sim *s, const struct fb *fb)
{
	struct hz_rtcp_packet p = {fb->body, fb->bytes, HZ_RTCP_RTPFB, HZ_RTPFB_TWCC};
	return hz_cc_on_feedback(s->flow[0].cc, &p, s->scratch, s->now);
}

static int setup(void **state)
{
	struct sim *s = sim_new(1);
	sim_run(s, 3000);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	sim_free(*state);
	return 0;
}

static void claims_of_65535_are_not_walked(void **state)
{
	struct sim *s = *state;
	struct fb fb;
	begin(&fb, 0, 65535, 1);
	for (unsigned i = 0; i < 8; i++)
		run(&fb, 0, 8191);
	assert_int_equal(give(s, &fb), -EMSGSIZE);
	begin(&fb, 0, HZ_CC_MAX_STATUS, 1);
	run(&fb, 0, HZ_CC_MAX_STATUS);
	assert_int_equal(give(s, &fb), 0);
}

static void numbers_never_sent_are_nothing(void **state)
{
	struct sim *s = *state;
	uint32_t before = sim_estimate(s);
	struct fb fb;
	begin(&fb, (uint16_t)(s->flow[0].seq + 100), 200, 7);
	run(&fb, 1, 200);
	memset(fb.body + fb.bytes, 4, 200);
	fb.bytes += 200;
	assert_int_equal(give(s, &fb), 0);
	assert_int_equal(sim_estimate(s), before);
}

static void floods_are_cut(void **state)
{
	struct sim *s = *state;
	struct fb fb;
	unsigned busy = 0;
	begin(&fb, 0, 10, 7);
	run(&fb, 0, 10);
	for (unsigned i = 0; i < 10000; i++)
		busy += give(s, &fb) == -EBUSY;
	assert_true(busy >= 10000 - HZ_CC_FEEDBACKS);
	sim_run(s, 5); // drops some of the true ones, too
}

static void damaged_ones_are_refused(void **state)
{
	struct sim *s = *state;
	struct fb fb;
	begin(&fb, 0, 10, 7);
	assert_int_equal(give(s, &fb), -EBADMSG); // no chunks
	run(&fb, 3, 10);
	assert_int_equal(give(s, &fb), -EBADMSG); // a reserved symbol
	begin(&fb, 0, 10, 7);
	run(&fb, 2, 10);
	assert_int_equal(give(s, &fb), -EBADMSG); // no deltas
	fb.bytes = 3;
	assert_int_equal(give(s, &fb), -EBADMSG);
}

static void everything_lost_forever(void **state)
{
	struct sim *s = *state;
	struct fb fb;
	for (unsigned i = 0; i < 400; i++) {
		s->now += 50 * MS;
		for (unsigned n = 0; n < 20; n++)
			hz_cc_on_sent(s->flow[0].cc, s->flow[0].seq++, 1000, false, s->now);
		begin(&fb, (uint16_t)(s->flow[0].seq - 20), 20, 7);
		run(&fb, 0, 19);
		run(&fb, 1, 1);
		fb.body[fb.bytes++] = 0;
		assert_int_equal(give(s, &fb), 0);
		hz_cc_tick(s->flow[0].cc, s->now);
	}
	assert_in_range(sim_estimate(s), HZ_CC_MIN_BPS, 100000);
}

// Random bytes in the shape of feedback about packets that were sent: times that jump, wrap, run backwards.
static void nonsense_keeps_the_bounds(void **state)
{
	struct sim *s = *state;
	struct fb fb;
	size_t packet;
	for (unsigned i = 0; i < 20000; i++) {
		s->now += sim_random(s) % 30 * MS;
		for (unsigned n = 0; n < 4; n++)
			hz_cc_on_sent(s->flow[0].cc, s->flow[0].seq++, sim_random(s) % 1500, false, s->now);
		uint16_t count = (uint16_t)(1 + sim_random(s) % 40);
		begin(&fb, (uint16_t)(s->flow[0].seq - sim_random(s) % 60), count, sim_random(s));
		run(&fb, sim_random(s) % 3, count);
		for (unsigned n = 0; n < 80; n++)
			fb.body[fb.bytes++] = (uint8_t)sim_random(s);
		(void)give(s, &fb);
		hz_cc_tick(s->flow[0].cc, s->now);
		assert_in_range(sim_estimate(s), HZ_CC_MIN_BPS, HZ_CC_MAX_BPS);
		assert_true(hz_cc_queue_us(s->flow[0].cc) < 4000000000u);
		(void)hz_cc_target_bps(s->flow[0].cc);
		size_t due = hz_cc_probe(s->flow[0].cc, s->now, &packet);
		assert_true(due <= HZ_CC_MAX_BPS / 8 / 10);
		if (due)
			hz_cc_on_sent(s->flow[0].cc, s->flow[0].seq++, packet, true, s->now);
	}
}

static void remb_keeps_the_bounds(void **state)
{
	struct sim *s = *state;
	hz_cc_free(s->flow[0].cc);
	assert_int_equal(hz_cc_new(s->now, &s->flow[0].cc), 0);
	hz_cc_on_remb(s->flow[0].cc, UINT64_MAX, s->now);
	assert_int_equal(sim_estimate(s), HZ_CC_MAX_BPS);
	hz_cc_on_remb(s->flow[0].cc, 0, s->now);
	assert_int_equal(sim_estimate(s), HZ_CC_MIN_BPS);
	for (unsigned i = 0; i < 1000; i++)
		hz_cc_on_report(s->flow[0].cc, 255, s->now);
	assert_true(sim_estimate(s) >= HZ_CC_MIN_BPS);
	for (unsigned i = 0; i < 1000; i++)
		hz_cc_on_report(s->flow[0].cc, 0, s->now);
	assert_int_equal(sim_estimate(s), HZ_CC_MIN_BPS);
}

static void report(struct sim *s, uint8_t fraction, unsigned lines, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		s->now += 1000 * MS;
		hz_cc_on_remb(s->flow[0].cc, 2000000, s->now);
		for (unsigned n = 0; n < lines; n++)
			hz_cc_on_report(s->flow[0].cc, fraction, s->now);
	}
}

// Receivers that tell no more than REMB and reports: a report of ten streams is one, and an outage on a link that loses 3 % ends.
static void reports_of_a_lossy_link(void **state)
{
	struct sim *s = *state;
	hz_cc_free(s->flow[0].cc);
	assert_int_equal(hz_cc_new(s->now, &s->flow[0].cc), 0);
	report(s, 31, 10, 1); // 12 %, of each of ten streams
	assert_true(sim_estimate(s) > 1700000);
	report(s, 8, 10, 5);
	assert_true(sim_estimate(s) > 1700000);
	report(s, 255, 10, 3);
	assert_in_range(sim_estimate(s), 100000, 400000);
	report(s, 8, 10, 20);
	assert_in_range(sim_estimate(s), 1200000, 2000000);
	report(s, 77, 10, 4); // and 30 % are a limit
	assert_true(sim_estimate(s) < 900000);
	uint32_t bps = sim_estimate(s);
	report(s, 8, 10, 20);
	assert_true(sim_estimate(s) <= bps + bps / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(claims_of_65535_are_not_walked, setup, teardown),
	    cmocka_unit_test_setup_teardown(numbers_never_sent_are_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(floods_are_cut, setup, teardown),
	    cmocka_unit_test_setup_teardown(damaged_ones_are_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(everything_lost_forever, setup, teardown),
	    cmocka_unit_test_setup_teardown(nonsense_keeps_the_bounds, setup, teardown),
	    cmocka_unit_test_setup_teardown(remb_keeps_the_bounds, setup, teardown),
	    cmocka_unit_test_setup_teardown(reports_of_a_lossy_link, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
