// WebSocket: the upgrade's checks, reassembly, the send queue, limits, pings. Framing is libwebsockets'.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/clock.h"
#include "gateway/base/secret.h"
#include "signaling/server/internal.h"
#include "signaling/server/utf8.h"

#define FLOOD_WINDOW_S   5
#define EMPTY_FRAMES_MAX 256 // continuation frames without a byte, in one message
#define WRITES_A_TURN    16

// --- the upgrade

// true if the comma-separated header has the word (any case).
static bool lists(struct lws *wsi, enum lws_token_indexes token, const char *word, bool any_case)
{
	char text[512], *save = NULL;
	if (lws_hdr_copy(wsi, text, sizeof(text), token) <= 0)
		return false;
	for (char *at = strtok_r(text, ", \t", &save); at; at = strtok_r(NULL, ", \t", &save))
		if (any_case ? !strcasecmp(at, word) : !strcmp(at, word))
			return true;
	return false;
}

// A browser sends Origin; it must be this host, or configured. Programs send none.
static bool origin_ok(const struct hz_conn *conn)
{
	const struct hz_request *req = &conn->req;
	const char *origin = req->header[HZ_H_ORIGIN];
	if (!origin)
		return true;
	for (char **at = conn->server->origins; at && *at; at++)
		if (!strcasecmp(*at, origin))
			return true;
	const char *host = strstr(origin, "://");
	return host && !strcasecmp(host + 3, req->header[HZ_H_HOST]);
}

static int check_upgrade(struct hz_conn *conn, struct lws *wsi)
{
	struct hz_server *server = conn->server;
	char version[8], key[32];
	int status = hz_headers_collect(conn, wsi);
	if (status)
		return status;
	if (conn->req.is_loopback != conn->peer_loopback && hz_conn_account(conn, conn->req.address) < 0)
		return 503;
	if (!hz_limits_request(server->addresses, conn->entry, hz_now_us())) {
		server->counters.rate_limited++;
		return 429;
	}
	if (strcmp(conn->req.path, HZ_WS_PATH) != 0)
		return 404;
	if (conn->req.method != HZ_GET || conn->req.head || hz_headers_length(wsi) > 0)
		return 400;
	if (lws_hdr_copy(wsi, version, sizeof(version), WSI_TOKEN_VERSION) <= 0 || strcmp(version, "13") != 0)
		return 426;
	if (lws_hdr_copy(wsi, key, sizeof(key), WSI_TOKEN_KEY) != 24)
		return 400;
	if (!lists(wsi, WSI_TOKEN_CONNECTION, "upgrade", true) ||
	    !lists(wsi, WSI_TOKEN_PROTOCOL, HZ_WS_SUBPROTOCOL, false))
		return 400;
	if (!origin_ok(conn))
		return 403;
	return server->stopping ? 503 : 0;
}

int hz_ws_on_upgrade(struct hz_conn *conn, struct lws *wsi)
{
	char upgrade[16];
	// lws 4.1 comes here after it answered an unknown Upgrade itself and gave the headers back: stop there.
	if (lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) <= 0)
		return -1;
	conn->handshaking = false;
	conn->close_after = true;
	conn->server->counters.requests++;
	int status = 501; // h2c
	if (lws_hdr_copy(wsi, upgrade, sizeof(upgrade), WSI_TOKEN_UPGRADE) > 0 &&
	    !strcasecmp(upgrade, "websocket"))
		status = check_upgrade(conn, wsi);
	if (!status) {
		conn->stage = HZ_STAGE_UPGRADE;
		return 0;
	}
	conn->server->counters.ws_refused++;
	hz_answer_error(conn, status);
	return -1; // the short answer is in the kernel; lws shuts down politely
}

static void on_tick(lws_sorted_usec_list_t *sul);

static void arm_tick(struct hz_ws *ws)
{
	struct hz_server *server = ws->conn->server;
	lws_sul_schedule(server->context, 0, &ws->tick, on_tick,
	                 (lws_usec_t)server->limits.ws_ping_ms * 1000 / 4);
}

static void on_tick(lws_sorted_usec_list_t *sul)
{
	struct hz_ws *ws = lws_container_of(sul, struct hz_ws, tick);
	int64_t ping_us = (int64_t)ws->conn->server->limits.ws_ping_ms * 1000, now_us = hz_now_us();
	if (now_us - ws->last_rx_us >= ping_us * 9 / 4) {
		ws->conn->server->counters.ws_dead++;
		hz_conn_kill(ws->conn);
		return;
	}
	if (now_us - ws->last_ping_us >= ping_us && !ws->closing) {
		ws->ping_due = true;
		lws_callback_on_writable(ws->conn->wsi);
	}
	arm_tick(ws);
}

