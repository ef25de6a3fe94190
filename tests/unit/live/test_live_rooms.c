// The rooms of the live lane under a clock of the test's: what is on the table is what is seen, and nothing else, ever.
#include "media/live/rooms.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/ring.h"
#include "media/live/encoder.h"
#include "media/rtp/rtcp.h"
#include "tests/unit/imaging/fake_film.h"
#include "tests/unit/live/fake_table.h"
#include "tests/unit/mosaic/fake_video.h"

#define CONSULT 7u
#define SSRC    20u

static struct hz_lane *live;
static struct fake_viewer viewer;
static struct hz_live_want want[64];
static unsigned wants, packets, reports;
static struct hz_live_ref trying;
static unsigned tries;
static int64_t now_us;
static uint32_t seq;

static void on_send(void *ctx, uint64_t workers, uint32_t consult, unsigned kind, const uint8_t *data,
                    size_t bytes)
{
	(void)ctx;
	assert_int_equal(workers, 2);
	assert_int_equal(consult, CONSULT);
	packets += kind == HZ_RING_RTP;
	reports += kind == HZ_RING_RTCP;
	if (kind == HZ_RING_RTP)
		fake_viewer_put(&viewer, data, bytes);
}

static bool on_want(void *ctx, const struct hz_live_want *w)
{
	(void)ctx;
	if (wants == 64)
		return false;
	want[wants++] = *w;
	return true;
}

static void on_trying(void *ctx, const struct hz_live_ref *what)
{
	(void)ctx;
	trying = what ? *what : (struct hz_live_ref){0};
	tries += what != NULL;
}

static int setup(void **state)
{
	const struct hz_lane_ops ops = {NULL, on_send, on_want, on_trying};
	(void)state;
	hz_live_encoder_quiet();
	wants = packets = reports = tries = 0;
	now_us = 1000000;
	fake_viewer_init(&viewer, HZ_CODEC_H264_CB, SSRC);
	return hz_dicom_init() || hz_lane_new(&ops, NULL, &live);
}

static int teardown(void **state)
{
	(void)state;
	hz_lane_free(live);
	fake_viewer_done(&viewer);
	return 0;
}

static int say_fd(void *message, unsigned type, size_t bytes, int fd)
{
	struct hz_msg_header *h = message;
	*h = (struct hz_msg_header){HZ_LIVE_API_VERSION, (uint16_t)type, (uint32_t)bytes, ++seq, 0};
	return hz_lane_command(live, message, bytes, fd, now_us);
}

static int say(void *message, unsigned type, size_t bytes)
{
	return say_fd(message, type, bytes, -1);
}

static void give(unsigned at, int fd, unsigned result)
{
	struct hz_live_give g = {.id = want[at].id, .result = result};
	assert_in_range(at, 0, wants - 1);
	assert_int_equal(say_fd(&g, HZ_LIVE_GIVE, sizeof(g), fd), 0);
}

static void show(struct hz_live_room_set room)
{
	static uint64_t version;
	room.version = ++version;
	assert_int_equal(say(&room, HZ_LIVE_ROOM_SET, sizeof(room)), 0);
}

static void watch(void)
{
	struct hz_live_rendition_set r = fake_rendition(CONSULT, SSRC, HZ_CODEC_H264_CB);
	assert_int_equal(say(&r, HZ_LIVE_RENDITION_SET, sizeof(r)), 0);
}

// Time goes on, and whatever is due is done.
static void pass(int64_t us)
{
	for (int64_t until_us = now_us + us; now_us < until_us; now_us += 5000) {
		const struct hz_live_moment moment = {now_us, now_us};
		(void)hz_lane_tick(live, &moment);
	}
}

static int grey(int x, int y) // in 256ths of the image
{
	return fake_viewer_at(&viewer, x * 5, y * 720 / 272).y;
}

static int luma(int value) // of 12 bits, in a window of all of them
{
	return 16 + value * 219 / 4095;
}

static void near(int is, int wanted)
{
	assert_in_range(is, wanted - 3, wanted + 3);
}

static void begin(unsigned uid, unsigned value, unsigned frames)
{
	show(fake_room(CONSULT, uid));
	watch();
	pass(50000);
	assert_int_equal(wants, 1);
	give(0, fake_object(uid, value, frames), 0);
	pass(600000);
}

