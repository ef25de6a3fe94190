// Hexadecimal text: there and back, and what is none.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/hex.h"

static void there_and_back(void **state)
{
	uint8_t all[256], back[256] = {0};
	char text[513];
	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	hz_hex_text(all, sizeof(all), text);
	assert_int_equal(strlen(text), 512);
	assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f10", 34);
	assert_string_equal(text + 508, "feff");
	assert_int_equal(hz_hex_bytes(text, back, sizeof(back)), 0);
	assert_memory_equal(back, all, sizeof(all));
	assert_int_equal(hz_hex_bytes("aBCd", back, 2), 0);
	assert_int_equal(back[0] << 8 | back[1], 0xabcd);
}

static void of_nothing(void **state)
{
	char text[2] = "x";
	hz_hex_text(NULL, 0, text);
	assert_string_equal(text, "");
	assert_int_equal(hz_hex_bytes("", NULL, 0), 0);
}

static void what_is_none(void **state)
{
	static const char *const bad[] = {NULL,     "",     "ab",   "abc",  "abcde",
	                                  "abcdef", "0x12", "ab g", "abg0", "ab:c",
	                                  "@bcd",   "`bcd", "Gbcd", "/bcd", "ab\xff\x30"};
	uint8_t ret[2] = {1, 2};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hz_hex_bytes(bad[i], ret, 2), -EINVAL);
	assert_int_equal(ret[0], 1);
	assert_int_equal(ret[1], 2);
	unsigned digits = 0;
	for (int c = -128; c < 128; c++)
		digits += hz_hex_digit((char)c) >= 0;
	assert_int_equal(digits, 22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(there_and_back),
	    cmocka_unit_test(of_nothing),
	    cmocka_unit_test(what_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
