// Opus packets and silence.
#include <errno.h>
#include <string.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "recorder/finalize/opus.h"
#include "recorder/finalize/sound.h"

static int parse(const void *data, size_t bytes, uint32_t *ret_samples)
{
	struct hz_opus_info info;
	int err = hz_opus_parse(data, bytes, &info);
	*ret_samples = err ? 0 : info.samples;
	return err;
}

static void framings(void **state)
{
	uint32_t n;
	uint8_t many[300] = {0x78 | 3}; // CELT 20 ms is 0x78: configuration 15 is hybrid 20 ms
	assert_int_equal(parse("\xf8\xff\xfe", 3, &n), 0);
	assert_int_equal(n, 960);
	assert_int_equal(parse("\xe0\x01", 2, &n), 0); // 2.5 ms
	assert_int_equal(n, 120);
	assert_int_equal(parse("\x18\x01", 2, &n), 0); // SILK 60 ms
	assert_int_equal(n, 2880);
	assert_int_equal(parse("\xf9\x01\x02", 3, &n), 0); // two of the same length
	assert_int_equal(n, 1920);
	assert_int_equal(parse("\xf9\x01\x02\x03", 4, &n), -EBADMSG);
	assert_int_equal(parse("\xfa\x01\x02\x03", 4, &n), 0); // two: 1 and 2 bytes
	assert_int_equal(parse("\xfa\x09\x02\x03", 4, &n), -EBADMSG);
	assert_int_equal(parse("", 0, &n), -EBADMSG);
	many[1] = 3; // three of the same length
	assert_int_equal(parse(many, 2 + 9, &n), 0);
	assert_int_equal(n, 2880);
	assert_int_equal(parse(many, 2 + 10, &n), -EBADMSG);
	many[1] = 7; // 140 ms: too long
	assert_int_equal(parse(many, 2 + 7, &n), -EBADMSG);
	many[1] = 0;
	assert_int_equal(parse(many, 3, &n), -EBADMSG);
	many[1] = 0x40 | 1; // padding beyond the end
	many[2] = 200;
	assert_int_equal(parse(many, 100, &n), -EBADMSG);
	assert_int_equal(parse(many, 210, &n), 0);
	many[1] = 0x80 | 2; // lengths of their own
	many[2] = 5;
	assert_int_equal(parse(many, 3 + 5 + 4, &n), 0);
	assert_int_equal(parse(many, 3 + 4, &n), -EBADMSG);
}

static void any_bytes(void **state)
{
	uint32_t x = 1, n;
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t p[40];
		for (unsigned k = 0; k < sizeof(p); k++) {
			x = x * 1664525 + 1013904223;
			p[k] = (uint8_t)(x >> 24);
		}
		if (parse(p, i % 40, &n) == 0)
			assert_in_range(n, 120, 5760);
	}
}

struct heard {
	unsigned count, silent;
	int64_t last_us, end_us;
};

static int hear(void *arg, const uint8_t *data, size_t bytes, int64_t us, uint32_t samples)
{
	struct heard *h = arg;
	struct hz_opus_info info;
	assert_int_equal(hz_opus_parse(data, bytes, &info), 0);
	assert_int_equal(info.samples, samples);
	assert_true(us > h->last_us);
	assert_true(us - h->end_us < 5000); // no holes
	h->silent += bytes == HZ_OPUS_SILENCE_BYTES;
	h->last_us = us;
	h->end_us = us + (int64_t)samples * 1000 / 48;
	h->count++;
	return 0;
}

static void holes_are_filled(void **state)
{
	struct heard h = {.last_us = -1};
	struct hz_sound s;
	const uint8_t packet[] = {0xf8, 1, 2, 3};
	hz_sound_init(&s, hear, &h, true);
	assert_int_equal(hz_sound_put(&s, packet, 4, 105300, 960), 0);
	assert_int_equal(h.silent, 6); // 5 of 20 ms, one of 5
	assert_int_equal(hz_sound_put(&s, packet, 4, 125300, 960), 0);
	assert_int_equal(hz_sound_put(&s, packet, 4, 146000, 960), 0); // the play of the clock
	assert_int_equal(h.silent, 6);
	assert_int_equal(hz_sound_put(&s, packet, 4, 147000, 960), 0); // the same again: dropped
	assert_int_equal(s.dropped, 1);
	assert_int_equal(hz_sound_put(&s, packet, 4, 60 * 1000000, 960), 0);
	assert_in_range(h.count, 2990, 3010);
	assert_int_equal(hz_sound_advance(&s, 61 * 1000000), 0);
	assert_in_range(h.end_us, 60996000, 61000000);
	uint8_t silence[HZ_OPUS_SILENCE_BYTES];
	assert_int_equal(hz_opus_silence(119, silence), 0);
	assert_int_equal(hz_opus_silence(5000, silence), 960);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(framings),
	    cmocka_unit_test(any_bytes),
	    cmocka_unit_test(holes_are_filled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
