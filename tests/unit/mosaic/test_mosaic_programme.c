// Several sources in one picture of a broadcast: where they stand, each with its own masks, without words; what is off is gone from it, and
// nobody who has no picture holds up the others for long.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <libavutil/log.h>

#include "media/mosaic/sheet.h"
#include "media/mosaic/solo.h"
#include "media/mosaic/stage.h"
#include "tests/unit/mosaic/fake_rig.h"

#define GREY 126
static const struct hz_colour grey = {GREY, 128, 128};

static struct hz_mosaic_rendition_set together(uint32_t id, uint8_t air, unsigned count)
{
	struct hz_mosaic_rendition_set set = {.rendition = id,
	                                      .consult = CONSULT,
	                                      .workers = 2,
	                                      .ssrc = 5000 + id,
	                                      .height = 720,
	                                      .codec = HZ_CODEC_H264_CB,
	                                      .pt = 98,
	                                      .member = 1,
	                                      .air = air,
	                                      .beside_count = (uint8_t)(count - 1)};
	for (unsigned i = 1; i < count; i++)
		set.beside[i - 1].member = i + 1;
	return set;
}

static int put(struct rig *r, struct hz_mosaic_rendition_set set)
{
	return rig_command(r, &set, HZ_MOSAIC_RENDITION_SET, sizeof(set));
}

static struct fake_viewer *watch(struct rig *r, struct hz_mosaic_rendition_set set)
{
	struct fake_viewer *v = &r->viewer[r->viewers++];
	fake_viewer_init(v, HZ_CODEC_H264_CB, set.ssrc);
	assert_int_equal(put(r, set), 0);
	return v;
}

// --- rectangles

static bool apart(struct hz_rect a, struct hz_rect b)
{
	return a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
}

static void nothing_lies_over_anything(void **state)
{
	(void)state;
	for (uint8_t air = HZ_MOSAIC_AIR_SIDE; air < HZ_MOSAIC_AIRS; air++) {
		for (unsigned count = 2; count <= HZ_MOSAIC_PARTS; count++) {
			struct hz_rect r[HZ_MOSAIC_PARTS];
			hz_sheet_make(air, count, r);
			for (unsigned i = 0; i < count; i++) {
				assert_true(r[i].x >= 0 && r[i].y >= 0 && r[i].w >= 300 && r[i].h >= 200);
				assert_true(r[i].x + r[i].w <= HZ_STAGE_WIDTH &&
				            r[i].y + r[i].h <= HZ_STAGE_HEIGHT);
				assert_int_equal((r[i].x | r[i].y | r[i].w | r[i].h) & 1, 0);
				for (unsigned k = 0; k < i; k++)
					assert_true(apart(r[i], r[k]));
			}
			bool large = r[0].w * r[0].h > 4 * r[1].w * r[1].h;
			assert_int_equal(large, air == HZ_MOSAIC_AIR_PIP);
		}
	}
	struct hz_rect one[HZ_MOSAIC_PARTS];
	hz_sheet_make(HZ_MOSAIC_AIR_ALONE, 1, one);
	assert_true(one[0].w == HZ_STAGE_WIDTH && one[0].h == HZ_STAGE_HEIGHT);
}

// --- pictures

// Two side by side, each 636 wide and 358 high in the middle: the first one as it is, of the second one its upper left painted over.
static void each_has_its_own_masks(void **state)
{
	struct rig *r = *state;
	struct hz_mosaic_rendition_set set = together(1, HZ_MOSAIC_AIR_SIDE, 2);
	set.beside[0].mask_count = 1;
	set.beside[0].fill = GREY;
	set.beside[0].mask[0] = (struct hz_mosaic_mask){0, 0, 5000, 5000};
	rig_add_cameras(r, 3);
	struct fake_viewer *v = watch(r, set);
	for (unsigned i = 0; i < 30; i++) {
		rig_tick(r);
		if (!v->pictures)
			continue;
		assert_true(fake_same(fake_viewer_at(v, 100, 240), rig_colour[0])); // never without the other
		assert_true(fake_same(fake_viewer_at(v, 500, 500), rig_colour[0]));
		assert_true(fake_same(fake_viewer_at(v, 800, 260), grey));
		assert_true(fake_same(fake_viewer_at(v, 1100, 500), rig_colour[1]));
		assert_false(fake_same(fake_viewer_at(v, 100, 60), rig_colour[0])); // above and below nothing
		assert_false(fake_same(fake_viewer_at(v, 1100, 660), rig_colour[1]));
	}
	assert_in_range(v->pictures, 20, 30);
	struct hz_mosaic_status s = {0};
	hz_mosaic_status(r->mosaic, &s);
	assert_in_range(s.decoded, 40, 62); // of the third nothing
}

static void one_large(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 4);
	struct fake_viewer *v = watch(r, together(1, HZ_MOSAIC_AIR_PIP, 4));
	rig_run(r, 10);
	assert_true(v->pictures > 5);
	assert_true(fake_same(fake_viewer_at(v, 478, 360), rig_colour[0]));
	assert_true(fake_same(fake_viewer_at(v, 1122, 117), rig_colour[1]));
	assert_true(fake_same(fake_viewer_at(v, 1122, 360), rig_colour[2]));
	assert_true(fake_same(fake_viewer_at(v, 1122, 602), rig_colour[3]));
}

