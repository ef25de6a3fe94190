// WebSocket: the send queue, pings, the closing handshake.
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/base/clock.h"
#include "signaling/server/internal.h"

void hz_ws_drop_queue(struct hz_ws *ws)
{
	struct hz_ws_message *keep = ws->first && ws->first->sent ? ws->first : NULL;
	struct hz_ws_message *m = keep ? keep->next : ws->first;
	size_t kept =
	    keep ? keep->bytes : 0; // half of it is gone: the rest must follow, or the stream is garbage
	while (m) {
		struct hz_ws_message *next = m->next;
		free(m);
		m = next;
	}
	if (keep)
		keep->next = NULL;
	ws->first = ws->last = keep;
	ws->conn->server->counters.websockets_queued_bytes -= ws->queued_bytes - kept;
	ws->queued_bytes = kept;
}

// Puts a whole small frame at `used` of the scratch buffer. Bytes used then.
static size_t put_control(struct hz_conn *conn, size_t used, enum hz_frame_op op, const void *data,
                          size_t bytes)
{
	unsigned char *at = conn->server->scratch + LWS_PRE + used;
	size_t head = hz_frame_write_head(op, bytes, at);
	if (bytes)
		memcpy(at + head, data, bytes);
	return used + head + bytes;
}

static size_t put_queue(struct hz_ws *ws, size_t used)
{
	struct hz_server *server = ws->conn->server;
	while (ws->first && used < HZ_SCRATCH_BYTES) {
		struct hz_ws_message *m = ws->first;
		size_t bytes = m->bytes - m->sent;
		if (bytes > HZ_SCRATCH_BYTES - used)
			bytes = HZ_SCRATCH_BYTES - used;
		memcpy(server->scratch + LWS_PRE + used, m->frame + m->sent, bytes);
		used += bytes;
		m->sent += bytes;
		if (m->sent < m->bytes)
			break;
		ws->first = m->next;
		if (!ws->first)
			ws->last = NULL;
		ws->queued_bytes -= m->bytes;
		server->counters.websockets_queued_bytes -= m->bytes;
		server->counters.ws_messages_out++;
		free(m);
	}
	return used;
}

static size_t put_close(struct hz_ws *ws, size_t used)
{
	uint8_t payload[2 + HZ_WS_REASON_BYTES];
	size_t bytes = strlen(ws->reason);
	ws->close_sent = true;
	if (ws->code == HZ_WS_NO_STATUS)
		return put_control(ws->conn, used, HZ_FRAME_CLOSE, NULL, 0);
	payload[0] = (uint8_t)(ws->code >> 8);
	payload[1] = (uint8_t)ws->code;
	memcpy(payload + 2, ws->reason, bytes);
	return put_control(ws->conn, used, HZ_FRAME_CLOSE, payload, bytes + 2);
}

// One scratch buffer's worth. Bytes.
static size_t fill(struct hz_ws *ws)
{
	struct hz_conn *conn = ws->conn;
	size_t used = 0;
	bool between = !ws->first || !ws->first->sent; // control frames go between frames only
	if (ws->pong_due && between && !ws->closing) {
		used = put_control(conn, used, HZ_FRAME_PONG, ws->pong, ws->pong_bytes);
		ws->pong_due = false;
	}
	if (ws->ping_due && between && !ws->closing) {
		used = put_control(conn, used, HZ_FRAME_PING, NULL, 0);
		ws->ping_due = false;
		ws->last_ping_us = hz_now_us();
	}
	used = put_queue(ws, used);
	if (ws->closing && !ws->close_sent && !ws->first &&
	    used + HZ_FRAME_CONTROL_BYTES + 2 <= HZ_SCRATCH_BYTES)
		used = put_close(ws, used);
	return used;
}

int hz_ws_write(struct hz_conn *conn)
{
	struct hz_ws *ws = conn->ws;
	for (;;) {
		if (lws_send_pipe_choked(conn->wsi)) {
			lws_callback_on_writable(conn->wsi);
			return 0;
		}
		size_t bytes = fill(ws);
		if (!bytes)
			break;
		conn->server->counters.ws_bytes_out += bytes;
		if (hz_conn_write(conn, bytes) < 0)
			return -1;
	}
	if (!ws->close_sent || !ws->close_seen)
		return 0;
	hz_ws_on_gone(conn); // both close frames are through
	return hz_conn_linger(conn);
}

int hz_ws_send(struct hz_ws *ws, const char *text, size_t bytes)
{
	struct hz_server *server = ws->conn->server;
	if (ws->closing)
		return -EPIPE;
	if (bytes > server->limits.ws_queue_bytes ||
	    ws->queued_bytes > server->limits.ws_queue_bytes - bytes) {
		server->counters.ws_slow++;
		hz_ws_drop_queue(ws);
		hz_ws_close(ws, HZ_WS_SLOW, "slow reader");
		return -ENOBUFS;
	}
	struct hz_ws_message *m = malloc(sizeof(*m) + 10 + bytes);
	if (!m)
		return -ENOMEM;
	size_t head = hz_frame_write_head(HZ_FRAME_TEXT, bytes, m->frame);
	memcpy(m->frame + head, text, bytes);
	m->next = NULL;
	m->sent = 0;
	m->bytes = head + bytes;
	*(ws->last ? &ws->last->next : &ws->first) = m;
	ws->last = m;
	ws->queued_bytes += m->bytes;
	server->counters.websockets_queued_bytes += m->bytes;
	lws_callback_on_writable(ws->conn->wsi);
	return 0;
}

void hz_ws_close(struct hz_ws *ws, int code, const char *reason)
{
	if (ws->closing)
		return;
	ws->closing = true;
	ws->code = code;
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
	return ws->conn->peer;
}

int64_t hz_ws_rtt_us(const struct hz_ws *ws)
{
	struct tcp_info info = {.tcpi_min_rtt = 0};
	socklen_t bytes = sizeof(info);
	if (getsockopt(lws_get_socket_fd(ws->conn->wsi), IPPROTO_TCP, TCP_INFO, &info, &bytes) < 0)
		return 0;
	return info.tcpi_min_rtt == UINT32_MAX ? 0 : info.tcpi_min_rtt;
}
