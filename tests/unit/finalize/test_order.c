#include <string.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "recorder/finalize/order.h"

struct got {
	unsigned count;
	struct {
		int64_t seq, ts;
		uint32_t missing;
		bool restart;
		uint8_t first;
	} p[8192];
};

static void take(void *arg, const struct hz_order_packet *p)
{
	struct got *g = arg;
	assert_true(g->count < 8192);
	g->p[g->count].seq = p->seq;
	g->p[g->count].ts = p->ts;
	g->p[g->count].missing = p->missing;
	g->p[g->count].restart = p->restart;
	g->p[g->count++].first = p->bytes ? p->payload[0] : 0;
}

static struct got got;

static struct hz_order *fresh(void)
{
	struct hz_order *o;
	memset(&got, 0, sizeof(got));
	assert_int_equal(hz_order_new(HZ_ORDER_WINDOW_US, take, &got, &o), 0);
	return o;
}

static void put(struct hz_order *o, uint16_t seq, uint32_t ts, int64_t at_ms)
{
	uint8_t body = (uint8_t)seq;
	struct hz_rtp_packet p = {.payload = &body, .payload_bytes = 1, .seq = seq, .ts = ts, .ssrc = 1};
	assert_int_equal(hz_order_put(o, &p, at_ms * 1000), 0);
}

static void wraps_and_late_ones(void **state)
{
	struct hz_order *o = fresh();
	put(o, 65533, 0xffffff00, 0);
	put(o, 65535, 0x100, 20); // both wrap
	put(o, 65534, 0xffffffff, 30);
	put(o, 1, 0x300, 40);
	put(o, 0, 0x200, 50);
	put(o, 1, 0x300, 60);           // again
	assert_int_equal(got.count, 0); // earlier ones than the first may come
	put(o, 65532, 0xfffffe00, 70);
	put(o, 2, 0x400, 290);
	assert_int_equal(got.count, 7);
	for (unsigned i = 0; i < got.count; i++) {
		assert_int_equal(got.p[i].seq, 65536 + 65532 + i);
		assert_int_equal(got.p[i].missing, 0);
		assert_int_equal(got.p[i].first, (uint8_t)(65532 + i));
		assert_true(i == 0 || got.p[i].ts > got.p[i - 1].ts);
	}
	assert_int_equal(got.p[3].ts - got.p[2].ts, 0x101);
	struct hz_order_stats s;
	hz_order_stats(o, &s);
	assert_int_equal(s.late + s.duplicates, 1);
	assert_int_equal(s.lost, 0);
	hz_order_free(o);
}

static void gap_is_given_up(void **state)
{
	struct hz_order *o = fresh();
	put(o, 10, 0, 0);
	put(o, 13, 0, 300);
	put(o, 14, 0, 1000);
	assert_int_equal(got.count, 1);
	put(o, 15, 0, 2301); // the window of 13 is over
	assert_int_equal(got.count, 4);
	assert_int_equal(got.p[1].missing, 2);
	put(o, 11, 0, 2310); // too late
	put(o, 17, 0, 2320);
	assert_int_equal(got.count, 4);
	hz_order_flush(o);
	assert_int_equal(got.count, 5);
	assert_int_equal(got.p[4].missing, 1);
	struct hz_order_stats s;
	hz_order_stats(o, &s);
	assert_int_equal(s.lost, 3);
	assert_int_equal(s.late, 1);
	hz_order_free(o);
}

static void restarts_and_strays(void **state)
{
	struct hz_order *o = fresh();
	put(o, 1000, 5000, 0);
	put(o, 1001, 5960, 220);
	put(o, 40000, 77, 230); // alone: forged or damaged
	put(o, 1002, 6920, 240);
	assert_int_equal(got.count, 3);
	put(o, 31000, 0x80000000, 260); // an outage, or a new beginning: two in a row
	put(o, 31001, 0x80000010, 280);
	assert_int_equal(got.count, 5);
	assert_false(got.p[3].restart); // ahead: so many never came
	assert_int_equal(got.p[3].missing, 31000 - 1003);
	put(o, 100, 1, 300); // back: a new beginning
	put(o, 101, 2, 320);
	assert_int_equal(got.count, 7);
	assert_true(got.p[5].seq > got.p[4].seq);
	assert_int_equal(got.p[6].seq, got.p[5].seq + 1);
	struct hz_order_stats s;
	hz_order_stats(o, &s);
	assert_int_equal(s.packets, 7);
	hz_order_free(o);
}

static void bounded(void **state)
{
	struct hz_order *o = fresh();
	put(o, 0, 0, 0);
	for (unsigned i = 2; i < 6000; i++) // one is missing, time stands still
		put(o, (uint16_t)i, i, 0);
	hz_order_flush(o);
	assert_int_equal(got.count, 5999);
	assert_int_equal(got.p[1].missing, 1);
	for (unsigned i = 2; i < got.count; i++)
		assert_int_equal(got.p[i].seq, got.p[i - 1].seq + 1);
	hz_order_free(o);
}

// Any order of numbers: what is handed on only goes up.
static void random_numbers(void **state)
{
	uint32_t x = 12345;
	for (unsigned round = 0; round < 50; round++) {
		struct hz_order *o = fresh();
		for (unsigned i = 0; i < 4000; i++) {
			x = x * 1664525 + 1013904223;
			put(o, (uint16_t)(x >> 16 & (round % 2 ? 0xffff : 0x3ff)), x, i);
		}
		hz_order_flush(o);
		for (unsigned i = 1; i < got.count; i++)
			assert_true(got.p[i].seq > got.p[i - 1].seq);
		hz_order_free(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wraps_and_late_ones), cmocka_unit_test(gap_is_given_up),
	    cmocka_unit_test(restarts_and_strays), cmocka_unit_test(bounded),
	    cmocka_unit_test(random_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
