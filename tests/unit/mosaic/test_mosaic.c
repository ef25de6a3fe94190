// Composed pictures, with a clock of the test's: six cameras in, what is seen out. Layouts, names, moves, loss.
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

// Every tile has the colour of its camera, and a name below it.
static void check_tiles(const struct rig *r, const struct fake_viewer *v, int large, unsigned count)
{
	struct hz_layout layout;
	const struct hz_layout_want want = {
	    .width = 1280, .height = 720, .count = count, .large = large, .captions = true};
	hz_layout_make(&want, &layout);
	assert_int_equal(r->tiles.count, layout.count);
	for (unsigned i = 0; i < layout.count; i++) {
		struct hz_rect p = layout.tile[i].picture;
		struct hz_colour c = fake_viewer_at(v, p.x + p.w / 2, p.y + p.h * 2 / 3);
		assert_int_equal(r->tiles.tile[i].member, layout.tile[i].index + 1);
		assert_int_equal(r->tiles.tile[i].width, p.w);
		assert_true(fake_same(c, rig_colour[layout.tile[i].index]));
	}
}

static unsigned bright_pixels(const struct fake_viewer *v, struct hz_rect r)
{
	unsigned n = 0;
	for (int y = r.y; y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++)
			n += v->frame->data[0][y * v->frame->linesize[0] + x] > 130;
	return n;
}

// --- what is seen

static void grid_of_six(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 6);
	rig_add_viewer(r, 1, 720, HZ_CODEC_H264_CB);
	rig_add_viewer(r, 2, 360, HZ_CODEC_VP8);
	rig_add_viewer(r, 3, 540, HZ_CODEC_H264_CB);
	rig_run(r, 25);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(r->viewer[i].pictures, 25);
		assert_int_equal(r->viewer[i].gaps, 0);
		assert_int_equal(r->viewer[i].keys, 1);
		check_tiles(r, &r->viewer[i], -1, 6);
	}
	assert_int_equal(r->viewer[0].frame->width, 1280);
	assert_int_equal(r->viewer[1].frame->width, 640);
	assert_int_equal(r->viewer[2].frame->height, 540);
	assert_int_equal(r->sent_to[2] + r->sent_to[3], 0); // nobody watches there
	if (!r->text)
		return;
	struct hz_layout layout;
	hz_layout_make(
	    &(struct hz_layout_want){.width = 1280, .height = 720, .count = 6, .large = -1, .captions = true},
	    &layout);
	for (unsigned i = 0; i < 6; i++)
		assert_in_range(bright_pixels(&r->viewer[0], layout.tile[i].caption), 40, 4000);
	assert_in_range(bright_pixels(&r->viewer[0], (struct hz_rect){0, 0, 640, 30}), 40, 4000);    // title
	assert_in_range(bright_pixels(&r->viewer[0], (struct hz_rect){960, 0, 320, 30}), 200, 6000); // clock
}

// The floor changes: tiles move, and no picture is missing meanwhile.
static void speaker_moves(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 6);
	rig_add_viewer(r, 1, 720, HZ_CODEC_H264_CB);
	assert_int_equal(rig_set_room(r, CONSULT, HZ_MOSAIC_AUTO, 0), 0);
	rig_run(r, 10);
	assert_int_equal(r->tiles.layout, HZ_MOSAIC_GRID); // nobody spoke yet
	assert_int_equal(rig_speak(r, 3), 0);
	rig_tick(r);
	assert_int_equal(r->tiles.layout, HZ_MOSAIC_SPEAKER);
	assert_int_equal(r->tiles.tile[0].member, 3);
	rig_run(r, 3);
	struct hz_rect large = {6, 36, 900, 600};
	struct hz_colour half_way = fake_viewer_at(&r->viewer[0], large.x + 8, large.h - 8);
	rig_run(r, 10);
	check_tiles(r, &r->viewer[0], 2, 6);
	assert_false(fake_same(half_way, rig_colour[2])); // it was on its way
	assert_int_equal(rig_speak(r, 5), 0);             // a word into the other's pause
	rig_run(r, 10);
	assert_int_equal(r->tiles.tile[0].member, 3);
	rig_run(r, 50); // and now it is his
	assert_int_equal(r->tiles.tile[0].member, 5);
	check_tiles(r, &r->viewer[0], 4, 6);
	assert_int_equal(r->viewer[0].pictures, 84);
	assert_int_equal(r->viewer[0].gaps, 0);
}

