// The life of one HTTP request: head, body, handler.
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "signaling/server/internal.h"

#define FIRST_BODY_BYTES 4096
#define UPLOAD_US        3600000000

// --- from head to request

// nginx in front of us on this machine appends the client's address; anything before the last entry is hearsay.
static void apply_forwarded(struct hz_request *req, const char *list)
{
	const char *last = strrchr(list, ',');
	unsigned char number[16];
	req->is_loopback = false;
	last = last ? last + 1 : list;
	last += strspn(last, " \t");
	if (strlen(last) < sizeof(req->address) &&
	    (inet_pton(AF_INET, last, number) == 1 || inet_pton(AF_INET6, last, number) == 1))
		snprintf(req->address, sizeof(req->address), "%s", last);
	if (req->header[HZ_H_FORWARDED_PROTO])
		req->is_tls = !strcasecmp(req->header[HZ_H_FORWARDED_PROTO], "https");
}

static void fill_request(struct hz_conn *conn, const struct hz_head *head)
{
	struct hz_request *req = &conn->req;
	*req = (struct hz_request){
	    .method = head->method,
	    .head = head->head,
	    .is_tls = conn->tls,
	    .is_loopback = conn->peer_loopback,
	    .path = head->path,
	    .query = head->query,
	    .body = "",
	};
	memcpy(req->header, head->header, sizeof(req->header));
	memcpy(req->address, conn->peer, sizeof(req->address));
	if (conn->peer_loopback && head->forwarded_for)
		apply_forwarded(req, head->forwarded_for);
	else
		req->header[HZ_H_FORWARDED_PROTO] = NULL;
}

// A body that memory is not for goes into a file, where a handler wants it. As check_limits().
static int begin_spool(struct hz_conn *conn, const struct hz_head *head)
{
	struct hz_server *server = conn->server;
	uint64_t owner = 0;
	int fd = -413;
	if (server->ops.on_upload)
		fd = hz_server_uploads(server, 0) < HZ_UPLOADS
		         ? server->ops.on_upload(server->ctx, &conn->req, (uint64_t)head->length, &owner)
		         : -503;
	if (fd < 0) {
		server->counters.body_too_large += fd == -413;
		return -fd;
	}
	if (hz_body_begin(conn, fd, owner)) {
		close(fd);
		return 503;
	}
	conn->spool_until_us = hz_now_us() + UPLOAD_US;
	return 0;
}

// 0, or the status that refuses the request before a handler sees it.
static int check_limits(struct hz_conn *conn, const struct hz_head *head)
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
	return head->length > (int64_t)server->limits.body_bytes ? begin_spool(conn, head) : 0;
}

// --- handler

static int dispatch(struct hz_conn *conn)
{
	struct hz_server *server = conn->server;
	hz_response_free(conn->res);
	conn->res = hz_response_new();
	if (!conn->res)
		return -1;
	conn->answer_due = false;
	conn->stage = HZ_STAGE_ANSWER; // a handler that stops the server still gets its answer out
	conn->res->conn = conn;
	server->ops.on_request(server->ctx, &conn->req, conn->res);
	if (conn->res->held) {
		hz_conn_deadline(conn, HZ_HELD_US);
		return 0;
	}
	conn->answer_due = false; // it was held for less than this call
	if (!conn->res->status)
		conn->res->status = conn->req.method == HZ_OPTIONS ? 204 : 404;
	return hz_answer_start(conn);
}

// --- body

// All of it is in its file, or the file is no good.
static int spool_end(struct hz_conn *conn, bool *ret_more)
{
	if (!hz_body_written(conn) || conn->req.body_bytes < conn->body_expected)
		return 0;
	conn->req.body_file = hz_body_file(conn);
	*ret_more = true;
	return dispatch(conn);
}

static int spool_step(struct hz_conn *conn, bool *ret_more)
{
	size_t bytes = conn->body_expected - conn->req.body_bytes, taken = 0;
	if (bytes > conn->in_bytes)
		bytes = conn->in_bytes;
	if (hz_body_put(conn, conn->in, bytes, &taken))
		return hz_answer_error(conn, 507);
	if (taken && hz_now_us() < conn->spool_until_us) // it goes on
		hz_conn_deadline(conn, (int64_t)conn->server->limits.timeout_ms * 1000);
	hz_conn_consume(conn, taken);
	conn->req.body_bytes += taken;
	return spool_end(conn, ret_more);
}

