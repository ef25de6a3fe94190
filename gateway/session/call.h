// One request of a client over its WebSocket, and its answer. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_CALL_H
#define HZ_GATEWAY_SESSION_CALL_H

#include <jansson.h>

#include "gateway/session/model.h"
#include "signaling/protocol/rpc.h"

struct hz_call {
	struct hz_brain *brain;
	struct hz_conn *conn;
	struct hz_participant *p; // NULL: not joined
	const json_t *params;     // holds to the method's schema

	// The answer: a result (NULL: {}), or an error with a member of data.
	json_t *result;
	int code; // 0 or enum hz_rpc_code
	const char *key;
	char value[128];

	struct hz_peer *later; // `text` is the answer to an offer that waits for this one's candidates
	char *text;
	bool history;    // send the chat's history behind the answer
	bool unanswered; // the socket is over
	bool leave;      // end the session behind the answer
};

// Refuses; key and value may be NULL. Later calls do not overwrite the first.
void hz_call_refuse(struct hz_call *call, int code, const char *key, const char *value);
// data.field = a formatted JSON Pointer.
void hz_call_refuse_field(struct hz_call *call, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// A message from conn: does it, makes it durable, answers.
void hz_call_text(struct hz_brain *brain, struct hz_conn *conn, const char *text, size_t bytes);

// A new socket; NULL: out of memory. It belongs to brain until hz_conn_end().
struct hz_conn *hz_conn_new(struct hz_brain *brain, void *socket);
// The socket is closed: its participant is away from now on.
void hz_conn_end(struct hz_brain *brain, struct hz_conn *conn);

// The methods. Each refuses or does; grants and admission are checked by the table in call.c.
void hz_call_join(struct hz_call *call);
void hz_call_offer(struct hz_call *call);
void hz_call_trickle(struct hz_call *call);
void hz_call_subscribe(struct hz_call *call);
void hz_call_track_update(struct hz_call *call);
void hz_call_chat(struct hz_call *call);
void hz_call_hand(struct hz_call *call);
void hz_call_admit(struct hz_call *call);
void hz_call_return(struct hz_call *call);
void hz_call_remove(struct hz_call *call);
void hz_call_stats_get(struct hz_call *call);
void hz_call_stats_report(struct hz_call *call);
void hz_call_consent(struct hz_call *call);
void hz_call_record_start(struct hz_call *call);
void hz_call_record_stop(struct hz_call *call);
void hz_call_layout(struct hz_call *call);
void hz_call_layout_set(struct hz_call *call);
void hz_call_broadcast_program(struct hz_call *call);
void hz_call_broadcast_cut(struct hz_call *call);
void hz_call_broadcast_resume(struct hz_call *call);
void hz_call_table_get(struct hz_call *call);
void hz_call_table_floor(struct hz_call *call);
void hz_call_table_patch(struct hz_call *call);
void hz_call_table_pointer(struct hz_call *call);
void hz_call_table_keep(struct hz_call *call);
void hz_call_token_renew(struct hz_call *call);
void hz_call_broadcast_third(struct hz_call *call);
void hz_call_audience_list(struct hz_call *call);
void hz_call_audience_moderate(struct hz_call *call);
void hz_call_audience_set(struct hz_call *call);

#endif
