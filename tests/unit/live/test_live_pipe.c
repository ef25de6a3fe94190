// huizhen-live as a process in its sandbox: images come as files, pictures go into the ring, it is killed, fed garbage, loses its parent.
// Timed: it draws in real time.
#include "media/live/pipe.h"

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

#include "gateway/base/clock.h"
#include "gateway/base/memfd.h"
#include "gateway/base/ring.h"
#include "gateway/base/ring_grid.h"
#include "gateway/base/seqpacket.h"
#include "media/imaging/dicom.h"
#include "media/live/encoder.h"
#include "tests/unit/live/fake_table.h"
#include "tests/unit/mosaic/fake_video.h"

#define WORKERS 2u
#define CONSULT 5u

static int api[2], rings, wake[WORKERS + 1];
static void *memory;
static pid_t child;
static struct hz_ring out; // of worker 1

static void start(void)
{
	assert_int_equal(hz_seqpacket_pair(0, api), 0);
	child = fork();
	if (child == 0) {
		const struct hz_pipe_fds fds = {
		    .api = api[1], .rings = rings, .wake = wake, .workers = WORKERS};
		close(api[0]);
		_exit(hz_live_pipe_run(&fds) ? 1 : 0);
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
	(void)state;
	hz_live_encoder_quiet();
	assert_int_equal(hz_dicom_init(), 0);
	assert_int_equal(hz_memfd_new("rings", hz_ring_pipe_bytes(WORKERS), &rings), 0);
	assert_int_equal(hz_memfd_map(rings, hz_ring_pipe_bytes(WORKERS), &memory), 0);
	for (unsigned i = 0; i <= WORKERS; i++)
		wake[i] = eventfd(0, EFD_NONBLOCK);
	assert_int_equal(hz_ring_consume(&out, hz_ring_pipe_place(memory, 1, false), HZ_RING_PIPE_EACH), 0);
	start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (child) {
		kill(child, SIGKILL);
		(void)ended();
	}
	hz_memfd_unmap(memory, hz_ring_pipe_bytes(WORKERS));
	close(rings);
	for (unsigned i = 0; i <= WORKERS; i++)
		close(wake[i]);
	return 0;
}

// The next message of a type, within 20 s.
static void hear(unsigned type, void *ret, size_t bytes)
{
	_Alignas(8) uint8_t buf[HZ_LIVE_MESSAGE_MOST];
	const struct hz_msg_header *h = (const void *)buf;
	do {
		struct pollfd p = {.fd = api[0], .events = POLLIN};
		size_t n = 0;
		assert_int_equal(poll(&p, 1, 20000), 1);
		assert_int_equal(hz_seqpacket_recv(api[0], buf, sizeof(buf), &n), 0);
		assert_int_equal(h->version, HZ_LIVE_API_VERSION);
	} while (h->type != type);
	assert_int_equal(h->bytes, bytes);
	memcpy(ret, buf, bytes);
}

static void say(void *message, unsigned type, size_t bytes, int fd)
{
	struct hz_msg_header *h = message;
	*h = (struct hz_msg_header){HZ_LIVE_API_VERSION, (uint16_t)type, (uint32_t)bytes, 0, 0};
	assert_int_equal(hz_seqpacket_send_fds(api[0], message, bytes, &fd, fd >= 0), 0);
	if (fd >= 0)
		close(fd);
}

static void join(uint32_t ssrc)
{
	struct hz_live_hello hello;
	struct hz_live_room_set room = fake_room(CONSULT, 1);
	struct hz_live_rendition_set r = fake_rendition(CONSULT, ssrc, HZ_CODEC_H264_CB);
	hear(HZ_LIVE_HELLO, &hello, sizeof(hello));
	assert_int_equal(hello.pid, child);
	say(&room, HZ_LIVE_ROOM_SET, sizeof(room), -1);
	say(&r, HZ_LIVE_RENDITION_SET, sizeof(r), -1);
}

static void answer(unsigned value)
{
	struct hz_live_want want;
	hear(HZ_LIVE_WANT, &want, sizeof(want));
	assert_string_equal(want.what.instance, "2.25.1");
	struct hz_live_give give = {.id = want.id};
	say(&give, HZ_LIVE_GIVE, sizeof(give), fake_object(1, value, 1));
}

// Until the image is seen; at most 20 s.
static void watch(uint32_t ssrc, unsigned value)
{
	struct fake_viewer viewer;
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	size_t bytes = 0;
	bool seen = false;
	fake_viewer_init(&viewer, HZ_CODEC_H264_CB, ssrc);
	for (unsigned i = 0; i < 1000 && !seen; i++) {
		usleep(20000);
		while (hz_ring_take(&out, &record, buf, &bytes) == 1) {
			assert_int_equal(record.source, CONSULT);
			if (record.kind == HZ_RING_RTP)
				fake_viewer_put(&viewer, buf, bytes);
		}
		int luma = viewer.pictures ? fake_viewer_at(&viewer, 600, 300).y : 0;
		seen = viewer.pictures && abs(luma - (int)(16 + value * 219 / 4095)) < 6;
	}
	assert_true(seen);
	fake_viewer_done(&viewer);
}

static void draws(void **state)
{
	struct hz_live_status status;
	eventfd_t woken;
	(void)state;
	join(20);
	answer(1500);
	watch(20, 1500);
	assert_int_equal(eventfd_read(wake[1], &woken), 0);
	do // older ones may wait
		hear(HZ_LIVE_STATUS, &status, sizeof(status));
	while (status.encoded < 3);
	assert_int_equal(status.rooms, 1);
	assert_int_equal(status.decoded, 1);
	close(api[0]);
	int how = 0;
	assert_int_equal(waitpid(child, &how, 0), child);
	child = 0;
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static void killed(void **state)
{
	(void)state;
	join(20);
	answer(1500);
	watch(20, 1500);
	kill(child, SIGKILL);
	assert_true(WIFSIGNALED(ended()));
	start();
	join(21);
	answer(3000);
	watch(21, 3000);
}

static void garbage(void **state)
{
	uint8_t junk[1200];
	struct hz_ring in;
	(void)state;
	memset(junk, 0x5a, sizeof(junk));
	join(20);
	answer(1500);
	assert_int_equal(hz_seqpacket_send(api[0], junk, 300), 0);
	assert_int_equal(hz_seqpacket_send(api[0], junk, 3), 0);
	assert_int_equal(hz_ring_produce(&in, hz_ring_pipe_place(memory, 0, true), HZ_RING_PIPE_EACH), 0);
	for (unsigned kind = 0; kind < 5; kind++) {
		const struct hz_ring_record record = {.kind = (uint16_t)kind, .source = CONSULT};
		for (size_t n = 0; n < sizeof(junk); n += 7)
			assert_int_equal(hz_ring_put(&in, &record, junk, n), 0);
	}
	watch(20, 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(draws, setup, teardown),
	    cmocka_unit_test_setup_teardown(killed, setup, teardown),
	    cmocka_unit_test_setup_teardown(garbage, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
