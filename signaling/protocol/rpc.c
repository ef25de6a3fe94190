#include "signaling/protocol/rpc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"

#define MAX_ID_BYTES 64

static const char *const methods[HZ_RPC_METHODS] = {
    [HZ_RPC_JOIN] = "join",
    [HZ_RPC_OFFER] = "offer",
    [HZ_RPC_TRICKLE] = "trickle",
    [HZ_RPC_SUBSCRIBE] = "subscribe",
    [HZ_RPC_TRACK_UPDATE] = "track.update",
    [HZ_RPC_CHAT_SEND] = "chat.send",
    [HZ_RPC_HAND] = "hand",
    [HZ_RPC_LOBBY_ADMIT] = "lobby.admit",
    [HZ_RPC_LOBBY_RETURN] = "lobby.return",
    [HZ_RPC_PARTICIPANT_REMOVE] = "participant.remove",
    [HZ_RPC_STATS_GET] = "stats.get",
    [HZ_RPC_STATS_REPORT] = "stats.report",
    [HZ_RPC_CONSENT_SET] = "consent.set",
    [HZ_RPC_RECORD_START] = "record.start",
    [HZ_RPC_RECORD_STOP] = "record.stop",
    [HZ_RPC_LAYOUT_REPORT] = "layout.report",
    [HZ_RPC_LAYOUT_SET] = "layout.set",
    [HZ_RPC_BROADCAST_PROGRAM] = "broadcast.program",
    [HZ_RPC_BROADCAST_CUT] = "broadcast.cut",
    [HZ_RPC_BROADCAST_RESUME] = "broadcast.resume",
    [HZ_RPC_TABLE_GET] = "table.get",
    [HZ_RPC_TABLE_FLOOR] = "table.floor",
    [HZ_RPC_TABLE_PATCH] = "table.patch",
    [HZ_RPC_TABLE_POINTER] = "table.pointer",
    [HZ_RPC_TABLE_KEEP] = "table.keep",
    [HZ_RPC_BROADCAST_THIRD] = "broadcast.third",
    [HZ_RPC_AUDIENCE_LIST] = "audience.list",
    [HZ_RPC_AUDIENCE_MODERATE] = "audience.moderate",
    [HZ_RPC_AUDIENCE_SET] = "audience.set",
    [HZ_RPC_TOKEN_RENEW] = "token.renew",
    [HZ_RPC_LEAVE] = "leave",
    [HZ_RPC_PING] = "ping",
};

static const char *const pushes[HZ_RPC_PUSHES] = {
    [HZ_PUSH_STATE] = "state",
    [HZ_PUSH_SPEAKERS] = "speakers",
    [HZ_PUSH_CHAT] = "chat",
    [HZ_PUSH_TABLE] = "table",
    [HZ_PUSH_TABLE_PATCH] = "table.patch",
    [HZ_PUSH_TABLE_POINTER] = "table.pointer",
    [HZ_PUSH_TABLE_KEPT] = "table.kept",
    [HZ_PUSH_BELL] = "bell",
    [HZ_PUSH_RENEGOTIATE] = "renegotiate",
    [HZ_PUSH_QUALITY] = "quality",
    [HZ_PUSH_LADDER] = "ladder",
    [HZ_PUSH_WATCHED] = "watched",
    [HZ_PUSH_UPLINK] = "uplink",
    [HZ_PUSH_MIX_OFFER] = "mix.offer",
    [HZ_PUSH_AUDIENCE] = "audience",
    [HZ_PUSH_END] = "end",
    [HZ_PUSH_CLOSING] = "closing",
};

const char *hz_rpc_method_name(enum hz_rpc_method method)
{
	return methods[method];
}

const char *hz_rpc_push_name(enum hz_rpc_push push)
{
	return pushes[push];
}

const char *hz_rpc_code_text(enum hz_rpc_code code)
{
	switch (code) {
	case HZ_RPC_PARSE_ERROR:
		return "parse error";
	case HZ_RPC_INVALID_REQUEST:
		return "invalid request";
	case HZ_RPC_NO_METHOD:
		return "method not found";
	case HZ_RPC_INVALID_PARAMS:
		return "invalid params";
	case HZ_RPC_NOT_JOINED:
		return "join first";
	case HZ_RPC_REFUSED:
		return "token or resume key refused";
	case HZ_RPC_NOT_ALLOWED:
		return "not allowed for this role";
	case HZ_RPC_NOT_ADMITTED:
		return "not admitted";
	case HZ_RPC_NOT_FOUND:
		return "no such participant, track or slot";
	case HZ_RPC_LIMIT:
		return "limit reached";
	case HZ_RPC_SDP_REFUSED:
		return "SDP refused";
	case HZ_RPC_TOO_FAST:
		return "too fast";
	case HZ_RPC_CONFLICT:
		return "made on a state that is over: take the new one and try again";
	case HZ_RPC_NO_FLOOR:
		return "the images are not in your hand";
	case HZ_RPC_FAILED:
		break;
	}
	return "the gateway failed; nothing was changed";
}

// --- texts

static char *to_text(json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT | JSON_REAL_PRECISION(HZ_REAL_DIGITS)) : NULL;
	json_decref(message);
	return text;
}

static char *error_text(json_t *id, enum hz_rpc_code code, const char *key, const char *value)
{
	json_t *error = json_pack("{s:i, s:s}", "code", (int)code, "message", hz_rpc_code_text(code));
	if (error && key)
		json_object_set_new(error, "data", json_pack("{s:s}", key, value ? value : ""));
	json_t *message = json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id",
	                            id ? json_incref(id) : json_null(), "error", error);
	return to_text(message);
}

