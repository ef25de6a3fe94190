// The mixer as its listeners hear it: everything is measured in what they decode.
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/mix/fake_room.h"

static struct fake_room room;

static double db(double ratio)
{
	return 20 * log10(ratio + 1e-9);
}

static void test_nobody_hears_themself(void **state)
{
	static const double hz[5] = {400, 650, 1000, 1500, 2100};
	struct hz_mixer_config config = {.keep_levels = true, .bitrate_bps = 64000};
	room_init(&room, &config);
	for (unsigned i = 0; i < 5; i++)
		room_join(&room, hz[i], 0.08f, true);
	unsigned listener = room_join(&room, 0, 0, true);
	room_join(&room, 0, 0, true);
	room_run(&room, 4);
	for (unsigned i = 0; i < 5; i++) {
		double all = room_tone(&room, listener, hz[i], 0.1);
		print_message("%.0f Hz: %.2f dB, own %.1f dB\n", hz[i], db(all / 0.08),
		              db(room_tone(&room, i, hz[i], 1) / all));
		assert_true(fabs(db(all / 0.08)) < 1);
		for (unsigned k = 0; k < 5; k++) {
			double heard = room_tone(&room, k, hz[i], i == k ? 1 : 0.1);
			if (i == k)
				assert_true(db(heard / all) < -40);
			else
				assert_true(fabs(db(heard / all)) < 1);
		}
	}
	struct hz_mixer_stats stats;
	hz_mixer_get_stats(room.mixer, &stats);
	assert_int_equal(stats.encodes_now, 6); // five of their own, one for everybody else
	assert_int_equal(stats.speakers, 5);
	for (unsigned i = 0; i < room.people; i++)
		assert_int_equal(room.person[i].breaks, 0);
	room_done(&room);
}

static void test_levelled(void **state)
{
	room_init(&room, NULL);
	room_join(&room, 500, 0.008f, false); // -45 dB
	room_join(&room, 900, 0.4f, false);   // -11 dB
	unsigned listener = room_join(&room, 0, 0, true);
	room_run(&room, 6);
	double quiet = room_tone(&room, listener, 500, 1), loud = room_tone(&room, listener, 900, 1);
	assert_true(fabs(db(loud / quiet)) < 3);
	assert_true(fabs(db(loud / 0.1) - 0) < 3); // -23 LUFS of a sine near 1 kHz: amplitude 0.1
	room_done(&room);
}

static void test_eight_loud_voices(void **state)
{
	struct hz_mixer_config config = {.keep_levels = true, .speakers = 8};
	room_init(&room, &config);
	for (unsigned i = 0; i < 8; i++)
		room_join(&room, 310 + 187 * i, 0.9f, i == 0);
	unsigned listener = room_join(&room, 0, 0, true);
	room_run(&room, 4);
	assert_true(peak_in(room.person[listener].heard, room.person[listener].heard_samples) < 1.0f);
	assert_true(peak_in(room.person[0].heard, room.person[0].heard_samples) < 1.0f);
	assert_true(room_tone(&room, listener, 310, 1) > 0.05); // turned down, not gone
	room_done(&room);
}

// One who speaks again and again, while somebody else sounds on: nothing but the tones may be in what is decoded.
static void test_no_click_where_streams_change(void **state)
{
	struct hz_mixer_config config = {.keep_levels = true};
	room_init(&room, &config);
	room_join(&room, 300, 0.2f, false);
	unsigned speaker = room_join(&room, 700, 0.2f, true), listener = room_join(&room, 0, 0, true);
	room.person[speaker].speaks = false;
	room_run(&room, 2);
	struct fake_person *p = &room.person[speaker];
	unsigned from = p->heard_samples;
	float steady = step_in(p->heard + from / 2, from / 2);
	for (unsigned turn = 0; turn < 5; turn++) {
		struct hz_mixer_stats stats;
		p->speaks = true;
		room_run(&room, 1.2 + 0.02 * turn);
		hz_mixer_get_stats(room.mixer, &stats);
		assert_int_equal(stats.own_streams, 1);
		p->speaks = false;
		room_run(&room, 3);
		hz_mixer_get_stats(room.mixer, &stats);
		assert_int_equal(stats.own_streams, 0); // came back
	}
	float now = step_in(p->heard + from, p->heard_samples - from);
	print_message("second difference: steady %.5f, over ten changes %.5f\n", (double)steady, (double)now);
	assert_true(now < 0.004f);
	assert_int_equal(p->breaks, 0);
	assert_int_equal(room.person[listener].breaks, 0);
	// The level of what sounds on never sags: each 20 ms within 1.5 dB.
	for (unsigned at = from; at + 4800 <= p->heard_samples; at += 4800)
		assert_true(fabs(db(tone_in(p->heard + at, 4800, 300) / 0.2)) < 1.5);
	room_done(&room);
}

