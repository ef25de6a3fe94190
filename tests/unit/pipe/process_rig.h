// A pipe as a process (mix, mosaic, images, HLS), and the test where control and the workers are. One at a time: `rig`.
#ifndef HZ_TESTS_UNIT_PIPE_PROCESS_RIG_H
#define HZ_TESTS_UNIT_PIPE_PROCESS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/hang.h"
#include "gateway/base/memfd.h"
#include "gateway/base/ring.h"
#include "gateway/base/ring_grid.h"
#include "gateway/base/seqpacket.h"
#include "media/pipe/loop.h"
#include "tests/unit/pipe/full.h"

#define RIG_WORKERS 2u

struct rig_kind { // which pipe it is
	int (*run)(const struct hz_pipe_fds *fds);
	uint16_t version, hello; // of its messages; the type of its HELLO
	unsigned workers;        // at most RIG_WORKERS
	bool grid;
	int wait_ms; // for a message
};

static struct {
	const struct rig_kind *kind;
	int api, rings;            // api: control's end
	int wake[RIG_WORKERS + 1]; // the last: the pipe's own
	uint8_t *memory;           // the rings
	size_t bytes;
	pid_t child; // 0: none
} rig;

static inline void rig_start(void)
{
	int pair[2];
	assert_int_equal(hz_seqpacket_pair(0, pair), 0);
	rig.child = fork();
	if (rig.child == 0) {
		const struct hz_pipe_fds fds = {
		    .api = pair[1], .rings = rig.rings, .wake = rig.wake, .workers = rig.kind->workers};
		close(pair[0]);
		_exit(rig.kind->run(&fds) ? 1 : 0);
	}
	close(pair[1]);
	rig.api = pair[0];
}

// Its rings, before it is started: the test attaches to them.
static inline void rig_new(const struct rig_kind *kind)
{
	void *map;
	rig.kind = kind;
	rig.bytes = kind->grid ? hz_ring_grid_bytes(kind->workers + 1) : hz_ring_pipe_bytes(kind->workers);
	assert_int_equal(hz_memfd_new("rings", rig.bytes, &rig.rings), 0);
	assert_int_equal(hz_memfd_map(rig.rings, rig.bytes, &map), 0);
	rig.memory = map;
	for (unsigned i = 0; i <= kind->workers; i++)
		rig.wake[i] = eventfd(0, EFD_NONBLOCK);
}

// Where a worker writes to it, and where it writes to a worker.
static inline uint8_t *rig_place(unsigned worker, bool to_pipe)
{
	unsigned all = rig.kind->workers + 1, last = rig.kind->workers;
	if (!rig.kind->grid)
		return hz_ring_pipe_place(rig.memory, worker, to_pipe);
	return to_pipe ? hz_ring_grid_place(rig.memory, all, worker, last)
	               : hz_ring_grid_place(rig.memory, all, last, worker);
}

static inline void rig_attach(struct hz_ring *ring, unsigned worker, bool to_pipe)
{
	size_t each = rig.kind->grid ? hz_ring_grid_each(rig.kind->workers + 1) : HZ_RING_PIPE_EACH;
	uint8_t *place = rig_place(worker, to_pipe);
	assert_int_equal(to_pipe ? hz_ring_produce(ring, place, each) : hz_ring_consume(ring, place, each),
	                 0);
}

static inline void rig_poke(void) // there are records
{
	(void)eventfd_write(rig.wake[rig.kind->workers], 1);
}

// How it ended, as of waitpid().
static inline int rig_ended(void)
{
	int status = 0;
	assert_int_equal(waitpid(rig.child, &status, 0), rig.child);
	if (rig.api >= 0)
		close(rig.api);
	rig.api = -1;
	rig.child = 0;
	return status;
}

static inline void rig_kill(void)
{
	kill(rig.child, SIGKILL);
	assert_true(WIFSIGNALED(rig_ended()));
}

