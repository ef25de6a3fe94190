// huizhen-hls as a process: a worker's rings, control's socket; it is cut, killed in the cut, fed garbage, loses its parent. Timed: it
// runs on the machine's clock.
#include "media/hls/pipe.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gateway/base/clock.h"
#include "media/hls/api.h"
#include "tests/unit/hls/fake_camera.h"
#include "tests/unit/pipe/process_rig.h"

#define CONSULT  5u
#define DELAY_MS 1000
#define LATE_US  30000000 // that a slow machine may take for anything

static int folder;
static struct hz_ring to_pipe, from_pipe;
static struct fake_camera camera;
static struct hz_hls_broadcast_set wish;
static char root[32];
static uint32_t seq;

static int setup(void **state)
{
	static const struct rig_kind kind = {
	    .run = hz_hls_pipe_run, .version = HZ_HLS_API_VERSION, .hello = HZ_HLS_HELLO, .workers = 1};
	snprintf(root, sizeof(root), "/tmp/hz-pipe-XXXXXX");
	assert_non_null(mkdtemp(root));
	folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rig_new(&kind);
	rig_attach(&to_pipe, 0, true);
	rig_attach(&from_pipe, 0, false);
	camera = (struct fake_camera){.ssrc = 77, .lazy = true, .n = 1};
	wish = (struct hz_hls_broadcast_set){
	    .consult = CONSULT, .delay_ms = DELAY_MS, .window_s = 60, .id = "event", .video = {77, 0, 0}};
	rig_start();
	return 0;
}

static int teardown(void **state)
{
	char command[64];
	rig_done();
	close(folder);
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

// One picture into the ring, and what is asked for out of it.
static void picture(void)
{
	struct fake_packets p;
	struct hz_ring_record record;
	uint8_t buf[HZ_RING_RECORD_BYTES];
	size_t bytes;
	while (hz_ring_take(&from_pipe, &record, buf, &bytes) == 1) {
		assert_int_equal(record.kind, HZ_RING_RTCP);
		assert_int_equal(record.source, CONSULT);
		camera.n = 0;
	}
	int64_t now_us = hz_now_us();
	camera_picture(&camera, now_us, &p);
	for (unsigned i = 0; i < p.count; i++) {
		const struct hz_ring_record rtp = {
		    .kind = HZ_RING_RTP, .source = CONSULT, .arrival_us = now_us};
		(void)hz_ring_put(&to_pipe, &rtp, p.data[i], p.bytes[i]);
	}
	rig_poke();
	usleep(40000);
}

static void say(void *message, unsigned type, size_t bytes)
{
	struct hz_msg_header *h = message;
	int err = 0;
	*h = (struct hz_msg_header){HZ_HLS_API_VERSION, (uint16_t)type, (uint32_t)bytes, ++seq, 0};
	if (type == HZ_HLS_RECONCILE_BEGIN)
		err = hz_seqpacket_send_fds(rig.api, message, bytes, &folder, 1);
	else
		while ((err = hz_seqpacket_send(rig.api, message, bytes)) == -EAGAIN)
			usleep(1000);
	assert_int_equal(err, 0);
}

// The answer to what was said last. Media goes on meanwhile.
static int answer(void)
{
	int64_t until_us = hz_now_us() + LATE_US;
	while (hz_now_us() < until_us) {
		_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
		size_t bytes = 0;
		const struct hz_ev_ack *ack = (const void *)buf;
		int err = hz_seqpacket_recv(rig.api, buf, sizeof(buf), &bytes);
		if (err == -EAGAIN)
			picture();
		else if (err)
			return err;
		else if (ack->h.type == HZ_HLS_ACK && ack->h.seq == seq)
			return ack->err;
	}
	return -ETIMEDOUT;
}

static int say_wish(void)
{
	say(&wish, HZ_HLS_BROADCAST_SET, sizeof(wish));
	return answer();
}

static void introduce(void)
{
	struct hz_hls_begin begin_m = {.disk_bytes = 1u << 30};
	struct hz_cmd_reconcile end_m;
	say(&begin_m, HZ_HLS_RECONCILE_BEGIN, sizeof(begin_m));
	assert_int_equal(answer(), 0);
	assert_int_equal(say_wish(), 0);
	say(&end_m, HZ_HLS_RECONCILE_END, sizeof(end_m));
	assert_int_equal(answer(), 0);
}

static int64_t newest(void)
{
	int64_t us;
	(void)folder_marks(root, 0, 0, &us);
	return us;
}

static unsigned marks(int64_t from_us, int64_t until_us)
{
	int64_t us;
	return folder_marks(root, from_us, until_us, &us);
}

static void until_shown(int64_t from_us)
{
	int64_t until_us = hz_now_us() + LATE_US;
	while (newest() < from_us && hz_now_us() < until_us)
		picture();
	assert_true(newest() >= from_us);
}

static void cut_holds_over_a_kill(void **state)
{
	introduce();
	until_shown(0);
	int64_t mark_us = hz_now_us();
	wish.cut_us = mark_us;
	assert_int_equal(say_wish(), 0);
	assert_int_equal(marks(mark_us, INT64_MAX), 0);
	for (int i = 0; i < 50; i++)
		picture();
	assert_int_equal(marks(mark_us, INT64_MAX), 0);
	assert_true(newest() > mark_us - DELAY_MS * 1000); // and before it nothing is missing
	rig_kill();
	for (int i = 0; i < 10; i++)
		picture(); // into the ring of nobody
	rig_start();
	introduce();
	for (int i = 0; i < 40; i++)
		picture();
	assert_int_equal(marks(0, INT64_MAX), 0);
	int64_t back_us = hz_now_us();
	wish.cut_us = 0;
	wish.from_us = back_us;
	assert_int_equal(say_wish(), 0);
	until_shown(back_us);
	assert_int_equal(marks(0, back_us), 0);
}

// Killed at any moment: what was held is gone with it, and something is shown again soon.
static void killed(void **state)
{
	struct stat about;
	char path[64];
	introduce();
	until_shown(0);
	rig_kill();
	snprintf(path, sizeof(path), "%s/event/video/index.m3u8", root);
	assert_int_equal(stat(path, &about), 0);
	ino_t before = about.st_ino;
	rig_start();
	introduce();
	int64_t began_us = hz_now_us();
	do {
		picture();
	} while ((stat(path, &about) || about.st_ino == before) && hz_now_us() < began_us + LATE_US);
	assert_int_not_equal(about.st_ino, before);
	until_shown(began_us);
}

static void garbage_and_goodbye(void **state)
{
	uint8_t junk[HZ_API_MAX_BYTES];
	srand(4);
	introduce();
	for (int i = 0; i < 500; i++) {
		size_t bytes = 1 + (size_t)rand() % sizeof(junk);
		for (size_t k = 0; k < bytes; k++)
			junk[k] = (uint8_t)rand();
		(void)hz_seqpacket_send(rig.api, junk, bytes);
		const struct hz_ring_record record = {
		    .kind = (uint16_t)(rand() % 3), .source = CONSULT, .arrival_us = rand()};
		(void)hz_ring_put(&to_pipe, &record, junk, bytes);
		(void)hz_seqpacket_recv(rig.api, junk, sizeof(junk), &bytes);
	}
	assert_int_equal(say_wish(), 0);
	rig_leave();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(cut_holds_over_a_kill, setup, teardown),
	    cmocka_unit_test_setup_teardown(killed, setup, teardown),
	    cmocka_unit_test_setup_teardown(garbage_and_goodbye, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
