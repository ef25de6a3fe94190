// Descriptors, timers and deferred calls on the server's loop.
#include <fcntl.h>
#include <sys/eventfd.h>

#include "tests/unit/server/world.h"

struct loop {
	struct hz_server *server;
	struct hz_server_fd *handle, *other;
	struct hz_server_timer *timer;
	int pair[2], count, order[64], hangups;
	size_t written;
};

static void on_request(void *ctx, const struct hz_request *req, struct hz_response *res)
{
}

static void on_ws_open(void *ctx, struct hz_ws *ws, const struct hz_request *req)
{
}

static void on_ws_text(void *ctx, struct hz_ws *ws, const char *text, size_t bytes)
{
}

static void on_ws_close(void *ctx, struct hz_ws *ws, int code)
{
}

static const struct hz_server_ops no_ops = {on_request, on_ws_open, on_ws_text, on_ws_close, NULL, NULL};

static int start(void **state)
{
	struct loop *l = calloc(1, sizeof(*l));
	struct hz_server_options options = {.http_fd = -1, .https_fd = -1, .ops = no_ops};
	assert_int_equal(hz_server_new(&options, &l->server), 0);
	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, l->pair), errno);
	*state = l;
	return 0;
}

static int stop(void **state)
{
	struct loop *l = *state;
	hz_server_timer_free(l->timer);
	hz_server_free(l->server);
	close(l->pair[0]);
	if (l->pair[1] >= 0)
		close(l->pair[1]);
	free(l);
	return 0;
}

static void stop_loop(void *ctx)
{
	hz_server_stop(((struct loop *)ctx)->server, 1001, NULL);
}

static void test_bad_options(void **state)
{
	struct hz_server *server;
	struct hz_server_options options = {.http_fd = -1, .https_fd = -1};
	(void)state;
	assert_int_equal(hz_server_new(&options, &server), -EINVAL); // no ops
	options.ops = no_ops;
	options.https_fd = 0;
	assert_int_equal(hz_server_new(&options, &server), -EINVAL); // no certificate
	options.cert = options.key = "/nonexistent.pem";
	assert_int_equal(hz_server_new(&options, &server), -EIO);
	hz_server_free(NULL);
}

static void again(void *ctx)
{
	struct loop *l = ctx;
	if (++l->count < 5)
		hz_server_timer_arm(l->timer, 20000);
	else
		stop_loop(l);
}

static void test_timer(void **state)
{
	struct loop *l = *state;
	assert_int_equal(hz_server_timer_new(l->server, again, l, &l->timer), 0);
	hz_server_timer_arm(l->timer, 5000000);
	hz_server_timer_arm(l->timer, 20000); // replaces it
	int64_t before = hz_now_us();
	assert_int_equal(hz_server_run(l->server), 0);
	assert_int_equal(l->count, 5);
	assert_in_range((hz_now_us() - before) / 1000, 95, 1000);
}

static void never(void *ctx)
{
	fail();
}

static void free_myself(void *ctx)
{
	struct loop *l = ctx;
	hz_server_timer_free(l->timer);
	l->timer = NULL;
	stop_loop(l);
}

static void test_timer_free_inside(void **state)
{
	struct loop *l = *state;
	struct hz_server_timer *disarmed;
	assert_int_equal(hz_server_timer_new(l->server, never, l, &disarmed), 0);
	hz_server_timer_arm(disarmed, 1);
	hz_server_timer_disarm(disarmed);
	assert_int_equal(hz_server_timer_new(l->server, free_myself, l, &l->timer), 0);
	hz_server_timer_arm(l->timer, 30000);
	assert_int_equal(hz_server_run(l->server), 0);
	hz_server_timer_free(disarmed);
	hz_server_timer_free(NULL);
}

static void mark_b(void *ctx)
{
	struct loop *l = ctx;
	l->order[l->count++] = 2;
	if (l->count < 10)
		hz_server_defer(l->server, mark_b, l); // one more turn each
	else
		stop_loop(l);
}

