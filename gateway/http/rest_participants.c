// /consults/{id}/participants
#include <errno.h>
#include <string.h>

#include "gateway/session/participant.h"
#include "gateway/session/push.h"
#include "gateway/session/quality.h"
#include "gateway/http/rest.h"
#include "signaling/protocol/problem.h"

// The next by id: pages stay right while people come and go.
static const struct hz_participant *next_after(const struct hz_consult *consult, const char *id)
{
	const struct hz_participant *best = NULL;
	for (const struct hz_participant *p = consult->participants; p; p = p->next) {
		if (strcmp(p->id, id) > 0 && (!best || strcmp(p->id, best->id) < 0))
			best = p;
	}
	return best;
}

void hz_rest_participants_get(struct hz_rest_call *call)
{
	char cursor[HZ_ID_TEXT_BYTES];
	unsigned limit = 0;
	if (!hz_rest_page(call, &limit, cursor))
		return;
	json_t *items = json_array();
	const char *last = cursor;
	const struct hz_participant *p = call->consult ? next_after(call->consult, cursor) : NULL;
	for (; p && json_array_size(items) < limit; p = next_after(call->consult, p->id)) {
		json_array_append_new(items,
		                      hz_participant_json(call->brain, p, p->status == HZ_STATUS_LOBBY));
		last = p->id;
	}
	hz_rest_list(call, items, p ? last : NULL);
}

static struct hz_participant *find(struct hz_rest_call *call)
{
	struct hz_participant *p = call->consult ? hz_participant_find(call->consult, call->arg[1]) : NULL;
	if (!p)
		hz_rest_problem(call, 404, NULL, NULL);
	return p;
}

void hz_rest_participant_get(struct hz_rest_call *call)
{
	const struct hz_participant *p = find(call);
	if (p)
		hz_json_answer(call->res, hz_participant_json(call->brain, p, p->status == HZ_STATUS_LOBBY));
}

void hz_rest_participant_patch(struct hz_rest_call *call)
{
	json_t *body = NULL;
	struct hz_participant *p = find(call);
	if (!p || hz_problem_body(call->req, "participant.update", call->res, &body))
		return;
	bool admit = strcmp(json_string_value(json_object_get(body, "status")), "admitted") == 0;
	json_decref(body);
	if (admit) {
		hz_participant_admit(call->brain, p, call->claims.sub);
	} else if (hz_participant_return(call->brain, p)) {
		hz_rest_problem(call, 409, "this role does not wait in the lobby", "/status");
		return;
	}
	hz_json_answer(call->res, hz_participant_json(call->brain, p, p->status == HZ_STATUS_LOBBY));
}

void hz_rest_participant_delete(struct hz_rest_call *call)
{
	struct hz_participant *p = find(call);
	if (!p)
		return;
	int err = hz_participant_remove(call->brain, p);
	if (err)
		hz_rest_error(call, err);
	else
		hz_response_status(call->res, 204);
}

void hz_rest_participant_stats(struct hz_rest_call *call)
{
	const struct hz_participant *p = find(call);
	if (p)
		hz_json_answer(call->res, hz_stats_json(p));
}