static void two_only(void **state)
{
	struct rig *r = *state;
	rig_add_cameras(r, 4);
	rig_add_viewer(r, 1, 360, HZ_CODEC_H264_CB);
	assert_int_equal(rig_set_room(r, CONSULT, HZ_MOSAIC_PIP, 2), 0);
	assert_int_equal(rig_speak(r, 4), 0);
	rig_run(r, 5);
	assert_int_equal(r->tiles.layout, HZ_MOSAIC_PIP);
	assert_int_equal(r->tiles.count, 2);
	assert_int_equal(r->tiles.tile[0].member, 2);
	assert_int_equal(r->tiles.tile[1].member, 4);
	struct hz_mosaic_member_set m = rig_member_of(1);
	m.kind = HZ_MOSAIC_SCREEN;
	assert_int_equal(rig_set_member(r, m), 0);
	assert_int_equal(rig_set_room(r, CONSULT, HZ_MOSAIC_IMAGE, 0), 0);
	rig_run(r, 12);
	assert_int_equal(r->tiles.layout, HZ_MOSAIC_IMAGE);
	assert_int_equal(r->tiles.count, 2);
	assert_int_equal(r->tiles.tile[0].member, 1);
	assert_int_equal(r->tiles.tile[1].member, 4);
	assert_true(fake_same(fake_viewer_at(&r->viewer[0], 500, 400), rig_colour[0]));
	assert_int_equal(r->viewer[0].gaps, 0);
}

// A camera that was switched off shows nothing of what still comes.
static void off_is_off(void **state)
{
	struct rig *r = *state;
	struct hz_mosaic_member_set m = rig_member_of(1);
	rig_add_cameras(r, 2);
	rig_add_viewer(r, 1, 720, HZ_CODEC_H264_CB);
	rig_run(r, 5);
	check_tiles(r, &r->viewer[0], -1, 2);
	m.flags = HZ_MOSAIC_MEMBER_OFF;
	assert_int_equal(rig_set_member(r, m), 0);
	rig_tick(r);
	rig_run(r, 3);
	assert_false(fake_same(fake_viewer_at(&r->viewer[0], 60, 300), rig_colour[0]));
	unsigned plis = r->plis;
	m.flags = 0;
	assert_int_equal(rig_set_member(r, m), 0);
	r->cameras = 0;
	rig_run(r, 2); // on again, and nothing has come yet: nothing of before is shown
	assert_false(fake_same(fake_viewer_at(&r->viewer[0], 60, 300), rig_colour[0]));
	r->cameras = 2;
	rig_run(r, 20);
	assert_true(r->plis > plis + 1); // the way back leads over a keyframe
	check_tiles(r, &r->viewer[0], -1, 2);
	r->cameras = 0; // all links are gone
	rig_run(r, 150);
	r->cameras = 2;
	assert_false(fake_same(fake_viewer_at(&r->viewer[0], 60, 300), rig_colour[0]));
}

