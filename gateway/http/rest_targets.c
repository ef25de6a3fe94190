// /consults/{id}/broadcast/targets: where a broadcast is sent on to.
#include <errno.h>
#include <stdio.h>

#include "gateway/base/secret.h"
#include "gateway/http/rest.h"
#include "gateway/session/broadcast/targets.h"
#include "signaling/protocol/problem.h"

// NULL: the response is a problem.
static struct hz_target *find(struct hz_rest_call *call)
{
	struct hz_target *target = call->consult ? hz_target_find(call->consult, call->arg[1]) : NULL;
	if (!target)
		hz_rest_error(call, -ENOENT);
	return target;
}

static bool available(struct hz_rest_call *call)
{
	const struct hz_brain *brain = call->brain;
	if (brain->hls && brain->targets && brain->targets->pipe.fd >= 0)
		return true;
	hz_rest_problem(call, 503, "broadcasts are sent nowhere (push.enabled, hls.enabled)", NULL);
	return false;
}

void hz_rest_targets_get(struct hz_rest_call *call)
{
	if (call->consult)
		hz_rest_list(call, hz_targets_json(call->brain, call->consult), NULL); // at most HZ_TARGETS
	else
		hz_rest_error(call, -ENOENT);
}

// The body, checked, on top of *wish. False: the response is a problem.
static void wipe_key(json_t *body)
{
	const json_t *key = json_object_get(body, "key");
	if (json_string_length(key))
		hz_wipe((char *)json_string_value(key), json_string_length(key));
}

static bool read_wish(struct hz_rest_call *call, const char *schema, struct hz_target *wish)
{
	struct hz_target_wrong wrong;
	json_t *body = NULL;
	if (hz_problem_body(call->req, schema, call->res, &body))
		return false;
	int err = hz_target_read(body, wish, &wrong);
	hz_theatre_wipe_url(body);
	wipe_key(body);
	json_decref(body);
	if (err)
		hz_rest_problem(call, 422, wrong.why, wrong.field);
	return !err;
}

static void put(struct hz_rest_call *call, struct hz_target *wish, const char *schema)
{
	struct hz_target *target = NULL;
	char location[256];
	bool fresh = !wish->number;
	if (!read_wish(call, schema, wish))
		return;
	int err = call->consult ? hz_target_put(call->brain, call->consult, wish, call->claims.sub, &target)
	                        : -ENOENT;
	if (err == -ENOSPC) {
		hz_rest_problem(call, 409, "a broadcast is sent to four places at most", NULL);
	} else if (err == -ENOKEY || err == -EKEYREJECTED) {
		hz_rest_problem(call, 409,
		                "the key that keys are sealed with (record.master_key) is not there", "/key");
	} else if (err) {
		hz_rest_error(call, err);
	} else {
		snprintf(location, sizeof(location), HZ_API_PREFIX "/consults/%s/broadcast/targets/%08x",
		         call->arg[0], target->number);
		if (fresh) {
			hz_response_status(call->res, 201);
			hz_response_header(call->res, "Location", location);
		}
		hz_json_answer(call->res, hz_target_json(call->brain, call->consult, target));
	}
}

void hz_rest_targets_post(struct hz_rest_call *call)
{
	struct hz_target wish = {.enabled = true};
	if (!available(call))
		return;
	put(call, &wish, "target.create");
	hz_wipe(&wish, sizeof(wish));
}

void hz_rest_target_patch(struct hz_rest_call *call)
{
	const struct hz_target *target = find(call);
	struct hz_target wish;
	if (!target)
		return;
	wish = *target;
	put(call, &wish, "target.update");
	hz_wipe(&wish, sizeof(wish));
}

void hz_rest_target_delete(struct hz_rest_call *call)
{
	struct hz_target *target = find(call);
	if (!target)
		return;
	int err = hz_target_remove(call->brain, call->consult, target, call->claims.sub);
	if (err)
		hz_rest_error(call, err);
	else
		hz_response_status(call->res, 204);
}