static void mark_a(void *ctx)
{
	struct loop *l = ctx;
	l->order[l->count++] = 1;
}

static void test_defer(void **state)
{
	struct loop *l = *state;
	assert_int_equal(hz_server_defer(l->server, mark_a, l), 0);
	assert_int_equal(hz_server_defer(l->server, mark_b, l), 0);
	assert_int_equal(hz_server_defer(l->server, mark_a, l), 0); // coalesced
	assert_int_equal(hz_server_defer(l->server, never, l), 0);
	hz_server_undefer(l->server, never, l);
	int64_t before = hz_now_us();
	assert_int_equal(hz_server_run(l->server), 0);
	assert_true(hz_now_us() - before < 500000); // no turn waited for an event
	assert_int_equal(l->count, 10);
	assert_int_equal(l->order[0], 1);
	assert_int_equal(l->order[1], 2);
	int i = 0, err;
	do
		err = hz_server_defer(l->server, never, (char *)l + i++);
	while (!err);
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(i, 4097);
}

static void on_message(void *ctx, int fd)
{
	struct loop *l = ctx;
	char text[8];
	ssize_t n = recv(fd, text, sizeof(text), 0);
	if (n > 0) {
		l->count++;
		return;
	}
	l->hangups++; // end of file
	hz_server_remove_fd(l->handle);
	l->handle = NULL;
	stop_loop(l);
}

static void hang_up(void *ctx)
{
	struct loop *l = ctx;
	close(l->pair[1]);
	l->pair[1] = -1;
}

static void test_fd_read_and_hang_up(void **state)
{
	struct loop *l = *state;
	assert_int_equal(hz_server_add_fd(l->server, -1, on_message, NULL, l, &l->handle), -EINVAL);
	assert_int_equal(hz_server_add_fd(l->server, l->pair[0], NULL, NULL, l, &l->handle), -EINVAL);
	assert_int_equal(hz_server_add_fd(l->server, l->pair[0], on_message, NULL, l, &l->handle), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send(l->pair[1], "hello", 5, 0), 5);
	assert_int_equal(hz_server_timer_new(l->server, hang_up, l, &l->timer), 0);
	hz_server_timer_arm(l->timer, 50000);
	assert_int_equal(hz_server_run(l->server), 0);
	assert_int_equal(l->count, 3);
	assert_int_equal(l->hangups, 1);
	assert_true(fcntl(l->pair[0], F_GETFD) >= 0); // ours is still open
}

static void on_space(void *ctx, int fd)
{
	struct loop *l = ctx;
	char kib[1024] = {0};
	ssize_t n = send(fd, kib, sizeof(kib), MSG_DONTWAIT);
	if (n > 0)
		l->written += (size_t)n;
	if (l->written >= 4 << 20)
		hz_server_want_write(l->handle, false);
}

static void on_nothing(void *ctx, int fd)
{
	fail();
}

static void on_drain(void *ctx, int fd)
{
	struct loop *l = ctx;
	char buf[2048];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n > 0)
		l->count += (int)n;
	if (l->count >= 4 << 20) {
		hz_server_remove_fd(l->handle);
		hz_server_remove_fd(l->other);
		hz_server_remove_fd(l->other); // twice is once
		l->handle = l->other = NULL;
		stop_loop(l);
	}
}

// 4 MiB through a socket pair that holds much less: write readiness comes again and again while wanted.
static void test_fd_write(void **state)
{
	struct loop *l = *state;
	assert_int_equal(hz_server_add_fd(l->server, l->pair[0], on_nothing, on_space, l, &l->handle), 0);
	assert_int_equal(hz_server_add_fd(l->server, l->pair[1], on_drain, NULL, l, &l->other), 0);
	hz_server_want_write(l->handle, true);
	assert_int_equal(hz_server_run(l->server), 0);
	assert_int_equal(l->count, 4 << 20);
	assert_int_equal(l->written, 4 << 20);
}

