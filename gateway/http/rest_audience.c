// /consults/{id}/broadcast/feed, /messages, /poster: viewers read and write here; a table of what was said for directors
// and auditors.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/session/broadcast/audience.h"
#include "gateway/session/consult.h"
#include "gateway/http/rest.h"
#include "gateway/store/audience.h"
#include "signaling/protocol/problem.h"

// Who must be admitted first sees and says nothing yet.
static bool viewer(struct hz_rest_call *call)
{
	if (call->claims.needs_admission)
		hz_rest_problem(call, 403, NULL, NULL);
	else if (!call->consult)
		hz_rest_error(call, -ENOENT);
	return !call->claims.needs_admission && call->consult;
}

void hz_rest_audience_feed(struct hz_rest_call *call)
{
	char cursor[HZ_ID_TEXT_BYTES] = "", etag[80], wait[4], leg[8];
	if (!viewer(call))
		return;
	int err = hz_request_query(call->req, "cursor", cursor, sizeof(cursor));
	if (err && err != -ENOENT) {
		hz_rest_problem(call, 400, "not a cursor that was given out", "cursor");
		return;
	}
	if (hz_request_query(call->req, "leg", leg, sizeof(leg)) == 0)
		hz_audience_watches(call->brain, call->consult, call->claims.sub, strcmp(leg, "files") == 0);
	hz_audience_etag(call->consult, etag, sizeof(etag));
	const char *known = call->req->header[HZ_H_IF_NONE_MATCH];
	bool same = known && hz_etag_listed(known, etag);
	if (same && hz_request_query(call->req, "wait", wait, sizeof(wait)) == 0 && strcmp(wait, "1") == 0 &&
	    hz_audience_hold(call->brain, call->consult, call->res, cursor))
		return;
	hz_response_header(call->res, "ETag", etag);
	if (same) {
		hz_response_status(call->res, 304);
		return;
	}
	hz_json_answer(call->res, hz_audience_feed_json(call->brain, call->consult, cursor));
}

static void too_fast(struct hz_rest_call *call, unsigned wait_s, const char *detail)
{
	char text[16];
	snprintf(text, sizeof(text), "%u", wait_s);
	hz_response_header(call->res, "Retry-After", text);
	hz_rest_problem(call, 429, detail, NULL);
}

void hz_rest_audience_post(struct hz_rest_call *call)
{
	json_t *body = NULL;
	const struct hz_audience_message *m = NULL;
	unsigned wait_s = 0;
	if (!viewer(call) || hz_problem_body(call->req, "broadcast.message", call->res, &body))
		return;
	const char *name = json_string_value(json_object_get(body, "name"));
	struct hz_audience_post post = {.sender = call->claims.sub,
	                                .name = name ? name : "",
	                                .text = json_string_value(json_object_get(body, "text"))};
	(void)hz_audience_kind_parse(json_string_value(json_object_get(body, "kind")), &post.kind);
	int err = hz_audience_say(call->brain, call->consult, &post, &wait_s, &m);
	json_decref(body);
	if (err == -EPERM) {
		hz_rest_problem(call, 409, "the broadcast takes none now", "/kind");
	} else if (err == -EINVAL) {
		hz_rest_problem(call, 422, "something that can be read", "/text");
	} else if (err == -EAGAIN) {
		too_fast(call, wait_s, "too fast");
	} else if (err == -EDQUOT) {
		too_fast(call, 30, "what you said before waits to be looked at");
	} else if (err) {
		hz_rest_error(call, err);
	} else {
		char id[24];
		snprintf(id, sizeof(id), "%lld", (long long)m->id);
		hz_response_status(call->res, 201);
		hz_json_answer(call->res,
		               json_pack("{s:s, s:s}", "id", id, "state", hz_audience_state_name(m->state)));
	}
}

// --- the table