// How far what one hears who came back is from what the others hear, in dB under it.
static double difference(const struct fake_person *a, const struct fake_person *b, unsigned samples)
{
	double off = 0, all = 1e-12;
	assert_int_equal(a->heard_samples, b->heard_samples);
	for (unsigned i = a->heard_samples - samples; i < a->heard_samples; i++) {
		double d = (double)a->heard[i] - (double)b->heard[i];
		off += d * d;
		all += (double)b->heard[i] * (double)b->heard[i];
	}
	return db(sqrt(off / all));
}

static void test_back_to_the_shared_stream(void **state)
{
	struct hz_mixer_config config = {.keep_levels = true};
	struct hz_mixer_stats stats;
	double at_once = -99, soon = -99;
	room_init(&room, &config);
	unsigned voice = room_join(&room, 150, 0.15f, false);
	room.person[voice].voice.harmonics = 12;
	unsigned speaker = room_join(&room, 700, 0.2f, true), listener = room_join(&room, 0, 0, true);
	for (unsigned turn = 0; turn < 6; turn++) {
		room.person[speaker].speaks = true;
		room_run(&room, 1 + 0.06 * turn);
		room.person[speaker].speaks = false;
		do {
			room_run(&room, 0.02);
			hz_mixer_get_stats(room.mixer, &stats);
		} while (stats.own_streams);
		at_once = fmax(at_once, difference(&room.person[speaker], &room.person[listener], 960));
		room_run(&room, 0.1);
		soon = fmax(soon, difference(&room.person[speaker], &room.person[listener], 1920));
	}
	print_message("back: %.1f dB in the first 20 ms, %.1f dB after 60 ms\n", at_once, soon);
	assert_true(at_once < -10);
	assert_true(soon < -30);
	room_done(&room);
}

static void test_interpreter(void **state)
{
	struct hz_mixer_config config = {.keep_levels = true};
	room_init(&room, &config);
	room_join(&room, 500, 0.1f, false);
	unsigned speaker = room_join(&room, 800, 0.1f, true),
	         interpreter = room_join(&room, 1300, 0.1f, true);
	unsigned floor = room_join(&room, 0, 0, true), chinese = room_join(&room, 0, 0, true);
	assert_int_equal(hz_mixer_set_interprets(room.mixer, room.person[interpreter].member, 2), 0);
	assert_int_equal(hz_mixer_set_language(room.mixer, room.person[interpreter].member, 2), 0);
	room_run(&room, 3);
	assert_true(db(room_tone(&room, floor, 1300, 1) / 0.1) <
	            -40); // the floor does not hear the interpreter
	assert_true(fabs(db(room_tone(&room, floor, 500, 0.1) / 0.1)) < 1);
	assert_true(db(room_tone(&room, interpreter, 1300, 1) / 0.1) < -40);
	assert_true(fabs(db(room_tone(&room, interpreter, 500, 0.1) / 0.1)) < 1);
	assert_int_equal(hz_mixer_set_language(room.mixer, room.person[chinese].member, 2), 0);
	assert_int_equal(hz_mixer_set_language(room.mixer, room.person[speaker].member, 2), 0);
	unsigned before = room.person[chinese].heard_samples;
	room_run(&room, 3);
	assert_true(fabs(db(room_tone(&room, chinese, 1300, 0.1) / 0.1)) < 1);
	assert_true(fabs(db(room_tone(&room, chinese, 500, 0.1) / 0.1) + 15) < 1);
	assert_true(fabs(db(room_tone(&room, speaker, 1300, 0.1) / 0.1)) < 1);
	assert_true(fabs(db(room_tone(&room, speaker, 500, 0.1) / 0.1) + 15) < 1);
	assert_true(db(room_tone(&room, speaker, 800, 1) / 0.1) < -40);
	assert_true(step_in(room.person[chinese].heard + before, 3 * 48000) < 0.02f);
	assert_int_equal(room.person[chinese].breaks, 0);
	hz_mixer_remove(room.mixer, room.person[interpreter].member);
	room.person[interpreter].speaks = false;
	room_run(&room, 3);
	assert_true(fabs(db(room_tone(&room, chinese, 500, 0.1) / 0.1)) < 1); // nobody interprets: the floor
	room_done(&room);
}

