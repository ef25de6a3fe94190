// The receiver against a reference model under loss, reordering, duplicates and wraps; restarts; report blocks.
#include "tests/unit/rtp/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/receiver.h"
#include "media/rtp/seq.h"
#include "tests/unit/rtp/random.h"

static enum hz_receive on(struct hz_receiver *r, uint16_t seq, int64_t *ext)
{
	return hz_receiver_on_packet(r, seq, 0, false, 0, ext);
}

static void test_seq_arithmetic(void **state)
{
	assert_int_equal(hz_seq_diff(0, 65535), 1);
	assert_int_equal(hz_seq_diff(65535, 0), -1);
	assert_int_equal(hz_seq_diff(32768, 0), -32768);
	assert_false(hz_seq_newer(32768, 0));
	assert_true(hz_seq_newer(32767, 0));
	assert_int_equal(hz_ts_diff(5, 0xfffffffb), 10);
	assert_true(hz_ts_newer(0, 0xffffffff));
	assert_int_equal(hz_diff24(0, 0xffffff), 1);
	assert_int_equal(hz_diff24(0xffffff, 0), -1);
	assert_int_equal(hz_diff24(0x800000, 0), -0x800000);
	assert_true(hz_seq_extend(65536 * 3 + 2, 65535) == 65536 * 3 - 1);
	assert_true(hz_seq_extend(65536 * 3 - 1, 3) == 65536 * 3 + 3);
	assert_true(hz_ts_extend(0x1fffffffell, 3) == 0x200000003ll);
}

#define STREAM 300000

// Sends STREAM numbers with disorder; each that arrives within the window is NEW exactly once, with its number.
static void run_stream(uint64_t seed, uint32_t loss_percent, uint32_t dup_percent, uint32_t disorder)
{
	struct hz_test_random rnd = {seed};
	struct hz_receiver r;
	uint8_t *seen = calloc(STREAM + 1, 1);
	assert_non_null(seen);
	uint16_t start = (uint16_t)random_next(&rnd);
	int64_t highest = -1, base = -1, unique = 0, dups = 0;
	hz_receiver_init(&r, 90000);
	for (int64_t i = 0; i < STREAM; i++) {
		int64_t n = i;
		if (random_percent(&rnd, loss_percent))
			continue;
		if (highest >= 0 && random_percent(&rnd, dup_percent))
			n = highest - random_below(&rnd, disorder + 1);
		if (n < 0)
			continue;
		if (highest < 0)
			base = n;
		else if (n < base)
			continue; // before the first: not part of this model
		int64_t ext = 0;
		enum hz_receive rc = on(&r, (uint16_t)(start + n), &ext);
		assert_int_equal(rc, seen[n] ? HZ_RECEIVE_DUPLICATE : HZ_RECEIVE_NEW);
		assert_true(ext == 65536 + (int64_t)(uint16_t)(start + base) + (n - base));
		dups += seen[n];
		unique += !seen[n];
		seen[n] = 1;
		if (n > highest)
			highest = n;
	}
	struct hz_report_block b;
	assert_int_equal(hz_receiver_block(&r, 9, 0, &b), 0);
	assert_true(r.received == unique);
	assert_true(r.duplicates == dups);
	assert_true(b.cumulative_lost == highest - base + 1 - unique);
	assert_int_equal((uint16_t)b.highest_seq, (uint16_t)(start + highest));
	assert_true(hz_receiver_lost_after_repair(&r) == highest - base + 1 - unique);
	free(seen);
}

static void test_against_model(void **state)
{
	run_stream(1, 0, 0, 0);
	run_stream(2, 10, 10, 50);
	run_stream(3, 40, 40, 900);
	run_stream(4, 2, 90, 1000);
	run_stream(5, 95, 20, 30);
}

static void test_too_old(void **state)
{
	struct hz_receiver r;
	int64_t ext;
	hz_receiver_init(&r, 90000);
	on(&r, 5000, &ext);
	on(&r, 5000 + 1023, &ext);
	assert_int_equal(on(&r, 5001, &ext), HZ_RECEIVE_NEW);
	assert_int_equal(on(&r, 5000, &ext), HZ_RECEIVE_DUPLICATE);
	assert_int_equal(on(&r, 4999, &ext), HZ_RECEIVE_OLD);
	assert_int_equal(on(&r, 4999, &ext), HZ_RECEIVE_OLD); // the same again confirms nothing
	assert_int_equal(on(&r, 4900, &ext), HZ_RECEIVE_OLD);
	assert_int_equal(r.received, 3);
}

static void test_restart(void **state)
{
	struct hz_receiver r;
	struct hz_report_block b;
	int64_t ext, before;
	hz_receiver_init(&r, 90000);
	for (int i = 0; i < 100; i++)
		on(&r, (uint16_t)(40000 + i), &ext);
	before = r.highest;
	assert_int_equal(on(&r, 20000, &ext), HZ_RECEIVE_OLD);
	assert_int_equal(on(&r, 20001, &ext), HZ_RECEIVE_RESTART);
	assert_true(ext > before);
	assert_int_equal((uint16_t)ext, 20001);
	assert_int_equal(on(&r, 20002, &ext), HZ_RECEIVE_NEW);
	assert_int_equal(on(&r, 20002, &ext), HZ_RECEIVE_DUPLICATE);
	assert_int_equal(hz_receiver_block(&r, 1, 0, &b), 0);
	assert_int_equal(b.cumulative_lost, 0); // the jump is no loss
	assert_int_equal(b.fraction_lost, 0);
}

