// The sum of voices: what is not too loud stays as it is, what is never passes -1 dBFS, without a jump.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "recorder/compose/limit.h"

#define BLOCKS 400

static float in[2 * HZ_LIMIT_BLOCK * BLOCKS], out[2 * HZ_LIMIT_BLOCK * BLOCKS];

static void run(void)
{
	struct hz_limit l;
	hz_limit_init(&l);
	for (unsigned b = 0; b < BLOCKS; b++) {
		float block[2 * HZ_LIMIT_BLOCK];
		for (unsigned i = 0; i < 2 * HZ_LIMIT_BLOCK; i++)
			block[i] = in[2 * HZ_LIMIT_BLOCK * b + i];
		hz_limit_block(&l, block);
		for (unsigned i = 0; i < 2 * HZ_LIMIT_BLOCK; i++)
			out[2 * HZ_LIMIT_BLOCK * b + i] = block[i];
	}
}

static void tone(float level, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		in[2 * i] = in[2 * i + 1] = level * sinf((float)i * 0.05f);
}

static void test_quiet_is_untouched(void **state)
{
	tone(0.8f, 0, HZ_LIMIT_BLOCK * BLOCKS);
	run();
	for (unsigned i = 0; i < HZ_LIMIT_BLOCK; i++)
		assert_true(out[2 * i] == 0);
	for (unsigned i = HZ_LIMIT_BLOCK; i < HZ_LIMIT_BLOCK * BLOCKS; i++)
		assert_true(fabsf(out[2 * i] - in[2 * (i - HZ_LIMIT_BLOCK)]) < 1e-6f);
}

static void test_loud_is_held_back(void **state)
{
	for (float level = 1; level < 40; level *= 2) { // up to forty at once
		tone(0.5f, 0, HZ_LIMIT_BLOCK * 100);
		tone(level, HZ_LIMIT_BLOCK * 100 + 77, HZ_LIMIT_BLOCK * 200);
		tone(0.5f, HZ_LIMIT_BLOCK * 200, HZ_LIMIT_BLOCK * BLOCKS);
		run();
		float gain_before = 1;
		for (unsigned i = HZ_LIMIT_BLOCK; i < HZ_LIMIT_BLOCK * BLOCKS; i++) {
			float was = in[2 * (i - HZ_LIMIT_BLOCK)];
			assert_true(fabsf(out[2 * i]) <= HZ_LIMIT_PEAK * 1.0001f);
			if (fabsf(was) < 0.1f)
				continue;
			float gain = out[2 * i] / was;
			assert_true(fabsf(gain - gain_before) < 0.06f); // no click
			gain_before = gain;
		}
		assert_true(gain_before > 0.5f); // comes back
	}
}

static void test_not_a_number(void **state)
{
	tone(0.5f, 0, HZ_LIMIT_BLOCK * BLOCKS);
	in[1000] = NAN;
	in[3000] = INFINITY;
	run();
	for (unsigned i = 0; i < 2 * HZ_LIMIT_BLOCK * BLOCKS; i++)
		assert_true(isfinite(out[i]) && fabsf(out[i]) <= HZ_LIMIT_PEAK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_quiet_is_untouched),
	                                   cmocka_unit_test(test_loud_is_held_back),
	                                   cmocka_unit_test(test_not_a_number)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
