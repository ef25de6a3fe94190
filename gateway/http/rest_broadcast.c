// /consults/{id}/broadcast, what viewers may know of it, and what its directors did.
#include <errno.h>

#include "gateway/session/broadcast/broadcast.h"
#include "gateway/http/rest.h"
#include "gateway/store/broadcasts.h"
#include "signaling/protocol/problem.h"

static void answer(struct hz_rest_call *call)
{
	json_t *json = call->consult ? hz_broadcast_json(call->brain, call->consult) : NULL;
	if (json)
		hz_json_answer(call->res, json);
	else
		hz_rest_error(call, -ENOENT);
}

void hz_rest_broadcast_get(struct hz_rest_call *call)
{
	answer(call);
}

void hz_rest_broadcast_put(struct hz_rest_call *call)
{
	json_t *body = NULL;
	struct hz_broadcast wish;
	const char *field = NULL;
	if (hz_problem_body(call->req, "broadcast.put", call->res, &body))
		return;
	int err = hz_broadcast_parse(body, &wish, &field);
	json_decref(body);
	if (err) {
		hz_rest_problem(call, 422, "each one once, and no microphone among the sources", field);
		return;
	}
	err = hz_broadcast_put(call->brain, call->consult, &wish, call->claims.sub);
	if (err)
		hz_rest_error(call, err);
	else
		answer(call);
}

void hz_rest_broadcast_delete(struct hz_rest_call *call)
{
	int err = hz_broadcast_end(call->brain, call->consult, call->claims.sub);
	if (err)
		hz_rest_error(call, err);
	else
		hz_response_status(call->res, 204);
}

void hz_rest_broadcast_watch(struct hz_rest_call *call)
{
	if (call->claims.needs_admission) {
		hz_rest_problem(call, 403, NULL, NULL);
		return;
	}
	if (call->consult)
		hz_json_answer(call->res, hz_broadcast_watch_json(call->brain, call->consult));
	else
		hz_rest_error(call, -ENOENT);
}

static bool on_row(void *arg, const struct hz_event_row *row)
{
	struct hz_rest_rows *rows = arg;
	const char *id = hz_rest_rows_next(rows, row->seq);
	if (!id)
		return false;
	json_t *detail = json_loads(row->detail, 0, NULL);
	json_array_append_new(rows->items,
	                      json_pack("{s:s, s:I, s:s, s:s, s:o}", "id", id, "time_ms",
	                                (json_int_t)row->time_ms, "participant", row->participant, "type",
	                                row->type, "detail", detail ? detail : json_object()));
	return true;
}

void hz_rest_broadcast_events(struct hz_rest_call *call)
{
	static const char *const columns[] = {"id", "time_ms", "participant", "type", "detail", NULL};
	struct hz_rest_rows rows;
	if (!hz_rest_rows_begin(call, &rows))
		return;
	int err = hz_store_broadcast_event_list(call->brain->store, call->arg[0], rows.after, rows.limit + 1,
	                                        on_row, &rows);
	hz_rest_rows_end(call, &rows, err, columns);
}
