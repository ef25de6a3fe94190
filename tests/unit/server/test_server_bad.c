// HTTP from people who mean harm, or whose program is broken. Whatever comes, the next client is served.
#include "tests/unit/server/world.h"

static int start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	w->limits.requests_per_second = 100000;
	w->limits.timeout_ms = 600;
	world_start(w);
	*state = w;
	return 0;
}

static int stop(void **state)
{
	struct world *w = *state;
	static const char good[] = "GET /facts HTTP/1.1\r\nHost: h\r\n\r\n";
	assert_int_equal(status_of(w->http_port, good, sizeof(good) - 1), 200);
	world_stop(w);
	free(w);
	return 0;
}

#define G "GET /facts HTTP/1.1\r\n"
#define H "Host: h\r\n"

static void test_bad_requests(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *request;
		int status;
	} bad[] = {
	    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400}, // TLS on the plain port
	    {"SSH-2.0-x\r\n\r\n", 400},
	    {"HELO\r\n\r\n", 400},
	    {"GET\r\n\r\n", 400},
	    {"GET /facts\r\n\r\n", 400},
	    {"GET  /facts HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /facts HTTP/1.1 x\r\n" H "\r\n", 400},
	    {"GET /facts HTTP/2.0\r\n" H "\r\n", 505},
	    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
	    {"GET /facts http/1.1\r\n" H "\r\n", 400},
	    {"GET /facts HTTP/1.1\r\n\r\n", 400}, // no Host
	    {G H H "\r\n", 400},
	    {G "Host: a b\r\n\r\n", 400},
	    {G "Host: a/b\r\n\r\n", 400},
	    {"get /facts HTTP/1.1\r\n" H "\r\n", 501},
	    {"BREW /facts HTTP/1.1\r\n" H "\r\n", 501},
	    {"CONNECT h:443 HTTP/1.1\r\n" H "\r\n", 501},
	    {"TRACE / HTTP/1.1\r\n" H "\r\n", 501},
	    {"GET facts HTTP/1.1\r\n" H "\r\n", 400},
	    {"OPTIONS * HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /../etc/passwd HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /a/%2e%2e/b HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /a/./b HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET //evil.example HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /a%2f%2fb HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /a%00b HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /a%0d%0ab HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /a%zz HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /a%4 HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /a%ff HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /a#b HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET /\xe4\xbc\x9a HTTP/1.1\r\n" H "\r\n", 400},
	    {"GET http://h HTTP/1.1\r\n" H "\r\n", 400},
	    {G H "no colon\r\n\r\n", 400},
	    {G H ": empty\r\n\r\n", 400},
	    {G H "Space : x\r\n\r\n", 400},
	    {G H " folded\r\n\r\n", 400},
	    {G H "X: a\r\n\tfolded\r\n\r\n", 400},
	    {G H "X: \x01\r\n\r\n", 400},
	    {G H "X: \x7f\r\n\r\n", 400},
	    {G "Host: h\n\n", 400}, // bare line feeds
	    {"GET /facts HTTP/1.1\n" H "\r\n", 400},
	    {G H "X: a\rb\r\n\r\n", 400}, // bare carriage return
	    {G H "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400},
	    {G H "Cookie: a=1\r\nCookie: b=2\r\n\r\n", 400},
	    {G H "Origin: a\r\nOrigin: b\r\n\r\n", 400},
	    // Two framings of one request: the ways of request smuggling.
	    {"POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
	    {"POST /echo HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\nhello", 400},
	    {"POST /echo HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\nhello", 400},
	    {"POST /echo HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\nhello", 400},
	    {"POST /echo HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\nhello", 400},
	    {"POST /echo HTTP/1.1\r\n" H "Content-Length: 5 \x0b\r\n\r\nhello", 400},
	    {"POST /echo HTTP/1.1\r\n" H "Content-Length:\r\n\r\nhello", 400},
	    {"POST /echo HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\nhello", 400},
	    {"POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
	    {"POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	     411},
	    {"POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: x\r\n\r\n", 411},
	    {"POST /echo HTTP/1.1\r\n" H "Content-Length: 262145\r\n\r\n", 413},
	    {"POST /echo HTTP/1.1\r\n" H "Content-Length: 999999999999999\r\n\r\n", 413},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = status_of(w->http_port, bad[i].request, strlen(bad[i].request));
		if (status != bad[i].status)
			fail_msg("case %zu: %d instead of %d: %s", i, status, bad[i].status, bad[i].request);
	}
	assert_int_equal(w->requests, 0);
}

// After a refusal the connection ends: what follows must not be taken for a request.
static void test_nothing_after_a_refusal(void **state)
{
	struct world *w = *state;
	static const char text[] = "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
	                           "0\r\n\r\nGET /facts HTTP/1.1\r\n" H "\r\n";
	long got;
	int fd = world_connect(w->http_port);
	put_text(fd, text);
	char *all = get_all(fd, &got);
	assert_true(got > 0);
	assert_int_equal(atoi(all + 9), 411);
	assert_null(strstr(all + 20, "HTTP/1.1 "));
	assert_int_equal(w->requests, 0);
	free(all);
	close(fd);
}

static void test_large_heads(void **state)
{
	struct world *w = *state;
	size_t cap = 200000;
	char *text = malloc(cap);
	int n = snprintf(text, cap, G H "X: ");
	memset(text + n, 'a', cap - (size_t)n);
	assert_int_equal(status_of(w->http_port, text, 40000), 431);
	assert_int_equal(status_of(w->http_port, text, cap), 431);
	n = snprintf(text, cap, "GET /");
	memset(text + n, 'a', cap - (size_t)n);
	assert_int_equal(status_of(w->http_port, text, 40000), 431);
	memcpy(text + 5000, " HTTP/1.1\r\n" H "\r\n", 22);
	assert_int_equal(status_of(w->http_port, text, 5022), 414);
	size_t used = (size_t)snprintf(text, cap, G H);
	for (int i = 0; i < 3000; i++) // many small ones
		used += (size_t)snprintf(text + used, cap - used, "X-%d: y\r\n", i);
	used += (size_t)snprintf(text + used, cap - used, "\r\n");
	assert_int_equal(status_of(w->http_port, text, used), 431);
	free(text);
}

static void test_slow_clients(void **state)
{
	struct world *w = *state;
	static const char *const starts[] = {
	    "",
	    "GET /facts HT",
	    G H "X-Slow: ",
	    "POST /echo HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\nhalf",
	};
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		int fd = world_connect(w->http_port);
		struct timeval quick = {.tv_usec = 100000};
		int64_t before = hz_now_us();
		char c;
		ssize_t n;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &quick, sizeof(quick));
		put_text(fd, starts[i]);
		do { // a byte now and then keeps it from being idle, and must not keep it alive
			if (starts[i][0])
				put_text(fd, "a");
			n = recv(fd, &c, 1, 0);
		} while (n < 0 && errno == EAGAIN && hz_now_us() - before < 4000000);
		int64_t took_ms = (hz_now_us() - before) / 1000;
		if (took_ms < 400 || took_ms > 2000)
			fail_msg("case %zu: closed after %lld ms", i, (long long)took_ms);
		close(fd);
	}
	assert_true(world_counters(w)->timeouts >= 4);

	// Empty lines before a request are allowed, but do not buy time.
	char head[4096], c;
	int fd = world_connect(w->http_port);
	struct timeval quick = {.tv_usec = 100000};
	put_text(fd, G H "\r\n");
	assert_int_equal(get_answer(fd, false, head, NULL, NULL), 200);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &quick, sizeof(quick));
	int64_t before = hz_now_us();
	do
		put_text(fd, "\r\n");
	while (recv(fd, &c, 1, 0) < 0 && errno == EAGAIN && hz_now_us() - before < 4000000);
	assert_in_range((hz_now_us() - before) / 1000, 400, 2000);
	close(fd);
}

