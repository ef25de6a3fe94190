// Links that just carry the smallest picture and sound: whenever a call begins there, it is fluent, not stills; and what a probe
// says of them, which goes out beside sound.
#include "tests/unit/router/world.h"

static void begin_at(unsigned i, uint32_t link_bps, uint32_t loss_permille, int64_t delay_us)
{
	begin(1, false);
	w.fx->now += 9 * MS * i;
	w.random = 99 + i * 7919;
	w.link_bps = link_bps;
	w.loss_permille = loss_permille;
	w.delay_us = delay_us;
}

static void whenever_it_begins(void **state)
{
	static const struct {
		uint32_t link_bps, loss_permille;
		int64_t delay_us;
	} on[] = {{260000, 0, 30 * MS}, {260000, 30, 40 * MS}, {300000, 80, 150 * MS}};
	for (unsigned i = 0; i < 24; i++) {
		begin_at(i / 3, on[i % 3].link_bps, on[i % 3].loss_permille, on[i % 3].delay_us);
		run(14000);
		forget();
		run(6000);
		assert_int_equal(w.step[0], HZ_STEP_LOWER);
		assert_true(w.frames[0] > 150);
		assert_int_equal(w.audio_dropped, 0);
		assert_true(w.max_audio_wait_us < 200 * MS);
		assert_in_range(w.estimate, 200000, 420000);
		(void)teardown(state);
	}
}

// With loss, from a narrow link to a wide one: no probe may be needed that never succeeds.
static void and_it_gets_wider(void **state)
{
	for (unsigned i = 0; i < 8; i++) {
		begin_at(i, 300000, 30, 80 * MS);
		run(12000);
		assert_int_equal(w.step[0], HZ_STEP_LOWER);
		w.link_bps = 3000000;
		run(12000);
		forget();
		run(2000);
		assert_int_equal(w.step[0], HZ_STEP_FULL);
		assert_true(w.frames[2] > 50);
		(void)teardown(state);
	}
}

// No probe tells a receiver without RTX how wide its new path is: from a narrow one to another it takes half a minute, not more
// than a whole one.
static void a_new_path_without_probes(void **state)
{
	begin(1, true);
	w.link_bps = 300000;
	run(15000);
	assert_int_equal(w.step[0], HZ_STEP_LOWER);
	w.link_bps = 4000000;
	hz_router_path_changed(w.fx->router, 1, w.fx->now);
	run(40000);
	assert_int_equal(w.step[0], HZ_STEP_FULL);
	forget();
	run(2000);
	assert_true(w.frames[2] > 50);
	(void)teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whenever_it_begins),
	    cmocka_unit_test(and_it_gets_wider),
	    cmocka_unit_test(a_new_path_without_probes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
