// Payload inspection: VP8, H.264, VP9, AV1; every truncation, damaged aggregates.
#include "tests/unit/rtp/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/api.h"
#include "media/rtp/keyframe.h"
#include "tests/unit/rtp/random.h"

static int vp8(const void *data, size_t bytes, struct hz_vp8_descriptor *d)
{
	uint8_t *copy = malloc(bytes ? bytes : 1); // ASan watches its end
	assert_non_null(copy);
	memcpy(copy, data, bytes);
	int rc = hz_vp8_parse(copy, bytes, d);
	free(copy);
	return rc;
}

static int inspect(uint8_t codec, const void *data, size_t bytes, struct hz_frame_info *info)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);
	assert_non_null(copy);
	memcpy(copy, data, bytes);
	int rc = hz_frame_inspect(codec, copy, bytes, info);
	free(copy);
	return rc;
}

// X S, I L T K, picture id 15 bits 0x1234, TL0 9, TID 2 Y KEYIDX 5, then a 640x360 keyframe's first 10 bytes
static const uint8_t vp8_key[] = {0x90, 0xf0, 0x92, 0x34, 9,    0xa5, 0x10, 0x02,
                                  0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};

static void test_vp8_full(void **state)
{
	struct hz_vp8_descriptor d;
	assert_int_equal(vp8(vp8_key, sizeof(vp8_key), &d), 0);
	assert_int_equal(d.header_bytes, 6);
	assert_int_equal(d.picture_id_bits, 15);
	assert_int_equal(d.picture_id, 0x1234);
	assert_int_equal(d.picture_id_at, 2);
	assert_int_equal(d.tl0_pic_idx, 9);
	assert_int_equal(d.tl0_at, 4);
	assert_int_equal(d.temporal_id, 2);
	assert_true(d.has_tid && d.has_keyidx && d.layer_sync && d.start && d.keyframe);
	assert_int_equal(d.key_idx, 5);
	assert_int_equal(d.key_at, 5);
	assert_int_equal(d.width, 640);
	assert_int_equal(d.height, 360);
	for (size_t n = 0; n <= 6; n++)
		assert_int_equal(vp8(vp8_key, n, &d), -EBADMSG);
	for (size_t n = 7; n < 16; n++) { // a key frame's start, too short to tell the size
		assert_int_equal(vp8(vp8_key, n, &d), 0);
		assert_true(d.keyframe && d.width == 0 && d.height == 0);
	}
}

static void test_vp8_forms(void **state)
{
	struct hz_vp8_descriptor d;
	assert_int_equal(vp8("\x10\x00", 2, &d), 0); // no extension
	assert_true(d.start && d.keyframe && d.picture_id_bits == 0 && d.header_bytes == 1);
	assert_int_equal(vp8("\x10\x01", 2, &d), 0);
	assert_true(d.start && !d.keyframe);
	assert_int_equal(vp8("\x00\x00", 2, &d), 0); // S not set
	assert_true(!d.start && !d.keyframe);
	assert_int_equal(vp8("\x11\x00", 2, &d), 0); // another partition begins
	assert_true(!d.start && !d.keyframe);
	assert_int_equal(vp8("\x30\x01", 2, &d), 0);
	assert_true(d.non_reference);
	assert_int_equal(vp8("\x90\x80\x7f\x01", 4, &d), 0);
	assert_true(d.picture_id_bits == 7 && d.picture_id == 0x7f && d.header_bytes == 3);
	assert_int_equal(vp8("\x90\x20\xdf\x01", 4, &d), 0); // T without K: KEYIDX bits mean nothing
	assert_true(d.has_tid && !d.has_keyidx && d.temporal_id == 3 && d.key_idx == 0);
	assert_int_equal(vp8("\x90\x10\xff\x01", 4, &d), 0); // K without T
	assert_true(!d.has_tid && d.has_keyidx && d.temporal_id == 0 && !d.layer_sync && d.key_idx == 31);
	assert_int_equal(vp8("\x90\x80\x80", 3, &d), -EBADMSG);     // second byte of the id missing
	assert_int_equal(vp8("\x90\x80\x80\x01", 4, &d), -EBADMSG); // nothing follows
	assert_int_equal(vp8("\x90", 1, &d), -EBADMSG);
	assert_int_equal(vp8("\x90\x00", 2, &d), -EBADMSG);
	assert_int_equal(vp8("\x90\x40\x01", 3, &d), -EBADMSG);
	assert_int_equal(vp8("\x90\x10\x01", 3, &d), -EBADMSG);
	assert_int_equal(vp8("", 0, &d), -EBADMSG);
}

static int h264(const void *data, size_t bytes, struct hz_h264_info *info)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);
	assert_non_null(copy);
	memcpy(copy, data, bytes);
	int rc = hz_h264_parse(copy, bytes, info);
	free(copy);
	return rc;
}