// A phone that is held sideways: the picture is upright, whatever way it is held.
static void turned(void **state)
{
	struct rig *r = *state;
	struct hz_mosaic_member_set m = rig_member_of(1);
	static const int at[4][2] = {{0}, {640, 80}, {1200, 400}, {640, 660}}; // where the bar is
	m.orientation = FAKE_ORIENTATION;
	rig_add_cameras(r, 1);
	rig_add_viewer(r, 1, 720, HZ_CODEC_H264_CB);
	assert_int_equal(rig_set_member(r, m), 0);
	for (uint8_t turn = 1; turn < 4; turn++) {
		r->camera[0].turn = turn;
		r->camera[0].wants_key = true;
		rig_run(r, 5);
		assert_true(
		    fake_same(fake_viewer_at(&r->viewer[0], at[turn][0], at[turn][1]), HZ_COLOUR_TEXT));
		assert_true(fake_same(fake_viewer_at(&r->viewer[0], 640, 400), rig_colour[0]));
		bool tall = fake_same(fake_viewer_at(&r->viewer[0], 200, 400), HZ_COLOUR_TILE);
		assert_int_equal(tall, turn & 1);
	}
	// Who says it with keyframes alone means all that follow; a keyframe without a word is upright.
	r->camera[0].sparing = true;
	r->camera[0].turn = 1;
	r->camera[0].wants_key = true;
	rig_run(r, 8);
	assert_true(fake_same(fake_viewer_at(&r->viewer[0], 640, 80), HZ_COLOUR_TEXT));
	assert_true(fake_same(fake_viewer_at(&r->viewer[0], 200, 400), HZ_COLOUR_TILE));
	r->camera[0].turn = 0;
	r->camera[0].wants_key = true;
	rig_run(r, 5);
	assert_false(fake_same(fake_viewer_at(&r->viewer[0], 200, 400), HZ_COLOUR_TILE));
}

// --- what goes wrong on the way

static void loss_asks_and_recovers(void **state)
{
	struct rig *r = *state;
	struct hz_mosaic_status s = {0};
	rig_add_cameras(r, 2);
	r->camera[1].colour = rig_colour[1];
	rig_add_viewer(r, 1, 720, HZ_CODEC_H264_CB);
	rig_run(r, 20);
	assert_in_range(r->plis, 1, 4); // when they came
	unsigned plis = r->plis;
	r->drop = 0;
	rig_run(r, 1);
	r->drop = -1;
	r->camera[0].colour = rig_colour[5]; // seen only when it decodes again
	rig_run(r, 2);
	assert_true(fake_same(fake_viewer_at(&r->viewer[0], 300, 400), rig_colour[0])); // frozen, not smeared
	rig_run(r, 20);
	assert_true(r->plis > plis);
	assert_int_equal(r->pli_ssrc, 1001);
	assert_true(fake_same(fake_viewer_at(&r->viewer[0], 300, 400), rig_colour[5]));
	assert_int_equal(r->viewer[0].gaps, 0);
	hz_mosaic_status(r->mosaic, &s);
	assert_true(s.broken > 0);
	r->drop = 0;
	r->every_other = true;
	plis = r->plis;
	rig_run(r, 75); // for three seconds: two requests a second and no more
	assert_in_range(r->plis - plis, 3, 7);
}

// More pictures at once than anybody shows, each of a few bytes: not all are decoded, and the next keyframe mends it.
static void flood(void **state)
{
	struct rig *r = *state;
	struct hz_mosaic_status s = {0};
	rig_add_cameras(r, 1);
	rig_add_viewer(r, 1, 360, HZ_CODEC_H264_CB);
	fake_camera_size(&r->camera[0], 1280, 720);
	rig_run(r, 5);
	hz_mosaic_status(r->mosaic, &s);
	uint64_t decoded = s.decoded, broken = s.broken;
	for (unsigned n = 0; n < 60; n++) {
		fake_camera_take(&r->camera[0]);
		for (unsigned k = 0; k < r->camera[0].out.count; k++)
			rig_send_packet(r, &r->camera[0], k);
	}
	hz_mosaic_status(r->mosaic, &s);
	assert_in_range(s.decoded - decoded, 20, 40);
	assert_true(s.broken > broken);
	rig_run(r, 20);
	r->camera[0].colour = rig_colour[4];
	rig_run(r, 5);
	assert_true(fake_same(fake_viewer_at(&r->viewer[0], 640, 400), rig_colour[4]));
}

