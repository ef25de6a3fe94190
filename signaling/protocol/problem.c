#include "signaling/protocol/problem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/server/response.h"

char *hz_problem_text(int status, const char *detail, const char *field)
{
	json_t *problem =
	    json_pack("{s:s, s:s, s:i, s:s*, s:s*}", "type", "about:blank", "title", hz_status_phrase(status),
	              "status", status, "detail", detail, "field", field);
	char *text = problem ? json_dumps(problem, JSON_COMPACT) : NULL;
	json_decref(problem);
	return text;
}

void hz_problem_answer(struct hz_response *res, int status, const char *detail, const char *field)
{
	char *text = hz_problem_text(status, detail, field);
	if (hz_response_take(res, HZ_PROBLEM_TYPE, text, text ? strlen(text) : 0) == 0)
		hz_response_status(res, status);
}

int hz_problem_body(const struct hz_request *req, const char *name, struct hz_response *res, json_t **ret)
{
	char field[HZ_FIELD_BYTES];
	json_t *value = NULL;
	if (!hz_request_content_is(req, "application/json")) {
		hz_problem_answer(res, 415, "the body must be application/json", "Content-Type");
		return -EBADMSG;
	}
	if (hz_json_parse(req->body, req->body_bytes, &value) < 0) {
		hz_problem_answer(res, 400, "the body is not strict JSON", NULL);
		return -EBADMSG;
	}
	if (hz_schema_check(hz_schema_find("rest", name), value, field) < 0) {
		json_decref(value);
		hz_problem_answer(res, 422, "a member is missing, unknown or not what it must be", field);
		return -EBADMSG;
	}
	*ret = value;
	return 0;
}

void hz_json_answer(struct hz_response *res, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
	json_decref(value);
	hz_response_take(res, "application/json", text, text ? strlen(text) : 0);
}
