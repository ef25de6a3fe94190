// The emulated link's direction with a fake clock and seeded randomness.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/net/link/wire.h"

static struct hz_wire *fresh(const struct hz_wire_config *config)
{
	struct hz_wire *wire;
	assert_int_equal(hz_wire_new(7, &wire), 0);
	hz_wire_configure(wire, config, 0);
	return wire;
}

static bool push(struct hz_wire *wire, uint32_t number, size_t bytes, int64_t now_us)
{
	uint8_t packet[HZ_WIRE_PACKET_BYTES] = {0};
	memcpy(packet, &number, sizeof(number));
	return hz_wire_push(wire, packet, bytes, now_us);
}

// The number of the next packet that has arrived by then, -1 when there is none.
static int64_t pop(struct hz_wire *wire, int64_t now_us)
{
	const uint8_t *packet;
	uint32_t number;
	if (hz_wire_pop(wire, now_us, &packet) == 0)
		return -1;
	memcpy(&number, packet, sizeof(number));
	return number;
}

static void test_clean_link_passes_at_once(void **state)
{
	struct hz_wire *wire = fresh(&(struct hz_wire_config){0});
	for (uint32_t i = 0; i < 20000; i++) {
		assert_true(push(wire, i, 100 + i % 1400, i));
		assert_int_equal(hz_wire_deadline(wire), i);
		assert_int_equal(pop(wire, i), i);
	}
	assert_int_equal(pop(wire, INT64_MAX / 2), -1);
	assert_true(hz_wire_deadline(wire) == INT64_MAX);
	assert_int_equal(hz_wire_counters(wire)->out_packets, 20000);
	assert_int_equal(hz_wire_counters(wire)->in_bytes, hz_wire_counters(wire)->out_bytes);
	hz_wire_free(wire);
}

static void test_delay_is_exact(void **state)
{
	struct hz_wire *wire = fresh(&(struct hz_wire_config){.delay_us = 40000});
	assert_true(push(wire, 1, 1200, 1000));
	assert_int_equal(hz_wire_deadline(wire), 41000);
	assert_int_equal(pop(wire, 40999), -1);
	assert_int_equal(pop(wire, 41000), 1);
	hz_wire_free(wire);
}

static void test_rate_spaces_packets(void **state)
{
	struct hz_wire *wire = fresh(&(struct hz_wire_config){.rate_bps = 1000000, .queue_bytes = 100000});
	for (uint32_t i = 0; i < 10; i++)
		assert_true(push(wire, i, 1250, 0)); // 10 ms each
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(hz_wire_deadline(wire), (i + 1) * 10000);
		assert_int_equal(pop(wire, (i + 1) * 10000 - 1), -1);
		assert_int_equal(pop(wire, (i + 1) * 10000), i);
	}
	assert_int_equal(hz_wire_counters(wire)->queued_bytes_max, 9 * 1250);
	hz_wire_free(wire);
}

static void test_idle_bottleneck_saves_nothing(void **state)
{
	struct hz_wire *wire = fresh(&(struct hz_wire_config){.rate_bps = 1000000, .queue_bytes = 100000});
	assert_true(push(wire, 1, 1250, 5000000));
	assert_int_equal(pop(wire, 5009999), -1);
	assert_int_equal(pop(wire, 5010000), 1);
	hz_wire_free(wire);
}

static void test_queue_drops_its_tail(void **state)
{
	struct hz_wire *wire = fresh(&(struct hz_wire_config){.rate_bps = 64000, .queue_bytes = 3000});
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(push(wire, i, 1000, 0), true); // one on the bottleneck, three wait
	assert_false(push(wire, 4, 1000, 0));
	assert_int_equal(hz_wire_counters(wire)->tail_dropped, 1);
	assert_true(push(wire, 5, 1000, 125000)); // the first has left
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(pop(wire, INT64_MAX / 2), i);
	assert_int_equal(pop(wire, INT64_MAX / 2), 5);
	hz_wire_free(wire);
}

static void test_a_packet_larger_than_the_queue_still_passes(void **state)
{
	struct hz_wire *wire = fresh(&(struct hz_wire_config){.rate_bps = 64000});
	assert_true(push(wire, 1, 1500, 0));
	assert_false(push(wire, 2, 40, 0));
	assert_int_equal(pop(wire, 187500), 1);
	hz_wire_free(wire);
}

