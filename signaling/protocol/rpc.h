// JSON-RPC 2.0 as docs/PROTOCOL.md narrows it: text in, validated request out; results, errors and pushes to text.
// No I/O, no clock. Texts returned are malloc'd, NUL-terminated, owned by the caller. Thread: any.
#ifndef HZ_SIGNALING_PROTOCOL_RPC_H
#define HZ_SIGNALING_PROTOCOL_RPC_H

#include <jansson.h>
#include <stddef.h>

#include "signaling/protocol/schema.h"

#define HZ_REAL_DIGITS 9 // significant, of numbers in messages

enum hz_rpc_method {
	HZ_RPC_JOIN,
	HZ_RPC_OFFER,
	HZ_RPC_TRICKLE,
	HZ_RPC_SUBSCRIBE,
	HZ_RPC_TRACK_UPDATE,
	HZ_RPC_CHAT_SEND,
	HZ_RPC_HAND,
	HZ_RPC_LOBBY_ADMIT,
	HZ_RPC_LOBBY_RETURN,
	HZ_RPC_PARTICIPANT_REMOVE,
	HZ_RPC_STATS_GET,
	HZ_RPC_STATS_REPORT,
	HZ_RPC_CONSENT_SET,
	HZ_RPC_RECORD_START,
	HZ_RPC_RECORD_STOP,
	HZ_RPC_LAYOUT_REPORT,
	HZ_RPC_LAYOUT_SET,
	HZ_RPC_BROADCAST_PROGRAM,
	HZ_RPC_BROADCAST_CUT,
	HZ_RPC_BROADCAST_RESUME,
	HZ_RPC_TABLE_GET,
	HZ_RPC_TABLE_FLOOR,
	HZ_RPC_TABLE_PATCH,
	HZ_RPC_TABLE_POINTER,
	HZ_RPC_TABLE_KEEP,
	HZ_RPC_BROADCAST_THIRD,
	HZ_RPC_AUDIENCE_LIST,
	HZ_RPC_AUDIENCE_MODERATE,
	HZ_RPC_AUDIENCE_SET,
	HZ_RPC_TOKEN_RENEW,
	HZ_RPC_LEAVE,
	HZ_RPC_PING,
	HZ_RPC_METHODS,
};

enum hz_rpc_push {
	HZ_PUSH_STATE,
	HZ_PUSH_SPEAKERS,
	HZ_PUSH_CHAT,
	HZ_PUSH_TABLE,
	HZ_PUSH_TABLE_PATCH,
	HZ_PUSH_TABLE_POINTER,
	HZ_PUSH_TABLE_KEPT,
	HZ_PUSH_BELL,
	HZ_PUSH_RENEGOTIATE,
	HZ_PUSH_QUALITY,
	HZ_PUSH_LADDER,
	HZ_PUSH_WATCHED,
	HZ_PUSH_UPLINK,
	HZ_PUSH_MIX_OFFER,
	HZ_PUSH_AUDIENCE,
	HZ_PUSH_END,
	HZ_PUSH_CLOSING,
	HZ_RPC_PUSHES,
};

enum hz_rpc_code {
	HZ_RPC_PARSE_ERROR = -32700,
	HZ_RPC_INVALID_REQUEST = -32600,
	HZ_RPC_NO_METHOD = -32601,
	HZ_RPC_INVALID_PARAMS = -32602,
	HZ_RPC_NOT_JOINED = -32000,
	HZ_RPC_REFUSED = -32001, // token or resume key; never with data
	HZ_RPC_NOT_ALLOWED = -32002,
	HZ_RPC_NOT_ADMITTED = -32003,
	HZ_RPC_NOT_FOUND = -32004,
	HZ_RPC_LIMIT = -32005,       // data.limit
	HZ_RPC_SDP_REFUSED = -32006, // data.reason
	HZ_RPC_TOO_FAST = -32007,
	HZ_RPC_CONFLICT = -32008,
	HZ_RPC_NO_FLOOR = -32009, // data.reason: who has it; none: nobody
	HZ_RPC_FAILED = -32099,
};

struct hz_rpc_request {
	enum hz_rpc_method method;
	json_t *id;     // string of at most 64 bytes or integer; NULL: a notification, nothing is answered
	json_t *params; // an object that holds to the method's schema; {} when the message had none
};

// 0: *ret is filled, hz_rpc_request_done() it. -EBADMSG: the message is bad; *ret_answer is the error to send, or NULL
// when it was a notification that deserves none. -ENOMEM.
int hz_rpc_parse(const char *text, size_t bytes, struct hz_rpc_request *ret, char **ret_answer);
void hz_rpc_request_done(struct hz_rpc_request *req);

// The answer to req; takes over the reference to result (NULL: {}). NULL for a notification or when out of memory.
// Debug builds log protocol.mismatch when the result does not hold to its schema.
char *hz_rpc_result(const struct hz_rpc_request *req, json_t *result);

// An error answer; data {key: value} when key is not NULL ("field", "limit", "reason"). NULL as above.
char *hz_rpc_error(const struct hz_rpc_request *req, enum hz_rpc_code code, const char *key,
                   const char *value);

// A push (a JSON-RPC notification); takes over the reference to params (NULL: {}). NULL when out of memory.
char *hz_rpc_push(enum hz_rpc_push push, json_t *params);

const char *hz_rpc_method_name(enum hz_rpc_method method);
const char *hz_rpc_push_name(enum hz_rpc_push push);
const char *hz_rpc_code_text(enum hz_rpc_code code);

// For tests: 0, or -EINVAL and the failing field.
int hz_rpc_check_result(enum hz_rpc_method method, const json_t *result, char ret_field[HZ_FIELD_BYTES]);
int hz_rpc_check_push(enum hz_rpc_push push, const json_t *params, char ret_field[HZ_FIELD_BYTES]);

#endif
