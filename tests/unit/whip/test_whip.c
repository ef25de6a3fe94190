// The HTTP semantics of WHIP and WHEP (RFC 9725) with ops that remember what they were asked.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/whip/whip.h"

static struct {
	enum hz_whip_code authorise, act;
	unsigned published, subscribed, trickled, restarted, ended;
	char source[HZ_WHIP_NAME_BYTES];
} seen;

static enum hz_whip_code authorise(void *ctx, struct hz_whip_call *call)
{
	assert_string_equal(call->token, "good");
	return seen.authorise;
}

static enum hz_whip_code make(struct hz_whip_session *ret)
{
	strcpy(ret->resource, "res-1");
	strcpy(ret->etag, "e1");
	ret->sdp = strdup("v=0\r\n");
	ret->links[0] = strdup("<stun:stun.example.org>; rel=\"ice-server\"");
	return seen.act;
}

static enum hz_whip_code publish(void *ctx, struct hz_whip_call *call, const char *offer, size_t bytes,
                                 struct hz_whip_session *ret)
{
	seen.published++;
	return make(ret);
}

static enum hz_whip_code subscribe(void *ctx, struct hz_whip_call *call, const char *offer, size_t bytes,
                                   struct hz_whip_session *ret)
{
	seen.subscribed++;
	strcpy(seen.source, call->source);
	return make(ret);
}

static enum hz_whip_code describe(void *ctx, struct hz_whip_call *call, struct hz_whip_state *ret)
{
	if (strcmp(call->resource, "res-1") != 0)
		return HZ_WHIP_NOT_FOUND;
	strcpy(ret->etag, "e1");
	strcpy(ret->remote_ufrag, "abcd");
	strcpy(ret->remote_pwd, "abcdefghijklmnopqrstuvwx");
	return HZ_WHIP_OK;
}

static enum hz_whip_code trickle(void *ctx, struct hz_whip_call *call, const struct hz_sdp_frag *fragment)
{
	seen.trickled++;
	return HZ_WHIP_OK;
}

static enum hz_whip_code restart(void *ctx, struct hz_whip_call *call, const struct hz_sdp_frag *fragment,
                                 struct hz_whip_session *ret)
{
	seen.restarted++;
	strcpy(ret->ufrag, "new1");
	strcpy(ret->pwd, "newnewnewnewnewnewnewnew");
	strcpy(ret->etag, "e2");
	return seen.act;
}

static int later(void *ctx, const char *resource, struct hz_response *res, const char *type, char *sdp)
{
	(void)ctx;
	(void)resource;
	(void)res;
	(void)type;
	free(sdp);
	return -ENOENT;
}

static enum hz_whip_code end(void *ctx, struct hz_whip_call *call)
{
	seen.ended++;
	return seen.act;
}

static const struct hz_whip_ops ops = {authorise, publish, subscribe, describe, trickle, restart, later, end};

struct ask {
	enum hz_http_method method;
	const char *path, *type, *match, *authorization, *body, *accept;
};

static int ask(struct ask a, struct hz_response **ret)
{
	struct hz_request req = {
	    .method = a.method, .path = a.path, .query = "", .body = a.body ? a.body : ""};
	req.body_bytes = strlen(req.body);
	req.header[HZ_H_CONTENT_TYPE] = a.type;
	req.header[HZ_H_IF_MATCH] = a.match;
	req.header[HZ_H_ACCEPT] = a.accept;
	req.header[HZ_H_AUTHORIZATION] = a.authorization;
	struct hz_response *res = hz_response_new();
	assert_true(hz_whip_handle(&ops, NULL, &req, res));
	int status = hz_response_get_status(res);
	if (ret)
		*ret = res;
	else
		hz_response_free(res);
	return status;
}

#define SDP    "application/sdp"
#define FRAG   "application/trickle-ice-sdpfrag"
#define BEARER "Bearer good"
#define SAME   "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
#define OTHER  "a=ice-ufrag:efgh\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"

static int fresh(void **state)
{
	memset(&seen, 0, sizeof(seen));
	return 0;
}

