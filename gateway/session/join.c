// The first message of a socket: a token (a new session) or a resume key (the same one on another socket).
//
// On a bad network a client gives up a socket whose join is under way, and joins on another. The gateway may have answered the first
// one: the client repeats its token with the key it wished for, and continues what the first one began. Or TCP delivers the first one
// behind the second: a join on a socket that was opened before the one that the participant is on is late, and does nothing.
#include <errno.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/call.h"
#include "gateway/session/record/consent.h"
#include "gateway/session/consult.h"
#include "gateway/session/participant.h"
#include "gateway/session/push.h"
#include "gateway/session/token.h"
#include "gateway/session/ice/turn.h"
#include "signaling/server/server.h"

static json_t *grants_json(uint32_t grants)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < HZ_GRANT_COUNT; i++) {
		if (grants & (1u << i))
			json_array_append_new(list, json_string(hz_grant_name(1u << i)));
	}
	return list;
}

static void welcome(struct hz_call *call, struct hz_participant *p, const char *key, bool resumed)
{
	call->p = p;
	call->history = p->status == HZ_STATUS_ADMITTED;
	call->result = json_pack("{s:s, s:s, s:b, s:s, s:{s:s, s:s}, s:s, s:o, s:o, s:o}", "session",
	                         p->session, "resume_key", key, "resumed", resumed, "participant", p->id,
	                         "consult", "id", p->consult->id, "title", p->consult->title, "role",
	                         hz_role_name(p->role), "grants", grants_json(p->grants), "ice_servers",
	                         hz_turn_json(call->brain, p->id), "state", hz_state_json(call->brain, p));
	hz_info("participant.joined", "consult=%s participant=%s role=%s resumed=%d status=%d",
	        p->consult->id, p->id, hz_role_name(p->role), resumed, p->status);
}

static void refuse(struct hz_call *call, int err)
{
	if (err == -EACCES) {
		call->brain->count.joins_refused++;
		hz_call_refuse(call, HZ_RPC_REFUSED, NULL, NULL);
	} else if (err == -ENOSPC) {
		hz_call_refuse(call, HZ_RPC_LIMIT, "limit", "participants");
	} else if (err == -EBUSY && call->brain->draining) {
		hz_call_refuse(call, HZ_RPC_LIMIT, "limit", "draining");
	} else {
		hz_warn("join.failed", "err=%d", -err);
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
	}
}

// Who cannot be remembered to have said yes takes part unrecorded, and is asked again inside.
static void take_answer(struct hz_call *call, struct hz_participant *p)
{
	const json_t *consent = json_object_get(call->params, "consent");
	const struct hz_consent_answer answer = hz_consent_of_json(consent);
	if (consent)
		(void)hz_consent_set(call->brain, p, &answer);
}

// True: this socket is over, without an answer.
static bool is_late(struct hz_call *call, const struct hz_participant *p)
{
	if (!p || !p->has_session || p->newest < call->conn->order)
		return false;
	hz_info("join.late", "consult=%s participant=%s", p->consult->id, p->id);
	call->unanswered = call->conn->closing = true;
	call->brain->ops->close(call->conn->socket, HZ_WS_REPLACED, "replaced by a newer socket");
	return true;
}

static void resume(struct hz_call *call, struct hz_participant *p, const char *key)
{
	if (is_late(call, p))
		return;
	hz_participant_resume(call->brain, p, call->conn);
	call->brain->count.resumes++;
	welcome(call, p, key, true);
}

// key: wished for; NULL: none. True: it is that of the session that this participant has, and that goes on.
static bool resume_repeated(struct hz_call *call, struct hz_participant *p, const char *key)
{
	if (!p || !key || hz_participant_by_key(call->brain, key) != p)
		return false;
	resume(call, p, key);
	return true;
}

static int start(struct hz_call *call, struct hz_participant *p, const char *wish)
{
	char own[HZ_KEY_CHARS + 1];
	const char *key = wish;
	if (!wish || hz_participant_by_key(call->brain, wish)) { // somebody else's
		hz_random_text(own, HZ_KEY_CHARS);
		key = own;
	}
	int err = hz_participant_start_session(call->brain, p, call->conn, key);
	if (!err)
		welcome(call, p, key, false);
	hz_wipe(own, sizeof(own));
	return err;
}

static void join_token(struct hz_call *call, const char *token)
{
	const char *wish = json_string_value(json_object_get(call->params, "new_key"));
	struct hz_brain *brain = call->brain;
	struct hz_claims claims;
	struct hz_consult *consult = NULL;
	struct hz_participant *p = NULL;
	int err = hz_token_verify(brain, token, &claims);
	if (!err && claims.rest)
		err = -EACCES;
	if (!err && (claims.role == HZ_ROLE_VIEWER ||
	             (claims.grants & (HZ_GRANT_WATCH | HZ_GRANT_SUBSCRIBE)) == HZ_GRANT_WATCH))
		err =
		    -EACCES; // a viewer of the broadcast never sees who is there, whatever else its token says
	// Who repeats a join goes on, as who resumes does.
	if (!err && brain->draining && !(wish && hz_participant_by_key(brain, wish)))
		err = -EBUSY;
	if (!err)
		err = hz_token_consult(brain, &claims, &consult);
	if (!err)
		p = hz_participant_find(consult, claims.sub);
	if (p && (is_late(call, p) || resume_repeated(call, p, wish))) {
		hz_wipe(&claims, sizeof(claims));
		return;
	}
	if (!err && brain->draining)
		err = -EBUSY;
	if (!err)
		err = hz_token_check(brain, &claims, consult->id);
	if (!err && !p && !hz_participant_room(brain, consult, claims.needs_admission))
		err = -ENOSPC; // before a single-use token is spent on it
	if (!err)
		err = hz_token_use(brain, &claims);
	if (!err)
		err = hz_participant_enter(brain, consult, &claims, &p);
	if (!err)
		take_answer(call, p);
	if (!err) {
		err = start(call, p, wish);
		if (err)
			hz_participant_maybe_leave(brain, p);
	}
	hz_wipe(&claims, sizeof(claims));
	if (err) {
		refuse(call, err);
		return;
	}
	brain->count.joins++;
}

void hz_call_join(struct hz_call *call)
{
	const char *token = json_string_value(json_object_get(call->params, "token"));
	const char *key = json_string_value(json_object_get(call->params, "resume_key"));
	if (call->p) {
		hz_call_refuse(call, HZ_RPC_INVALID_REQUEST, NULL, NULL);
		return;
	}
	if (token) {
		join_token(call, token);
		return;
	}
	struct hz_participant *p = hz_participant_by_key(call->brain, key);
	if (!p) {
		call->brain->count.resume_refused++;
		refuse(call, -EACCES);
		return;
	}
	resume(call, p, key);
}
