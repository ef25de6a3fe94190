// What control may wish for: bounds, RECONCILE, messages that are none.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <libavutil/log.h>

#include "gateway/base/ring.h"
#include "media/picture/layout.h"
#include "tests/unit/mosaic/fake_rig.h"

// --- wishes

static void bounds(void **state)
{
	struct rig *r = *state;
	for (uint32_t c = 1; c < HZ_MOSAIC_ROOMS; c++)
		assert_int_equal(rig_set_room(r, 100 + c, 0, 0), 0);
	assert_int_equal(rig_set_room(r, 200, 0, 0), -ENOSPC);
	assert_int_equal(rig_set_room(r, 0, 0, 0), -EINVAL);
	assert_int_equal(rig_set_room(r, CONSULT, HZ_MOSAIC_LAYOUTS, 0), -EINVAL);
	for (uint32_t n = 1; n <= HZ_MOSAIC_MEMBERS; n++)
		assert_int_equal(rig_set_member(r, rig_member_of(n)), 0);
	assert_int_equal(rig_set_member(r, rig_member_of(99)), -ENOSPC);
	struct hz_mosaic_member_set m = rig_member_of(1);
	m.consult = 101;
	assert_int_equal(rig_set_member(r, m), -EEXIST);
	m.consult = 300;
	assert_int_equal(rig_set_member(r, m), -ENOENT);
	m = rig_member_of(1);
	m.worker = 4;
	assert_int_equal(rig_set_member(r, m), -EINVAL);
	m = rig_member_of(1);
	m.pt[0].codec = HZ_CODEC_VP9;
	assert_int_equal(rig_set_member(r, m), -EINVAL);
	for (uint32_t n = 1; n <= HZ_MOSAIC_RENDITIONS; n++)
		assert_int_equal(rig_set_rendition(r, n, 360, HZ_CODEC_VP8), 0);
	assert_int_equal(rig_set_rendition(r, 50, 360, HZ_CODEC_VP8), -ENOSPC);
	assert_int_equal(rig_set_rendition(r, 1, 360, HZ_CODEC_H264_CB), -EEXIST);
	assert_int_equal(rig_set_rendition(r, 1, 1080, HZ_CODEC_VP8), -EINVAL);
	assert_int_equal(rig_set_rendition(r, 1, 540, HZ_CODEC_VP8), 0);
	struct hz_mosaic_speakers_set speakers = {.consult = CONSULT, .count = HZ_MOSAIC_SPEAKERS + 1};
	assert_int_equal(rig_command(r, &speakers, HZ_MOSAIC_SPEAKERS_SET, sizeof(speakers)), -EINVAL);
	r->deaf = true;
	rig_run(r, 2);
	assert_int_equal(r->tiles.count, 0);
	r->deaf = false;
	struct hz_mosaic_status s = {0};
	hz_mosaic_status(r->mosaic, &s);
	assert_int_equal(r->tiles.count, HZ_MOSAIC_MEMBERS); // told when it could be
	assert_int_equal(s.rooms, HZ_MOSAIC_ROOMS);
}

static void reconciles(void **state)
{
	struct rig *r = *state;
	struct hz_cmd_reconcile c;
	struct hz_mosaic_status s = {0};
	for (uint32_t n = 1; n <= 3; n++)
		assert_int_equal(rig_set_member(r, rig_member_of(n)), 0);
	assert_int_equal(rig_set_rendition(r, 1, 360, HZ_CODEC_VP8), 0);
	assert_int_equal(rig_set_room(r, 8, 0, 0), 0);
	assert_int_equal(rig_command(r, &c, HZ_MOSAIC_RECONCILE_END, sizeof(c)), -EINVAL);
	assert_int_equal(rig_command(r, &c, HZ_MOSAIC_RECONCILE_BEGIN, sizeof(c)), 0);
	assert_int_equal(rig_set_room(r, CONSULT, 0, 0), 0);
	assert_int_equal(rig_set_member(r, rig_member_of(2)), 0);
	assert_int_equal(rig_command(r, &c, HZ_MOSAIC_RECONCILE_END, sizeof(c)), 0);
	hz_mosaic_status(r->mosaic, &s);
	assert_int_equal(s.rooms, 1);
	assert_int_equal(s.members, 1);
	assert_int_equal(s.renditions, 0);
	struct hz_mosaic_room_del del = {.consult = CONSULT};
	assert_int_equal(rig_command(r, &del, HZ_MOSAIC_ROOM_DEL, sizeof(del)), 0);
	assert_int_equal(rig_command(r, &del, HZ_MOSAIC_ROOM_DEL, sizeof(del)), -ENOENT);
	assert_int_equal(rig_set_member(r, rig_member_of(2)), -ENOENT);
}

// A control that was started anew knows no tiles, and nothing moves that would tell it.
static void told_again(void **state)
{
	struct rig *r = *state;
	struct hz_cmd_reconcile c;
	struct hz_mosaic_status s = {0};
	for (uint32_t n = 1; n <= 2; n++)
		assert_int_equal(rig_set_member(r, rig_member_of(n)), 0);
	assert_int_equal(rig_set_rendition(r, 1, 360, HZ_CODEC_VP8), 0);
	rig_run(r, 3);
	assert_int_equal(r->tiles.count, 2);
	r->tiles.count = 0;
	rig_run(r, 3);
	hz_mosaic_status(r->mosaic, &s);
	assert_int_equal(r->tiles.count, 0);
	assert_int_equal(rig_command(r, &c, HZ_MOSAIC_RECONCILE_BEGIN, sizeof(c)), 0);
	assert_int_equal(rig_set_room(r, CONSULT, HZ_MOSAIC_GRID, 0), 0);
	for (uint32_t n = 1; n <= 2; n++)
		assert_int_equal(rig_set_member(r, rig_member_of(n)), 0);
	assert_int_equal(rig_set_rendition(r, 1, 360, HZ_CODEC_VP8), 0);
	assert_int_equal(rig_command(r, &c, HZ_MOSAIC_RECONCILE_END, sizeof(c)), 0);
	hz_mosaic_status(r->mosaic, &s);
	assert_int_equal(r->tiles.count, 2);
}

static void wrong_messages(void **state)
{
	struct rig *r = *state;
	uint8_t junk[HZ_API_MAX_BYTES];
	uint32_t object;
	memset(junk, 0x5a, sizeof(junk));
	for (size_t n = 0; n <= sizeof(junk); n += 3)
		assert_int_equal(hz_mosaic_command(r->mosaic, junk, n, 0, &object), -EINVAL);
	struct hz_mosaic_room_del del = {.consult = 9};
	assert_int_equal(rig_command(r, &del, HZ_MOSAIC_MEMBER_SET, sizeof(del)), -EINVAL);
	assert_int_equal(rig_command(r, &del, 40, sizeof(del)), -EINVAL);
}

int main(void)
{
	av_log_set_level(AV_LOG_QUIET);
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {TEST(bounds), TEST(reconciles), TEST(told_again),
	                                   TEST(wrong_messages)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
