// Writing an answer. lws 4.1 does not stop reading while one goes out, and polls without sleep when the client sent
// its next request early and reads slowly; so an answer that does not go out at once switches reading off. lws then
// ignores writability too, which is why hz_answer_wake_stalled() looks for itself after each turn of the loop.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "signaling/server/internal.h"

static void set_stalled(struct hz_conn *conn, bool stalled)
{
	struct hz_server *server = conn->server;
	if (conn->stalled == stalled)
		return;
	conn->stalled = stalled;
	if (stalled) {
		conn->stalled_prev = NULL;
		conn->stalled_next = server->stalled;
		if (server->stalled)
			server->stalled->stalled_prev = conn;
		server->stalled = conn;
	} else {
		*(conn->stalled_prev ? &conn->stalled_prev->stalled_next : &server->stalled) =
		    conn->stalled_next;
		if (conn->stalled_next)
			conn->stalled_next->stalled_prev = conn->stalled_prev;
		conn->stalled_prev = conn->stalled_next = NULL;
	}
}

void hz_answer_wake_stalled(struct hz_server *server)
{
	struct hz_conn *next;
	for (struct hz_conn *conn = server->stalled; conn; conn = next) {
		struct pollfd p = {.fd = lws_get_socket_fd(conn->wsi), .events = POLLOUT};
		next = conn->stalled_next;
		if (poll(&p, 1, 0) != 1)
			continue;
		set_stalled(conn, false);
		lws_rx_flow_control(conn->wsi, 1);
		lws_callback_on_writable(conn->wsi); // hz_answer_write() follows in the next turn
	}
}

static int stall(struct hz_conn *conn)
{
	set_stalled(conn, true);
	lws_rx_flow_control(conn->wsi, 0);
	lws_callback_on_writable(conn->wsi); // wakes poll()
	return 0;
}

static void count(struct hz_conn *conn)
{
	struct hz_server_counters *c = &conn->server->counters;
	int status = hz_response_get_status(conn->res);
	if (status < 300)
		c->status_2xx++;
	else if (status < 400)
		c->status_3xx++;
	else if (status < 500)
		c->status_4xx++;
	else
		c->status_5xx++;
	if (status == 400)
		c->bad_requests++;
}

static int finish(struct hz_conn *conn)
{
	hz_response_free(conn->res);
	conn->res = NULL;
	hz_conn_forget_request(conn);
	if (conn->close_after) {
		hz_conn_deadline(conn, HZ_IDLE_US); // lws shuts down politely; this bounds it
		return -1;
	}
	conn->stage = HZ_STAGE_IDLE;
	hz_conn_deadline(conn, HZ_IDLE_US);
	lws_rx_flow_control(conn->wsi, 1);
	return lws_http_transaction_completed(conn->wsi) ? -1 : 0;
}

// Fills the scratch buffer with what is next. Its bytes, or -errno.
static long fill(struct hz_conn *conn)
{
	struct hz_response *res = conn->res;
	unsigned char *at = conn->server->scratch + LWS_PRE;
	size_t used = 0;
	if (!conn->head_sent) {
		int err =
		    hz_response_head(res, conn->tls, conn->close_after, (char *)at, HZ_SCRATCH_BYTES, &used);
		if (err)
			return err;
		conn->head_sent = true;
	}
	size_t left = conn->req.head ? 0 : res->body_bytes - conn->sent;
	if (left > HZ_SCRATCH_BYTES - used)
		left = HZ_SCRATCH_BYTES - used;
	if (left)
		memcpy(at + used, (const char *)res->body + conn->sent, left);
	conn->sent += left;
	return (long)(used + left);
}

int hz_answer_write(struct hz_conn *conn)
{
	if (conn->stage != HZ_STAGE_ANSWER)
		return 0;
	set_stalled(conn, false);
	for (;;) {
		bool all = conn->head_sent && (conn->req.head || conn->sent == conn->res->body_bytes);
		if (all && !lws_partial_buffered(conn->wsi))
			return finish(conn);
		if (lws_send_pipe_choked(conn->wsi))
			return stall(conn);
		long bytes = fill(conn);
		if (bytes < 0 ||
		    lws_write(conn->wsi, conn->server->scratch + LWS_PRE, (size_t)bytes, LWS_WRITE_HTTP) < 0)
			return -1;
		hz_conn_deadline(conn, HZ_STALL_US);
	}
}

int hz_answer_start(struct hz_conn *conn)
{
	struct hz_response *res = conn->res;
	if (res->status == 204 || res->status == 304) {
		res->body_bytes = 0;
		res->type = NULL;
	}
	if (conn->killed)
		return -1;
	lws_set_timeout(conn->wsi, NO_PENDING_TIMEOUT, 0); // lws' own would cut a long answer; ours watches progress
	conn->stage = HZ_STAGE_ANSWER;
	conn->head_sent = false;
	conn->sent = 0;
	count(conn);
	hz_conn_deadline(conn, HZ_STALL_US);
	return hz_answer_write(conn);
}

int hz_answer_error(struct hz_conn *conn, int status)
{
	char body[160];
	int n = snprintf(body, sizeof(body), "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d}",
	                 hz_status_phrase(status), status);
	hz_response_free(conn->res);
	conn->res = hz_response_new();
	if (!conn->res)
		return -1;
	hz_response_copy(conn->res, "application/problem+json", body, (size_t)n);
	conn->res->status = status;
	if (status == 429 || status == 503)
		hz_response_header(conn->res, "Retry-After", "1");
	if (status == 426)
		hz_response_header(conn->res, "Sec-WebSocket-Version", "13");
	conn->close_after = true; // whatever follows cannot be trusted to be a next request
	return hz_answer_start(conn);
}
