// /consults/{id}/sources: theatre sources.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "gateway/http/rest.h"
#include "gateway/session/theatre.h"
#include "signaling/protocol/problem.h"

#define PICTURE_MS                                                                                           \
	120000 // so old it is: a source that is gone shows nothing; a camera may have one keyframe a minute

// NULL: the response is a problem.
static struct hz_theatre_source *find(struct hz_rest_call *call)
{
	struct hz_theatre_source *s = hz_theatre_find(call->brain, call->arg[0], call->arg[1]);
	if (!s)
		hz_rest_error(call, -ENOENT);
	return s;
}

static bool available(struct hz_rest_call *call)
{
	if (call->brain->theatre && call->brain->theatre->pipe.fd >= 0)
		return true;
	hz_rest_problem(call, 503, "theatre sources are switched off (ingest.enabled)", NULL);
	return false;
}

void hz_rest_sources_get(struct hz_rest_call *call)
{
	json_t *items = json_array();
	const struct hz_theatre *t = call->brain->theatre;
	for (const struct hz_theatre_source *s = t ? t->sources : NULL; s; s = s->next)
		if (strcmp(s->consult, call->arg[0]) == 0)
			json_array_append_new(items, hz_theatre_json(call->brain, s));
	hz_rest_list(call, items, NULL); // at most HZ_THEATRE_PER_CONSULT
}

void hz_rest_source_get(struct hz_rest_call *call)
{
	const struct hz_theatre_source *s = find(call);
	if (s)
		hz_json_answer(call->res, hz_theatre_json(call->brain, s));
}

static void refused(struct hz_rest_call *call, int err)
{
	if (err == -EADDRINUSE)
		hz_rest_problem(call, 409, "another source listens at this port", "/url");
	else if (err == -ENOKEY || err == -EKEYREJECTED)
		hz_rest_problem(call, 409,
		                "the key for addresses (record.master_key) is not the one it was sealed "
		                "with: say the address again",
		                "/url");
	else
		hz_rest_error(call, err);
}

// The body, checked, on top of *wish. False: the response is a problem.
static bool read_wish(struct hz_rest_call *call, const char *schema, struct hz_theatre_source *wish)
{
	const char *field = NULL, *why = NULL;
	json_t *body = NULL;
	if (hz_problem_body(call->req, schema, call->res, &body))
		return false;
	int err = hz_theatre_parse(body, wish, &field, &why);
	bool file = json_object_get(body, "url") && strncmp(wish->url, "file:", 5) == 0;
	hz_theatre_wipe_url(body);
	json_decref(body);
	if (!err && file && !call->brain->theatre->folder[0]) {
		err = -EINVAL;
		field = "/url";
		why = "files are read from ingest.folder, and none is configured";
	}
	if (err)
		hz_rest_problem(call, 422, why, field);
	return !err;
}

void hz_rest_sources_post(struct hz_rest_call *call)
{
	struct hz_theatre_source wish = {.kind = HZ_SOURCE_CAMERA, .enabled = true}, *s = NULL;
	char location[256];
	if (!available(call) || !read_wish(call, "source.create", &wish))
		return;
	int err = hz_theatre_add(call->brain, call->consult, &wish, &s);
	hz_wipe(&wish, sizeof(wish));
	if (err == -ENOSPC) {
		hz_rest_problem(call, 409, "16 sources in a consult and 64 in all is the limit", NULL);
	} else if (err) {
		refused(call, err);
	} else {
		snprintf(location, sizeof(location), HZ_API_PREFIX "/consults/%s/sources/%s", s->consult,
		         s->id);
		hz_response_status(call->res, 201);
		hz_response_header(call->res, "Location", location);
		hz_json_answer(call->res, hz_theatre_json(call->brain, s));
	}
}

void hz_rest_source_patch(struct hz_rest_call *call)
{
	struct hz_theatre_source *s = find(call), wish;
	if (!s)
		return;
	wish = *s;
	if (read_wish(call, "source.update", &wish)) {
		int err = hz_theatre_change(call->brain, s, &wish);
		if (err)
			refused(call, err);
		else
			hz_json_answer(call->res, hz_theatre_json(call->brain, s));
	}
	hz_wipe(&wish, sizeof(wish));
}

void hz_rest_source_delete(struct hz_rest_call *call)
{
	struct hz_theatre_source *s = find(call);
	if (!s)
		return;
	int err = hz_theatre_remove(call->brain, s);
	if (err)
		hz_rest_error(call, err);
	else
		hz_response_status(call->res, 204);
}

void hz_rest_source_thumbnail(struct hz_rest_call *call)
{
	const struct hz_theatre_source *s = find(call);
	if (!s)
		return;
	if (!s->picture || !s->enabled || hz_theatre_withheld(call->brain, s) ||
	    call->brain->wall_ms - s->picture_ms > PICTURE_MS) {
		hz_rest_error(call, -ENOENT);
		return;
	}
	void *copy = malloc(s->picture_bytes); // the next one may come while this one is sent
	if (!copy) {
		hz_rest_error(call, -EBUSY);
		return;
	}
	memcpy(copy, s->picture, s->picture_bytes);
	hz_response_take(call->res, "image/jpeg", copy, s->picture_bytes);
}
