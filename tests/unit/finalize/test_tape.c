// The sound of DICOM videos: slices depend on packets, not on fitted clocks, and silence costs nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "recorder/finalize/dicom_slice.h"
#include "recorder/finalize/mux.h"
#include "tests/unit/finalize/fake_media.h"

#define PACKET_US 20000

static char folder[64];
static struct fake_clip speech;

static int set_up(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/hz-tape-XXXXXX");
	speech = fake_speech(20);
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[80];
	fake_clip_free(&speech);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

struct part {
	size_t from, count; // packets; from in the clip, which repeats
	int64_t at_us;
	double ppm;
	int64_t jitter_us;
};

// A file of parts, with packets of silence between them where `fill`.
static void write_file(const char *name, const struct part *part, size_t parts, bool fill, char path[96])
{
	static const uint8_t silence[] = {0xf8, 0xff, 0xfe};
	struct hz_mux *mux;
	int64_t end_us = 0;
	snprintf(path, 96, "%s/%s.webm", folder, name);
	const struct hz_mux_open with = {.path = path, .container = HZ_CONTAINER_WEBM, .audio = true};
	assert_int_equal(hz_mux_open(&with, &mux), 0);
	for (size_t p = 0; p < parts; p++) {
		for (; fill && end_us + PACKET_US <= part[p].at_us; end_us += PACKET_US)
			assert_int_equal(hz_mux_audio(mux, silence, sizeof(silence), end_us, 960), 0);
		for (size_t i = 0; i < part[p].count; i++) {
			const struct fake_frame *f = &speech.frame[(part[p].from + i) % speech.count];
			int64_t us =
			    part[p].at_us + (int64_t)((double)i * PACKET_US * (1 + part[p].ppm / 1e6));
			us += i % 2 && i + 1 < part[p].count ? part[p].jitter_us : 0;
			assert_int_equal(hz_mux_audio(mux, f->data, f->bytes, us, 960), 0);
			end_us = us + PACKET_US;
		}
	}
	assert_int_equal(hz_mux_close(mux), 0);
}

static void same(const struct hz_tape *a, size_t i, const struct hz_tape *b, size_t k)
{
	struct hz_slice one, two;
	assert_int_equal(hz_slice_make(a, &a->slice[i], &one), 0);
	assert_int_equal(hz_slice_make(b, &b->slice[k], &two), 0);
	assert_int_equal(one.count, two.count);
	assert_int_equal(one.bytes, two.bytes);
	assert_memory_equal(one.data, two.data, one.bytes);
	hz_slice_done(&one);
	hz_slice_done(&two);
}

// As a consult goes on its clocks are fitted better: everything moves a little, and what was made stays good.
static void test_fitted_again(void **state)
{
	char first[96], second[96];
	const struct part early = {.count = 4000, .at_us = 40000},
	                  late = {.count = 7000, .at_us = 41370, .ppm = 180, .jitter_us = 900};
	struct hz_tape a, b;
	write_file("early", &early, 1, true, first);
	write_file("late", &late, 1, false, second);
	assert_int_equal(hz_tape_open(first, 0, &a), 0);
	assert_int_equal(hz_tape_open(second, -700000, &b), 0);
	assert_int_equal(a.slices, 2);
	assert_int_equal(b.slices, 3);
	same(&a, 0, &b, 0);
	assert_in_range(a.slice[1].said, 40 * 48 + HZ_SLICE_SAMPLES - 96, 40 * 48 + HZ_SLICE_SAMPLES + 96);
	int64_t off = b.slice[1].said - b.slice[0].said - HZ_SLICE_SAMPLES; // 180 ppm of a minute
	assert_in_range(off, 420, 620);
	hz_tape_done(&a);
	hz_tape_done(&b);
}

// What lies behind a long silence is the same wherever it lies, and the silence is nothing at all.
static void test_silence_is_free(void **state)
{
	char first[96], second[96];
	const struct part one[] = {{.count = 200}, {.from = 300, .count = 200, .at_us = 1800000000}},
	                  two[] = {{.count = 200}, {.from = 300, .count = 200, .at_us = 30007000}};
	struct hz_tape a, b;
	write_file("long", one, 2, true, first);
	write_file("short", two, 2, false, second);
	assert_int_equal(hz_tape_open(first, 0, &a), 0);
	assert_int_equal(hz_tape_open(second, 0, &b), 0);
	assert_int_equal(a.slices, 2);
	assert_int_equal(a.packets, 402); // each run fades out with a packet of silence
	assert_int_equal(a.slice[1].said, 1800ll * 48000);
	same(&a, 1, &b, 1);
	hz_tape_done(&a);
	hz_tape_done(&b);
	assert_int_equal(hz_tape_open(first, -1790000000ll, &a), 0); // a picture that came later
	assert_int_equal(a.slices, 1);
	hz_tape_done(&a);
}

// A packet that never came is silence of its length, however its neighbours' clocks jitter.
static void test_holes(void **state)
{
	char first[96], second[96];
	const struct part one[] = {{.count = 200}, {.from = 203, .count = 200, .at_us = 203 * PACKET_US}},
	                  two[] = {{.count = 200, .jitter_us = 1000},
	                           {.from = 203, .count = 200, .at_us = 203 * PACKET_US + 7000}};
	struct hz_tape a, b;
	write_file("filled", one, 2, true, first);
	write_file("open", two, 2, false, second);
	assert_int_equal(hz_tape_open(first, 0, &a), 0);
	assert_int_equal(hz_tape_open(second, 0, &b), 0);
	assert_int_equal(a.slices, 1);
	assert_int_equal(a.packets, 404);
	assert_int_equal(b.packets, 404);
	same(&a, 0, &b, 0);
	hz_tape_done(&a);
	hz_tape_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fitted_again),
	    cmocka_unit_test(test_silence_is_free),
	    cmocka_unit_test(test_holes),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
