#include "tests/unit/hls/fake_programme.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S 1000000ll

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;
	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static struct hz_hls_stats stats(const struct fake_programme *p)
{
	struct hz_hls_stats st;
	hz_hls_stats(p->h, &st);
	return st;
}

static void done(struct fake_programme *p, struct fake_store *s)
{
	assert_false(s->wrong);
	hz_hls_free(p->h);
	fake_store_free(s);
}

// Three renditions and a sound: playlists with the right figures, whole segments made of their parts.
static void a_programme(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 3, .sounds = 1};
	fake_open(&p, &s, &(struct hz_hls_open){.first_sequence = 100});
	fake_run(&p, 15 * S);
	const char *master = fake_text(&s, "master.m3u8");
	assert_int_equal(count(master, "#EXT-X-STREAM-INF:"), 3);
	assert_non_null(
	    strstr(master, "CODECS=\"avc1.42c01f,mp4a.40.2\",RESOLUTION=640x320,FRAME-RATE=25.000"));
	assert_non_null(strstr(master, "LANGUAGE=\"zh\",DEFAULT=YES"));
	const char *list = fake_text(&s, "540p/index.m3u8");
	assert_non_null(strstr(list, "#EXT-X-TARGETDURATION:4\n"));
	assert_null(strstr(list, "CAN-BLOCK-RELOAD"));
	assert_null(strstr(list, "PRELOAD-HINT"));
	assert_non_null(strstr(list, "#EXT-X-MEDIA-SEQUENCE:100\n"));
	assert_int_equal(count(list, "#EXTINF:4.000000,"), 3);
	assert_non_null(strstr(list, "PROGRAM-DATE-TIME:2025-10-09T08:53:20.000Z"));
	assert_int_equal(count(list, "INDEPENDENT=YES"), 2 * 3 + 1); // one for each keyframe
	size_t parts = 0;
	for (unsigned i = 0; i < 12; i++) {
		char name[64];
		snprintf(name, sizeof(name), "540p/101.%u.m4s", i);
		const struct fake_file *f = fake_file(&s, name);
		assert_non_null(f);
		parts += f->bytes;
	}
	assert_int_equal(fake_file(&s, "540p/101.m4s")->bytes, parts);
	assert_int_equal(stats(&p).gaps, 0);
	assert_int_equal(stats(&p).dropped_units, 0);
	assert_int_equal(stats(&p).discontinuities, 0);
	done(&p, &s);
}

// Every playlist is of a programme that goes on: hls.js wants a line behind the last segment.
static void goes_on(void *arg, const char *name, const char *text)
{
	const char *last = text;
	(void)arg;
	for (const char *at = text; strstr(name, "index") && (at = strchr(at, '\n')) && at[1];)
		last = ++at;
	assert_int_equal(*last, '#');
}

// The shortest last part of a whole segment in the list, in ms.
static unsigned scrap(const char *list)
{
	double part = 1, least = 1;
	for (const char *at = list; (at = strchr(at, '\n')); at++) {
		if (strncmp(at, "\n#EXT-X-PART:DURATION=", 22) == 0)
			part = strtod(at + 22, NULL);
		if (strncmp(at, "\n#EXTINF", 8) == 0 && part < least)
			least = part;
	}
	return (unsigned)(least * 1000);
}

// hls.js does not fetch what lacks less than 250 ms of its segment.
static void no_scraps(void **state)
{
	static const unsigned rates[] = {24, 25, 30, 50, 60};
	(void)state;
	for (unsigned i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct fake_store s = {.on_playlist = goes_on};
		struct fake_programme p = {.videos = 1, .sounds = 1, .fps = rates[i], .gop = 2 * rates[i]};
		fake_open(&p, &s, &(struct hz_hls_open){.first_sequence = 100});
		fake_run(&p, 35 * S);
		assert_in_range(scrap(fake_text(&s, "360p/index.m3u8")), 260, 360);
		assert_in_range(scrap(fake_text(&s, "floor/index.m3u8")), 260, 360);
		assert_int_equal(stats(&p).gaps, 0);
		done(&p, &s);
	}
}

// Nothing is in a file before the delay has passed.
static void the_delay(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 1, .sounds = 1};
	fake_open(&p, &s, &(struct hz_hls_open){.delay_us = 5 * S});
	for (int i = 1; i < 40; i++) {
		fake_run(&p, i * S);
		assert_true(fake_newest_number(&s) < (i < 5 ? 1 : (i - 5) * 25 + 1));
	}
	assert_true(fake_newest_number(&s) > 32 * 25);
	done(&p, &s);
}