static void test_rate_changes_under_a_queue(void **state)
{
	struct hz_wire_config config = {.rate_bps = 1000000, .queue_bytes = 100000};
	struct hz_wire *wire = fresh(&config);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(push(wire, i, 1250, 0));
	config.rate_bps = 100000; // 100 ms each
	hz_wire_configure(wire, &config, 15000);
	assert_int_equal(pop(wire, 15000), 0);
	assert_int_equal(pop(wire, 109999), -1);
	assert_int_equal(pop(wire, 110000), 1); // began at 10 ms
	config.rate_bps = 10000000;             // 1 ms
	hz_wire_configure(wire, &config, 150000);
	assert_int_equal(pop(wire, 150000), 2);
	assert_true(hz_wire_deadline(wire) == INT64_MAX);
	hz_wire_free(wire);
}

static uint64_t losses(struct hz_wire *wire, uint32_t packets, uint32_t *ret_longest)
{
	uint32_t run = 0, longest = 0;
	for (uint32_t i = 0; i < packets; i++) {
		assert_true(push(wire, i, 100, i));
		run = pop(wire, i) < 0 ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	*ret_longest = longest;
	return hz_wire_counters(wire)->lost;
}

static void test_random_loss(void **state)
{
	static const uint32_t cases[] = {0, 30000, 100000, 500000, 1000000};
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		uint32_t longest;
		struct hz_wire *wire = fresh(&(struct hz_wire_config){.loss_ppm = cases[c]});
		uint64_t lost = losses(wire, 100000, &longest);
		uint64_t expected = cases[c] / 10;
		assert_true(lost <= expected + expected / 20 && lost + expected / 20 >= expected);
		hz_wire_free(wire);
	}
}

static void test_burst_loss_keeps_the_share(void **state)
{
	uint32_t longest_alone, longest_burst;
	struct hz_wire *alone = fresh(&(struct hz_wire_config){.loss_ppm = 100000, .burst_permille = 1000});
	struct hz_wire *burst = fresh(&(struct hz_wire_config){.loss_ppm = 100000, .burst_permille = 8000});
	uint64_t lost_alone = losses(alone, 200000, &longest_alone);
	uint64_t lost_burst = losses(burst, 200000, &longest_burst);
	assert_true(lost_alone > 19000 && lost_alone < 21000);
	assert_true(lost_burst > 18000 && lost_burst < 22000);
	assert_true(longest_burst > 3 * longest_alone);
	hz_wire_free(alone);
	hz_wire_free(burst);
}

static void test_loss_repeats_with_its_seed(void **state)
{
	struct hz_wire_config config = {.loss_ppm = 200000, .delay_us = 1000, .jitter_us = 5000};
	struct hz_wire *a = fresh(&config), *b = fresh(&config);
	for (uint32_t i = 0; i < 5000; i++) {
		push(a, i, 100, i * 100);
		push(b, i, 100, i * 100);
		assert_int_equal(pop(a, i * 100), pop(b, i * 100));
	}
	hz_wire_free(a);
	hz_wire_free(b);
}

static void jitter_order(bool reorder, unsigned *ret_swapped)
{
	struct hz_wire *wire =
	    fresh(&(struct hz_wire_config){.delay_us = 20000, .jitter_us = 30000, .reorder = reorder});
	uint32_t seen = 0, got = 0;
	int64_t spread = 0;
	*ret_swapped = 0;
	for (int64_t now = 0; now < 2000000; now += 1000) {
		if (now < 1900000)
			assert_true(push(wire, (uint32_t)(now / 1000), 100, now));
		for (int64_t number; (number = pop(wire, now)) >= 0; got++) {
			int64_t took = now - number * 1000;
			assert_true(took >= 20000 && took <= 50000);
			spread = took - 20000 > spread ? took - 20000 : spread;
			*ret_swapped += number < seen;
			seen = number > seen ? (uint32_t)number : seen;
		}
	}
	assert_int_equal(got, 1900);
	assert_true(spread > 25000);
	hz_wire_free(wire);
}

static void test_jitter(void **state)
{
	unsigned swapped;
	jitter_order(false, &swapped);
	assert_int_equal(swapped, 0);
	jitter_order(true, &swapped);
	assert_true(swapped > 100);
}

static void test_shorter_delay_overtakes_nothing(void **state)
{
	struct hz_wire_config config = {.delay_us = 300000};
	struct hz_wire *wire = fresh(&config);
	assert_true(push(wire, 1, 100, 0));
	config.delay_us = 0;
	hz_wire_configure(wire, &config, 1000);
	assert_true(push(wire, 2, 100, 2000));
	assert_int_equal(pop(wire, 299999), -1);
	assert_int_equal(pop(wire, 300000), 1);
	assert_int_equal(pop(wire, 300000), 2);
	hz_wire_free(wire);
}