static void test_the_window_on_the_original_bits(void **state)
{
	(void)state;
	begin(1, 1000, 1);
	near(grey(100, 100), luma(1000));
	assert_string_equal(trying.instance, ""); // it is over
	struct hz_live_room_set room = fake_room(CONSULT, 1);
	room.pane[0].windowed = 1;
	room.pane[0].center = 1010;
	room.pane[0].width = 100; // fine enough to tell 12 bits apart
	show(room);
	pass(600000);
	near(grey(100, 100), 16 + (int)(((1000 - 1009.5) / 99 + 0.5) * 219));
	room.pane[0].invert = 1;
	show(room);
	pass(600000);
	near(grey(100, 100), 235 - (int)(((1000 - 1009.5) / 99 + 0.5) * 219));
	assert_int_equal(wants, 1); // asked for once
	assert_true(reports > 0);
}

// The window is changed while the next image is awaited, and then it is back to the one before.
static void test_the_window_of_what_was_left_and_came_back(void **state)
{
	struct hz_live_room_set room = fake_room(CONSULT, 2);
	(void)state;
	begin(1, 1000, 1);
	room.pane[0].windowed = 1;
	room.pane[0].center = 1010;
	room.pane[0].width = 100;
	show(room);
	pass(100000);
	near(grey(100, 100), luma(1000)); // as it was: the other is not there
	room.pane[0].image = fake_room(CONSULT, 1).pane[0].image;
	show(room);
	pass(600000);
	near(grey(100, 100), 16 + (int)(((1000 - 1009.5) / 99 + 0.5) * 219));
}

static void test_at_rest_next_to_nothing_is_sent(void **state)
{
	struct hz_live_status status = {0};
	(void)state;
	begin(1, 1000, 1);
	pass(1000000);
	unsigned before = packets;
	pass(10000000);
	assert_in_range(packets - before, 9, 12); // one a second
	hz_lane_status(live, &status);
	assert_int_equal(status.rooms, 1);
	assert_int_equal(status.keyframes_made, 1);
	assert_int_equal(status.decoded, 1);
}

static void ask_for_key(void)
{
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	assert_int_equal(hz_rtcp_begin(&w, 77, NULL, 0), 0);
	assert_int_equal(hz_rtcp_write_pli(&w, 77, SSRC), 0);
	hz_lane_take(live, CONSULT, buf, w.bytes);
}

static void test_who_comes_late_gets_a_keyframe_but_not_too_often(void **state)
{
	struct hz_live_status status = {0};
	(void)state;
	begin(1, 1000, 1);
	for (int i = 0; i < 20; i++) {
		ask_for_key();
		pass(50000);
	}
	pass(400000);
	hz_lane_status(live, &status);
	assert_in_range(status.keyframes_made, 3, 6);
	assert_int_equal(status.keyframes_asked, 20);
	near(grey(100, 100), luma(1000));
}

static void test_a_stack_and_its_neighbours(void **state)
{
	struct hz_live_room_set room = fake_room(CONSULT, 0);
	(void)state;
	room.pane[0].frame = 1;
	show(room);
	watch();
	pass(50000);
	assert_int_equal(wants, 1);
	assert_int_equal(want[0].kind, HZ_LIVE_SERIES);
	assert_string_equal(want[0].what.instance, "");
	give(0, fake_series(1, 3), 0);
	pass(50000);
	assert_int_equal(wants, 2);
	assert_string_equal(want[1].what.instance, "2.25.2");
	give(1, fake_object(2, 2000, 1), 0);
	pass(600000);
	near(grey(100, 100), luma(2000));
	assert_int_equal(wants, 4); // both neighbours, ahead of time
	for (unsigned i = 2; i < 4; i++)
		give(i, fake_object((unsigned)(want[i].what.instance[5] - '0'), 500, 1), 0);
	room.pane[0].frame = 2;
	show(room);
	pass(100000); // it is there already
	near(grey(100, 100), luma(500));
	room.pane[0].frame = 1000000;
	show(room);
	pass(100000);
	near(grey(100, 100), luma(500)); // the last one
}

