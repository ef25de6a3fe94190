// /consults/{id}/layout: how the composed picture is laid out.
#include <errno.h>

#include "gateway/http/rest.h"
#include "gateway/session/composed/layout.h"
#include "signaling/protocol/problem.h"

void hz_rest_layout_get(struct hz_rest_call *call)
{
	if (call->consult)
		hz_json_answer(call->res, hz_layout_json(&call->consult->layout));
	else
		hz_rest_error(call, -ENOENT);
}

void hz_rest_layout_put(struct hz_rest_call *call)
{
	json_t *body = NULL;
	struct hz_layout wish;
	if (hz_problem_body(call->req, "layout.put", call->res, &body))
		return;
	int err = hz_layout_parse(body, &wish);
	json_decref(body);
	if (err) {
		hz_rest_problem(call, 422, "a participant's id, or null", "/focus");
		return;
	}
	err = call->consult ? hz_layout_put(call->brain, call->consult, &wish, call->claims.sub) : -ENOENT;
	if (err)
		hz_rest_error(call, err);
	else
		hz_rest_layout_get(call);
}
