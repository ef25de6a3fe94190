// What stands in a query: decoded, refused, and never beyond its room.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/percent.h"

static void decoded(void **state)
{
	static const char *const good[][2] = {
	    {"", ""},           {"a+b", "a b"}, {"%41%2b%2B", "A++"}, {"%e4%BC%9a", "会"},
	    {"%25 41", "% 41"}, {"~", "~"}};
	char ret[16];
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(hz_percent_decode(good[i][0], strlen(good[i][0]), ret, sizeof(ret)), 0);
		assert_string_equal(ret, good[i][1]);
	}
	assert_int_equal(hz_percent_decode("ab%4", 2, ret, sizeof(ret)), 0); // no further than its bytes
	assert_string_equal(ret, "ab");
}

static void refused(void **state)
{
	static const char *const bad[] = {"%",    "a%",   "%4",   "%4g",     "%g4",  "%%41",
	                                  "%00",  "%0a",  "%7f",  "a\tb",    "\x7f", "%-1",
	                                  "% 41", "%+41", "%1f+", "a%4\xff", "%x41"};
	char ret[16];
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hz_percent_decode(bad[i], strlen(bad[i]), ret, sizeof(ret)), -EINVAL);
	assert_int_equal(hz_percent_decode("%41", 2, ret, sizeof(ret)),
	                 -EINVAL); // the rest of it is another's
	assert_int_equal(hz_percent_decode("a\0b", 3, ret, sizeof(ret)), -EINVAL);
}

static void no_room(void **state)
{
	char ret[4] = "xyz";
	assert_int_equal(hz_percent_decode("%61bc", 5, ret, 4), 0);
	assert_string_equal(ret, "abc");
	assert_int_equal(hz_percent_decode("abcd", 4, ret, 4), -ENOSPC);
	ret[2] = '#';
	assert_int_equal(hz_percent_decode("%61%62", 6, ret, 2), -ENOSPC);
	assert_int_equal(ret[2], '#');
	assert_int_equal(hz_percent_decode("", 0, ret, 0), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decoded),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
