// The life of one HTTP request: headers, body, handler.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "signaling/server/internal.h"

#define FIRST_BODY_BYTES 4096

static int dispatch(struct hz_conn *conn)
{
	struct hz_server *server = conn->server;
	hz_response_free(conn->res);
	conn->res = hz_response_new();
	if (!conn->res)
		return -1;
	server->ops.on_request(server->ctx, &conn->req, conn->res);
	if (!conn->res->status)
		conn->res->status = conn->req.method == HZ_OPTIONS ? 204 : 404;
	return hz_answer_start(conn);
}

// 0, or the status that refuses the request before a handler sees it.
static int check_limits(struct hz_conn *conn)
{
	struct hz_server *server = conn->server;
	if (conn->req.is_loopback != conn->peer_loopback && hz_conn_account(conn, conn->req.address) < 0) {
		server->counters.refused_address++;
		return 503;
	}
	if (!hz_limits_request(server->addresses, conn->entry, hz_now_us())) {
		server->counters.rate_limited++;
		return 429;
	}
	return 0;
}

// Whether a body follows, and how long it is. 0, or a status.
static int check_body(struct hz_conn *conn, struct lws *wsi, bool *ret_explicit)
{
	int64_t length = hz_headers_length(wsi);
	*ret_explicit = length != -ENOENT;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
		return 411; // lws 4.1 reads no chunked requests; guessing would be request smuggling
	if (length == -EINVAL)
		return 400;
	if (length > (int64_t)conn->server->limits.body_bytes) {
		conn->server->counters.body_too_large++;
		return 413;
	}
	conn->body_expected = length > 0 ? (size_t)length : 0;
	return 0;
}

static int send_continue(struct hz_conn *conn, struct lws *wsi)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	if (!conn->body_expected || lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_EXPECT) <= 0)
		return 0;
	unsigned char *at = conn->server->scratch + LWS_PRE;
	memcpy(at, text, sizeof(text) - 1);
	return lws_write(wsi, at, sizeof(text) - 1, LWS_WRITE_HTTP_HEADERS) < 0 ? -1 : 0;
}

int hz_request_on_headers(struct hz_conn *conn, struct lws *wsi)
{
	struct hz_server *server = conn->server;
	bool explicit_length = false;
	if (conn->stage == HZ_STAGE_ANSWER || conn->stage == HZ_STAGE_BODY)
		return -1;
	conn->handshaking = false;
	conn->close_after = server->stopping;
	conn->stage = HZ_STAGE_BODY;
	conn->early = 0;
	server->counters.requests++;
	int status = hz_headers_collect(conn, wsi);
	if (!status)
		status = check_limits(conn);
	if (!status)
		status = check_body(conn, wsi, &explicit_length);
	if (status)
		return hz_answer_error(conn, status);

	bool posts =
	    conn->req.method == HZ_POST || conn->req.method == HZ_PUT || conn->req.method == HZ_PATCH;
	if (posts && !explicit_length)
		conn->close_after = true; // lws 4.1 would take what follows for this one's body
	if (!conn->body_expected && !(conn->req.method == HZ_POST && explicit_length))
		return dispatch(conn);
	hz_conn_deadline(conn, (int64_t)server->limits.timeout_ms * 1000);
	return send_continue(conn, wsi); // the rest follows in on_body and on_complete
}

int hz_request_on_body(struct hz_conn *conn, const void *data, size_t bytes)
{
	if (conn->stage != HZ_STAGE_BODY)
		return 0; // already refused: what still arrives is let go
	if (bytes > conn->body_expected - conn->req.body_bytes)
		return -1;
	size_t need = conn->req.body_bytes + bytes + 1;
	if (need > conn->body_cap) {
		size_t cap = conn->body_cap ? conn->body_cap : FIRST_BODY_BYTES;
		while (cap < need)
			cap *= 2;
		char *body = realloc(conn->body, cap);
		if (!body)
			return -1;
		conn->body = body;
		conn->body_cap = cap;
	}
	if (bytes)
		memcpy(conn->body + conn->req.body_bytes, data, bytes);
	conn->req.body_bytes += bytes;
	conn->body[conn->req.body_bytes] = '\0';
	conn->req.body = conn->body;
	return 0;
}

int hz_request_on_complete(struct hz_conn *conn)
{
	if (conn->stage == HZ_STAGE_BODY)
		return dispatch(conn);
	// A pipelined request came while an answer is still going out: lws repeats itself. A few are normal.
	return ++conn->early > 64 ? -1 : 0;
}
