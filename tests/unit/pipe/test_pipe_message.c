// A message that control sends: taken whole, or not at all.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/api.h"
#include "media/pipe/message.h"

#define VERSION 7

union message {
	struct hz_msg_header h;
	uint8_t bytes[64];
};

static union message message_of(size_t bytes)
{
	union message m;
	memset(&m, 0x5a, sizeof(m));
	m.h = (struct hz_msg_header){.version = VERSION, .type = 3, .bytes = (uint32_t)bytes, .seq = 9};
	return m;
}

static void test_taken(void **state)
{
	const size_t n = sizeof(struct hz_msg_header);
	for (size_t bytes = n; bytes <= sizeof(union message); bytes++) {
		union message m = message_of(bytes), ret;
		uint8_t odd[sizeof(m) + 1]; // wherever it lies
		memset(&ret, 0xff, sizeof(ret));
		memcpy(odd + 1, &m, sizeof(m));
		assert_int_equal(hz_pipe_message(odd + 1, bytes, VERSION, &ret, sizeof(ret)), 0);
		assert_memory_equal(&ret, &m, bytes);
		for (size_t i = bytes; i < sizeof(ret); i++)
			assert_int_equal(ret.bytes[i], 0);
	}
}

static void test_refused(void **state)
{
	union message m = message_of(32), ret;
	uint8_t *some = malloc(sizeof(m.h)); // short ones end where memory does
	assert_non_null(some);
	for (size_t bytes = 0; bytes < sizeof(m.h); bytes++) {
		memcpy(some + sizeof(m.h) - bytes, &m, bytes);
		assert_int_equal(
		    hz_pipe_message(some + sizeof(m.h) - bytes, bytes, VERSION, &ret, sizeof(ret)), -EINVAL);
	}
	free(some);
	assert_int_equal(hz_pipe_message(&m, 31, VERSION, &ret, sizeof(ret)), -EINVAL);
	assert_int_equal(hz_pipe_message(&m, 33, VERSION, &ret, sizeof(ret)), -EINVAL);
	assert_int_equal(hz_pipe_message(&m, 32, VERSION + 1, &ret, sizeof(ret)), -EINVAL);
	assert_int_equal(hz_pipe_message(&m, 32, VERSION, &ret, 31), -EINVAL);
	m.h.bytes = UINT32_MAX;
	assert_int_equal(hz_pipe_message(&m, 32, VERSION, &ret, sizeof(ret)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_refused)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
