// Who is shown and who is large, for each layout; who has the floor.
#include "media/mosaic/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define PEOPLE 6u

struct world {
	struct hz_mosaic_member_set member[PEOPLE];
	const struct hz_mosaic_member_set *list[PEOPLE];
	struct hz_mosaic_room_set room;
	struct hz_floor floor;
	struct hz_mosaic_scene scene;
};

static void make(struct world *w, unsigned count, uint8_t layout)
{
	for (unsigned i = 0; i < PEOPLE; i++) {
		if (!w->member[i].member)
			w->member[i] = (struct hz_mosaic_member_set){
			    .member = 1 + i, .person = 11 + i, .ssrc = 5, .kind = HZ_MOSAIC_CAMERA};
		w->list[i] = &w->member[i];
	}
	w->room.layout = layout;
	hz_mosaic_scene_make(&w->room, &w->floor, w->list, count, &w->scene);
}

static uint32_t large(const struct world *w)
{
	return w->scene.large < 0 ? 0 : w->list[w->scene.tile[w->scene.large]]->member;
}

static void floor_is_kept(void **state)
{
	struct hz_floor f = {0};
	const uint32_t a = 1, both[] = {2, 1}, b = 2;
	hz_floor_set(&f, &a, 1, 0);
	assert_int_equal(f.person, 1);
	hz_floor_set(&f, both, 2, 1000000); // louder, but the first still speaks
	assert_int_equal(f.person, 1);
	hz_floor_set(&f, &b, 1, 2000000);
	hz_floor_poll(&f, 2000000 + HZ_MOSAIC_FLOOR_US - 1);
	assert_int_equal(f.person, 1);
	hz_floor_poll(&f, 2000000 + HZ_MOSAIC_FLOOR_US);
	assert_int_equal(f.person, 2);
	assert_true(hz_floor_speaks(&f, 2));
	hz_floor_set(&f, NULL, 0, 9000000);
	hz_floor_poll(&f, 60000000);
	assert_int_equal(f.person, 2); // nobody else wants it
	hz_floor_set(&f, &a, 1, 61000000);
	assert_int_equal(f.person, 1); // at once
	uint32_t many[20];
	memset(many, 3, sizeof(many));
	hz_floor_set(&f, many, 20, 62000000);
	assert_int_equal(f.count, HZ_MOSAIC_SPEAKERS);
}

static void automatic(void **state)
{
	struct world w = {0};
	make(&w, 0, HZ_MOSAIC_AUTO);
	assert_int_equal(w.scene.count, 0);
	make(&w, 1, HZ_MOSAIC_AUTO);
	assert_int_equal(w.scene.count, 1);
	make(&w, 5, HZ_MOSAIC_AUTO);
	assert_int_equal(w.scene.layout, HZ_MOSAIC_GRID); // nobody spoke
	w.floor.person = 13;
	make(&w, 2, HZ_MOSAIC_AUTO);
	assert_int_equal(w.scene.layout, HZ_MOSAIC_GRID); // two are side by side
	make(&w, 5, HZ_MOSAIC_AUTO);
	assert_int_equal(w.scene.layout, HZ_MOSAIC_SPEAKER);
	assert_int_equal(large(&w), 3);
	w.member[4].kind = HZ_MOSAIC_SCREEN;
	make(&w, 5, HZ_MOSAIC_AUTO);
	assert_int_equal(large(&w), 5);
	assert_int_equal(w.scene.count, 5); // the others beside it
	w.room.focus = 2;
	make(&w, 5, HZ_MOSAIC_AUTO);
	assert_int_equal(large(&w), 2);
	w.room.focus = 77; // is not there
	make(&w, 5, HZ_MOSAIC_AUTO);
	assert_int_equal(large(&w), 5);
}

static void off_and_gone(void **state)
{
	struct world w = {0};
	make(&w, 4, HZ_MOSAIC_GRID);
	w.member[1].flags = HZ_MOSAIC_MEMBER_OFF;
	w.member[2].kind = HZ_MOSAIC_IMAGES;
	w.member[2].flags = HZ_MOSAIC_MEMBER_OFF;
	make(&w, 4, HZ_MOSAIC_GRID);
	assert_int_equal(w.scene.count, 3); // content that is off is gone, a person is not
	assert_int_equal(w.scene.large, -1);
	w.member[0].flags = HZ_MOSAIC_MEMBER_OFF;
	make(&w, 4, HZ_MOSAIC_SPEAKER);
	assert_int_equal(large(&w), 4); // who has a picture, where nobody spoke
	w.room.focus = 3;
	make(&w, 4, HZ_MOSAIC_IMAGE);
	assert_int_equal(w.scene.layout, HZ_MOSAIC_SPEAKER); // there is no image
	assert_int_equal(large(&w), 4);
}

static void two(void **state)
{
	struct world w = {0};
	w.floor.person = 14;
	make(&w, 5, HZ_MOSAIC_PIP);
	assert_int_equal(w.scene.count, 2);
	assert_int_equal(large(&w), 4);
	assert_int_equal(w.list[w.scene.tile[1]]->member, 1);
	assert_true(w.scene.corner);
	w.room.focus = 2;
	make(&w, 5, HZ_MOSAIC_PIP);
	assert_int_equal(large(&w), 2);
	assert_int_equal(w.list[w.scene.tile[1]]->member, 4);
	w.member[0].kind = HZ_MOSAIC_IMAGES;
	w.room.focus = 0;
	make(&w, 5, HZ_MOSAIC_IMAGE);
	assert_int_equal(large(&w), 1);
	assert_int_equal(w.list[w.scene.tile[1]]->member, 4);
	make(&w, 1, HZ_MOSAIC_IMAGE);
	assert_int_equal(w.scene.count, 1);
	make(&w, 0, HZ_MOSAIC_PIP);
	assert_int_equal(w.scene.count, 0);
	assert_int_equal(w.scene.large, -1);
}

// Whatever is wished: each at most once, and the large one among them.
static void any(void **state)
{
	srand(7);
	for (unsigned n = 0; n < 20000; n++) {
		struct world w = {0};
		unsigned seen = 0, count = (unsigned)rand() % (PEOPLE + 1);
		make(&w, 0, 0);
		for (unsigned i = 0; i < PEOPLE; i++) {
			w.member[i].kind = (uint8_t)(1 + rand() % 3);
			w.member[i].flags = rand() & 1;
			w.member[i].ssrc = rand() & 3;
		}
		w.room.focus = (uint32_t)rand() % 8;
		w.floor.person = (uint32_t)rand() % 18;
		make(&w, count, (uint8_t)(rand() % HZ_MOSAIC_LAYOUTS));
		assert_true(w.scene.layout != HZ_MOSAIC_AUTO && w.scene.count <= count);
		assert_true(w.scene.large < (int)w.scene.count);
		for (unsigned i = 0; i < w.scene.count; i++) {
			assert_true(w.scene.tile[i] < count && !(seen >> w.scene.tile[i] & 1));
			seen |= 1u << w.scene.tile[i];
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(floor_is_kept), cmocka_unit_test(automatic), cmocka_unit_test(off_and_gone),
	    cmocka_unit_test(two),           cmocka_unit_test(any),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
