// Sender reports to the gateway's clock: lip sync, queueing delay, clock steps, hostile NTP.
#include "tests/unit/rtp/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>

#include "media/rtp/clockmap.h"
#include "media/rtp/rtcp.h"
#include "tests/unit/rtp/random.h"

#define SECOND 1000000LL
#define NTP0   (HZ_NTP_UNIX_US + 1700000000LL * SECOND) // the peer's clock when the gateway's is 0

static struct hz_clock_peer peer;
static struct hz_clockmap audio, video;

static void setup(void)
{
	hz_clock_peer_init(&peer);
	hz_clockmap_init(&audio, 48000);
	hz_clockmap_init(&video, 90000);
}

static uint32_t ts_at(int64_t us, uint32_t hz, uint32_t offset)
{
	return offset + (uint32_t)(uint64_t)(us * hz / SECOND);
}

// A report made at peer time `us` (since NTP0), arriving delay_us later.
static void report(struct hz_clockmap *m, int64_t us, uint32_t offset, int64_t delay_us)
{
	hz_clockmap_on_sr(m, &peer, hz_ntp_from_us(NTP0 + us), ts_at(us, m->clock_hz, offset), us + delay_us);
}

static void test_unknown(void **state)
{
	uint32_t ts;
	int64_t us;
	setup();
	assert_int_equal(hz_clockmap_rtp_at(&audio, &peer, 5, &ts), -ENODATA);
	assert_int_equal(hz_clockmap_us_at(&audio, &peer, 5, &us), -ENODATA);
	hz_clockmap_on_sr(&audio, &peer, 0, 5, 5); // a peer without a clock
	assert_int_equal(hz_clockmap_rtp_at(&audio, &peer, 5, &ts), -ENODATA);
	assert_false(peer.valid);
	hz_clockmap_init(&audio, 0); // would divide
	hz_clockmap_on_packet(&audio, 1, 1);
	assert_int_equal(hz_clockmap_us_at(&audio, &peer, 5, &us), 0);
}

static void test_before_the_first_report(void **state)
{
	uint32_t ts;
	int64_t us;
	setup();
	hz_clockmap_on_packet(&video, 0xffffff00, 10 * SECOND + 50000);          // 50 ms late
	hz_clockmap_on_packet(&video, 0xffffff00 + 9000, 10 * SECOND + 100000);  // on time
	hz_clockmap_on_packet(&video, 0xffffff00 + 18000, 10 * SECOND + 230000); // late again
	assert_int_equal(hz_clockmap_us_at(&video, &peer, 0xffffff00, &us), 0);
	assert_true(us == 10 * SECOND);
	assert_int_equal(hz_clockmap_rtp_at(&video, &peer, 11 * SECOND, &ts), 0);
	assert_int_equal(ts, (uint32_t)(0xffffff00 + 90000));
	hz_clockmap_on_packet(&video, 5, 60 * SECOND); // another source's timestamps
	assert_int_equal(hz_clockmap_us_at(&video, &peer, 5, &us), 0);
	assert_true(us == 60 * SECOND);
}

static void test_lip_sync(void **state)
{
	struct hz_test_random r = {4};
	setup();
	for (int64_t us = 0; us < 600 * SECOND; us += SECOND) {
		int64_t a, v;
		report(&audio, us, 0xfffff000, 20000 + random_below(&r, 60000));
		report(&video, us + 300000, 77, 20000 + random_below(&r, 200000));
		if (us < 5 * SECOND)
			continue;
		// one moment at the peer is one moment here, in both streams
		int64_t moment = us + 100000;
		assert_int_equal(hz_clockmap_us_at(&audio, &peer, ts_at(moment, 48000, 0xfffff000), &a), 0);
		assert_int_equal(hz_clockmap_us_at(&video, &peer, ts_at(moment, 90000, 77), &v), 0);
		assert_in_range(a - v + 100, 0, 200);      // rounding
		assert_in_range(a - moment, 19900, 60000); // the shortest way, not the queue
		uint32_t ts;
		assert_int_equal(hz_clockmap_rtp_at(&video, &peer, v, &ts), 0);
		assert_in_range(ts - ts_at(moment, 90000, 77) + 20, 0, 40);
	}
}

