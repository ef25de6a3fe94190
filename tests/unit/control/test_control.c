// The whole control process in a child: real HTTP and WebSocket, the supervisor's and a worker's ends of its sockets here.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"
#include "gateway/child.h"
#include "gateway/control/admin.h"
#include "gateway/control/control.h"
#include "media/api.h"
#include "media/transport/certificate.h"
#include "media/transport/identity.h"
#include "tests/unit/session/offers.h"

struct child {
	char dir[64];
	struct hz_config config;
	struct hz_config *loaded;                           // of a file; NULL: config
	int supervisor[2], api[2], listener, tls, identity; // tls: -1: off
	uint16_t port, tls_port, media_port;
	pid_t pid;
	unsigned reconciles, commands;
	char token[HZ_ADMIN_TOKEN_BYTES];
};

static char empty[] = "", level[] = "error", address[] = "127.0.0.1";

static void config_fill(struct child *c)
{
	memset(&c->config, 0, sizeof(c->config));
	c->config.data.dir = c->dir;
	c->config.http.port = c->port;
	c->config.https.certificate = empty;
	c->config.https.key = empty;
	c->config.media.port = 20000;
	c->config.media.address = address;
	c->config.links.public_url = empty;
	c->config.tokens.oidc_issuer = empty;
	c->config.tokens.oidc_jwks_file = empty;
	c->config.tokens.oidc_audience = empty;
	c->config.limits.participants_per_consult = 100;
	c->config.limits.consults = 100;
	c->config.limits.connections = 100;
	c->config.limits.connections_per_address = 100;
	c->config.limits.requests_per_second = 1000;
	c->config.web.dir = empty;
	c->config.record.dir = c->dir;
	c->config.log.level = level;
}

static void start(struct child *c)
{
	fflush(stdout);
	c->pid = fork();
	if (c->pid != 0)
		return;
	struct hz_control_fds fds = {.recorder = -1,
	                             .mix = -1,
	                             .supervisor = c->supervisor[0],
	                             .identity = c->identity,
	                             .http = c->listener,
	                             .https = c->tls,
	                             .workers = 1,
	                             .media_port = c->media_port};
	fds.api[0] = c->api[0];
	memset(fds.pipe, 0xff, sizeof(fds.pipe)); // there are none
	hz_log_init("control", HZ_LOG_ERROR);
	int err = hz_control_run(&fds, c->loaded ? c->loaded : &c->config);
	exit(err ? 2 : 0); // runs the leak checker
}

