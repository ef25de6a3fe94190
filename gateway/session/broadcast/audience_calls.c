// audience.list, audience.moderate, audience.set, broadcast.third: the desk. Grant `direct`, checked in call.c.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/log.h"
#include "gateway/session/broadcast/audience.h"
#include "gateway/session/brain.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/call.h"

static void refuse(struct hz_call *call, int err)
{
	if (err == -ENOENT) {
		hz_call_refuse(call, HZ_RPC_NOT_FOUND, NULL, NULL);
	} else if (err == -EINVAL) {
		hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/state");
	} else {
		hz_warn("audience.call", "consult=%s err=%d", call->p->consult->id, -err);
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
	}
}

static int64_t number(const json_t *params, const char *key)
{
	const char *text = json_string_value(json_object_get(params, key));
	return text ? strtoll(text, NULL, 10) : 0;
}

// By id, which is the order of their coming: in memory they stand in that of their last change.
static const struct hz_audience_message *next_by_id(const struct hz_audience *a, int64_t after)
{
	const struct hz_audience_message *next = NULL;
	for (const struct hz_audience_message *m = a->first; m; m = m->next) {
		if (m->id > after && (!next || m->id < next->id))
			next = m;
	}
	return next;
}

void hz_call_audience_list(struct hz_call *call)
{
	const struct hz_audience *a = call->p->consult->audience;
	if (!a || !call->p->consult->broadcast) {
		refuse(call, -ENOENT);
		return;
	}
	int64_t after = number(call->params, "after");
	const struct hz_audience_message *m = next_by_id(a, after);
	json_t *items = json_array();
	for (; m && json_array_size(items) < HZ_AUDIENCE_PAGE; m = next_by_id(a, after)) {
		json_array_append_new(items, hz_audience_message_json(m));
		after = m->id;
	}
	char next[24];
	snprintf(next, sizeof(next), "%lld", (long long)after);
	call->result = json_pack("{s:o, s:s?}", "items", items, "next", m ? next : NULL);
}

void hz_call_audience_moderate(struct hz_call *call)
{
	uint8_t state = HZ_AUDIENCE_REJECTED;
	(void)hz_audience_state_parse(json_string_value(json_object_get(call->params, "state")), &state);
	int64_t id = number(call->params, "id");
	int err = hz_audience_decide(call->brain, call->p, id, state,
	                             json_string_value(json_object_get(call->params, "answer")));
	if (err)
		refuse(call, err);
	else
		call->result =
		    json_pack("{s:o}", "message",
		              hz_audience_message_json(hz_audience_find(call->p->consult->audience, id)));
}

void hz_call_audience_set(struct hz_call *call)
{
	struct hz_consult *consult = call->p->consult;
	struct hz_audience_settings wish = {.chat = HZ_AUDIENCE_OFF};
	if (consult->audience)
		wish = consult->audience->is;
	hz_audience_parse(call->params, &wish);
	int err = hz_audience_set(call->brain, consult, &wish, call->p->id);
	if (err)
		refuse(call, err);
	else
		call->result = json_pack("{s:o}", "audience", hz_audience_desk_json(consult->audience));
}

void hz_call_broadcast_third(struct hz_call *call)
{
	int err = hz_broadcast_third(call->brain, call->p->consult,
	                             json_string_value(json_object_get(call->params, "text")),
	                             json_is_true(json_object_get(call->params, "shown")), call->p->id);
	if (err)
		refuse(call, err);
	else
		call->result =
		    json_pack("{s:o}", "broadcast", hz_broadcast_json(call->brain, call->p->consult));
}
