// A server on loopback in a thread of its own, and blocking clients to throw bytes at it.
#ifndef HZ_TESTS_UNIT_SERVER_WORLD_H
#define HZ_TESTS_UNIT_SERVER_WORLD_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/clock.h"
#include "signaling/server/file.h"
#include "signaling/server/server.h"

#define BIG_BYTES (2u << 20)

struct world {
	struct hz_server *server;
	pthread_t thread;
	int listen_http, listen_https, wake[2], told[2];
	struct hz_server_counters counters; // a copy: world_counters()
	uint16_t http_port, https_port;
	struct hz_server_limits limits;
	const char *cert, *key;
	const char *const *origins;
	char *big;
	const char *file; // path of what "/file" gives; ranges without end: at most file_piece
	uint64_t file_at, file_bytes, file_piece;
	atomic_int requests, opened, closed, texts, close_code;
	uint64_t file_limit; // 0: none; else until `settle` says: 1 allow, 2 break
	struct hz_response *limited;
	struct hz_server_timer *limited_timer;
	atomic_int settle, limited_gone;
	struct hz_response *held; // of /later
	struct hz_server_timer *held_timer;
	atomic_int held_gone;
	int (*upload)(struct world *w, uint64_t bytes,
	              uint64_t *ret_owner); // NULL: bodies beyond the limit are refused
	int body_fd;                        // duplicate of the last one's file; -1
	atomic_int ws_push_bytes;           // on open, send this many messages of 1 KiB
};

static inline int world_listen(uint16_t *ret_port)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(addr);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_return_code(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), errno);
	assert_return_code(listen(fd, 128), errno);
	assert_return_code(getsockname(fd, (struct sockaddr *)&addr, &bytes), errno);
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

static inline void world_release(void *ctx)
{
	struct world *w = ctx;
	if (!w->held)
		return;
	hz_response_copy(w->held, "text/plain", "at last", 7);
	hz_response_release(w->held);
	w->held = NULL;
}

static inline void world_gone(void *ctx)
{
	struct world *w = ctx;
	w->held = NULL;
	w->held_gone++;
}

// "/later": answered 100 ms later.
static inline void world_hold(struct world *w, struct hz_response *res)
{
	if (!w->held_timer)
		assert_int_equal(hz_server_timer_new(w->server, world_release, w, &w->held_timer), 0);
	w->held = res;
	hz_response_hold(res, world_gone, w);
	hz_server_timer_arm(w->held_timer, 100000);
}

static inline void world_settle(void *ctx)
{
	struct world *w = ctx;
	int settle = w->settle;
	if (!w->limited)
		return;
	if (!settle) {
		hz_server_timer_arm(w->limited_timer, 5000);
		return;
	}
	if (settle == 1)
		hz_response_allow(w->limited);
	else
		hz_response_break(w->limited);
	w->limited = NULL;
}

static inline void world_limited_gone(void *ctx)
{
	struct world *w = ctx;
	w->limited = NULL;
	w->limited_gone++;
}

static inline void world_file(struct world *w, const struct hz_request *req, struct hz_response *res)
{
	const struct hz_file_reply reply = {
	    .fd = open(w->file, O_RDONLY | O_CLOEXEC),
	    .at = w->file_at,
	    .bytes = w->file_bytes,
	    .type = "video/mp4",
	    .etag = "\"abc\"",
	    .piece = w->file_piece,
	};
	hz_file_answer(&reply, req, res);
	if (!w->file_limit || !hz_response_limit(res, w->file_limit, world_limited_gone, w))
		return;
	if (!w->limited_timer)
		assert_int_equal(hz_server_timer_new(w->server, world_settle, w, &w->limited_timer), 0);
	w->limited = res;
	hz_server_timer_arm(w->limited_timer, 5000);
}

