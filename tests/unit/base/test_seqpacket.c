#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/seqpacket.h"

static int open_files(void)
{
	int count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void messages(void **state)
{
	int pair[2];
	char buf[16];
	size_t n;
	assert_int_equal(hz_seqpacket_pair(1 << 20, pair), 0);
	assert_int_equal(hz_seqpacket_recv(pair[1], buf, sizeof(buf), &n), -EAGAIN);
	assert_int_equal(hz_seqpacket_send(pair[0], "one", 3), 0);
	assert_int_equal(hz_seqpacket_send(pair[0], "three", 5), 0);
	assert_int_equal(hz_seqpacket_recv(pair[1], buf, sizeof(buf), &n), 0);
	assert_int_equal(n, 3);
	assert_memory_equal(buf, "one", 3);
	assert_int_equal(hz_seqpacket_recv(pair[1], buf, sizeof(buf), &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(hz_seqpacket_send(pair[1], "back", 4), 0);
	assert_int_equal(hz_seqpacket_recv(pair[0], buf, sizeof(buf), &n), 0);
	assert_int_equal(n, 4);
	assert_true(fcntl(pair[0], F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(pair[0], F_GETFL) & O_NONBLOCK);
	close(pair[0]);
	close(pair[1]);
}

static void refused(void **state)
{
	int pair[2], fds[HZ_SEQPACKET_MAX_FDS + 1] = {0};
	char buf[4];
	size_t n;
	assert_int_equal(hz_seqpacket_pair(0, pair), 0);
	assert_int_equal(hz_seqpacket_send(pair[0], "", 0), -EINVAL);
	assert_int_equal(hz_seqpacket_send_fds(pair[0], "x", 1, fds, HZ_SEQPACKET_MAX_FDS + 1), -EINVAL);
	assert_int_equal(hz_seqpacket_send(pair[0], "too long", 8), 0);
	assert_int_equal(hz_seqpacket_recv(pair[1], buf, sizeof(buf), &n), -EMSGSIZE);
	assert_int_equal(hz_seqpacket_recv(pair[1], buf, sizeof(buf), &n),
	                 -EAGAIN); // it is lost, the queue is not
	fds[0] = 9999;
	assert_int_equal(hz_seqpacket_send_fds(pair[0], "x", 1, fds, 1), -EBADF);
	close(pair[0]);
	assert_int_equal(hz_seqpacket_recv(pair[1], buf, sizeof(buf), &n), -EPIPE);
	assert_int_equal(hz_seqpacket_send(pair[1], "x", 1), -EPIPE); // and no SIGPIPE
	close(pair[1]);
}

static void full(void **state)
{
	int pair[2], sent = 0, got = 0, err;
	char buf[1024] = {0};
	size_t n;
	assert_int_equal(hz_seqpacket_pair(1 << 20, pair), 0);
	while ((err = hz_seqpacket_send(pair[0], buf, sizeof(buf))) == 0)
		sent++;
	assert_int_equal(err, -EAGAIN);
	assert_true(sent > 300); // a reconcile of many objects fits
	while (hz_seqpacket_recv(pair[1], buf, sizeof(buf), &n) == 0)
		got++;
	assert_int_equal(got, sent);
	assert_int_equal(hz_seqpacket_send(pair[0], buf, sizeof(buf)), 0);
	close(pair[0]);
	close(pair[1]);
}

static void descriptors(void **state)
{
	int pair[2], pipes[2], got[4], before = open_files();
	char buf[8];
	size_t n;
	unsigned count;
	struct stat a, b;
	assert_int_equal(hz_seqpacket_pair(0, pair), 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(hz_seqpacket_send_fds(pair[0], "hi", 2, pipes, 2), 0);
	struct hz_seqpacket_in in = {.buf = buf, .cap = sizeof(buf), .fds = got, .fds_cap = 4};
	assert_int_equal(hz_seqpacket_recv_fds(pair[1], &in, &n, &count), 0);
	assert_int_equal(n, 2);
	assert_int_equal(count, 2);
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	fstat(pipes[0], &a);
	fstat(got[0], &b);
	assert_int_equal(a.st_ino, b.st_ino);
	close(got[0]);
	close(got[1]);

	// Too many for the receiver, not wanted at all, or with a message that is too long: none stays open.
	assert_int_equal(hz_seqpacket_send_fds(pair[0], "hi", 2, pipes, 2), 0);
	in.fds_cap = 1;
	assert_int_equal(hz_seqpacket_recv_fds(pair[1], &in, &n, &count), -ENOBUFS);
	assert_int_equal(hz_seqpacket_send_fds(pair[0], "hi", 2, pipes, 2), 0);
	assert_int_equal(hz_seqpacket_recv(pair[1], buf, sizeof(buf), &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(hz_seqpacket_send_fds(pair[0], "much too long", 13, pipes, 2), 0);
	in.fds_cap = 4;
	assert_int_equal(hz_seqpacket_recv_fds(pair[1], &in, &n, &count), -EMSGSIZE);

	int many[HZ_SEQPACKET_MAX_FDS];
	for (int i = 0; i < HZ_SEQPACKET_MAX_FDS; i++)
		many[i] = pipes[0];
	int back[HZ_SEQPACKET_MAX_FDS];
	in.fds = back;
	in.fds_cap = HZ_SEQPACKET_MAX_FDS;
	assert_int_equal(hz_seqpacket_send_fds(pair[0], "all", 3, many, HZ_SEQPACKET_MAX_FDS), 0);
	assert_int_equal(hz_seqpacket_recv_fds(pair[1], &in, &n, &count), 0);
	assert_int_equal(count, HZ_SEQPACKET_MAX_FDS);
	for (unsigned i = 0; i < count; i++)
		close(back[i]);
	close(pipes[0]);
	close(pipes[1]);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(open_files(), before);
}

static void peer(void **state)
{
	int pair[2];
	pid_t pid;
	uid_t uid;
	assert_int_equal(hz_seqpacket_pair(0, pair), 0);
	assert_int_equal(hz_seqpacket_peer(pair[0], &pid, &uid), 0);
	assert_int_equal(pid, getpid());
	assert_int_equal(uid, geteuid());
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(hz_seqpacket_peer(pair[0], &pid, &uid), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages),    cmocka_unit_test(refused), cmocka_unit_test(full),
	    cmocka_unit_test(descriptors), cmocka_unit_test(peer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