static void the_window(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 2, .sounds = 1};
	fake_open(&p, &s, &(struct hz_hls_open){.window_us = 20 * S});
	fake_run(&p, 200 * S);
	const char *list = fake_text(&s, "360p/index.m3u8");
	unsigned listed = count(list, "#EXTINF");
	assert_in_range(listed, 5, 6);
	unsigned there = 0, parts = 0;
	for (size_t i = 0; i < s.count; i++) {
		unsigned dots = s.file[i].there ? count(s.file[i].name, ".") : 0;
		bool ours = s.file[i].there && strncmp(s.file[i].name, "360p/", 5) == 0 &&
		            strstr(s.file[i].name, ".m4s");
		there += ours && dots == 1;
		parts += ours && dots == 2;
	}
	assert_in_range(there, listed, 13);  // once more for those who have an old playlist (6.2.2)
	assert_in_range(parts, 3 * 12, 100); // of the newest segments
	assert_int_equal(hz_hls_end(p.h), 0);
	list = fake_text(&s, "360p/index.m3u8");
	assert_non_null(strstr(list, "#EXT-X-ENDLIST"));
	assert_int_equal(count(list, "#EXT-X-PART:"), 0);
	assert_int_equal(hz_hls_tick(p.h, FAKE_ZERO_US + 300 * S), -EINVAL);
	done(&p, &s);
}

// The mark lies in what still waits: players see everything before it, then the slate, nothing behind it.
static void a_cut_in_time(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 3, .sounds = 2};
	fake_open(&p, &s, &(struct hz_hls_open){.delay_us = 5 * S});
	fake_slate(&p);
	fake_run(&p, 21 * S);
	assert_int_equal(hz_hls_cut(p.h, FAKE_ZERO_US + 19 * S), 0);
	assert_true(stats(&p).cut_units > 0);
	fake_run(&p, 60 * S);
	assert_int_equal(fake_newest_number(&s), 19 * 25 - 1);
	assert_true(stats(&p).slate);
	assert_int_equal(stats(&p).gaps, 0);
	assert_int_equal(count(fake_text(&s, "720p/index.m3u8"), "#EXT-X-DISCONTINUITY\n"), 1);
	assert_int_equal(count(fake_text(&s, "voice/index.m3u8"), "#EXT-X-DISCONTINUITY\n"), 1);
	assert_int_equal(count(fake_text(&s, "720p/index.m3u8"), "#EXT-X-MAP"), 2);
	assert_int_equal(hz_hls_resume(p.h, FAKE_ZERO_US + 10 * S), -EINVAL);
	assert_int_equal(hz_hls_resume(p.h, FAKE_ZERO_US + 60 * S), 0);
	fake_run(&p, 90 * S);
	assert_int_equal(fake_holds(&s, 19 * 25, 60 * 25), 0);
	assert_true(fake_newest_number(&s) > 83 * 25);
	assert_false(stats(&p).cut);
	assert_int_equal(count(fake_text(&s, "720p/index.m3u8"), "#EXT-X-DISCONTINUITY\n"), 2);
	assert_int_equal(stats(&p).gaps, 0);
	done(&p, &s);
}

// The mark lies in what is out: it goes, at once, and players are told of a gap.
static void a_cut_too_late(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 2, .sounds = 1};
	fake_open(&p, &s, &(struct hz_hls_open){0});
	fake_slate(&p);
	fake_run(&p, 31 * S);
	assert_int_equal(fake_newest_number(&s) / 25, 28);
	assert_int_equal(hz_hls_cut(p.h, FAKE_ZERO_US + 22 * S), 0);
	assert_true(fake_newest_number(&s) < 22 * 25);
	const char *list = fake_text(&s, "540p/index.m3u8");
	assert_int_equal(count(list, "#EXT-X-GAP"), 2); // 20 to 24, 24 to 28
	assert_non_null(strstr(list, "GAP=YES"));
	fake_run(&p, 50 * S);
	assert_true(fake_newest_number(&s) < 22 * 25);
	assert_int_equal(count(fake_text(&s, "540p/index.m3u8"), "#EXT-X-DISCONTINUITY\n"), 1);
	assert_true(fake_holds(&s, FAKE_SLATE, FAKE_SLATE + 100) > 0);
	done(&p, &s);
}

