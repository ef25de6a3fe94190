// Where the pixels of an image lie in a pane, and which greys they have there.
#include "media/live/view.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/picture/blit.h"

static struct hz_canvas canvas;

static int setup(void **state)
{
	(void)state;
	return hz_canvas_new(64, 64, &canvas);
}

static int teardown(void **state)
{
	(void)state;
	hz_canvas_free(&canvas);
	return 0;
}

static uint8_t luma(int grey)
{
	return (uint8_t)(16 + (grey * 219 + 127) / 255);
}

static uint8_t at(int x, int y)
{
	return canvas.plane[0][y * canvas.stride[0] + x];
}

// An image of 4x2 with a value in each corner, in a pane of 32x32 at (16, 16): pixels of 8, black above and below.
static const uint8_t corners[8] = {10, 80, 90, 200, 40, 120, 130, 250};
static const struct hz_live_pixels picture = {4, 2, 1, corners};
static const struct hz_live_plane plane = {4, 2, {1, 1}};
static const struct hz_rect pane = {16, 16, 32, 32};

static void paint(const struct hz_live_view *view, struct hz_live_map *map)
{
	memset(canvas.plane[0], 77, (size_t)canvas.stride[0] * 64);
	hz_live_map_make(view, &plane, pane, map);
	assert_int_equal(hz_live_paint(&canvas, pane, &picture, map), 0);
}

static void test_it_fits_and_nothing_else_is_touched(void **state)
{
	struct hz_live_map map;
	(void)state;
	paint(&(struct hz_live_view){.zoom = 1}, &map);
	assert_int_equal(at(15, 30), 77);
	assert_int_equal(at(48, 30), 77);
	assert_int_equal(at(20, 20), luma(0)); // above the image
	assert_int_equal(at(16, 24), luma(10));
	assert_int_equal(at(47, 24), luma(200));
	assert_int_equal(at(16, 39), luma(40));
	assert_int_equal(at(47, 39), luma(250));
	assert_int_equal(at(20, 41), luma(0));
	double p[2];
	hz_live_map_to_pane(&map, (const double[]){0, 0}, p); // the middle of the first pixel
	assert_float_equal(p[0], 16 + 3.5, 1e-9);
	assert_float_equal(p[1], 24 + 3.5, 1e-9);
}

static void test_turned_and_flipped_as_the_viewer_does(void **state)
{
	struct hz_live_map map;
	(void)state;
	paint(&(struct hz_live_view){.zoom = 1, .flip = true}, &map);
	assert_int_equal(at(16, 24), luma(200));
	assert_int_equal(at(47, 24), luma(10));
	paint(&(struct hz_live_view){.zoom = 1, .rotation = 90},
	      &map); // clockwise: left top comes to right top
	assert_int_equal(at(39, 16), luma(10));
	assert_int_equal(at(39, 47), luma(200));
	assert_int_equal(at(24, 16), luma(40));
	paint(&(struct hz_live_view){.zoom = 1, .rotation = 180}, &map);
	assert_int_equal(at(47, 39), luma(10));
	assert_int_equal(at(16, 39), luma(200));
}

static void test_zoom_pan_and_a_pixel_that_is_not_square(void **state)
{
	struct hz_live_map map;
	double p[2];
	(void)state;
	paint(&(struct hz_live_view){.zoom = 2, .pan_x = 0.5}, &map); // half a pane to the right
	hz_live_map_to_pane(&map, (const double[]){0, 0}, p);
	assert_float_equal(p[0], 16 + 16 + 16 - 0.5 - 1.5 * 16, 1e-9);
	const struct hz_live_plane tall = {4, 2, {1, 2}};
	hz_live_map_make(&(struct hz_live_view){.zoom = 1}, &tall, pane, &map);
	hz_live_map_to_pane(&map, (const double[]){-0.5, -0.5}, p);
	assert_float_equal(p[1], 16 - 0.5, 1e-9); // as high as wide now
}

static void test_there_and_back(void **state)
{
	struct hz_live_map map;
	(void)state;
	for (int i = 0; i < 40; i++) {
		const struct hz_live_view view = {.zoom = 0.3 + i * 0.2,
		                                  .pan_x = i * 0.03 - 0.5,
		                                  .pan_y = 0.2,
		                                  .rotation = i * 9,
		                                  .flip = i % 2};
		const struct hz_live_plane odd = {300, 200, {0.7, 0.5}};
		const double from[2] = {i * 3, i * 2};
		double p[2];
		hz_live_map_make(&view, &odd, pane, &map);
		hz_live_map_to_pane(&map, from, p);
		assert_float_equal((map.image[0] * p[0] + map.image[1] * p[1] + map.image[2]), from[0], 1e-4);
		assert_float_equal((map.image[3] * p[0] + map.image[4] * p[1] + map.image[5]), from[1], 1e-4);
	}
}

