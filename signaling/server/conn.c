// A connection: bytes in and out, deadline, address accounting, end.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/secret.h"
#include "signaling/server/internal.h"

void hz_conn_kill(struct hz_conn *conn)
{
	if (conn->wsi && !conn->killed) {
		conn->killed = true;
		lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
	}
}

static void on_deadline(lws_sorted_usec_list_t *sul)
{
	struct hz_conn *conn = lws_container_of(sul, struct hz_conn, deadline);
	bool idle = conn->stage == HZ_STAGE_HEAD && conn->served && !conn->in_head;
	if (!idle && conn->stage != HZ_STAGE_WS && conn->stage != HZ_STAGE_LINGER)
		conn->server->counters.timeouts++;
	if (conn->waiting)
		hz_door_put_out(conn);
	else
		hz_conn_kill(conn);
}

void hz_conn_deadline(struct hz_conn *conn, int64_t delay_us)
{
	lws_sul_schedule(conn->server->context, 0, &conn->deadline, on_deadline, delay_us);
}

int hz_conn_account(struct hz_conn *conn, const char *address)
{
	struct hz_limits_entry *entry;
	int err = hz_limits_open(conn->server->addresses, address, hz_now_us(), &entry);
	if (err)
		return err;
	hz_limits_close(conn->server->addresses, conn->entry);
	conn->entry = entry;
	return 0;
}

void hz_conn_forget_request(struct hz_conn *conn)
{
	if (conn->text)
		hz_wipe(conn->text, conn->text_bytes); // it held a token or a cookie
	free(conn->text);
	conn->text = NULL;
	conn->text_bytes = 0;
	if (conn->body)
		hz_wipe(conn->body, conn->body_cap);
	free(conn->body);
	conn->body = NULL;
	conn->body_cap = conn->body_expected = 0;
	hz_body_leave(conn);
	memset(&conn->req, 0, sizeof(conn->req));
}

// --- in

// Reading is off while an answer goes out: the client's next request waits in the kernel, not here. It is off, too,
// while lws holds back output of its own, because its raw role would poll without sleep, and while the disk has enough to do.
static void set_reading(struct hz_conn *conn)
{
	bool off = conn->stage == HZ_STAGE_ANSWER || hz_body_full(conn) || lws_partial_buffered(conn->wsi);
	if (off == conn->reading_off)
		return;
	conn->reading_off = off;
	lws_rx_flow_control(conn->wsi, !off);
}

static int store(struct hz_conn *conn, const void *data, size_t bytes)
{
	if (conn->in_bytes + bytes > conn->in_cap) {
		size_t cap = conn->in_bytes + bytes;
		// A head that is too long is answered before this; reading is off while anything else waits.
		if (cap > conn->server->limits.header_bytes + 2 * HZ_READ_BYTES)
			return -1;
		char *in = realloc(conn->in, cap);
		if (!in)
			return -1;
		conn->in = in;
		conn->in_cap = cap;
	}
	memcpy(conn->in + conn->in_bytes, data, bytes);
	conn->in_bytes += bytes;
	return 0;
}

void hz_conn_consume(struct hz_conn *conn, size_t bytes)
{
	conn->in_bytes -= bytes;
	conn->in_seen = 0;
	memmove(conn->in, conn->in + bytes, conn->in_bytes);
	hz_wipe(conn->in + conn->in_bytes, bytes);
	if (!conn->in_bytes) { // an idle connection holds no buffer
		free(conn->in);
		conn->in = NULL;
		conn->in_cap = 0;
	}
}

static int process(struct hz_conn *conn)
{
	bool more = true;
	while (more && conn->in_bytes) {
		int err = 0;
		more = false;
		if (conn->stage == HZ_STAGE_LINGER)
			hz_conn_consume(conn, conn->in_bytes);
		else if (conn->stage == HZ_STAGE_WS)
			err = hz_ws_step(conn, &more);
		else if (conn->stage != HZ_STAGE_ANSWER)
			err = hz_request_step(conn, &more);
		if (err)
			return -1;
	}
	set_reading(conn);
	return 0;
}

int hz_conn_on_data(struct hz_conn *conn, const void *data, size_t bytes)
{
	if (conn->killed)
		return -1;
	if (conn->handshaking || !conn->served)
		lws_set_timeout(conn->wsi, NO_PENDING_TIMEOUT, 0); // lws' own: ours bounds all stages
	conn->handshaking = false;
	if (conn->stage == HZ_STAGE_LINGER)
		return 0;
	if (conn->stage == HZ_STAGE_HEAD && conn->served && !conn->in_head) {
		conn->in_head = true;
		hz_conn_deadline(conn, (int64_t)conn->server->limits.timeout_ms * 1000);
	}
	if (store(conn, data, bytes) < 0)
		return -1;
	return process(conn);
}

// --- out

int hz_conn_write(struct hz_conn *conn, size_t bytes)
{
	return lws_write(conn->wsi, conn->server->scratch + LWS_PRE, bytes, LWS_WRITE_RAW) < 0 ? -1 : 0;
}

int hz_conn_on_writable(struct hz_conn *conn)
{
	int err = 0;
	if (conn->killed)
		return -1;
	if (conn->answer_due) {
		conn->answer_due = false;
		err = hz_answer_start(conn);
	} else if (conn->stage == HZ_STAGE_ANSWER && !conn->res->held)
		err = hz_answer_write(conn);
	else if (conn->stage == HZ_STAGE_WS)
		err = hz_ws_write(conn);
	else if (conn->stage == HZ_STAGE_BODY && conn->spool)
		err = hz_request_spooled(conn);
	return err ? -1 : process(conn);
}

int hz_conn_linger(struct hz_conn *conn)
{
	SSL *ssl = conn->tls ? lws_get_ssl(conn->wsi) : NULL;
	if (ssl && SSL_is_init_finished(ssl))
		SSL_shutdown(ssl);
	ERR_clear_error();
	// Closing at once would reset the connection when unread bytes wait, and the client would not see our last words.
	if (shutdown(lws_get_socket_fd(conn->wsi), SHUT_WR) < 0)
		return -1;
	conn->stage = HZ_STAGE_LINGER;
	hz_conn_deadline(conn, HZ_LINGER_US);
	return 0;
}

void hz_conn_free(struct hz_conn *conn)
{
	struct hz_server *server = conn->server;
	lws_sul_cancel(&conn->deadline);
	lws_sul_cancel(&conn->paced);
	hz_answer_forget(conn);
	if (conn->ws)
		hz_ws_on_gone(conn);
	if (conn->handshaking)
		server->counters.tls_failed++;
	*(conn->prev ? &conn->prev->next : &server->conns) = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	server->counters.connections--;
	if (conn->door_fd >= 0)
		close(conn->door_fd);
	hz_limits_close(server->addresses, conn->entry);
	hz_conn_forget_request(conn);
	if (conn->res && (conn->res->held || conn->res->limited) && conn->res->gone)
		conn->res->gone(conn->res->gone_ctx);
	hz_response_free(conn->res);
	if (conn->in)
		hz_wipe(conn->in, conn->in_cap);
	free(conn->in);
	free(conn);
}
