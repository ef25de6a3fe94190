// A publisher of three layers and audio, a receiver behind a simulated link that writes real transport-wide feedback:
// what the router makes of it.
#include "tests/unit/router/world.h"

static void wide_links_get_everything(void **state)
{
	w.link_bps = 20000000;
	run(4000);
	forget();
	run(2000);
	assert_in_range(w.frames[2], 58, 62);
	assert_int_equal(w.frames[0] + w.frames[1], 0);
	assert_int_equal(w.step[0], HZ_STEP_FULL);
	assert_int_equal(w.layer[0], 2);
	assert_true(w.estimate > 1500000);
	assert_true(w.max_audio_wait_us < 15 * MS);
}

static void a_step_down_and_up(void **state)
{
	run(8000);
	forget();
	run(1000);
	assert_in_range(w.frames[2], 28, 31);
	w.link_bps = 300000;
	run(2500);
	forget();
	run(10000); // on the narrow link: the lowest layer, fluent, and audio on time
	assert_in_range(w.frames[0], 280, 310);
	assert_int_equal(w.frames[1] + w.frames[2], 0);
	assert_int_equal(w.step[0], HZ_STEP_LOWER);
	assert_int_equal(w.layer[0], 0);
	assert_int_equal(w.audio_sent, w.audio_in);
	assert_int_equal(w.audio_dropped, 0);
	assert_true(w.max_audio_wait_us < 150 * MS);
	assert_in_range(w.estimate, 180000, 400000);
	w.link_bps = 3000000;
	run(5000);
	forget();
	run(1000);
	assert_in_range(w.frames[2], 28, 31);
	assert_int_equal(w.step[0], HZ_STEP_FULL);
}

static void audio_first_on_the_narrowest(void **state)
{
	run_narrowest();
	assert_true(w.step[0] == HZ_STEP_STILL || w.step[0] == HZ_STEP_OFF);
	assert_int_equal(w.audio_sent, w.audio_in);
	assert_true(w.audio_dropped * 100 < w.audio_in); // by a full queue; chance takes ten of a hundred
	assert_true(w.audio_came * 100 > w.audio_in * 86);
	assert_int_equal(w.frames[1] + w.frames[2], 0);
	assert_true(w.max_audio_wait_us < 400 * MS);
	w.loss_permille = 0;
	w.link_bps = 3000000;
	run(15000);
	forget();
	run(1000);
	assert_in_range(w.frames[2], 28, 31); // and comes back by itself
	assert_int_equal(w.step[0], HZ_STEP_FULL);
}

static void stills_where_there_is_a_little_room(void **state)
{
	w.link_bps = 120000;
	run(6000);
	forget();
	run(30000);
	assert_int_equal(w.step[0], HZ_STEP_STILL);
	assert_in_range(w.frames[0], 3, 12); // one in four seconds
	assert_true(w.keys[0] >= 3);
	assert_int_equal(w.audio_dropped, 0);
	assert_true(w.max_audio_wait_us < 200 * MS);
}

static void a_picture_soon_after_an_outage(void **state)
{
	run(8000);
	w.down = true;
	run(5000);
	assert_int_equal(w.step[0], HZ_STEP_OFF);
	w.down = false;
	int64_t back = w.fx->now;
	w.last_key_us = 0;
	run(1000);
	assert_in_range(w.last_key_us - back, 1, 1000 * MS);
	forget();
	run(2000);
	assert_true(w.frames[2] > 50);
}

static void a_new_path_is_taken_up(void **state)
{
	run(8000);
	w.delay_us = 120 * MS;
	hz_router_path_changed(w.fx->router, 1, w.fx->now);
	run(4000);
	forget();
	run(1000);
	assert_in_range(w.frames[2], 28, 31);
}

static void priority_decides(void **state)
{
	w.link_bps = 1000000;
	run(20000);
	forget();
	run(3000);
	assert_true(w.frames_of[1][1] > 80); // slot 1 goes before
	assert_true(w.frames_of[0][0] > 80);
	assert_int_equal(w.layer[1], 1);
	assert_int_equal(w.layer[0], 0);
}

