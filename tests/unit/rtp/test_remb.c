// A sender behind a link that holds so much and loses the rest, obeying what it is told.
#include "tests/unit/rtp/cmocka_all.h"

#include <stdbool.h>

#include "media/rtp/remb.h"

#define PACKET 1000u

struct sender {
	struct hz_remb remb;
	struct hz_remb_in in;
	int64_t now_us;
	uint32_t bps;
};

static void second(struct sender *s, uint32_t wants_bps, uint32_t link_bps)
{
	uint32_t sends = s->bps && s->bps < wants_bps ? s->bps : wants_bps;
	uint32_t arrives = sends < link_bps ? sends : link_bps;
	s->in.expected += sends / 8 / PACKET;
	s->in.lost += (sends - arrives) / 8 / PACKET;
	s->in.bytes += arrives / 8;
	s->now_us += 1000000;
	s->bps = hz_remb_step(&s->remb, &s->in, s->now_us);
}

static void follows_the_link(void **state)
{
	struct sender s = {.now_us = 1000000};
	(void)hz_remb_step(&s.remb, &s.in, s.now_us);
	for (unsigned i = 0; i < 60; i++)
		second(&s, 2500000, 10000000);
	assert_in_range(s.bps, 2500000, 5000000); // room above what is used, but not without end
	for (unsigned i = 0; i < 10; i++)
		second(&s, 2500000, 400000);
	assert_in_range(s.bps, 200000, 500000);
	uint64_t before = s.in.bytes;
	for (unsigned i = 0; i < 30; i++) {
		second(&s, 2500000, 400000);
		assert_in_range(s.bps, 200000, 560000);
	}
	assert_true(s.in.bytes - before > 30ull * 250000 / 8);
	for (unsigned i = 0; i < 60; i++)
		second(&s, 2500000, 10000000);
	assert_true(s.bps >= 2500000);
}

static void an_idle_one_is_not_starved(void **state)
{
	struct sender s = {.now_us = 1000000};
	assert_int_equal(hz_remb_step(&s.remb, &s.in, s.now_us), 0);
	for (unsigned i = 0; i < 100; i++)
		second(&s, 20000, 10000000);
	assert_int_equal(s.bps, HZ_REMB_START_BPS);
	for (unsigned i = 0; i < 100; i++)
		second(&s, 3000000, 0); // nothing arrives at all
	assert_int_equal(s.bps, HZ_REMB_MIN_BPS);
	s.in.bytes = 0; // a new stream, other totals
	s.in.expected = s.in.lost = 0;
	s.now_us += 1000000;
	assert_int_equal(hz_remb_step(&s.remb, &s.in, s.now_us), HZ_REMB_MIN_BPS);
	assert_int_equal(hz_remb_step(&s.remb, &s.in, s.now_us + 1), HZ_REMB_MIN_BPS);
}

static void some_loss_is_borne(void **state)
{
	struct hz_remb r = {0};
	struct hz_remb_in in = {0};
	(void)hz_remb_step(&r, &in, 1000000);
	uint32_t told = 0;
	for (unsigned i = 2; i < 30; i++) {
		in.bytes += 1000000 / 8;
		in.expected += 100;
		in.lost += 5; // 5 %
		uint32_t now = hz_remb_step(&r, &in, i * 1000000ll);
		if (told)
			assert_int_equal(now, told);
		told = now;
	}
	assert_int_equal(told, 2000000);
}

// A radio link always loses some: an outage on it is over when it is over, and what was there before comes back.
static void an_outage_on_a_lossy_link_ends(void **state)
{
	struct hz_remb r = {0};
	struct hz_remb_in in = {0};
	uint32_t bps = 500000, before = 0;
	(void)hz_remb_step(&r, &in, 1000000);
	for (unsigned i = 2; i < 120; i++) {
		bool down = i >= 60 && i < 65;
		in.expected += bps / 8000;
		in.lost += down ? bps / 8000 : bps * 3 / 100 / 8000;
		in.bytes += down ? 0 : bps / 8;
		bps = hz_remb_step(&r, &in, i * 1000000ll);
		bps = i < 40 && bps < 1500000 ? 1500000 : bps; // it was better once
		r.bps = bps;
		before = i == 59 ? bps : before;
	}
	assert_true(before >= 1500000);
	assert_in_range(bps, before / 2, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(follows_the_link),
	    cmocka_unit_test(an_idle_one_is_not_starved),
	    cmocka_unit_test(some_loss_is_borne),
	    cmocka_unit_test(an_outage_on_a_lossy_link_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
