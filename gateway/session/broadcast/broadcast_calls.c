// broadcast.program, broadcast.cut, broadcast.resume: the director's hand. Grant `direct`, checked in call.c.
#include <errno.h>
#include <stdio.h>

#include "gateway/base/log.h"
#include "gateway/session/brain.h"
#include "gateway/session/broadcast/broadcast_internal.h"
#include "gateway/session/call.h"

static void answer(struct hz_call *call, int err)
{
	if (err == -ENOENT) {
		hz_call_refuse(call, HZ_RPC_NOT_FOUND, NULL, NULL);
	} else if (err == -EACCES) {
		hz_call_refuse_field(call, HZ_RPC_NOT_ALLOWED, "/source");
	} else if (err == -EEXIST) {
		hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/beside");
	} else if (err == -EPERM) { // the picture says who the patient is
		hz_call_refuse(call, HZ_RPC_NOT_ALLOWED, "masks", "needed");
	} else if (err == -ENOTSUP) { // and nobody paints over it: mosaic.enabled
		hz_call_refuse(call, HZ_RPC_NOT_ALLOWED, "masks", "unavailable");
	} else if (err) {
		hz_warn("broadcast.call", "consult=%s err=%d", call->p->consult->id, -err);
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
	} else {
		call->result =
		    json_pack("{s:o}", "broadcast", hz_broadcast_json(call->brain, call->p->consult));
	}
}

void hz_call_broadcast_program(struct hz_call *call)
{
	const json_t *json = json_object_get(call->params, "source");
	struct hz_programme what = {.beside.count = 0};
	if (json_is_object(json) && hz_broadcast_source_parse(json, &what.first)) {
		hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/source");
		return;
	}
	if (hz_beside_parse(call->params, &what.beside) || (what.beside.count && !json_is_object(json))) {
		hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/beside");
		return;
	}
	json_int_t fade_ms = json_integer_value(json_object_get(call->params, "fade_ms"));
	const struct hz_broadcast *b = call->p->consult->broadcast;
	if (fade_ms > 0 && json_is_object(json) && b && b->on_air &&
	    !b->cut) { // else there is nothing to fade from
		answer(call, hz_broadcast_fade(call->brain, call->p->consult, &what, (unsigned)fade_ms,
		                               call->p->id));
		return;
	}
	answer(call, hz_broadcast_program(call->brain, call->p->consult, json_is_object(json) ? &what : NULL,
	                                  call->p->id));
}

void hz_call_broadcast_cut(struct hz_call *call)
{
	answer(call, hz_broadcast_cut(call->brain, call->p->consult, call->p->id,
	                              json_string_value(json_object_get(call->params, "reason"))));
}

void hz_call_broadcast_resume(struct hz_call *call)
{
	answer(call, hz_broadcast_resume(call->brain, call->p->consult, call->p->id,
	                                 json_string_value(json_object_get(call->params, "reason"))));
}