int hz_request_spooled(struct hz_conn *conn)
{
	bool more = false;
	size_t none = 0;
	if (hz_body_put(conn, "", 0, &none))
		return hz_answer_error(conn, 507);
	if (hz_now_us() < conn->spool_until_us)
		hz_conn_deadline(conn, (int64_t)conn->server->limits.timeout_ms * 1000);
	return spool_end(conn, &more);
}

static int body_step(struct hz_conn *conn, bool *ret_more)
{
	if (conn->spool)
		return spool_step(conn, ret_more);
	size_t bytes = conn->body_expected - conn->req.body_bytes;
	if (bytes > conn->in_bytes)
		bytes = conn->in_bytes;
	size_t need = conn->req.body_bytes + bytes + 1;
	if (need > conn->body_cap) { // grows with what came, not with what was promised
		size_t cap = conn->body_cap ? conn->body_cap : FIRST_BODY_BYTES;
		while (cap < need)
			cap *= 2;
		char *body = realloc(conn->body, cap);
		if (!body)
			return -1;
		conn->body = body;
		conn->body_cap = cap;
	}
	memcpy(conn->body + conn->req.body_bytes, conn->in, bytes);
	hz_conn_consume(conn, bytes);
	conn->req.body_bytes += bytes;
	conn->body[conn->req.body_bytes] = '\0';
	conn->req.body = conn->body;
	if (conn->req.body_bytes < conn->body_expected)
		return 0;
	*ret_more = true;
	return dispatch(conn);
}

static int send_continue(struct hz_conn *conn)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	memcpy(conn->server->scratch + LWS_PRE, text, sizeof(text) - 1);
	return hz_conn_write(conn, sizeof(text) - 1);
}

// --- head

static int on_head(struct hz_conn *conn, const struct hz_head *head, bool *ret_more)
{
	struct hz_server *server = conn->server;
	fill_request(conn, head);
	int status = check_limits(conn, head);
	if (status)
		return hz_answer_error(conn, status);
	*ret_more = true;
	if (head->upgrade_websocket)
		return hz_ws_upgrade(conn, head);
	conn->close_after = conn->close_after || head->close;
	if (head->length <= 0)
		return dispatch(conn);
	conn->body_expected = (size_t)head->length;
	conn->stage = HZ_STAGE_BODY;
	hz_conn_deadline(conn, (int64_t)server->limits.timeout_ms * 1000);
	// Only before the first byte of the body; a client that did not wait needs no invitation.
	return head->expect_continue && !conn->in_bytes ? send_continue(conn) : 0;
}

static int head_step(struct hz_conn *conn, bool *ret_more)
{
	struct hz_head head;
	size_t limit = conn->server->limits.header_bytes;
	if (conn->in_bytes >= 2 && !memcmp(conn->in, "\r\n", 2) && !conn->in_seen) { // RFC 9112, 2.2
		hz_conn_consume(conn, 2);
		*ret_more = true;
		return 0;
	}
	if (conn->in_bytes == 1 && conn->in[0] == '\r')
		return 0;
	size_t look = conn->in_bytes < limit ? conn->in_bytes : limit;
	long bytes = hz_head_complete(conn->in, look, conn->in_seen);
	conn->in_seen = look;
	if (bytes == 0 && look < limit)
		return 0;
	conn->served = true;
	conn->close_after = conn->server->stopping;
	conn->server->counters.requests++;
	hz_conn_forget_request(conn);
	if (bytes <= 0)
		return hz_answer_error(conn, bytes < 0 ? 400 : 431);
	conn->text = malloc((size_t)bytes);
	if (!conn->text)
		return -1;
	conn->text_bytes = (size_t)bytes;
	memcpy(conn->text, conn->in, (size_t)bytes);
	hz_conn_consume(conn, (size_t)bytes);
	int status = hz_head_parse(conn->text, (size_t)bytes, &head);
	return status ? hz_answer_error(conn, status) : on_head(conn, &head, ret_more);
}

int hz_request_step(struct hz_conn *conn, bool *ret_more)
{
	return conn->stage == HZ_STAGE_BODY ? body_step(conn, ret_more) : head_step(conn, ret_more);
}