static bool on_row(void *arg, const struct hz_audience_message_row *row)
{
	struct hz_rest_rows *rows = arg;
	const char *id = hz_rest_rows_next(rows, row->seq);
	if (!id)
		return false;
	json_array_append_new(rows->items,
	                      json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "id", id,
	                                "kind", hz_audience_kind_name(row->kind), "state",
	                                hz_audience_state_name(row->state), "time_ms",
	                                (json_int_t)row->time_ms, "sender", row->sender, "name", row->name,
	                                "text", row->text, "answer", row->answer, "by", row->by, "role",
	                                row->role, "decided_ms", (json_int_t)row->decided_ms));
	return true;
}

void hz_rest_audience_messages(struct hz_rest_call *call)
{
	static const char *const columns[] = {"id",   "time_ms", "kind", "state", "sender",     "name",
	                                      "text", "answer",  "by",   "role",  "decided_ms", NULL};
	struct hz_rest_rows rows;
	if (!hz_rest_rows_begin(call, &rows))
		return;
	int err = hz_store_audience_message_list(call->brain->store, call->arg[0], rows.after, rows.limit + 1,
	                                         on_row, &rows);
	hz_rest_rows_end(call, &rows, err, columns);
}

// Also of a closed consult: that is when nobody needs it any more.
void hz_rest_audience_delete(struct hz_rest_call *call)
{
	struct hz_consult *consult;
	int64_t messages = 0;
	if (call->claims.role != HZ_ROLE_ADMIN || !hz_rest_own(call, call->arg[0])) {
		hz_rest_problem(call, 403, NULL, NULL);
		return;
	}
	int err = hz_consult_get(call->brain, call->arg[0], &consult);
	if (!err || err == -ESTALE)
		err = hz_audience_erase(call->brain, call->arg[0], call->claims.sub, &messages);
	if (err == -EBUSY)
		hz_rest_problem(call, 409, "end the broadcast first", NULL);
	else if (err)
		hz_rest_error(call, err);
	else
		hz_json_answer(call->res, json_pack("{s:I}", "deleted", (json_int_t)messages));
}

// --- the poster

void hz_rest_audience_poster_put(struct hz_rest_call *call)
{
	if (!hz_request_content_is(call->req, "image/png") &&
	    !hz_request_content_is(call->req, "image/jpeg")) {
		hz_rest_problem(call, 415, "image/png or image/jpeg", "Content-Type");
		return;
	}
	int err = call->req->body_bytes ? hz_audience_poster(call->brain, call->consult, call->req->body,
	                                                     call->req->body_bytes, call->claims.sub)
	                                : -EINVAL;
	if (err == -EINVAL)
		hz_rest_problem(call, 422, "neither a PNG nor a JPEG", NULL);
	else if (err == -E2BIG)
		hz_rest_problem(call, 413, "at most 224 KiB", NULL);
	else if (err)
		hz_rest_error(call, err);
	else
		hz_response_status(call->res, 204);
}

void hz_rest_audience_poster_delete(struct hz_rest_call *call)
{
	int err = hz_audience_poster(call->brain, call->consult, NULL, 0, call->claims.sub);
	if (err)
		hz_rest_error(call, err);
	else
		hz_response_status(call->res, 204);
}

static void on_poster(void *arg, const char *type, const void *image, size_t bytes)
{
	struct hz_rest_call *call = arg;
	const char *known = strcmp(type, "image/png") == 0 ? "image/png" : "image/jpeg";
	hz_response_header(call->res, "Content-Security-Policy",
	                   "default-src 'none'; frame-ancestors 'none'; sandbox");
	hz_response_header(call->res, "Content-Disposition", "inline; filename=\"poster\"");
	hz_response_copy(call->res, known, image, bytes);
}

void hz_rest_audience_poster_get(struct hz_rest_call *call)
{
	if (!viewer(call))
		return;
	int err = hz_store_audience_poster_get(call->brain->store, call->arg[0], on_poster, call);
	if (err)
		hz_rest_error(call, err);
}
