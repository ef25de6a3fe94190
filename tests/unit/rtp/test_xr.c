// Receiver reference time and its answer (RFC 3611 4.4, 4.5).
#include "tests/unit/rtp/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bytes.h"
#include "media/rtp/xr.h"

// An XR of SSRC 7 with these blocks; its length in `ret_bytes`.
static struct hz_rtcp_packet packet(uint8_t *buf, const uint8_t *blocks, size_t bytes)
{
	hz_put32(buf, 7);
	memcpy(buf + 4, blocks, bytes);
	return (struct hz_rtcp_packet){.body = buf, .body_bytes = 4 + bytes, .type = HZ_RTCP_XR};
}

static const uint8_t RRTR[] = {4, 0, 0, 2, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
static const uint8_t OTHER[] = {6, 0, 0, 1, 1, 2, 3, 4};

static void test_time_is_found(void **state)
{
	uint8_t buf[64], blocks[32];
	struct hz_xr_time time;
	struct hz_rtcp_packet p = packet(buf, RRTR, sizeof(RRTR));
	assert_int_equal(hz_xr_parse_time(&p, &time), 0);
	assert_int_equal(time.ssrc, 7);
	assert_int_equal(time.compact, 0x33445566);
	memcpy(blocks, OTHER, sizeof(OTHER)); // behind another block
	memcpy(blocks + sizeof(OTHER), RRTR, sizeof(RRTR));
	time.compact = 0;
	p = packet(buf, blocks, sizeof(OTHER) + sizeof(RRTR));
	assert_int_equal(hz_xr_parse_time(&p, &time), 0);
	assert_int_equal(time.compact, 0x33445566);
}

static void test_no_time(void **state)
{
	uint8_t buf[64];
	struct hz_xr_time time = {1, 2};
	struct hz_rtcp_packet p = packet(buf, OTHER, sizeof(OTHER));
	assert_int_equal(hz_xr_parse_time(&p, &time), -ENOENT);
	p.body_bytes = 4; // no block at all
	assert_int_equal(hz_xr_parse_time(&p, &time), -ENOENT);
	static const uint8_t odd[] = {4, 0, 0, 1, 1, 2, 3, 4}; // too short for a time
	p = packet(buf, odd, sizeof(odd));
	assert_int_equal(hz_xr_parse_time(&p, &time), -ENOENT);
	assert_true(time.ssrc == 1 && time.compact == 2);
}

static void test_bad_packets(void **state)
{
	uint8_t buf[64];
	struct hz_xr_time time;
	struct hz_rtcp_packet p = packet(buf, RRTR, sizeof(RRTR));
	for (size_t bytes = 0; bytes < 4 + sizeof(RRTR); bytes++) {
		p.body_bytes = bytes;
		assert_int_equal(hz_xr_parse_time(&p, &time), bytes == 4 ? -ENOENT : -EBADMSG);
	}
	static const uint8_t beyond[] = {6, 0, 0xff, 0xff, 1, 2, 3, 4};
	p = packet(buf, beyond, sizeof(beyond));
	assert_int_equal(hz_xr_parse_time(&p, &time), -EBADMSG);
	p = packet(buf, RRTR, sizeof(RRTR));
	p.type = HZ_RTCP_APP;
	assert_int_equal(hz_xr_parse_time(&p, &time), -EBADMSG);
}

static void test_answer(void **state)
{
	static const uint8_t expected[] = {0x80, 207, 0, 5, 0,    0,    0,    9,    5, 0, 0, 3,
	                                   0,    0,   0, 7, 0x33, 0x44, 0x55, 0x66, 0, 1, 0, 0};
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	struct hz_xr_time time = {7, 0x33445566};
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	assert_int_equal(hz_xr_write_delay(&w, 9, &time, 65536), 0);
	assert_int_equal(w.bytes, sizeof(expected));
	assert_memory_equal(buf, expected, sizeof(expected));
	assert_int_equal(hz_rtcp_check(buf, w.bytes), 0);
	hz_rtcp_writer_init(&w, buf, sizeof(expected) - 1);
	assert_int_equal(hz_xr_write_delay(&w, 9, &time, 0), -ENOBUFS);
	assert_int_equal(w.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_time_is_found),
	    cmocka_unit_test(test_no_time),
	    cmocka_unit_test(test_bad_packets),
	    cmocka_unit_test(test_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
