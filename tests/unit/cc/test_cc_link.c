// The estimator over a simulated link.
#include "tests/unit/cc/sim.h"

static int setup(void **state)
{
	*state = sim_new(1);
	return 0;
}

static int setup_two(void **state)
{
	*state = sim_new(2);
	return 0;
}

static int teardown(void **state)
{
	sim_free(*state);
	return 0;
}

static void layered(struct sim *s)
{
	for (unsigned f = 0; f < s->flows; f++) {
		s->flow[f].steps[0] = 150000;
		s->flow[f].steps[1] = 500000;
		s->flow[f].steps[2] = 1500000;
		s->flow[f].video_bps = 1500000;
	}
}

static void finds_the_room_there_is(void **state)
{
	struct sim *s = *state;
	assert_int_equal(sim_estimate(s), 0);
	int64_t took = sim_until(s, 2000000, 3000);
	assert_in_range(took, 0, 2000);
	sim_run(s, 4000);
	assert_true(sim_goodput(s, 0, 2000) > 2400000);
	assert_true(s->max_wait_us < 100 * MS);
}

static void stays_below_a_limit(void **state)
{
	struct sim *s = *state;
	s->link_bps = 1000000;
	sim_run(s, 10000);
	s->max_wait_us = 0;
	uint32_t bps = sim_goodput(s, 0, 20000);
	assert_in_range(bps, 700000, 1000000);
	assert_true(s->max_wait_us < 200 * MS);
}

static void random_loss_is_no_limit(void **state)
{
	struct sim *s = *state;
	s->loss_permille = 100;
	s->delay_us = s->back_us = 150 * MS;
	assert_true(sim_until(s, 1500000, 8000) >= 0);
	for (unsigned i = 0; i < 30; i++) {
		sim_run(s, 1000);
		assert_true(sim_estimate(s) > 1200000);
	}
	assert_true(sim_goodput(s, 0, 5000) > 2000000);
}

static void loss_of_a_short_queue_is_one(void **state)
{
	struct sim *s = *state;
	s->link_bps = 800000;
	s->queue_us = 50 * MS;
	sim_run(s, 15000);
	uint64_t lost = s->flow[0].lost_packets, sent = s->flow[0].sent_packets;
	sim_run(s, 20000);
	lost = s->flow[0].lost_packets - lost;
	sent = s->flow[0].sent_packets - sent;
	assert_true(lost * 100 < sent * 30); // its frames are longer than the queue
	assert_in_range(sim_estimate(s), 300000, 1200000);
}

static void steps_down_without_a_long_queue(void **state)
{
	struct sim *s = *state;
	s->link_bps = 3000000;
	sim_run(s, 8000);
	s->link_bps = 300000;
	sim_run(s, 1500);
	assert_true(hz_cc_target_bps(s->flow[0].cc) < 300000);
	sim_run(s, 500);
	s->max_wait_us = 0;
	uint32_t bps = sim_goodput(s, 0, 10000);
	assert_in_range(bps, 180000, 300000);
	assert_true(s->max_wait_us < 200 * MS);
}

static void steps_up_within_five_seconds(void **state)
{
	struct sim *s = *state;
	layered(s);
	s->link_bps = 3000000;
	sim_run(s, 6000);
	s->link_bps = 300000;
	sim_run(s, 12000);
	assert_true(sim_video_bps(&s->flow[0]) == 150000);
	s->link_bps = 3000000;
	int64_t took = sim_until(s, 1540000, 5000);
	assert_in_range(took, 0, 4000);
	assert_int_equal(sim_video_bps(&s->flow[0]), 1500000);
}

static void outage_and_return(void **state)
{
	struct sim *s = *state;
	sim_run(s, 6000);
	uint32_t before = sim_estimate(s);
	s->down = true;
	sim_run(s, 2000);
	assert_true(hz_cc_outage(s->flow[0].cc));
	assert_int_equal(hz_cc_target_bps(s->flow[0].cc), 0);
	assert_false(hz_cc_take_return(s->flow[0].cc));
	sim_run(s, 3000);
	s->down = false;
	sim_run(s, 300);
	assert_false(hz_cc_outage(s->flow[0].cc));
	assert_true(hz_cc_take_return(s->flow[0].cc));
	assert_false(hz_cc_take_return(s->flow[0].cc));
	assert_true(hz_cc_target_bps(s->flow[0].cc) > before / 2);
}

// Audio without numbers, video off: only heart beats tell that the network is back.
static void outage_without_audio_numbers(void **state)
{
	struct sim *s = *state;
	s->flow[0].audio_bps = 0;
	sim_run(s, 6000);
	s->down = true;
	sim_run(s, 5000);
	s->down = false;
	sim_run(s, 500);
	assert_true(hz_cc_take_return(s->flow[0].cc));
}

// A picture that stands still, and nobody speaks: ten packets every two seconds are all there is to hear of.
static void pauses_are_no_outage(void **state)
{
	struct sim *s = *state;
	s->flow[0].audio_bps = 0;
	sim_run(s, 6000);
	uint32_t before = sim_estimate(s);
	s->flow[0].video_bps = 0;
	for (unsigned n = 0; n < 10; n++) {
		sim_run(s, 2000);
		for (unsigned i = 0; i < 10; i++)
			sim_send(s, 0, 1100, false);
		for (unsigned i = 0; i < 50; i++) {
			sim_run(s, 10);
			assert_false(hz_cc_outage(s->flow[0].cc));
		}
	}
	assert_true(sim_estimate(s) > before / 10 * 9);
	s->down = true; // a true one is told in the midst of it
	for (unsigned i = 0; i < 10; i++)
		sim_send(s, 0, 1100, false);
	sim_run(s, 1000);
	assert_true(hz_cc_outage(s->flow[0].cc));
}