// "/file": w->file. "/echo": the body. "/facts": what the server saw. "/big": 2 MiB. "/none": nothing set. "/post201".
static inline void world_on_request(void *ctx, const struct hz_request *req, struct hz_response *res)
{
	struct world *w = ctx;
	w->requests++;
	if (!strcmp(req->path, "/echo")) {
		hz_response_copy(res, "application/octet-stream", req->body, req->body_bytes);
	} else if (!strcmp(req->path, "/big")) {
		hz_response_static(res, "text/plain", w->big, BIG_BYTES);
	} else if (!strncmp(req->path, "/later", 6)) {
		world_hold(w, res);
	} else if (!strcmp(req->path, "/file")) {
		world_file(w, req, res);
	} else if (!strncmp(req->path, "/facts", 6)) {
		if (req->body_file)
			w->body_fd = dup(*req->body_file);
		char text[2048];
		int n = snprintf(
		    text, sizeof(text),
		    "method=%s head=%d tls=%d loopback=%d path=%s query=%s address=%s auth=%s idem=%s "
		    "body=%zu",
		    hz_method_name(req->method), req->head, req->is_tls, req->is_loopback, req->path,
		    req->query, req->address,
		    req->header[HZ_H_AUTHORIZATION] ? req->header[HZ_H_AUTHORIZATION] : "-",
		    req->header[HZ_H_IDEMPOTENCY_KEY] ? req->header[HZ_H_IDEMPOTENCY_KEY] : "-",
		    req->body_bytes);
		hz_response_header(res, "X-Test", "yes");
		hz_response_copy(res, "text/plain", text, (size_t)n);
	}
}

static inline int world_on_upload(void *ctx, const struct hz_request *req, uint64_t bytes,
                                  uint64_t *ret_owner)
{
	struct world *w = ctx;
	assert_non_null(req->path);
	return w->upload(w, bytes, ret_owner);
}

static inline void world_on_ws_open(void *ctx, struct hz_ws *ws, const struct hz_request *req)
{
	struct world *w = ctx;
	char kib[1024];
	w->opened++;
	assert_non_null(req->header[HZ_H_HOST]);
	memset(kib, 'x', sizeof(kib));
	for (int i = 0; i < w->ws_push_bytes; i++)
		hz_ws_send(ws, kib, sizeof(kib));
}

// Echo; "close N" closes with N; "flood N" sends N KiB; "address" tells it.
static inline void world_on_ws_text(void *ctx, struct hz_ws *ws, const char *text, size_t bytes)
{
	struct world *w = ctx;
	char kib[1024];
	w->texts++;
	assert_int_equal(text[bytes], 0);
	if (!strncmp(text, "close ", 6)) {
		hz_ws_close(ws, atoi(text + 6), "as you wish");
		assert_int_equal(hz_ws_send(ws, "late", 4), -EPIPE);
	} else if (!strncmp(text, "flood ", 6)) {
		memset(kib, 'x', sizeof(kib));
		for (int i = 0; i < atoi(text + 6) && hz_ws_send(ws, kib, sizeof(kib)) == 0; i++)
			;
	} else if (!strcmp(text, "address")) {
		hz_ws_send(ws, hz_ws_address(ws), strlen(hz_ws_address(ws)));
	} else {
		hz_ws_send(ws, text, bytes);
	}
}

static inline void world_on_ws_close(void *ctx, struct hz_ws *ws, int code)
{
	struct world *w = ctx;
	w->close_code = code;
	w->closed++;
	assert_int_equal(hz_ws_send(ws, "too late", 8), -EPIPE);
}

static inline void world_on_wake(void *ctx, int fd)
{
	struct world *w = ctx;
	char c;
	if (read(fd, &c, 1) != 1)
		return;
	if (c == 'c') { // world_counters(): only this thread may look
		w->counters = *hz_server_counters(w->server);
		assert_int_equal(write(w->told[1], &c, 1), 1);
	} else {
		hz_server_stop(w->server, HZ_WS_GOING_AWAY, "test over");
	}
}

// The server's counters now, read by its own thread.
static inline const struct hz_server_counters *world_counters(struct world *w)
{
	char c;
	assert_int_equal(write(w->wake[1], "c", 1), 1);
	assert_int_equal(read(w->told[0], &c, 1), 1);
	return &w->counters;
}

static inline void *world_run(void *arg)
{
	struct world *w = arg;
	assert_int_equal(hz_server_run(w->server), 0);
	return NULL;
}

static inline void world_start(struct world *w)
{
	struct hz_server_fd *handle;
	w->listen_http = world_listen(&w->http_port);
	w->listen_https = w->cert ? world_listen(&w->https_port) : -1;
	struct hz_server_options options = {
	    .http_fd = w->listen_http,
	    .https_fd = w->listen_https,
	    .cert = w->cert,
	    .key = w->key,
	    .origins = w->origins,
	    .limits = w->limits,
	    .ops = {.on_request = world_on_request,
	            .on_upload = w->upload ? world_on_upload : NULL,
	            .on_ws_open = world_on_ws_open,
	            .on_ws_text = world_on_ws_text,
	            .on_ws_close = world_on_ws_close},
	    .ctx = w,
	};
	w->big = malloc(BIG_BYTES);
	for (size_t i = 0; i < BIG_BYTES; i++)
		w->big[i] = (char)('a' + i % 23);
	assert_int_equal(hz_server_new(&options, &w->server), 0);
	assert_return_code(pipe(w->wake), errno);
	assert_return_code(pipe(w->told), errno);
	assert_int_equal(hz_server_add_fd(w->server, w->wake[0], world_on_wake, NULL, w, &handle), 0);
	assert_int_equal(pthread_create(&w->thread, NULL, world_run, w), 0);
}