static void a_cut_that_cannot_remove(void **state)
{
	struct fake_store s = {.fail_remove = -EIO};
	struct fake_programme p = {.videos = 1};
	fake_open(&p, &s, &(struct hz_hls_open){0});
	fake_run(&p, 15 * S);
	assert_int_equal(hz_hls_cut(p.h, FAKE_ZERO_US + 5 * S), -EIO);
	assert_true(fake_newest_number(&s) > 5 * 25);
	s.fail_remove = 0;
	assert_int_equal(hz_hls_cut(p.h, FAKE_ZERO_US + 5 * S), 0);
	assert_true(fake_newest_number(&s) < 5 * 25);
	done(&p, &s);
}

// Without a slate: gaps. Cut again while it comes back: nothing of the second stretch is shown.
static void cut_again(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 1, .sounds = 1};
	fake_open(&p, &s, &(struct hz_hls_open){.delay_us = 4 * S});
	fake_run(&p, 20 * S);
	assert_int_equal(hz_hls_resume(p.h, FAKE_ZERO_US), -EALREADY);
	assert_int_equal(hz_hls_cut(p.h, FAKE_ZERO_US + 19 * S), 0);
	assert_int_equal(hz_hls_resume(p.h, FAKE_ZERO_US + 20 * S), 0);
	fake_run(&p, 22 * S);
	assert_int_equal(hz_hls_cut(p.h, FAKE_ZERO_US + 21 * S), 0);
	fake_run(&p, 60 * S);
	assert_true(fake_newest_number(&s) < 19 * 25);
	assert_true(stats(&p).gaps > 4);
	assert_int_equal(hz_hls_resume(p.h, FAKE_ZERO_US + 60 * S), 0);
	fake_run(&p, 80 * S);
	assert_int_equal(fake_holds(&s, 19 * 25, 60 * 25), 0);
	assert_true(fake_newest_number(&s) > 74 * 25);
	done(&p, &s);
}

// What waits must not be seen, nor what is in the segment in the making: in no file from then on, whatever the disk gives back.
static void cleared(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 2, .sounds = 1};
	fake_open(&p, &s, &(struct hz_hls_open){.delay_us = 5 * S});
	fake_slate(&p);
	fake_run(&p, 22 * S + S / 2);
	assert_true(fake_newest_number(&s) > 17 * 25);
	assert_int_equal(hz_hls_clear(p.h), 0);
	assert_int_equal(stats(&p).held_units, 0);
	long newest = fake_newest_number(&s);
	assert_true(newest < 17 * 25 && newest > 12 * 25); // whole segments stay
	assert_int_equal(hz_hls_resume(p.h, FAKE_ZERO_US + 22 * S + S / 2), 0);
	fake_run(&p, 26 * S); // the slate in place of what waited
	assert_true(stats(&p).slate);
	assert_int_equal(fake_newest_number(&s), newest);
	fake_run(&p, 50 * S);
	assert_false(stats(&p).cut);
	assert_int_equal(fake_holds(&s, newest + 1, 22 * 25 + 12), 0);
	assert_true(fake_newest_number(&s) > 43 * 25);
	assert_int_equal(count(fake_text(&s, "540p/index.m3u8"), "#EXT-X-DISCONTINUITY\n"), 2);
	assert_int_equal(count(fake_text(&s, "540p/index.m3u8"), "#EXT-X-GAP"), 1);
	// While it is cut: what was before the mark and has not come out yet does not.
	assert_int_equal(hz_hls_cut(p.h, FAKE_ZERO_US + 49 * S), 0);
	s.fail_remove = -EIO;
	assert_int_equal(hz_hls_clear(p.h), -EIO); // of what was public already
	newest = fake_newest_number(&s);
	fake_run(&p, 55 * S);
	assert_int_equal(fake_newest_number(&s), newest);
	s.fail_remove = 0;
	fake_run(&p, 70 * S);
	assert_true(fake_newest_number(&s) <= newest);
	assert_int_equal(hz_hls_resume(p.h, FAKE_ZERO_US + 70 * S), 0);
	fake_run(&p, 72 * S);
	assert_int_equal(hz_hls_clear(p.h), 0); // while it comes back, and over the slate
	assert_int_equal(hz_hls_resume(p.h, FAKE_ZERO_US + 72 * S), 0);
	fake_run(&p, 90 * S);
	assert_int_equal(fake_holds(&s, newest + 1, 72 * 25), 0);
	assert_true(fake_newest_number(&s) > 83 * 25);
	done(&p, &s);
}

