// Transport-wide feedback: what is built says exactly what arrived; the parser against damaged packets.
#include "tests/unit/rtp/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/twcc.h"
#include "tests/unit/rtp/random.h"

static uint8_t buf[1200];
static struct hz_twcc t;
static struct hz_twcc_arrival got[65536];

static int parse(const uint8_t *data, size_t bytes, struct hz_twcc_feedback *fb, size_t *count)
{
	struct hz_rtcp_iter it;
	struct hz_rtcp_packet p;
	hz_rtcp_iter_init(&it, data, bytes);
	if (hz_rtcp_next(&it, &p) != 1)
		return -EBADMSG;
	return hz_twcc_parse(&p, fb, got, 65536, count);
}

static size_t write_one(size_t room, struct hz_twcc_feedback *fb)
{
	struct hz_rtcp_writer w;
	size_t count = 0;
	hz_rtcp_writer_init(&w, buf, room);
	assert_int_equal(hz_twcc_write(&t, &w, 11, 22), 0);
	assert_true(w.bytes <= room && w.bytes % 4 == 0);
	assert_int_equal(parse(buf, w.bytes, fb, &count), 0);
	assert_int_equal(count, fb->status_count);
	assert_int_equal(fb->sender_ssrc, 11);
	assert_int_equal(fb->media_ssrc, 22);
	return count;
}

static void test_nothing_to_report(void **state)
{
	struct hz_rtcp_writer w;
	struct hz_twcc_feedback fb;
	hz_twcc_init(&t);
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	assert_false(hz_twcc_pending(&t));
	assert_true(hz_twcc_deadline(&t) == INT64_MAX);
	assert_int_equal(hz_twcc_write(&t, &w, 1, 2), -ENODATA);
	hz_twcc_on_packet(&t, 5, -1); // no such time
	assert_false(hz_twcc_pending(&t));
	hz_twcc_on_packet(&t, 5, 1000);
	assert_true(hz_twcc_deadline(&t) == 1000 + HZ_TWCC_INTERVAL_US);
	for (size_t room = 0; room < 24; room++) {
		hz_rtcp_writer_init(&w, buf, room);
		assert_int_equal(hz_twcc_write(&t, &w, 1, 2), -ENOBUFS);
		assert_int_equal(w.bytes, 0);
	}
	assert_int_equal(write_one(24, &fb), 1);
	assert_false(hz_twcc_pending(&t));
	hz_twcc_on_packet(&t, 5, 9000); // again: ignored
	assert_false(hz_twcc_pending(&t));
}

static void test_wrap_gap_and_count(void **state)
{
	struct hz_twcc_feedback fb;
	hz_twcc_init(&t);
	hz_twcc_on_packet(&t, 65534, 64000 * 5 + 100);
	hz_twcc_on_packet(&t, 1, 64000 * 5 + 1100);
	assert_int_equal(write_one(sizeof(buf), &fb), 4);
	assert_int_equal(fb.base_seq, 65534);
	assert_int_equal(fb.reference_64ms, 5);
	assert_int_equal(fb.feedback_count, 0);
	assert_true(got[0].received && !got[1].received && !got[2].received && got[3].received);
	assert_true(got[0].at_us == 64000 * 5);
	assert_true(got[3].at_us == 64000 * 5 + 1000);
	assert_int_equal(got[3].seq, 1);
	hz_twcc_on_packet(&t, 4, 64000 * 6);
	assert_int_equal(write_one(sizeof(buf), &fb), 3);
	assert_int_equal(fb.base_seq, 2);
	assert_int_equal(fb.feedback_count, 1);
	assert_true(!got[0].received && !got[1].received && got[2].received);
}

static void test_late_packet_is_reported_after_all(void **state)
{
	struct hz_twcc_feedback fb;
	hz_twcc_init(&t);
	hz_twcc_on_packet(&t, 10, 1000);
	hz_twcc_on_packet(&t, 13, 2000);
	write_one(sizeof(buf), &fb);
	hz_twcc_on_packet(&t, 11, 3000);
	assert_true(hz_twcc_pending(&t));
	assert_int_equal(write_one(sizeof(buf), &fb), 3);
	assert_int_equal(fb.base_seq, 11);
	assert_true(got[0].received && got[0].at_us == 3000);
	assert_true(!got[1].received && got[2].received && got[2].at_us == 2000); // a negative delta
}

static void test_long_pause_splits(void **state)
{
	struct hz_twcc_feedback fb;
	hz_twcc_init(&t);
	hz_twcc_on_packet(&t, 1, 1000000);
	hz_twcc_on_packet(&t, 3, 10000000); // 9 s later: no delta can say it
	assert_int_equal(write_one(sizeof(buf), &fb), 2);
	assert_true(hz_twcc_pending(&t));
	assert_int_equal(write_one(sizeof(buf), &fb), 1);
	assert_int_equal(fb.base_seq, 3);
	assert_true(got[0].at_us == 10000000);
	assert_int_equal(fb.feedback_count, 1);
	assert_false(hz_twcc_pending(&t));
}

