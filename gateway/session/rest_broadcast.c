// /consults/{id}/broadcast, what viewers may know of it, and what its directors did.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/broadcast.h"
#include "gateway/session/rest.h"
#include "gateway/store/broadcasts.h"
#include "signaling/protocol/problem.h"

static void answer(struct hz_rest_call *call)
{
	json_t *json = call->consult ? hz_broadcast_json(call->consult) : NULL;
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
		hz_json_answer(call->res, hz_broadcast_watch_json(call->consult));
	else
		hz_rest_error(call, -ENOENT);
}

struct page {
	json_t *items;
	unsigned limit;
	char last[24];
	bool more;
};

static bool on_row(void *arg, const struct hz_broadcast_event_row *row)
{
	struct page *page = arg;
	if (json_array_size(page->items) == page->limit) {
		page->more = true;
		return false;
	}
	snprintf(page->last, sizeof(page->last), "%lld", (long long)row->seq);
	json_t *detail = json_loads(row->detail, 0, NULL);
	json_array_append_new(page->items,
	                      json_pack("{s:s, s:I, s:s, s:s, s:o}", "id", page->last, "time_ms",
	                                (json_int_t)row->time_ms, "participant", row->participant, "type",
	                                row->type, "detail", detail ? detail : json_object()));
	return true;
}

void hz_rest_broadcast_events(struct hz_rest_call *call)
{
	struct page page = {.limit = 0};
	char cursor[HZ_ID_TEXT_BYTES];
	if (!hz_rest_page(call, &page.limit, cursor))
		return;
	size_t digits = strspn(cursor, "0123456789");
	if (cursor[digits] || digits > 18) {
		hz_rest_problem(call, 400, "not a cursor that was given out", "cursor");
		return;
	}
	page.items = json_array();
	int err = hz_store_broadcast_event_list(call->brain->store, call->arg[0], strtoll(cursor, NULL, 10),
	                                        page.limit + 1, on_row, &page);
	if (err) {
		json_decref(page.items);
		hz_rest_error(call, err);
		return;
	}
	hz_rest_list(call, page.items, page.more ? page.last : NULL);
}
