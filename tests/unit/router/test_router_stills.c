// Stills and screens on links that are too narrow for them in motion, whenever they begin.
#include "tests/unit/router/world.h"

// Two packets of a still, one behind the other, are all of such a link's queue: sound finds no room in it for 140 ms.
static void stills_come_between_sound_on_the_narrowest(void **state)
{
	for (unsigned i = 0; i < 8; i++) { // whenever it begins
		assert_int_equal(teardown(state), 0);
		begin(1, false);
		w.fx->now += 9 * MS * i;
		run_narrowest();
		assert_true(w.frames[0] >= 2);
		assert_true(w.audio_dropped * 200 < w.audio_in);
	}
}

// A shared screen: one layer, little of it moves, and its keyframes are large.
static void share_screen(size_t key_bytes)
{
	union hz_msg m = fx_track_msg(0, 0, VIDEO, 1);
	m.track_set.flags = HZ_TRACK_DETAIL;
	assert_int_equal(fx_command(w.fx, &m, HZ_CMD_TRACK_SET, sizeof(m.track_set)), 0);
	w.layers = 1;
	w.layer_bps[0] = 100000;
	w.key_bytes = key_bytes;
}

// Too much for the link in motion: then its stills come whole, however many packets they have.
static void stills_of_a_screen_are_whole(void **state)
{
	share_screen(150000);
	w.link_bps = 300000;
	run(10000);
	forget();
	run(20000);
	assert_int_equal(w.step[0], HZ_STEP_STILL);
	assert_true(w.keys[0] >= 2 * 137); // packets
	assert_true(w.max_audio_wait_us < 200 * MS);
}

// Slots come and go (people do): what was kept of those that went takes no room from the stills of the others.
static void stills_of_slots_that_went_are_gone(void **state)
{
	share_screen(150000);
	w.link_bps = 300000;
	run(10000);
	for (unsigned slot = 1; slot < 4; slot++) {
		union hz_msg m = {.sub_del = {.sub = HZ_ID(slot - 1, 1)}};
		assert_int_equal(fx_command(w.fx, &m, HZ_CMD_SUB_DEL, sizeof(m.sub_del)), 0);
		fx_sub(w.fx, slot, 1, 0, VIDEO);
		run(12000);
	}
	forget();
	run(30000);
	assert_true(w.keys[0] >= 2 * 137);
}

// It has room once its first picture is there: that one waits its turn instead of drowning in the link's queue again and
// again, and what it took is not what the screen costs. Whenever that is: each begins some milliseconds later.
static void a_screen_gets_over_its_first_picture(void **state)
{
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(teardown(state), 0);
		begin(1, false);
		w.fx->now += 8 * MS * i;
		share_screen(60000);
		w.link_bps = 600000;
		run(20000);
		forget();
		run(10000);
		assert_true(w.frames[0] > 250);
		assert_int_equal(w.audio_dropped, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(stills_come_between_sound_on_the_narrowest, setup, teardown),
	    cmocka_unit_test_setup_teardown(stills_of_a_screen_are_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(stills_of_slots_that_went_are_gone, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_screen_gets_over_its_first_picture, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
