// /consults/{id}/broadcast/masks: what is painted over of a source; /profiles: the same for kinds of devices.
#include <errno.h>

#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/broadcast/profiles.h"
#include "gateway/http/rest.h"
#include "signaling/auth/names.h"
#include "signaling/protocol/problem.h"

static void refused(struct hz_rest_call *call, int err, const char *field)
{
	if (err == -EINVAL && field)
		hz_rest_problem(call, 422,
		                "a region is x, y, w, h: parts of the picture from 0 to 1, and inside of it",
		                field);
	else if (err == -ENOSPC && field)
		hz_rest_problem(call, 422,
		                "16 regions of a source are the limit, those of its profile among them",
		                field);
	else if (err == -ENOENT && field)
		hz_rest_problem(call, 422, "there is no such profile", field);
	else
		hz_rest_error(call, err);
}

void hz_rest_masks_put(struct hz_rest_call *call)
{
	json_t *body = NULL;
	struct hz_masks wish;
	const char *field = NULL;
	if (hz_problem_body(call->req, "broadcast.masks", call->res, &body))
		return;
	int err = hz_masks_parse(call->brain, body, &wish, &field);
	json_decref(body);
	if (err) {
		refused(call, err, field);
		return;
	}
	err = call->consult ? hz_masks_set(call->brain, call->consult, &wish, call->claims.sub) : -ENOENT;
	json_t *json = err ? NULL : hz_broadcast_json(call->brain, call->consult);
	if (json)
		hz_json_answer(call->res, json);
	else if (err == -ENOSPC)
		hz_rest_problem(call, 409, "masks of 16 sources in a broadcast are the limit", NULL);
	else
		hz_rest_error(call, err ? err : -ENOMEM);
}

void hz_rest_profiles_get(struct hz_rest_call *call)
{
	json_t *list = hz_profiles_json(call->brain);
	if (list)
		hz_rest_list(call, list, NULL); // at most HZ_STORE_PROFILES
	else
		hz_rest_error(call, -EBUSY);
}

// It reaches all consults.
static bool of_all(struct hz_rest_call *call)
{
	if (call->claims.consult[0])
		hz_rest_problem(call, 403, "not with a token of one consult", NULL);
	return !call->claims.consult[0];
}

void hz_rest_profile_put(struct hz_rest_call *call)
{
	json_t *body = NULL;
	const char *field = NULL;
	if (!of_all(call))
		return;
	if (!hz_id_valid(call->arg[0])) {
		hz_rest_problem(call, 422, "1 to 64 of [A-Za-z0-9._-]", "/id");
		return;
	}
	if (hz_problem_body(call->req, "profile.put", call->res, &body))
		return;
	int err = hz_profile_put(call->brain, call->arg[0], body, call->claims.sub, &field);
	if (!err && json_object_set_new(body, "id", json_string(call->arg[0])) == 0)
		hz_json_answer(call->res, json_incref(body));
	else
		refused(call, err ? err : -ENOMEM, field);
	json_decref(body);
}

void hz_rest_profile_delete(struct hz_rest_call *call)
{
	if (!of_all(call))
		return;
	int err = hz_profile_remove(call->brain, call->arg[0], call->claims.sub);
	if (err)
		hz_rest_error(call, err);
	else
		hz_response_status(call->res, 204);
}
