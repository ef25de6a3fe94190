// Requests to handlers, without a server.
#ifndef HZ_TESTS_UNIT_SESSION_WEB_H
#define HZ_TESTS_UNIT_SESSION_WEB_H

#include "gateway/http/rest.h"
#include "gateway/http/whip_ops.h"
#include "tests/unit/session/offers.h"

struct web {
	int status;
	json_t *json; // NULL: no body, or not JSON
	char body[262144];
	char location[300], cookie[300], etag[80], allow[100], range[64], type[64], cache[64],
	    disposition[300];
	bool replayed;
	size_t bytes; // of the body
};

struct web_ask {
	enum hz_http_method method;
	const char *path, *query, *token, *body, *type;
	const char *cookie, *key, *if_match, *if_none_match, *host, *range;
	size_t body_bytes; // 0: a text
	bool tls;
};

static inline void web_copy(char *to, size_t bytes, const char *from)
{
	snprintf(to, bytes, "%s", from ? from : "");
}

static inline void web_fill(struct web *web, const struct hz_response *res)
{
	size_t bytes = 0;
	const char *body = hz_response_body(res, &bytes);
	json_decref(web->json);
	memset(web, 0, sizeof(*web));
	web->status = hz_response_get_status(res);
	uint64_t offset = 0, from_file = 0;
	int fd = hz_response_fd(res, &offset, &from_file);
	assert_true(bytes < sizeof(web->body));
	if (fd >= 0)
		assert_int_equal(pread(fd, web->body, bytes, (off_t)offset), bytes);
	else
		memcpy(web->body, body ? body : "", bytes);
	web->bytes = bytes;
	web_copy(web->range, sizeof(web->range), hz_response_get_header(res, "Content-Range"));
	web_copy(web->cache, sizeof(web->cache), hz_response_get_header(res, "Cache-Control"));
	web_copy(web->disposition, sizeof(web->disposition),
	         hz_response_get_header(res, "Content-Disposition"));
	web_copy(web->type, sizeof(web->type), hz_response_type(res));
	web->json = json_loadb(web->body, bytes, 0, NULL);
	web_copy(web->location, sizeof(web->location), hz_response_get_header(res, "Location"));
	web_copy(web->cookie, sizeof(web->cookie), hz_response_get_header(res, "Set-Cookie"));
	web_copy(web->etag, sizeof(web->etag), hz_response_get_header(res, "ETag"));
	web_copy(web->allow, sizeof(web->allow), hz_response_get_header(res, "Allow"));
	web->replayed = hz_response_get_header(res, "Idempotency-Replayed") != NULL;
}

// One after the other: the answer before is gone.
static inline struct web *web_ask(struct rig *rig, struct web_ask ask)
{
	static struct web web;
	static char bearer[5000];
	struct hz_rest rest = {.brain = rig->brain};
	struct hz_whip_door door = {.brain = rig->brain};
	struct hz_request req = {
	    .method = ask.method,
	    .path = ask.path,
	    .query = ask.query ? ask.query : "",
	    .body = ask.body ? ask.body : "",
	    .body_bytes = ask.body_bytes ? ask.body_bytes
	                  : ask.body     ? strlen(ask.body)
	                                 : 0,
	    .is_tls = ask.tls,
	};
	struct hz_response *res = hz_response_new();
	if (ask.token) {
		snprintf(bearer, sizeof(bearer), "Bearer %s", ask.token);
		req.header[HZ_H_AUTHORIZATION] = bearer;
	}
	req.header[HZ_H_CONTENT_TYPE] = ask.type ? ask.type : "application/json";
	req.header[HZ_H_COOKIE] = ask.cookie;
	req.header[HZ_H_IDEMPOTENCY_KEY] = ask.key;
	req.header[HZ_H_IF_MATCH] = ask.if_match;
	req.header[HZ_H_IF_NONE_MATCH] = ask.if_none_match;
	req.header[HZ_H_RANGE] = ask.range;
	strcpy(req.address, "192.0.2.77");
	req.header[HZ_H_HOST] = ask.host ? ask.host : "gateway.example:8443";
	hz_brain_clock(rig->brain, rig->now_us, rig->wall_us);
	if (!hz_rest_handle(&rest, &req, res))
		assert_true(hz_whip_handle(&hz_whip_brain_ops, &door, &req, res));
	rig_turn(rig);
	web_fill(&web, res);
	hz_response_free(res);
	return &web;
}

static inline const char *web_field(const struct web *web)
{
	return rig_text(web->json, "field");
}

// A check of a body against ("rest", name).
static inline void web_schema(const struct web *web, const char *name)
{
	char field[HZ_FIELD_BYTES] = "";
	const json_t *schema = hz_schema_find("rest", name);
	assert_non_null(schema);
	if (!web->json || hz_schema_check(schema, web->json, field))
		fail_msg("%s does not hold to %s at %s", web->body, name, field);
}

#endif
