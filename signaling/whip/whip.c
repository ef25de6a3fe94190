#include "signaling/whip/whip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "signaling/protocol/problem.h"

#define SDP_TYPE  "application/sdp"
#define FRAG_TYPE "application/trickle-ice-sdpfrag"

enum kind { ENDPOINT, RESOURCE, NOT_OURS, MALFORMED };

// A path segment of 1 to 64 of [A-Za-z0-9._-]; returns what follows it, or NULL.
static const char *take_name(const char *at, char ret[HZ_WHIP_NAME_BYTES])
{
	size_t n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
	if (n == 0 || n >= HZ_WHIP_NAME_BYTES || (at[n] != '\0' && at[n] != '/'))
		return NULL;
	memcpy(ret, at, n);
	ret[n] = '\0';
	return at + n;
}

static enum kind read_path(const char *path, struct hz_whip_call *call)
{
	if (strncmp(path, "/whip/", 6) != 0 && strncmp(path, "/whep/", 6) != 0)
		return NOT_OURS;
	call->whep = path[3] == 'e';
	const char *at = take_name(path + 6, call->consult);
	if (!at)
		return MALFORMED;
	if (strncmp(at, "/r/", 3) == 0) {
		at = take_name(at + 3, call->resource);
		return at && *at == '\0' ? RESOURCE : MALFORMED;
	}
	if (!call->whep)
		return *at == '\0' ? ENDPOINT : MALFORMED;
	at = *at == '/' ? take_name(at + 1, call->source) : NULL;
	return at && *at == '\0' ? ENDPOINT : MALFORMED;
}

static void add_cors(struct hz_response *res)
{
	hz_response_header(res, "Access-Control-Allow-Origin", "*");
	hz_response_header(res, "Access-Control-Expose-Headers",
	                   "Location, ETag, Link, Accept-Post, Retry-After");
}

static void answer_code(struct hz_response *res, enum hz_whip_code code,
                        const struct hz_whip_session *session)
{
	char seconds[16];
	switch (code) {
	case HZ_WHIP_OK:
		break;
	case HZ_WHIP_UNAUTHORISED:
		hz_problem_answer(res, 401, "a valid bearer token is needed", "Authorization");
		hz_response_header(res, "WWW-Authenticate", "Bearer");
		break;
	case HZ_WHIP_FORBIDDEN:
		hz_problem_answer(res, 403, "this token may not do that here", "Authorization");
		break;
	case HZ_WHIP_NOT_FOUND:
		hz_problem_answer(res, 404, "no such consult, source or resource", NULL);
		break;
	case HZ_WHIP_CONFLICT:
		hz_problem_answer(res, 409, "not in the present state of the consult", NULL);
		break;
	case HZ_WHIP_BAD_SDP:
		hz_problem_answer(res, 422, session && session->reason[0] ? session->reason : "unusable SDP",
		                  "body");
		break;
	case HZ_WHIP_BUSY:
		snprintf(seconds, sizeof(seconds), "%u",
		         session && session->retry_after_s ? session->retry_after_s : 2);
		hz_problem_answer(res, 503, "the gateway is full or draining", NULL);
		hz_response_header(res, "Retry-After", seconds);
		break;
	case HZ_WHIP_FAILED:
		hz_problem_answer(res, 500, "the gateway failed; nothing was changed", NULL);
		break;
	}
}

static void session_done(struct hz_whip_session *session)
{
	free(session->sdp);
	for (unsigned i = 0; i < HZ_WHIP_LINKS; i++)
		free(session->links[i]);
	hz_wipe(session, sizeof(*session));
}

static void add_etag(struct hz_response *res, const char *etag)
{
	char quoted[HZ_WHIP_ETAG_BYTES + 2];
	snprintf(quoted, sizeof(quoted), "\"%s\"", etag);
	hz_response_header(res, "ETag", quoted);
}

