// The mosaic as a process: two workers' rings, control's socket; it is killed, hangs, is fed garbage, loses its parent.
// Timed: it composes in real time, and what hangs is ended by a clock of the kernel's.
#include "media/mosaic/pipe.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <libavutil/log.h>

#include "gateway/base/clock.h"
#include "gateway/base/hang.h"
#include "gateway/base/memfd.h"
#include "gateway/base/ring.h"
#include "gateway/base/ring_grid.h"
#include "gateway/base/seqpacket.h"
#include "media/mosaic/api.h"
#include "media/rtp/rtcp.h"
#include "tests/unit/mosaic/fake_video.h"

#define WORKERS 2u
#define CONSULT 5u

static int api[2], rings, wake[WORKERS + 1];
static void *memory;
static pid_t child;
static struct hz_ring in, out; // of worker 0: to the mosaic; of worker 1: from it
static struct fake_camera camera;

static void start(void)
{
	assert_int_equal(hz_seqpacket_pair(0, api), 0);
	child = fork();
	if (child == 0) {
		const struct hz_pipe_fds fds = {
		    .api = api[1], .rings = rings, .wake = wake, .workers = WORKERS};
		close(api[0]);
		_exit(hz_mosaic_pipe_run(&fds) ? 1 : 0);
	}
	close(api[1]);
}

static int ended(void)
{
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	close(api[0]);
	child = 0;
	return status;
}

static int setup(void **state)
{
	size_t bytes = hz_ring_pipe_bytes(WORKERS);
	assert_int_equal(hz_memfd_new("rings", bytes, &rings), 0);
	assert_int_equal(hz_memfd_map(rings, bytes, &memory), 0);
	for (unsigned i = 0; i <= WORKERS; i++)
		wake[i] = eventfd(0, EFD_NONBLOCK);
	assert_int_equal(hz_ring_produce(&in, hz_ring_pipe_place(memory, 0, true), HZ_RING_PIPE_EACH), 0);
	assert_int_equal(hz_ring_consume(&out, hz_ring_pipe_place(memory, 1, false), HZ_RING_PIPE_EACH), 0);
	fake_camera_init(&camera, HZ_CODEC_H264_CB, 10, (struct hz_colour){120, 60, 180});
	start();
	return 0;
}

static int teardown(void **state)
{
	if (child) {
		kill(child, SIGKILL);
		(void)ended();
	}
	fake_camera_done(&camera);
	hz_memfd_unmap(memory, hz_ring_pipe_bytes(WORKERS));
	close(rings);
	for (unsigned i = 0; i <= WORKERS; i++)
		close(wake[i]);
	return 0;
}

// The next message of a type, within 10 s.
static void hear(unsigned type, void *ret, size_t bytes)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	for (;;) {
		struct pollfd p = {.fd = api[0], .events = POLLIN};
		size_t n = 0;
		assert_int_equal(poll(&p, 1, 10000), 1);
		assert_int_equal(hz_seqpacket_recv(api[0], buf, sizeof(buf), &n), 0);
		const struct hz_msg_header *h = (const void *)buf;
		assert_int_equal(h->version, HZ_MOSAIC_API_VERSION);
		if (h->type != type)
			continue;
		assert_int_equal(n, bytes);
		memcpy(ret, buf, bytes);
		return;
	}
}

static int say(void *message, unsigned type, size_t bytes, uint32_t object)
{
	static uint32_t seq;
	struct hz_msg_header *h = message;
	struct hz_ev_ack ack;
	*h = (struct hz_msg_header){HZ_MOSAIC_API_VERSION, (uint16_t)type, (uint32_t)bytes, ++seq, 0};
	assert_int_equal(hz_seqpacket_send(api[0], message, bytes), 0);
	do
		hear(HZ_MOSAIC_ACK, &ack, sizeof(ack));
	while (ack.h.seq != seq);
	assert_int_equal(ack.id, object);
	return ack.err;
}

