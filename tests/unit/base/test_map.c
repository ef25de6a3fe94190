#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/map.h"

static void texts_and_numbers(void **state)
{
	struct hz_map *m;
	int a, b, c;
	assert_int_equal(hz_map_new(10, &m), 0);
	assert_null(hz_map_get(m, "a"));
	assert_int_equal(hz_map_set(m, "a", &a), 0);
	assert_int_equal(hz_map_set_u64(m, 'a', &b), 0); // the same bytes, another key
	assert_ptr_equal(hz_map_get(m, "a"), &a);
	assert_ptr_equal(hz_map_get_u64(m, 'a'), &b);
	assert_int_equal(hz_map_set(m, "a", &c), 0); // replaces
	assert_ptr_equal(hz_map_get(m, "a"), &c);
	assert_int_equal(hz_map_count(m), 2);
	assert_ptr_equal(hz_map_del(m, "a"), &c);
	assert_null(hz_map_del(m, "a"));
	assert_null(hz_map_del_u64(m, 0));
	assert_ptr_equal(hz_map_del_u64(m, 'a'), &b);
	assert_int_equal(hz_map_count(m), 0);
	hz_map_free(m);
	hz_map_free(NULL);
}

static void refused(void **state)
{
	struct hz_map *m;
	int v;
	char longest[HZ_MAP_KEY_BYTES + 2];
	assert_int_equal(hz_map_new(0, &m), -EINVAL);
	assert_int_equal(hz_map_new(UINT32_MAX, &m), -EINVAL);
	assert_int_equal(hz_map_new(2, &m), 0);
	memset(longest, 'k', sizeof(longest));
	longest[HZ_MAP_KEY_BYTES + 1] = '\0';
	assert_int_equal(hz_map_set(m, longest, &v), -EINVAL);
	assert_null(hz_map_get(m, longest));
	longest[HZ_MAP_KEY_BYTES] = '\0';
	assert_int_equal(hz_map_set(m, longest, &v), 0);
	assert_int_equal(hz_map_set(m, "", &v), -EINVAL);
	assert_int_equal(hz_map_set(m, NULL, &v), -EINVAL);
	assert_int_equal(hz_map_set(m, "x", NULL), -EINVAL);
	assert_null(hz_map_get(m, NULL));
	assert_null(hz_map_del(m, ""));
	assert_int_equal(hz_map_set(m, "x", &v), 0);
	assert_int_equal(hz_map_set(m, "y", &v), -ENOSPC);
	assert_int_equal(hz_map_set(m, "x", &v), 0); // replacing still works
	hz_map_free(m);
}

// Against a plain array, with much deleting, so that holes are closed properly.
static void model(void **state)
{
	enum { N = 500 };
	static int value[N];
	bool in[N] = {false};
	struct hz_map *m;
	uint32_t count = 0;
	assert_int_equal(hz_map_new(N, &m), 0);
	srand(11);
	for (int step = 0; step < 100000; step++) {
		int i = rand() % N;
		char key[16];
		snprintf(key, sizeof(key), "key-%d", i);
		if (rand() % 2) {
			assert_int_equal(i % 2 ? hz_map_set(m, key, &value[i])
			                       : hz_map_set_u64(m, (uint64_t)i, &value[i]),
			                 0);
			count += !in[i];
			in[i] = true;
		} else {
			void *gone = i % 2 ? hz_map_del(m, key) : hz_map_del_u64(m, (uint64_t)i);
			assert_ptr_equal(gone, in[i] ? &value[i] : NULL);
			count -= in[i];
			in[i] = false;
		}
		assert_int_equal(hz_map_count(m), count);
	}
	uint32_t at = 0, seen = 0;
	for (int *v; (v = hz_map_next(m, &at));) {
		assert_true(in[v - value]);
		seen++;
	}
	assert_int_equal(seen, count);
	hz_map_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_and_numbers),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
