// WebSocket: the upgrade and receiving. Sending is in ws_send.c.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/clock.h"
#include "gateway/base/secret.h"
#include "signaling/server/internal.h"
#include "signaling/server/utf8.h"

#define FLOOD_WINDOW_S 5

// --- the upgrade (RFC 6455, 4.2)

static bool offers_subprotocol(const char *list)
{
	while (list && *list) {
		list += strspn(list, ", \t");
		size_t n = strcspn(list, ", \t");
		if (n == strlen(HZ_WS_SUBPROTOCOL) && !strncmp(list, HZ_WS_SUBPROTOCOL, n))
			return true;
		list += n;
	}
	return false;
}

// A browser sends Origin; it must be this host, or configured. Programs send none.
static bool origin_ok(const struct hz_conn *conn)
{
	const char *origin = conn->req.header[HZ_H_ORIGIN];
	if (!origin)
		return true;
	for (char **at = conn->server->origins; *at; at++)
		if (!strcasecmp(*at, origin))
			return true;
	const char *host = strstr(origin, "://");
	return host && !strcasecmp(host + 3, conn->req.header[HZ_H_HOST]);
}

static int check_upgrade(const struct hz_conn *conn, const struct hz_head *head)
{
	if (strcmp(head->path, HZ_WS_PATH) != 0)
		return 404;
	if (head->method != HZ_GET || head->head || head->length > 0)
		return 400;
	if (!head->ws_version || strcmp(head->ws_version, "13") != 0)
		return 426;
	if (!head->ws_key || strlen(head->ws_key) != 24 || strcmp(head->ws_key + 22, "==") != 0)
		return 400;
	if (!offers_subprotocol(head->ws_protocols))
		return 400;
	if (!origin_ok(conn))
		return 403;
	return conn->server->stopping ? 503 : 0;
}

