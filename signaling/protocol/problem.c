#include "signaling/protocol/problem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *phrase(int status)
{
	static const struct {
		int status;
		const char *text;
	} phrases[] = {
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {406, "Not Acceptable"},
	    {409, "Conflict"},
	    {410, "Gone"},
	    {412, "Precondition Failed"},
	    {413, "Content Too Large"},
	    {415, "Unsupported Media Type"},
	    {422, "Unprocessable Content"},
	    {428, "Precondition Required"},
	    {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {500, "Internal Server Error"},
	    {503, "Service Unavailable"},
	};
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].text;
	return "Error";
}

char *hz_problem_text(int status, const char *detail, const char *field)
{
	json_t *problem = json_pack("{s:s, s:s, s:i, s:s*, s:s*}", "type", "about:blank", "title",
	                            phrase(status), "status", status, "detail", detail, "field", field);
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
