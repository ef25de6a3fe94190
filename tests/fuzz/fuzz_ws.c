// A whole server with one WebSocket over a socket pair: the input is what the client sends after the upgrade, cut into
// pieces. libwebsockets runs its real loop; our parts are instrumented, its are not.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "signaling/server/server.h"
#include "signaling/server/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char upgrade[] =
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
    "13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: huizhen.v1\r\n\r\n";

struct run {
	struct hz_server *server;
	struct hz_server_timer *timer;
	int client, opened, closed;
	const uint8_t *data;
	size_t left, piece;
};

#define must(truth) ((truth) ? (void)0 : fail(#truth, __LINE__))

static void fail(const char *what, int line)
{
	fprintf(stderr, "line %d: not true: %s (errno %d)\n", line, what, errno);
	abort();
}

static void on_request(void *ctx, const struct hz_request *req, struct hz_response *res)
{
	hz_response_copy(res, "text/plain", req->body, req->body_bytes);
}

static void on_ws_open(void *ctx, struct hz_ws *ws, const struct hz_request *req)
{
	struct run *run = ctx;
	run->opened++;
	hz_ws_set_user(ws, run);
}

static void on_ws_text(void *ctx, struct hz_ws *ws, const char *text, size_t bytes)
{
	must(hz_ws_user(ws) == ctx);
	must(bytes <= 4096 && text[bytes] == '\0' && hz_utf8_valid(text, bytes));
	if (bytes && text[0] == 'c')
		hz_ws_close(ws, 4000 + (uint8_t)text[bytes - 1], "so");
	hz_ws_send(ws, text, bytes);
}

static void on_ws_close(void *ctx, struct hz_ws *ws, int code)
{
	struct run *run = ctx;
	must(code >= 1000 && code < 5000);
	run->closed++;
}

// Sends the next piece; when all is sent, hangs up and gives the loop a few turns.
static void on_timer(void *ctx)
{
	struct run *run = ctx;
	char sink[4096];
	while (recv(run->client, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
	size_t n = run->piece < run->left ? run->piece : run->left;
	if (!n) {
		shutdown(run->client, SHUT_WR);
		hz_server_stop(run->server, HZ_WS_GOING_AWAY, NULL);
		return;
	}
	ssize_t sent = send(run->client, run->data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	run->data += n;
	run->left = sent < 0 ? 0 : run->left - n;
	hz_server_timer_arm(run->timer, 1);
}

// -1: the machine has no port left for a moment (thousands of runs a second wait in TIME_WAIT): not a finding.
static int listen_on(struct sockaddr_in *addr)
{
	socklen_t bytes = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	must(fd >= 0);
	if (bind(fd, (struct sockaddr *)addr, sizeof(*addr)) || listen(fd, 8)) {
		must(errno == EADDRINUSE || errno == EADDRNOTAVAIL);
		close(fd);
		return -1;
	}
	must(getsockname(fd, (struct sockaddr *)addr, &bytes) == 0);
	return fd;
}

// The first byte: how large the pieces are; its highest bit: without the upgrade, so that HTTP is fuzzed instead.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = {0};
	struct sockaddr_in addr;
	if (size < 1)
		return 0;
	hz_log_init("fuzz", HZ_LOG_ERROR);
	int fd = listen_on(&addr);
	if (fd < 0)
		return 0;
	struct hz_server_options options = {
	    .http_fd = fd,
	    .https_fd = -1,
	    .limits = {.ws_message_bytes = 4096, .ws_queue_bytes = 8192, .body_bytes = 4096},
	    .ops = {.on_request = on_request,
	            .on_ws_open = on_ws_open,
	            .on_ws_text = on_ws_text,
	            .on_ws_close = on_ws_close},
	    .ctx = &run,
	};
	must(hz_server_new(&options, &run.server) == 0);
	run.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(run.client, (struct sockaddr *)&addr, sizeof(addr))) {
		must(errno == EADDRINUSE || errno == EADDRNOTAVAIL);
		goto out;
	}
	if (!(data[0] & 0x80))
		must(send(run.client, upgrade, sizeof(upgrade) - 1, 0) == (ssize_t)sizeof(upgrade) - 1);
	run.piece = data[0] & 0x7f ? data[0] & 0x7f : size;
	run.data = data + 1;
	run.left = size - 1;
	must(hz_server_timer_new(run.server, on_timer, &run, &run.timer) == 0);
	hz_server_timer_arm(run.timer, 1);
	must(hz_server_run(run.server) == 0);
	hz_server_timer_free(run.timer);
out:
	hz_server_free(run.server);
	must(run.opened == run.closed);
	close(run.client);
	close(fd);
	return 0;
}
