#include "signaling/protocol/rpc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"

#define ID_BYTES 64

static const char *const methods[HZ_RPC_METHODS] = {
    [HZ_RPC_JOIN] = "join",
    [HZ_RPC_OFFER] = "offer",
    [HZ_RPC_SUBSCRIBE] = "subscribe",
    [HZ_RPC_TRACK_UPDATE] = "track.update",
    [HZ_RPC_CHAT_SEND] = "chat.send",
    [HZ_RPC_HAND] = "hand",
    [HZ_RPC_LOBBY_ADMIT] = "lobby.admit",
    [HZ_RPC_LOBBY_RETURN] = "lobby.return",
    [HZ_RPC_PARTICIPANT_REMOVE] = "participant.remove",
    [HZ_RPC_STATS_GET] = "stats.get",
    [HZ_RPC_STATS_REPORT] = "stats.report",
    [HZ_RPC_LEAVE] = "leave",
    [HZ_RPC_PING] = "ping",
};

static const char *const pushes[HZ_RPC_PUSHES] = {
    [HZ_PUSH_STATE] = "state", [HZ_PUSH_SPEAKERS] = "speakers",       [HZ_PUSH_CHAT] = "chat",
    [HZ_PUSH_BELL] = "bell",   [HZ_PUSH_RENEGOTIATE] = "renegotiate", [HZ_PUSH_QUALITY] = "quality",
    [HZ_PUSH_END] = "end",     [HZ_PUSH_CLOSING] = "closing",
};

const char *hz_rpc_method_name(enum hz_rpc_method method)
{
	return (unsigned)method < HZ_RPC_METHODS ? methods[method] : "?";
}

const char *hz_rpc_push_name(enum hz_rpc_push push)
{
	return (unsigned)push < HZ_RPC_PUSHES ? pushes[push] : "?";
}

const char *hz_rpc_code_text(enum hz_rpc_code code)
{
	switch (code) {
	case HZ_RPC_PARSE_ERROR:
		return "Parse error";
	case HZ_RPC_INVALID_REQUEST:
		return "Invalid Request";
	case HZ_RPC_NO_METHOD:
		return "Method not found";
	case HZ_RPC_INVALID_PARAMS:
		return "Invalid params";
	case HZ_RPC_NOT_JOINED:
		return "Not joined";
	case HZ_RPC_REFUSED:
		return "Token or resume key refused";
	case HZ_RPC_NOT_ALLOWED:
		return "Not allowed for this role";
	case HZ_RPC_NOT_ADMITTED:
		return "Not admitted";
	case HZ_RPC_NOT_FOUND:
		return "No such participant, track or slot";
	case HZ_RPC_LIMIT:
		return "Limit reached";
	case HZ_RPC_SDP_REFUSED:
		return "SDP refused";
	case HZ_RPC_TOO_FAST:
		return "Too fast";
	case HZ_RPC_FAILED:
		return "The gateway failed; nothing was changed";
	}
	return "Error";
}

static char *dump(json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	json_decref(message);
	return text;
}

static char *make_error(json_t *id, enum hz_rpc_code code, const char *key, const char *value)
{
	json_t *error = json_pack("{s:i, s:s}", "code", (int)code, "message", hz_rpc_code_text(code));
	if (error && key)
		json_object_set_new(error, "data", json_pack("{s:s}", key, value ? value : ""));
	return dump(
	    json_pack("{s:s, s:O?, s:o}", "jsonrpc", "2.0", "id", id ? id : json_null(), "error", error));
}

static const json_t *find_schema(enum hz_rpc_method method, const char *what)
{
	char name[48];
	snprintf(name, sizeof(name), "%s.%s", methods[method], what);
	return hz_schema_find("requests", name);
}

static int find_method(const char *name)
{
	for (int i = 0; i < HZ_RPC_METHODS; i++)
		if (!strcmp(methods[i], name))
			return i;
	return -1;
}

static bool id_ok(const json_t *id)
{
	return json_is_integer(id) || (json_is_string(id) && json_string_length(id) <= ID_BYTES);
}

