// RTX: wrap and unwrap are inverse; probes and damaged packets.
#include "tests/unit/rtp/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/packet.h"
#include "media/rtp/rtx.h"
#include "tests/unit/rtp/random.h"

static void test_round_trip(void **state)
{
	struct hz_test_random rnd = {5};
	for (int i = 0; i < 2000; i++) {
		uint8_t b[300], original[300], *back;
		size_t bytes = 40 + random_below(&rnd, 200), wrapped = 0, unwrapped = 0;
		struct hz_rtp_packet p;
		random_fill(&rnd, b, bytes);
		b[0] = (uint8_t)(0x80 | (b[0] & 0x13)); // sometimes CSRCs, sometimes extensions
		size_t csrcs = 4u * (b[0] & 3);
		b[14 + csrcs] = 0;
		b[15 + csrcs] &= 3;
		if (hz_rtp_parse(b, bytes, &p) < 0)
			continue;
		memcpy(original, b, bytes);
		struct hz_rtx rtx = {.ssrc = 0x11223344, .seq = 0xfffe, .pt = 97};
		assert_int_equal(hz_rtx_wrap(b, bytes, sizeof(b), &rtx, &wrapped), 0);
		assert_int_equal(wrapped, bytes + 2);
		struct hz_rtp_packet q;
		assert_int_equal(hz_rtp_parse(b, wrapped, &q), 0);
		assert_true(q.ssrc == 0x11223344 && q.seq == 0xfffe && q.pt == 97);
		assert_int_equal(q.marker, p.marker);
		assert_int_equal(q.ts, p.ts);
		assert_int_equal(q.payload[0] << 8 | q.payload[1], p.seq);
		assert_int_equal(hz_rtx_unwrap(b, wrapped, p.pt, p.ssrc, &back, &unwrapped), 0);
		assert_int_equal(unwrapped, bytes);
		assert_memory_equal(back, original, bytes);
	}
}

static void test_probes_and_damage(void **state)
{
	uint8_t *back;
	size_t bytes;
	uint8_t empty[12] = {0x80, 97};
	assert_int_equal(hz_rtx_unwrap(empty, 12, 96, 1, &back, &bytes), -ENODATA);
	uint8_t probe[16] = {0xa0, 97, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4};
	assert_int_equal(hz_rtx_unwrap(probe, 16, 96, 1, &back, &bytes), -ENODATA);
	uint8_t one[13] = {0x80, 97};
	assert_int_equal(hz_rtx_unwrap(one, 13, 96, 1, &back, &bytes), -EBADMSG);
	probe[15] = 3; // one byte and padding
	assert_int_equal(hz_rtx_unwrap(probe, 16, 96, 1, &back, &bytes), -EBADMSG);
	for (size_t n = 0; n < 12; n++)
		assert_int_equal(hz_rtx_unwrap(one, n, 96, 1, &back, &bytes), -EBADMSG);
	one[0] = 0x40;
	assert_int_equal(hz_rtx_unwrap(one, 13, 96, 1, &back, &bytes), -EBADMSG);
	uint8_t padded[17] = {0xa0, 97, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x12, 0x34, 'x', 0, 2};
	struct hz_rtp_packet p;
	assert_int_equal(hz_rtx_unwrap(padded, 17, 96, 7, &back, &bytes), 0);
	assert_int_equal(hz_rtp_parse(back, bytes, &p), 0);
	assert_int_equal(p.seq, 0x1234);
	assert_int_equal(p.payload_bytes, 1);
	assert_int_equal(p.payload[0], 'x');
	assert_int_equal(p.ssrc, 7);
	uint8_t nothing[14] = {0x80, 97, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34};
	assert_int_equal(hz_rtx_unwrap(nothing, 14, 96, 7, &back, &bytes), 0); // an original without payload
	assert_int_equal(bytes, 12);
}

static void test_wrap_bounds(void **state)
{
	struct hz_rtx rtx = {1, 2, 97};
	size_t out = 0;
	uint8_t *b = calloc(1, 15); // ASan watches its end
	assert_non_null(b);
	b[0] = 0x80;
	for (size_t room = 0; room < 15; room++)
		assert_int_equal(hz_rtx_wrap(b, 13, room, &rtx, &out), -ENOBUFS);
	assert_int_equal(hz_rtx_wrap(b, 13, 15, &rtx, &out), 0);
	assert_int_equal(out, 15);
	b[0] = 0;
	assert_int_equal(hz_rtx_wrap(b, 13, 15, &rtx, &out), -EBADMSG);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_probes_and_damage),
	    cmocka_unit_test(test_wrap_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
