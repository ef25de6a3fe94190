// HTTP and WebSocket of the control process: who answers what.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/session/table/studies.h"
#include "gateway/session/brain.h"
#include "gateway/session/call.h"
#include "gateway/http/hls_files.h"
#include "gateway/session/ice/ice_tcp.h"
#include "gateway/control/metrics.h"
#include "gateway/control/pages.h"
#include "gateway/session/persist.h"
#include "gateway/control/process.h"
#include "gateway/session/token.h"
#include "signaling/protocol/problem.h"

static void text_answer(struct hz_response *res, int status, const char *text)
{
	hz_response_status(res, status);
	hz_response_copy(res, "text/plain; charset=utf-8", text, strlen(text));
}

static void answer_ready(struct hz_process *process, struct hz_response *res)
{
	const char *why = "";
	if (process->brain->draining)
		text_answer(res, 503, "draining\n");
	else if (hz_process_ready(process, &why))
		text_answer(res, 200, "ready\n");
	else
		text_answer(res, 503, why);
}

static void answer_metrics(struct hz_process *process, const struct hz_request *req, struct hz_response *res)
{
	struct hz_claims claims;
	const char *token = hz_request_bearer(req);
	bool allowed = req->is_loopback;
	if (!allowed && token && hz_token_verify(process->brain, token, &claims) == 0)
		allowed = (claims.grants & HZ_GRANT_MANAGE) && !claims.consult[0];
	if (!allowed) {
		hz_response_header(res, "WWW-Authenticate", "Bearer");
		hz_problem_answer(res, 401, NULL, NULL);
		return;
	}
	char *text = hz_metrics_text(process->brain, hz_server_counters(process->server));
	if (text)
		hz_response_take(res, HZ_METRICS_TYPE, text, strlen(text));
	else
		hz_problem_answer(res, 500, NULL, NULL);
}

// True if path is one of the fixed ones.
static bool answer_fixed(struct hz_process *process, const struct hz_request *req, struct hz_response *res)
{
	bool health = strcmp(req->path, "/healthz") == 0, ready = strcmp(req->path, "/readyz") == 0;
	if (!health && !ready && strcmp(req->path, "/metrics") != 0)
		return false;
	if (req->method != HZ_GET) {
		hz_response_header(res, "Allow", "GET, HEAD");
		hz_problem_answer(res, 405, NULL, NULL);
	} else if (health) {
		text_answer(res, 200, "ok\n");
	} else if (ready) {
		answer_ready(process, res);
	} else {
		answer_metrics(process, req, res);
	}
	return true;
}

void hz_process_on_request(void *ctx, const struct hz_request *req, struct hz_response *res)
{
	struct hz_process *process = ctx;
	hz_process_clock(process);
	if (!answer_fixed(process, req, res) && !hz_rest_handle(&process->rest, req, res) &&
	    !hz_whip_handle(&hz_whip_brain_ops, &process->door, req, res) &&
	    !hz_hls_files_handle(process->brain, req, res))
		hz_pages_handle(process->pages, req, res);
	hz_persist_flush(process->brain); // durable before the answer leaves
	hz_process_wake(process);
}

int hz_process_on_upload(void *ctx, const struct hz_request *req, uint64_t bytes, uint64_t *ret_owner)
{
	struct hz_process *process = ctx;
	hz_process_clock(process);
	if (!process->brain->studies || bytes > HZ_UPLOAD_BYTES)
		return -413;
	int status = hz_rest_admit(&process->rest, req, hz_rest_upload_put, ret_owner);
	if (!status && hz_server_uploads(process->server, *ret_owner) >= HZ_UPLOADS_AT_ONCE)
		status = 429;
	return status ? -status : hz_studies_spool(process->brain->studies, bytes);
}

void hz_process_on_ws_open(void *ctx, struct hz_ws *ws, const struct hz_request *req)
{
	struct hz_process *process = ctx;
	hz_process_clock(process);
	struct hz_conn *conn = hz_conn_new(process->brain, ws);
	hz_ws_set_user(ws, conn);
	if (!conn)
		hz_ws_close(ws, HZ_WS_GOING_AWAY, "out of memory");
}

void hz_process_on_ws_text(void *ctx, struct hz_ws *ws, const char *text, size_t bytes)
{
	struct hz_process *process = ctx;
	struct hz_conn *conn = hz_ws_user(ws);
	hz_process_clock(process);
	if (conn)
		hz_call_text(process->brain, conn, text, bytes);
	hz_process_wake(process);
}

void hz_process_on_ws_close(void *ctx, struct hz_ws *ws, int code)
{
	struct hz_process *process = ctx;
	struct hz_conn *conn = hz_ws_user(ws);
	hz_process_clock(process);
	if (conn && conn->participant)
		hz_info("socket.lost", "consult=%s participant=%s code=%d", conn->participant->consult->id,
		        conn->participant->id, code);
	if (conn)
		hz_conn_end(process->brain, conn);
	hz_ws_set_user(ws, NULL);
	hz_process_wake(process);
}

int hz_process_on_ice_tcp(void *ctx, const struct hz_ice_tcp *conn)
{
	struct hz_process *process = ctx;
	hz_process_clock(process);
	int err = hz_ice_tcp_accept(process->brain, conn);
	hz_process_wake(process); // what did not fit the worker's queue
	return err;
}

static int send_text(void *socket, const char *text, size_t bytes)
{
	return hz_ws_send(socket, text, bytes);
}

static void close_socket(void *socket, int code, const char *reason)
{
	hz_ws_close(socket, code, reason);
}

static int64_t rtt_us(void *socket)
{
	return hz_ws_rtt_us(socket);
}

const struct hz_brain_ops hz_process_brain_ops = {.send = send_text, .close = close_socket, .rtt_us = rtt_us};
