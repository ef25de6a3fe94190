// Rectangles: inside the picture, even, none over another, the large one large; pictures keep their shape.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/picture/layout.h"

static void check_rect(const struct hz_layout_want *w, struct hz_rect r)
{
	assert_true(r.x >= 0 && r.y >= 0 && r.w > 0 && r.h > 0);
	assert_true(r.x + r.w <= w->width && r.y + r.h <= w->height);
	assert_int_equal((r.x | r.y | r.w | r.h) & 1, 0);
}

static bool overlap(struct hz_rect a, struct hz_rect b)
{
	return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

static struct hz_rect whole(const struct hz_layout_tile *t)
{
	struct hz_rect r = t->picture;
	r.h += t->caption.h;
	return r;
}

static void check(const struct hz_layout_want *w, const struct hz_layout *l)
{
	assert_int_equal(l->count + l->hidden, w->count);
	for (unsigned i = 0; i < l->count; i++) {
		check_rect(w, l->tile[i].picture);
		assert_false(overlap(whole(&l->tile[i]), l->bar));
		assert_int_equal(l->tile[i].large, w->large >= 0 && i == 0);
		if (l->tile[i].caption.w) {
			check_rect(w, l->tile[i].caption);
			assert_int_equal(l->tile[i].caption.y, l->tile[i].picture.y + l->tile[i].picture.h);
		}
		for (unsigned k = 0; k < i; k++) {
			assert_false(overlap(whole(&l->tile[i]), whole(&l->tile[k])));
			assert_int_not_equal(l->tile[i].index, l->tile[k].index);
		}
	}
}

static void test_everything_fits(void **state)
{
	static const int sizes[][2] = {{1280, 720}, {1920, 1080}, {640, 360}, {320, 180}, {720, 576}};
	for (unsigned s = 0; s < 5; s++)
		for (unsigned count = 0; count <= 60; count++)
			for (int large = -1; large < (int)count; large++)
				for (int captions = 0; captions < 2; captions++) {
					struct hz_layout_want w = {.width = sizes[s][0],
					                           .height = sizes[s][1],
					                           .count = count,
					                           .large = large,
					                           .captions = captions};
					struct hz_layout l;
					hz_layout_make(&w, &l);
					check(&w, &l);
				}
}

static void test_large_is_large(void **state)
{
	struct hz_layout_want w = {.width = 1280, .height = 720, .count = 4, .large = 2, .captions = true};
	struct hz_layout l;
	hz_layout_make(&w, &l);
	assert_int_equal(l.count, 4);
	assert_int_equal(l.tile[0].index, 2);
	assert_true(l.tile[0].large);
	assert_true(l.tile[0].picture.w > 3 * l.tile[1].picture.w);
	assert_int_equal(l.tile[1].index, 0); // the others in their order
	assert_int_equal(l.tile[2].index, 1);
	assert_int_equal(l.tile[3].index, 3);
	assert_true(l.tile[1].picture.x >= l.tile[0].picture.x + l.tile[0].picture.w);
	w.count = 40;
	hz_layout_make(&w, &l);
	assert_int_equal(l.count, 1 + HZ_LAYOUT_STRIP);
	assert_int_equal(l.hidden, 40 - l.count);
}

static void test_grid(void **state)
{
	struct hz_layout_want w = {.width = 1280, .height = 720, .count = 4, .large = -1, .captions = true};
	struct hz_layout l;
	hz_layout_make(&w, &l);
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(l.tile[i].picture.w, l.tile[0].picture.w);
		assert_int_equal(l.tile[i].picture.h, l.tile[0].picture.h);
	}
	assert_int_equal(l.tile[1].picture.y, l.tile[0].picture.y); // two by two
	assert_int_equal(l.tile[2].picture.x, l.tile[0].picture.x);
	w.count = 3; // the third is in the middle of its row
	hz_layout_make(&w, &l);
	assert_in_range(l.tile[2].picture.x + l.tile[2].picture.w / 2, 636, 644);
}

// One beside the large one, below: everything else is hidden.
static void test_corner(void **state)
{
	struct hz_layout_want w = {.width = 1280, .height = 720, .count = 5, .large = 1, .captions = true};
	struct hz_layout top, bottom;
	w.strip = 1;
	hz_layout_make(&w, &top);
	w.corner = true;
	hz_layout_make(&w, &bottom);
	assert_int_equal(top.count, 2);
	assert_int_equal(bottom.count, 2);
	assert_int_equal(bottom.hidden, 3);
	assert_true(top.tile[1].picture.y < 60);
	check_rect(&w, bottom.tile[1].caption);
	assert_in_range(bottom.tile[1].caption.y + bottom.tile[1].caption.h, 700, 720);
	assert_false(overlap(bottom.tile[0].picture, bottom.tile[1].picture));
}

static void test_without_captions(void **state)
{
	struct hz_layout_want w = {.width = 1280, .height = 720, .count = 3, .large = 0, .captions = false};
	struct hz_layout l;
	hz_layout_make(&w, &l);
	for (unsigned i = 0; i < l.count; i++)
		assert_int_equal(l.tile[i].caption.w, 0);
}

static void test_pictures_keep_their_shape(void **state)
{
	struct hz_rect box = {100, 50, 640, 480}, r = hz_layout_fit(box, 1280, 720);
	assert_int_equal(r.w, 640);
	assert_int_equal(r.h, 360);
	assert_int_equal(r.y, 110);
	r = hz_layout_fit(box, 720, 1280); // a phone held upright
	assert_int_equal(r.h, 480);
	assert_int_equal(r.w, 270);
	r = hz_layout_fit(box, 65535, 1);
	assert_true(r.w == 640 && r.h == 2);
	r = hz_layout_fit(box, 1, 65535);
	assert_true(r.w == 2 && r.h == 480);
	r = hz_layout_fit(box, 0, 0);
	assert_true(r.w == 640 && r.h == 480);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_everything_fits),
	                                   cmocka_unit_test(test_large_is_large),
	                                   cmocka_unit_test(test_grid),
	                                   cmocka_unit_test(test_corner),
	                                   cmocka_unit_test(test_without_captions),
	                                   cmocka_unit_test(test_pictures_keep_their_shape)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