static void hello(void)
{
	struct hz_mosaic_hello h;
	hear(HZ_MOSAIC_HELLO, &h, sizeof(h));
	assert_int_equal(h.pid, child);
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
	hello();
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
	(void)eventfd_write(wake[WORKERS], 1);
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
	assert_int_equal(hz_ring_produce(&ring, hz_ring_pipe_place(memory, 1, true), HZ_RING_PIPE_EACH), 0);
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	assert_int_equal(hz_rtcp_begin(&w, 77, NULL, 0), 0);
	assert_int_equal(hz_rtcp_write_pli(&w, 77, ssrc), 0);
	assert_int_equal(hz_ring_put(&ring, &record, buf, w.bytes), 0);
	(void)eventfd_write(wake[WORKERS], 1);
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
	assert_int_equal(hz_ring_consume(&back, hz_ring_pipe_place(memory, 0, false), HZ_RING_PIPE_EACH), 0);
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
	hear(HZ_MOSAIC_TILES, &tiles, sizeof(tiles));
	assert_int_equal(tiles.count, 1);
	watch(20, HZ_CODEC_H264_CB, 40);
	assert_int_equal(eventfd_read(wake[1], &woken), 0);
	do // older ones may wait
		hear(HZ_MOSAIC_STATUS, &status, sizeof(status));
	while (status.encoded < 35);
	assert_int_equal(status.members, 1);
	assert_int_equal(status.renditions, 1);
	assert_int_equal(status.refused + status.unmatched, 0);
	close(api[0]);
	int how = 0;
	assert_int_equal(waitpid(child, &how, 0), child);
	child = 0;
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

// Killed in the middle of it: the next one is told and composes what comes from then on.
static void killed(void **state)
{
	join(20, HZ_CODEC_VP8);
	watch(20, HZ_CODEC_VP8, 10);
	kill(child, SIGKILL);
	assert_true(WIFSIGNALED(ended()));
	for (unsigned n = 0; n < 50; n++)
		film(); // meanwhile the worker writes on
	start();
	join(21, HZ_CODEC_VP8);
	watch(21, HZ_CODEC_VP8, 5);
}

// A machine that has no time for it for a while is no reason to end.
static void starved(void **state)
{
	join(20, HZ_CODEC_VP8);
	watch(20, HZ_CODEC_VP8, 5);
	kill(child, SIGSTOP);
	usleep(2500000);
	kill(child, SIGCONT);
	watch(20, HZ_CODEC_VP8, 5);
}

// What hangs ends by itself. A process that was stopped is one that hangs.
static void hangs(void **state)
{
	join(20, HZ_CODEC_H264_CB);
	kill(child, SIGSTOP);
	usleep(HZ_HANG_WALL_S * 1000000 + 300000);
	kill(child, SIGCONT);
	int how = ended();
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM);
}

static void garbage(void **state)
{
	uint8_t junk[1200];
	memset(junk, 0x5a, sizeof(junk));
	join(20, HZ_CODEC_H264_CB);
	assert_int_equal(hz_seqpacket_send(api[0], junk, 300), 0);
	assert_int_equal(hz_seqpacket_send(api[0], junk, 3), 0);
	for (unsigned kind = 0; kind < 5; kind++) {
		const struct hz_ring_record record = {.kind = (uint16_t)kind, .source = CONSULT};
		for (size_t n = 0; n < sizeof(junk); n += 7)
			assert_int_equal(hz_ring_put(&in, &record, junk, n), 0);
	}
	watch(20, HZ_CODEC_H264_CB, 5);
	memset(hz_ring_pipe_place(memory, 0, true), 0xff, 4096);
	memset(hz_ring_pipe_place(memory, 1, true), 0x5a, 4096);
	(void)eventfd_write(wake[WORKERS], 1);
	usleep(100000);
	assert_int_equal(hz_ring_produce(&in, hz_ring_pipe_place(memory, 0, true), HZ_RING_PIPE_EACH), 0);
	watch(20, HZ_CODEC_H264_CB, 5);
}

// Control does not read for a while: no answer is lost.
static void answers_wait(void **state)
{
	struct hz_mosaic_room_del m = {
	    .h = {.version = HZ_MOSAIC_API_VERSION, .type = HZ_MOSAIC_ROOM_DEL, .bytes = sizeof(m)},
	    .consult = 9};
	struct hz_ev_ack ack;
	unsigned sent = 0;
	hello();
	for (unsigned idle = 0; idle < 20 && sent < 20000;) {
		m.h.seq = sent + 1;
		if (hz_seqpacket_send(api[0], &m, sizeof(m)) == 0) {
			sent++;
			idle = 0;
			continue;
		}
		usleep(10000);
		idle++;
	}
	assert_in_range(sent, 10, 19999); // both directions are full
	for (unsigned n = 1; n <= sent; n++) {
		hear(HZ_MOSAIC_ACK, &ack, sizeof(ack));
		assert_int_equal(ack.h.seq, n);
		assert_int_equal(ack.err, -ENOENT);
	}
}

static void wrong_start(void **state)
{
	struct hz_pipe_fds fds = {.api = -1, .rings = rings, .wake = wake, .workers = 0};
	assert_int_equal(hz_mosaic_pipe_run(&fds), -EINVAL);
	fds.workers = HZ_PIPE_WORKERS + 1;
	assert_int_equal(hz_mosaic_pipe_run(&fds), -EINVAL);
	fds.workers = 64; // the memfd is of another size
	assert_int_equal(hz_mosaic_pipe_run(&fds), -EINVAL);
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
