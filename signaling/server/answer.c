// Writing an answer, in pieces as the client takes them.
#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "signaling/server/internal.h"

// Of a file, in one go: others want to be served, too. The rest follows when the loop comes round.
#define PIECES_AT_ONCE 16
#define PASS_BYTES     ((size_t)PIECES_AT_ONCE * HZ_SCRATCH_BYTES)
#define UNSENT_BYTES   2800 // of a paced answer, in the kernel
#define UNSENT_US      10000
#define AHEAD_BYTES    (4 * HZ_SCRATCH_BYTES * PIECES_AT_ONCE)

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

// A player that has enough for now stops taking: it is not given up as soon as others.
static int64_t stall_us(const struct hz_conn *conn)
{
	return conn->res->from_file ? HZ_STALL_FILE_US : HZ_STALL_US;
}

static void on_paced(lws_sorted_usec_list_t *sul)
{
	struct hz_conn *conn = lws_container_of(sul, struct hz_conn, paced);
	if (conn->wsi)
		lws_callback_on_writable(conn->wsi);
}

// What its way is like. What waits in the kernel already is not to become more.
static bool measure(struct hz_conn *conn, int64_t now_us)
{
	struct hz_response *res = conn->res;
	struct tcp_info info = {.tcpi_rtt = 0};
	socklen_t bytes = sizeof(info);
	if (getsockopt(lws_get_socket_fd(conn->wsi), IPPROTO_TCP, TCP_INFO, &info, &bytes) < 0)
		return true;
	bool first = res->rtt_us == 0, lost = !first && info.tcpi_total_retrans != res->resent;
	uint32_t count = info.tcpi_delivered - res->delivered, silent_us = info.tcpi_last_ack_recv * 1000;
	uint32_t newest_us = hz_pace_newest_us(res->rtt_us, info.tcpi_rtt, count);
	if (info.tcpi_unacked && info.tcpi_last_data_sent * 1000 >= silent_us && silent_us > newest_us)
		newest_us = silent_us; // what is under way takes so long already
	if (!first && (count || lost))
		hz_pace_measured(res->pace, now_us, newest_us, info.tcpi_min_rtt, lost);
	res->rtt_us = info.tcpi_rtt;
	res->delivered = info.tcpi_delivered;
	res->resent = info.tcpi_total_retrans;
	return info.tcpi_notsent_bytes < UNSENT_BYTES;
}

static bool is_paced(const struct hz_conn *conn)
{
	return conn->res->pace && hz_pace_bps(conn->res->pace);
}

