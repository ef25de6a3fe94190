// RTP headers and header extensions: parsing of good and damaged bytes, writing, patching.
#include "tests/unit/rtp/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/packet.h"
#include "tests/unit/rtp/random.h"

// clang-format off
static const uint8_t plain[] = {0x80, 0xe0, 0x12, 0x34, 0, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef, 'a', 'b'};
static const uint8_t one_byte[] = {
	0x90, 0x60, 0, 7, 0, 0, 0, 2, 1, 2, 3, 4,
	0xbe, 0xde, 0, 3,
	0x10, 0xaa,                 // id 1, 1 byte
	0x00,                       // padding
	0x22, 'm', 'i', 'd',        // id 2, 3 bytes
	0x31, 0xab, 0xcd,           // id 3, 2 bytes
	0x00, 0x00,
	'x'};
static const uint8_t two_byte[] = {
	0x90, 0x60, 0, 7, 0, 0, 0, 2, 1, 2, 3, 4,
	0x10, 0x05, 0, 2,
	200, 0,                     // id 200, empty
	20, 3, 'r', 'i', 'd',
	0,
	'x'};
// clang-format on

// A copy of exactly this size on the heap, so that ASan sees a read past the end.
static uint8_t *exact(const uint8_t *data, size_t bytes)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);
	assert_non_null(copy);
	memcpy(copy, data, bytes);
	return copy;
}

static int parse(const uint8_t *data, size_t bytes)
{
	struct hz_rtp_packet p;
	uint8_t *copy = exact(data, bytes);
	int rc = hz_rtp_parse(copy, bytes, &p);
	free(copy);
	return rc;
}

static void test_fields(void **state)
{
	struct hz_rtp_packet p;
	assert_int_equal(hz_rtp_parse(plain, sizeof(plain), &p), 0);
	assert_true(p.marker);
	assert_int_equal(p.pt, 0x60);
	assert_int_equal(p.seq, 0x1234);
	assert_int_equal(p.ts, 1);
	assert_int_equal(p.ssrc, 0xdeadbeef);
	assert_int_equal(p.header_bytes, 12);
	assert_int_equal(p.payload_bytes, 2);
	assert_int_equal(p.payload[0], 'a');
	assert_null(p.ext);
}

static void test_every_truncation_is_refused_or_shorter(void **state)
{
	struct hz_rtp_packet p;
	for (size_t n = 0; n < 12; n++)
		assert_int_equal(parse(plain, n), -EBADMSG);
	for (size_t n = 0; n < 28; n++)
		assert_int_equal(parse(one_byte, n), -EBADMSG);
	assert_int_equal(parse(one_byte, 28), 0); // no payload is fine
	for (size_t n = 0; n < 24; n++)
		assert_int_equal(parse(two_byte, n), -EBADMSG);
	assert_int_equal(hz_rtp_parse(plain, 12, &p), 0);
	assert_int_equal(p.payload_bytes, 0);
}

static void test_bad_headers(void **state)
{
	static const uint8_t version[] = {0x00, 0x40, 0xc0};
	uint8_t b[64];
	for (size_t i = 0; i < sizeof(version); i++) {
		memcpy(b, plain, sizeof(plain));
		b[0] = version[i];
		assert_int_equal(parse(b, sizeof(plain)), -EBADMSG);
	}
	memcpy(b, plain, sizeof(plain));
	b[0] = 0x81; // one CSRC, two bytes left
	assert_int_equal(parse(b, sizeof(plain)), -EBADMSG);
	b[0] = 0x8f;
	assert_int_equal(parse(b, sizeof(plain)), -EBADMSG);
	b[0] = 0x90; // extension block missing
	assert_int_equal(parse(b, sizeof(plain)), -EBADMSG);
	memcpy(b, one_byte, sizeof(one_byte));
	b[14] = 0xff; // extension length far over the end
	assert_int_equal(parse(b, sizeof(one_byte)), -EBADMSG);
	b[14] = 0;
	b[15] = 4; // by one word
	assert_int_equal(parse(b, sizeof(one_byte)), -EBADMSG);
}

