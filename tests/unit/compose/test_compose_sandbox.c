// Inside of the sandbox: what composing needs goes on, everything else is refused. In processes of their own.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED 1
#else
#define INSTRUMENTED 0
#endif

static void *nothing(void *arg)
{
	return arg;
}

static int can_thread(void)
{
	pthread_t t;
	return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0;
}

static int can_write_here(void)
{
	int fd = open("a.part", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	return fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && close(fd) == 0 &&
	       rename("a.part", "a") == 0 && open("a", O_RDONLY) >= 0 && unlink("a") == 0;
}

static int can_talk(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static int can_fork(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static int can_exec(void)
{
	char name[] = "true", *argv[] = {name, NULL};
	execv("/bin/true", argv); // would exit 0, which is not what is expected
	return 0;
}

static int can_kill(void)
{
	return kill(getppid(), 0) == 0;
}

static int can_read_elsewhere(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0 || open("..", O_RDONLY | O_DIRECTORY) >= 0;
}

static int can_read_here(void)
{
	return open(".", O_RDONLY | O_DIRECTORY) >= 0;
}

// By a socket from before: a loop waits, is woken and answers.
static int pair[2];
static int can_answer(void)
{
	char byte = 'x';
	struct iovec part = {&byte, 1};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	struct pollfd p = {.fd = pair[1], .events = POLLIN};
	return sendmsg(pair[0], &msg, 0) == 1 && poll(&p, 1, 1000) == 1 && recvmsg(pair[1], &msg, 0) == 1;
}

// Out to the world, but to nobody on this machine who would know us by our user.
static int can_talk_out_alone(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0) >= 0 && socket(AF_INET, SOCK_STREAM, 0) >= 0 &&
	       socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EACCES;
}

static int can_read_names(void)
{
	return open("/etc/nsswitch.conf", O_RDONLY) >= 0 && open("/usr", O_RDONLY) >= 0;
}

static int can_read_one_file(void)
{
	char byte;
	int fd = open("/etc/passwd", O_RDONLY);
	return fd >= 0 && read(fd, &byte, 1) == 1 && open("/etc/group", O_RDONLY) < 0 && errno == EACCES &&
	       open("/etc/passwd", O_WRONLY) < 0;
}

// Exit code 10 + what it returned.
static int inside_as(const struct hz_sandbox *wish, int (*can)(void))
{
	pid_t pid = fork();
	int status = 0;
	if (pid == 0) {
		char folder[] = "/tmp/hz-sandbox-XXXXXX";
		struct hz_sandbox with = *wish;
		with.memory_bytes = 1u << 30;
		with.file_bytes = 1 << 20;
		with.cpu_s = 10;
		with.files = 64;
		if (!mkdtemp(folder) || chdir(folder) < 0 || hz_sandbox_enter(&with))
			_exit(2);
		int ret = can();
		_exit(10 + ret);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) - 10 : -100;
}

static int inside_of(const char *files, bool loop, int (*can)(void))
{
	const struct hz_sandbox with = {.folder = files, .loop = loop};
	return inside_as(&with, can);
}

static int inside(int (*can)(void))
{
	return inside_of(".", false, can);
}

static void test_needed(void **state)
{
	assert_int_equal(inside(can_thread), 1);
	assert_int_equal(inside(can_write_here), 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(inside_of(NULL, true, can_answer), 1);
	if (!INSTRUMENTED)
		assert_int_equal(inside_of(NULL, false, can_answer), 0);
	close(pair[0]);
	close(pair[1]);
}

static void test_refused(void **state)
{
	if (INSTRUMENTED)
		skip();
	assert_int_equal(inside(can_talk), 0);
	assert_int_equal(inside(can_fork), 0);
	assert_int_equal(inside(can_exec), 0);
	assert_int_equal(inside(can_kill), 0);
}

static void test_no_other_files(void **state)
{
	bool landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 1; // its version
	if (INSTRUMENTED || !landlock)
		skip();
	assert_int_equal(inside(can_read_elsewhere), 0);
	assert_int_equal(inside(can_read_here), 1);
	assert_int_equal(inside_of(NULL, true, can_read_here), 0);
}

static void test_network_and_single_files(void **state)
{
	static const char *const files[] = {"/etc/passwd", "/etc/no-such-file", NULL};
	const struct hz_sandbox with = {.loop = true, .network = true, .read = files};
	const struct hz_sandbox library = {.loop = true, .network = true, .libraries = true};
	bool landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 1;
	if (INSTRUMENTED)
		skip();
	assert_int_equal(inside_as(&with, can_talk_out_alone), 1);
	if (landlock) {
		assert_int_equal(inside_as(&with, can_read_one_file), 1);
		assert_int_equal(inside_as(&with, can_read_names), 0);
		assert_int_equal(inside_as(&library, can_read_names), 1);
		assert_int_equal(inside_as(&library, can_read_elsewhere), 0);
	}
}

static int fill_disk(void)
{
	static char block[65536];
	int fd = open("big", O_WRONLY | O_CREAT, 0600), written = 0;
	signal(SIGXFSZ, SIG_IGN);
	while (written < 64 && write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		written++;
	unlink("big");
	return written <= 16;
}

static void test_amounts(void **state)
{
	assert_int_equal(inside(fill_disk), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_needed), cmocka_unit_test(test_refused),
	                                   cmocka_unit_test(test_no_other_files),
	                                   cmocka_unit_test(test_network_and_single_files),
	                                   cmocka_unit_test(test_amounts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
