// A sender behind a link that carries so much, lets so much wait and loses the rest.
#include "tests/unit/rtp/cmocka_all.h"

#include <stdbool.h>

#include "media/rtp/brake.h"
#include "media/rtp/packet.h"

#define MS     1000
#define PACKET 500u

struct path {
	struct hz_brake brake;
	int64_t now_us, free_us; // the sender's time; when the link has sent what waits
	int64_t queue_us, way_us, clock_us;
	uint32_t link_bps, loss_percent, random;
	uint16_t seq;
	unsigned begun, ended;
	uint32_t bps; // told first
	int64_t told_us;
};

static struct path wide(void)
{
	return (struct path){.now_us = 1000 * MS,
	                     .queue_us = 250 * MS,
	                     .way_us = 20 * MS,
	                     .clock_us = 123456789,
	                     .link_bps = 3000000,
	                     .random = 7};
}

static void told(struct path *p, int64_t now_us)
{
	p->begun += p->brake.bps != 0;
	p->ended += p->brake.bps == 0;
	if (p->bps || !p->brake.bps)
		return;
	p->bps = p->brake.bps;
	p->told_us = now_us;
}

static void one(struct path *p)
{
	struct hz_brake_in in = {.abs_send_time = hz_abs_send_time(p->now_us + p->clock_us),
	                         .twcc_seq = p->seq++,
	                         .bytes = PACKET};
	p->random = p->random * 1103515245u + 12345u;
	int64_t begins_us = p->free_us > p->now_us ? p->free_us : p->now_us;
	if (begins_us - p->now_us > p->queue_us)
		return;
	p->free_us = begins_us + PACKET * 8 * 1000000ll / p->link_bps;
	if (p->random >> 16 & 1023 && (p->random >> 16) % 100 < p->loss_percent)
		return;
	in.now_us = p->free_us + p->way_us;
	if (hz_brake_on_packet(&p->brake, &in))
		told(p, in.now_us);
}

static void sends(struct path *p, uint32_t bps, int64_t us)
{
	for (int64_t end_us = p->now_us + us; p->now_us < end_us; p->now_us += PACKET * 8 * 1000000ll / bps)
		one(p);
}

static void a_wide_link_is_left_alone(void **state)
{
	(void)state;
	struct path p = wide();
	sends(&p, 1000000, 20000 * MS);
	assert_int_equal(p.begun, 0);
	assert_true(hz_brake_waits_us(&p.brake) < 10 * MS);
}

static void a_step_is_seen_and_ends(void **state)
{
	(void)state;
	struct path p = wide();
	sends(&p, 1000000, 5000 * MS);
	p.link_bps = 300000;
	int64_t step_us = p.now_us;
	sends(&p, 1000000, 600 * MS);
	assert_int_equal(p.begun, 1);
	assert_in_range(p.told_us - step_us, 0, 650 * MS); // 250 of them are the queue
	assert_in_range(p.bps, 240000, 330000);
	assert_in_range(hz_brake_waits_us(&p.brake), 200 * MS, 260 * MS);
	sends(&p, 210000, 3000 * MS);
	assert_int_equal(p.begun, 1);
	assert_int_equal(p.ended, 1);
	assert_true(hz_brake_waits_us(&p.brake) < 20 * MS);
	p.link_bps = 3000000;
	sends(&p, 1000000, 20000 * MS);
	assert_int_equal(p.begun, 1);
}

static void loss_alone_is_none(void **state)
{
	(void)state;
	struct path p = wide();
	p.loss_percent = 35;
	sends(&p, 1000000, 20000 * MS);
	assert_int_equal(p.begun, 0);
}

static void a_long_queue_alone_is_none(void **state)
{
	(void)state;
	struct path p = wide();
	p.queue_us = 2000 * MS;
	p.loss_percent = 5;
	sends(&p, 1000000, 5000 * MS);
	p.link_bps = 800000;
	sends(&p, 1000000, 5000 * MS);
	assert_int_equal(p.begun, 0);
	assert_true(hz_brake_waits_us(&p.brake) > 500 * MS);
}

static void a_farther_way_is_none(void **state)
{
	(void)state;
	struct path p = wide();
	p.loss_percent = 10;
	sends(&p, 1000000, 5000 * MS);
	p.way_us += 200 * MS; // Wi-Fi to a satellite
	sends(&p, 1000000, 30000 * MS);
	assert_int_equal(p.begun, 0);
	assert_true(hz_brake_waits_us(&p.brake) < 20 * MS); // and after a while it is the shortest there is
}

// A farther way that loses a third looks like a full queue at first: once, and not to the ground.
static void a_farther_way_that_loses_brakes_once(void **state)
{
	(void)state;
	struct path p = wide();
	p.loss_percent = 35;
	sends(&p, 1000000, 5000 * MS);
	p.way_us += 200 * MS;
	for (unsigned i = 0; i < 30; i++) {
		sends(&p, p.brake.bps ? p.brake.bps / 10 * 7 : 1000000, 1000 * MS);
		if (hz_brake_poll(&p.brake, p.now_us))
			told(&p, p.now_us);
	}
	assert_int_equal(p.begun, 1);
	assert_int_equal(p.ended, 1);
}