static void test_outage(void **state)
{
	struct hz_wire *wire = fresh(&(struct hz_wire_config){.delay_us = 10000});
	assert_int_equal(hz_wire_outage(wire, 100000, 200000, 0), 0);
	for (uint32_t i = 0; i < 30; i++)
		assert_int_equal(push(wire, i, 100, i * 10000), i < 10 || i >= 20);
	assert_int_equal(hz_wire_counters(wire)->outage_dropped, 10);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(pop(wire, 400000), i);
	assert_int_equal(pop(wire, 400000), 20);
	hz_wire_free(wire);
}

static void test_what_waits_at_an_outage_is_lost(void **state)
{
	struct hz_wire *wire = fresh(&(struct hz_wire_config){.rate_bps = 100000, .queue_bytes = 100000});
	for (uint32_t i = 0; i < 5; i++)
		assert_true(push(wire, i, 1250, 0)); // 100 ms each
	assert_int_equal(hz_wire_outage(wire, 150000, 350000, 0), 0);
	assert_int_equal(pop(wire, 1000000), 0);
	assert_int_equal(pop(wire, 1000000), 3);
	assert_int_equal(pop(wire, 1000000), 4);
	assert_int_equal(pop(wire, 1000000), -1);
	hz_wire_free(wire);
}

static void test_outages_are_bounded(void **state)
{
	struct hz_wire *wire = fresh(&(struct hz_wire_config){0});
	for (int i = 0; i < HZ_WIRE_OUTAGES; i++)
		assert_int_equal(hz_wire_outage(wire, i * 100 + 10, i * 100 + 50, 0), 0);
	assert_int_not_equal(hz_wire_outage(wire, 5000, 6000, 0), 0);
	assert_int_equal(hz_wire_outage(wire, 5000, 6000, 50), 0); // the first is over
	hz_wire_free(wire);
}

static void test_packets_are_bounded_and_come_back(void **state)
{
	struct hz_wire *wire = fresh(&(struct hz_wire_config){.delay_us = 1000000});
	for (int round = 0; round < 3; round++) {
		int64_t now = round * 2000000;
		for (uint32_t i = 0; i < HZ_WIRE_PACKETS; i++)
			assert_true(push(wire, i, 1500, now));
		assert_false(push(wire, 0, 1500, now));
		for (uint32_t i = 0; i < HZ_WIRE_PACKETS; i++)
			assert_int_equal(pop(wire, now + 1000000), i);
		assert_int_equal(pop(wire, now + 1000000), -1);
	}
	assert_int_equal(hz_wire_counters(wire)->tail_dropped, 3);
	hz_wire_free(wire);
}

static void test_odd_lengths(void **state)
{
	struct hz_wire *wire = fresh(&(struct hz_wire_config){0});
	static uint8_t packet[HZ_WIRE_PACKET_BYTES + 1];
	assert_false(hz_wire_push(wire, packet, 0, 0));
	assert_false(hz_wire_push(wire, packet, sizeof(packet), 0));
	assert_true(hz_wire_push(wire, packet, 1, 0));
	assert_true(hz_wire_push(wire, packet, HZ_WIRE_PACKET_BYTES, 0));
	assert_int_equal(hz_wire_counters(wire)->oversized, 2);
	hz_wire_reset_counters(wire);
	assert_int_equal(hz_wire_counters(wire)->in_packets, 0);
	hz_wire_free(wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clean_link_passes_at_once),
	    cmocka_unit_test(test_delay_is_exact),
	    cmocka_unit_test(test_rate_spaces_packets),
	    cmocka_unit_test(test_idle_bottleneck_saves_nothing),
	    cmocka_unit_test(test_queue_drops_its_tail),
	    cmocka_unit_test(test_a_packet_larger_than_the_queue_still_passes),
	    cmocka_unit_test(test_rate_changes_under_a_queue),
	    cmocka_unit_test(test_random_loss),
	    cmocka_unit_test(test_burst_loss_keeps_the_share),
	    cmocka_unit_test(test_loss_repeats_with_its_seed),
	    cmocka_unit_test(test_jitter),
	    cmocka_unit_test(test_shorter_delay_overtakes_nothing),
	    cmocka_unit_test(test_outage),
	    cmocka_unit_test(test_what_waits_at_an_outage_is_lost),
	    cmocka_unit_test(test_outages_are_bounded),
	    cmocka_unit_test(test_packets_are_bounded_and_come_back),
	    cmocka_unit_test(test_odd_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
