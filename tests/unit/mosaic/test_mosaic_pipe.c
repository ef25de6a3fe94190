// The mosaic as a process: two workers' rings, control's socket; it is killed, hangs, is fed garbage, loses its parent.
// Timed: it composes in real time, and what hangs is ended by a clock of the kernel's.
#include "media/mosaic/pipe.h"

#include <libavutil/log.h>

#include "gateway/base/clock.h"
#include "media/mosaic/api.h"
#include "media/rtp/rtcp.h"
#include "tests/unit/mosaic/fake_video.h"
#include "tests/unit/pipe/process_rig.h"

#define CONSULT 5u

static struct hz_ring in, out; // of worker 0: to the mosaic; of worker 1: from it
static struct fake_camera camera;

static int setup(void **state)
{
	static const struct rig_kind kind = {.run = hz_mosaic_pipe_run,
	                                     .version = HZ_MOSAIC_API_VERSION,
	                                     .hello = HZ_MOSAIC_HELLO,
	                                     .workers = 2,
	                                     .wait_ms = 10000};
	rig_new(&kind);
	rig_attach(&in, 0, true);
	rig_attach(&out, 1, false);
	fake_camera_init(&camera, HZ_CODEC_H264_CB, 10, (struct hz_colour){120, 60, 180});
	rig_start();
	return 0;
}

static int teardown(void **state)
{
	rig_done();
	fake_camera_done(&camera);
	return 0;
}

static int say(void *message, unsigned type, size_t bytes, uint32_t object)
{
	static uint32_t seq;
	struct hz_msg_header *h = message;
	struct hz_ev_ack ack;
	*h = (struct hz_msg_header){HZ_MOSAIC_API_VERSION, (uint16_t)type, (uint32_t)bytes, ++seq, 0};
	assert_int_equal(hz_seqpacket_send(rig.api, message, bytes), 0);
	do
		rig_hear(HZ_MOSAIC_ACK, &ack, sizeof(ack));
	while (ack.h.seq != seq);
	assert_int_equal(ack.id, object);
	return ack.err;
}

static void join(uint32_t ssrc, uint8_t codec)
{
	struct hz_mosaic_room_set room = {
	    .consult = CONSULT, .flags = HZ_MOSAIC_ROOM_CAPTIONS | HZ_MOSAIC_ROOM_CLOCK, .title = "会诊"};
	struct hz_mosaic_member_set member = {.member = 1,
	                                      .consult = CONSULT,
	                                      .ssrc = 10,
	                                      .kind = HZ_MOSAIC_CAMERA,
	                                      .pt_count = 1,
	                                      .pt = {{.pt = 102, .codec = HZ_CODEC_H264_CB}},
	                                      .name = "王医生"};
	struct hz_mosaic_rendition_set rendition = {.rendition = 2,
	                                            .consult = CONSULT,
	                                            .workers = 2,
	                                            .ssrc = ssrc,
	                                            .height = 360,
	                                            .codec = codec,
	                                            .pt = 98};
	rig_hello();
	assert_int_equal(say(&room, HZ_MOSAIC_ROOM_SET, sizeof(room), CONSULT), 0);
	assert_int_equal(say(&member, HZ_MOSAIC_MEMBER_SET, sizeof(member), 1), 0);
	assert_int_equal(say(&rendition, HZ_MOSAIC_RENDITION_SET, sizeof(rendition), 2), 0);
}

static void film(void)
{
	fake_camera_take(&camera);
	for (unsigned i = 0; i < camera.out.count; i++) {
		const struct hz_ring_record record = {
		    .kind = HZ_RING_RTP, .source = CONSULT, .arrival_us = hz_now_us()};
		(void)hz_ring_put(&in, &record, camera.out.data[i], camera.out.bytes[i]);
	}
	rig_poke();
}

// The worker's side of PLI: a keyframe is asked for through worker 0's ring back.
static void answer_plis(struct hz_ring *back)
{
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	size_t bytes = 0;
	while (hz_ring_take(back, &record, buf, &bytes) == 1)
		camera.wants_key |= record.kind == HZ_RING_RTCP;
}

