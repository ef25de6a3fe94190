// The loop of a pipe as a process, around a task that only counts: rings of workers that come, go and die, messages of every size,
// answers that wait, and its end.
#include "media/pipe/loop.h"

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
#include "gateway/base/memfd.h"
#include "gateway/base/ring_grid.h"
#include "gateway/base/seqpacket.h"
#include "tests/unit/pipe/full.h"

#define WORKERS 2u
#define VERSION 7u
#define LARGEST 256u
#define RECORDS 8u
#define TICK_US 20000

enum type { COMMAND = 1, HELLO = 64, ACK, STATUS };

struct command {
	struct hz_msg_header h;
	uint32_t id;
	int32_t err;    // what it is answered with
	uint32_t sleep; // in milliseconds
	uint32_t tell, spin, none;
};

struct hello {
	struct hz_msg_header h;
	uint32_t pid, reserved;
};

struct status { // what the task saw
	struct hz_msg_header h;
	uint32_t commands, ticks, fds, most;
	uint32_t records[WORKERS];
	uint64_t bytes;
};

static int api[2], rings, wake[WORKERS + 1];
static void *memory;
static struct hz_ring to[WORKERS], from[WORKERS];
static pid_t child;
static bool grid, silent, slow;

// --- the task

struct task {
	struct hz_pipe_loop *loop;
	struct status seen;
	uint32_t turn; // records in this one, of one worker
	unsigned worker;
};

static void on_record(void *ctx, unsigned worker, const struct hz_ring_record *record, const uint8_t *data,
                      size_t bytes, int64_t now_us)
{
	struct task *t = ctx;
	t->turn = worker == t->worker ? t->turn + 1 : 1;
	t->worker = worker;
	t->seen.most = t->turn > t->seen.most ? t->turn : t->seen.most;
	t->seen.records[worker]++;
	t->seen.bytes += bytes;
	if (slow)
		usleep(3000);
	hz_pipe_loop_send(t->loop, worker, record->source, record->kind, data, bytes); // an echo
}

static int on_command(void *ctx, const struct hz_pipe_command *command, uint32_t *ret_id)
{
	struct task *t = ctx;
	struct command m = {.err = -EINVAL};
	if (command->bytes == sizeof(m))
		memcpy(&m, command->message, sizeof(m));
	t->seen.commands++;
	if (command->fd >= 0) {
		t->seen.fds++;
		close(command->fd);
	}
	usleep(m.sleep * 1000);
	while (m.spin)
		;
	if (m.tell)
		hz_pipe_loop_tell(t->loop);
	*ret_id = m.id;
	return m.err;
}

static int64_t on_tick(void *ctx, int64_t now_us)
{
	struct task *t = ctx;
	t->seen.ticks++;
	t->turn = 0;
	return now_us + TICK_US;
}

static void on_status(void *ctx)
{
	struct task *t = ctx;
	(void)hz_pipe_loop_say(t->loop, &t->seen.h, STATUS, sizeof(t->seen));
}

static int run(int fd, unsigned workers)
{
	const struct hz_pipe_ops ops = {.name = "test",
	                                .grid = grid,
	                                .descriptors = true,
	                                .version = VERSION,
	                                .hello = HELLO,
	                                .ack = silent ? 0 : ACK,
	                                .message_bytes = LARGEST,
	                                .records = RECORDS,
	                                .reading_us = slow ? 4000 : 0,
	                                .record = on_record,
	                                .command = on_command,
	                                .tick = on_tick,
	                                .status = on_status};
	const struct hz_pipe_fds fds = {.api = fd, .rings = rings, .wake = wake, .workers = workers};
	struct task task = {0};
	int err = hz_pipe_loop_new(&ops, &task, &fds, &task.loop);
	if (!err)
		err = hz_pipe_loop_hello(task.loop);
	if (!err)
		err = hz_pipe_loop_run(task.loop);
	hz_pipe_loop_free(task.loop);
	return err;
}

// --- the rest of the house

static size_t bytes_of_rings(void)
{
	return grid ? hz_ring_grid_bytes(WORKERS + 1) : hz_ring_pipe_bytes(WORKERS);
}