static void test_padding(void **state)
{
	struct hz_rtp_packet p;
	uint8_t b[16] = {0xa0, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9, 0, 3};
	assert_int_equal(hz_rtp_parse(b, 16, &p), 0);
	assert_int_equal(p.payload_bytes, 1);
	assert_int_equal(p.padding_bytes, 3);
	b[15] = 4; // all of it
	assert_int_equal(hz_rtp_parse(b, 16, &p), 0);
	assert_int_equal(p.payload_bytes, 0);
	b[15] = 5; // into the header
	assert_int_equal(parse(b, 16), -EBADMSG);
	b[15] = 255;
	assert_int_equal(parse(b, 16), -EBADMSG);
	b[15] = 0; // the count counts itself
	assert_int_equal(parse(b, 16), -EBADMSG);
	assert_int_equal(parse(b, 12), -EBADMSG); // padded, with nothing there
}

static void test_is_rtcp(void **state)
{
	const uint8_t sr[] = {0x80, 200}, rtp[] = {0x80, 96}, marked[] = {0x80, 96 | 0x80},
	              low[] = {0x80, 191};
	assert_true(hz_rtp_is_rtcp(sr, 2));
	assert_false(hz_rtp_is_rtcp(sr, 1));
	assert_false(hz_rtp_is_rtcp(rtp, 2));
	assert_false(hz_rtp_is_rtcp(marked, 2));
	assert_false(hz_rtp_is_rtcp(low, 2));
}

static void test_ext_find(void **state)
{
	struct hz_rtp_packet p;
	const uint8_t *data;
	size_t bytes;
	assert_int_equal(hz_rtp_parse(one_byte, sizeof(one_byte), &p), 0);
	assert_true(hz_rtp_ext_find(&p, 2, &data, &bytes));
	assert_int_equal(bytes, 3);
	assert_memory_equal(data, "mid", 3);
	assert_true(hz_rtp_ext_find(&p, 3, &data, &bytes));
	assert_int_equal(bytes, 2);
	assert_false(hz_rtp_ext_find(&p, 0, &data, &bytes));
	assert_false(hz_rtp_ext_find(&p, 4, &data, &bytes));
	assert_false(hz_rtp_ext_find(&p, 15, &data, &bytes));
	assert_int_equal(hz_rtp_parse(two_byte, sizeof(two_byte), &p), 0);
	assert_true(hz_rtp_ext_find(&p, 200, &data, &bytes));
	assert_int_equal(bytes, 0);
	assert_true(hz_rtp_ext_find(&p, 20, &data, &bytes));
	assert_memory_equal(data, "rid", 3);
	assert_int_equal(hz_rtp_parse(plain, sizeof(plain), &p), 0);
	assert_false(hz_rtp_ext_find(&p, 1, &data, &bytes));
}

static void test_ext_damage_ends_the_walk(void **state)
{
	struct hz_rtp_packet p;
	const uint8_t *data;
	size_t bytes;
	uint8_t b[sizeof(one_byte)];
	memcpy(b, one_byte, sizeof(b));
	b[23] = 0x3f; // id 3 claims 16 bytes: runs past the block
	assert_int_equal(hz_rtp_parse(b, sizeof(b), &p), 0);
	assert_true(hz_rtp_ext_find(&p, 2, &data, &bytes));
	assert_false(hz_rtp_ext_find(&p, 3, &data, &bytes));
	memcpy(b, one_byte, sizeof(b));
	b[16] = 0xf0; // id 15: stop
	assert_int_equal(hz_rtp_parse(b, sizeof(b), &p), 0);
	assert_false(hz_rtp_ext_find(&p, 2, &data, &bytes));
	memcpy(b, one_byte, sizeof(b));
	b[16] = 0x02; // id 0 with a length
	assert_int_equal(hz_rtp_parse(b, sizeof(b), &p), 0);
	assert_false(hz_rtp_ext_find(&p, 2, &data, &bytes));
	memcpy(b, one_byte, sizeof(b));
	b[12] = 0x77; // unknown profile: opaque
	assert_int_equal(hz_rtp_parse(b, sizeof(b), &p), 0);
	assert_false(hz_rtp_ext_find(&p, 2, &data, &bytes));
	uint8_t c[sizeof(two_byte)];
	memcpy(c, two_byte, sizeof(c));
	c[19] = 5; // one byte more than there is
	assert_int_equal(hz_rtp_parse(c, sizeof(c), &p), 0);
	assert_true(hz_rtp_ext_find(&p, 200, &data, &bytes));
	assert_false(hz_rtp_ext_find(&p, 20, &data, &bytes));
	memcpy(c, two_byte, sizeof(c));
	c[18] = c[19] = c[20] = c[21] = c[22] = 0;
	c[23] = 20; // an id in the last byte, without its length
	assert_int_equal(hz_rtp_parse(c, sizeof(c), &p), 0);
	assert_false(hz_rtp_ext_find(&p, 20, &data, &bytes));
}

