// One source with its masks painted over: no picture of it ever goes out without, whatever its size, its sender or control does.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <libavutil/log.h>

#include "gateway/base/ring.h"
#include "media/picture/mask.h"
#include "tests/unit/mosaic/fake_rig.h"

#define GREY 126
static const struct hz_colour grey = {GREY, 128, 128};

// Upper left: 10 % .. 40 % across, 5 % .. 25 % down.
static struct hz_mosaic_rendition_set solo_of(uint32_t id, uint32_t member)
{
	return (struct hz_mosaic_rendition_set){.rendition = id,
	                                        .consult = CONSULT,
	                                        .workers = 2,
	                                        .ssrc = 5000 + id,
	                                        .height = 720,
	                                        .codec = HZ_CODEC_H264_CB,
	                                        .pt = 98,
	                                        .member = member,
	                                        .fill = GREY,
	                                        .mask_count = 1,
	                                        .mask = {{1000, 500, 3000, 2000}}};
}

static int set_solo(struct rig *r, struct hz_mosaic_rendition_set set)
{
	return rig_command(r, &set, HZ_MOSAIC_RENDITION_SET, sizeof(set));
}

static struct fake_viewer *watch_solo(struct rig *r, uint32_t id, uint32_t member)
{
	struct fake_viewer *v = &r->viewer[r->viewers++];
	fake_viewer_init(v, HZ_CODEC_H264_CB, 5000 + id);
	assert_int_equal(set_solo(r, solo_of(id, member)), 0);
	return v;
}

static void check_masked(const struct fake_viewer *v, struct hz_colour around)
{
	assert_true(fake_same(fake_viewer_at(v, 320, 108), grey)); // its middle
	assert_true(fake_same(fake_viewer_at(v, 134, 42), grey));  // its corners
	assert_true(fake_same(fake_viewer_at(v, 506, 174), grey));
	assert_true(fake_same(fake_viewer_at(v, 640, 108), around)); // beside it
	assert_true(fake_same(fake_viewer_at(v, 320, 260), around));
	assert_true(fake_same(fake_viewer_at(v, 1200, 690), around)); // no bar, no caption
}

// --- pixels

static void paints_every_format(void **state)
{
	static const int formats[] = {AV_PIX_FMT_YUV420P,     AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_NV12,
	                              AV_PIX_FMT_YUV444P,     AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV422P,
	                              AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_GRAY8};
	const struct hz_rect rect = {4, 2, 6, 4};
	(void)state;
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		AVFrame *f = av_frame_alloc();
		f->width = 17; // odd: chroma is rounded up
		f->height = 9;
		f->format = formats[i];
		assert_int_equal(av_frame_get_buffer(f, 0), 0);
		int deep = formats[i] == AV_PIX_FMT_YUV420P10LE;
		for (int y = 0; y < 9; y++)
			memset(f->data[0] + (long)y * f->linesize[0], 3, (size_t)17 << deep);
		assert_int_equal(hz_mask_paint(f, rect, GREY), 0);
		for (int y = 0; y < 9; y++) {
			for (int x = 0; x < 17; x++) {
				const uint8_t *at = f->data[0] + (long)y * f->linesize[0] + ((long)x << deep);
				int value = deep ? (at[0] | at[1] << 8) : at[0];
				bool in = x >= 4 && x < 10 && y >= 2 && y < 6;
				assert_int_equal(value, in ? GREY << 2 * deep : deep ? 0x303 : 3);
			}
		}
		const struct hz_rect all = {0, 0, 17, 9};
		assert_int_equal(hz_mask_paint(f, all, GREY), 0); // to the last odd sample: ASan looks on
		av_frame_free(&f);
	}
	AVFrame rgb = {.format = AV_PIX_FMT_RGB24}, none = {.format = -1};
	assert_int_equal(hz_mask_paint(&rgb, rect, GREY), -ENOTSUP);
	assert_int_equal(hz_mask_paint(&none, rect, GREY), -ENOTSUP);
}

