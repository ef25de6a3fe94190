// The mix as a process: two workers' rings, control's socket; it is killed, hangs, is fed garbage, loses its parent.
#include "media/mix/pipe.h"

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

#include "gateway/base/clock.h"
#include "gateway/base/hang.h"
#include "gateway/base/memfd.h"
#include "gateway/base/ring.h"
#include "gateway/base/ring_grid.h"
#include "gateway/base/seqpacket.h"
#include "media/mix/api.h"
#include "media/rtp/packet.h"
#include "tests/unit/mix/fake_room.h"

#define PROCESSES 3u
#define MIX       2u
#define CONSULT   5u
#define PT        97

static int api[2], rings, wake[PROCESSES];
static void *memory;
static pid_t child;
static struct hz_ring to_mix, from_mix; // of worker 0, and of worker 1
static struct fake_voice voice;
static uint16_t seq;

static void start(void)
{
	assert_int_equal(hz_seqpacket_pair(0, api), 0);
	child = fork();
	if (child == 0) {
		const struct hz_pipe_fds fds = {.api = api[1], .rings = rings, .wake = wake, .workers = MIX};
		close(api[0]);
		_exit(hz_mix_pipe_run(&fds) ? 1 : 0);
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
	size_t bytes = hz_ring_grid_bytes(PROCESSES), each = hz_ring_grid_each(PROCESSES);
	assert_int_equal(hz_memfd_new("rings", bytes, &rings), 0);
	assert_int_equal(hz_memfd_map(rings, bytes, &memory), 0);
	for (unsigned i = 0; i < PROCESSES; i++)
		wake[i] = eventfd(0, EFD_NONBLOCK);
	assert_int_equal(hz_ring_produce(&to_mix, hz_ring_grid_place(memory, PROCESSES, 0, MIX), each), 0);
	assert_int_equal(hz_ring_consume(&from_mix, hz_ring_grid_place(memory, PROCESSES, MIX, 1), each), 0);
	voice_init(&voice, 440, 0.2f);
	start();
	return 0;
}

static int teardown(void **state)
{
	if (child) {
		kill(child, SIGKILL);
		(void)ended();
	}
	voice_done(&voice);
	hz_memfd_unmap(memory, hz_ring_grid_bytes(PROCESSES));
	close(rings);
	for (unsigned i = 0; i < PROCESSES; i++)
		close(wake[i]);
	return 0;
}

// The next message of a type, within 5 s.
static void hear(unsigned type, void *ret, size_t bytes)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	for (;;) {
		struct pollfd p = {.fd = api[0], .events = POLLIN};
		size_t n = 0;
		assert_int_equal(poll(&p, 1, 5000), 1);
		assert_int_equal(hz_seqpacket_recv(api[0], buf, sizeof(buf), &n), 0);
		const struct hz_msg_header *h = (const void *)buf;
		assert_int_equal(h->version, HZ_MIX_API_VERSION);
		if (h->type != type)
			continue;
		assert_int_equal(n, bytes);
		memcpy(ret, buf, bytes);
		return;
	}
}

static int set(uint32_t member, uint32_t voice_ssrc, uint32_t mix_ssrc)
{
	struct hz_mix_member_set m = {.h = {.version = HZ_MIX_API_VERSION,
	                                    .type = HZ_MIX_MEMBER_SET,
	                                    .bytes = sizeof(m),
	                                    .seq = 40 + member},
	                              .member = member,
	                              .consult = CONSULT,
	                              .voice_ssrc = voice_ssrc,
	                              .mix_ssrc = mix_ssrc,
	                              .voice_worker = 0,
	                              .mix_worker = 1,
	                              .voice_pt = PT,
	                              .mix_pt = PT};
	struct hz_ev_ack ack;
	assert_int_equal(hz_seqpacket_send(api[0], &m, sizeof(m)), 0);
	hear(HZ_MIX_ACK, &ack, sizeof(ack));
	assert_int_equal(ack.h.seq, 40 + member);
	assert_int_equal(ack.id, member);
	return ack.err;
}

static void hello(void)
{
	struct hz_mix_hello h;
	hear(HZ_MIX_HELLO, &h, sizeof(h));
	assert_int_equal(h.pid, child);
}

static void say(void)
{
	uint8_t buf[12 + 1276], payload[1276];
	struct hz_rtp_offsets offsets;
	struct hz_rtp_header header = {.ts = voice.ts, .ssrc = 10, .seq = seq++, .pt = PT};
	const struct hz_ring_record record = {
	    .kind = HZ_RING_RTP, .source = CONSULT, .arrival_us = hz_now_us()};
	int n = voice_packet(&voice, payload);
	assert_int_equal(hz_rtp_write_header(buf, 12, &header, NULL, NULL, &offsets), 0);
	memcpy(buf + 12, payload, (size_t)n);
	(void)hz_ring_put(&to_mix, &record, buf, 12 + (size_t)n);
	(void)eventfd_write(wake[MIX], 1);
}