static void test_created(void **state)
{
	struct hz_response *res;
	assert_int_equal(ask((struct ask){HZ_POST, "/whip/c1", SDP, NULL, BEARER, "v=0", NULL}, &res), 201);
	assert_string_equal(hz_response_get_header(res, "Location"), "/whip/c1/r/res-1");
	assert_string_equal(hz_response_get_header(res, "ETag"), "\"e1\"");
	assert_non_null(hz_response_get_header(res, "Link"));
	assert_string_equal(hz_response_get_header(res, "Access-Control-Allow-Origin"), "*");
	assert_string_equal(hz_response_type(res), SDP);
	hz_response_free(res);
	assert_int_equal(ask((struct ask){HZ_POST, "/whep/c1/dr.li", SDP, NULL, BEARER, "v=0", NULL}, &res),
	                 201);
	assert_string_equal(hz_response_get_header(res, "Location"), "/whep/c1/r/res-1");
	assert_string_equal(seen.source, "dr.li");
	hz_response_free(res);
	assert_int_equal(seen.published, 1);
	assert_int_equal(seen.subscribed, 1);
}

static void test_refused_before_the_ops(void **state)
{
	static const struct {
		struct ask ask;
		int status;
	} cases[] = {
	    {{HZ_POST, "/whip/c1", SDP, NULL, NULL, "v=0", NULL}, 401},
	    {{HZ_POST, "/whip/c1", SDP, NULL, "Basic x", "v=0", NULL}, 401},
	    {{HZ_POST, "/whip/c1", "text/plain", NULL, BEARER, "v=0", NULL}, 415},
	    {{HZ_POST, "/whip/c1", NULL, NULL, BEARER, "v=0", NULL}, 415},
	    {{HZ_POST, "/whip/c1", SDP, NULL, BEARER, "v=0", "text/html"}, 406},
	    {{HZ_GET, "/whip/c1", NULL, NULL, BEARER, NULL, NULL}, 405},
	    {{HZ_PUT, "/whip/c1", SDP, NULL, BEARER, "v=0", NULL}, 405},
	    {{HZ_PATCH, "/whip/c1", FRAG, "\"e1\"", BEARER, SAME, NULL}, 405},
	    {{HZ_POST, "/whip/c1/r/res-1", SDP, NULL, BEARER, "v=0", NULL}, 405},
	    {{HZ_POST, "/whip/", SDP, NULL, BEARER, "v=0", NULL}, 404},
	    {{HZ_POST, "/whip/a b", SDP, NULL, BEARER, "v=0", NULL}, 404},
	    {{HZ_POST, "/whip/c1/extra", SDP, NULL, BEARER, "v=0", NULL}, 404},
	    {{HZ_POST, "/whep/c1", SDP, NULL, BEARER, "v=0", NULL}, 404},
	    {{HZ_POST, "/whep/c1/a/b", SDP, NULL, BEARER, "v=0", NULL}, 404},
	    {{HZ_DELETE, "/whip/c1/r/", NULL, NULL, BEARER, NULL, NULL}, 404},
	    {{HZ_DELETE, "/whip/c1/r/a/b", NULL, NULL, BEARER, NULL, NULL}, 404},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (ask(cases[i].ask, NULL) != cases[i].status)
			fail_msg("case %zu: %d", i, ask(cases[i].ask, NULL));
	assert_int_equal(seen.published + seen.subscribed + seen.ended, 0);
}

static void test_op_codes(void **state)
{
	static const struct {
		enum hz_whip_code code;
		int status;
	} cases[] = {{HZ_WHIP_UNAUTHORISED, 401}, {HZ_WHIP_FORBIDDEN, 403}, {HZ_WHIP_NOT_FOUND, 404},
	             {HZ_WHIP_CONFLICT, 409},     {HZ_WHIP_BAD_SDP, 422},   {HZ_WHIP_BUSY, 503},
	             {HZ_WHIP_FAILED, 500}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hz_response *res;
		seen.authorise = HZ_WHIP_OK;
		seen.act = cases[i].code;
		assert_int_equal(ask((struct ask){HZ_POST, "/whip/c1", SDP, NULL, BEARER, "v=0", NULL}, &res),
		                 cases[i].status);
		assert_string_equal(hz_response_type(res), "application/problem+json");
		if (cases[i].status == 503)
			assert_non_null(hz_response_get_header(res, "Retry-After"));
		if (cases[i].status == 401)
			assert_string_equal(hz_response_get_header(res, "WWW-Authenticate"), "Bearer");
		hz_response_free(res);
		seen.authorise = cases[i].code;
		seen.ended = 0;
		assert_int_equal(
		    ask((struct ask){HZ_DELETE, "/whip/c1/r/res-1", NULL, NULL, BEARER, NULL, NULL}, NULL),
		    cases[i].status);
		assert_int_equal(seen.ended, 0);
	}
}

static void test_patch(void **state)
{
	struct hz_response *res;
	assert_int_equal(
	    ask((struct ask){HZ_PATCH, "/whip/c1/r/res-1", FRAG, "\"e1\"", BEARER, SAME, NULL}, NULL), 204);
	assert_int_equal(
	    ask((struct ask){HZ_PATCH, "/whip/c1/r/res-1", FRAG, NULL, BEARER, SAME, NULL}, NULL), 428);
	assert_int_equal(
	    ask((struct ask){HZ_PATCH, "/whip/c1/r/res-1", FRAG, "\"e0\"", BEARER, SAME, NULL}, NULL), 412);
	assert_int_equal(ask((struct ask){HZ_PATCH, "/whip/c1/r/res-1", FRAG, "*", BEARER, SAME, NULL}, NULL),
	                 412);
	assert_int_equal(
	    ask((struct ask){HZ_PATCH, "/whip/c1/r/res-1", FRAG, "\"e0\"", BEARER, OTHER, NULL}, NULL), 412);
	assert_int_equal(
	    ask((struct ask){HZ_PATCH, "/whip/c1/r/res-1", SDP, "\"e1\"", BEARER, SAME, NULL}, NULL), 415);
	assert_int_equal(
	    ask((struct ask){HZ_PATCH, "/whip/c1/r/res-1", FRAG, "\"e1\"", BEARER, "garbage", NULL}, NULL),
	    400);
	assert_int_equal(
	    ask((struct ask){HZ_PATCH, "/whip/c1/r/res-2", FRAG, "\"e1\"", BEARER, SAME, NULL}, NULL), 404);
	assert_int_equal(seen.trickled, 1);
	assert_int_equal(seen.restarted, 0);
	assert_int_equal(
	    ask((struct ask){HZ_PATCH, "/whip/c1/r/res-1", FRAG, "*", BEARER, OTHER, NULL}, &res), 200);
	assert_string_equal(hz_response_get_header(res, "ETag"), "\"e2\"");
	assert_string_equal(hz_response_type(res), FRAG);
	hz_response_free(res);
	assert_int_equal(seen.restarted, 1);
}

static void test_delete_and_options(void **state)
{
	struct hz_response *res;
	assert_int_equal(
	    ask((struct ask){HZ_DELETE, "/whep/c1/r/res-1", NULL, NULL, BEARER, NULL, NULL}, NULL), 200);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(ask((struct ask){HZ_OPTIONS, "/whip/c1", NULL, NULL, NULL, NULL, NULL}, &res), 204);
	assert_string_equal(hz_response_get_header(res, "Accept-Post"), SDP);
	hz_response_free(res);
	struct hz_request other = {.method = HZ_GET, .path = "/whipped", .query = ""};
	res = hz_response_new();
	assert_false(hz_whip_handle(&ops, NULL, &other, res));
	hz_response_free(res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_created, fresh),
	    cmocka_unit_test_setup(test_refused_before_the_ops, fresh),
	    cmocka_unit_test_setup(test_op_codes, fresh),
	    cmocka_unit_test_setup(test_patch, fresh),
	    cmocka_unit_test_setup(test_delete_and_options, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