int hz_ws_on_established(struct hz_conn *conn)
{
	struct hz_server *server = conn->server;
	if (conn->stage != HZ_STAGE_UPGRADE)
		return -1;
	struct hz_ws *ws = calloc(1, sizeof(*ws));
	if (!ws)
		return -1;
	ws->conn = conn;
	ws->code = HZ_WS_ABNORMAL;
	ws->last_rx_us = ws->last_ping_us = ws->flood_at_us = hz_now_us();
	ws->flood_us = FLOOD_WINDOW_S * 1000000;
	conn->ws = ws;
	conn->stage = HZ_STAGE_WS;
	server->counters.ws_opened++;
	server->counters.websockets++;
	lws_sul_cancel(&conn->deadline);
	arm_tick(ws);
	server->ops.on_ws_open(server->ctx, ws, &conn->req);
	memcpy(conn->peer, conn->req.address, sizeof(conn->peer)); // what hz_ws_address() says from now on
	hz_conn_forget_request(conn);
	return 0;
}

// --- receiving

static void drop_queue(struct hz_ws *ws)
{
	while (ws->first) {
		struct hz_ws_message *m = ws->first;
		ws->first = m->next;
		free(m);
	}
	ws->last = NULL;
	ws->conn->server->counters.websockets_queued_bytes -= ws->queued_bytes;
	ws->queued_bytes = 0;
}

// Closes from inside a receive callback: lws sends the frame at once.
static int refuse(struct hz_ws *ws, int code, const char *reason, uint64_t *counter)
{
	(*counter)++;
	ws->closing = true;
	ws->code = code;
	drop_queue(ws);
	hz_conn_deadline(ws->conn, HZ_WS_CLOSE_US);
	lws_close_reason(ws->conn->wsi, (enum lws_close_status)code, (unsigned char *)(uintptr_t)reason,
	                 strlen(reason));
	return -1;
}

// A token bucket of the window's length: more than the rate over the window empties it.
static bool is_flooding(struct hz_ws *ws)
{
	int64_t now_us = hz_now_us(), full_us = FLOOD_WINDOW_S * 1000000;
	ws->flood_us += now_us - ws->flood_at_us;
	ws->flood_at_us = now_us;
	if (ws->flood_us > full_us)
		ws->flood_us = full_us;
	ws->flood_us -= 1000000 / (int64_t)ws->conn->server->limits.ws_messages_per_second;
	return ws->flood_us < 0;
}

static int append(struct hz_ws *ws, const void *data, size_t bytes)
{
	size_t need = ws->rx_bytes + bytes + 1;
	if (need > ws->rx_cap) {
		size_t cap = ws->rx_cap ? ws->rx_cap : 2048;
		while (cap < need)
			cap *= 2;
		char *rx = realloc(ws->rx, cap);
		if (!rx)
			return -ENOMEM;
		ws->rx = rx;
		ws->rx_cap = cap;
	}
	if (bytes)
		memcpy(ws->rx + ws->rx_bytes, data, bytes);
	ws->rx_bytes += bytes;
	ws->rx[ws->rx_bytes] = '\0';
	return 0;
}

static int deliver(struct hz_ws *ws)
{
	struct hz_server *server = ws->conn->server;
	size_t bytes = ws->rx_bytes;
	ws->rx_bytes = 0;
	ws->empty_frames = 0;
	if (is_flooding(ws))
		return refuse(ws, HZ_WS_FLOODING, "too many messages", &server->counters.ws_flooding);
	if (!hz_utf8_valid(ws->rx, bytes))
		return refuse(ws, HZ_WS_BAD_UTF8, "not UTF-8", &server->counters.ws_bad_frames);
	server->counters.ws_messages_in++;
	server->ops.on_ws_text(server->ctx, ws, ws->rx, bytes);
	hz_wipe(ws->rx, bytes);   // it may have been a token
	if (ws->rx_cap > 16384) { // nothing this size is kept for a client that sends one big message
		free(ws->rx);
		ws->rx = NULL;
		ws->rx_cap = 0;
	}
	return 0;
}

int hz_ws_on_receive(struct hz_conn *conn, struct lws *wsi, const void *data, size_t bytes)
{
	struct hz_ws *ws = conn->ws;
	struct hz_server *server = conn->server;
	if (!ws)
		return -1;
	ws->last_rx_us = hz_now_us();
	if (ws->closing)
		return 0;
	if (lws_frame_is_binary(wsi))
		return refuse(ws, HZ_WS_UNACCEPTABLE, "text only", &server->counters.ws_bad_frames);
	if (bytes > server->limits.ws_message_bytes - ws->rx_bytes)
		return refuse(ws, HZ_WS_TOO_LARGE, "message too large", &server->counters.ws_too_large);
	if (!bytes && ++ws->empty_frames > EMPTY_FRAMES_MAX)
		return refuse(ws, HZ_WS_FLOODING, "empty frames", &server->counters.ws_flooding);
	server->counters.ws_bytes_in += bytes;
	if (append(ws, data, bytes) < 0)
		return -1;
	return lws_is_final_fragment(wsi) ? deliver(ws) : 0;
}

