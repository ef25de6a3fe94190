// HTTP/1.1 over real sockets: what must work.
#include "tests/unit/server/world.h"

static int start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	w->limits.requests_per_second = 100000;
	world_start(w);
	*state = w;
	return 0;
}

static int stop(void **state)
{
	world_stop(*state);
	free(*state);
	return 0;
}

static void test_get(void **state)
{
	struct world *w = *state;
	char head[4096], *body;
	int fd = world_connect(w->http_port);
	put_text(fd, "GET /facts?a=1&b=x%20y%26z&c HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer t0ken\r\n"
	             "Idempotency-Key: k1\r\n\r\n");
	assert_int_equal(get_answer(fd, false, head, &body, NULL), 200);
	assert_non_null(
	    strstr(body, "method=GET head=0 tls=0 loopback=1 path=/facts query=a=1&b=x%20y%26z&c "));
	assert_non_null(strstr(body, "address=127.0.0.1 auth=Bearer t0ken idem=k1 body=0"));
	free(body);
	assert_non_null(strstr(head, "\r\nX-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(head, "\r\nReferrer-Policy: no-referrer\r\n"));
	assert_non_null(strstr(head, "\r\nContent-Security-Policy: default-src 'none'"));
	assert_non_null(strstr(head, "\r\nCache-Control: no-store\r\n"));
	assert_non_null(strstr(head, "\r\nX-Test: yes\r\n"));
	assert_null(strcasestr(head, "libwebsockets"));
	close(fd);
}

// An answer that is not ready when its handler returns: it comes later, in order, and a client may go before it does.
static void test_held(void **state)
{
	struct world *w = *state;
	char head[4096], *body;
	int fd = world_connect(w->http_port);
	put_text(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /facts HTTP/1.1\r\nHost: h\r\n\r\n");
	int64_t began_us = hz_now_us();
	assert_int_equal(get_answer(fd, false, head, &body, NULL), 200);
	assert_true(hz_now_us() - began_us >= 90000);
	assert_string_equal(body, "at last");
	free(body);
	assert_int_equal(get_answer(fd, false, head, &body, NULL), 200);
	assert_non_null(strstr(body, "path=/facts"));
	free(body);
	put_text(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	sleep_ms(20);
	struct linger linger = {.l_onoff = 1}; // a reset, so that the server notices
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
	assert_true(wait_for(&w->held_gone, 1));
}

static void test_methods(void **state)
{
	struct world *w = *state;
	static const char *const names[] = {"POST", "PUT", "PATCH", "DELETE"};
	char head[4096], *body, text[200], wanted[64];
	int fd = world_connect(w->http_port); // one connection for all: keep-alive after each method
	put_text(fd, "POST /facts HTTP/1.1\r\nHost: h\r\n\r\n"); // no length: no body
	assert_int_equal(get_answer(fd, false, head, NULL, NULL), 200);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			int n = round == 1 ? 0 : 5; // with a body, with an empty one, with one again
			snprintf(text, sizeof(text),
			         "%s /facts HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", names[i], n,
			         n ? "12345" : "");
			put_text(fd, text);
			assert_int_equal(get_answer(fd, false, head, &body, NULL), 200);
			snprintf(wanted, sizeof(wanted), "method=%s ", names[i]);
			assert_non_null(strstr(body, wanted));
			snprintf(wanted, sizeof(wanted), "body=%d", n);
			assert_non_null(strstr(body, wanted));
			free(body);
		}
	}
	put_text(fd, "OPTIONS /none HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(get_answer(fd, true, head, NULL, NULL), 204);
	assert_null(strcasestr(head, "Content-Length"));
	put_text(fd, "HEAD /facts HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(get_answer(fd, true, head, NULL, NULL), 200);
	assert_non_null(strcasestr(head, "Content-Length: "));
	put_text(fd, "DELETE /none HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(get_answer(fd, false, head, NULL, NULL), 404);
	close(fd);
}

static void test_bodies(void **state)
{
	struct world *w = *state;
	static const size_t sizes[] = {1, 4095, 4096, 4097, 16384, 100000, 256 * 1024};
	char head[4096], line[200], *body, *sent = malloc(256 * 1024);
	int fd = world_connect(w->http_port);
	for (size_t i = 0; i < 256 * 1024; i++)
		sent[i] = (char)(i * 7 + i / 251);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t got;
		snprintf(line, sizeof(line), "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
		         sizes[i]);
		put_text(fd, line);
		put_bytes(fd, sent, sizes[i] / 2);
		put_bytes(fd, sent + sizes[i] / 2, sizes[i] - sizes[i] / 2);
		assert_int_equal(get_answer(fd, false, head, &body, &got), 200);
		assert_int_equal(got, sizes[i]);
		assert_memory_equal(body, sent, got);
		free(body);
	}
	free(sent);
	close(fd);
}

// A byte at a time: the parser must not care how the bytes come.
static void test_dribble(void **state)
{
	struct world *w = *state;
	static const char text[] = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world";
	char head[4096], *body;
	int fd = world_connect(w->http_port);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		put_bytes(fd, text + i, 1);
		if (i % 8 == 0)
			sleep_ms(1);
	}
	assert_int_equal(get_answer(fd, false, head, &body, NULL), 200);
	assert_string_equal(body, "hello world");
	free(body);
	close(fd);
}

static void test_pipelined(void **state)
{
	struct world *w = *state;
	char head[4096], *body, all[8192];
	size_t used = 0;
	int fd = world_connect(w->http_port);
	for (int i = 0; i < 20; i++) {
		if (i % 3 == 0)
			used += (size_t)snprintf(all + used, sizeof(all) - used,
			                         "GET /facts?n=%d HTTP/1.1\r\nHost: h\r\n\r\n", i);
		else
			used += (size_t)snprintf(
			    all + used, sizeof(all) - used,
			    "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nbody%02d", i);
	}
	put_bytes(fd, all, used);
	for (int i = 0; i < 20; i++) {
		char wanted[16];
		assert_int_equal(get_answer(fd, false, head, &body, NULL), 200);
		snprintf(wanted, sizeof(wanted), i % 3 ? "body%02d" : "query=n=%d ", i);
		assert_non_null(strstr(body, wanted));
		free(body);
	}
	close(fd);
}

static void test_big(void **state)
{
	struct world *w = *state;
	char head[4096], *body;
	size_t got;
	int fd = world_connect(w->http_port);
	for (int i = 0; i < 3; i++) {
		put_text(fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_int_equal(get_answer(fd, false, head, &body, &got), 200);
		assert_int_equal(got, BIG_BYTES);
		assert_memory_equal(body, w->big, BIG_BYTES);
		free(body);
	}
	close(fd);
}

// Two big answers asked for at once and read slowly: right bytes, and the loop must not spin meanwhile.
static void test_pipelined_slow_reader(void **state)
{
	struct world *w = *state;
	char head[4096], *body;
	size_t got;
	int small = 65536, fd = world_connect(w->http_port);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (int i = 0; i < 6; i++)
		put_text(fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
	sleep_ms(200);
	double before = cpu_seconds();
	sleep_ms(1500);
	double spent = cpu_seconds() - before;
	if (spent > 0.3)
		fail_msg("the loop used %.2f s of 1.5 s while a slow reader did nothing", spent);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(get_answer(fd, false, head, &body, &got), 200);
		assert_int_equal(got, BIG_BYTES);
		assert_memory_equal(body, w->big, BIG_BYTES);
		free(body);
	}
	put_text(fd, "GET /facts HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(get_answer(fd, false, head, NULL, NULL), 200);
	close(fd);
}

static void test_connection_close(void **state)
{
	struct world *w = *state;
	long got;
	static const char *const requests[] = {
	    "GET /facts HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
	    "GET /facts HTTP/1.0\r\nHost: h\r\n\r\n",
	    "\r\nGET http://h/facts HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int fd = world_connect(w->http_port);
		put_text(fd, requests[i]);
		char *all = get_all(fd, &got);
		assert_true(got > 0);
		assert_int_equal(atoi(all + 9), 200);
		free(all);
		close(fd);
	}
}

static void test_expect_continue(void **state)
{
	struct world *w = *state;
	char head[4096], *body;
	int fd = world_connect(w->http_port);
	put_text(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
	assert_int_equal(get_answer(fd, true, head, NULL, NULL), 100);
	put_text(fd, "data");
	assert_int_equal(get_answer(fd, false, head, &body, NULL), 200);
	assert_string_equal(body, "data");
	free(body);
	close(fd);
}

static void test_forwarded(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *headers, *wanted;
	} cases[] = {
	    {"", "loopback=1 path=/facts query= address=127.0.0.1 "},
	    {"X-Forwarded-For: 203.0.113.9\r\n", "loopback=0 path=/facts query= address=203.0.113.9 "},
	    {"X-Forwarded-For: 10.1.1.1, 203.0.113.9\r\n",
	     "loopback=0 path=/facts query= address=203.0.113.9 "},
	    {"X-Forwarded-For: 2001:db8::7\r\n", "loopback=0 path=/facts query= address=2001:db8::7 "},
	    {"X-Forwarded-For: rubbish\r\n", "loopback=0 path=/facts query= address=127.0.0.1 "},
	    {"X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n", "tls=1 loopback=0"},
	    {"X-Forwarded-Proto: https\r\n", "tls=0 loopback=1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400], head[4096], *body;
		int fd = world_connect(w->http_port);
		snprintf(text, sizeof(text), "GET /facts HTTP/1.1\r\nHost: h\r\n%s\r\n", cases[i].headers);
		put_text(fd, text);
		assert_int_equal(get_answer(fd, false, head, &body, NULL), 200);
		if (!strstr(body, cases[i].wanted))
			fail_msg("%s: %s", cases[i].headers, body);
		free(body);
		close(fd);
	}
}

static void test_many_connections(void **state)
{
	struct world *w = *state;
	int fds[150];
	char head[4096];
	for (int i = 0; i < 150; i++)
		fds[i] = world_connect(w->http_port);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 150; i++)
			put_text(fds[i], "GET /facts HTTP/1.1\r\nHost: h\r\n\r\n");
		for (int i = 0; i < 150; i++)
			assert_int_equal(get_answer(fds[i], false, head, NULL, NULL), 200);
	}
	for (int i = 0; i < 150; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_get, start, stop),
	    cmocka_unit_test_setup_teardown(test_held, start, stop),
	    cmocka_unit_test_setup_teardown(test_methods, start, stop),
	    cmocka_unit_test_setup_teardown(test_bodies, start, stop),
	    cmocka_unit_test_setup_teardown(test_dribble, start, stop),
	    cmocka_unit_test_setup_teardown(test_pipelined, start, stop),
	    cmocka_unit_test_setup_teardown(test_big, start, stop),
	    cmocka_unit_test_setup_teardown(test_pipelined_slow_reader, start, stop),
	    cmocka_unit_test_setup_teardown(test_connection_close, start, stop),
	    cmocka_unit_test_setup_teardown(test_expect_continue, start, stop),
	    cmocka_unit_test_setup_teardown(test_forwarded, start, stop),
	    cmocka_unit_test_setup_teardown(test_many_connections, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
