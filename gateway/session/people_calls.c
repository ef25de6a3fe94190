// hand, lobby.admit, lobby.return, participant.remove, token.renew.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/call.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/session/push.h"
#include "gateway/session/rate.h"
#include "gateway/store/links.h"
#include "signaling/auth/jwt.h"
#include "signaling/protocol/rpc.h"

#define RENEWED_S 900

void hz_call_hand(struct hz_call *call)
{
	bool raised = json_is_true(json_object_get(call->params, "raised"));
	if (call->p->hand == raised)
		return;
	call->p->hand = raised;
	hz_persist_participant(call->brain, call->p);
	hz_push_state(call->brain, call->p->consult);
}

static struct hz_participant *named(struct hz_call *call)
{
	const char *id = json_string_value(json_object_get(call->params, "participant"));
	struct hz_participant *p = hz_participant_find(call->p->consult, id);
	if (!p)
		hz_call_refuse_field(call, HZ_RPC_NOT_FOUND, "/participant");
	return p;
}

void hz_call_admit(struct hz_call *call)
{
	struct hz_participant *p = named(call);
	if (p)
		hz_participant_admit(call->brain, p, call->p->id);
}

void hz_call_return(struct hz_call *call)
{
	struct hz_participant *p = named(call);
	if (p && hz_participant_return(call->brain, p) == -EPERM)
		hz_call_refuse_field(call, HZ_RPC_NOT_ALLOWED, "/participant");
}

void hz_call_remove(struct hz_call *call)
{
	struct hz_participant *p = named(call);
	if (!p)
		return;
	if (p == call->p) { // that is `leave`
		hz_call_refuse_field(call, HZ_RPC_NOT_ALLOWED, "/participant");
		return;
	}
	int err = hz_participant_remove(call->brain, p);
	if (err) {
		hz_warn("participant.remove_failed", "err=%d", -err);
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
	}
}

// What does not go over this socket (images, files of records) is asked for with a token, and a long reading outlasts the one that it began
// with. Whoever is inside gets one of his own, of what he may now and not what he once could, for a short while. It opens no other session: what
// was good for one join, or until some time, would be good for ever and for everybody it is given to.
void hz_call_token_renew(struct hz_call *call)
{
	struct hz_brain *brain = call->brain;
	const struct hz_participant *p = call->p;
	struct hz_claims claims = {
	    .role = p->role, .grants = p->grants & ~(uint32_t)HZ_GRANT_CREATE, .rest = true};
	char *token = NULL;
	if (!hz_rate_allow(&call->p->renew_tokens_us, brain->now_us, 10000000, 6)) {
		hz_call_refuse(call, HZ_RPC_TOO_FAST, NULL, NULL);
		return;
	}
	snprintf(claims.sub, sizeof(claims.sub), "%s", p->id);
	snprintf(claims.name, sizeof(claims.name), "%s", p->name);
	snprintf(claims.consult, sizeof(claims.consult), "%s", p->consult->id);
	// What came of a link goes with it.
	int err = brain->store ? hz_store_link_of(brain->store, claims.consult, p->id, claims.link) : 0;
	if (!err)
		err = hz_jwt_sign(brain->keys, &claims, brain->wall_ms / 1000, RENEWED_S, &token);
	if (err) { // without a key of our own: whoever gave the first one gives the next
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
		return;
	}
	call->result = json_pack("{s:s, s:i}", "token", token, "seconds", RENEWED_S);
	hz_wipe(token, strlen(token));
	free(token);
}