static const struct hz_ext_ids all_ids = {.mid = 1,
                                          .rid = 2,
                                          .rrid = 3,
                                          .audio_level = 4,
                                          .abs_send_time = 5,
                                          .twcc = 6,
                                          .orientation = 7,
                                          .playout_delay = 8,
                                          .dependency = 9,
                                          .abs_capture_time = 10};

static void fill_exts(struct hz_rtp_exts *x, const uint8_t *dd, uint8_t dd_bytes)
{
	memset(x, 0, sizeof(*x));
	x->has = 0x3ff;
	strcpy(x->mid, "audio-0");
	strcpy(x->rid, "h");
	strcpy(x->rrid, "sixteen-bytes-ok");
	x->audio_level_dbov = 33;
	x->voice = true;
	x->abs_send_time = 0xabcdef;
	x->twcc_seq = 0xfffe;
	x->orientation = 0x0b;
	x->playout_min_10ms = 0xabc;
	x->playout_max_10ms = 0x123;
	x->dependency = dd;
	x->dependency_bytes = dd_bytes;
	x->abs_capture_bytes = 16;
	memset(x->abs_capture, 0x5a, 16);
}

static void assert_exts_equal(const struct hz_rtp_exts *a, const struct hz_rtp_exts *b)
{
	assert_int_equal(a->has, b->has);
	assert_string_equal(a->mid, b->mid);
	assert_string_equal(a->rid, b->rid);
	assert_string_equal(a->rrid, b->rrid);
	assert_int_equal(a->audio_level_dbov, b->audio_level_dbov);
	assert_int_equal(a->voice, b->voice);
	assert_int_equal(a->abs_send_time, b->abs_send_time);
	assert_int_equal(a->twcc_seq, b->twcc_seq);
	assert_int_equal(a->orientation, b->orientation);
	assert_int_equal(a->playout_min_10ms, b->playout_min_10ms);
	assert_int_equal(a->playout_max_10ms, b->playout_max_10ms);
	assert_int_equal(a->dependency_bytes, b->dependency_bytes);
	assert_memory_equal(a->dependency, b->dependency, a->dependency_bytes);
	assert_memory_equal(a->abs_capture, b->abs_capture, 16);
}

static void check_round_trip(const struct hz_ext_ids *ids, uint8_t dd_bytes, uint16_t profile)
{
	uint8_t dd[64], buf[HZ_RTP_MAX_HEADER_BYTES];
	struct hz_rtp_exts x, y;
	struct hz_rtp_offsets off;
	struct hz_rtp_packet p;
	struct hz_rtp_header h = {.marker = true, .pt = 111, .seq = 65535, .ts = 0xfffffff0, .ssrc = 77};
	memset(dd, 0x99, sizeof(dd));
	fill_exts(&x, dd, dd_bytes);
	assert_int_equal(hz_rtp_write_header(buf, sizeof(buf), &h, &x, ids, &off), 0);
	assert_int_equal(off.header_bytes % 4, 0);
	assert_int_equal(hz_rtp_parse(buf, off.header_bytes, &p), 0);
	assert_int_equal(p.ext_profile, profile);
	assert_int_equal(p.header_bytes, off.header_bytes);
	assert_int_equal(p.seq, 65535);
	assert_int_equal(p.ts, 0xfffffff0);
	assert_true(p.marker);
	hz_rtp_parse_exts(&p, ids, &y);
	assert_exts_equal(&x, &y);

	hz_rtp_patch_twcc(buf, &off, 0x1122);
	hz_rtp_patch_abs_send_time(buf, &off, 1500000);
	h.seq = 3;
	h.marker = false;
	hz_rtp_patch_fixed(buf, &h);
	assert_int_equal(hz_rtp_parse(buf, off.header_bytes, &p), 0);
	hz_rtp_parse_exts(&p, ids, &y);
	assert_int_equal(y.twcc_seq, 0x1122);
	assert_int_equal(y.abs_send_time, 3 << 17); // 1.5 s in 6.18
	assert_int_equal(p.seq, 3);
	assert_false(p.marker);
	x.twcc_seq = 0x1122;
	x.abs_send_time = 3 << 17;
	assert_exts_equal(&x, &y); // the patches touched nothing else

	for (size_t room = 0; room < off.header_bytes; room++)
		assert_int_equal(hz_rtp_write_header(buf, room, &h, &x, ids, &off), -ENOBUFS);
}

