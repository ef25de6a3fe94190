// What a child of huizhen-ingest and huizhen-push takes from its parent, and how it ends.
#include "media/ingest/child.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/seqpacket.h"

static int pair[2];

static int setup(void **state)
{
	return hz_seqpacket_pair(0, pair);
}

static int teardown(void **state)
{
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static struct hz_ingest_source_set good(void)
{
	return (struct hz_ingest_source_set){.h = {.version = HZ_INGEST_API_VERSION,
	                                           .type = HZ_INGEST_SOURCE_SET,
	                                           .bytes = sizeof(struct hz_ingest_source_set)},
	                                     .source = 7,
	                                     .url = "rtsp://theatre.example/1"};
}

static int lowest(void) // the next descriptor that is free
{
	int fd = dup(pair[0]);
	close(fd);
	return fd;
}

static void takes(void **state)
{
	struct hz_ingest_source_set sent = good(), got = {0};
	int fd = 1234, free_one;
	assert_int_equal(hz_ingest_child_take(pair[1], &got, &fd), -EAGAIN);
	assert_int_equal(fd, 1234);
	assert_int_equal(hz_seqpacket_send(pair[0], &sent, sizeof(sent)), 0);
	assert_int_equal(hz_ingest_child_take(pair[1], &got, &fd), 0);
	assert_memory_equal(&got, &sent, sizeof(sent));
	assert_int_equal(fd, -1);
	free_one = lowest();
	assert_int_equal(hz_seqpacket_send_fds(pair[0], &sent, sizeof(sent), &pair[0], 1), 0);
	assert_int_equal(hz_ingest_child_take(pair[1], &got, &fd), 0);
	assert_int_equal(fd, free_one);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_int_equal(hz_seqpacket_send_fds(pair[0], &sent, sizeof(sent), &pair[0], 1), 0);
	assert_int_equal(hz_ingest_child_take(pair[1], &got, NULL), 0); // nobody wants it
	assert_int_equal(lowest(), free_one);
}

// Another build's, rubbish, and nobody any more: over, with nothing taken and nothing open.
static void refuses(void **state)
{
	struct hz_ingest_source_set sent[4] = {good(), good(), good(), good()}, got = {.source = 1};
	size_t bytes[4] = {sizeof(sent[0]), sizeof(sent[0]), sizeof(sent[0]) - 1, 3};
	int fd = 1234, free_one = lowest(), two[2] = {pair[0], pair[0]};
	sent[0].h.version++;
	sent[1].h.type++;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(hz_seqpacket_send_fds(pair[0], &sent[i], bytes[i], two, 1), 0);
		assert_int_equal(hz_ingest_child_take(pair[1], &got, &fd), -EPIPE);
	}
	assert_int_equal(hz_seqpacket_send_fds(pair[0], &sent[3], sizeof(sent[3]), two, 2), 0);
	assert_int_equal(hz_ingest_child_take(pair[1], &got, &fd), -EPIPE);
	assert_int_equal(lowest(), free_one);
	assert_int_equal(shutdown(pair[0], SHUT_RDWR), 0);
	assert_int_equal(hz_ingest_child_take(pair[1], &got, &fd), -EPIPE);
	assert_int_equal(got.source, 1);
	assert_int_equal(fd, 1234);
}

// Its parent's death is told, a reader that is gone is not, and it gives way.
static void begins(void **state)
{
	int up[2], how = 0;
	pid_t child;
	assert_int_equal(pipe(up), 0);
	pid_t parent = fork();
	if (parent == 0) {
		child = fork();
		if (child == 0) {
			hz_ingest_child_begin("test", SIGKILL);
			bool gives_way = getpriority(PRIO_PROCESS, 0) >= 5;
			close(up[0]);
			(void)!write(up[1], &gives_way, sizeof(gives_way));
			for (;;)
				pause();
		}
		for (;;)
			pause();
	}
	close(up[1]);
	bool gives_way = false;
	assert_int_equal(read(up[0], &gives_way, sizeof(gives_way)), sizeof(gives_way));
	assert_true(gives_way);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, &how, 0), parent);
	assert_int_equal(read(up[0], &gives_way, sizeof(gives_way)), 0); // the child is gone, too
	close(up[0]);
	assert_int_equal(hz_ingest_child_end("test", 0), 0);
	assert_int_equal(hz_ingest_child_end("test", -ENOENT), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(takes, setup, teardown),
	    cmocka_unit_test_setup_teardown(refuses, setup, teardown),
	    cmocka_unit_test_setup_teardown(begins, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
