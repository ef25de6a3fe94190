// Parity packets: read, and the one packet that is missing made from the others.
#include <errno.h>
#include <stdlib.h>

#include "tests/unit/rtp/cmocka_all.h"
#include "tests/unit/rtp/fec_write.h"
#include "tests/unit/rtp/random.h"

#include "media/rtp/ulpfec.h"

#define MAX 48

static const struct hz_ext_ids ids = {.mid = 1, .twcc = 5, .abs_send_time = 7};

struct world {
	uint8_t data[MAX][1600];
	size_t bytes[MAX];
	const uint8_t *packet[MAX];
	uint8_t fec[2048];
	size_t fec_bytes;
};

// Packets of different lengths, marker bits, timestamps, extensions and numbers (with gaps, over the wrap).
static void make(struct world *w, unsigned count, uint16_t first, unsigned gap, uint32_t seed)
{
	struct hz_test_random rnd = {seed};
	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < count; i++) {
		struct hz_rtp_header h = {.ts = 3000 * (seed + i),
		                          .ssrc = 77,
		                          .seq = (uint16_t)(first + i * gap),
		                          .pt = i % 3 ? 96 : 98,
		                          .marker = i % 4 == 3};
		struct hz_rtp_exts exts = {.has =
		                               HZ_EXT_TWCC | HZ_EXT_ABS_SEND_TIME | (i % 2 ? HZ_EXT_MID : 0),
		                           .twcc_seq = (uint16_t)random_below(&rnd, 65536),
		                           .abs_send_time = random_below(&rnd, 1 << 24),
		                           .mid = "video"};
		struct hz_rtp_offsets at;
		assert_int_equal(
		    hz_rtp_write_header(w->data[i], 256, &h, i % 5 == 4 ? NULL : &exts, &ids, &at), 0);
		size_t payload = 1 + random_below(&rnd, i % 7 ? 1200 : 3);
		for (size_t k = 0; k < payload; k++)
			w->data[i][at.header_bytes + k] = (uint8_t)random_below(&rnd, 256);
		w->bytes[i] = at.header_bytes + payload;
		w->packet[i] = w->data[i];
	}
}

static void each_is_made_from_the_others(struct world *w, unsigned count, uint16_t first, unsigned gap)
{
	struct hz_ulpfec fec;
	assert_int_equal(hz_ulpfec_parse(w->fec, w->fec_bytes, &fec), 0);
	assert_int_equal(fec.base, first);
	assert_int_equal(fec.span, (count - 1) * gap + 1);
	assert_int_equal(__builtin_popcountll(fec.mask), count);
	for (unsigned lost = 0; lost < count; lost++) {
		struct hz_ulpfec_sum sum;
		struct hz_rtp_packet p;
		memset(&sum, 0xa5, sizeof(sum));
		hz_ulpfec_begin(&sum, &fec);
		for (unsigned i = 0; i < count; i++) {
			if (i == lost)
				continue;
			assert_int_equal(hz_rtp_parse(w->data[i], w->bytes[i], &p), 0);
			hz_ulpfec_add(&sum, &p, &ids);
		}
		assert_int_equal(hz_ulpfec_end(&sum, (uint16_t)(first + lost * gap), 77, &p), 0);
		uint8_t want[1600];
		memcpy(want, w->data[lost], w->bytes[lost]);
		fec_zero(want, w->bytes[lost], ids.twcc);
		fec_zero(want, w->bytes[lost], ids.abs_send_time);
		assert_int_equal(p.bytes, w->bytes[lost]);
		assert_memory_equal(p.data, want, p.bytes);
	}
}

static void every_position(void **state)
{
	static const struct {
		unsigned count, gap;
		uint16_t first;
		bool is_long;
	} cases[] = {{1, 1, 5, false}, {2, 1, 65535, false}, {5, 3, 65530, false}, {16, 1, 100, false},
	             {3, 2, 9, true},  {16, 3, 65520, true}, {48, 1, 7, true},     {48, 1, 65500, true}};
	struct world *w = malloc(sizeof(*w));
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		make(w, cases[i].count, cases[i].first, cases[i].gap, i + 1);
		w->fec_bytes = fec_write(w->fec, w->packet, w->bytes, cases[i].count, &ids, cases[i].is_long);
		each_is_made_from_the_others(w, cases[i].count, cases[i].first, cases[i].gap);
	}
	free(w);
}

