#include "signaling/whip/whip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "signaling/protocol/problem.h"

#define SDP_TYPE      "application/sdp"
#define FRAGMENT_TYPE "application/trickle-ice-sdpfrag"

struct exchange {
	const struct hz_whip_ops *ops;
	void *ctx;
	const struct hz_request *req;
	struct hz_response *res;
	struct hz_whip_call call;
};

// --- the path

static bool take_name(const char **at, char ret[HZ_WHIP_NAME_BYTES])
{
	size_t n = strcspn(*at, "/");
	if (n < 1 || n >= HZ_WHIP_NAME_BYTES || (*at)[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = (*at)[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    c != '.' && c != '_' && c != '-')
			return false;
	}
	memcpy(ret, *at, n);
	ret[n] = '\0';
	*at += n;
	return true;
}

// /whip/C   /whep/C/S   /whip/C/r/R   /whep/C/r/R
static bool parse_path(const char *path, struct hz_whip_call *call)
{
	const char *at = path + strlen("/whip/");
	char word[HZ_WHIP_NAME_BYTES];
	call->whep = path[3] == 'e';
	if (!take_name(&at, call->consult))
		return false;
	if (!*at)
		return !call->whep;
	at++;
	if (!take_name(&at, word))
		return false;
	if (!*at) {
		memcpy(call->source, word, sizeof(call->source));
		return call->whep;
	}
	at++;
	return !strcmp(word, "r") && take_name(&at, call->resource) && !*at;
}

// --- answers

static void cors(struct hz_response *res)
{
	hz_response_header(res, "Access-Control-Allow-Origin", "*");
	hz_response_header(res, "Access-Control-Expose-Headers",
	                   "Location, ETag, Link, Accept-Patch, Accept-Post, Retry-After, WWW-Authenticate");
}

static void problem(struct exchange *x, int status, const char *detail, const char *field)
{
	hz_problem_answer(x->res, status, detail, field);
}

static const char *allowed(const struct hz_whip_call *call)
{
	return call->resource[0] ? "PATCH, DELETE, OPTIONS" : "POST, OPTIONS";
}

static void answer_code(struct exchange *x, enum hz_whip_code code, const struct hz_whip_session *session)
{
	char text[16];
	switch (code) {
	case HZ_WHIP_UNAUTHORISED:
		hz_response_header(x->res, "WWW-Authenticate",
		                   x->call.token[0] ? "Bearer error=\"invalid_token\"" : "Bearer");
		problem(x, 401, NULL, NULL);
		break;
	case HZ_WHIP_FORBIDDEN:
		problem(x, 403, NULL, NULL);
		break;
	case HZ_WHIP_NOT_FOUND:
		problem(x, 404, NULL, NULL);
		break;
	case HZ_WHIP_CONFLICT:
		problem(x, 409, "there is such a session already, or it cannot be watched now", NULL);
		break;
	case HZ_WHIP_BAD_SDP:
		problem(x, 422, session && session->reason[0] ? session->reason : "this SDP cannot be used",
		        NULL);
		break;
	case HZ_WHIP_BUSY:
		snprintf(text, sizeof(text), "%u",
		         session && session->retry_after_s ? session->retry_after_s : 5);
		hz_response_header(x->res, "Retry-After", text);
		problem(x, 503, "a limit is reached, or the gateway is closing", NULL);
		break;
	default:
		problem(x, 500, NULL, NULL);
	}
}

static void free_session(struct hz_whip_session *session)
{
	for (int i = 0; i < HZ_WHIP_LINKS; i++) {
		if (session->links[i])
			hz_wipe(session->links[i], strlen(session->links[i])); // TURN credentials
		free(session->links[i]);
	}
	free(session->sdp);
	hz_wipe(session->pwd, sizeof(session->pwd));
}

static void put_etag(struct exchange *x, const char *etag)
{
	char quoted[HZ_WHIP_ETAG_BYTES + 2];
	snprintf(quoted, sizeof(quoted), "\"%s\"", etag);
	hz_response_header(x->res, "ETag", quoted);
}

static void answer_created(struct exchange *x, struct hz_whip_session *session)
{
	char location[2 * HZ_WHIP_NAME_BYTES + 16];
	snprintf(location, sizeof(location), "/%s/%s/r/%s", x->call.whep ? "whep" : "whip", x->call.consult,
	         session->resource);
	hz_response_header(x->res, "Location", location);
	hz_response_header(x->res, "Accept-Patch", FRAGMENT_TYPE);
	put_etag(x, session->etag);
	for (int i = 0; i < HZ_WHIP_LINKS && session->links[i]; i++)
		hz_response_header(x->res, "Link", session->links[i]);
	hz_response_status(x->res, 201);
	hz_response_take(x->res, SDP_TYPE, session->sdp, session->sdp ? strlen(session->sdp) : 0);
	session->sdp = NULL;
}

// --- verbs

static bool authorise(struct exchange *x)
{
	const char *token = hz_request_bearer(x->req);
	x->call.token = token ? token : "";
	enum hz_whip_code code =
	    token ? x->ops->authorise(x->ctx, &x->call) : HZ_WHIP_UNAUTHORISED; // RFC 9725, 4.7
	if (code)
		answer_code(x, code, NULL);
	return code == HZ_WHIP_OK;
}

static void do_post(struct exchange *x)
{
	if (!hz_request_content_is(x->req, SDP_TYPE)) {
		hz_response_header(x->res, "Accept-Post", SDP_TYPE);
		problem(x, 415, "the offer must be application/sdp", "Content-Type");
		return;
	}
	if (!hz_request_accepts(x->req, SDP_TYPE)) {
		problem(x, 406, "the answer is application/sdp", "Accept");
		return;
	}
	if (x->req->body_bytes < 2 || memcmp(x->req->body, "v=", 2) != 0) {
		problem(x, 400, "the body is not an SDP offer", NULL);
		return;
	}
	struct hz_whip_session session = {0};
	enum hz_whip_code code = (x->call.whep ? x->ops->subscribe : x->ops->publish)(
	    x->ctx, &x->call, x->req->body, x->req->body_bytes, &session);
	if (code)
		answer_code(x, code, &session);
	else
		answer_created(x, &session);
	free_session(&session);
}

static void do_restart(struct exchange *x, const struct hz_fragment *fragment)
{
	char body[2 * HZ_FRAGMENT_ICE_BYTES + 64];
	struct hz_whip_session session = {0};
	enum hz_whip_code code = x->ops->restart(x->ctx, &x->call, fragment, &session);
	if (!code && hz_fragment_credentials(session.ufrag, session.pwd, body, sizeof(body)) < 0)
		code = HZ_WHIP_FAILED;
	if (code) {
		answer_code(x, code, &session);
	} else {
		put_etag(x, session.etag);
		hz_response_copy(x->res, FRAGMENT_TYPE, body, strlen(body));
		hz_wipe(body, sizeof(body));
	}
	free_session(&session);
}

// true if If-Match holds for the resource's entity tag (strong comparison, RFC 9110, 13.1.1).
static bool if_match_holds(const char *value, const char *etag)
{
	char quoted[HZ_WHIP_ETAG_BYTES + 2];
	snprintf(quoted, sizeof(quoted), "\"%s\"", etag);
	return !strstr(value, "W/") && hz_etag_listed(value, quoted);
}

static void do_patch(struct exchange *x)
{
	struct hz_fragment fragment;
	struct hz_whip_state state = {0};
	const char *if_match = x->req->header[HZ_H_IF_MATCH];
	if (!hz_request_content_is(x->req, FRAGMENT_TYPE)) {
		hz_response_header(x->res, "Accept-Patch", FRAGMENT_TYPE);
		problem(x, 415, "the body must be " FRAGMENT_TYPE, "Content-Type");
		return;
	}
	enum hz_whip_code code = x->ops->describe(x->ctx, &x->call, &state);
	if (code) {
		answer_code(x, code, NULL);
		return;
	}
	if (!if_match) {
		problem(x, 428, "If-Match must name the ICE session", "If-Match");
	} else if (!if_match_holds(if_match, state.etag)) {
		problem(x, 412, "ICE was restarted since", "If-Match");
	} else if (x->req->body_bytes > HZ_FRAGMENT_MAX_BYTES) {
		problem(x, 413, "the fragment is too large", NULL);
	} else if (hz_fragment_parse(x->req->body, x->req->body_bytes, &fragment) < 0) {
		problem(x, 400, "the body is not an SDP fragment", NULL);
	} else if (fragment.ufrag[0] && (strcmp(fragment.ufrag, state.remote_ufrag) != 0 ||
	                                 strcmp(fragment.pwd, state.remote_pwd) != 0)) {
		do_restart(x, &fragment);
	} else {
		code = x->ops->trickle(x->ctx, &x->call, &fragment);
		if (code)
			answer_code(x, code, NULL);
		else
			hz_response_status(x->res, 204);
	}
	hz_wipe(state.remote_pwd, sizeof(state.remote_pwd));
}

static void do_delete(struct exchange *x)
{
	enum hz_whip_code code = x->ops->end(x->ctx, &x->call);
	if (code)
		answer_code(x, code, NULL);
	else
		hz_response_status(x->res, 200);
}

static void do_options(struct exchange *x)
{
	hz_response_header(x->res, "Allow", allowed(&x->call));
	hz_response_header(x->res, "Access-Control-Allow-Methods", allowed(&x->call));
	hz_response_header(x->res, "Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match");
	hz_response_header(x->res, "Access-Control-Max-Age", "86400");
	if (x->call.resource[0])
		hz_response_header(x->res, "Accept-Patch", FRAGMENT_TYPE);
	else
		hz_response_header(x->res, "Accept-Post", SDP_TYPE);
	hz_response_status(x->res, 204);
}

bool hz_whip_handle(const struct hz_whip_ops *ops, void *ctx, const struct hz_request *req,
                    struct hz_response *res)
{
	struct exchange x = {.ops = ops, .ctx = ctx, .req = req, .res = res, .call.req = req};
	enum hz_http_method method = req->method;
	if (strncmp(req->path, "/whip/", 6) != 0 && strncmp(req->path, "/whep/", 6) != 0)
		return false;
	cors(res);
	if (!parse_path(req->path, &x.call)) {
		problem(&x, 404, NULL, NULL);
		return true;
	}
	bool resource = x.call.resource[0] != '\0';
	if (method == HZ_OPTIONS) {
		do_options(&x);
	} else if (resource ? method != HZ_PATCH && method != HZ_DELETE : method != HZ_POST) {
		hz_response_header(res, "Allow", allowed(&x.call));
		problem(&x, 405, NULL, NULL);
	} else if (authorise(&x)) {
		if (method == HZ_POST)
			do_post(&x);
		else if (method == HZ_PATCH)
			do_patch(&x);
		else
			do_delete(&x);
	}
	return true;
}
