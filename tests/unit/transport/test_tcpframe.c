#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "media/transport/tcpframe.h"

static uint8_t stream[3 * (HZ_TCPFRAME_HEADER + HZ_TCPFRAME_MAX_BYTES)];

static void whole_frames(void **state)
{
	static const size_t sizes[] = {1, 0, 20, 1200, HZ_TCPFRAME_MAX_BYTES};
	size_t at = 0, got = 0, used = 0;
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		hz_tcpframe_head(stream + used, sizes[i]);
		used += HZ_TCPFRAME_HEADER + sizes[i];
	}
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(hz_tcpframe_next(stream + at, used - at, &got), 0);
		assert_int_equal(got, sizes[i]);
		at += HZ_TCPFRAME_HEADER + got;
	}
	assert_int_equal(at, used);
	assert_int_equal(hz_tcpframe_next(stream + at, 0, &got), -EAGAIN);
	assert_int_equal(got, HZ_TCPFRAME_HEADER);
}

// However a frame is cut, the need is told and is never less than what is there.
static void every_cut(void **state)
{
	size_t got = 0;
	(void)state;
	hz_tcpframe_head(stream, 300);
	for (size_t n = 0; n < 302; n++) {
		assert_int_equal(hz_tcpframe_next(stream, n, &got), -EAGAIN);
		assert_int_equal(got, n < HZ_TCPFRAME_HEADER ? HZ_TCPFRAME_HEADER : 302);
	}
	assert_int_equal(hz_tcpframe_next(stream, 302, &got), 0);
}

static void too_long(void **state)
{
	size_t got = 77;
	(void)state;
	for (unsigned n = HZ_TCPFRAME_MAX_BYTES + 1; n <= 0xffff; n += 997) {
		const uint8_t head[] = {(uint8_t)(n >> 8), (uint8_t)n};
		assert_int_equal(hz_tcpframe_next(head, 2, &got), -EMSGSIZE);
	}
	static const uint8_t longest[] = {0xff, 0xff};
	assert_int_equal(hz_tcpframe_next(longest, 2, &got), -EMSGSIZE);
	assert_int_equal(got, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_frames),
	    cmocka_unit_test(every_cut),
	    cmocka_unit_test(too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