static void damaged_ones_are_refused(void **state)
{
	struct world *w = malloc(sizeof(*w));
	struct hz_ulpfec fec;
	for (unsigned is_long = 0; is_long < 2; is_long++) {
		make(w, 3, 10, 1, 5);
		w->fec_bytes = fec_write(w->fec, w->packet, w->bytes, 3, &ids, is_long);
		for (size_t n = 0; n < w->fec_bytes; n++) { // at its exact size, for ASan
			uint8_t *cut = malloc(n ? n : 1);
			memcpy(cut, w->fec, n);
			assert_int_equal(hz_ulpfec_parse(cut, n, &fec), -EBADMSG);
			free(cut);
		}
		assert_int_equal(hz_ulpfec_parse(w->fec, w->fec_bytes + 4, &fec),
		                 0); // another level: not looked at
		w->fec[0] |= 0x80;
		assert_int_equal(hz_ulpfec_parse(w->fec, w->fec_bytes, &fec), -EBADMSG);
		w->fec[0] &= 0x7f;
		memset(w->fec + 12, 0, is_long ? 6 : 2);
		assert_int_equal(hz_ulpfec_parse(w->fec, w->fec_bytes, &fec), -EBADMSG);
	}
	uint8_t huge[4096] = {0};
	hz_put16(huge + 10, HZ_ULPFEC_MAX_BYTES - 11);
	huge[12] = 0x80;
	assert_int_equal(hz_ulpfec_parse(huge, sizeof(huge), &fec), -EBADMSG);
	free(w);
}

// A protected packet longer than the protection, sums that make no packet.
static void what_cannot_be_is_not_made(void **state)
{
	struct world *w = malloc(sizeof(*w));
	struct hz_ulpfec_sum sum;
	struct hz_ulpfec fec;
	struct hz_rtp_packet p;
	make(w, 2, 10, 1, 5);
	w->fec_bytes = fec_write(w->fec, w->packet, w->bytes, 2, &ids, false);
	hz_put16(w->fec + 8, 0xffff);
	assert_int_equal(hz_ulpfec_parse(w->fec, w->fec_bytes, &fec), 0);
	hz_ulpfec_begin(&sum, &fec);
	assert_int_equal(hz_rtp_parse(w->data[0], w->bytes[0], &p), 0);
	hz_ulpfec_add(&sum, &p, &ids);
	assert_int_equal(hz_ulpfec_end(&sum, 11, 77, &p), -EBADMSG);

	make(w, 1, 10, 1, 5);
	w->fec_bytes = fec_write(w->fec, w->packet, w->bytes, 1, &ids, false);
	w->fec[0] |= 0x0f; // more CSRCs than there are bytes
	hz_put16(w->fec + 8, 8);
	assert_int_equal(hz_ulpfec_parse(w->fec, w->fec_bytes, &fec), 0);
	hz_ulpfec_begin(&sum, &fec);
	assert_int_equal(hz_ulpfec_end(&sum, 10, 77, &p), -EBADMSG);
	free(w);
}

// Random parity and random packets: nothing is read or written where it may not.
static void noise(void **state)
{
	struct hz_test_random rnd = {99};
	for (unsigned n = 0; n < 20000; n++) {
		struct hz_ulpfec fec;
		struct hz_rtp_packet p;
		size_t bytes = random_below(&rnd, 80);
		uint8_t *b = malloc(bytes ? bytes : 1);
		for (size_t i = 0; i < bytes; i++)
			b[i] = (uint8_t)random_below(&rnd, 256);
		if (bytes > 11) {
			b[0] &= 0x7f;
			hz_put16(b + 10, (uint16_t)random_below(&rnd, 80));
		}
		if (!hz_ulpfec_parse(b, bytes, &fec)) {
			struct hz_ulpfec_sum sum;
			uint8_t other[60] = {0x80};
			assert_in_range(fec.span, 1, HZ_ULPFEC_MAX_SPAN);
			assert_true(fec.data + fec.bytes <= b + bytes);
			hz_ulpfec_begin(&sum, &fec);
			for (size_t i = 1; i < sizeof(other); i++)
				other[i] = (uint8_t)random_below(&rnd, 256);
			other[0] |= (uint8_t)random_below(&rnd, 64);
			if (!hz_rtp_parse(other, sizeof(other), &p))
				hz_ulpfec_add(&sum, &p, &ids);
			if (!hz_ulpfec_end(&sum, 1, 2, &p))
				assert_true(p.bytes <= 12u + fec.bytes);
		}
		free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_position),
	    cmocka_unit_test(damaged_ones_are_refused),
	    cmocka_unit_test(what_cannot_be_is_not_made),
	    cmocka_unit_test(noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