static void rounds_outwards(void **state)
{
	const uint16_t part[4] = {1000, 500, 3000, 2000}, all[4] = {0, 0, 10000, 10000},
	               least[4] = {9999, 9999, 1, 1};
	(void)state;
	struct hz_rect r = hz_mask_rect(part, 1919, 1079);
	assert_true(r.x % 2 == 0 && r.x <= 191 - HZ_MASK_MARGIN && r.x + r.w >= 768 + HZ_MASK_MARGIN);
	assert_true(r.y % 2 == 0 && r.y <= 53 - HZ_MASK_MARGIN && r.y + r.h >= 270 + HZ_MASK_MARGIN);
	r = hz_mask_rect(all, 1919, 1079);
	assert_true(r.x == 0 && r.y == 0 && r.w == 1919 && r.h == 1079);
	r = hz_mask_rect(least, 16, 16);
	assert_true(r.x + r.w == 16 && r.y + r.h == 16 && r.w > 0 && r.h > 0);
}

// --- what goes out

static void every_picture_is_masked(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 2);
	struct fake_viewer *v = watch_solo(r, 1, 1);
	for (unsigned i = 0; i < 30; i++) {
		rig_tick(r);
		if (v->pictures)
			check_masked(v, rig_colour[0]);
	}
	assert_in_range(v->pictures, 25, 30);
	rig_add_viewer(r, 2, 720, HZ_CODEC_H264_CB); // the consult's own picture has nothing painted over
	rig_run(r, 25);
	check_masked(v, rig_colour[0]);
	assert_int_equal(r->tiles.count, 2);
	const struct fake_viewer *whole = &r->viewer[1];
	assert_true(fake_same(fake_viewer_at(whole, 200, 360), rig_colour[0]));
	assert_false(fake_same(fake_viewer_at(whole, 320, 108), grey));
}

// Of two sources the one that nobody watches is not decoded.
static void costs_what_it_shows(void **state)
{
	struct rig *r = *state;
	struct hz_mosaic_status s = {0};
	rig_add_cameras(r, 2);
	watch_solo(r, 1, 1);
	rig_run(r, 25);
	hz_mosaic_status(r->mosaic, &s);
	assert_in_range(s.decoded, 20, 26);
	struct hz_mosaic_rendition_set none = solo_of(1, 1);
	none.workers = 0;
	assert_int_equal(set_solo(r, none), 0);
	assert_true(hz_mosaic_tick(r->mosaic, r->now_us + 40000, 0) > r->now_us + 1000000); // it rests
}

static void other_sizes(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 1);
	struct fake_viewer *v = watch_solo(r, 1, 1);
	rig_run(r, 10);
	unsigned before = v->pictures;
	fake_camera_size(&r->camera[0], 960, 540);
	for (unsigned i = 0; i < 20; i++) {
		rig_tick(r);
		check_masked(v, rig_colour[0]);
	}
	assert_true(v->pictures > before + 10);
}

// A phone held sideways, that says so with every picture or with keyframes alone: regions are parts of the upright picture.
static void turned_sources(void **state)
{
	struct rig *r = *state;
	struct hz_mosaic_member_set m = rig_member_of(1);
	m.orientation = FAKE_ORIENTATION;
	rig_add_cameras(r, 1);
	assert_int_equal(rig_set_member(r, m), 0);
	r->camera[0].turn = 1;
	struct fake_viewer *v = watch_solo(r, 1, 1);
	for (unsigned sparing = 0; sparing < 2; sparing++) {
		r->camera[0].sparing = sparing;
		rig_run(r, 10);
		assert_true(
		    fake_same(fake_viewer_at(v, 538, 108), grey)); // upright it is 405 wide, in the middle
		assert_true(fake_same(fake_viewer_at(v, 490, 50), grey));
		assert_true(fake_same(fake_viewer_at(v, 760, 80), HZ_COLOUR_TEXT));
		assert_true(fake_same(fake_viewer_at(v, 640, 400), rig_colour[0]));
	}
}

// Other masks are another rendition: what the old one sent was made with the old ones, and one does not become the other.
static void masks_are_for_life(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 2);
	struct hz_mosaic_rendition_set set = solo_of(1, 1);
	assert_int_equal(set_solo(r, set), 0);
	assert_int_equal(set_solo(r, set), 0);
	set.mask[0].w--;
	assert_int_equal(set_solo(r, set), -EEXIST);
	set = solo_of(1, 1);
	set.fill = 16;
	assert_int_equal(set_solo(r, set), -EEXIST);
	assert_int_equal(set_solo(r, solo_of(1, 2)), -EEXIST);
	set = solo_of(1, 0);
	set.mask_count = 0;
	assert_int_equal(set_solo(r, set), -EEXIST); // nor the composed picture
	assert_int_equal(rig_set_rendition(r, 2, 720, HZ_CODEC_H264_CB), 0);
	assert_int_equal(set_solo(r, solo_of(2, 1)), -EEXIST);
}

