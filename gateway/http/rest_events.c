// /consults/{id}/events: the visit's log
#include "gateway/http/rest.h"
#include "gateway/store/visit.h"

static bool on_row(void *arg, const struct hz_event_row *row)
{
	struct hz_rest_rows *rows = arg;
	const char *id = hz_rest_rows_next(rows, row->seq);
	if (!id)
		return false;
	json_t *event = json_pack("{s:s, s:I, s:s, s:s}", "id", id, "time_ms", (json_int_t)row->time_ms,
	                          "participant", row->participant, "type", row->type);
	json_t *detail = json_loads(row->detail, 0, NULL);
	if (event && detail)
		json_object_update_missing(event, detail);
	json_decref(detail);
	json_array_append_new(rows->items, event);
	return true;
}

void hz_rest_events_get(struct hz_rest_call *call)
{
	struct hz_rest_rows rows;
	if (!hz_rest_rows_begin(call, &rows))
		return;
	int err =
	    hz_store_visit_list(call->brain->store, call->arg[0], rows.after, rows.limit + 1, on_row, &rows);
	hz_rest_rows_end(call, &rows, err, NULL);
}
