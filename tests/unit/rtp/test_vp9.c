#include <errno.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "media/api.h"
#include "media/rtp/keyframe.h"
#include "media/rtp/vp9.h"

static void a_layer_of_a_superframe(void **state)
{
	// I P L B E | 15-bit id 0x1234 | T 2 U S 1 D | TL0 9 | frame
	static const uint8_t p[] = {0xec, 0x92, 0x34, 0x53, 9, 0xaa};
	struct hz_vp9_descriptor d;
	assert_int_equal(hz_vp9_parse(p, sizeof(p), &d), 0);
	assert_int_equal(d.picture_id, 0x1234);
	assert_int_equal(d.picture_id_bits, 15);
	assert_true(d.inter_picture && d.has_layers && d.start && d.end && d.up_switch && d.inter_layer);
	assert_false(d.flexible || d.not_for_upper);
	assert_int_equal(d.temporal_id, 2);
	assert_int_equal(d.spatial_id, 1);
	assert_int_equal(d.tl0_pic_idx, 9);
	assert_int_equal(d.header_bytes, 5);
	for (size_t n = 0; n < sizeof(p); n++)
		assert_int_equal(hz_vp9_parse(p, n, &d), -EBADMSG);

	struct hz_frame_info info;
	assert_int_equal(hz_frame_inspect(HZ_CODEC_VP9, p, sizeof(p), &info), 0);
	assert_true(info.layers && info.layer_end && info.up_switch);
	assert_false(info.frame_start || info.keyframe_start); // spatial layer 1 begins no picture
}

static void flexible_references_and_structure(void **state)
{
	// I P L F V | 7-bit id | T 0 S 0 | P_DIFF 1 N, 2 | SS: 2 layers, Y, G | sizes | 2 pictures
	static const uint8_t p[] = {0xf2, 0x05, 0x00, 0x03, 0x04, 0x38, 1,    64, 0,    180, 2,
	                            128,  1,    104,  2,    0x04, 1,    0x58, 1,  0x02, 0xaa};
	struct hz_vp9_descriptor d;
	assert_int_equal(hz_vp9_parse(p, sizeof(p), &d), 0);
	assert_true(d.flexible);
	assert_int_equal(d.picture_id_bits, 7);
	assert_int_equal(d.spatial_count, 2);
	assert_int_equal(d.width[0], 320);
	assert_int_equal(d.height[1], 360);
	static const uint8_t three[] = {0xd0, 0x05, 0x03, 0x03, 0x02, 0xaa};
	assert_int_equal(hz_vp9_parse(three, sizeof(three), &d), 0);
	assert_int_equal(d.header_bytes, 5);
	assert_int_equal(hz_vp9_parse(three, 5, &d), -EBADMSG);
}

static void keyframes(void **state)
{
	static const uint8_t key[] = {0xa8, 0x05, 0x00, 0, 0xaa};
	static const uint8_t delta[] = {0xe8, 0x05, 0x00, 0, 0xaa};
	static const uint8_t upper[] = {0xa8, 0x05, 0x02, 0, 0xaa};
	struct hz_frame_info info;
	assert_int_equal(hz_frame_inspect(HZ_CODEC_VP9, key, sizeof(key), &info), 0);
	assert_true(info.keyframe_start);
	assert_int_equal(hz_frame_inspect(HZ_CODEC_VP9, delta, sizeof(delta), &info), 0);
	assert_true(info.frame_start && !info.keyframe_start);
	assert_int_equal(hz_frame_inspect(HZ_CODEC_VP9, upper, sizeof(upper), &info), 0);
	assert_false(info.keyframe_start);
	assert_int_equal(info.spatial_id, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_layer_of_a_superframe),
	    cmocka_unit_test(flexible_references_and_structure),
	    cmocka_unit_test(keyframes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