static void cleared_before_it_begins(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 1, .sounds = 1};
	fake_open(&p, &s, &(struct hz_hls_open){.delay_us = 4 * S});
	assert_int_equal(hz_hls_clear(p.h), 0);
	assert_int_equal(hz_hls_resume(p.h, FAKE_ZERO_US), 0);
	fake_run(&p, 3 * S);
	assert_int_equal(hz_hls_clear(p.h), 0);
	assert_int_equal(hz_hls_resume(p.h, FAKE_ZERO_US + 3 * S), 0);
	fake_run(&p, 20 * S);
	assert_int_equal(fake_holds(&s, 0, 3 * 25), 0);
	assert_true(fake_newest_number(&s) > 15 * 25);
	assert_int_equal(hz_hls_end(p.h), 0);
	assert_int_equal(hz_hls_clear(p.h), -EINVAL);
	done(&p, &s);
}

static void time_that_wraps_and_jumps(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 2, .sounds = 1};
	p.pts_shift = (1ll << 33) - 10 * 90000;
	fake_open(&p, &s, &(struct hz_hls_open){0});
	fake_run(&p, 5 * S);
	p.pts_shift -= 1ll << 33; // as a counter of 33 bits would say it
	fake_run(&p, 30 * S);
	assert_int_equal(stats(&p).discontinuities, 0);
	assert_int_equal(stats(&p).gaps, 0);
	p.pts_shift += 77 * 90000;
	fake_run(&p, 50 * S);
	assert_int_equal(stats(&p).discontinuities, 1);
	assert_int_equal(count(fake_text(&s, "360p/index.m3u8"), "#EXT-X-DISCONTINUITY\n"), 1);
	assert_int_equal(count(fake_text(&s, "floor/index.m3u8"), "#EXT-X-DISCONTINUITY\n"), 1);
	done(&p, &s);
}

static void other_parameters(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 2, .sounds = 1};
	fake_open(&p, &s, &(struct hz_hls_open){0});
	fake_run(&p, 18 * S);
	p.width = 352;
	fake_run(&p, 40 * S);
	const char *list = fake_text(&s, "540p/index.m3u8");
	assert_int_equal(count(list, "#EXT-X-DISCONTINUITY\n"), 1);
	assert_int_equal(count(list, "#EXT-X-MAP"), 2);
	assert_int_equal(count(fake_text(&s, "floor/index.m3u8"), "#EXT-X-MAP"), 1);
	assert_int_equal(stats(&p).gaps, 0);
	for (int i = 0; i < 100; i++) { // an encoder that cannot decide
		p.width = 160 + 16 * (unsigned)i;
		p.gop = 2;
		fake_run(&p, 40 * S + i * 500000);
	}
	assert_true(stats(&p).discontinuities < 60);
	done(&p, &s);
}

// Tracks that never come, come late, stop; keyframes that do not come.
static void odd_tracks(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 1, .sounds = 1, .silent = true};
	fake_open(&p, &s, &(struct hz_hls_open){0});
	fake_run(&p, 20 * S);
	assert_null(strstr(fake_text(&s, "master.m3u8"), "AUDIO"));
	assert_non_null(strstr(fake_text(&s, "floor/index.m3u8"), "#EXT-X-GAP"));
	assert_null(strstr(fake_text(&s, "floor/index.m3u8"), "#EXT-X-MAP"));
	p.silent = false;
	fake_run(&p, 40 * S);
	assert_non_null(strstr(fake_text(&s, "master.m3u8"), "AUDIO=\"sound\""));
	p.blind = true;
	fake_run(&p, 60 * S);
	assert_true(count(fake_text(&s, "360p/index.m3u8"), "#EXT-X-GAP") >= 3);
	p.blind = false;
	p.gop = 1000;
	fake_run(&p, 90 * S);
	p.gop = 50;
	fake_run(&p, 120 * S);
	assert_true(fake_newest_number(&s) > 117 * 25);
	p.blind = p.silent = true; // nobody sends: the playlists go on
	uint64_t before = stats(&p).playlists;
	fake_run(&p, 180 * S);
	assert_true(stats(&p).playlists > before + 20);
	done(&p, &s);
}

static void a_full_disk(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 1, .sounds = 1};
	fake_open(&p, &s, &(struct hz_hls_open){0});
	fake_run(&p, 20 * S);
	s.fail = -ENOSPC;
	fake_run(&p, 30 * S);
	assert_true(stats(&p).store_errors > 10);
	s.fail = 0;
	fake_run(&p, 60 * S);
	const char *list = fake_text(&s, "360p/index.m3u8");
	assert_in_range(count(list, "#EXT-X-GAP"), 2, 3);
	assert_non_null(strstr(list, "#EXTINF:4.000000,\n13.m4s"));
	assert_int_equal(stats(&p).discontinuities, 0);
	done(&p, &s);
}

