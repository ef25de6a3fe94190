// /consults
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "gateway/session/consult.h"
#include "gateway/session/push.h"
#include "gateway/session/record/record.h"
#include "gateway/http/rest.h"
#include "gateway/http/rest_record.h"
#include "gateway/store/consults.h"
#include "signaling/protocol/problem.h"

static json_t *consult_json(const struct hz_brain *brain, const struct hz_consult_row *row)
{
	const struct hz_consult *live = hz_map_get(brain->consults, row->id);
	int present = 0, lobby = 0;
	for (const struct hz_participant *p = live ? live->participants : NULL; p; p = p->next) {
		present += p->status == HZ_STATUS_ADMITTED;
		lobby += p->status == HZ_STATUS_LOBBY;
	}
	json_t *json =
	    json_pack("{s:s, s:s, s:s, s:I, s:n, s:i, s:i}", "id", row->id, "title", row->title, "status",
	              row->closed ? "closed" : "open", "created_ms", (json_int_t)row->created_ms, "closed_ms",
	              "participants", present, "lobby", lobby);
	if (json && live)
		json_object_set_new(json, "record", hz_record_json(brain, live, true));
	if (json && row->closed)
		json_object_set_new(json, "closed_ms", json_integer(row->closed_ms));
	return json;
}

struct page {
	struct hz_rest_call *call;
	json_t *items;
	unsigned limit;
	char last[HZ_ID_TEXT_BYTES];
	bool more;
};

static bool on_row(void *arg, const struct hz_consult_row *row)
{
	struct page *page = arg;
	if (json_array_size(page->items) == page->limit) {
		page->more = true;
		return false;
	}
	json_array_append_new(page->items, consult_json(page->call->brain, row));
	snprintf(page->last, sizeof(page->last), "%s", row->id);
	return true;
}

void hz_rest_consults_get(struct hz_rest_call *call)
{
	struct page page = {.call = call};
	char cursor[HZ_ID_TEXT_BYTES];
	if (!hz_rest_page(call, &page.limit, cursor))
		return;
	page.items = json_array();
	int err;
	if (call->claims.consult[0]) // a token of one consult sees that one
		err = hz_store_consult_get(call->brain->store, call->claims.consult, on_row, &page);
	else
		err = hz_store_consult_list(call->brain->store, cursor[0] ? cursor : NULL, page.limit + 1,
		                            on_row, &page);
	if (err && err != -ENOENT) {
		json_decref(page.items);
		hz_rest_error(call, err);
		return;
	}
	hz_rest_list(call, page.items, page.more ? page.last : NULL);
}

static bool answer_row(void *arg, const struct hz_consult_row *row)
{
	struct hz_rest_call *call = arg;
	json_t *json = consult_json(call->brain, row), *subject = hz_rest_subject_json(call, row->id);
	if (json && subject)
		json_object_set(json, "subject", subject);
	json_decref(subject);
	hz_json_answer(call->res, json);
	return false;
}

static void answer_consult(struct hz_rest_call *call, const char *id)
{
	int err = hz_store_consult_get(call->brain->store, id, answer_row, call);
	if (err)
		hz_rest_error(call, err);
}

// What a body says about recording.
static int set_record(struct hz_rest_call *call, struct hz_consult *consult, const json_t *body)
{
	const json_t *subject = json_object_get(body, "subject");
	enum hz_record_wish wish = hz_record_wish_parse(json_string_value(json_object_get(body, "record")));
	int err = subject ? hz_rest_subject_put(call, consult->id, subject) : 0;
	if (!err && subject)
		hz_record_retell(call->brain, consult);
	if (!err && wish != HZ_RECORD_UNSAID) {
		err = hz_consult_set_wish(call->brain, consult, wish);
		hz_push_state(call->brain, consult);
	}
	return err;
}

void hz_rest_consults_post(struct hz_rest_call *call)
{
	json_t *body = NULL;
	struct hz_consult *consult = NULL;
	char id[HZ_ID_TEXT_BYTES] = "c";
	if (hz_problem_body(call->req, "consult.create", call->res, &body))
		return;
	const char *wanted = json_string_value(json_object_get(body, "id"));
	if (wanted)
		snprintf(id, sizeof(id), "%s", wanted);
	else if (call->claims.consult[0])
		snprintf(id, sizeof(id), "%s", call->claims.consult);
	else
		hz_random_text(id + 1, 15);
	const char *title = json_string_value(json_object_get(body, "title"));
	if (!hz_id_valid(id)) {
		hz_rest_problem(call, 422, "1 to 64 of A-Z a-z 0-9 . _ -, not . or ..", "/id");
	} else if (!hz_name_valid(title)) {
		hz_rest_problem(call, 422, "1 to 80 characters that can be seen", "/title");
	} else if (!hz_rest_own(call, id)) {
		hz_rest_problem(call, 403, NULL, "/id");
	} else if (hz_rest_subject_valid(call, body)) {
		int err = hz_consult_create(call->brain, id,
		                            json_string_value(json_object_get(body, "title")), &consult);
		if (!err)
			err = set_record(call, consult, body);
		if (err) {
			hz_rest_error(call, err);
		} else {
			char location[sizeof(HZ_API_PREFIX "/consults/") + HZ_ID_TEXT_BYTES];
			snprintf(location, sizeof(location), HZ_API_PREFIX "/consults/%s", id);
			hz_response_status(call->res, 201);
			hz_response_header(call->res, "Location", location);
			answer_consult(call, id);
		}
	}
	json_decref(body);
}

void hz_rest_consult_get(struct hz_rest_call *call)
{
	answer_consult(call, call->arg[0]);
}

void hz_rest_consult_patch(struct hz_rest_call *call)
{
	json_t *body = NULL;
	if (hz_problem_body(call->req, "consult.update", call->res, &body))
		return;
	const char *title = json_string_value(json_object_get(body, "title"));
	int err = 0;
	if (title && !hz_name_valid(title)) {
		hz_rest_problem(call, 422, "1 to 80 characters that can be seen", "/title");
		json_decref(body);
		return;
	}
	if (!hz_rest_subject_valid(call, body)) {
		json_decref(body);
		return;
	}
	err = set_record(call, call->consult, body);
	if (title && !err) {
		err = hz_consult_retitle(call->brain, call->consult, title);
		if (!err)
			hz_push_state(call->brain, call->consult);
	}
	if (!err && json_object_get(body, "status"))
		err = hz_consult_close(call->brain, call->consult);
	json_decref(body);
	if (err)
		hz_rest_error(call, err);
	else
		answer_consult(call, call->arg[0]);
}

void hz_rest_consult_delete(struct hz_rest_call *call)
{
	int err = hz_consult_close(call->brain, call->consult);
	if (err)
		hz_rest_error(call, err);
	else
		hz_response_status(call->res, 204);
}