static void attach(unsigned worker)
{
	size_t each = grid ? hz_ring_grid_each(WORKERS + 1) : HZ_RING_PIPE_EACH;
	uint8_t *in = grid ? hz_ring_grid_place(memory, WORKERS + 1, worker, WORKERS)
	                   : hz_ring_pipe_place(memory, worker, true);
	uint8_t *out = grid ? hz_ring_grid_place(memory, WORKERS + 1, WORKERS, worker)
	                    : hz_ring_pipe_place(memory, worker, false);
	assert_int_equal(hz_ring_produce(&to[worker], in, each), 0);
	assert_int_equal(hz_ring_consume(&from[worker], out, each), 0);
}

static void hear(unsigned type, void *ret, size_t bytes)
{
	_Alignas(8) uint8_t buf[LARGEST];
	const struct hz_msg_header *h = (const void *)buf;
	do {
		struct pollfd p = {.fd = api[0], .events = POLLIN};
		size_t n = 0;
		assert_int_equal(poll(&p, 1, 20000), 1);
		assert_int_equal(hz_seqpacket_recv(api[0], buf, sizeof(buf), &n), 0);
		assert_int_equal(h->version, VERSION);
		assert_int_equal(h->bytes, n);
	} while (h->type != type);
	assert_int_equal(h->bytes, bytes);
	memcpy(ret, buf, bytes);
}

static void start(void)
{
	struct hello hello;
	assert_int_equal(hz_seqpacket_pair(0, api), 0);
	child = fork();
	if (child == 0) {
		close(api[0]);
		_exit(run(api[1], WORKERS) ? 1 : 0);
	}
	close(api[1]);
	hear(HELLO, &hello, sizeof(hello));
	assert_int_equal(hello.pid, child);
	assert_int_equal(hello.h.seq + hello.reserved, 0);
}

static int stop(void)
{
	int how = 0;
	close(api[0]);
	assert_int_equal(waitpid(child, &how, 0), child);
	child = 0;
	return how;
}

static int setup(void **state)
{
	assert_int_equal(hz_memfd_new("rings", bytes_of_rings(), &rings), 0);
	assert_int_equal(hz_memfd_map(rings, bytes_of_rings(), &memory), 0);
	for (unsigned i = 0; i <= WORKERS; i++)
		wake[i] = eventfd(0, EFD_NONBLOCK);
	for (unsigned i = 0; i < WORKERS; i++)
		attach(i);
	start();
	return 0;
}

static int setup_grid(void **state)
{
	grid = true;
	return setup(state);
}

static int setup_silent(void **state)
{
	silent = true;
	return setup(state);
}

static int setup_slow(void **state)
{
	slow = true;
	return setup(state);
}

static int teardown(void **state)
{
	if (child) {
		kill(child, SIGKILL);
		(void)stop();
	}
	hz_memfd_unmap(memory, bytes_of_rings());
	close(rings);
	for (unsigned i = 0; i <= WORKERS; i++)
		close(wake[i]);
	grid = silent = slow = false;
	return 0;
}

static int send_command(struct command *m, uint32_t seq)
{
	m->h = (struct hz_msg_header){.version = VERSION, .type = COMMAND, .bytes = sizeof(*m), .seq = seq};
	return hz_seqpacket_send(api[0], m, sizeof(*m));
}

static void status(struct status *ret)
{
	hear(STATUS, ret, sizeof(*ret));
}

// Now, not when half a second is over.
static void see(struct status *ret)
{
	struct command m = {.tell = 1};
	struct hz_ev_ack ack;
	assert_int_equal(send_command(&m, 1), 0);
	hear(STATUS, ret, sizeof(*ret));
	hear(ACK, &ack, sizeof(ack));
}

static void put(unsigned worker, unsigned count)
{
	const uint8_t data[100] = {1, 2, 3};
	const struct hz_ring_record record = {.kind = HZ_RING_RTCP, .source = 5};
	for (unsigned n = 0; n < count; n++)
		assert_int_equal(hz_ring_put(&to[worker], &record, data, sizeof(data)), 0);
	(void)eventfd_write(wake[WORKERS], 1);
}

// So many come back, each as it was sent.
static void echoes(unsigned worker, unsigned count)
{
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	size_t bytes = 0;
	while (count) {
		struct pollfd p = {.fd = wake[worker], .events = POLLIN};
		eventfd_t woken;
		assert_int_equal(poll(&p, 1, 20000), 1); // who writes wakes
		(void)eventfd_read(wake[worker], &woken);
		for (; count && hz_ring_take(&from[worker], &record, buf, &bytes) == 1; count--) {
			assert_int_equal(record.kind, HZ_RING_RTCP);
			assert_int_equal(record.source, 5);
			assert_true(record.arrival_us > 0 && record.arrival_us <= hz_now_us());
			assert_int_equal(bytes, 100);
			assert_int_equal(buf[2], 3);
		}
	}
}