// The member of the envelope that is wrong, or NULL.
static const char *envelope_fault(json_t *message)
{
	const char *key, *version = json_string_value(json_object_get(message, "jsonrpc"));
	json_t *value, *id = json_object_get(message, "id");
	if (!json_is_object(message))
		return ""; // a batch, too: there are none
	if (!version || strcmp(version, "2.0") != 0)
		return "/jsonrpc";
	if (id && !id_ok(id))
		return "/id";
	if (!json_is_string(json_object_get(message, "method")))
		return "/method";
	json_object_foreach(message, key, value)
	{
		if (strcmp(key, "jsonrpc") != 0 && strcmp(key, "id") != 0 && strcmp(key, "method") != 0 &&
		    strcmp(key, "params") != 0)
			return ""; // an unknown member; its name is not repeated
	}
	return NULL;
}

static char *answer_unless_notification(json_t *message, enum hz_rpc_code code, const char *field)
{
	json_t *id = json_object_get(message, "id");
	return id ? make_error(id, code, field ? "field" : NULL, field) : NULL;
}

static int parse_message(json_t *message, struct hz_rpc_request *ret, char **ret_answer)
{
	char field[HZ_FIELD_BYTES];
	const char *fault = envelope_fault(message);
	if (fault) {
		json_t *id = json_object_get(message, "id");
		*ret_answer = make_error(id && id_ok(id) ? id : NULL, HZ_RPC_INVALID_REQUEST, "field", fault);
		return -EBADMSG;
	}
	int method = find_method(json_string_value(json_object_get(message, "method")));
	if (method < 0) {
		*ret_answer = answer_unless_notification(message, HZ_RPC_NO_METHOD, NULL);
		return -EBADMSG;
	}
	json_t *params = json_incref(json_object_get(message, "params"));
	if (!params)
		params = json_object();
	if (!params)
		return -ENOMEM;
	if (hz_schema_check(find_schema((enum hz_rpc_method)method, "params"), params, field) < 0) {
		*ret_answer = answer_unless_notification(message, HZ_RPC_INVALID_PARAMS, field);
		json_decref(params);
		return -EBADMSG;
	}
	ret->method = (enum hz_rpc_method)method;
	ret->id = json_incref(json_object_get(message, "id"));
	ret->params = params;
	return 0;
}

int hz_rpc_parse(const char *text, size_t bytes, struct hz_rpc_request *ret, char **ret_answer)
{
	json_t *message = NULL;
	*ret_answer = NULL;
	int err = hz_json_parse(text, bytes, &message);
	if (err == -ENOMEM)
		return err;
	if (err) {
		*ret_answer =
		    make_error(NULL, err == -E2BIG ? HZ_RPC_INVALID_REQUEST : HZ_RPC_PARSE_ERROR, NULL, NULL);
		return -EBADMSG;
	}
	err = parse_message(message, ret, ret_answer);
	json_decref(message);
	return err;
}

void hz_rpc_request_done(struct hz_rpc_request *req)
{
	json_decref(req->id);
	json_decref(req->params);
	req->id = req->params = NULL;
}

int hz_rpc_check_result(enum hz_rpc_method method, const json_t *result, char ret_field[HZ_FIELD_BYTES])
{
	return hz_schema_check(find_schema(method, "result"), result, ret_field);
}

int hz_rpc_check_push(enum hz_rpc_push push, const json_t *params, char ret_field[HZ_FIELD_BYTES])
{
	return hz_schema_check(hz_schema_find("pushes", pushes[push]), params, ret_field);
}

// Our own mistakes, told where developers look. Release builds do not spend the time.
static void check_own(const char *what, int err, const char *field)
{
#ifndef NDEBUG
	if (err)
		hz_error("protocol.mismatch", "what=%s field=%s", what, field);
#endif
}

char *hz_rpc_result(const struct hz_rpc_request *req, json_t *result)
{
	if (!result)
		result = json_object();
	if (!req->id || !result) {
		json_decref(result);
		return NULL;
	}
#ifndef NDEBUG
	char field[HZ_FIELD_BYTES];
	check_own(methods[req->method], hz_rpc_check_result(req->method, result, field), field);
#endif
	return dump(json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", req->id, "result", result));
}

char *hz_rpc_error(const struct hz_rpc_request *req, enum hz_rpc_code code, const char *key,
                   const char *value)
{
	return req->id ? make_error(req->id, code, key, value) : NULL;
}

char *hz_rpc_push(enum hz_rpc_push push, json_t *params)
{
	if (!params)
		params = json_object();
	if (!params)
		return NULL;
#ifndef NDEBUG
	char field[HZ_FIELD_BYTES];
	check_own(pushes[push], hz_rpc_check_push(push, params, field), field);
#endif
	return dump(json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", pushes[push], "params", params));
}
