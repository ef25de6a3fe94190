#include "gateway/session/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/ice/gather.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/session/push.h"
#include "gateway/session/table/reading.h"

void hz_call_refuse(struct hz_call *call, int code, const char *key, const char *value)
{
	if (call->code)
		return;
	call->code = code;
	call->key = key;
	snprintf(call->value, sizeof(call->value), "%s", value ? value : "");
}

void hz_call_refuse_field(struct hz_call *call, int code, const char *fmt, ...)
{
	char field[sizeof(call->value)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(field, sizeof(field), fmt, ap);
	va_end(ap);
	hz_call_refuse(call, code, "field", field);
}

static void do_leave(struct hz_call *call)
{
	call->leave = true;
}

static void do_ping(struct hz_call *call)
{
	call->result = json_pack("{s:I}", "time", (json_int_t)call->brain->wall_ms);
}

static const struct {
	void (*run)(struct hz_call *call);
	bool anyone;   // also without join
	bool admitted; // not from the lobby
	uint32_t grant;
} methods[HZ_RPC_METHODS] = {
    [HZ_RPC_JOIN] = {hz_call_join, true, false, 0},
    [HZ_RPC_OFFER] = {hz_call_offer, false, true, 0},
    [HZ_RPC_TRICKLE] = {hz_call_trickle, false, true, 0},
    [HZ_RPC_SUBSCRIBE] = {hz_call_subscribe, false, true, HZ_GRANT_SUBSCRIBE},
    [HZ_RPC_TRACK_UPDATE] = {hz_call_track_update, false, true, 0},
    [HZ_RPC_CHAT_SEND] = {hz_call_chat, false, true, 0},
    [HZ_RPC_HAND] = {hz_call_hand, false, true, 0},
    [HZ_RPC_LOBBY_ADMIT] = {hz_call_admit, false, true, HZ_GRANT_ADMIT},
    [HZ_RPC_LOBBY_RETURN] = {hz_call_return, false, true, HZ_GRANT_ADMIT},
    [HZ_RPC_PARTICIPANT_REMOVE] = {hz_call_remove, false, true, HZ_GRANT_ADMIT},
    [HZ_RPC_STATS_GET] = {hz_call_stats_get, false, true, 0},
    [HZ_RPC_STATS_REPORT] = {hz_call_stats_report, false, false, 0},
    [HZ_RPC_CONSENT_SET] = {hz_call_consent, false, false, 0},
    [HZ_RPC_RECORD_START] = {hz_call_record_start, false, true, HZ_GRANT_RECORD},
    [HZ_RPC_RECORD_STOP] = {hz_call_record_stop, false, true, HZ_GRANT_RECORD},
    [HZ_RPC_LAYOUT_REPORT] = {hz_call_layout, false, true, 0},
    [HZ_RPC_LAYOUT_SET] = {hz_call_layout_set, false, true, HZ_GRANT_ADMIT},
    [HZ_RPC_BROADCAST_PROGRAM] = {hz_call_broadcast_program, false, true, HZ_GRANT_DIRECT},
    [HZ_RPC_BROADCAST_CUT] = {hz_call_broadcast_cut, false, true, HZ_GRANT_DIRECT},
    [HZ_RPC_BROADCAST_RESUME] = {hz_call_broadcast_resume, false, true, HZ_GRANT_DIRECT},
    [HZ_RPC_TABLE_GET] = {hz_call_table_get, false, true, HZ_GRANT_SUBSCRIBE},
    [HZ_RPC_TABLE_FLOOR] = {hz_call_table_floor, false, true, HZ_GRANT_IMAGE},
    [HZ_RPC_TABLE_PATCH] = {hz_call_table_patch, false, true, HZ_GRANT_IMAGE},
    [HZ_RPC_TABLE_KEEP] = {hz_call_table_keep, false, true, HZ_GRANT_IMAGE},
    [HZ_RPC_TABLE_POINTER] = {hz_call_table_pointer, false, true, HZ_GRANT_IMAGE},
    [HZ_RPC_BROADCAST_THIRD] = {hz_call_broadcast_third, false, true, HZ_GRANT_DIRECT},
    [HZ_RPC_AUDIENCE_LIST] = {hz_call_audience_list, false, true, HZ_GRANT_DIRECT},
    [HZ_RPC_AUDIENCE_MODERATE] = {hz_call_audience_moderate, false, true, HZ_GRANT_DIRECT},
    [HZ_RPC_AUDIENCE_SET] = {hz_call_audience_set, false, true, HZ_GRANT_DIRECT},
    [HZ_RPC_TOKEN_RENEW] = {hz_call_token_renew, false, true, 0},
    [HZ_RPC_LEAVE] = {do_leave, false, false, 0},
    [HZ_RPC_PING] = {do_ping, true, false, 0},
};

static void run(struct hz_call *call, enum hz_rpc_method method)
{
	if (!call->p && !methods[method].anyone)
		hz_call_refuse(call, HZ_RPC_NOT_JOINED, NULL, NULL);
	else if (call->p && methods[method].admitted && call->p->status != HZ_STATUS_ADMITTED)
		hz_call_refuse(call, HZ_RPC_NOT_ADMITTED, NULL, NULL);
	else if (call->p && (call->p->grants & methods[method].grant) != methods[method].grant)
		hz_call_refuse(call, HZ_RPC_NOT_ALLOWED, NULL, NULL);
	else
		methods[method].run(call);
}

static void answer(struct hz_call *call, const struct hz_rpc_request *req)
{
	char *text;
	if (call->code) {
		json_decref(call->result);
		text = hz_rpc_error(req, (enum hz_rpc_code)call->code, call->key, call->value);
	} else {
		text = hz_rpc_result(req, call->result);
	}
	if (text)
		call->brain->ops->send(call->conn->socket, text, strlen(text));
	free(text);
}

void hz_call_text(struct hz_brain *brain, struct hz_conn *conn, const char *text, size_t bytes)
{
	struct hz_rpc_request req;
	char *error = NULL;
	if (conn->closing)
		return;
	int err = hz_rpc_parse(text, bytes, &req, &error);
	if (err) {
		if (error)
			brain->ops->send(conn->socket, error, strlen(error));
		free(error);
		return;
	}
	struct hz_call call = {.brain = brain, .conn = conn, .p = conn->participant, .params = req.params};
	const enum hz_rpc_method req_method = req.method;
	run(&call, req.method);
	hz_persist_flush(brain); // durable before the answer leaves
	if (call.later)
		hz_gather_wait_call(brain, call.later, conn, &req, call.text);
	else if (!call.unanswered)
		answer(&call, &req);
	hz_rpc_request_done(&req);
	if (call.history && conn->participant) {
		hz_reading_tell(brain, conn->participant);
		hz_push_chat_history(brain, conn->participant);
	}
	if (req_method == HZ_RPC_JOIN && conn->participant)
		hz_participant_remind(brain, conn->participant);
	if (call.leave && conn->participant)
		hz_participant_end_session(brain, conn->participant, "left");
}

struct hz_conn *hz_conn_new(struct hz_brain *brain, void *socket)
{
	struct hz_conn *conn = calloc(1, sizeof(*conn));
	if (!conn)
		return NULL;
	conn->brain = brain;
	conn->socket = socket;
	conn->order = ++brain->conns_opened;
	conn->opened_us = brain->now_us;
	conn->next = brain->conns;
	if (conn->next)
		conn->next->prev = conn;
	brain->conns = conn;
	return conn;
}

void hz_conn_end(struct hz_brain *brain, struct hz_conn *conn)
{
	hz_gather_conn_gone(brain, conn);
	if (conn->participant)
		hz_participant_detach(brain, conn->participant);
	if (conn->prev)
		conn->prev->next = conn->next;
	else
		brain->conns = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	free(conn);
}