// Whoever begins to watch in the middle asks for a keyframe.
static void ask(uint32_t ssrc)
{
	struct hz_ring ring;
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	const struct hz_ring_record record = {
	    .kind = HZ_RING_RTCP, .source = CONSULT, .arrival_us = hz_now_us()};
	rig_attach(&ring, 1, true);
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	assert_int_equal(hz_rtcp_begin(&w, 77, NULL, 0), 0);
	assert_int_equal(hz_rtcp_write_pli(&w, 77, ssrc), 0);
	assert_int_equal(hz_ring_put(&ring, &record, buf, w.bytes), 0);
	rig_poke();
}

// Films in real time until the viewer has seen the camera's colour and so many pictures; at most 8 s.
static void watch(uint32_t ssrc, uint8_t codec, unsigned pictures)
{
	struct fake_viewer viewer;
	struct hz_ring back;
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	size_t bytes = 0;
	bool seen = false;
	fake_viewer_init(&viewer, codec, ssrc);
	ask(ssrc);
	rig_attach(&back, 0, false);
	for (unsigned tick = 0; tick < 200 && !(seen && viewer.pictures >= pictures); tick++) {
		film();
		usleep(40000);
		answer_plis(&back);
		while (hz_ring_take(&out, &record, buf, &bytes) == 1) {
			assert_int_equal(record.source, CONSULT);
			if (record.kind == HZ_RING_RTP)
				fake_viewer_put(&viewer, buf, bytes);
		}
		seen = viewer.pictures && fake_same(fake_viewer_at(&viewer, 640, 400), camera.colour);
	}
	assert_true(seen && viewer.pictures >= pictures);
	fake_viewer_done(&viewer);
}

static void composes(void **state)
{
	eventfd_t woken;
	struct hz_mosaic_status status;
	struct hz_mosaic_tiles tiles;
	join(20, HZ_CODEC_H264_CB);
	rig_hear(HZ_MOSAIC_TILES, &tiles, sizeof(tiles));
	assert_int_equal(tiles.count, 1);
	watch(20, HZ_CODEC_H264_CB, 40);
	assert_int_equal(eventfd_read(rig.wake[1], &woken), 0);
	do // older ones may wait
		rig_hear(HZ_MOSAIC_STATUS, &status, sizeof(status));
	while (status.encoded < 35);
	assert_int_equal(status.members, 1);
	assert_int_equal(status.renditions, 1);
	assert_int_equal(status.refused + status.unmatched, 0);
	rig_leave();
}

// Killed in the middle of it: the next one is told and composes what comes from then on.
static void killed(void **state)
{
	join(20, HZ_CODEC_VP8);
	watch(20, HZ_CODEC_VP8, 10);
	rig_kill();
	for (unsigned n = 0; n < 50; n++)
		film(); // meanwhile the worker writes on
	rig_start();
	join(21, HZ_CODEC_VP8);
	watch(21, HZ_CODEC_VP8, 5);
}

static void starved(void **state)
{
	join(20, HZ_CODEC_VP8);
	watch(20, HZ_CODEC_VP8, 5);
	rig_starve();
	watch(20, HZ_CODEC_VP8, 5);
}

static void hangs(void **state)
{
	join(20, HZ_CODEC_H264_CB);
	rig_hang();
}

static void garbage(void **state)
{
	join(20, HZ_CODEC_H264_CB);
	rig_garbage(&in, CONSULT, 1200);
	watch(20, HZ_CODEC_H264_CB, 5);
	rig_break_rings(&in);
	watch(20, HZ_CODEC_H264_CB, 5);
}

static void answers_wait(void **state)
{
	struct hz_mosaic_room_del m = {
	    .h = {.version = HZ_MOSAIC_API_VERSION, .type = HZ_MOSAIC_ROOM_DEL, .bytes = sizeof(m)},
	    .consult = 9};
	rig_hello();
	rig_answers_wait(&m.h, sizeof(m), HZ_MOSAIC_ACK);
}

static void wrong_start(void **state)
{
	rig_wrong_start(64);
}

int main(void)
{
	av_log_set_level(AV_LOG_QUIET);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(composes, setup, teardown),
	    cmocka_unit_test_setup_teardown(killed, setup, teardown),
	    cmocka_unit_test_setup_teardown(starved, setup, teardown),
	    cmocka_unit_test_setup_teardown(hangs, setup, teardown),
	    cmocka_unit_test_setup_teardown(garbage, setup, teardown),
	    cmocka_unit_test_setup_teardown(answers_wait, setup, teardown),
	    cmocka_unit_test_setup_teardown(wrong_start, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