// What those outside get has no overlay, whoever else looks on; and nothing of an image that says it has names burned in.
static void test_bare_for_those_outside(void **state)
{
	struct hz_live_rendition_set bare = fake_rendition(CONSULT, SSRC, HZ_CODEC_H264_CB), plain = bare;
	(void)state;
	bare.bare = 1;
	plain.rendition++;
	plain.ssrc++;
	show(fake_room(CONSULT, 1));
	assert_int_equal(say(&bare, HZ_LIVE_RENDITION_SET, sizeof(bare)), 0);
	pass(50000);
	give(0, fake_named(1, 1000, true, false), 0);
	pass(600000);
	near(grey(60, 128), luma(1000));
	near(grey(200, 128), luma(1000));
	assert_int_equal(say(&plain, HZ_LIVE_RENDITION_SET, sizeof(plain)), 0);
	pass(200000);
	near(grey(60, 128), luma(1000));
	show(fake_room(CONSULT, 2));
	pass(50000);
	give(1, fake_named(2, 1000, false, true), 0);
	pass(600000);
	near(grey(60, 128), 16);
	near(grey(200, 128), 16);
	// Those inside see all of it.
	struct hz_live_del del = {.id = bare.rendition};
	assert_int_equal(say(&del, HZ_LIVE_RENDITION_DEL, sizeof(del)), 0);
	fake_viewer_done(&viewer);
	fake_viewer_init(&viewer, HZ_CODEC_H264_CB, SSRC + 2);
	plain.ssrc = SSRC + 2;
	assert_int_equal(say(&plain, HZ_LIVE_RENDITION_SET, sizeof(plain)), 0);
	pass(600000);
	near(grey(60, 128), luma(1000));
	show(fake_room(CONSULT, 1));
	pass(600000);
	near(grey(60, 128), 235);
	near(grey(200, 128), luma(1000));
}

static void test_frames_of_an_object_and_cine(void **state)
{
	struct hz_live_room_set room = fake_room(CONSULT, 1);
	bool seen[3] = {false};
	(void)state;
	begin(1, 1000, 3);
	room.pane[0].frame = 2;
	show(room);
	pass(600000);
	near(grey(100, 100), luma(1800));
	room.pane[0].cine = 2;
	show(room);
	for (int i = 0; i < 60; i++) {
		pass(50000);
		for (int k = 0; k < 3; k++)
			seen[k] |= abs(grey(100, 100) - luma(1000 + k * 400)) < 5;
	}
	assert_true(seen[0] && seen[1] && seen[2]);
	room.pane[0].cine = 1e-13; // as good as none: it does not keep the process busy
	show(room);
	pass(1000000);
	const struct hz_live_moment moment = {now_us, now_us};
	assert_true(hz_lane_tick(live, &moment) > now_us);
	near(grey(100, 100), luma(1800));
}