static inline void world_stop(struct world *w)
{
	assert_int_equal(write(w->wake[1], "x", 1), 1);
	pthread_join(w->thread, NULL);
	assert_int_equal(w->opened, w->closed + (int)hz_server_counters(w->server)->websockets);
	hz_server_timer_free(w->held_timer);
	hz_server_timer_free(w->limited_timer);
	hz_server_free(w->server);
	assert_int_equal(w->opened, w->closed);
	close(w->wake[0]);
	close(w->told[0]);
	close(w->told[1]);
	close(w->wake[1]);
	close(w->listen_http);
	if (w->listen_https >= 0)
		close(w->listen_https);
	free(w->big);
}

static inline int world_connect(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval timeout = {.tv_sec = 8};
	struct sockaddr_in addr = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	assert_return_code(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), errno);
	return fd;
}

// Sends all; a reset by the other side is not an error here.
static inline void put_bytes(int fd, const void *data, size_t bytes)
{
	const char *at = data;
	while (bytes) {
		ssize_t n = send(fd, at, bytes, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		at += n;
		bytes -= (size_t)n;
	}
}

static inline void put_text(int fd, const char *text)
{
	put_bytes(fd, text, strlen(text));
}

// Reads until the other side closes. Returns a malloc'd text; -1 in *ret_bytes on a timeout.
static inline char *get_all(int fd, long *ret_bytes)
{
	size_t have = 0, cap = 1 << 16;
	char *buf = malloc(cap);
	for (;;) {
		if (have + 1 >= cap)
			buf = realloc(buf, cap *= 2);
		ssize_t n = recv(fd, buf + have, cap - have - 1, 0);
		if (n <= 0) {
			bool timeout = n < 0 && errno == EAGAIN;
			buf[have] = '\0';
			*ret_bytes = timeout ? -1 : (long)have;
			return buf;
		}
		have += (size_t)n;
	}
}

// One answer with a Content-Length from a connection that stays open. Returns the status; body malloc'd.
static inline int get_answer(int fd, bool head, char ret_head[4096], char **ret_body, size_t *ret_bytes)
{
	size_t n = 0;
	while (n < 4095 && (n < 4 || memcmp(ret_head + n - 4, "\r\n\r\n", 4) != 0)) {
		if (recv(fd, ret_head + n, 1, 0) != 1)
			return -1;
		n++;
	}
	ret_head[n] = '\0';
	const char *length = strcasestr(ret_head, "\r\nContent-Length: ");
	size_t bytes = length && !head ? strtoul(length + 18, NULL, 10) : 0, have = 0;
	char *body = calloc(1, bytes + 1);
	while (have < bytes) {
		ssize_t got = recv(fd, body + have, bytes - have, 0);
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	if (ret_body)
		*ret_body = body;
	else
		free(body);
	if (ret_bytes)
		*ret_bytes = have;
	return atoi(ret_head + 9);
}

// Sends one request, closes; returns the status, or 0 when the connection ended without an answer, -1 when it hung.
static inline int status_of(uint16_t port, const char *request, size_t bytes)
{
	int fd = world_connect(port), status = 0;
	long got;
	put_bytes(fd, request, bytes);
	shutdown(fd, SHUT_WR);
	char *all = get_all(fd, &got);
	if (got > 12 && !strncmp(all, "HTTP/1.1 ", 9))
		status = atoi(all + 9);
	if (got < 0)
		status = -1;
	free(all);
	close(fd);
	return status;
}

static inline void sleep_ms(int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};
	nanosleep(&t, NULL);
}

// Waits up to 3 s for *value to become wanted.
static inline bool wait_for(const atomic_int *value, int wanted)
{
	for (int i = 0; i < 300 && *value != wanted; i++)
		sleep_ms(10);
	return *value == wanted;
}

static inline double cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
