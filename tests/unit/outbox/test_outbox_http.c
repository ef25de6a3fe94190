// A destination that answers very slowly, one byte and another: it does not hold the queue for ever.
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/clock.h"
#include "recorder/outbox/http.h"
#include "recorder/outbox/stow.h"

static int listener;
static atomic_bool over;

// Enough for a limit of bytes a second, never enough for an end.
static void *trickle(void *arg)
{
	char buf[4096];
	int fd = accept(listener, NULL, NULL);
	if (fd >= 0 && read(fd, buf, sizeof(buf)) > 0 && write(fd, "HTTP/1.1 200 OK\r\n\r\n", 19) > 0)
		while (!atomic_load(&over) && send(fd, "xxxx", 4, MSG_NOSIGNAL) == 4)
			usleep(200000);
	if (fd >= 0)
		close(fd);
	return arg;
}

// An answer without end.
static void *flood(void *arg)
{
	static char buf[1 << 16];
	int fd = accept(listener, NULL, NULL);
	if (fd >= 0 && read(fd, buf, sizeof(buf)) > 0 && write(fd, "HTTP/1.1 200 OK\r\n\r\n", 19) > 0)
		while (send(fd, buf, sizeof(buf), MSG_NOSIGNAL) > 0)
			;
	if (fd >= 0)
		close(fd);
	return arg;
}

static pthread_t serve(void *(*with)(void *arg), char url[64])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	pthread_t thread;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
	snprintf(url, 64, "http://127.0.0.1:%u/", ntohs(at.sin_port));
	assert_int_equal(pthread_create(&thread, NULL, with, NULL), 0);
	return thread;
}

static void test_slow(void **state)
{
	char url[64];
	struct hz_http_answer answer;
	pthread_t thread = serve(trickle, url);
	const struct hz_http_target target = {.url = url, .stall_s = 1};
	const struct hz_http_post post = {
	    .url = url, .content_type = "text/plain", .accept = "text/plain", .head = "hello", .tail = ""};
	int64_t begin_us = hz_now_us();
	alarm(30);
	assert_int_equal(hz_http_post(&target, &post, &answer), -EHOSTUNREACH);
	alarm(0);
	assert_true(hz_now_us() - begin_us < 15000000);
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	close(listener);
}

// It may be about this one only: the others go on.
static void test_endless(void **state)
{
	char url[64];
	struct hz_outcome_text why;
	pthread_t thread = serve(flood, url);
	const struct hz_http_target target = {.url = url, .stall_s = 30};
	assert_int_equal(hz_stow(&target, "/proc/self/exe", 1000, "2.25.7", &why), HZ_LATER);
	assert_string_equal(why.why, "the answer is too long");
	pthread_join(thread, NULL);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_slow), cmocka_unit_test(test_endless)};
	if (hz_http_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