// --- tests

// Many records: a few of each worker in a turn, none left, and nobody woken for what is another's.
static void records(void **state)
{
	struct status s;
	put(0, 50 * RECORDS);
	echoes(0, 50 * RECORDS);
	assert_int_equal(eventfd_read(wake[1], &(eventfd_t){0}), -1);
	put(1, 3);
	echoes(1, 3);
	do
		see(&s);
	while (s.records[1] < 3);
	assert_int_equal(s.records[0], 50 * RECORDS);
	assert_int_equal(s.bytes, 100 * (50 * RECORDS + 3));
	assert_in_range(s.most, 1, RECORDS);
}

// Records that take their time: they are all read, few in a turn, and the rest of it goes on between them.
static void slow_records(void **state)
{
	struct status s;
	put(0, 2 * RECORDS);
	echoes(0, 2 * RECORDS);
	do
		see(&s);
	while (s.records[0] < 2 * RECORDS);
	assert_int_equal(s.most, 1); // 3 ms each, where a worker has 2
}

// Ticks and a status go on with nobody there: never more often than was asked for and woken, and again and again.
static void ticks(void **state)
{
	struct status first, last;
	status(&first);
	int64_t begin_us = hz_now_us();
	for (unsigned n = 0; n < 3; n++)
		status(&last);
	int64_t took_us = hz_now_us() - begin_us;
	unsigned turns = last.ticks - first.ticks;
	assert_true(took_us > 1000000); // of 3 times half a second, however late the first one was read
	assert_true(turns >= 3);
	assert_true(turns <= 1500000 / TICK_US + took_us / TICK_US + 8);
	assert_int_equal(last.commands, 0);
}

// A worker dies in the middle of a record, its memory is rubbish, its successor attaches: the others never notice.
static void dead_worker(void **state)
{
	struct status s;
	put(0, 4);
	echoes(0, 4);
	assert_non_null(hz_ring_reserve(&to[0])); // never committed
	put(1, 4);
	echoes(1, 4);
	uint8_t *in =
	    grid ? hz_ring_grid_place(memory, WORKERS + 1, 0, WORKERS) : hz_ring_pipe_place(memory, 0, true);
	memset(in, 0xff, 4096);
	(void)eventfd_write(wake[WORKERS], 1);
	put(1, 4);
	echoes(1, 4);
	attach(0); // the next one
	put(1, 4);
	echoes(1, 4);
	int64_t until_us = hz_now_us() + 20000000;
	do { // what it writes before the rubbish was seen is lost with it
		put(0, 1);
		usleep(10000);
	} while (hz_ring_empty(&from[0]) && hz_now_us() < until_us);
	assert_false(hz_ring_empty(&from[0]));
	do
		see(&s);
	while (s.records[0] < 5);
	assert_int_equal(s.records[1], 12);
}

// A worker that does not read: its ring is full, the others' are not.
static void full_ring(void **state)
{
	const unsigned more = 10000, most = 2 * (unsigned)(HZ_RING_PIPE_EACH / 100);
	struct hz_ring_counters counters;
	struct status s;
	unsigned sent = 0;
	do {
		put(0, more);
		sent += more;
		do
			see(&s);
		while (s.records[0] < sent);
		hz_ring_counters(&from[0], &counters);
	} while (!counters.dropped && sent < most);
	assert_in_range(counters.dropped, 1, more);
	put(1, 4);
	echoes(1, 4);
	(void)stop();
	start(); // the next one goes on with what is there
	put(1, 4);
	echoes(1, 4);
	echoes(0, 100);
}