static void answer_created(const struct hz_whip_ops *ops, void *ctx, struct hz_response *res,
                           const struct hz_whip_call *call, struct hz_whip_session *session)
{
	char location[16 + 2 * HZ_WHIP_NAME_BYTES];
	snprintf(location, sizeof(location), "/%s/%s/r/%s", call->whep ? "whep" : "whip", call->consult,
	         session->resource);
	hz_response_status(res, 201);
	hz_response_header(res, "Location", location);
	add_etag(res, session->etag);
	for (unsigned i = 0; i < HZ_WHIP_LINKS && session->links[i]; i++)
		hz_response_header(res, "Link", session->links[i]);
	char *sdp = session->sdp;
	session->sdp = NULL;
	if (!session->later)
		hz_response_take(res, SDP_TYPE, sdp, strlen(sdp));
	else if (ops->later(ctx, session->resource, res, SDP_TYPE, sdp))
		hz_problem_answer(res, 500, NULL, NULL);
}

static void handle_post(const struct hz_whip_ops *ops, void *ctx, struct hz_whip_call *call,
                        struct hz_response *res)
{
	const struct hz_request *req = call->req;
	struct hz_whip_session session = {0};
	if (!hz_request_content_is(req, SDP_TYPE)) {
		hz_problem_answer(res, 415, "send the offer as " SDP_TYPE, "Content-Type");
		hz_response_header(res, "Accept-Post", SDP_TYPE);
		return;
	}
	if (!hz_request_accepts(req, SDP_TYPE)) {
		hz_problem_answer(res, 406, "the answer is " SDP_TYPE, "Accept");
		return;
	}
	enum hz_whip_code code = call->whep ? ops->subscribe(ctx, call, req->body, req->body_bytes, &session)
	                                    : ops->publish(ctx, call, req->body, req->body_bytes, &session);
	if (code == HZ_WHIP_OK && session.sdp)
		answer_created(ops, ctx, res, call, &session);
	else
		answer_code(res, code == HZ_WHIP_OK ? HZ_WHIP_FAILED : code, &session);
	session_done(&session);
}

static void answer_restart(struct hz_response *res, const struct hz_whip_session *session)
{
	char body[HZ_UFRAG_BYTES + HZ_PWD_BYTES + 32];
	int n =
	    snprintf(body, sizeof(body), "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", session->ufrag, session->pwd);
	hz_response_status(res, 200);
	add_etag(res, session->etag);
	hz_response_copy(res, FRAG_TYPE, body, (size_t)n);
	hz_wipe(body, sizeof(body));
}

static void answer_later(const struct hz_whip_ops *ops, void *ctx, struct hz_response *res,
                         const struct hz_whip_session *session)
{
	hz_response_status(res, 200);
	add_etag(res, session->etag);
	if (ops->later(ctx, session->resource, res, FRAG_TYPE, NULL))
		hz_problem_answer(res, 500, NULL, NULL);
}

// The body's precondition: which kind of PATCH, and does If-Match allow it? Answers the refusals itself.
static int check_match(const struct hz_whip_call *call, const struct hz_whip_state *state, bool restart,
                       struct hz_response *res)
{
	char quoted[HZ_WHIP_ETAG_BYTES + 2];
	const char *match = call->req->header[HZ_H_IF_MATCH];
	snprintf(quoted, sizeof(quoted), "\"%s\"", state->etag);
	if (!match) {
		hz_problem_answer(res, 428, "If-Match with the session's ETag is needed", "If-Match");
		return -EINVAL;
	}
	// RFC 9725 4.3.1: "*" stands for a restart of whatever ICE session there is, never for trickling into it.
	if (!hz_etag_listed(match, quoted) || (!restart && strchr(match, '*'))) {
		hz_problem_answer(res, 412, "the ICE session has changed", "If-Match");
		return -EINVAL;
	}
	return 0;
}