static void wrong_packets(void **state)
{
	struct rig *r = *state;
	uint8_t junk[300];
	struct hz_mosaic_status s = {0};
	rig_add_cameras(r, 1);
	rig_add_viewer(r, 1, 360, HZ_CODEC_H264_CB);
	rig_run(r, 5);
	for (unsigned n = 0; n < 3000; n++) {
		for (unsigned i = 0; i < sizeof(junk); i++)
			junk[i] = (uint8_t)rand();
		if (n % 2) { // a header of its own, then anything
			memcpy(junk, r->camera[0].out.data[0], 12);
			junk[3] = (uint8_t)n;
		}
		const struct hz_mosaic_record record = {.consult = n % 5 ? CONSULT : 9,
		                                        .kind = n % 4,
		                                        .data = junk,
		                                        .bytes = n % sizeof(junk),
		                                        .arrival_us = r->now_us};
		hz_mosaic_take(r->mosaic, &record, r->now_us);
	}
	for (unsigned i = 0; i < 10; i++)
		r->camera[0].seq += 2000; // wherever the junk has led
	rig_run(r, 40);
	assert_true(fake_same(fake_viewer_at(&r->viewer[0], 640, 400), rig_colour[0]));
	hz_mosaic_status(r->mosaic, &s);
	assert_true(s.refused > 100 && s.unmatched > 100);
}

// A machine that is too slow: ticks are left out, timestamps tell it, and what is shown is new.
static void late(void **state)
{
	struct rig *r = *state;
	struct hz_mosaic_status s = {0};
	rig_add_cameras(r, 1);
	rig_add_viewer(r, 1, 360, HZ_CODEC_VP8);
	rig_run(r, 5);
	r->now_us += 5 * HZ_ROOM_TICK_US + 1000;
	rig_tick(r);
	assert_int_equal(r->viewer[0].pictures, 6);
	assert_int_equal(r->viewer[0].gaps, 1);
	hz_mosaic_status(r->mosaic, &s);
	assert_int_equal(s.skipped, 5);
	for (unsigned n = 0; n < 10; n++) { // what is read has waited: fewer pictures, not older ones
		struct fake_camera *c = &r->camera[0];
		r->now_us += HZ_ROOM_TICK_US;
		fake_camera_take(c);
		r->now_us += 150000;
		rig_send_packet(r, c, 0);
		r->now_us -= 150000;
		const struct hz_mosaic_record record = {.consult = CONSULT,
		                                        .kind = HZ_RING_RTP,
		                                        .data = c->out.data[0],
		                                        .bytes = c->out.bytes[0],
		                                        .arrival_us = r->now_us - 150000};
		hz_mosaic_take(r->mosaic, &record, r->now_us);
		(void)hz_mosaic_tick(r->mosaic, r->now_us, 0);
	}
	assert_in_range(r->viewer[0].pictures, 7, 9);
}

// --- watching

static void asked_for_keyframes(void **state)
{
	struct rig *r = *state;
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	rig_add_cameras(r, 1);
	rig_add_viewer(r, 1, 720, HZ_CODEC_H264_CB);
	rig_add_viewer(r, 2, 360, HZ_CODEC_VP8);
	rig_run(r, 20);
	for (unsigned n = 0; n < 10; n++) { // one is enough for all who ask
		hz_rtcp_writer_init(&w, buf, sizeof(buf));
		assert_int_equal(hz_rtcp_begin(&w, 77, NULL, 0), 0);
		assert_int_equal(
		    n % 2 ? hz_rtcp_write_fir(&w, 77, 5001, (uint8_t)n) : hz_rtcp_write_pli(&w, 77, 5001), 0);
		const struct hz_mosaic_record record = {.worker = 1,
		                                        .consult = CONSULT,
		                                        .kind = HZ_RING_RTCP,
		                                        .data = buf,
		                                        .bytes = w.bytes,
		                                        .arrival_us = r->now_us};
		hz_mosaic_take(r->mosaic, &record, r->now_us);
		rig_tick(r);
	}
	assert_in_range(r->viewer[0].keys, 2, 3);
	assert_int_equal(r->viewer[1].keys, 1);
}