// How much of the body may go now; 0: the loop comes back when more may.
static size_t paced(struct hz_conn *conn, size_t wanted)
{
	struct hz_pace *pace = conn->res->pace;
	int64_t now_us = hz_now_us();
	if (!wanted || !is_paced(conn))
		return wanted;
	bool taken = measure(conn, now_us);
	size_t allowed = taken ? hz_pace_take(pace, conn->res, now_us, wanted) : 0;
	if (taken && !allowed) // it waits for us, or behind another answer: its client has done nothing wrong
		hz_conn_deadline(conn, stall_us(conn));
	if (!allowed)
		lws_sul_schedule(conn->server->context, 0, &conn->paced, on_paced,
		                 taken ? (lws_usec_t)hz_pace_wait_us(pace, conn->res) : UNSENT_US);
	return allowed;
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

// All of them or an error: less would make the rest of the answer something else. The kernel is told what follows, so that a slow
// disk is seldom waited for.
static int fill_from_file(const struct hz_response *res, unsigned char *to, uint64_t from, size_t bytes)
{
	size_t have = 0;
	if (from % (AHEAD_BYTES / 2) < HZ_SCRATCH_BYTES)
		(void)posix_fadvise(res->fd, (off_t)(res->offset + from), AHEAD_BYTES, POSIX_FADV_WILLNEED);
	while (have < bytes) {
		ssize_t n = pread(res->fd, to + have, bytes - have, (off_t)(res->offset + from + have));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		have += (size_t)n;
	}
	return 0;
}

// Of the body, now.
static size_t left_of(const struct hz_conn *conn)
{
	const struct hz_response *res = conn->res;
	size_t end = res->limited ? res->limit : res->body_bytes;
	return conn->req.head || end < conn->sent ? 0 : end - conn->sent;
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
	size_t left = left_of(conn);
	if (left > HZ_SCRATCH_BYTES - used)
		left = HZ_SCRATCH_BYTES - used;
	left = paced(conn, left);
	if (left && res->from_file) {
		int err = fill_from_file(res, at + used, conn->sent, left);
		if (err)
			return err;
	} else if (left) {
		memcpy(at + used, (const char *)res->body + conn->sent, left);
	}
	conn->sent += left;
	return (long)(used + left);
}

// To a client without TLS: the kernel gives the file's own pages to the connection, nothing is copied here.
static bool can_pass(const struct hz_conn *conn)
{
	const struct hz_response *res = conn->res;
	return res->from_file && !res->copied && !conn->tls && !conn->req.head &&
	       conn->sent < res->body_bytes && !lws_partial_buffered(conn->wsi);
}

// The head alone, which the kernel sends with the file's first pages: they follow at once.
static int lead(struct hz_conn *conn)
{
	unsigned char *at = conn->server->scratch + LWS_PRE;
	size_t used = 0;
	if (hz_response_head(conn->res, conn->close_after, (char *)at, HZ_SCRATCH_BYTES, &used))
		return -1;
	conn->head_sent = true;
	ssize_t n = send(lws_get_socket_fd(conn->wsi), at, used, MSG_MORE | MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -1;
	size_t gone = n < 0 ? 0 : (size_t)n;
	if (gone == used)
		return 0;
	memmove(at, at + gone, used - gone);
	return hz_conn_write(conn, used - gone); // lws keeps what the connection does not take
}

// How much went; 0: the connection takes no more now, or it is paced (*ret_waits); -EINVAL: this file cannot; -EIO: it is cut, or
// the client is gone.
static long pass_on(struct hz_conn *conn, bool *ret_waits)
{
	struct hz_response *res = conn->res;
	size_t left = left_of(conn);
	off_t from = (off_t)(res->offset + conn->sent);
	if (left > PASS_BYTES) // the disk is read ahead of what will be asked for next
		(void)posix_fadvise(res->fd, from, AHEAD_BYTES, POSIX_FADV_WILLNEED);
	left = paced(conn, left > PASS_BYTES ? PASS_BYTES : left);
	*ret_waits = left == 0;
	if (left == 0)
		return 0;
	ssize_t n = sendfile(lws_get_socket_fd(conn->wsi), res->fd, &from, left);
	if (n > 0) {
		conn->sent += (size_t)n;
		return n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n < 0 && (errno == EINVAL || errno == ENOSYS) ? -EINVAL : -EIO;
}

// One go of that. 1: the turn is over, 0: look again, -1: close.
static int pass_step(struct hz_conn *conn)
{
	bool waits = false;
	if (!conn->head_sent)
		return lead(conn);
	long bytes = pass_on(conn, &waits);
	if (bytes == -EINVAL) {
		conn->res->copied = true;
		return 0;
	}
	if (bytes < 0)
		return -1;
	if (bytes > 0)
		hz_conn_deadline(conn, stall_us(conn));
	if (conn->sent == conn->res->body_bytes)
		return 0;
	if (!waits)
		lws_callback_on_writable(conn->wsi);
	return 1;
}

int hz_answer_write(struct hz_conn *conn)
{
	for (unsigned pieces = 0;; pieces++) {
		bool all = conn->head_sent && (conn->req.head || conn->sent == conn->res->body_bytes);
		if (all && !lws_partial_buffered(conn->wsi))
			return finish(conn);
		// A head that goes alone waits for what follows: only where that may go now.
		bool pass = can_pass(conn) && (conn->head_sent || (left_of(conn) && !is_paced(conn)));
		if ((!pass && lws_send_pipe_choked(conn->wsi)) ||
		    (conn->res->from_file && pieces == PIECES_AT_ONCE)) {
			lws_callback_on_writable(conn->wsi);
			return 0;
		}
		if (pass) {
			int over = pass_step(conn);
			if (over)
				return over < 0 ? -1 : 0;
			continue;
		}
		long bytes = fill(conn);
		if (bytes == 0) // paced, or limited
			return 0;
		if (bytes < 0 || hz_conn_write(conn, (size_t)bytes) < 0)
			return -1;
		hz_conn_deadline(conn, stall_us(conn));
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
	hz_conn_deadline(conn, stall_us(conn));
	return hz_answer_write(conn);
}

void hz_response_allow(struct hz_response *res)
{
	res->limited = false;
	if (res->conn && !res->held)
		lws_callback_on_writable(res->conn->wsi);
}

void hz_response_break(struct hz_response *res)
{
	res->limited = false;
	if (res->conn)
		hz_conn_kill(res->conn);
}

static void on_due(void *ctx)
{
	struct hz_conn *conn = ctx;
	if (conn->wsi && conn->answer_due && hz_conn_on_writable(conn))
		hz_conn_kill(conn);
}

void hz_response_release(struct hz_response *res)
{
	res->held = false;
	if (!res->conn)
		return;
	if (!res->status)
		res->status = 500;
	res->conn->answer_due = true;
	// Behind this turn of the loop: a connection that waits for its answer seldom has no room for it.
	if (hz_server_defer(res->conn->server, on_due, res->conn))
		lws_callback_on_writable(res->conn->wsi);
}

void hz_answer_forget(struct hz_conn *conn)
{
	// In any case: it may have been answered in between by another turn, and the list names it still.
	hz_server_undefer(conn->server, on_due, conn);
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
