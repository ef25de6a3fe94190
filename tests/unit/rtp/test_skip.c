// Numbers and VP8 pictures left out: held against a plain list.
#include <string.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "media/rtp/skip.h"
#include "media/rtp/vp8_rewrite.h"
#include "tests/unit/rtp/random.h"

#define COUNT 20000

static uint8_t out[COUNT];
static uint32_t before[COUNT + 1];

static void agrees_with_a_list(void **state)
{
	struct hz_skip s;
	struct hz_test_random rng = {7};
	int64_t base = 65530, top = -1;
	hz_skip_begin(&s, base, 0);
	memset(out, 0, sizeof(out));
	for (int64_t n = 0; n < COUNT; n++) {
		uint32_t r = random_next(&rng);
		if (r % 16 == 0 && n != COUNT - 1)
			continue; // never arrives: kept
		out[n] = (r >> 8) % (n / 4000 + 2) != 0;
		hz_skip_put(&s, base + n, out[n]);
		for (int64_t i = top < 0 ? 0 : top; i <= n; i++)
			before[i + 1] = before[i] + out[i];
		top = n;
		if (r % 8 != 1)
			continue;
		int64_t low = n > HZ_SKIP_WINDOW - 1 ? n - HZ_SKIP_WINDOW + 1 : 0;
		int64_t look = low + (int64_t)random_below(&rng, (uint32_t)(n - low + 1));
		assert_int_equal(hz_skip_before(&s, base + look), before[look]);
		assert_int_equal(hz_skip_is_out(&s, base + look), out[look]);
		if (!out[look]) {
			uint64_t kept_above = (uint64_t)(n - look) - (before[n + 1] - before[look + 1]);
			assert_int_equal(hz_skip_find(&s, kept_above), base + look);
		}
	}
	assert_int_equal(hz_skip_before(&s, base + COUNT + 5), before[COUNT]);
	assert_int_equal(hz_skip_before(&s, base + COUNT - 1 - HZ_SKIP_WINDOW), -1);
	assert_int_equal(hz_skip_find(&s, HZ_SKIP_WINDOW), -1);
	hz_skip_put(&s, base + COUNT + 5000, false); // a leap empties the window
	assert_int_equal(hz_skip_before(&s, base + COUNT + 4999), before[COUNT]);
}

static void nothing_before_the_first(void **state)
{
	struct hz_skip s;
	hz_skip_begin(&s, 100, 40);
	assert_int_equal(hz_skip_before(&s, 100), 40);
	assert_int_equal(hz_skip_before(&s, 99), -1);
	hz_skip_put(&s, 102, true);
	assert_int_equal(hz_skip_before(&s, 102), 40);
	assert_int_equal(hz_skip_before(&s, 103), 41);
	assert_int_equal(hz_skip_before(&s, 99), -1);
	assert_int_equal(hz_skip_find(&s, 0), 101);
	assert_int_equal(hz_skip_find(&s, 1), 100);
	assert_int_equal(hz_skip_find(&s, 2), -1);
}

static void pictures(unsigned bits, unsigned reach)
{
	struct hz_vp8_skip s;
	struct hz_vp8_delta delta = {.picture_id = 1000};
	struct hz_test_random rng = {bits};
	uint16_t first = (uint16_t)(0x7fff - 300), mask = bits == 15 ? 0x7fff : 0x7f;
	uint32_t left = 0;
	hz_vp8_skip_init(&s);
	memset(out, 0, sizeof(out));
	for (unsigned n = 0; n < 3000; n++) {
		uint16_t id = (uint16_t)((first + n) & mask);
		if (n && random_next(&rng) % 10 == 0)
			continue;
		assert_int_equal(hz_vp8_skip_look(&s, id, (uint8_t)bits), HZ_VP8_NEW);
		out[n] = random_next(&rng) % 2;
		hz_vp8_skip_put(&s, id, (uint8_t)bits, out[n], &delta);
		left += out[n];
		assert_int_equal(delta.picture_id, (1000u - left) & 0x7fff);
		unsigned ago = random_below(&rng, reach);
		if (ago > n)
			continue;
		uint16_t older = (uint16_t)((first + n - ago) & mask);
		assert_int_equal(hz_vp8_skip_look(&s, older, (uint8_t)bits),
		                 out[n - ago] ? HZ_VP8_LEFT_OUT : HZ_VP8_KEPT);
		uint32_t newer = 0;
		for (unsigned i = n - ago + 1; i <= n; i++)
			newer += out[i];
		struct hz_vp8_delta was = hz_vp8_skip_delta(&s, older, (uint8_t)bits, delta);
		assert_int_equal(was.picture_id, (1000u - left + newer) & 0x7fff);
	}
}

static void pictures_of_fifteen_bits(void **state)
{
	pictures(15, HZ_VP8_SKIP_WINDOW - 1);
}

static void pictures_of_seven_bits(void **state)
{
	pictures(7, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(agrees_with_a_list),
	    cmocka_unit_test(nothing_before_the_first),
	    cmocka_unit_test(pictures_of_fifteen_bits),
	    cmocka_unit_test(pictures_of_seven_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