// The quick way for what is not turned gives what the other one gives.
static void test_straight_as_turned(void **state)
{
	enum { SIDE = 37 };
	static uint8_t data[SIDE * SIDE], kept[64 * 64];
	const struct hz_live_pixels p = {SIDE, SIDE, 1, data};
	const struct hz_live_plane square = {SIDE, SIDE, {1, 1}};
	const struct hz_rect all = {0, 0, 64, 64};
	struct hz_live_map map;
	(void)state;
	for (int i = 0; i < SIDE * SIDE; i++)
		data[i] = (uint8_t)(i * 7919 >> 3);
	hz_live_map_make(&(struct hz_live_view){.zoom = 1.3, .pan_x = 0.1}, &square, all, &map);
	assert_int_equal(hz_live_paint(&canvas, all, &p, &map), 0);
	for (int i = 0; i < 64 * 64; i++)
		kept[i] = at(i % 64, i / 64);
	map.image[1] = 1e-8; // as good as nothing, but turned
	assert_int_equal(hz_live_paint(&canvas, all, &p, &map), 0);
	for (int i = 0; i < 64 * 64; i++)
		assert_in_range(at(i % 64, i / 64), kept[i] - 1, kept[i] + 1);
}

static void test_many_pixels_on_one_are_their_mean(void **state)
{
	enum { SIDE = 640 };
	uint8_t *data = malloc(SIDE * SIDE);
	const struct hz_live_pixels p = {SIDE, SIDE, 1, data};
	const struct hz_live_plane large = {SIDE, SIDE, {1, 1}};
	const struct hz_rect all = {0, 0, 64, 64};
	struct hz_live_map map;
	(void)state;
	assert_non_null(data);
	for (int i = 0; i < SIDE * SIDE; i++)
		data[i] = (i + i / SIDE) % 2
		              ? 200
		              : 0; // a fine board: 100 from afar, stripes where pixels are left out
	hz_live_map_make(&(struct hz_live_view){.zoom = 1}, &large, all, &map);
	assert_int_equal(hz_live_paint(&canvas, all, &p, &map), 0);
	for (int i = 0; i < 64 * 64; i++)
		assert_int_equal(at(i % 64, i / 64), luma(100));
	free(data);
}

static void test_colours(void **state)
{
	static const uint8_t rgb[3 * 3 * 3] = {255, 0,   0, 255, 0,   0, 255, 0,   0, 255, 0,   0, 255, 0,
	                                       0,   255, 0, 0,   255, 0, 0,   255, 0, 0,   255, 0, 0};
	const struct hz_live_pixels p = {3, 3, 3, rgb};
	const struct hz_live_plane small = {3, 3, {1, 1}};
	const struct hz_rect all = {0, 0, 64, 64};
	struct hz_live_map map;
	(void)state;
	hz_live_map_make(&(struct hz_live_view){.zoom = 1}, &small, all, &map);
	assert_int_equal(hz_live_paint(&canvas, all, &p, &map), 0);
	assert_in_range(at(30, 30), 80, 82); // BT.601: red is 81, 90, 240
	assert_in_range(canvas.plane[1][15 * canvas.stride[1] + 15], 89, 91);
	assert_in_range(canvas.plane[2][15 * canvas.stride[2] + 15], 239, 241);
}

// From the wire, checked or not: nothing is read outside, nothing hangs.
static void test_numbers_that_make_no_sense(void **state)
{
	static const double bad[] = {NAN, INFINITY, -INFINITY, 1e308, -1e308, 0, -1, 1e-300};
	const unsigned n = sizeof(bad) / sizeof(*bad);
	struct hz_live_map map;
	(void)state;
	for (unsigned i = 0; i < n * n * n; i++) {
		const struct hz_live_view view = {.zoom = bad[i % n],
		                                  .pan_x = bad[i / n % n],
		                                  .pan_y = bad[(i + 3) % n],
		                                  .rotation = bad[i / n / n]};
		paint(&view, &map);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_it_fits_and_nothing_else_is_touched),
	    cmocka_unit_test(test_turned_and_flipped_as_the_viewer_does),
	    cmocka_unit_test(test_zoom_pan_and_a_pixel_that_is_not_square),
	    cmocka_unit_test(test_there_and_back),
	    cmocka_unit_test(test_straight_as_turned),
	    cmocka_unit_test(test_many_pixels_on_one_are_their_mean),
	    cmocka_unit_test(test_colours),
	    cmocka_unit_test(test_numbers_that_make_no_sense),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