static void remb_is_obeyed(void **state)
{
	// A peer without transport-wide numbers.
	for (unsigned s = 0; s < 10; s += 9) {
		union hz_msg m = fx_sub_msg(s, 1, s, s ? AUDIO : VIDEO);
		m.sub_set.ext.twcc = 0;
		w.fx->on_send = NULL;
		assert_int_equal(fx_sub_set(w.fx, &m), 0);
	}
	static const uint32_t ssrcs[1] = {900000};
	for (unsigned i = 0; i < 60; i++) {
		uint8_t buf[128];
		struct hz_rtcp_writer out;
		hz_rtcp_writer_init(&out, buf, sizeof(buf));
		assert_int_equal(hz_rtcp_begin(&out, 7, NULL, 0), 0);
		assert_int_equal(hz_rtcp_write_remb(&out, 7, i < 40 ? 400000 : 5000000, ssrcs, 1), 0);
		assert_int_equal(hz_router_rtcp(w.fx->router, 1, buf, out.bytes, w.fx->now), 0);
		for (unsigned n = 0; n < 100; n++) {
			w.fx->now += MS;
			publish();
			if (n % 5 == 0)
				hz_router_tick(w.fx->router, w.fx->now);
			heed();
		}
		if (i == 39) {
			assert_int_equal(w.step[0], HZ_STEP_LOWER);
			assert_int_equal(w.layer[0], 0);
		}
	}
	assert_int_equal(w.step[0], HZ_STEP_FULL);
}

// Control came back: every state is told once more, and one that did not fit the queue is told later.
static void copies(uint32_t loss_permille, int64_t delay_us, uint32_t link_bps)
{
	w.loss_permille = loss_permille;
	w.delay_us = delay_us;
	w.link_bps = link_bps;
	run(20000);
	forget();
	run(10000);
	assert_true(w.media > 100000);
}

static void far_and_lossy_packets_follow_unasked(void **state)
{
	copies(100, 150 * MS, 20000000);
	assert_int_equal(w.step[0], HZ_STEP_FULL);
	assert_in_range(w.again * 100 / w.media, 180, 215);
	copies(40, 150 * MS, 20000000);
	assert_in_range(w.again * 100 / w.media, 85, 115);
	copies(0, 150 * MS, 20000000);
	assert_in_range(w.again * 100 / w.media, 0, 5);
	copies(100, 20 * MS, 20000000); // near: there is time to ask
	assert_in_range(w.again * 100 / w.media, 0, 5);
}

// The copies of what went out just before, by an earlier mapping, end with their subscription.
static void copies_end_with_their_slot(void **state)
{
	union hz_msg gone = {.sub_del = {.sub = HZ_ID(0, 1)}}, m = fx_sub_msg(0, 1, 0, VIDEO);
	copies(100, 150 * MS, 20000000);
	assert_int_equal(hz_arena_sub_map(&w.fx->arena->sub[0])->layer, 2);
	m.sub_set.max_layer = 1;
	assert_int_equal(fx_sub_set(w.fx, &m), 0);
	for (unsigned i = 0; i < 1000 && hz_arena_sub_map(&w.fx->arena->sub[0])->layer == 2; i++)
		run(1);
	assert_int_equal(hz_arena_sub_map(&w.fx->arena->sub[0])->layer, 1);
	assert_int_equal(fx_command(w.fx, &gone, HZ_CMD_SUB_DEL, sizeof(gone.sub_del)), 0);
	run(200); // on_send() would not know it
}

// A receiver that sends feedback and no reports is as far away.
static void pictures_wait_for_repairs_by_feedback_alone(void **state)
{
	union hz_msg m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.ext.playout_delay = 13;
	assert_int_equal(fx_sub_set(w.fx, &m), 0);
	copies(0, 150 * MS, 20000000);
	assert_int_equal(w.hold_ms, -1);
	copies(100, 150 * MS, 2600000); // no room for copies: a round trip
	assert_in_range(w.hold_ms, 380, 550);
	copies(100, 150 * MS, 20000000); // each packet follows
	assert_in_range(w.hold_ms, 80, 120);
}

static void copies_never_take_from_pictures(void **state)
{
	copies(100, 150 * MS, 2600000); // the best layer and a little more
	assert_int_equal(w.layer[0], 2);
	assert_in_range(w.again * 100 / w.media, 0, 20);
}

static void states_are_repeated(void **state)
{
	run(3000);
	unsigned told = w.states;
	assert_true(told >= 1);
	run(1000);
	w.fx->api_full = true;
	union hz_msg m = {0};
	assert_int_equal(fx_command(w.fx, &m, HZ_CMD_RECONCILE_BEGIN, sizeof(m.h)), 0);
	fx_peer(w.fx, 0, 1, 0);
	fx_peer(w.fx, 1, 1, 0);
	fx_track(w.fx, 0, 0, VIDEO, 3);
	fx_sub(w.fx, 0, 1, 0, VIDEO);
	fx_track(w.fx, 9, 0, AUDIO, 1);
	fx_sub(w.fx, 9, 1, 9, AUDIO);
	assert_int_equal(fx_command(w.fx, &m, HZ_CMD_RECONCILE_END, sizeof(m.h)), 0);
	told = w.states;
	run(500);
	assert_int_equal(w.states, told);
	w.fx->api_full = false;
	run(500);
	assert_int_equal(w.states, told + 1);
}

