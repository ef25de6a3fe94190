// The packet history against a model: what it must still hold, what it may not give, and the pool's bound.
#include "tests/unit/rtp/cmocka_all.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/history.h"
#include "tests/unit/rtp/random.h"

#define FIRST    65536LL
#define BIG_POOL (64u << 20)

static uint8_t wire[4096];

// A packet whose payload tells its number.
static struct hz_rtp_packet make(int64_t ext, size_t bytes)
{
	struct hz_rtp_packet p;
	memset(wire, (int)(ext % 251), bytes);
	wire[0] = 0x80;
	wire[1] = 0x60;
	wire[2] = (uint8_t)(ext >> 8);
	wire[3] = (uint8_t)ext;
	assert_int_equal(hz_rtp_parse(wire, bytes, &p), 0);
	return p;
}

static int put(struct hz_history *h, int64_t ext, size_t bytes, int64_t now_us)
{
	struct hz_rtp_packet p = make(ext, bytes);
	return hz_history_put(h, ext, &p, now_us);
}

static bool has(struct hz_history *h, int64_t ext, size_t bytes, int64_t now_us)
{
	struct hz_rtp_packet p;
	int64_t at;
	if (hz_history_get(h, ext, now_us, &p, &at) < 0)
		return false;
	make(ext, bytes);
	assert_int_equal(p.bytes, bytes);
	assert_memory_equal(p.data, wire, bytes);
	assert_true(at <= now_us);
	return true;
}

static void test_bad_arguments(void **state)
{
	static const uint32_t bad[] = {0, 1, 63, 65, 100, 1000, 8192, UINT32_MAX};
	struct hz_history_pool *pool;
	struct hz_history *h;
	assert_int_equal(hz_history_pool_new(BIG_POOL, &pool), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hz_history_new(pool, bad[i], &h), -EINVAL);
	assert_int_equal(hz_history_new(pool, 64, &h), 0);
	assert_int_equal(hz_history_pool_held_bytes(pool), 0); // lazy
	struct hz_rtp_packet p;
	assert_int_equal(hz_history_get(h, FIRST, 0, &p, NULL), -ENOENT);
	assert_int_equal(hz_history_get(h, -1, 0, &p, NULL), -ENOENT);
	assert_int_equal(put(h, -1, 100, 0), -EINVAL);
	assert_int_equal(put(h, FIRST, HZ_HISTORY_MAX_PACKET + 1, 0), -EMSGSIZE);
	assert_int_equal(put(h, FIRST, HZ_HISTORY_MAX_PACKET, 0), 0);
	assert_int_equal(put(h, FIRST, 100, 0), -EEXIST);
	assert_int_equal(put(h, FIRST + 64, 100, 0), 0);
	assert_false(has(h, FIRST, HZ_HISTORY_MAX_PACKET, 0)); // overwritten
	assert_int_equal(put(h, FIRST, 100, 0), -ESTALE);
	assert_int_equal(put(h, FIRST + 1, 100, 0), 0); // late, but it fits still
	hz_history_free(h);
	hz_history_free(NULL);
	assert_int_equal(hz_history_pool_used_bytes(pool), 0);
	hz_history_pool_free(pool);
	hz_history_pool_free(NULL);
}

static void test_padding_is_left_out(void **state)
{
	uint8_t b[] = {0xb0, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0, 'p', 0, 2};
	struct hz_history_pool *pool;
	struct hz_history *h;
	struct hz_rtp_packet p, q;
	const uint8_t *data;
	size_t bytes;
	assert_int_equal(hz_history_pool_new(0, &pool), 0); // one chunk at least
	assert_int_equal(hz_history_new(pool, 64, &h), 0);
	assert_int_equal(hz_rtp_parse(b, sizeof(b), &p), 0);
	assert_int_equal(hz_history_put(h, FIRST, &p, 5), 0);
	assert_int_equal(hz_history_get(h, FIRST, 5, &q, NULL), 0);
	assert_int_equal(q.payload_bytes, 1);
	assert_int_equal(q.padding_bytes, 0);
	assert_int_equal(q.bytes, sizeof(b) - 2);
	assert_true(hz_rtp_ext_find(&q, 1, &data, &bytes));
	assert_int_equal(data[0], 7);
	hz_history_free(h);
	hz_history_pool_free(pool);
}

static void test_age(void **state)
{
	struct hz_history_pool *pool;
	struct hz_history *h;
	assert_int_equal(hz_history_pool_new(BIG_POOL, &pool), 0);
	assert_int_equal(hz_history_new(pool, 1024, &h), 0);
	assert_int_equal(put(h, FIRST, 1000, 1000), 0);
	assert_true(has(h, FIRST, 1000, 1000 + HZ_HISTORY_MAX_AGE_US));
	assert_false(has(h, FIRST, 1000, 1001 + HZ_HISTORY_MAX_AGE_US));
	assert_true(hz_history_pool_used_bytes(pool) > 0);
	hz_history_expire(h, 1001 + HZ_HISTORY_MAX_AGE_US);
	assert_int_equal(hz_history_pool_used_bytes(pool), 0);
	assert_false(has(h, FIRST, 1000, 1000)); // gone, even if the clock went back
	assert_int_equal(put(h, FIRST, 1000, 5000000), 0);
	assert_true(has(h, FIRST, 1000, 5000000));
	hz_history_free(h);
	hz_history_pool_free(pool);
}