static void test_queue_does_not_move_the_offset(void **state)
{
	setup();
	report(&audio, 0, 0, 10000);
	report(&audio, SECOND, 0, 4 * SECOND);
	report(&audio, 2 * SECOND, 0, 2 * SECOND);
	assert_true(peer.offset_us == 10000 - NTP0);
	// a lasting longer way is believed after a minute
	for (int64_t us = 10 * SECOND; us < 90 * SECOND; us += SECOND)
		report(&audio, us, 0, 300000);
	assert_true(peer.offset_us == 300000 - NTP0);
}

static void test_clock_step(void **state)
{
	uint32_t ts;
	setup();
	report(&audio, 0, 0, 10000);
	report(&video, 0, 0, 10000);
	// the peer's clock is set an hour forward; its audio says so first
	hz_clockmap_on_sr(&audio, &peer, hz_ntp_from_us(NTP0 + 3602 * SECOND), 96000, 2 * SECOND);
	assert_int_equal(hz_clockmap_rtp_at(&audio, &peer, 3 * SECOND, &ts), 0);
	assert_int_equal(ts, 96000 + 48000);
	assert_int_equal(hz_clockmap_rtp_at(&video, &peer, 3 * SECOND, &ts),
	                 -ENODATA); // until its own report
	hz_clockmap_on_sr(&video, &peer, hz_ntp_from_us(NTP0 + 3603 * SECOND), 270000, 3 * SECOND);
	assert_int_equal(hz_clockmap_rtp_at(&video, &peer, 4 * SECOND, &ts), 0);
	assert_int_equal(ts, 360000);
	// and back
	hz_clockmap_on_sr(&audio, &peer, hz_ntp_from_us(NTP0 + 5 * SECOND), 240000, 5 * SECOND);
	assert_int_equal(hz_clockmap_rtp_at(&audio, &peer, 5 * SECOND, &ts), 0);
	assert_int_equal(ts, 240000);
}

static void test_overtaken_report(void **state)
{
	uint32_t ts;
	setup();
	report(&audio, 2 * SECOND, 0, 10000);
	hz_clockmap_on_sr(&audio, &peer, hz_ntp_from_us(NTP0 + SECOND), 12345, 2 * SECOND + 20000);
	assert_int_equal(hz_clockmap_rtp_at(&audio, &peer, 2 * SECOND + 10000, &ts), 0);
	assert_int_equal(ts, 96000);
	hz_clockmap_on_packet(&audio, 999999, 2 * SECOND); // packets say nothing after a report
	assert_int_equal(hz_clockmap_rtp_at(&audio, &peer, 2 * SECOND + 10000, &ts), 0);
	assert_int_equal(ts, 96000);
}

static void test_hostile(void **state)
{
	struct hz_test_random r = {6};
	setup();
	int64_t now = 0;
	for (int i = 0; i < 200000; i++) { // UBSan watches
		uint64_t ntp = (uint64_t)random_next(&r) << 32 | random_next(&r);
		uint32_t ts;
		int64_t us;
		now += random_below(&r, 1u << random_below(&r, 31));
		if (random_percent(&r, 10))
			ntp = random_percent(&r, 50) ? UINT64_MAX : 1;
		hz_clockmap_on_sr(random_percent(&r, 50) ? &audio : &video, &peer, ntp, random_next(&r), now);
		hz_clockmap_on_packet(&audio, random_next(&r), now);
		hz_clockmap_rtp_at(&audio, &peer, now, &ts);
		hz_clockmap_us_at(&video, &peer, random_next(&r), &us);
	}
	assert_true(peer.valid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_unknown),    cmocka_unit_test(test_before_the_first_report),
	    cmocka_unit_test(test_lip_sync),   cmocka_unit_test(test_queue_does_not_move_the_offset),
	    cmocka_unit_test(test_clock_step), cmocka_unit_test(test_overtaken_report),
	    cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