void hz_ws_on_pong(struct hz_conn *conn)
{
	if (conn->ws)
		conn->ws->last_rx_us = hz_now_us();
}

void hz_ws_on_peer_close(struct hz_conn *conn, const unsigned char *data, size_t bytes)
{
	struct hz_ws *ws = conn->ws;
	if (!ws || ws->closing)
		return;
	ws->closing = true;
	ws->code = bytes >= 2 ? data[0] << 8 | data[1] : HZ_WS_NO_STATUS;
	drop_queue(ws);
	hz_conn_deadline(conn, HZ_WS_CLOSE_US);
}

void hz_ws_on_gone(struct hz_conn *conn)
{
	struct hz_ws *ws = conn->ws;
	struct hz_server *server = conn->server;
	lws_sul_cancel(&ws->tick);
	ws->closing = ws->ended = true;
	drop_queue(ws);
	server->ops.on_ws_close(server->ctx, ws, ws->code);
	server->counters.websockets--;
	conn->ws = NULL;
	if (ws->rx)
		hz_wipe(ws->rx, ws->rx_cap);
	free(ws->rx);
	free(ws);
}

// --- sending

static int write_one(struct hz_ws *ws)
{
	struct hz_server_counters *c = &ws->conn->server->counters;
	struct hz_ws_message *m = ws->first;
	ws->first = m->next;
	if (!ws->first)
		ws->last = NULL;
	ws->queued_bytes -= m->bytes;
	c->websockets_queued_bytes -= m->bytes;
	ws->inflight_bytes += m->bytes;
	c->ws_messages_out++;
	c->ws_bytes_out += m->bytes;
	int n = lws_write(ws->conn->wsi, m->text + LWS_PRE, m->bytes, LWS_WRITE_TEXT);
	free(m);
	return n < 0 ? -1 : 0;
}

int hz_ws_on_writable(struct hz_conn *conn)
{
	struct hz_ws *ws = conn->ws;
	unsigned char ping[LWS_PRE];
	if (!ws)
		return -1;
	ws->inflight_bytes = 0; // lws only calls once the kernel has it all
	if (ws->ping_due) {
		ws->ping_due = false;
		ws->last_ping_us = hz_now_us();
		if (lws_write(conn->wsi, ping + LWS_PRE, 0, LWS_WRITE_PING) < 0)
			return -1;
	}
	for (int i = 0; ws->first && i < WRITES_A_TURN && !lws_send_pipe_choked(conn->wsi); i++)
		if (write_one(ws) < 0)
			return -1;
	if (ws->first) {
		lws_callback_on_writable(conn->wsi);
		return 0;
	}
	if (!ws->closing || ws->ended)
		return 0;
	if (lws_partial_buffered(conn->wsi)) {
		lws_callback_on_writable(conn->wsi);
		return 0;
	}
	ws->ended = true;
	lws_close_reason(conn->wsi, (enum lws_close_status)ws->code, (unsigned char *)ws->reason,
	                 strlen(ws->reason));
	return -1;
}

int hz_ws_send(struct hz_ws *ws, const char *text, size_t bytes)
{
	struct hz_server *server = ws->conn->server;
	if (ws->closing)
		return -EPIPE;
	if (ws->queued_bytes + ws->inflight_bytes + bytes > server->limits.ws_queue_bytes) {
		server->counters.ws_slow++;
		drop_queue(ws);
		hz_ws_close(ws, HZ_WS_SLOW, "slow reader");
		return -ENOBUFS;
	}
	struct hz_ws_message *m = malloc(sizeof(*m) + LWS_PRE + bytes + 1);
	if (!m)
		return -ENOMEM;
	m->next = NULL;
	m->bytes = bytes;
	memcpy(m->text + LWS_PRE, text, bytes);
	*(ws->last ? &ws->last->next : &ws->first) = m;
	ws->last = m;
	ws->queued_bytes += bytes;
	server->counters.websockets_queued_bytes += bytes;
	lws_callback_on_writable(ws->conn->wsi);
	return 0;
}

void hz_ws_close(struct hz_ws *ws, int code, const char *reason)
{
	if (ws->closing)
		return;
	ws->closing = true;
	ws->code = code;
	ws->ping_due = false;
	strncpy(ws->reason, reason ? reason : "", sizeof(ws->reason) - 1);
	hz_conn_deadline(ws->conn, HZ_WS_CLOSE_US);
	lws_callback_on_writable(ws->conn->wsi);
}

void hz_ws_set_user(struct hz_ws *ws, void *user)
{
	ws->user = user;
}

void *hz_ws_user(const struct hz_ws *ws)
{
	return ws->user;
}

const char *hz_ws_address(const struct hz_ws *ws)
{
	return ws->conn->req.path ? ws->conn->req.address : ws->conn->peer;
}

size_t hz_ws_queued(const struct hz_ws *ws)
{
	return ws->queued_bytes + ws->inflight_bytes;
}