static void test_h264_single(void **state)
{
	struct hz_h264_info i;
	assert_int_equal(h264("\x67\x42\xe0\x1f\x11", 5, &i), 0); // SPS
	assert_true(i.frame_start && i.keyframe_start);
	assert_true(i.profile_idc == 0x42 && i.constraints == 0xe0 && i.level_idc == 0x1f);
	assert_int_equal(h264("\x67\x42", 2, &i), 0); // cut off: no profile
	assert_int_equal(i.profile_idc, 0);
	assert_int_equal(h264("\x65\x88", 2, &i), 0); // IDR, first_mb 0
	assert_true(i.frame_start && i.keyframe_start);
	assert_int_equal(h264("\x65\x48", 2, &i), 0); // IDR, a later slice
	assert_true(!i.frame_start && !i.keyframe_start);
	assert_int_equal(h264("\x41\x9a", 2, &i), 0);
	assert_true(i.frame_start && !i.keyframe_start);
	assert_int_equal(h264("\x41", 1, &i), 0); // a slice without a byte
	assert_false(i.frame_start);
	static const char *const others[] = {"\x06\x01", "\x68\xce", "\x09\xf0"};
	for (size_t k = 0; k < 3; k++) {
		assert_int_equal(h264(others[k], 2, &i), 0);
		assert_true(i.frame_start && !i.keyframe_start);
	}
	assert_int_equal(h264("\x0c\xff", 2, &i), 0); // filler
	assert_false(i.frame_start);
}

static void test_h264_stap_a(void **state)
{
	static const uint8_t stap[] = {0x78, 0, 4, 0x67, 0x64, 0, 0x28, 0, 2, 0x68, 0xce, 0, 2, 0x65, 0x88};
	struct hz_h264_info i;
	assert_int_equal(h264(stap, sizeof(stap), &i), 0);
	assert_true(i.keyframe_start && i.frame_start);
	assert_int_equal(i.nal_types, 1u << 7 | 1u << 8 | 1u << 5);
	assert_int_equal(i.profile_idc, 0x64);
	assert_int_equal(h264(stap, 7, &i), 0); // ends at a unit's border
	assert_int_equal(h264(stap, 11, &i), 0);
	for (size_t n = 0; n < sizeof(stap); n++)
		if (n != 7 && n != 11)
			assert_int_equal(h264(stap, n, &i), -EBADMSG);
	assert_int_equal(h264("\x78\0\0\x67", 4, &i), -EBADMSG);     // a unit of no bytes
	assert_int_equal(h264("\x78\0\1\x67\0\0", 6, &i), -EBADMSG); // then a size without a unit
	assert_int_equal(h264("\x78\xff\xff\x67", 4, &i), -EBADMSG); // past the end
	assert_int_equal(h264("\x78\0\1\x78", 4, &i), -EBADMSG);     // aggregate in an aggregate
	assert_int_equal(h264("\x78\0\1\x7c", 4, &i), -EBADMSG);     // fragment in an aggregate
	assert_int_equal(h264("\x78\0\1\x60", 4, &i), -EBADMSG);     // type 0
	assert_int_equal(h264("\x78\0\1\xe7", 4, &i), -EBADMSG);     // forbidden bit
}

static void test_h264_fu_a(void **state)
{
	struct hz_h264_info i;
	assert_int_equal(h264("\x7c\x85\x88", 3, &i), 0);
	assert_true(i.keyframe_start && i.frame_start);
	assert_int_equal(h264("\x7c\x05\x88", 3, &i), 0); // a middle
	assert_true(!i.keyframe_start && !i.frame_start && i.nal_types == 0);
	assert_int_equal(h264("\x7c\x45\x88", 3, &i), 0); // the end
	assert_false(i.keyframe_start);
	assert_int_equal(h264("\x5c\x81\x9a", 3, &i), 0);
	assert_true(i.frame_start && !i.keyframe_start);
	assert_int_equal(h264("\x7c\x85", 2, &i), -EBADMSG);
	assert_int_equal(h264("\x7c", 1, &i), -EBADMSG);
	assert_int_equal(h264("\x7c\xc5\x88", 3, &i), -EBADMSG); // start and end
	assert_int_equal(h264("\x7c\x80\x88", 3, &i), -EBADMSG); // type 0
	assert_int_equal(h264("\x7c\x98\x88", 3, &i), -EBADMSG); // fragment of an aggregate
}

static void test_h264_refused(void **state)
{
	static const uint8_t types[] = {0, 25, 26, 27, 29, 30, 31};
	struct hz_h264_info i;
	assert_int_equal(h264("", 0, &i), -EBADMSG);
	for (size_t k = 0; k < sizeof(types); k++) {
		uint8_t b[8] = {(uint8_t)(0x60 | types[k]), 0x85, 0, 2, 1, 1, 1, 1};
		assert_int_equal(h264(b, sizeof(b), &i), -EBADMSG);
	}
	assert_int_equal(h264("\xe7\x42\xe0\x1f", 4, &i), -EBADMSG);
}

