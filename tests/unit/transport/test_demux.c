#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "media/transport/demux.h"

static enum hz_demux look(int first, int second, size_t bytes)
{
	uint8_t data[64] = {(uint8_t)first, (uint8_t)second};
	return hz_demux(data, bytes);
}

// The table of RFC 7983 section 7, every first byte.
static void test_every_first_byte(void **state)
{
	for (int first = 0; first < 256; first++) {
		enum hz_demux expected = HZ_DEMUX_JUNK;
		if (first < 4)
			expected = HZ_DEMUX_STUN;
		else if (first >= 20 && first < 64)
			expected = HZ_DEMUX_DTLS;
		else if (first >= 128 && first < 192)
			expected = HZ_DEMUX_RTP;
		assert_int_equal(look(first, 96, 20), expected);
	}
}

// RFC 5761 section 4: payload types 64 to 95 with the marker bit are RTCP.
static void test_every_second_byte(void **state)
{
	for (int second = 0; second < 256; second++)
		assert_int_equal(look(0x80, second, 12),
		                 second >= 192 && second <= 223 ? HZ_DEMUX_RTCP : HZ_DEMUX_RTP);
}

static void test_too_short(void **state)
{
	for (size_t bytes = 0; bytes < 8; bytes++)
		for (int first = 0; first < 256; first++)
			assert_int_equal(look(first, 200, bytes), HZ_DEMUX_JUNK);
	assert_int_equal(look(0, 1, 19), HZ_DEMUX_JUNK);
	assert_int_equal(look(22, 254, 12), HZ_DEMUX_JUNK);
	assert_int_equal(look(0x80, 96, 11), HZ_DEMUX_JUNK);
	assert_int_equal(look(0x80, 200, 8), HZ_DEMUX_RTCP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_first_byte),
	    cmocka_unit_test(test_every_second_byte),
	    cmocka_unit_test(test_too_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
