#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/base/each.h"

#define MOST 1000

static atomic_uint calls[MOST];

static void count(void *arg, unsigned i)
{
	assert_true(i < MOST);
	atomic_fetch_add((atomic_uint *)arg, 1);
	atomic_fetch_add(&calls[i], 1);
}

static void each_once(void **state)
{
	static const unsigned counts[] = {0, 1, 2, 3, 5, MOST};
	for (unsigned c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		atomic_uint sum = 0;
		for (unsigned i = 0; i < MOST; i++)
			calls[i] = 0;
		hz_each(counts[c], count, &sum);
		assert_int_equal(sum, counts[c]); // all have returned
		for (unsigned i = 0; i < MOST; i++)
			assert_int_equal(calls[i], i < counts[c] ? 1 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_once)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
