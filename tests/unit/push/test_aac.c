// Opus to AAC: times follow the input over what the encoder puts before, holes stay holes, garbage is silence.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <opus/opus.h>

#include "media/codec/aac.h"

#define MS INT64_C(1000)

static struct {
	struct hz_aac_encoder *aac;
	unsigned frames;
	int64_t first_us, last_us, longest_us; // longest: step between two
	size_t bytes;
} w;

static void on_frame(void *ctx, const struct hz_aac_frame *frame)
{
	int64_t step_us = frame->at_us - w.last_us;
	assert_true(frame->bytes > 0);
	if (!w.frames)
		w.first_us = frame->at_us;
	else if (step_us > w.longest_us)
		w.longest_us = step_us;
	if (w.frames)
		assert_true(step_us > 0);
	w.last_us = frame->at_us;
	w.bytes += frame->bytes;
	w.frames++;
}

static int set_up(void **state)
{
	const struct hz_aac_ops ops = {.frame = on_frame};
	memset(&w, 0, sizeof(w));
	return hz_aac_new(&ops, &w.aac);
}

static int tear_down(void **state)
{
	hz_aac_free(w.aac);
	return 0;
}

static void feed(unsigned packets, int64_t at_us)
{
	int err;
	OpusEncoder *e = opus_encoder_create(48000, 1, OPUS_APPLICATION_AUDIO, &err);
	float tone[960];
	uint8_t data[1500];
	for (unsigned i = 0; i < 960; i++)
		tone[i] = 0.3f * sinf((float)i * 6.2831853f * 500.0f / 48000.0f);
	for (unsigned i = 0; i < packets; i++) {
		int n = opus_encode_float(e, tone, 960, data, sizeof(data));
		assert_true(n > 0);
		assert_int_equal(hz_aac_push(w.aac, data, (size_t)n, at_us + (int64_t)i * 20 * MS), 0);
	}
	opus_encoder_destroy(e);
}

static void times_follow(void **state)
{
	size_t bytes;
	const uint8_t *config = hz_aac_config(w.aac, &bytes);
	assert_true(bytes >= 2);
	assert_int_equal(config[0] >> 3, 2);                                      // AAC-LC
	assert_int_equal((config[0] & 7) << 1 | config[1] >> 7, 3);               // 48 kHz
	assert_int_equal(config[1] >> 3 & 15, 1);                                 // mono
	feed(100, 1700000000000000ll);                                            // two seconds
	assert_in_range(w.frames, 90, 95);                                        // of 1024 samples
	assert_int_equal(w.first_us / 1000, (1700000000000000ll - 21334) / 1000); // what is before is before
	assert_in_range(w.longest_us, 21332, 21335);
	assert_in_range(w.bytes, 10000, 40000);
}

static void a_hole_is_a_hole(void **state)
{
	feed(50, 1000000);
	int64_t before_us = w.last_us;
	feed(50, 12000000);
	assert_true(w.longest_us > 9500000 && w.longest_us < 11000000);
	assert_in_range(w.last_us - before_us, 10900000, 11100000);
	feed(1, 12000000 + 50 * 20000 + 15000); // a little late is no hole
	assert_in_range(w.last_us, 12900000, 13050000);
}

static void garbage_is_silence(void **state)
{
	uint8_t junk[64];
	feed(10, 0);
	unsigned before = w.frames;
	memset(junk, 0xff, sizeof(junk));
	for (int i = 0; i < 10; i++)
		assert_int_equal(hz_aac_push(w.aac, junk, i % 2 ? sizeof(junk) : 0, 200000 + i * 20000),
		                 -EBADMSG);
	assert_in_range(w.frames - before, 9, 10);
	feed(10, 400000);
	assert_in_range(w.longest_us, 21332, 21335);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(times_follow, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_hole_is_a_hole, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(garbage_is_silence, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