#ifndef NDEBUG
static const bool self_check = true;
#else
static const bool self_check = false; // costs a walk over every message
#endif

static void log_mismatch(const char *name, const char *field)
{
	hz_error("protocol.mismatch", "name=%s field=%s", name, field);
}

char *hz_rpc_result(const struct hz_rpc_request *req, json_t *result)
{
	char field[HZ_FIELD_BYTES];
	if (!result)
		result = json_object();
	if (!req->id) {
		json_decref(result);
		return NULL;
	}
	if (self_check && hz_rpc_check_result(req->method, result, field) != 0)
		log_mismatch(methods[req->method], field);
	return to_text(json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", req->id, "result", result));
}

char *hz_rpc_error(const struct hz_rpc_request *req, enum hz_rpc_code code, const char *key,
                   const char *value)
{
	return req->id ? error_text(req->id, code, key, value) : NULL;
}

char *hz_rpc_push(enum hz_rpc_push push, json_t *params)
{
	char field[HZ_FIELD_BYTES];
	if (!params)
		params = json_object();
	if (self_check && hz_rpc_check_push(push, params, field) != 0)
		log_mismatch(pushes[push], field);
	return to_text(
	    json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", pushes[push], "params", params));
}

// --- parsing

static bool id_is_good(const json_t *id)
{
	return !id || json_is_integer(id) || (json_is_string(id) && json_string_length(id) <= MAX_ID_BYTES);
}

static int find_method(const char *name)
{
	for (int i = 0; i < HZ_RPC_METHODS; i++)
		if (strcmp(methods[i], name) == 0)
			return i;
	return -ENOENT;
}

static int check_params(int method, const json_t *params, char field[HZ_FIELD_BYTES])
{
	char name[48];
	snprintf(name, sizeof(name), "%s.params", methods[method]);
	const json_t *schema = hz_schema_find("requests", name);
	return schema ? hz_schema_check(schema, params, field) : -EINVAL;
}

static int refuse(json_t *message, json_t *id, enum hz_rpc_code code, const char *field, char **ret_answer)
{
	*ret_answer = error_text(id, code, field ? "field" : NULL, field);
	json_decref(message);
	return -EBADMSG;
}

// Takes over the reference to message, an object.
static int read_request(json_t *message, struct hz_rpc_request *ret, char **ret_answer)
{
	char field[HZ_FIELD_BYTES] = "";
	const char *key;
	json_t *value, *id = json_object_get(message, "id"), *params = json_object_get(message, "params");
	const char *name = json_string_value(json_object_get(message, "method"));
	const char *version = json_string_value(json_object_get(message, "jsonrpc"));
	if (!id_is_good(id))
		return refuse(message, NULL, HZ_RPC_INVALID_REQUEST, "/id", ret_answer);
	json_object_foreach(message, key, value) if (strcmp(key, "jsonrpc") != 0 && strcmp(key, "id") != 0 &&
	                                             strcmp(key, "method") != 0 &&
	                                             strcmp(key, "params") !=
	                                                 0) return refuse(message, id, HZ_RPC_INVALID_REQUEST,
	                                                                  NULL, ret_answer);
	if (!version || strcmp(version, "2.0") != 0)
		return refuse(message, id, HZ_RPC_INVALID_REQUEST, "/jsonrpc", ret_answer);
	if (!name)
		return refuse(message, id, HZ_RPC_INVALID_REQUEST, "/method", ret_answer);
	int method = find_method(name);
	if (method < 0)
		return refuse(message, id, HZ_RPC_NO_METHOD, NULL, ret_answer);
	params = params ? json_incref(params) : json_object();
	if (check_params(method, params, field) != 0) {
		json_decref(params);
		return refuse(message, id, HZ_RPC_INVALID_PARAMS, field, ret_answer);
	}
	ret->method = (enum hz_rpc_method)method;
	ret->id = id ? json_incref(id) : NULL;
	ret->params = params;
	json_decref(message);
	return 0;
}

int hz_rpc_parse(const char *text, size_t bytes, struct hz_rpc_request *ret, char **ret_answer)
{
	json_t *message = NULL;
	*ret_answer = NULL;
	int err = hz_json_parse(text, bytes, &message);
	if (err == -ENOMEM)
		return err;
	if (err != 0)
		return refuse(NULL, NULL, HZ_RPC_PARSE_ERROR, NULL, ret_answer);
	if (!json_is_object(message))
		return refuse(message, NULL, HZ_RPC_INVALID_REQUEST, NULL, ret_answer);
	return read_request(message, ret, ret_answer);
}

void hz_rpc_request_done(struct hz_rpc_request *req)
{
	json_decref(req->id);
	json_decref(req->params);
	req->id = req->params = NULL;
}

int hz_rpc_check_result(enum hz_rpc_method method, const json_t *result, char ret_field[HZ_FIELD_BYTES])
{
	char name[48];
	snprintf(name, sizeof(name), "%s.result", methods[method]);
	const json_t *schema = hz_schema_find("requests", name);
	return schema ? hz_schema_check(schema, result, ret_field) : -EINVAL;
}

int hz_rpc_check_push(enum hz_rpc_push push, const json_t *params, char ret_field[HZ_FIELD_BYTES])
{
	const json_t *schema = hz_schema_find("pushes", pushes[push]);
	return schema ? hz_schema_check(schema, params, ret_field) : -EINVAL;
}