static void narrow_keeps_room_for_audio(void **state)
{
	struct sim *s = *state;
	layered(s);
	s->link_bps = 64000;
	s->loss_permille = 100;
	s->delay_us = s->back_us = 150 * MS;
	sim_run(s, 4000);
	uint64_t lost = s->flow[0].lost_packets, sent = s->flow[0].sent_packets;
	s->max_wait_us = 0;
	sim_run(s, 30000);
	assert_int_equal(sim_video_bps(&s->flow[0]), 0);
	assert_true(s->max_wait_us < 250 * MS);
	lost = s->flow[0].lost_packets - lost;
	sent = s->flow[0].sent_packets - sent;
	assert_true(lost * 100 < sent * 13); // ten of the link, hardly any of ours
	s->link_bps = 2000000;               // and it comes back by itself
	assert_in_range(sim_until(s, 600000, 12000), 0, 11000);
}

static void shares_with_another(void **state)
{
	struct sim *s = *state;
	s->link_bps = 2000000;
	sim_run(s, 10000);
	uint64_t a = s->flow[0].came_bytes, b = s->flow[1].came_bytes;
	sim_run(s, 60000);
	a = s->flow[0].came_bytes - a;
	b = s->flow[1].came_bytes - b;
	assert_true((a + b) * 8 / 60 > 1300000);
	assert_true(a > (a + b) / 5 && b > (a + b) / 5);
}

static void jitter_is_no_queue(void **state)
{
	struct sim *s = *state;
	s->jitter_us = 30 * MS;
	s->link_bps = 5000000;
	layered(s);
	sim_run(s, 10000);
	for (unsigned i = 0; i < 20; i++) {
		sim_run(s, 1000);
		assert_true(sim_estimate(s) > 700000);
	}
}

static void no_probes_where_nothing_is_wanted(void **state)
{
	struct sim *s = *state;
	s->flow[0].video_bps = 200000;
	sim_run(s, 3000);
	uint32_t probes = hz_cc_probes(s->flow[0].cc);
	sim_run(s, 10000);
	assert_int_equal(hz_cc_probes(s->flow[0].cc), probes);
}

static void probes_cost_little(void **state)
{
	struct sim *s = *state;
	layered(s);
	s->link_bps = 300000;
	sim_run(s, 5000);
	uint64_t before = s->flow[0].probe_bytes;
	sim_run(s, 20000);
	assert_true((s->flow[0].probe_bytes - before) * 8 / 20 < 20000);
}

static void a_new_path_begins_anew(void **state)
{
	struct sim *s = *state;
	sim_run(s, 6000);
	uint32_t before = sim_estimate(s);
	hz_cc_on_path(s->flow[0].cc, s->now);
	assert_false(hz_cc_measured(s->flow[0].cc));
	assert_true(sim_estimate(s) < before);
	s->delay_us = s->back_us = 120 * MS; // longer by 100 ms: not a queue
	sim_run(s, 3000);
	assert_true(sim_estimate(s) > 1000000);
	assert_true(hz_cc_measured(s->flow[0].cc));
}

static void without_feedback_nothing_is_taken(void **state)
{
	struct sim *s = *state;
	s->flow[0].mute = true;
	assert_int_equal(hz_cc_target_bps(s->flow[0].cc), UINT32_MAX);
	sim_run(s, 500);
	assert_int_equal(hz_cc_target_bps(s->flow[0].cc), HZ_CC_START_BPS);
	sim_run(s, 3000);
	assert_int_equal(hz_cc_target_bps(s->flow[0].cc), UINT32_MAX);
	assert_int_equal(sim_estimate(s), 0);
	assert_false(hz_cc_outage(s->flow[0].cc));
	hz_cc_on_remb(s->flow[0].cc, 400000, s->now);
	assert_int_equal(sim_estimate(s), 400000);
	assert_int_equal(hz_cc_target_bps(s->flow[0].cc), 400000);
	sim_run(s, 11000);
	assert_int_equal(sim_estimate(s), 0);
	hz_cc_on_report(s->flow[0].cc, 64, s->now);
	assert_in_range(sim_estimate(s), 100000, 2000000);
	uint32_t low = sim_estimate(s);
	s->now += 1000 * MS; // the next one, not another line of the same
	hz_cc_on_report(s->flow[0].cc, 0, s->now);
	assert_true(sim_estimate(s) > low);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(finds_the_room_there_is, setup, teardown),
	    cmocka_unit_test_setup_teardown(stays_below_a_limit, setup, teardown),
	    cmocka_unit_test_setup_teardown(random_loss_is_no_limit, setup, teardown),
	    cmocka_unit_test_setup_teardown(loss_of_a_short_queue_is_one, setup, teardown),
	    cmocka_unit_test_setup_teardown(steps_down_without_a_long_queue, setup, teardown),
	    cmocka_unit_test_setup_teardown(steps_up_within_five_seconds, setup, teardown),
	    cmocka_unit_test_setup_teardown(outage_and_return, setup, teardown),
	    cmocka_unit_test_setup_teardown(outage_without_audio_numbers, setup, teardown),
	    cmocka_unit_test_setup_teardown(pauses_are_no_outage, setup, teardown),
	    cmocka_unit_test_setup_teardown(narrow_keeps_room_for_audio, setup, teardown),
	    cmocka_unit_test_setup_teardown(shares_with_another, setup_two, teardown),
	    cmocka_unit_test_setup_teardown(jitter_is_no_queue, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_probes_where_nothing_is_wanted, setup, teardown),
	    cmocka_unit_test_setup_teardown(probes_cost_little, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_new_path_begins_anew, setup, teardown),
	    cmocka_unit_test_setup_teardown(without_feedback_nothing_is_taken, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