static void test_write_round_trip(void **state)
{
	struct hz_ext_ids big = all_ids;
	check_round_trip(&all_ids, 16, 0xbede);
	check_round_trip(&all_ids, 17, 0x1000); // too long for the one-byte form
	check_round_trip(&all_ids, 64, 0x1000); // still fits HZ_RTP_MAX_HEADER_BYTES
	big.twcc = 15;
	check_round_trip(&big, 3, 0x1000);
	big.twcc = 14;
	check_round_trip(&big, 3, 0xbede);
	big.mid = 255;
	check_round_trip(&big, 3, 0x1000);
}

static void test_write_leaves_out(void **state)
{
	uint8_t buf[HZ_RTP_MAX_HEADER_BYTES] = {0};
	struct hz_ext_ids none = {0};
	struct hz_rtp_exts x;
	struct hz_rtp_offsets off;
	struct hz_rtp_header h = {.pt = 96};
	fill_exts(&x, buf, 4);
	assert_int_equal(hz_rtp_write_header(buf, sizeof(buf), &h, &x, &none, &off), 0);
	assert_int_equal(off.header_bytes, 12);
	assert_int_equal(off.twcc_at, 0);
	uint8_t before[12];
	memcpy(before, buf, 12);
	hz_rtp_patch_twcc(buf, &off, 9); // not there: nothing happens
	hz_rtp_patch_abs_send_time(buf, &off, 9);
	assert_memory_equal(before, buf, 12);
	assert_int_equal(hz_rtp_write_header(buf, 12, &h, NULL, &all_ids, &off), 0);
	assert_int_equal(hz_rtp_write_header(buf, 12, &h, &x, NULL, &off), 0);
	assert_int_equal(hz_rtp_write_header(buf, 11, &h, NULL, NULL, &off), -ENOBUFS);
	h.pt = 128;
	assert_int_equal(hz_rtp_write_header(buf, sizeof(buf), &h, NULL, NULL, &off), -EINVAL);
	h.pt = 96;
	x.mid[0] = '\0'; // an empty text is no element
	x.has = HZ_EXT_MID;
	assert_int_equal(hz_rtp_write_header(buf, sizeof(buf), &h, &x, &all_ids, &off), 0);
	assert_int_equal(off.header_bytes, 12);
}

// One extension element of `id` and these bytes in a two-byte block, parsed with all_ids.
static uint32_t has_after(uint8_t id, const void *data, uint8_t bytes, struct hz_rtp_exts *ret)
{
	uint8_t b[12 + 4 + 260] = {0x90, 0x60};
	struct hz_rtp_packet p;
	size_t words = (2u + bytes + 3u) / 4u;
	b[12] = 0x10;
	b[15] = (uint8_t)words;
	b[16] = id;
	b[17] = bytes;
	memcpy(b + 18, data, bytes);
	assert_int_equal(hz_rtp_parse(b, 16 + 4 * words, &p), 0);
	hz_rtp_parse_exts(&p, &all_ids, ret);
	return ret->has;
}

