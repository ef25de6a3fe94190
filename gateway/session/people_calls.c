// hand, lobby.admit, lobby.return, participant.remove.
#include <errno.h>

#include "gateway/base/log.h"
#include "gateway/session/call.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/session/push.h"

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