static void handle_patch(const struct hz_whip_ops *ops, void *ctx, struct hz_whip_call *call,
                         struct hz_response *res)
{
	const struct hz_request *req = call->req;
	struct hz_whip_state state = {0};
	struct hz_whip_session session = {0};
	struct hz_sdp_frag fragment = {0};
	char reason[HZ_SDP_REASON_BYTES];
	if (!hz_request_content_is(req, FRAG_TYPE)) {
		hz_problem_answer(res, 415, "send " FRAG_TYPE, "Content-Type");
		hz_response_header(res, "Accept-Patch", FRAG_TYPE);
		return;
	}
	enum hz_whip_code code = ops->describe(ctx, call, &state);
	if (code != HZ_WHIP_OK) {
		answer_code(res, code, NULL);
		return;
	}
	if (hz_sdp_parse_frag(req->body, req->body_bytes, reason, &fragment) != 0) {
		hz_problem_answer(res, 400, reason, "body");
		goto out;
	}
	bool restart =
	    strcmp(fragment.ufrag, state.remote_ufrag) != 0 || strcmp(fragment.pwd, state.remote_pwd) != 0;
	if (check_match(call, &state, restart, res) != 0)
		goto out;
	code = restart ? ops->restart(ctx, call, &fragment, &session) : ops->trickle(ctx, call, &fragment);
	if (code != HZ_WHIP_OK)
		answer_code(res, code, &session);
	else if (restart && session.later)
		answer_later(ops, ctx, res, &session);
	else if (restart)
		answer_restart(res, &session);
	else
		hz_response_status(res, 204);
out:
	session_done(&session);
	hz_wipe(&fragment, sizeof(fragment));
	hz_wipe(&state, sizeof(state));
}

static void handle_delete(const struct hz_whip_ops *ops, void *ctx, struct hz_whip_call *call,
                          struct hz_response *res)
{
	enum hz_whip_code code = ops->end(ctx, call);
	if (code == HZ_WHIP_OK)
		hz_response_status(res, 200);
	else
		answer_code(res, code, NULL);
}

static void handle_options(enum kind kind, struct hz_response *res)
{
	hz_response_status(res, 204);
	hz_response_header(res, "Access-Control-Allow-Methods",
	                   kind == ENDPOINT ? "POST, OPTIONS" : "PATCH, DELETE, OPTIONS");
	hz_response_header(res, "Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match");
	hz_response_header(res, "Access-Control-Max-Age", "600");
	if (kind == ENDPOINT)
		hz_response_header(res, "Accept-Post", SDP_TYPE);
	else
		hz_response_header(res, "Accept-Patch", FRAG_TYPE);
}

static void dispatch(const struct hz_whip_ops *ops, void *ctx, enum kind kind, struct hz_whip_call *call,
                     struct hz_response *res)
{
	enum hz_http_method method = call->req->method;
	bool allowed = kind == ENDPOINT ? method == HZ_POST : method == HZ_PATCH || method == HZ_DELETE;
	if (!allowed) {
		hz_problem_answer(res, 405, "not a method of this resource", NULL);
		hz_response_header(res, "Allow",
		                   kind == ENDPOINT ? "POST, OPTIONS" : "PATCH, DELETE, OPTIONS");
		return;
	}
	call->token = hz_request_bearer(call->req);
	enum hz_whip_code code = call->token ? ops->authorise(ctx, call) : HZ_WHIP_UNAUTHORISED;
	if (code != HZ_WHIP_OK)
		answer_code(res, code, NULL);
	else if (method == HZ_POST)
		handle_post(ops, ctx, call, res);
	else if (method == HZ_PATCH)
		handle_patch(ops, ctx, call, res);
	else
		handle_delete(ops, ctx, call, res);
}

bool hz_whip_handle(const struct hz_whip_ops *ops, void *ctx, const struct hz_request *req,
                    struct hz_response *res)
{
	struct hz_whip_call call = {.req = req};
	enum kind kind = read_path(req->path, &call);
	if (kind == NOT_OURS)
		return false;
	add_cors(res);
	if (kind == MALFORMED)
		hz_problem_answer(res, 404, "no such consult, source or resource", NULL);
	else if (req->method == HZ_OPTIONS)
		handle_options(kind, res);
	else
		dispatch(ops, ctx, kind, &call, res);
	return true;
}