static int send_accept(struct hz_conn *conn, const char *key)
{
	char text[64], accept[32];
	unsigned char hash[20];
	int n = snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	lws_SHA1((unsigned char *)text, (size_t)n, hash);
	if (lws_b64_encode_string((const char *)hash, sizeof(hash), accept, sizeof(accept)) < 0)
		return -1;
	n = snprintf((char *)conn->server->scratch + LWS_PRE, HZ_SCRATCH_BYTES,
	             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	             "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: " HZ_WS_SUBPROTOCOL "\r\n\r\n",
	             accept);
	return hz_conn_write(conn, (size_t)n);
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

int hz_ws_upgrade(struct hz_conn *conn, const struct hz_head *head)
{
	struct hz_server *server = conn->server;
	int status = check_upgrade(conn, head);
	if (status) {
		server->counters.ws_refused++;
		return hz_answer_error(conn, status);
	}
	struct hz_ws *ws = calloc(1, sizeof(*ws));
	if (!ws || send_accept(conn, head->ws_key) < 0) {
		free(ws);
		return -1;
	}
	ws->conn = conn;
	ws->code = HZ_WS_ABNORMAL;
	ws->last_rx_us = ws->last_ping_us = ws->flood_at_us = hz_now_us();
	ws->flood_us = FLOOD_WINDOW_S * 1000000;
	conn->ws = ws;
	conn->stage = HZ_STAGE_WS;
	lws_sul_cancel(&conn->deadline);
	server->counters.ws_opened++;
	server->counters.websockets++;
	arm_tick(ws);
	memcpy(conn->peer, conn->req.address, sizeof(conn->peer)); // what hz_ws_address() says
	server->ops.on_ws_open(server->ctx, ws, &conn->req);
	hz_conn_forget_request(conn);
	return 0;
}

// --- receiving

static int refuse(struct hz_ws *ws, int code, const char *reason, uint64_t *counter)
{
	(*counter)++;
	hz_ws_drop_queue(ws);
	hz_ws_close(ws, code, reason);
	return 0;
}

static int refuse_protocol(struct hz_ws *ws)
{
	return refuse(ws, HZ_WS_PROTOCOL_ERROR, "protocol error", &ws->conn->server->counters.ws_bad_frames);
}

// A token bucket of the window's length: more than the rate over the window empties it. Every frame that ends a
// message or is a control frame counts; empty fragments do too.
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

static int on_head(struct hz_ws *ws)
{
	struct hz_server *server = ws->conn->server;
	const struct hz_frame *f = &ws->frame;
	if (f->op == HZ_FRAME_BINARY)
		return refuse(ws, HZ_WS_UNACCEPTABLE, "text only", &server->counters.ws_bad_frames);
	if (f->op < HZ_FRAME_CLOSE) {
		if ((f->op == HZ_FRAME_TEXT) == ws->in_message)
			return refuse_protocol(ws);
		if (f->bytes > server->limits.ws_message_bytes - ws->rx_bytes)
			return refuse(ws, HZ_WS_TOO_LARGE, "message too large",
			              &server->counters.ws_too_large);
		ws->in_message = true;
	}
	if ((f->final || !f->bytes) && is_flooding(ws))
		return refuse(ws, HZ_WS_FLOODING, "too many messages", &server->counters.ws_flooding);
	return 0;
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
	ws->in_message = false;
	if (!hz_utf8_valid(ws->rx, bytes))
		return refuse(ws, HZ_WS_BAD_UTF8, "not UTF-8", &server->counters.ws_bad_frames);
	server->counters.ws_messages_in++;
	server->ops.on_ws_text(server->ctx, ws, ws->rx, bytes);
	hz_wipe(ws->rx, bytes);   // it may have been a token
	if (ws->rx_cap > 16384) { // nothing this size is kept for a client that sent one big message
		free(ws->rx);
		ws->rx = NULL;
		ws->rx_cap = 0;
	}
	return 0;
}

static int on_peer_close(struct hz_ws *ws, size_t bytes)
{
	int code = hz_frame_close_code(ws->control, bytes);
	ws->close_seen = true;
	if (!ws->closing) {
		if (code < 0)
			return refuse_protocol(ws);
		if (bytes > 2 && !hz_utf8_valid((const char *)ws->control + 2, bytes - 2))
			return refuse(ws, HZ_WS_BAD_UTF8, "not UTF-8",
			              &ws->conn->server->counters.ws_bad_frames);
		hz_ws_drop_queue(ws);
		hz_ws_close(ws, code, NULL); // echoes the code
	}
	lws_callback_on_writable(ws->conn->wsi);
	return 0;
}

static int on_control(struct hz_ws *ws)
{
	size_t bytes = (size_t)ws->frame.bytes;
	if (ws->frame.op == HZ_FRAME_CLOSE)
		return on_peer_close(ws, bytes);
	if (ws->frame.op == HZ_FRAME_PING && !ws->closing) {
		memcpy(ws->pong, ws->control, bytes); // only the latest is answered (5.5.3)
		ws->pong_bytes = bytes;
		ws->pong_due = true;
		lws_callback_on_writable(ws->conn->wsi);
	}
	return 0;
}

// Takes payload of the frame in hand out of conn->in.
static int on_payload(struct hz_ws *ws, bool *ret_more)
{
	struct hz_conn *conn = ws->conn;
	uint64_t left = ws->frame.bytes - ws->frame_at;
	size_t bytes = left < conn->in_bytes ? (size_t)left : conn->in_bytes;
	uint8_t *data = (uint8_t *)conn->in;
	bool control = ws->frame.op >= HZ_FRAME_CLOSE;
	int err = 0;
	if (bytes)
		hz_frame_unmask(data, bytes, ws->frame.mask, ws->frame_at);
	if (bytes && control)
		memcpy(ws->control + ws->frame_at, data, bytes);
	if (!control && !ws->closing)
		err = append(ws, data, bytes);
	if (err)
		return -1;
	if (bytes)
		hz_conn_consume(conn, bytes);
	ws->frame_at += bytes;
	conn->server->counters.ws_bytes_in += bytes;
	if (ws->frame_at < ws->frame.bytes)
		return 0;
	ws->in_frame = false;
	*ret_more = true;
	if (control)
		return on_control(ws);
	return ws->frame.final && !ws->closing ? deliver(ws) : 0;
}

int hz_ws_step(struct hz_conn *conn, bool *ret_more)
{
	struct hz_ws *ws = conn->ws;
	ws->last_rx_us = hz_now_us();
	if (ws->close_seen) { // nothing may follow a close frame
		hz_conn_consume(conn, conn->in_bytes);
		return 0;
	}
	if (!ws->in_frame) {
		long bytes = hz_frame_read_head((const uint8_t *)conn->in, conn->in_bytes, &ws->frame);
		if (bytes == 0)
			return 0;
		if (bytes > 0)
			hz_conn_consume(conn, (size_t)bytes);
		ws->in_frame = bytes > 0;
		ws->frame_at = 0;
		if (bytes < 0 && ws->closing)
			return -1;
		int err = ws->closing ? 0 : bytes < 0 ? refuse_protocol(ws) : on_head(ws);
		if (err)
			return err;
		if (bytes < 0) { // there is no telling where the next frame begins
			ws->close_seen = true;
			*ret_more = true;
			return 0;
		}
	}
	return on_payload(ws, ret_more);
}

void hz_ws_on_gone(struct hz_conn *conn)
{
	struct hz_ws *ws = conn->ws;
	struct hz_server *server = conn->server;
	lws_sul_cancel(&ws->tick);
	ws->closing = true;
	if (ws->first) // nothing goes out any more: the rest of a half-sent message need not be kept
		ws->first->sent = 0;
	hz_ws_drop_queue(ws);
	server->ops.on_ws_close(server->ctx, ws, ws->code);
	server->counters.websockets--;
	conn->ws = NULL;
	if (ws->rx)
		hz_wipe(ws->rx, ws->rx_cap);
	free(ws->rx);
	free(ws);
}