static void test_loudest_with_hysteresis(void **state)
{
	struct hz_mixer_config config = {.keep_levels = true, .speakers = 2};
	struct hz_mixer_voice voice;
	room_init(&room, &config);
	for (unsigned i = 0; i < 2; i++)
		room_join(&room, 500 + 300 * i, 0.1f, false);
	unsigned listener = room_join(&room, 0, 0, true);
	room_run(&room, 2);
	unsigned third = room_join(&room, 1400, 0.12f, false); // not loud enough to take a place
	room_run(&room, 3);
	assert_int_equal(hz_mixer_get_voice(room.mixer, room.person[third].member, &voice), 0);
	assert_false(voice.heard);
	assert_true(db(room_tone(&room, listener, 1400, 1) / 0.12) < -40);
	room.person[third].voice.amplitude = 0.5f;
	room_run(&room, 3);
	assert_int_equal(hz_mixer_get_voice(room.mixer, room.person[third].member, &voice), 0);
	assert_true(voice.heard);
	assert_true(fabs(db(room_tone(&room, listener, 1400, 0.1) / 0.5)) < 1.5);
	room_done(&room);
}

static void test_silence_is_not_sent_with_dtx(void **state)
{
	struct hz_mixer_config config = {.dtx = true, .keep_levels = true};
	room_init(&room, &config);
	unsigned speaker = room_join(&room, 600, 0.1f, false), listener = room_join(&room, 0, 0, true);
	room_run(&room, 1);
	room.person[speaker].speaks = false;
	room_run(&room, 3);
	unsigned heard = room.person[listener].heard_samples;
	room_run(&room, 2);
	assert_true(room.person[listener].heard_samples - heard < 48000 / 2); // of two seconds
	room_done(&room);
}

static void test_full_house(void **state)
{
	uint32_t member[HZ_MIXER_MEMBERS], more;
	struct hz_mixer_config wrong = {.speakers = HZ_MIXER_SPEAKERS + 1};
	struct hz_mixer *mixer;
	assert_int_equal(hz_mixer_new(&wrong, 0, &mixer), -EINVAL);
	assert_int_equal(hz_mixer_new(NULL, 0, &mixer), 0);
	for (unsigned i = 0; i < HZ_MIXER_MEMBERS; i++)
		assert_int_equal(hz_mixer_add(mixer, &member[i]), 0);
	assert_int_equal(hz_mixer_add(mixer, &more), -ENOSPC);
	for (unsigned i = 0; i < HZ_MIXER_INPUTS; i++)
		assert_int_equal(hz_mixer_publish(mixer, member[i], true), 0);
	assert_int_equal(hz_mixer_publish(mixer, member[100], true), -ENOSPC);
	assert_int_equal(hz_mixer_remove(mixer, member[3]), 0);
	assert_int_equal(hz_mixer_remove(mixer, member[3]), -ENOENT);
	assert_int_equal(hz_mixer_add(mixer, &more), 0);
	assert_int_not_equal(more, member[3]);
	assert_int_equal(hz_mixer_listen(mixer, member[3], true), -ENOENT);
	assert_int_equal(hz_mixer_set_language(mixer, more, HZ_MIXER_LANGUAGES + 1), -EINVAL);
	hz_mixer_free(mixer);
}