// 2,000 connections that say random things.
static void test_garbage(void **state)
{
	struct world *w = *state;
	static const char *const seeds[] = {
	    G H "\r\n",
	    "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
	    "GET /ws HTTP/1.1\r\n" H
	    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: huizhen.v1\r\n\r\n",
	};
	unsigned random = 1;
	for (int i = 0; i < 2000; i++) {
		char text[600];
		const char *seed = seeds[i % 3];
		size_t n = strlen(seed);
		memcpy(text, seed, n);
		for (int k = 0; k < 1 + i % 7; k++) {
			random = random * 1103515245u + 12345u;
			text[(random >> 8) % n] = (char)(random >> 24);
		}
		int fd = world_connect(w->http_port);
		put_bytes(fd, text, i % 5 ? n : n / 2);
		if (i % 2) {
			shutdown(fd, SHUT_WR);
			char buf[512];
			while (recv(fd, buf, sizeof(buf), 0) > 0)
				;
		}
		close(fd);
	}
}

static void test_limits(void **state)
{
	struct world w = {
	    .limits = {.connections = 20, .connections_per_address = 10, .requests_per_second = 5}};
	char head[4096];
	int fds[12], answered = 0, limited = 0;
	(void)state;
	world_start(&w);
	for (int i = 0; i < 12; i++)
		fds[i] = world_connect(w.http_port);
	for (int i = 0; i < 12; i++) {
		put_text(fds[i], G H "\r\n");
		int status = get_answer(fds[i], false, head, NULL, NULL);
		answered += status == 200;
		limited += status == 503;
	}
	assert_int_equal(answered, 10);
	assert_int_equal(limited, 2);
	assert_int_equal(world_counters(&w)->refused_address, 2);
	// Another address through a proxy has its own count, and leaves room here.
	put_text(fds[0], G H "X-Forwarded-For: 198.51.100.1\r\n\r\n");
	assert_int_equal(get_answer(fds[0], false, head, NULL, NULL), 200);
	int more = world_connect(w.http_port);
	put_text(more, G H "\r\n");
	assert_int_equal(get_answer(more, false, head, NULL, NULL), 200);
	for (int i = 0; i < 12; i++)
		close(fds[i]);
	// The rate: 5 a second, bursts of 20; eleven are spent.
	limited = 0;
	for (int i = 0; i < 30 && !limited; i++) {
		put_text(more, G H "\r\n");
		int status = get_answer(more, false, head, NULL, NULL);
		limited = status == 429;
		answered += status == 200;
	}
	assert_true(limited);
	assert_non_null(strstr(head, "\r\nRetry-After: 1\r\n"));
	assert_true(answered < 26);
	close(more);
	world_stop(&w);
}

static void test_total_limit(void **state)
{
	struct world w = {.limits = {.connections = 5}};
	int fds[8], refused = 0;
	(void)state;
	world_start(&w);
	for (int i = 0; i < 8; i++)
		fds[i] = world_connect(w.http_port);
	for (int i = 0; i < 8; i++) {
		char head[4096];
		put_text(fds[i], G H "\r\n");
		refused += get_answer(fds[i], false, head, NULL, NULL) != 200;
		close(fds[i]);
	}
	assert_int_equal(refused, 3);
	assert_int_equal(world_counters(&w)->refused_total, 3);
	world_stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_bad_requests, start, stop),
	    cmocka_unit_test_setup_teardown(test_nothing_after_a_refusal, start, stop),
	    cmocka_unit_test_setup_teardown(test_large_heads, start, stop),
	    cmocka_unit_test_setup_teardown(test_slow_clients, start, stop),
	    cmocka_unit_test_setup_teardown(test_garbage, start, stop),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_total_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