// Speaks in real time until so many packets of the mix have come; how many ticks that took, at most 200.
static unsigned talk(uint32_t mix_ssrc, unsigned packets)
{
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	struct hz_rtp_packet p;
	size_t bytes = 0;
	unsigned ticks = 0;
	while (packets && ticks++ < 200) {
		say();
		usleep(20000);
		while (packets && hz_ring_take(&from_mix, &record, buf, &bytes) == 1) {
			assert_int_equal(record.source, CONSULT);
			assert_int_equal(hz_rtp_parse(buf, bytes, &p), 0);
			packets -= p.ssrc == mix_ssrc;
		}
	}
	assert_int_equal(packets, 0);
	return ticks;
}

static void join(uint32_t mix_ssrc)
{
	hello();
	assert_int_equal(set(1, 10, 0), 0);
	assert_int_equal(set(2, 0, mix_ssrc), 0);
}

static void mixes(void **state)
{
	eventfd_t woken;
	struct hz_mix_status status;
	join(20);
	(void)talk(20, 50);
	assert_int_equal(eventfd_read(wake[1], &woken), 0);
	assert_int_equal(eventfd_read(wake[0], &woken), -1); // nobody listens there
	do                                                   // older ones may wait
		hear(HZ_MIX_STATUS, &status, sizeof(status));
	while (status.packets_out < 45);
	assert_int_equal(status.members, 2);
	assert_int_equal(status.speakers, 1);
	assert_int_equal(status.refused + status.unmatched, 0);
	assert_int_equal(set(1, 10, 0x7fffffff), 0);
	close(api[0]);
	int how = 0;
	assert_int_equal(waitpid(child, &how, 0), child);
	child = 0;
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

// Killed in the middle of it: the next one is told and mixes what comes from then on.
static void killed(void **state)
{
	join(20);
	(void)talk(20, 10);
	kill(child, SIGKILL);
	assert_true(WIFSIGNALED(ended()));
	for (unsigned n = 0; n < 20; n++)
		say(); // meanwhile the worker writes on
	int64_t begin_us = hz_now_us();
	start();
	join(21);
	(void)talk(21, 5);
	assert_true(hz_now_us() - begin_us < 2000000);
}

// A machine that has no time for it for a while is no reason to end.
static void starved(void **state)
{
	join(20);
	(void)talk(20, 5);
	kill(child, SIGSTOP);
	usleep(2500000);
	kill(child, SIGCONT);
	(void)talk(20, 5);
}

// What hangs ends by itself. A process that was stopped is one that hangs.
static void hangs(void **state)
{
	join(20);
	kill(child, SIGSTOP);
	usleep(HZ_HANG_WALL_S * 1000000 + 300000);
	kill(child, SIGCONT);
	int how = ended();
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM);
	start();
	join(21);
	(void)talk(21, 5);
}

static void garbage(void **state)
{
	uint8_t junk[300];
	memset(junk, 0x5a, sizeof(junk));
	join(20);
	assert_int_equal(hz_seqpacket_send(api[0], junk, sizeof(junk)), 0);
	assert_int_equal(hz_seqpacket_send(api[0], junk, 3), 0);
	for (unsigned kind = 0; kind < 5; kind++) {
		const struct hz_ring_record record = {.kind = (uint16_t)kind, .source = CONSULT};
		for (size_t n = 0; n < sizeof(junk); n += 7)
			assert_int_equal(hz_ring_put(&to_mix, &record, junk, n), 0);
	}
	(void)talk(20, 10);
	memset(hz_ring_grid_place(memory, PROCESSES, 0, MIX), 0xff, 4096);
	memset(hz_ring_grid_place(memory, PROCESSES, 1, MIX), 0x5a, 4096);
	(void)eventfd_write(wake[MIX], 1);
	usleep(100000);
	assert_int_equal(hz_ring_produce(&to_mix, hz_ring_grid_place(memory, PROCESSES, 0, MIX),
	                                 hz_ring_grid_each(PROCESSES)),
	                 0);
	(void)talk(20, 10);
}

// Control does not read for a while: no answer is lost.
static void answers_wait(void **state)
{
	struct hz_mix_member_del m = {
	    .h = {.version = HZ_MIX_API_VERSION, .type = HZ_MIX_MEMBER_DEL, .bytes = sizeof(m)}, .member = 9};
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
		hear(HZ_MIX_ACK, &ack, sizeof(ack));
		assert_int_equal(ack.h.seq, n);
		assert_int_equal(ack.err, -ENOENT);
	}
}

static void wrong_start(void **state)
{
	struct hz_pipe_fds fds = {.api = -1, .rings = rings, .wake = wake, .workers = 0};
	assert_int_equal(hz_mix_pipe_run(&fds), -EINVAL);
	fds.workers = HZ_PIPE_WORKERS + 1;
	assert_int_equal(hz_mix_pipe_run(&fds), -EINVAL);
	fds.workers = 63; // the memfd is of another size
	assert_int_equal(hz_mix_pipe_run(&fds), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(mixes, setup, teardown),
	    cmocka_unit_test_setup_teardown(killed, setup, teardown),
	    cmocka_unit_test_setup_teardown(starved, setup, teardown),
	    cmocka_unit_test_setup_teardown(hangs, setup, teardown),
	    cmocka_unit_test_setup_teardown(garbage, setup, teardown),
	    cmocka_unit_test_setup_teardown(answers_wait, setup, teardown),
	    cmocka_unit_test_setup_teardown(wrong_start, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