static void test_vp9(void **state)
{
	// I B V, 15-bit picture id; SS: 2 spatial layers with sizes
	static const uint8_t key[] = {0x8a, 0x81, 0x23, 0x30, 0x01, 0x40, 0x00,
	                              0xb4, 0x02, 0x80, 0x01, 0x68, 0xaa};
	struct hz_frame_info f;
	assert_int_equal(inspect(HZ_CODEC_VP9, key, sizeof(key), &f), 0);
	assert_true(f.frame_start && f.keyframe_start && f.width == 640 && f.height == 360);
	for (size_t n = 0; n < sizeof(key); n++)
		assert_int_equal(inspect(HZ_CODEC_VP9, key, n, &f), -EBADMSG);
	assert_int_equal(inspect(HZ_CODEC_VP9, "\xc8\x01\xaa", 3, &f), 0); // P: inter
	assert_true(f.frame_start && !f.keyframe_start);
	assert_int_equal(inspect(HZ_CODEC_VP9, "\x80\x01\xaa", 3, &f), 0); // not the beginning
	assert_true(!f.frame_start && !f.keyframe_start);
	assert_int_equal(inspect(HZ_CODEC_VP9, "\xa8\x01\x42\x07\xaa", 5, &f), 0); // upper spatial layer
	assert_true(!f.frame_start && !f.keyframe_start && f.spatial_id == 1 && f.temporal_id == 2);
	assert_int_equal(inspect(HZ_CODEC_VP9, "\xd8\x01\x03\x03\x03\xaa", 6, &f), 0); // three P_DIFF at most
	assert_int_equal(inspect(HZ_CODEC_VP9, "\xd8\x01\x03\x03\x03", 5, &f), -EBADMSG);
}

static void test_av1(void **state)
{
	struct hz_frame_info f;
	assert_int_equal(inspect(HZ_CODEC_AV1, "\x18\x0a\x0b", 3, &f), 0); // N, W 1, sequence header
	assert_true(f.frame_start && f.keyframe_start);
	assert_int_equal(inspect(HZ_CODEC_AV1, "\x10\x32\x00", 3, &f), 0); // a frame
	assert_true(f.frame_start && !f.keyframe_start);
	assert_int_equal(inspect(HZ_CODEC_AV1, "\x90\x32\x00", 3, &f), 0); // continues
	assert_true(!f.frame_start && !f.keyframe_start);
	assert_int_equal(inspect(HZ_CODEC_AV1, "\x20\x81\x01\x0a", 4, &f),
	                 0); // W 2: with a length of two bytes
	assert_true(f.frame_start);
	assert_int_equal(inspect(HZ_CODEC_AV1, "\x10\x20", 2, &f), 0); // tile group
	assert_false(f.frame_start);
	assert_int_equal(inspect(HZ_CODEC_AV1, "\x98\x0a", 2, &f), -EBADMSG); // new sequence that continues
	assert_int_equal(inspect(HZ_CODEC_AV1, "\x10\x8a", 2, &f), -EBADMSG); // forbidden bit
	assert_int_equal(inspect(HZ_CODEC_AV1, "\x18", 1, &f), -EBADMSG);
	assert_int_equal(inspect(HZ_CODEC_AV1, "", 0, &f), -EBADMSG);
	assert_int_equal(inspect(HZ_CODEC_AV1, "\x00\x80\x80\x80", 4, &f), -EBADMSG); // length without an end
	assert_int_equal(inspect(HZ_CODEC_AV1, "\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80", 10, &f), -EBADMSG);
}

static void test_other_codecs(void **state)
{
	struct hz_frame_info f;
	assert_int_equal(inspect(HZ_CODEC_OPUS, "\x10\x00", 2, &f), -ENOTSUP);
	assert_int_equal(inspect(HZ_CODEC_NONE, "\x10\x00", 2, &f), -ENOTSUP);
	assert_int_equal(inspect(200, "\x10\x00", 2, &f), -ENOTSUP);
	assert_int_equal(inspect(HZ_CODEC_VP8, vp8_key, sizeof(vp8_key), &f), 0);
	assert_true(f.keyframe_start && f.width == 640 && f.temporal_id == 2);
	assert_int_equal(inspect(HZ_CODEC_H264_HIGH, "\x65\x88", 2, &f), 0);
	assert_true(f.keyframe_start);
	assert_int_equal(inspect(HZ_CODEC_H264_CB, "\x60", 1, &f), -EBADMSG);
}

static void test_random_bytes(void **state)
{
	struct hz_test_random rnd = {3};
	for (int i = 0; i < 100000; i++) {
		uint8_t b[32];
		struct hz_frame_info f = {0};
		size_t n = random_below(&rnd, sizeof(b));
		random_fill(&rnd, b, n);
		int rc = inspect((uint8_t)random_below(&rnd, HZ_CODEC_COUNT), b, n, &f);
		assert_true(rc == 0 || rc == -EBADMSG || rc == -ENOTSUP);
		assert_true(f.temporal_id < 8 && f.spatial_id < 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vp8_full),     cmocka_unit_test(test_vp8_forms),
	    cmocka_unit_test(test_h264_single),  cmocka_unit_test(test_h264_stap_a),
	    cmocka_unit_test(test_h264_fu_a),    cmocka_unit_test(test_h264_refused),
	    cmocka_unit_test(test_vp9),          cmocka_unit_test(test_av1),
	    cmocka_unit_test(test_other_codecs), cmocka_unit_test(test_random_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