static void test_exts_of_wrong_size_or_text(void **state)
{
	static const uint8_t sizes[][2] = {{4, 0},   {4, 2},   {5, 2}, {5, 4},  {6, 1},  {6, 3},  {7, 0},
	                                   {7, 2},   {8, 2},   {8, 4}, {9, 0},  {10, 0}, {10, 7}, {10, 9},
	                                   {10, 15}, {10, 17}, {1, 0}, {2, 17}, {3, 0},  {1, 200}};
	uint8_t letters[255];
	struct hz_rtp_exts x;
	memset(letters, 'a', sizeof(letters));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(has_after(sizes[i][0], letters, sizes[i][1], &x), 0);
	static const char *const texts[] = {"a b", "a\nb", "\x7f", "caf\xe9", "a\0b", " "};
	static const uint8_t lengths[] = {3, 3, 1, 4, 3, 1};
	for (size_t i = 0; i < 6; i++)
		for (uint8_t id = 1; id <= 3; id++)
			assert_int_equal(has_after(id, texts[i], lengths[i], &x), 0);
	assert_int_equal(has_after(1, "\0\0\0", 3, &x), 0);
	assert_int_equal(has_after(1, "m1\0\0", 4, &x), HZ_EXT_MID); // NULs at the end are taken off
	assert_string_equal(x.mid, "m1");
	assert_int_equal(has_after(1, letters, 16, &x), HZ_EXT_MID);
	assert_int_equal(strlen(x.mid), 16);
	assert_int_equal(has_after(10, letters, 8, &x), HZ_EXT_ABS_CAPTURE_TIME);
}

static void test_first_of_two_counts(void **state)
{
	const uint8_t b[] = {0x90, 0x60, 0,    7,    0, 0, 0,    2,   1,    2,
	                     3,    4,    0xbe, 0xde, 0, 1, 0x10, 'a', 0x10, 'b'};
	struct hz_rtp_packet p;
	struct hz_rtp_exts x;
	assert_int_equal(hz_rtp_parse(b, sizeof(b), &p), 0);
	hz_rtp_parse_exts(&p, &all_ids, &x);
	assert_string_equal(x.mid, "a");
}

static void test_abs_send_time(void **state)
{
	assert_int_equal(hz_abs_send_time(0), 0);
	assert_int_equal(hz_abs_send_time(1000000), 1 << 18);
	assert_int_equal(hz_abs_send_time(64000000), 0); // 64 s: a full turn
	assert_int_equal(hz_abs_send_time(65000000), 1 << 18);
	assert_true(hz_abs_send_time(INT64_MAX) <= 0xffffff);
}

static void test_random_bytes(void **state)
{
	struct hz_test_random r = {42};
	for (int i = 0; i < 50000; i++) {
		uint8_t b[80];
		size_t n = random_below(&r, sizeof(b));
		struct hz_rtp_packet p;
		struct hz_rtp_exts x;
		random_fill(&r, b, n);
		if (n > 16) {
			b[0] = (uint8_t)(0x90 | (b[0] & 0x21));
			b[12 + 4 * (b[0] & 1)] = random_percent(&r, 50) ? 0xbe : 0x10;
			b[13 + 4 * (b[0] & 1)] = b[12 + 4 * (b[0] & 1)] == 0xbe ? 0xde : 0;
			b[14 + 4 * (b[0] & 1)] = 0;
			b[15 + 4 * (b[0] & 1)] &= 0x0f;
		}
		uint8_t *copy = exact(b, n);
		if (hz_rtp_parse(copy, n, &p) == 0) {
			assert_true(p.header_bytes + p.payload_bytes + p.padding_bytes == n);
			hz_rtp_parse_exts(&p, &all_ids, &x);
			assert_true(memchr(x.mid, 0, sizeof(x.mid)));
		}
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_every_truncation_is_refused_or_shorter),
	    cmocka_unit_test(test_bad_headers),
	    cmocka_unit_test(test_padding),
	    cmocka_unit_test(test_is_rtcp),
	    cmocka_unit_test(test_ext_find),
	    cmocka_unit_test(test_ext_damage_ends_the_walk),
	    cmocka_unit_test(test_write_round_trip),
	    cmocka_unit_test(test_write_leaves_out),
	    cmocka_unit_test(test_exts_of_wrong_size_or_text),
	    cmocka_unit_test(test_first_of_two_counts),
	    cmocka_unit_test(test_abs_send_time),
	    cmocka_unit_test(test_random_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