// H.264 of three greys; each frame is the picture of that number.
static void test_frames_of_a_video(void **state)
{
	static const struct fake_film film = {"1.2.840.10008.1.2.4.102", NULL, NULL, 8};
	struct hz_live_room_set room = fake_room(CONSULT, 1);
	struct fake_bytes stream = {0};
	uint8_t piece[4096];
	size_t n;
	(void)state;
	FILE *f =
	    popen("ffmpeg -nostdin -v error -f lavfi -i "
	          "\"nullsrc=s=96x80:r=25,geq=lum='60+50*N':cb=128:cr=128\" -frames:v 3 -pix_fmt yuv420p "
	          "-c:v libx264 -f h264 -",
	          "r");
	while (f && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		fake_put(&stream, piece, n);
	assert_int_equal(pclose(f), 0);
	struct fake_bytes file = fake_film_object(&film, &stream, 1, 3);
	show(room);
	watch();
	pass(50000);
	give(0, fake_file(file.data, file.bytes), 0);
	pass(600000);
	near(grey(100, 100), 60);
	for (unsigned i = 3; i-- > 0;) {
		room.pane[0].frame = i;
		show(room);
		pass(600000);
		near(grey(100, 100), 60 + 50 * (int)i);
	}
	fake_bytes_done(&file);
	fake_bytes_done(&stream);
}

// What was on the table before is another patient's, perhaps: it goes before the next one comes.
static void test_never_the_picture_of_before(void **state)
{
	struct hz_live_room_set room = fake_room(CONSULT, 2);
	(void)state;
	begin(1, 3000, 1);
	near(grey(100, 100), luma(3000));
	strcpy(room.pane[0].image.study, "1.9");
	strcpy(room.pane[0].image.series, "1.9.1");
	show(room);
	pass(100000);
	near(grey(100, 100), 16);
	give(1, fake_object(3, 2000, 1), 0); // of another number than was asked for
	pass(600000);
	near(grey(100, 100), 16);
	memset(&room.pane[0], 0, sizeof(room.pane[0])); // taken away
	show(room);
	pass(600000);
	near(grey(100, 100), 16);
}

static void test_what_cannot_be_had_or_read(void **state)
{
	static const char html[] = "<html>no</html>";
	struct hz_live_status status = {0};
	(void)state;
	show(fake_room(CONSULT, 1));
	watch();
	pass(50000);
	give(0, -1, 5);
	pass(1000000);
	assert_int_equal(wants, 1); // not asked for again at once
	pass(3000000);
	assert_int_equal(wants, 2);
	assert_int_equal(tries, 0);
	give(1, fake_file(html, sizeof(html)), 0);
	assert_int_equal(tries, 1); // to read it is to try it
	assert_string_equal(trying.instance, "");
	pass(4000000);
	assert_int_equal(wants, 3);
	give(2, fake_object(1, 1000, 1), 0);
	pass(600000);
	near(grey(100, 100), luma(1000));
	struct hz_live_give late = {.id = want[0].id};
	assert_int_equal(say_fd(&late, HZ_LIVE_GIVE, sizeof(late), fake_object(1, 4000, 1)),
	                 0); // nobody waits
	pass(600000);
	near(grey(100, 100), luma(1000));
	hz_lane_status(live, &status);
	assert_int_equal(status.failed, 2);
}

// An object of gigabytes: not asked for again and again; its series says that it is a slide, and then it is not asked for at all.
static void test_a_slide_is_told_and_not_drawn(void **state)
{
	static const char slide[] = "[{\"00080016\":{\"Value\":[\"" HZ_LIVE_SLIDE_SOP "\"]}}]";
	struct hz_live_room_set room = fake_room(CONSULT, 1);
	(void)state;
	show(room);
	watch();
	pass(50000);
	assert_int_equal(wants, 1);
	assert_int_equal(want[0].kind, HZ_LIVE_OBJECT);
	give(0, -1, HZ_LIVE_TOO_LARGE);
	pass(100000);
	assert_int_equal(wants, 2);
	assert_int_equal(want[1].kind, HZ_LIVE_SERIES);
	give(1, fake_file(slide, sizeof(slide) - 1), 0);
	pass(70000000);
	assert_int_equal(wants, 2);
	assert_int_equal(tries, 0);
	strcpy(room.pane[0].image.instance, "1.77"); // another level of it
	show(room);
	pass(100000);
	assert_int_equal(wants, 2);
	near(grey(20, 20), 16);
}

static void test_drawings_where_they_belong(void **state)
{
	struct hz_live_room_set room = fake_room(CONSULT, 1);
	struct hz_live_mark_set mark = {.consult = CONSULT,
	                                .mark = 3,
	                                .on = room.pane[0].image,
	                                .frame = 0,
	                                .colour = 0xffffff,
	                                .kind = HZ_LIVE_LINE,
	                                .points = 2,
	                                .point = {{0, 32}, {63, 32}}};
	struct hz_live_mark_del del = {.consult = CONSULT, .mark = 3};
	(void)state;
	begin(1, 0, 2);
	assert_int_equal(say(&mark, HZ_LIVE_MARK_SET, sizeof(mark)), 0);
	pass(600000);
	assert_true(grey(100, 129) > 60);
	near(grey(100, 60), luma(0));
	room.pane[0].frame = 1;
	show(room);
	pass(600000);
	near(grey(100, 129), luma(400)); // it is on the other frame
	room.pane[0].frame = 0;
	show(room);
	assert_int_equal(say(&del, HZ_LIVE_MARK_DEL, sizeof(del)), 0);
	pass(600000);
	near(grey(100, 129), luma(0));
	for (unsigned kind = 0; kind < HZ_LIVE_MARK_KINDS;
	     kind++) { // anything at all, far outside and inside
		mark.kind = (uint8_t)kind;
		mark.mark = 10 + kind;
		mark.points = HZ_LIVE_POINTS;
		for (unsigned i = 0; i < HZ_LIVE_POINTS; i++) {
			mark.point[i][0] = (float)(i * 7919 % 1000) * (i % 3 ? 0.1f : 1e6f);
			mark.point[i][1] = (float)(i * 104729 % 1000) * (i % 5 ? -0.1f : 1e6f);
		}
		assert_int_equal(say(&mark, HZ_LIVE_MARK_SET, sizeof(mark)), 0);
	}
	pass(200000);
	mark.points = HZ_LIVE_POINTS + 1;
	assert_int_equal(say(&mark, HZ_LIVE_MARK_SET, sizeof(mark)), -EINVAL);
}

// A control that is new: what it does not name goes, what waited is asked for again.
static void test_begin_and_end(void **state)
{
	struct hz_cmd_reconcile m;
	struct hz_live_status status = {0};
	(void)state;
	show(fake_room(CONSULT, 1));
	watch();
	pass(50000);
	assert_int_equal(wants, 1);
	assert_int_equal(say(&m, HZ_LIVE_BEGIN, sizeof(m)), 0);
	show(fake_room(CONSULT, 1));
	watch();
	assert_int_equal(say(&m, HZ_LIVE_END, sizeof(m)), 0);
	pass(600000);
	assert_int_equal(wants, 2);
	give(1, fake_object(1, 1000, 1), 0);
	pass(600000);
	near(grey(100, 100), luma(1000));
	assert_int_equal(say(&m, HZ_LIVE_BEGIN, sizeof(m)), 0);
	assert_int_equal(say(&m, HZ_LIVE_END, sizeof(m)), 0);
	hz_lane_status(live, &status);
	assert_int_equal(status.rooms, 0);
	unsigned before = packets;
	pass(2000000);
	assert_int_equal(packets, before);
}

static void test_bounds_and_nonsense(void **state)
{
	uint8_t junk[HZ_LIVE_MESSAGE_MOST];
	struct hz_live_room_set room = fake_room(CONSULT, 1);
	struct hz_live_rendition_set r = fake_rendition(CONSULT, SSRC, HZ_CODEC_H264_CB);
	(void)state;
	assert_int_equal(say(&r, HZ_LIVE_RENDITION_SET, sizeof(r)), -ENOENT); // no room
	for (uint32_t i = 0; i < HZ_LIVE_ROOMS; i++) {
		room.consult = 100 + i;
		assert_int_equal(say(&room, HZ_LIVE_ROOM_SET, sizeof(room)), 0);
	}
	room.consult = 99;
	assert_int_equal(say(&room, HZ_LIVE_ROOM_SET, sizeof(room)), -ENOSPC);
	room.consult = 100;
	room.panes = 3;
	assert_int_equal(say(&room, HZ_LIVE_ROOM_SET, sizeof(room)), -EINVAL);
	room.panes = 1;
	memset(room.pane[0].image.series, 'x', HZ_LIVE_UID_BYTES);
	assert_int_equal(say(&room, HZ_LIVE_ROOM_SET, sizeof(room)), -EINVAL);
	r.consult = 100;
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++) {
		r.rendition = i + 1;
		assert_int_equal(say(&r, HZ_LIVE_RENDITION_SET, sizeof(r)), 0);
	}
	r.rendition = 50;
	assert_int_equal(say(&r, HZ_LIVE_RENDITION_SET, sizeof(r)), -ENOSPC);
	r.rendition = 1;
	r.side = 4096;
	assert_int_equal(say(&r, HZ_LIVE_RENDITION_SET, sizeof(r)), -EINVAL);
	for (unsigned n = 0; n < 20000; n++) {
		for (size_t i = 0; i < sizeof(junk); i += 1 + n % 7)
			junk[i] = (uint8_t)(rand() >> 7);
		struct hz_msg_header *h = (void *)junk;
		size_t bytes = (size_t)rand() % sizeof(junk);
		if (n % 2)
			*h = (struct hz_msg_header){HZ_LIVE_API_VERSION, (uint16_t)(rand() % 12),
			                            (uint32_t)bytes, n, 0};
		(void)hz_lane_command(live, junk, bytes, -1, now_us);
		hz_lane_take(live, 100, junk, bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_the_window_on_the_original_bits, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_the_window_of_what_was_left_and_came_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_at_rest_next_to_nothing_is_sent, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_who_comes_late_gets_a_keyframe_but_not_too_often, setup,
	                                    teardown),
	    cmocka_unit_test_setup_teardown(test_a_stack_and_its_neighbours, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bare_for_those_outside, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_frames_of_an_object_and_cine, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_frames_of_a_video, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_never_the_picture_of_before, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_what_cannot_be_had_or_read, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_slide_is_told_and_not_drawn, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_drawings_where_they_belong, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_begin_and_end, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bounds_and_nonsense, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