static void who_is_off_is_gone(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 2);
	struct fake_viewer *v = watch(r, together(1, HZ_MOSAIC_AIR_SIDE, 2));
	rig_run(r, 10);
	assert_true(fake_same(fake_viewer_at(v, 960, 360), rig_colour[1]));
	struct hz_mosaic_member_set off = rig_member_of(2);
	off.flags = HZ_MOSAIC_MEMBER_OFF;
	assert_int_equal(rig_set_member(r, off), 0);
	rig_run(r, 2);
	unsigned before = v->pictures;
	rig_run(r, 5);
	assert_true(v->pictures > before); // the other one goes on
	assert_false(fake_same(fake_viewer_at(v, 960, 360), rig_colour[1]));
	assert_true(fake_same(fake_viewer_at(v, 320, 360), rig_colour[0]));
	off = rig_member_of(1);
	off.flags = HZ_MOSAIC_MEMBER_OFF;
	assert_int_equal(rig_set_member(r, off), 0);
	rig_tick(r);
	before = v->pictures;
	rig_run(r, 20);
	assert_int_equal(v->pictures, before); // nobody: nothing
	assert_int_equal(rig_set_member(r, rig_member_of(1)), 0);
	assert_int_equal(rig_set_member(r, rig_member_of(2)), 0);
	rig_run(r, 10);
	assert_true(fake_same(fake_viewer_at(v, 960, 360), rig_colour[1]));
	assert_true(fake_same(fake_viewer_at(v, 320, 360), rig_colour[0]));
}

// It begins with all of them; one that never comes is waited for, but not for ever, and it is asked.
static void who_never_comes(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 2);
	r->cameras = 1; // the second one sends nothing
	struct fake_viewer *v = watch(r, together(1, HZ_MOSAIC_AIR_SIDE, 2));
	unsigned plis = r->plis;
	rig_run(r, 25);
	assert_int_equal(v->pictures, 0);
	assert_true(r->plis > plis);
	rig_run(r, 20);
	assert_true(v->pictures > 0);
	assert_true(fake_same(fake_viewer_at(v, 320, 360), rig_colour[0]));
	r->cameras = 2;
	rig_run(r, 25);
	assert_true(fake_same(fake_viewer_at(v, 960, 360), rig_colour[1]));
}

// --- wishes

static void what_it_shows_is_for_life(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 3);
	struct hz_mosaic_rendition_set set = together(1, HZ_MOSAIC_AIR_SIDE, 2);
	assert_int_equal(put(r, set), 0);
	assert_int_equal(put(r, set), 0);
	set.air = HZ_MOSAIC_AIR_PIP;
	assert_int_equal(put(r, set), -EEXIST);
	assert_int_equal(put(r, together(1, HZ_MOSAIC_AIR_SIDE, 3)), -EEXIST);
	set = together(1, HZ_MOSAIC_AIR_SIDE, 2);
	set.beside[0].member = 3;
	assert_int_equal(put(r, set), -EEXIST);
	set = together(1, HZ_MOSAIC_AIR_SIDE, 2);
	set.beside[0].mask_count = 1;
	set.beside[0].mask[0] = (struct hz_mosaic_mask){0, 0, 1, 1};
	assert_int_equal(put(r, set), -EEXIST);
	assert_int_equal(rig_set_rendition(r, 1, 720, HZ_CODEC_H264_CB), -EEXIST);
}

static void bad_programmes(void **state)
{
	struct rig *r = *state;
	struct hz_mosaic_rendition_set set = together(1, HZ_MOSAIC_AIR_SIDE, 2);
	set.beside[0].member = 1; // twice
	assert_int_equal(put(r, set), -EINVAL);
	set.beside[0].member = 0;
	assert_int_equal(put(r, set), -EINVAL);
	set = together(1, HZ_MOSAIC_AIRS, 2);
	assert_int_equal(put(r, set), -EINVAL);
	set = together(1, HZ_MOSAIC_AIR_ALONE, 2);
	assert_int_equal(put(r, set), -EINVAL);
	set = together(1, HZ_MOSAIC_AIR_PIP, 1);
	assert_int_equal(put(r, set), -EINVAL);
	set = together(1, HZ_MOSAIC_AIR_SIDE, 2);
	set.beside_count = 255;
	assert_int_equal(put(r, set), -EINVAL);
	set = together(1, HZ_MOSAIC_AIR_SIDE, 2);
	set.beside[0].mask_count = HZ_MOSAIC_MASKS + 1;
	assert_int_equal(put(r, set), -EINVAL);
	set.beside[0].mask_count = 1; // of no size
	assert_int_equal(put(r, set), -EINVAL);
	set = together(1, HZ_MOSAIC_AIR_SIDE, 2);
	set.member = 0; // everybody's picture has nothing beside it
	assert_int_equal(put(r, set), -EINVAL);
	set = together(1, HZ_MOSAIC_AIR_SIDE, 2);
	set.height = 360;
	assert_int_equal(put(r, set), -EINVAL);
}

int main(void)
{
	av_log_set_level(AV_LOG_QUIET);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_lies_over_anything),
	    cmocka_unit_test_setup_teardown(each_has_its_own_masks, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(one_large, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(who_is_off_is_gone, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(who_never_comes, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(what_it_shows_is_for_life, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(bad_programmes, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
