#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/server/sniff.h"

// A framed binding request; attribute of that type and value first. Returns its bytes.
static size_t request(uint8_t *buf, uint16_t type, const void *value, size_t bytes)
{
	size_t padded = (bytes + 3) / 4 * 4, stun = 20 + 4 + padded;
	memset(buf, 0, 2 + stun);
	buf[0] = (uint8_t)(stun >> 8);
	buf[1] = (uint8_t)stun;
	buf[3] = 1;
	buf[4] = (uint8_t)((stun - 20) >> 8);
	buf[5] = (uint8_t)(stun - 20);
	memcpy(buf + 6, "\x21\x12\xa4\x42", 4);
	buf[22] = (uint8_t)(type >> 8);
	buf[23] = (uint8_t)type;
	buf[24] = (uint8_t)(bytes >> 8);
	buf[25] = (uint8_t)bytes;
	memcpy(buf + 26, value, bytes);
	return 2 + stun;
}

static enum hz_sniff_kind kind(const uint8_t *data, size_t bytes)
{
	struct hz_sniff seen;
	hz_sniff(data, bytes, &seen);
	return seen.kind;
}

static void tls_by_its_first_byte(void **state)
{
	(void)state;
	for (unsigned first = 6; first < 256; first++) {
		uint8_t byte = (uint8_t)first;
		assert_int_equal(kind(&byte, 1), HZ_SNIFF_TLS);
	}
	assert_int_equal(kind((const uint8_t *)"GET / HTTP/1.1\r\n", 16), HZ_SNIFF_TLS);
	struct hz_sniff seen;
	hz_sniff(NULL, 0, &seen);
	assert_int_equal(seen.kind, HZ_SNIFF_MORE);
	assert_int_equal(seen.need, 1);
}

static void ice_at_every_cut(void **state)
{
	uint8_t buf[256];
	struct hz_sniff seen;
	size_t bytes = request(buf, 6, "abcd+/09:them", 13);
	(void)state;
	for (size_t n = 1; n < bytes; n++) {
		hz_sniff(buf, n, &seen);
		assert_int_equal(seen.kind, HZ_SNIFF_MORE);
		assert_true(seen.need > n && seen.need <= HZ_SNIFF_BYTES);
	}
	hz_sniff(buf, bytes, &seen);
	assert_int_equal(seen.kind, HZ_SNIFF_ICE);
	assert_string_equal(seen.ufrag, "abcd+/09");
	hz_sniff(buf, sizeof(buf), &seen); // what follows the frame does not matter
	assert_int_equal(seen.kind, HZ_SNIFF_ICE);
}

static void username_after_others(void **state)
{
	uint8_t buf[256], inner[64] = {0};
	// PRIORITY's value is followed by a USERNAME attribute
	memcpy(inner, "\1\2\3\4\0\6\0\x09wxyz:them\0\0\0", 20);
	size_t bytes = request(buf, 0x24, inner, 20);
	struct hz_sniff seen;
	(void)state;
	buf[25] = 4;
	hz_sniff(buf, bytes, &seen);
	assert_int_equal(seen.kind, HZ_SNIFF_ICE);
	assert_string_equal(seen.ufrag, "wxyz");
}

static void junk(void **state)
{
	static const char *const names[] = {
	    "", ":", "abc:them", "abcd", "ab cd:them", ":abcd", "0123456789012345678901234567890123:them"};
	uint8_t buf[256], bad[256];
	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(kind(buf, request(buf, 6, names[i], strlen(names[i]))), HZ_SNIFF_JUNK);
	assert_int_equal(kind(buf, request(buf, 0x24, "\0\0\0\0", 4)), HZ_SNIFF_JUNK); // no USERNAME
	size_t bytes = request(buf, 6, "abcd:them", 9);
	static const struct {
		unsigned at;
		uint8_t value;
	} wrong[] = {{1, 19}, {0, 5}, {2, 1}, {3, 2}, {3, 0}, {4, 1}, {5, 15}, {5, 12}, {6, 0}, {9, 0x43}};
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(bad, buf, bytes);
		bad[wrong[i].at] = wrong[i].value;
		assert_int_equal(kind(bad, bytes), HZ_SNIFF_JUNK);
	}
	memcpy(bad, buf, bytes); // an attribute longer than the message
	bad[25] = 200;
	assert_int_equal(kind(bad, bytes), HZ_SNIFF_JUNK);
	static const uint8_t null_frame[] = {0, 0};
	assert_int_equal(kind(null_frame, 2), HZ_SNIFF_JUNK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tls_by_its_first_byte),
	    cmocka_unit_test(ice_at_every_cut),
	    cmocka_unit_test(username_after_others),
	    cmocka_unit_test(junk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