static void test_jumps(void **state)
{
	struct hz_twcc_feedback fb;
	hz_twcc_init(&t);
	hz_twcc_on_packet(&t, 100, 1000);
	hz_twcc_on_packet(&t, 100 + HZ_TWCC_WINDOW, 2000); // beyond the window: begins anew
	assert_int_equal(write_one(sizeof(buf), &fb), 1);
	assert_int_equal(fb.base_seq, 100 + HZ_TWCC_WINDOW);
	hz_twcc_on_packet(&t, 100, 3000); // older than the window
	assert_false(hz_twcc_pending(&t));
	hz_twcc_on_packet(&t, 99 + 2 * HZ_TWCC_WINDOW, 4000); // just within
	assert_int_equal(write_one(sizeof(buf), &fb), HZ_TWCC_WINDOW - 1);
	assert_true(got[HZ_TWCC_WINDOW - 2].received);
}

static void test_deadline_when_much_waits(void **state)
{
	hz_twcc_init(&t);
	for (int i = 0; i < HZ_TWCC_MAX_DUE - 1; i++)
		hz_twcc_on_packet(&t, (uint16_t)i, 7000 + i);
	assert_true(hz_twcc_deadline(&t) == 7000 + HZ_TWCC_INTERVAL_US);
	hz_twcc_on_packet(&t, HZ_TWCC_MAX_DUE - 1, 8000);
	assert_true(hz_twcc_deadline(&t) == 7000); // now
}

#define RUN 100000

struct model {
	int64_t arrived[RUN]; // 0: not
	uint8_t reported[RUN];
	uint16_t start;
	int64_t highest;
};

static void check_feedback(struct model *m, size_t room)
{
	struct hz_twcc_feedback fb;
	size_t count = write_one(room, &fb);
	int64_t near = m->highest;
	int64_t base = near + (int16_t)(uint16_t)(fb.base_seq - (uint16_t)(m->start + near));
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		int64_t n = base + (int64_t)i;
		assert_true(n >= 0 && n <= m->highest);
		assert_int_equal(got[i].received, m->arrived[n] != 0);
		// the reference wraps at 24 bits of 64 ms: not in this run's length of time
		if (got[i].received)
			assert_true(got[i].at_us == m->arrived[n] / HZ_TWCC_TICK_US * HZ_TWCC_TICK_US);
		m->reported[n] |= got[i].received;
	}
}

static void run_model(uint64_t seed, uint32_t loss, uint32_t disorder, uint32_t max_step_us, size_t room)
{
	struct hz_test_random rnd = {seed};
	struct model *m = calloc(1, sizeof(*m));
	assert_non_null(m);
	m->start = (uint16_t)random_next(&rnd);
	m->highest = -1;
	hz_twcc_init(&t);
	int64_t now = 1000000;
	for (int64_t i = 0; i < RUN; i++) {
		int64_t n = i;
		now += random_below(&rnd, max_step_us + 1);
		if (m->highest >= 0 && random_percent(&rnd, loss))
			continue;
		if (m->highest > (int64_t)disorder && random_percent(&rnd, 20))
			n = m->highest - random_below(&rnd, disorder + 1);
		hz_twcc_on_packet(&t, (uint16_t)(m->start + n), now);
		if (n > m->highest)
			m->highest = n;
		if (!m->arrived[n])
			m->arrived[n] = now;
		while (hz_twcc_deadline(&t) <= now)
			check_feedback(m, room);
	}
	while (hz_twcc_pending(&t))
		check_feedback(m, room);
	for (int64_t n = 0; n < m->highest; n++)
		assert_int_equal(m->reported[n], m->arrived[n] != 0); // everything that arrived was told
	free(m);
}

static void test_against_model(void **state)
{
	run_model(31, 0, 0, 400, sizeof(buf));
	run_model(32, 10, 30, 2000, sizeof(buf));
	run_model(33, 50, 200, 20000, sizeof(buf));
	run_model(34, 90, 5, 100000, sizeof(buf));
	run_model(35, 5, 400, 300, 400);
	run_model(36, 30, 10, 10, 400);
	run_model(37, 10, 10, 10000000, sizeof(buf)); // 5 s between packets: every feedback has a few
}

