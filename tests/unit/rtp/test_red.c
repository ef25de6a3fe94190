#include <errno.h>
#include <string.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "media/rtp/red.h"

static void blocks_and_primary(void **state)
{
	// pt 111: 1920 ago 2 bytes, 960 ago 3 bytes, primary 4 bytes
	uint8_t p[] = {0xef, 0x1e, 0x00, 0x02, 0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct hz_red red;
	assert_int_equal(hz_red_parse(p, sizeof(p), &red), 0);
	assert_int_equal(red.count, 2);
	assert_int_equal(red.block[0].ts_offset, 1920);
	assert_int_equal(red.block[1].ts_offset, 960);
	assert_memory_equal(red.block[0].data, "\x01\x02", red.block[0].bytes);
	assert_memory_equal(red.block[1].data, "\x03\x04\x05", red.block[1].bytes);
	assert_int_equal(red.primary.bytes, 4);
	assert_memory_equal(red.primary.data, "\x06\x07\x08\x09", 4);
	assert_int_equal(red.primary.pt, 111);
	for (size_t n = 0; n < 14; n++)
		assert_int_equal(hz_red_parse(p, n, &red), -EBADMSG);
	assert_int_equal(hz_red_parse(p, 14, &red), 0); // an empty primary
	assert_int_equal(red.primary.bytes, 0);
	hz_red_retarget(p, sizeof(p), 109);
	assert_int_equal(hz_red_parse(p, sizeof(p), &red), 0);
	assert_int_equal(red.block[0].pt, 109);
	assert_int_equal(red.block[1].pt, 109);
	assert_int_equal(red.primary.pt, 109);
	assert_int_equal(red.block[1].ts_offset, 960);
}

// More of them than anybody needs: the newest frame is not lost for it, nor the newest of the others.
static void too_many_blocks(void **state)
{
	for (unsigned count = HZ_RED_MAX_BLOCKS; count < HZ_RED_MAX_BLOCKS + 20; count++) {
		uint8_t p[5 * (HZ_RED_MAX_BLOCKS + 20) + 3] = {0};
		struct hz_red red;
		for (unsigned i = 0; i < count; i++) {
			p[4 * i] = 0x80 | 111;
			p[4 * i + 3] = 1;
			p[4 * count + 1 + i] = (uint8_t)(i + 1);
		}
		p[4 * count] = 111;
		memcpy(p + 5 * count + 1, "\xaa\xbb", 2);
		assert_int_equal(hz_red_parse(p, 5 * count + 3, &red), 0);
		assert_int_equal(red.count, HZ_RED_MAX_BLOCKS);
		for (unsigned i = 0; i < red.count; i++)
			assert_int_equal(red.block[i].data[0], count - HZ_RED_MAX_BLOCKS + i + 1);
		assert_int_equal(red.primary.bytes, 2);
		assert_memory_equal(red.primary.data, "\xaa\xbb", 2);
		assert_int_equal(hz_red_parse(p, 5 * count, &red), -EBADMSG);
		assert_int_equal(hz_red_parse(p, 4 * count, &red), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blocks_and_primary),
	    cmocka_unit_test(too_many_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