static void hostile(void **state)
{
	uint8_t junk[2 * LARGEST];
	struct hz_ev_ack ack;
	struct status s;
	struct command m = {.id = 3, .err = -ENOSPC};
	int fds[3] = {rings, rings, rings};
	memset(junk, 0x5a, sizeof(junk));
	assert_int_equal(hz_seqpacket_send(api[0], junk, 3), 0);                   // no header
	assert_int_equal(hz_seqpacket_send(api[0], junk, LARGEST + 1), 0);         // too large
	assert_int_equal(hz_seqpacket_send_fds(api[0], junk, 3, fds, 1), 0);       // and a descriptor
	assert_int_equal(hz_seqpacket_send_fds(api[0], junk, LARGEST, fds, 3), 0); // too many
	assert_int_equal(hz_seqpacket_send_fds(api[0], junk, LARGEST, fds, 1), 0); // taken, refused
	assert_int_equal(hz_seqpacket_send(api[0], junk, sizeof(struct hz_msg_header)), 0); // as well
	for (unsigned n = 0; n < 2; n++) {
		hear(ACK, &ack, sizeof(ack));
		assert_int_equal(ack.h.seq, 0x5a5a5a5a);
		assert_int_equal(ack.err, -EINVAL);
		assert_int_equal(ack.id, 0);
	}
	m.tell = 1;
	assert_int_equal(send_command(&m, 9), 0);
	status(&s);
	hear(ACK, &ack, sizeof(ack));
	assert_int_equal(ack.h.seq, 9);
	assert_int_equal(ack.err, -ENOSPC);
	assert_int_equal(ack.id, 3);
	while (s.commands < 3)
		status(&s);
	assert_int_equal(s.commands, 3);
	assert_int_equal(s.fds, 1);
}

// Control does not read for a while: no answer is lost, and records go on.
static void answers_wait(void **state)
{
	struct command m = {.h = {.version = VERSION, .type = COMMAND, .bytes = sizeof(m)}, .err = -ENOENT};
	struct hz_ev_ack ack;
	unsigned sent = ask_until_full(api[0], &m.h, sizeof(m));
	put(0, 4);
	echoes(0, 4);
	for (unsigned n = 1; n <= sent; n++) {
		hear(ACK, &ack, sizeof(ack));
		assert_int_equal(ack.h.seq, n);
		assert_int_equal(ack.err, -ENOENT);
	}
}

static void no_answers(void **state)
{
	struct command m = {.tell = 1};
	struct status s;
	assert_int_equal(send_command(&m, 1), 0);
	do
		status(&s);
	while (!s.commands);
	struct pollfd p = {.fd = api[0], .events = POLLIN};
	uint8_t buf[LARGEST];
	size_t n = 0;
	while (poll(&p, 1, 100) == 1) {
		assert_int_equal(hz_seqpacket_recv(api[0], buf, sizeof(buf), &n), 0);
		assert_int_equal(((const struct hz_msg_header *)(const void *)buf)->type, STATUS);
	}
}

static void ends(void **state)
{
	put(0, 4);
	echoes(0, 4);
	int how = stop();
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
	start(); // and in the middle of a turn that takes its time
	struct command m = {.sleep = 200};
	assert_int_equal(send_command(&m, 1), 0);
	assert_int_equal(send_command(&m, 2), 0);
	how = stop();
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static void hangs(void **state)
{
	struct command m = {.spin = 1};
	assert_int_equal(send_command(&m, 1), 0);
	int how = 0;
	assert_int_equal(waitpid(child, &how, 0), child);
	child = 0;
	close(api[0]);
	assert_true(WIFSIGNALED(how) && (WTERMSIG(how) == SIGPROF || WTERMSIG(how) == SIGALRM));
}

static void wrong_start(void **state)
{
	assert_int_equal(run(-1, 0), -EINVAL);
	assert_int_equal(run(-1, HZ_PIPE_WORKERS + 1), -EINVAL);
	assert_int_equal(run(-1, WORKERS + 1), -EINVAL); // the memfd is too small
	int keep = rings;
	rings = -1;
	assert_int_equal(run(-1, WORKERS), -EBADF);
	rings = keep;
	assert_int_not_equal(run(-1, WORKERS), 0); // no socket
	hz_pipe_loop_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(records, setup, teardown),
	    cmocka_unit_test_setup_teardown(records, setup_grid, teardown),
	    cmocka_unit_test_setup_teardown(slow_records, setup_slow, teardown),
	    cmocka_unit_test_setup_teardown(ticks, setup, teardown),
	    cmocka_unit_test_setup_teardown(dead_worker, setup, teardown),
	    cmocka_unit_test_setup_teardown(dead_worker, setup_grid, teardown),
	    cmocka_unit_test_setup_teardown(full_ring, setup, teardown),
	    cmocka_unit_test_setup_teardown(hostile, setup, teardown),
	    cmocka_unit_test_setup_teardown(answers_wait, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_answers, setup_silent, teardown),
	    cmocka_unit_test_setup_teardown(ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(hangs, setup, teardown),
	    cmocka_unit_test_setup_teardown(wrong_start, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