static void test_reference_wraps(void **state)
{
	struct hz_twcc_feedback fb;
	hz_twcc_init(&t);
	int64_t turn = 64000ll << 24; // 12.4 days
	hz_twcc_on_packet(&t, 1, turn + 64000 * 3);
	write_one(sizeof(buf), &fb);
	assert_int_equal(fb.reference_64ms, 3);
	hz_twcc_on_packet(&t, 2, turn / 2 + turn);
	write_one(sizeof(buf), &fb);
	assert_int_equal(fb.reference_64ms, -0x800000);
}

static void test_parse_hand_made(void **state)
{
	// 3 received small (run), 2-bit vector with lost, large, small, then filler; deltas 4, 0, 255, -2 and 1
	const uint8_t good[] = {0x8f, 205,  0,    7, 0,   0,    0,    1,    0, 0,    0,
	                        2,    0xff, 0xff, 0, 6,   0xff, 0xff, 0xff, 9, 0x20, 0x03,
	                        0xc9, 0x00, 4,    0, 255, 0xff, 0xfe, 1,    0, 0};
	struct hz_twcc_feedback fb;
	size_t count;
	assert_int_equal(parse(good, sizeof(good), &fb, &count), 0);
	assert_int_equal(count, 6);
	assert_int_equal(fb.reference_64ms, -1);
	assert_int_equal(got[1].seq, 0);
	assert_true(got[0].at_us == -64000 + 1000);
	assert_true(got[2].at_us == -64000 + 259 * 250);
	assert_false(got[3].received);
	assert_true(got[4].at_us == -64000 + 257 * 250);
	assert_true(got[5].at_us == -64000 + 258 * 250);
	uint8_t b[sizeof(good)];
	memcpy(b, good, sizeof(b));
	b[14] = 0xff; // chunks for far fewer: the deltas' bytes are taken for chunks and do not suffice
	assert_int_equal(parse(b, sizeof(b), &fb, &count), -EBADMSG);
	memcpy(b, good, sizeof(b));
	b[20] = 0x40; // all large: deltas missing
	b[21] = 0x06;
	assert_int_equal(parse(b, sizeof(b), &fb, &count), -EBADMSG);
	b[20] = 0x60; // reserved symbol in a run
	assert_int_equal(parse(b, sizeof(b), &fb, &count), -EBADMSG);
	memcpy(b, good, sizeof(b));
	b[22] = 0xf0; // reserved symbol in a vector
	assert_int_equal(parse(b, sizeof(b), &fb, &count), -EBADMSG);
	memcpy(b, good, sizeof(b));
	b[20] = b[21] = 0; // a run of none covers nothing
	b[15] = 3;
	assert_int_equal(parse(b, sizeof(b), &fb, &count), 0);
	b[0] = 0x8e;
	assert_int_equal(parse(b, sizeof(b), &fb, &count), -EBADMSG);
}

static void test_parse_short_and_random(void **state)
{
	struct hz_test_random rnd = {77};
	struct hz_twcc_feedback fb;
	struct hz_twcc_arrival few[4];
	size_t count;
	for (int i = 0; i < 50000; i++) {
		size_t bytes = random_below(&rnd, 60);
		uint8_t *body = malloc(bytes ? bytes : 1);
		assert_non_null(body);
		random_fill(&rnd, body, bytes);
		if (bytes > 12 && random_percent(&rnd, 80))
			body[10] = 0;
		struct hz_rtcp_packet p = {body, bytes, HZ_RTCP_RTPFB, HZ_RTPFB_TWCC};
		int rc = hz_twcc_parse(&p, &fb, few, 4, &count);
		assert_true(rc == -EBADMSG || (rc == 0 && bytes >= 16 && count <= 4));
		free(body);
	}
}

static void test_sender_ring(void **state)
{
	static struct hz_twcc_sender s;
	assert_null(hz_twcc_sender_find(&s, 0));
	hz_twcc_sender_add(&s, 0, 1200, 5);
	assert_non_null(hz_twcc_sender_find(&s, 0));
	assert_null(hz_twcc_sender_find(&s, HZ_TWCC_SENT));
	hz_twcc_sender_add(&s, HZ_TWCC_SENT, 100, 6);
	assert_null(hz_twcc_sender_find(&s, 0)); // overwritten
	assert_int_equal(hz_twcc_sender_find(&s, HZ_TWCC_SENT)->bytes, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing_to_report),
	    cmocka_unit_test(test_wrap_gap_and_count),
	    cmocka_unit_test(test_late_packet_is_reported_after_all),
	    cmocka_unit_test(test_long_pause_splits),
	    cmocka_unit_test(test_jumps),
	    cmocka_unit_test(test_deadline_when_much_waits),
	    cmocka_unit_test(test_against_model),
	    cmocka_unit_test(test_reference_wraps),
	    cmocka_unit_test(test_parse_hand_made),
	    cmocka_unit_test(test_parse_short_and_random),
	    cmocka_unit_test(test_sender_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