// More want to change than there are streams to change on, and somebody speaks who hears himself among them.
static void test_many_change_at_once(void **state)
{
	struct hz_mixer_config config = {.keep_levels = true};
	struct hz_mixer_stats stats;
	uint32_t extra[100];
	room_init(&room, &config);
	unsigned speaker = room_join(&room, 500, 0.1f, true),
	         interpreter = room_join(&room, 1300, 0.1f, false);
	hz_mixer_set_interprets(room.mixer, room.person[interpreter].member, 1);
	for (unsigned i = 0; i < 100; i++) {
		hz_mixer_add(room.mixer, &extra[i]);
		hz_mixer_listen(room.mixer, extra[i], true);
	}
	room_run(&room, 1);
	for (unsigned i = 0; i < 100; i++)
		hz_mixer_set_language(room.mixer, extra[i], 1);
	room_run(&room, 0.2);
	hz_mixer_get_stats(room.mixer, &stats);
	assert_int_equal(stats.own_streams, 2); // all go together, and the speaker's
	room_run(&room, 2);
	hz_mixer_get_stats(room.mixer, &stats);
	assert_int_equal(stats.encodes_now, 2); // the language, and the speaker's own
	for (unsigned i = 0; i < 100; i++) {    // one after the other
		hz_mixer_set_language(room.mixer, extra[i], i % 2 ? 0 : 2);
		room_run(&room, 0.02);
	}
	assert_true(room.encodes_most <= HZ_MIXER_OWN + 3);
	room_run(&room, 3);
	hz_mixer_get_stats(room.mixer, &stats);
	assert_int_equal(stats.encodes_now, 3); // two languages, the speaker
	assert_true(db(room_tone(&room, speaker, 500, 1) / 0.1) < -40);
	room_done(&room);
}

static void test_two_hundred_listeners(void **state)
{
	struct hz_mixer_stats before, after;
	uint32_t extra;
	room_init(&room, NULL);
	for (unsigned i = 0; i < 5; i++)
		room_join(&room, 400 + 310 * i, 0.1f, true);
	for (unsigned i = 0; i < 194; i++) {
		assert_int_equal(hz_mixer_add(room.mixer, &extra), 0);
		assert_int_equal(hz_mixer_listen(room.mixer, extra, true), 0);
	}
	unsigned listener = room_join(&room, 0, 0, true);
	room_run(&room, 1);
	hz_mixer_get_stats(room.mixer, &before);
	room_run(&room, 4);
	hz_mixer_get_stats(room.mixer, &after);
	assert_int_equal(after.encodes - before.encodes, 6 * 200);
	assert_int_equal(room.person[listener].heard_samples, 5 * 48000);
	room_done(&room);
}

static unsigned emitted;
static uint32_t last_ts;
static void count(void *ctx, const struct hz_mixer_packet *packet)
{
	emitted++;
	last_ts = packet->rtp_ts;
}

static void test_a_caller_that_was_away(void **state)
{
	struct hz_mixer *mixer;
	struct hz_mixer_stats stats;
	uint32_t member;
	assert_int_equal(hz_mixer_new(NULL, 1000, &mixer), 0);
	hz_mixer_add(mixer, &member);
	hz_mixer_listen(mixer, member, true);
	emitted = 0;
	assert_int_equal(hz_mixer_tick(mixer, 1000, count, NULL), 21000);
	assert_int_equal(hz_mixer_tick(mixer, 20999, count, NULL), 21000);
	assert_int_equal(emitted, 1);
	assert_int_equal(hz_mixer_tick(mixer, 1000 + 20000 * 100, count, NULL), 1000 + 20000 * 101);
	hz_mixer_get_stats(mixer, &stats);
	assert_int_equal(emitted, 1 + HZ_MIXER_CATCH_UP);
	assert_int_equal(stats.skipped_ticks, 100 - HZ_MIXER_CATCH_UP);
	assert_int_equal(last_ts, 100 * 960);
	hz_mixer_free(mixer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nobody_hears_themself),
	    cmocka_unit_test(test_levelled),
	    cmocka_unit_test(test_eight_loud_voices),
	    cmocka_unit_test(test_no_click_where_streams_change),
	    cmocka_unit_test(test_back_to_the_shared_stream),
	    cmocka_unit_test(test_interpreter),
	    cmocka_unit_test(test_loudest_with_hysteresis),
	    cmocka_unit_test(test_silence_is_not_sent_with_dtx),
	    cmocka_unit_test(test_full_house),
	    cmocka_unit_test(test_two_hundred_listeners),
	    cmocka_unit_test(test_many_change_at_once),
	    cmocka_unit_test(test_a_caller_that_was_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
