// Writing an answer, in pieces as the client takes them.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "signaling/server/internal.h"

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
	if (conn->close_after)
		return hz_conn_linger(conn);
	conn->stage = HZ_STAGE_HEAD;
	// With a piece of the next head already here the clock for heads runs, else that for idleness.
	conn->in_head = conn->in_bytes > 0;
	hz_conn_deadline(conn, conn->in_head ? (int64_t)conn->server->limits.timeout_ms * 1000 : HZ_IDLE_US);
	return 0;
}

// Fills the scratch buffer with what is next. Its bytes, or -errno.
static long fill(struct hz_conn *conn)
{
	struct hz_response *res = conn->res;
	unsigned char *at = conn->server->scratch + LWS_PRE;
	size_t used = 0;
	if (!conn->head_sent) {
		int err = hz_response_head(res, conn->close_after, (char *)at, HZ_SCRATCH_BYTES, &used);
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
	for (;;) {
		bool all = conn->head_sent && (conn->req.head || conn->sent == conn->res->body_bytes);
		if (all && !lws_partial_buffered(conn->wsi))
			return finish(conn);
		if (lws_send_pipe_choked(conn->wsi)) {
			lws_callback_on_writable(conn->wsi);
			return 0;
		}
		long bytes = fill(conn);
		if (bytes < 0 || hz_conn_write(conn, (size_t)bytes) < 0)
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
	conn->stage = HZ_STAGE_ANSWER;
	conn->head_sent = false;
	conn->sent = 0;
	count(conn);
	hz_conn_deadline(conn, HZ_STALL_US);
	return hz_answer_write(conn);
}

void hz_response_release(struct hz_response *res)
{
	res->held = false;
	if (!res->conn)
		return;
	if (!res->status)
		res->status = 500;
	res->conn->answer_due = true;
	lws_callback_on_writable(res->conn->wsi);
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