static void slots(uint8_t of_video, uint8_t of_audio)
{
	union hz_msg video = fx_sub_msg(0, 1, 0, VIDEO), audio = fx_sub_msg(9, 1, 9, AUDIO);
	video.sub_set.flags = of_video;
	audio.sub_set.flags = of_audio;
	assert_int_equal(fx_sub_set(w.fx, &video), 0);
	assert_int_equal(fx_sub_set(w.fx, &audio), 0);
}

// A broadcast's viewer on a link that had just become narrow: what waits its turn, repairs and probes stop with the cut.
static void a_cut_is_silence(void **state)
{
	slots(HZ_SUB_LIVE, HZ_SUB_LIVE);
	w.loss_permille = 30;
	run(6000);
	w.link_bps = 400000;
	run(700);
	slots(HZ_SUB_LIVE | HZ_SUB_PAUSED, HZ_SUB_LIVE | HZ_SUB_PAUSED);
	forget();
	w.link_bps = 20000000; // room to probe for
	run(6000);
	assert_int_equal(w.sent, 0);
	uint32_t frame = w.frame;
	slots(HZ_SUB_LIVE, HZ_SUB_LIVE);
	run(4000);
	assert_true(w.sent > 0);
	assert_in_range(w.oldest, frame, frame + 30);
}

// Paused while its link carried nothing, let go on when it does: the picture is back as on a fresh slot.
static void a_pause_forgets_the_narrow_link(void **state)
{
	run(8000);
	w.down = true;
	run(3000);
	assert_int_equal(w.step[0], HZ_STEP_OFF);
	slots(HZ_SUB_PAUSED, 0);
	run(300);
	w.down = false;
	run(5000); // sound tells what the link carries
	forget();
	slots(0, 0);
	run(2000);
	assert_true(w.frames[0] + w.frames[1] + w.frames[2] > 45);
}

static int setup_bare(void **state)
{
	begin(1, true);
	return 0;
}

// The link carries nothing for a while: the picture goes off, and is back seconds after.
static void an_outage_ends(void)
{
	w.down = true;
	run(4000);
	assert_int_equal(w.step[0], HZ_STEP_OFF);
	w.down = false;
	run(3000);
	forget();
	run(1000);
	assert_true(w.frames[0] + w.frames[1] + w.frames[2] > 25);
}

// No stream to send padding on: nothing can be probed, and on a link that was narrow for a while nothing but waiting tells
// that it is wide again.
static void without_rtx_pictures_come_back_as_well(void **state)
{
	run(4000);
	w.link_bps = 300000;
	run(6000);
	assert_int_equal(w.layer[0], 0);
	w.link_bps = 3000000;
	run(35000);
	assert_int_equal(w.layer[0], 1);
	an_outage_ends();
}

// And nobody speaks: then not even sound tells that the network is back.
static void without_rtx_and_sound_an_outage_ends(void **state)
{
	w.audio_due = INT64_MAX;
	run(6000);
	an_outage_ends();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(wide_links_get_everything, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_step_down_and_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(audio_first_on_the_narrowest, setup, teardown),
	    cmocka_unit_test_setup_teardown(stills_where_there_is_a_little_room, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_picture_soon_after_an_outage, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_new_path_is_taken_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(priority_decides, setup_two, teardown),
	    cmocka_unit_test_setup_teardown(remb_is_obeyed, setup, teardown),
	    cmocka_unit_test_setup_teardown(far_and_lossy_packets_follow_unasked, setup, teardown),
	    cmocka_unit_test_setup_teardown(copies_end_with_their_slot, setup, teardown),
	    cmocka_unit_test_setup_teardown(pictures_wait_for_repairs_by_feedback_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(copies_never_take_from_pictures, setup, teardown),
	    cmocka_unit_test_setup_teardown(states_are_repeated, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_cut_is_silence, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_pause_forgets_the_narrow_link, setup, teardown),
	    cmocka_unit_test_setup_teardown(without_rtx_pictures_come_back_as_well, setup_bare, teardown),
	    cmocka_unit_test_setup_teardown(without_rtx_and_sound_an_outage_ends, setup_bare, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