static int listening(uint16_t *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static int setup(void **state)
{
	struct child *c = calloc(1, sizeof(*c));
	snprintf(c->dir, sizeof(c->dir), "/tmp/hz-control-XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	c->listener = listening(&c->port);
	c->tls = -1;
	assert_int_equal(hz_seqpacket_pair(0, c->supervisor), 0);
	assert_int_equal(hz_seqpacket_pair(1 << 18, c->api), 0);
	assert_int_equal(hz_identity_generate(&c->identity), 0);
	config_fill(c);
	char error[HZ_ADMIN_ERROR_BYTES];
	const struct hz_admin_token_spec spec = {.consult = "c1", .role = "clinic", .id = "doc"};
	assert_int_equal(hz_admin_token(&c->config, &spec, error, c->token), 0);
	*state = c;
	return 0;
}

static int setup_started(void **state)
{
	setup(state);
	start(*state);
	return 0;
}

static int teardown(void **state)
{
	struct child *c = *state;
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	for (int i = 0; i < 2; i++) {
		close(c->supervisor[i]);
		close(c->api[i]);
	}
	close(c->listener);
	if (c->tls >= 0)
		close(c->tls);
	hz_config_free(c->loaded);
	close(c->identity);
	scratch_remove(c->dir);
	free(c);
	return 0;
}

// The worker: reads commands for a while, acknowledges them.
static void serve_worker(struct child *c, int ms)
{
	int64_t end_us = hz_now_us() + ms * 1000;
	while (hz_now_us() < end_us) {
		struct pollfd at = {.fd = c->api[1], .events = POLLIN};
		union hz_msg msg;
		size_t bytes = 0;
		poll(&at, 1, 20);
		while (hz_seqpacket_recv(c->api[1], &msg, sizeof(msg), &bytes) == 0) {
			struct hz_ev_ack ack = {.h = {HZ_API_VERSION, HZ_EV_ACK, sizeof(ack), msg.h.seq, 0}};
			c->commands++;
			c->reconciles += msg.h.type == HZ_CMD_RECONCILE_END;
			assert_int_equal(hz_seqpacket_send(c->api[1], &ack, sizeof(ack)), 0);
		}
	}
}

static uint32_t wait_child_msg(struct child *c, uint32_t type, int ms)
{
	int64_t end_us = hz_now_us() + ms * 1000;
	while (hz_now_us() < end_us) {
		struct hz_child_msg msg = {0};
		size_t bytes = 0;
		if (hz_seqpacket_recv(c->supervisor[1], &msg, sizeof(msg), &bytes) == 0 && msg.type == type)
			return msg.value + 1;
		serve_worker(c, 20);
	}
	fail_msg("no message %u within %d ms", type, ms);
	return 0;
}

static void tell(struct child *c, uint32_t type)
{
	const struct hz_child_msg msg = {.type = type};
	assert_int_equal(hz_seqpacket_send(c->supervisor[1], &msg, sizeof(msg)), 0);
}

static int dial(const struct child *c)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(c->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval limit = {.tv_sec = 3};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

// One request on its own connection; the status. The whole answer is in ret.
static int http(const struct child *c, const char *request, char ret[131072])
{
	int fd = dial(c);
	size_t used = 0;
	ssize_t n;
	put(fd, request);
	while (used < 65535 && (n = recv(fd, ret + used, 65535 - used, 0)) > 0)
		used += (size_t)n;
	ret[used] = '\0';
	close(fd);
	return used > 12 ? atoi(ret + 9) : 0;
}

static int get(const struct child *c, const char *path, char ret[131072])
{
	char request[512];
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
	return http(c, request, ret);
}

static void wait_ready(struct child *c)
{
	static char answer[131072];
	wait_child_msg(c, HZ_CHILD_READY, 8000);
	assert_int_equal(get(c, "/readyz", answer), 200);
}

// --- WebSocket, as small as it gets

static void ws_send(int fd, const char *text)
{
	uint8_t frame[8192] = {0x81};
	size_t n = strlen(text), at = 2;
	assert_true(n < 8000);
	if (n < 126) {
		frame[1] = (uint8_t)(0x80 | n);
	} else {
		frame[1] = 0x80 | 126;
		frame[2] = (uint8_t)(n >> 8);
		frame[3] = (uint8_t)n;
		at = 4;
	}
	at += 4; // a masking key of zeros leaves the text as it is
	memcpy(frame + at, text, n);
	assert_int_equal(send(fd, frame, at + n, MSG_NOSIGNAL), (ssize_t)(at + n));
}

static bool exactly(int fd, void *buf, size_t bytes)
{
	size_t used = 0;
	ssize_t n;
	while (used < bytes && (n = recv(fd, (char *)buf + used, bytes - used, 0)) > 0)
		used += (size_t)n;
	return used == bytes;
}

// The next text message, or "close N", or "" at the end.
static const char *ws_read(int fd)
{
	static char text[131072 + 1];
	uint8_t head[2], more[2];
	if (!exactly(fd, head, 2))
		return "";
	size_t n = head[1] & 0x7f;
	if (n == 126) {
		assert_true(exactly(fd, more, 2));
		n = (size_t)more[0] << 8 | more[1];
	}
	assert_true(n <= 131072 && exactly(fd, text, n));
	text[n] = '\0';
	if ((head[0] & 0x0f) == 8)
		snprintf(text, 32, "close %d", n >= 2 ? (uint8_t)text[0] << 8 | (uint8_t)text[1] : 0);
	return text;
}

static const char *ws_until(int fd, const char *word)
{
	for (;;) {
		const char *text = ws_read(fd);
		if (!text[0])
			fail_msg("socket ended before \"%s\"", word);
		if (strstr(text, word))
			return text;
	}
}

static int ws_open(const struct child *c)
{
	char head[2048];
	size_t used = 0;
	int fd = dial(c);
	put(fd, "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: "
	        "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: huizhen.v1\r\n\r\n");
	while (used < sizeof(head) - 1 && recv(fd, head + used, 1, 0) == 1) {
		head[++used] = '\0';
		if (strstr(head, "\r\n\r\n"))
			break;
	}
	assert_int_equal(strncmp(head, "HTTP/1.1 101", 12), 0);
	return fd;
}

static int ws_join(const struct child *c, const char *key, const char *value, char ret_key[64])
{
	char text[8000];
	int fd = ws_open(c);
	snprintf(text, sizeof(text),
	         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"join\",\"params\":{\"%s\":\"%s\"}}", key, value);
	ws_send(fd, text);
	const char *answer = ws_until(fd, "\"id\":1");
	const char *at = strstr(answer, "\"resume_key\":\"");
	if (at)
		sscanf(at + 14, "%63[A-Za-z0-9]", ret_key);
	return at ? fd : (close(fd), -1);
}

static void create_consult(const struct child *c)
{
	char error[HZ_ADMIN_ERROR_BYTES];
	assert_int_equal(hz_admin_consult(&c->config, "c1", "Title", error), 0);
}

// --- tests

static void serves(void **state)
{
	struct child *c = *state;
	static char answer[131072], request[8192];
	assert_int_equal(get(c, "/healthz", answer), 200);
	assert_int_equal(get(c, "/readyz", answer), 503); // the worker has not confirmed yet
	assert_non_null(strstr(answer, "media worker"));
	wait_ready(c);
	assert_true(c->reconciles >= 1);
	assert_int_equal(get(c, "/metrics", answer), 200);
	assert_non_null(strstr(answer, "huizhen_worker_ready{worker=\"0\"} 1"));
	assert_int_equal(get(c, "/api/v1/openapi.json", answer), 200);
	assert_int_equal(get(c, "/api/v1/consults", answer), 401);
	assert_int_equal(get(c, "/nothing", answer), 404);
	snprintf(
	    request, sizeof(request),
	    "POST /api/v1/consults HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"
	    "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"title\":\"T\"}",
	    c->token);
	assert_int_equal(http(c, request, answer), 201);
	assert_int_equal(http(c, request, answer), 409);
	snprintf(request, sizeof(request),
	         "DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(http(c, request, answer), 405);
	tell(c, HZ_CHILD_STOP);
	int status = -1;
	waitpid(c->pid, &status, 0);
	c->pid = 0;
	assert_int_equal(status, 0);
}

static void survives(void **state)
{
	struct child *c = *state;
	char key[64] = "", same[64] = "";
	wait_ready(c);
	create_consult(c);
	int fd = ws_join(c, "token", c->token, key);
	assert_true(fd >= 0);
	assert_non_null(ws_until(fd, "\"method\":\"state\""));
	for (int round = 0; round < 5; round++) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
		close(fd);
		start(c);
		fd = ws_join(c, "resume_key", key, same);
		assert_true(fd >= 0);
		assert_string_equal(key, same);
		serve_worker(c, 50);
	}
	ws_send(fd, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}");
	ws_until(fd, "\"id\":7");
	// Stopped in good order: told, closed with 1001, exit 0; the next one goes on.
	tell(c, HZ_CHILD_STOP);
	ws_until(fd, "\"method\":\"closing\"");
	assert_string_equal(ws_until(fd, "close"), "close 1001");
	close(fd);
	int status = -1;
	waitpid(c->pid, &status, 0);
	assert_int_equal(status, 0);
	start(c);
	fd = ws_join(c, "resume_key", key, same);
	assert_true(fd >= 0);
	close(fd);
}

static void refuses(void **state)
{
	struct child *c = *state;
	char key[64] = "";
	wait_ready(c);
	create_consult(c);
	assert_int_equal(ws_join(c, "token", "rubbish", key), -1);
	assert_int_equal(ws_join(c, "resume_key", "rubbish", key), -1);
	// Garbage of every kind, then an honest client.
	static const char *const garbage[] = {
	    "{",
	    "[]",
	    "{}",
	    "null",
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"offer\"}",
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"join\",\"params\":{\"token\":5}}"};
	int bad = ws_open(c);
	for (unsigned i = 0; i < 6; i++) {
		ws_send(bad, garbage[i]);
		ws_until(bad, "\"error\"");
	}
	close(bad);
	int fd = ws_join(c, "token", c->token, key);
	assert_true(fd >= 0);
	close(fd);
}

static void drains(void **state)
{
	struct child *c = *state;
	char key[64] = "", other[64] = "";
	static char answer[131072];
	wait_ready(c);
	create_consult(c);
	int fd = ws_join(c, "token", c->token, key);
	assert_true(fd >= 0);
	assert_int_equal(wait_child_msg(c, HZ_CHILD_STATUS, 4000) - 1, 1);
	tell(c, HZ_CHILD_DRAIN);
	ws_until(fd, "\"method\":\"closing\"");
	assert_int_equal(get(c, "/readyz", answer), 503);
	assert_int_equal(ws_join(c, "token", c->token, other), -1); // nobody new
	close(fd);
	fd = ws_join(c, "resume_key", key, other); // who is here may come back
	assert_true(fd >= 0);
	ws_send(fd, "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"leave\"}");
	ws_until(fd, "\"method\":\"end\"");
	int status = -1;
	for (int i = 0; i < 100 && waitpid(c->pid, &status, WNOHANG) == 0; i++)
		serve_worker(c, 50);
	c->pid = 0;
	assert_int_equal(status, 0); // the last one is gone, and so are we
	close(fd);
}

static void supervisor_gone(void **state)
{
	struct child *c = *state;
	wait_ready(c);
	tell(c, 99);                                                      // not a message
	assert_int_equal(hz_seqpacket_send(c->supervisor[1], "x", 1), 0); // not even that
	shutdown(c->supervisor[1], SHUT_RDWR);
	int status = -1;
	for (int i = 0; i < 100 && waitpid(c->pid, &status, WNOHANG) == 0; i++)
		serve_worker(c, 50);
	c->pid = 0;
	assert_int_equal(status, 0);
}

// --- reload

static void write_config(const struct child *c, unsigned media, unsigned https, const char *more)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/c.yaml", c->dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f,
	        "data: {dir: %s}\nlog: {level: error}\nweb: {dir: /nowhere}\nhttp: {port: %u}\n"
	        "media: {port: %u, address: 127.0.0.1%s}\n%s",
	        c->dir, https + 1, media, https == c->tls_port ? "" : ", tcp: false", more);
	assert_int_equal(fclose(f), 0);
}

static void make_certificate(const struct child *c, const char *name)
{
	char cert[96], key[96];
	const char *dns[] = {name};
	const struct hz_certificate_names names = {.dns = dns, .dns_count = 1};
	snprintf(cert, sizeof(cert), "%s/%s.crt", c->dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", c->dir, name);
	assert_int_equal(hz_certificate_make(cert, key, &names), 0);
}

static bool certificate_is(const struct child *c, const char *name)
{
	struct child tls = {.port = c->tls_port};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = dial(&tls);
	SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	X509 *x = SSL_get1_peer_certificate(ssl);
	bool is = X509_check_host(x, name, 0, 0, NULL) == 1;
	X509_free(x);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return is;
}

static int ws_from(const struct child *c, const char *origin)
{
	static char answer[131072];
	char request[512];
	snprintf(request, sizeof(request),
	         "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: %s\r\n"
	         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	         "Sec-WebSocket-Protocol: huizhen.v1\r\n\r\n",
	         origin);
	int fd = dial(c);
	put(fd, request);
	ssize_t n = recv(fd, answer, sizeof(answer) - 1, 0);
	close(fd);
	return n > 12 ? atoi(answer + 9) : 0;
}

// The ports of all candidates that an encoder is told.
static void told_ports(const struct child *c, unsigned session, unsigned udp, unsigned tcp)
{
	static char request[OFFER_BYTES + 8192], answer[131072];
	char wanted[64];
	const char *sdp = offer_sdp((struct offer_spec){.lines = "mic:0:send", .session = session});
	snprintf(request, sizeof(request),
	         "POST /whip/c1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"
	         "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
	         c->token, strlen(sdp), sdp);
	assert_int_equal(http(c, request, answer), 201);
	snprintf(wanted, sizeof(wanted), " 127.0.0.1 %u typ host", udp);
	assert_non_null(strstr(answer, wanted));
	snprintf(wanted, sizeof(wanted), " 127.0.0.1 %u typ host tcptype passive", tcp);
	assert_non_null(strstr(answer, wanted));
	for (const char *at = answer; (at = strstr(at, " 127.0.0.1 ")); at += 11) { // and nothing else
		unsigned port = (unsigned)atoi(at + 11);
		assert_true(port == udp || port == tcp);
	}
	const char *resource = strstr(answer, "/whip/c1/r/");
	assert_non_null(resource);
	snprintf(request, sizeof(request),
	         "DELETE %.*s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n",
	         (int)strcspn(resource, "\r\n"), resource, c->token);
	assert_int_equal(http(c, request, answer), 200);
}

// Sockets stay where they are, whatever the file says: nobody is told a port that nobody listens on. What can change does.
static void reloads(void **state)
{
	struct child *c = *state;
	char more[400], path[96], error[HZ_CONFIG_ERROR_BYTES];
	static const char tail[] = "https: {port: %u, certificate: %s/%s.crt, key: %s/%s.key}\n"
	                           "links: {public_url: 'https://%s.example'}\n";
	c->tls = listening(&c->tls_port);
	make_certificate(c, "one");
	make_certificate(c, "two");
	snprintf(more, sizeof(more), tail, c->tls_port, c->dir, "one", c->dir, "one", "one");
	write_config(c, 20000, c->tls_port, more);
	snprintf(path, sizeof(path), "%s/c.yaml", c->dir);
	assert_int_equal(hz_config_load(path, error, &c->loaded), 0);
	start(c);
	wait_ready(c);
	create_consult(c);
	told_ports(c, 1, 20000, c->tls_port);
	assert_true(certificate_is(c, "one"));
	assert_int_equal(ws_from(c, "https://one.example"), 101);
	assert_int_equal(ws_from(c, "https://two.example"), 403);
	snprintf(more, sizeof(more), tail, 1, c->dir, "two", c->dir, "two", "two");
	write_config(c, 31000, 1, more);
	tell(c, HZ_CHILD_RELOAD);
	for (int i = 0; i < 300 && ws_from(c, "https://two.example") != 101; i++)
		serve_worker(c, 10);
	assert_int_equal(ws_from(c, "https://two.example"), 101);
	assert_int_equal(ws_from(c, "https://one.example"), 403);
	assert_true(certificate_is(c, "two"));
	told_ports(c, 2, 20000, c->tls_port);
	// A control process that starts now has the sockets of before and the newest file.
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	hz_config_free(c->loaded);
	c->loaded = NULL;
	write_config(c, 31000, c->tls_port, more);
	assert_int_equal(hz_config_load(path, error, &c->loaded), 0);
	c->media_port = 20000; // as the supervisor says
	start(c);
	wait_ready(c);
	told_ports(c, 3, 20000, c->tls_port);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup_started, teardown)
	const struct CMUnitTest tests[] = {
	    T(serves), T(survives),        T(refuses),
	    T(drains), T(supervisor_gone), cmocka_unit_test_setup_teardown(reloads, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