static void nobody_watches(void **state)
{
	struct rig *r = *state;
	struct hz_mosaic_rendition_del del = {.rendition = 1};
	struct hz_mosaic_status s = {0};
	rig_add_cameras(r, 2);
	for (unsigned n = 0; n < 5; n++) {
		r->now_us += HZ_ROOM_TICK_US;
		assert_true(hz_mosaic_tick(r->mosaic, r->now_us, 0) == INT64_MAX);
	}
	assert_int_equal(r->plis, 0);
	rig_add_viewer(r, 1, 360, HZ_CODEC_H264_CB);
	rig_run(r, 10);
	assert_int_equal(r->viewer[0].pictures, 10);
	assert_int_equal(rig_command(r, &del, HZ_MOSAIC_RENDITION_DEL, sizeof(del)), 0);
	hz_mosaic_status(r->mosaic, &s);
	uint64_t decoded = s.decoded;
	assert_true(hz_mosaic_tick(r->mosaic, r->now_us + 100000, 0) == INT64_MAX);
	fake_camera_take(&r->camera[0]);
	rig_send_packet(r, &r->camera[0], 0);
	hz_mosaic_status(r->mosaic, &s);
	assert_int_equal(s.decoded, decoded);
	assert_int_equal(s.renditions, 0);
	assert_int_equal(s.members, 2);
}

// What a report says of the newest picture is when it was captured: 200 ms before it came, as the publisher's report tells.
static void reports_tell_capture(void **state)
{
	struct rig *r = *state;
	uint8_t buf[64];
	rig_add_cameras(r, 1);
	rig_add_viewer(r, 1, 360, HZ_CODEC_H264_CB);
	for (unsigned n = 0; n < 100; n++) {
		struct hz_rtcp_writer w;
		int64_t sent_us = r->now_us - (n % 2 ? 1000 : 0); // the way takes a little more now and then
		const struct hz_sender_info info = {.ntp = hz_ntp_from_us(sent_us + HZ_NTP_UNIX_US),
		                                    .rtp_ts = r->camera[0].ts + 200 * 90};
		hz_rtcp_writer_init(&w, buf, sizeof(buf));
		assert_int_equal(hz_rtcp_write_sr(&w, 1001, &info, NULL, 0), 0);
		const struct hz_mosaic_record record = {.consult = CONSULT,
		                                        .kind = HZ_RING_RTCP,
		                                        .data = buf,
		                                        .bytes = w.bytes,
		                                        .arrival_us = r->now_us};
		hz_mosaic_take(r->mosaic, &record, r->now_us);
		rig_tick(r);
	}
	assert_true(r->reports >= 3);
	struct hz_mosaic_status s = {0};
	hz_mosaic_status(r->mosaic, &s);
	assert_in_range(s.latency_us, 190000, 245000);
	int64_t wall_us = hz_ntp_to_us(r->report_ntp) - HZ_NTP_UNIX_US - 1795420800000000ll;
	assert_in_range(r->now_us - wall_us, 0, 1100000); // when it was sent, whatever the age
	int64_t captured_us = wall_us + (int64_t)(int32_t)(r->viewer[0].ts - r->report_ts) * 100 / 9;
	assert_in_range(r->now_us - captured_us, 190000, 290000);
}

int main(void)
{
	av_log_set_level(AV_LOG_QUIET);
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {TEST(grid_of_six),    TEST(speaker_moves),
	                                   TEST(two_only),       TEST(off_is_off),
	                                   TEST(turned),         TEST(loss_asks_and_recovers),
	                                   TEST(flood),          TEST(wrong_packets),
	                                   TEST(late),           TEST(asked_for_keyframes),
	                                   TEST(nobody_watches), TEST(reports_tell_capture)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