static void clocks_and_numbers_turn_over(void **state)
{
	(void)state;
	struct path p = wide();
	p.seq = 65000;
	sends(&p, 1000000, 70000 * MS); // abs-send-time: 64 s
	assert_int_equal(p.begun, 0);
	assert_true(hz_brake_waits_us(&p.brake) < 10 * MS);
}

static void an_outage_is_none(void **state)
{
	(void)state;
	struct path p = wide();
	sends(&p, 1000000, 5000 * MS);
	p.seq += 375;
	p.now_us += 3000 * MS;
	p.free_us = p.now_us + 240 * MS; // what the queue held comes first
	sends(&p, 1000000, 10000 * MS);
	assert_int_equal(p.begun, 0);
	// Too short to begin anew: what comes after it tells of it, not of a queue.
	p.seq += 62;
	p.now_us += 500 * MS;
	p.free_us = p.now_us + 240 * MS;
	sends(&p, 1000000, 10000 * MS);
	assert_int_equal(p.begun, 0);
}

// Wi-Fi to 4G: some tenths of a second are lost, and the way is longer from then on.
static void a_short_outage_and_a_farther_way_are_none(void **state)
{
	(void)state;
	for (int64_t out_us = 200 * MS; out_us < 1000 * MS; out_us += 50 * MS) {
		struct path p = wide();
		sends(&p, 1000000, 5030 * MS);
		p.seq = (uint16_t)(p.seq + out_us / (4 * MS));
		p.now_us += out_us;
		p.way_us += 150 * MS;
		sends(&p, 1000000, 5000 * MS);
		assert_int_equal(p.begun, 0);
	}
	for (int64_t at_us = 0; at_us < 100 * MS; at_us += 10 * MS) { // shorter still, with a change of address
		struct path p = wide();
		sends(&p, 1000000, 5000 * MS + at_us);
		p.seq += 25;
		p.now_us += 100 * MS;
		p.way_us += 85 * MS;
		hz_brake_forget(&p.brake);
		sends(&p, 1000000, 5000 * MS);
		assert_int_equal(p.begun, 0);
	}
}

static void silence_does_not_leave_it_braking(void **state)
{
	(void)state;
	struct path p = wide();
	assert_false(hz_brake_poll(&p.brake, p.now_us));
	sends(&p, 1000000, 5000 * MS);
	p.link_bps = 300000;
	sends(&p, 1000000, 600 * MS);
	assert_int_equal(p.begun, 1);
	assert_false(hz_brake_poll(&p.brake, p.told_us + HZ_BRAKE_MOST_US - 1));
	assert_true(hz_brake_poll(&p.brake, p.told_us + HZ_BRAKE_MOST_US));
	assert_int_equal(p.brake.bps, 0);
	assert_false(hz_brake_poll(&p.brake, p.told_us + 2ll * HZ_BRAKE_MOST_US));
	// After half a second without a packet there are no parts to take the way from.
	p = wide();
	sends(&p, 1000000, 5000 * MS);
	p.link_bps = 300000;
	sends(&p, 1000000, 600 * MS);
	p.now_us += 900 * MS;
	p.free_us = p.now_us;
	one(&p);
	assert_true(hz_brake_poll(&p.brake, p.told_us + HZ_BRAKE_MOST_US));
	p.link_bps = 3000000;
	sends(&p, 1000000, 5000 * MS);
	assert_int_equal(p.begun, 1);
}

// Whatever a hostile sender says of its time and its numbers: bounded, and no undefined arithmetic.
static void any_stamps_do(void **state)
{
	(void)state;
	struct hz_brake b = {0};
	uint32_t random = 1;
	int64_t now_us = 0;
	for (unsigned i = 0; i < 200000; i++) {
		random = random * 1103515245u + 12345u;
		struct hz_brake_in in = {.abs_send_time = random >> 8,
		                         .twcc_seq = (uint16_t)(random >> 4),
		                         .bytes = random & 2047,
		                         .now_us = now_us += random >> 20 & 65535};
		(void)hz_brake_on_packet(&b, &in);
		(void)hz_brake_poll(&b, now_us);
		assert_true(hz_brake_waits_us(&b) <= 2000 * MS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_wide_link_is_left_alone),
	    cmocka_unit_test(a_step_is_seen_and_ends),
	    cmocka_unit_test(loss_alone_is_none),
	    cmocka_unit_test(a_long_queue_alone_is_none),
	    cmocka_unit_test(a_farther_way_is_none),
	    cmocka_unit_test(a_farther_way_that_loses_brakes_once),
	    cmocka_unit_test(clocks_and_numbers_turn_over),
	    cmocka_unit_test(an_outage_is_none),
	    cmocka_unit_test(a_short_outage_and_a_farther_way_are_none),
	    cmocka_unit_test(silence_does_not_leave_it_braking),
	    cmocka_unit_test(any_stamps_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
