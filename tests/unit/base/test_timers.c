#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/base/timers.h"

static void order(void **state)
{
	struct hz_timers *t;
	uint32_t id;
	assert_int_equal(hz_timers_new(4, &t), 0);
	assert_true(hz_timers_next(t) == INT64_MAX);
	assert_false(hz_timers_pop(t, INT64_MAX, &id));
	hz_timers_set(t, 3, 300);
	hz_timers_set(t, 1, 100);
	hz_timers_set(t, 2, 200);
	assert_int_equal(hz_timers_next(t), 100);
	assert_false(hz_timers_pop(t, 99, &id));
	assert_true(hz_timers_pop(t, 100, &id));
	assert_int_equal(id, 1);
	assert_true(hz_timers_get(t, 1) == INT64_MAX);
	hz_timers_set(t, 2, 400); // moves behind
	assert_int_equal(hz_timers_next(t), 300);
	hz_timers_set(t, 2, -5); // and before
	assert_int_equal(hz_timers_next(t), -5);
	hz_timers_cancel(t, 2);
	hz_timers_cancel(t, 2);
	hz_timers_cancel(t, 0);
	assert_int_equal(hz_timers_next(t), 300);
	hz_timers_free(t);
	hz_timers_free(NULL);
}

static void refused(void **state)
{
	struct hz_timers *t;
	uint32_t id;
	assert_int_equal(hz_timers_new(0, &t), -EINVAL);
	assert_int_equal(hz_timers_new(UINT32_MAX, &t), -EINVAL);
	assert_int_equal(hz_timers_new(1, &t), 0);
	hz_timers_set(t, 1, 5); // outside
	hz_timers_cancel(t, 7);
	assert_true(hz_timers_get(t, 9) == INT64_MAX);
	assert_false(hz_timers_pop(t, 100, &id));
	hz_timers_free(t);
}

// Against a plain array, over many random operations.
static void model(void **state)
{
	enum { N = 61 };
	struct hz_timers *t;
	int64_t want[N];
	assert_int_equal(hz_timers_new(N, &t), 0);
	for (int i = 0; i < N; i++)
		want[i] = INT64_MAX;
	srand(7);
	for (int step = 0; step < 50000; step++) {
		uint32_t id = (uint32_t)rand() % N, popped;
		int64_t next = INT64_MAX;
		if (rand() % 4 == 0) {
			hz_timers_cancel(t, id);
			want[id] = INT64_MAX;
		} else {
			want[id] = rand() % 1000;
			hz_timers_set(t, id, want[id]);
		}
		for (int i = 0; i < N; i++)
			next = want[i] < next ? want[i] : next;
		assert_true(hz_timers_next(t) == next);
		assert_true(hz_timers_get(t, id) == want[id]);
		if (step % 5 == 0 && hz_timers_pop(t, 200, &popped)) {
			assert_true(want[popped] == next && next <= 200);
			want[popped] = INT64_MAX;
		}
	}
	hz_timers_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(order),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