// Control goes: so does it, without a fault.
static inline void rig_leave(void)
{
	close(rig.api);
	rig.api = -1;
	int how = rig_ended();
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static inline void rig_done(void)
{
	if (rig.child) {
		kill(rig.child, SIGKILL);
		(void)rig_ended();
	}
	hz_memfd_unmap(rig.memory, rig.bytes);
	close(rig.rings);
	for (unsigned i = 0; i <= rig.kind->workers; i++)
		close(rig.wake[i]);
}

// --- control

// The next message of a type.
static inline void rig_hear(unsigned type, void *ret, size_t bytes)
{
	_Alignas(8) uint8_t buf[HZ_PIPE_MESSAGE_MOST];
	const struct hz_msg_header *h = (const void *)buf;
	size_t n = 0;
	do {
		struct pollfd p = {.fd = rig.api, .events = POLLIN};
		assert_int_equal(poll(&p, 1, rig.kind->wait_ms), 1);
		assert_int_equal(hz_seqpacket_recv(rig.api, buf, sizeof(buf), &n), 0);
		assert_int_equal(h->version, rig.kind->version);
	} while (h->type != type);
	assert_int_equal(n, bytes);
	memcpy(ret, buf, bytes);
}

static inline void rig_hello(void)
{
	struct {
		struct hz_msg_header h;
		uint32_t pid, reserved;
	} hello;
	rig_hear(rig.kind->hello, &hello, sizeof(hello));
	assert_int_equal(hello.pid, rig.child);
}

// --- what each must take

// A machine that has no time for it for a while is no reason to end.
static inline void rig_starve(void)
{
	kill(rig.child, SIGSTOP);
	usleep(2500000);
	kill(rig.child, SIGCONT);
}

// What hangs ends by itself. A process that was stopped is one that hangs.
static inline void rig_hang(void)
{
	kill(rig.child, SIGSTOP);
	usleep(HZ_HANG_WALL_S * 1000000 + 300000);
	kill(rig.child, SIGCONT);
	int how = rig_ended();
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM);
}

// Messages that are none, and records from worker 0 of every kind and length that are none.
static inline void rig_garbage(struct hz_ring *to_pipe, uint32_t source, size_t longest)
{
	uint8_t junk[1200];
	memset(junk, 0x5a, sizeof(junk));
	assert_true(longest <= sizeof(junk));
	assert_int_equal(hz_seqpacket_send(rig.api, junk, 300), 0);
	assert_int_equal(hz_seqpacket_send(rig.api, junk, 3), 0);
	for (unsigned kind = 0; kind < 5; kind++) {
		const struct hz_ring_record record = {.kind = (uint16_t)kind, .source = source};
		for (size_t n = 0; n < longest; n += 7)
			assert_int_equal(hz_ring_put(to_pipe, &record, junk, n), 0);
	}
}

// The rings themselves are overwritten; worker 0 attaches to its own again.
static inline void rig_break_rings(struct hz_ring *to_pipe)
{
	memset(rig_place(0, true), 0xff, 4096);
	memset(rig_place(1, true), 0x5a, 4096);
	rig_poke();
	usleep(100000);
	rig_attach(to_pipe, 0, true);
}

// Control asks for what is not there and does not read for a while: no answer is lost. message: filled in but for seq.
static inline void rig_answers_wait(struct hz_msg_header *message, size_t bytes, unsigned ack_type)
{
	struct hz_ev_ack ack;
	unsigned sent = ask_until_full(rig.api, message, bytes);
	for (unsigned n = 1; n <= sent; n++) {
		rig_hear(ack_type, &ack, sizeof(ack));
		assert_int_equal(ack.h.seq, n);
		assert_int_equal(ack.err, -ENOENT);
	}
}

// others: a number of workers whose rings have another size.
static inline void rig_wrong_start(unsigned others)
{
	struct hz_pipe_fds fds = {.api = -1, .rings = rig.rings, .wake = rig.wake, .workers = 0};
	assert_int_equal(rig.kind->run(&fds), -EINVAL);
	fds.workers = HZ_PIPE_WORKERS + 1;
	assert_int_equal(rig.kind->run(&fds), -EINVAL);
	fds.workers = others;
	assert_int_equal(rig.kind->run(&fds), -EINVAL);
}

#endif