static void what_is_refused(void **state)
{
	struct fake_store s = {0};
	struct fake_programme p = {.videos = 1, .sounds = 1};
	uint8_t buf[4096];
	struct hz_hls *h = fake_open(&p, &s, &(struct hz_hls_open){.hold_bytes = 20000});
	struct hz_hls_unit u = {.data = buf, .mark_us = FAKE_ZERO_US};
	u.bytes = fake_video(buf, true, 320, 240, 0, 10);
	assert_int_equal(hz_hls_push(h, 2, &u), -EINVAL);
	u.dts = 1;
	assert_int_equal(hz_hls_push(h, 0, &u), -EINVAL);
	u.dts = -900001;
	assert_int_equal(hz_hls_push(h, 0, &u), -EINVAL);
	u.dts = 0;
	u.mark_us = -1;
	assert_int_equal(hz_hls_push(h, 0, &u), -EINVAL);
	u.mark_us = FAKE_ZERO_US;
	u.bytes = 4;
	assert_int_equal(hz_hls_push(h, 0, &u), -EBADMSG);
	memset(buf, 7, sizeof(buf));
	u.bytes = 100;
	assert_int_equal(hz_hls_push(h, 0, &u), -EBADMSG);
	u.bytes = 0;
	assert_int_equal(hz_hls_push(h, 1, &u), -EBADMSG);
	assert_int_equal(hz_hls_slate(h, 0, &u), -EBADMSG);
	assert_int_equal(hz_hls_tick(h, FAKE_ZERO_US), 0);
	u.mark_us = FAKE_ZERO_US + 60 * S;
	assert_int_equal(hz_hls_push(h, 0, &u), -EINVAL);
	assert_int_equal(hz_hls_tick(h, FAKE_ZERO_US + 7200 * S), -EINVAL);
	u.mark_us = FAKE_ZERO_US;
	u.bytes = fake_video(buf, true, 320, 240, 0, 3000);
	int refused = 0;
	for (int i = 0; i < 10; i++, u.pts += 3600, u.dts += 3600)
		refused += hz_hls_push(h, 0, &u) == -ENOBUFS;
	assert_in_range(refused, 3, 5);
	assert_true(stats(&p).held_bytes <= 20000);
	done(&p, &s);
}

static void bad_settings(void **state)
{
	static const uint8_t he_aac[] = {0x2b, 0x11};
	struct fake_store s = {0};
	struct hz_hls *h = NULL;
	struct hz_hls_open good = {.store = fake_store(&s), .videos = 1, .video = {{.name = "a"}}};
	struct hz_hls_open bad[10];
	for (unsigned i = 0; i < 10; i++)
		bad[i] = good;
	bad[0].videos = 0;
	bad[1].videos = 5;
	bad[2].video[0].name = "../a";
	bad[3].video[0].name = "";
	bad[4].delay_us = 1000;
	bad[5].segment_us = 4500000;
	bad[6].window_us = S;
	bad[7].sounds = 1;
	bad[7].sound[0] = (struct hz_hls_sound_open){
	    .name = "b", .codec = HZ_HLS_AAC, .channels = 2, .config = he_aac, .config_bytes = 2};
	bad[8].sounds = 1;
	bad[8].sound[0] = (struct hz_hls_sound_open){.name = "a", .codec = HZ_HLS_OPUS, .channels = 2};
	bad[9].sounds = 1;
	bad[9].sound[0] = (struct hz_hls_sound_open){
	    .name = "b", .codec = HZ_HLS_OPUS, .channels = 2, .title = "x\"\nURI=\"y"};
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(hz_hls_new(&bad[i], &h), -EINVAL);
	assert_int_equal(hz_hls_new(&good, &h), 0);
	hz_hls_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_programme),      cmocka_unit_test(the_delay),
	    cmocka_unit_test(the_window),       cmocka_unit_test(a_cut_in_time),
	    cmocka_unit_test(a_cut_too_late),   cmocka_unit_test(a_cut_that_cannot_remove),
	    cmocka_unit_test(cut_again),        cmocka_unit_test(time_that_wraps_and_jumps),
	    cmocka_unit_test(other_parameters), cmocka_unit_test(odd_tracks),
	    cmocka_unit_test(a_full_disk),      cmocka_unit_test(what_is_refused),
	    cmocka_unit_test(bad_settings),     cmocka_unit_test(no_scraps),
	    cmocka_unit_test(cleared),          cmocka_unit_test(cleared_before_it_begins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
