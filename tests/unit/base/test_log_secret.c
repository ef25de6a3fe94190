#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/secret.h"

// What one log call writes to stderr.
static char captured[4096];
#define CAPTURE(call)                                                                                        \
	do {                                                                                                 \
		int pipes[2], kept = dup(2);                                                                 \
		assert_int_equal(pipe(pipes), 0);                                                            \
		dup2(pipes[1], 2);                                                                           \
		call;                                                                                        \
		dup2(kept, 2);                                                                               \
		close(kept);                                                                                 \
		close(pipes[1]);                                                                             \
		ssize_t n = read(pipes[0], captured, sizeof(captured) - 1);                                  \
		captured[n > 0 ? n : 0] = '\0';                                                              \
		close(pipes[0]);                                                                             \
	} while (0)

static void lines(void **state)
{
	char huge[3000];
	hz_log_init("worker7", HZ_LOG_INFO);
	CAPTURE(hz_info("peer.connected", "peer=%u", 5u));
	assert_non_null(strstr(captured, "level=info proc=worker7 ev=peer.connected peer=5\n"));
	assert_memory_equal(captured, "t=20", 4);
	CAPTURE(hz_debug("quiet", "x=1"));
	assert_string_equal(captured, "");
	memset(huge, 'a', sizeof(huge));
	huge[sizeof(huge) - 1] = '\0';
	CAPTURE(hz_error("long", "text=%s", huge));
	assert_true(strlen(captured) <= 1000);
	assert_int_equal(captured[strlen(captured) - 1], '\n');
	assert_int_equal(hz_log_level("debug"), HZ_LOG_DEBUG);
	assert_int_equal(hz_log_level("error"), HZ_LOG_ERROR);
	assert_int_equal(hz_log_level("loud"), HZ_LOG_INFO);
	assert_int_equal(hz_log_level(NULL), HZ_LOG_INFO);
}

static void safe(void **state)
{
	char buf[8];
	assert_string_equal(hz_log_safe("a b\nc\x7f", buf, sizeof(buf)), "a?b?c?");
	assert_string_equal(hz_log_safe("0123456789", buf, sizeof(buf)), "0123456");
	assert_string_equal(hz_log_safe(NULL, buf, sizeof(buf)), "");
	assert_string_equal(hz_log_safe("\xe4\xbc\x9a", buf, sizeof(buf)), "???");
}

static void secrets(void **state)
{
	uint8_t a[64], b[64], zero[64] = {0};
	char text[33];
	hz_random(a, sizeof(a));
	hz_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_false(hz_equal(a, b, sizeof(a)));
	memcpy(b, a, sizeof(b));
	assert_true(hz_equal(a, b, sizeof(a)));
	b[63] ^= 0x80;
	assert_false(hz_equal(a, b, sizeof(a)));
	assert_true(hz_equal(a, b, 0));
	hz_wipe(a, sizeof(a));
	assert_memory_equal(a, zero, sizeof(a));
	for (int i = 0; i < 100; i++) {
		hz_random_text(text, 32);
		assert_int_equal(strlen(text), 32);
		assert_int_equal(
		    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), 32);
	}
	hz_random_text(text, 0);
	assert_string_equal(text, "");
}

static void clocks(void **state)
{
	int64_t a = hz_now_us();
	usleep(2000);
	int64_t b = hz_now_us();
	assert_true(b - a >= 2000 && b - a < 2000000);
	assert_true(hz_wall_us() > 1735689600000000); // 2025
}

// A reader that has stopped reading: no call may wait for it, and the loss is told once it reads again.
static void hung_reader(void **state)
{
	static char all[1 << 18];
	int pipes[2], kept = dup(2);
	assert_int_equal(pipe(pipes), 0);
	dup2(pipes[1], 2);
	int64_t began = hz_now_us();
	for (int i = 0; i < 5000; i++)
		hz_warn("flood", "i=%d padding=%0200d", i, 0);
	int64_t took = hz_now_us() - began;
	ssize_t n = read(pipes[0], all, sizeof(all) - 1);
	hz_warn("after", "x=1");
	ssize_t m = read(pipes[0], captured, sizeof(captured) - 1);
	dup2(kept, 2);
	close(kept);
	close(pipes[0]);
	close(pipes[1]);
	assert_true(n > 0 && n < 5000 * 200);
	assert_true(m > 0);
	captured[m] = '\0';
	assert_non_null(strstr(captured, "ev=after"));
	assert_non_null(strstr(captured, "ev=log.dropped"));
	assert_true(took < 5000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines),   cmocka_unit_test(safe),   cmocka_unit_test(hung_reader),
	    cmocka_unit_test(secrets), cmocka_unit_test(clocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
