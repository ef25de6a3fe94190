// A connection's bookkeeping: deadline, address accounting, end.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	if (conn->stage != HZ_STAGE_IDLE && conn->stage != HZ_STAGE_WS)
		conn->server->counters.timeouts++;
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
		hz_wipe(conn->text, conn->text_used); // it held a token or a cookie
	free(conn->text);
	conn->text = NULL;
	conn->text_used = 0;
	if (conn->body)
		hz_wipe(conn->body, conn->body_cap);
	free(conn->body);
	conn->body = NULL;
	conn->body_cap = conn->body_expected = 0;
	memset(&conn->req, 0, sizeof(conn->req));
}

static void unlink_stalled(struct hz_conn *conn)
{
	if (!conn->stalled)
		return;
	conn->stalled = false;
	*(conn->stalled_prev ? &conn->stalled_prev->stalled_next : &conn->server->stalled) =
	    conn->stalled_next;
	if (conn->stalled_next)
		conn->stalled_next->stalled_prev = conn->stalled_prev;
	conn->stalled_prev = conn->stalled_next = NULL;
}

void hz_conn_free(struct hz_conn *conn)
{
	struct hz_server *server = conn->server;
	lws_sul_cancel(&conn->deadline);
	if (conn->ws)
		hz_ws_on_gone(conn);
	if (conn->handshaking && conn->stage == HZ_STAGE_START)
		server->counters.tls_failed++;
	unlink_stalled(conn);
	*(conn->prev ? &conn->prev->next : &server->conns) = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	server->counters.connections--;
	hz_limits_close(server->addresses, conn->entry);
	hz_conn_forget_request(conn);
	hz_response_free(conn->res);
	free(conn);
}