static void on_hang_up(void *ctx, int fd)
{
	struct loop *l = ctx;
	char byte;
	assert_int_equal(read(fd, &byte, 1), 0);
	l->hangups++; // and it is not removed
}

// A hang-up with nothing to read is told once: whoever does not remove the descriptor does not keep the loop awake.
static void test_fd_hang_up_alone(void **state)
{
	struct loop *l = *state;
	int ends[2];
	assert_return_code(pipe2(ends, O_NONBLOCK | O_CLOEXEC), errno);
	assert_int_equal(hz_server_add_fd(l->server, ends[0], on_hang_up, NULL, l, &l->handle), 0);
	hz_server_want_write(l->handle, true); // of one that nobody writes
	close(ends[1]);
	assert_int_equal(hz_server_timer_new(l->server, stop_loop, l, &l->timer), 0);
	hz_server_timer_arm(l->timer, 100000);
	assert_int_equal(hz_server_run(l->server), 0);
	assert_int_equal(l->hangups, 1);
	hz_server_want_write(l->handle, false);
	hz_server_remove_fd(l->handle);
	close(ends[0]);
}

static void on_first(void *ctx, int fd)
{
	struct loop *l = ctx;
	struct hz_server_fd *handle = NULL;
	(void)fd;
	l->count++;
	hz_server_remove_fd(l->handle);
	hz_server_remove_fd(l->other); // it was ready in the same turn
	assert_int_equal(hz_server_add_fd(l->server, l->pair[0], on_nothing, NULL, l, &handle), 0);
	hz_server_remove_fd(handle);
	l->handle = l->other = NULL;
	hz_server_timer_arm(l->timer, 50000);
}

// Two that are ready at once, each of which takes the other away: only one is called.
static void test_fd_removed_by_another(void **state)
{
	struct loop *l = *state;
	assert_int_equal(send(l->pair[0], "x", 1, 0), 1);
	assert_int_equal(send(l->pair[1], "x", 1, 0), 1);
	assert_int_equal(hz_server_timer_new(l->server, stop_loop, l, &l->timer), 0);
	assert_int_equal(hz_server_add_fd(l->server, l->pair[0], on_first, NULL, l, &l->handle), 0);
	assert_int_equal(hz_server_add_fd(l->server, l->pair[1], on_first, NULL, l, &l->other), 0);
	assert_int_equal(hz_server_run(l->server), 0);
	assert_int_equal(l->count, 1);
}

static void on_one_of_many(void *ctx, int fd)
{
	struct loop *l = ctx;
	uint64_t count;
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	if (++l->count == 100)
		stop_loop(l);
}

// More are ready than one turn takes.
static void test_fd_many(void **state)
{
	struct loop *l = *state;
	struct hz_server_fd *handle[100];
	int fd[100];
	for (int i = 0; i < 100; i++) {
		fd[i] = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
		assert_int_equal(hz_server_add_fd(l->server, fd[i], on_one_of_many, NULL, l, &handle[i]), 0);
	}
	assert_int_equal(hz_server_run(l->server), 0);
	assert_int_equal(l->count, 100);
	for (int i = 0; i < 100; i++) {
		hz_server_remove_fd(handle[i]);
		close(fd[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bad_options),
	    cmocka_unit_test_setup_teardown(test_timer, start, stop),
	    cmocka_unit_test_setup_teardown(test_timer_free_inside, start, stop),
	    cmocka_unit_test_setup_teardown(test_defer, start, stop),
	    cmocka_unit_test_setup_teardown(test_fd_read_and_hang_up, start, stop),
	    cmocka_unit_test_setup_teardown(test_fd_write, start, stop),
	    cmocka_unit_test_setup_teardown(test_fd_hang_up_alone, start, stop),
	    cmocka_unit_test_setup_teardown(test_fd_removed_by_another, start, stop),
	    cmocka_unit_test_setup_teardown(test_fd_many, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
