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
	if (!problem)
		return NULL;
	char *text = json_dumps(problem, JSON_COMPACT);
	json_decref(problem);
	return text;
}

void hz_problem_answer(struct hz_response *res, int status, const char *detail, const char *field)
{
	char *text = hz_problem_text(status, detail, field);
	hz_response_status(res, text ? status : 500);
	if (text)
		hz_response_take(res, HZ_PROBLEM_TYPE, text, strlen(text));
}

int hz_problem_body(const struct hz_request *req, const char *name, struct hz_response *res, json_t **ret)
{
	char field[HZ_FIELD_BYTES];
	json_t *body = NULL;
	if (!hz_request_content_is(req, "application/json")) {
		hz_problem_answer(res, 415, "send application/json", "Content-Type");
		return -EBADMSG;
	}
	if (hz_json_parse(req->body ? req->body : "", req->body_bytes, &body) != 0) {
		hz_problem_answer(res, 400, "the body is not JSON", NULL);
		return -EBADMSG;
	}
	const json_t *schema = hz_schema_find("rest", name);
	if (!schema || hz_schema_check(schema, body, field) != 0) {
		hz_problem_answer(res, schema ? 422 : 500, "a field is missing, unknown or out of bounds",
		                  schema ? field : NULL);
		json_decref(body);
		return -EBADMSG;
	}
	*ret = body;
	return 0;
}

void hz_json_answer(struct hz_response *res, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(value);
	if (text)
		hz_response_take(res, "application/json", text, strlen(text));
	else
		hz_response_status(res, 500);
}