static void test_suspicion_is_cleared(void **state)
{
	struct hz_receiver r;
	int64_t ext;
	hz_receiver_init(&r, 90000);
	on(&r, 40000, &ext);
	assert_int_equal(on(&r, 20000, &ext), HZ_RECEIVE_OLD);
	assert_int_equal(on(&r, 40001, &ext), HZ_RECEIVE_NEW); // the stream goes on: 20000 was a stray
	assert_int_equal(on(&r, 20001, &ext), HZ_RECEIVE_OLD);
	int64_t e2;
	assert_int_equal(hz_receiver_on_packet(&r, 20002, 0, true, 0, &e2),
	                 HZ_RECEIVE_OLD); // repairs confirm nothing
	assert_int_equal(hz_receiver_on_packet(&r, 20003, 0, true, 0, &e2), HZ_RECEIVE_OLD);
}

static void test_recovered(void **state)
{
	struct hz_receiver r;
	struct hz_report_block b;
	int64_t ext;
	hz_receiver_init(&r, 90000);
	on(&r, 1, &ext);
	on(&r, 4, &ext);
	assert_int_equal(hz_receiver_on_packet(&r, 2, 0, true, 0, &ext), HZ_RECEIVE_NEW);
	assert_int_equal(hz_receiver_on_packet(&r, 2, 0, true, 0, &ext), HZ_RECEIVE_DUPLICATE);
	assert_int_equal(on(&r, 2, &ext), HZ_RECEIVE_DUPLICATE); // the lost one turns up after its repair
	assert_int_equal(hz_receiver_block(&r, 1, 0, &b), 0);
	assert_int_equal(b.cumulative_lost, 2); // what the link lost
	assert_int_equal(hz_receiver_lost_after_repair(&r), 1);
	assert_int_equal(b.fraction_lost, 128); // 2 of 4
	assert_int_equal(hz_receiver_block(&r, 1, 0, &b), 0);
	assert_int_equal(b.fraction_lost, 0); // nothing new
}

static void test_seed(void **state)
{
	struct hz_receiver r;
	struct hz_report_block b;
	int64_t ext, highest = 65536 * 7 + 65530;
	hz_receiver_init(&r, 48000);
	assert_int_equal(hz_receiver_block(&r, 1, 0, &b), -ENODATA);
	hz_receiver_seed(&r, 48000, highest);
	for (int i = 0; i < 1000; i++) // all of it went out before
		assert_int_equal(on(&r, (uint16_t)(65530 - i), &ext), HZ_RECEIVE_DUPLICATE);
	assert_int_equal(on(&r, 10, &ext), HZ_RECEIVE_NEW); // 15 numbers lost over a wrap
	assert_true(ext == highest + 16);
	assert_int_equal(on(&r, 9, &ext), HZ_RECEIVE_NEW);
	assert_int_equal(hz_receiver_block(&r, 1, 0, &b), 0);
	assert_int_equal(b.cumulative_lost, 14);
	assert_int_equal(b.highest_seq, 65536 * 7 + 10);
}

static void test_jitter_and_sr(void **state)
{
	struct hz_receiver r;
	struct hz_report_block b;
	int64_t ext;
	hz_receiver_init(&r, 90000);
	for (int i = 0; i < 1000; i++) // exactly on time
		hz_receiver_on_packet(&r, (uint16_t)i, (uint32_t)i * 3000, false, i * 33333333LL / 1000,
		                      &ext);
	hz_receiver_block(&r, 1, 0, &b);
	assert_true(b.jitter <= 1);
	hz_receiver_init(&r, 90000);
	for (int i = 0; i < 1000; i++) // every second one 10 ms late: |D| is 900 each time
		hz_receiver_on_packet(&r, (uint16_t)i, (uint32_t)i * 3000, false,
		                      i * 33333333LL / 1000 + (i & 1) * 10000, &ext);
	hz_receiver_on_sr(&r, 0x1122334455667788ull, 1000000);
	hz_receiver_block(&r, 1, 1500000, &b);
	assert_in_range(b.jitter, 850, 950);
	assert_in_range(hz_receiver_jitter_us(&r), 9400, 10600);
	assert_int_equal(b.lsr, 0x33445566);
	assert_int_equal(b.dlsr, 32768);
	hz_receiver_block(&r, 1, 999999, &b); // a clock that went back
	assert_int_equal(b.dlsr, 0);
	hz_receiver_block(&r, 1, INT64_MAX / 4, &b);
	assert_int_equal(b.dlsr, 0xffffffff);
}

static void test_wild_timestamps(void **state)
{
	struct hz_test_random rnd = {99};
	struct hz_receiver r;
	int64_t ext, now = 0;
	hz_receiver_init(&r, 0); // 0 would divide
	for (int i = 0; i < 100000; i++) {
		now += random_below(&rnd, 1u << random_below(&rnd, 31));
		hz_receiver_on_packet(&r, (uint16_t)random_next(&rnd), random_next(&rnd),
		                      random_percent(&rnd, 10), now, &ext);
		assert_true(r.received + r.recovered <= i + 1);
		assert_true((uint16_t)r.highest == (uint16_t)ext || ext <= r.highest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_seq_arithmetic),
	    cmocka_unit_test(test_against_model),
	    cmocka_unit_test(test_too_old),
	    cmocka_unit_test(test_restart),
	    cmocka_unit_test(test_suspicion_is_cleared),
	    cmocka_unit_test(test_recovered),
	    cmocka_unit_test(test_seed),
	    cmocka_unit_test(test_jitter_and_sr),
	    cmocka_unit_test(test_wild_timestamps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