static void bad_masks(void **state)
{
	struct rig *r = *state;
	struct hz_mosaic_rendition_set set = solo_of(1, 1);
	set.mask_count = 0;
	assert_int_equal(set_solo(r, set), -EINVAL); // without any
	set.mask_count = HZ_MOSAIC_MASKS + 1;
	assert_int_equal(set_solo(r, set), -EINVAL);
	set = solo_of(1, 0);
	assert_int_equal(set_solo(r, set), -EINVAL); // of everybody's picture
	static const struct hz_mosaic_mask bad[] = {{0, 0, 0, 10},     {0, 0, 10, 0},
	                                            {1, 0, 10000, 10}, {0, 1, 10, 10000},
	                                            {65535, 0, 1, 1},  {0, 65535, 1, 65535}};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		set = solo_of(1, 1);
		set.mask_count = 2;
		set.mask[1] = bad[i];
		assert_int_equal(set_solo(r, set), -EINVAL);
	}
	set = solo_of(1, 1);
	set.height = 360;
	assert_int_equal(set_solo(r, set), -EINVAL);
}

// Nothing of a source that is off, gone or unknown, and nothing that was decoded before the rendition was there.
static void nothing_of_before(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 1);
	rig_add_viewer(r, 9, 360, HZ_CODEC_H264_CB);
	rig_run(r, 10);
	unsigned cameras = r->cameras;
	r->cameras = 0; // it sends nothing more
	struct fake_viewer *v = watch_solo(r, 1, 1);
	unsigned plis = r->plis;
	rig_run(r, 25);
	assert_int_equal(v->pictures, 0);
	assert_true(r->plis > plis); // it was asked
	r->cameras = cameras;
	rig_run(r, 3);
	assert_true(v->pictures > 0);
	struct hz_mosaic_member_set off = rig_member_of(1);
	off.flags = HZ_MOSAIC_MEMBER_OFF;
	assert_int_equal(rig_set_member(r, off), 0);
	rig_tick(r);
	unsigned before = v->pictures;
	rig_run(r, 10);
	assert_int_equal(v->pictures, before);
	assert_int_equal(rig_set_member(r, rig_member_of(1)), 0);
	rig_run(r, 10);
	assert_true(v->pictures > before);
	struct hz_mosaic_member_del del = {.member = 1};
	assert_int_equal(rig_command(r, &del, HZ_MOSAIC_MEMBER_DEL, sizeof(del)), 0);
	before = v->pictures;
	rig_run(r, 10);
	assert_int_equal(v->pictures, before);
	struct fake_viewer *nobody = watch_solo(r, 2, 77);
	rig_run(r, 5);
	assert_int_equal(nobody->pictures, 0);
}

// A picture that came before the rendition was there, and waited: nothing of a cut comes back by being decoded late.
static void nothing_that_came_before(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 1);
	rig_add_viewer(r, 9, 360, HZ_CODEC_H264_CB); // it is decoded anyway
	rig_run(r, 10);
	r->cameras = 0;
	int64_t came_us = r->now_us;
	struct fake_viewer *v = watch_solo(r, 1, 1);
	rig_run(r, 1);
	for (unsigned i = 0; i < 3; i++) {
		fake_camera_take(&r->camera[0]);
		for (unsigned k = 0; k < r->camera[0].out.count; k++) {
			const struct hz_mosaic_record record = {.consult = CONSULT,
			                                        .kind = HZ_RING_RTP,
			                                        .data = r->camera[0].out.data[k],
			                                        .bytes = r->camera[0].out.bytes[k],
			                                        .arrival_us = came_us};
			hz_mosaic_take(r->mosaic, &record, r->now_us);
		}
		rig_run(r, 1);
	}
	assert_int_equal(v->pictures, 0);
	r->cameras = 1;
	rig_run(r, 3);
	assert_true(v->pictures > 0);
}

int main(void)
{
	av_log_set_level(AV_LOG_QUIET);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paints_every_format),
	    cmocka_unit_test(rounds_outwards),
	    cmocka_unit_test_setup_teardown(every_picture_is_masked, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(costs_what_it_shows, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(other_sizes, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(turned_sources, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(masks_are_for_life, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(bad_masks, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(nothing_of_before, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(nothing_that_came_before, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
