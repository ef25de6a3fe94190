// /consults/{id}/events: the visit's log
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/rest.h"
#include "gateway/store/visit.h"

struct page {
	json_t *items;
	unsigned limit;
	char last[24];
	bool more;
};

static bool on_row(void *arg, const struct hz_visit_row *row)
{
	struct page *page = arg;
	if (json_array_size(page->items) == page->limit) {
		page->more = true;
		return false;
	}
	snprintf(page->last, sizeof(page->last), "%lld", (long long)row->seq);
	json_t *event =
	    json_pack("{s:s, s:I, s:s, s:s}", "id", page->last, "time_ms", (json_int_t)row->time_ms,
	              "participant", row->participant, "type", row->type);
	json_t *detail = json_loads(row->detail, 0, NULL);
	if (event && detail)
		json_object_update_missing(event, detail);
	json_decref(detail);
	json_array_append_new(page->items, event);
	return true;
}

void hz_rest_events_get(struct hz_rest_call *call)
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
	int err = hz_store_visit_list(call->brain->store, call->arg[0], strtoll(cursor, NULL, 10),
	                              page.limit + 1, on_row, &page);
	if (err) {
		json_decref(page.items);
		hz_rest_error(call, err);
		return;
	}
	hz_rest_list(call, page.items, page.more ? page.last : NULL);
}