static void test_pool_bound(void **state)
{
	struct hz_history_pool *pool;
	struct hz_history *h[4];
	size_t limit = 8 * 33000; // 8 chunks with their heads
	assert_int_equal(hz_history_pool_new(limit, &pool), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(hz_history_new(pool, 1024, &h[i]), 0);
	for (int i = 0; i < 1000; i++) { // the first takes all of the pool and then lives on its own chunks
		assert_int_equal(put(h[0], FIRST + i, 1200, 1), 0);
		assert_true(hz_history_pool_held_bytes(pool) <= limit);
	}
	assert_true(has(h[0], FIRST + 999, 1200, 1));
	assert_true(has(h[0], FIRST + 999 - 150, 1200, 1));
	assert_false(has(h[0], FIRST + 500, 1200, 1));
	assert_int_equal(put(h[1], FIRST, 1200, 1), -ENOBUFS); // refused, and said so
	hz_history_free(h[0]);
	for (int i = 0; i < 100; i++)
		for (int k = 1; k < 4; k++) {
			assert_int_equal(put(h[k], FIRST + i, 300, 1), 0);
			assert_true(has(h[k], FIRST + i, 300, 1));
		}
	for (int k = 1; k < 4; k++)
		hz_history_free(h[k]);
	assert_int_equal(hz_history_pool_used_bytes(pool), 0);
	hz_history_pool_free(pool);
}

static void test_jumps_do_not_pile_up(void **state)
{
	struct hz_history_pool *pool;
	struct hz_history *h;
	assert_int_equal(hz_history_pool_new(BIG_POOL, &pool), 0);
	assert_int_equal(hz_history_new(pool, 64, &h), 0);
	for (int64_t i = 0; i < 20000; i++) // every packet on the same slot
		assert_int_equal(put(h, FIRST + 64 * i, 2000, 1), 0);
	assert_true(hz_history_pool_used_bytes(pool) <= 8 * 33000);
	assert_true(has(h, FIRST + 64 * 19999, 2000, 1));
	hz_history_free(h);
	hz_history_pool_free(pool);
}

#define RUN 40000

static void run_model(uint64_t seed, uint32_t slots, uint32_t max_bytes, uint32_t max_step_us)
{
	struct hz_test_random rnd = {seed};
	struct hz_history_pool *pool;
	struct hz_history *h;
	int64_t *at = calloc(RUN * 2, sizeof(*at));
	uint16_t *size = calloc(RUN * 2, sizeof(*size));
	assert_true(at && size);
	assert_int_equal(hz_history_pool_new(BIG_POOL, &pool), 0);
	assert_int_equal(hz_history_new(pool, slots, &h), 0);
	int64_t now = 1, highest = -1;
	for (int i = 0; i < RUN; i++) {
		now += random_below(&rnd, max_step_us + 1);
		int64_t n = highest + 1;
		if (random_percent(&rnd, 5))
			n += random_below(&rnd, 20);
		if (highest > 100 && random_percent(&rnd, 20))
			n = highest - random_below(&rnd, slots + 20);
		if (n < 0 || n >= RUN * 2)
			continue;
		size_t bytes = 12 + random_below(&rnd, max_bytes);
		int rc = put(h, FIRST + n, bytes, now);
		if (highest >= 0 && n <= highest - (int64_t)slots)
			assert_int_equal(rc, -ESTALE);
		else if (size[n] && now - at[n] <= HZ_HISTORY_MAX_AGE_US)
			assert_int_equal(rc, -EEXIST);
		else
			assert_true(rc == 0 || (rc == -EEXIST && size[n])); // its chunk may outlive it
		if (rc == 0) {
			size[n] = (uint16_t)bytes;
			at[n] = now;
			highest = n > highest ? n : highest;
		}
		int64_t m = highest - random_below(&rnd, slots + 50);
		if (m < 0)
			continue;
		bool in_time = size[m] && now - at[m] <= HZ_HISTORY_MAX_AGE_US;
		bool held = has(h, FIRST + m, size[m], now);
		if (!in_time)
			assert_false(held);
		else if (m > highest - (int64_t)slots)
			assert_true(held); // further back it may be there still, until its slot is needed
	}
	hz_history_free(h);
	hz_history_pool_free(pool);
	free(at);
	free(size);
}

static void test_against_model(void **state)
{
	run_model(21, 64, 200, 100);
	run_model(22, 512, 1200, 4000);
	run_model(23, 1024, 2036, 2000);
	run_model(24, 4096, 60, 20000);
	run_model(25, 64, 2036, 300000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bad_arguments),
	    cmocka_unit_test(test_padding_is_left_out),
	    cmocka_unit_test(test_age),
	    cmocka_unit_test(test_pool_bound),
	    cmocka_unit_test(test_jumps_do_not_pile_up),
	    cmocka_unit_test(test_against_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
