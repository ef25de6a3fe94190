#include "gateway/http/rest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/consult.h"
#include "gateway/http/idempotency.h"
#include "gateway/http/openapi.h"
#include "gateway/session/persist.h"
#include "gateway/session/token.h"
#include "signaling/protocol/problem.h"

#define MANAGE     HZ_GRANT_MANAGE
#define ADMIT      HZ_GRANT_ADMIT
#define RECORD     HZ_GRANT_RECORD
#define AUDIT      HZ_GRANT_AUDIT
#define DIRECT     HZ_GRANT_DIRECT
#define WATCH      (HZ_GRANT_WATCH | HZ_GRANT_SUBSCRIBE)
#define CONSULT    "/consults/{id}"
#define PERSON     CONSULT "/participants/{pid}"
#define ONE_RECORD "/recordings/{id}"

const struct hz_rest_route hz_rest_routes[] = {
    {HZ_GET, "/openapi.json", HZ_REST_PUBLIC, 0, hz_rest_openapi},
    {HZ_GET, "/consults", HZ_REST_TOKEN, MANAGE, hz_rest_consults_get},
    {HZ_POST, "/consults", HZ_REST_TOKEN, HZ_GRANT_CREATE, hz_rest_consults_post},
    {HZ_GET, CONSULT, HZ_REST_CONSULT, MANAGE, hz_rest_consult_get},
    {HZ_PATCH, CONSULT, HZ_REST_CONSULT, MANAGE, hz_rest_consult_patch},
    {HZ_DELETE, CONSULT, HZ_REST_CONSULT, MANAGE, hz_rest_consult_delete},
    {HZ_GET, CONSULT "/participants", HZ_REST_CONSULT, MANAGE | ADMIT, hz_rest_participants_get},
    {HZ_GET, PERSON, HZ_REST_CONSULT, MANAGE | ADMIT, hz_rest_participant_get},
    {HZ_PATCH, PERSON, HZ_REST_CONSULT, ADMIT, hz_rest_participant_patch},
    {HZ_DELETE, PERSON, HZ_REST_CONSULT, ADMIT, hz_rest_participant_delete},
    {HZ_GET, PERSON "/stats", HZ_REST_CONSULT, MANAGE | ADMIT, hz_rest_participant_stats},
    {HZ_GET, CONSULT "/events", HZ_REST_CONSULT, MANAGE | ADMIT, hz_rest_events_get},
    {HZ_GET, CONSULT "/recording", HZ_REST_CONSULT, MANAGE | RECORD, hz_rest_recording_get},
    {HZ_POST, CONSULT "/recording", HZ_REST_CONSULT, RECORD, hz_rest_recording_post},
    {HZ_DELETE, CONSULT "/recording", HZ_REST_CONSULT, RECORD, hz_rest_recording_delete},
    {HZ_GET, CONSULT "/consents", HZ_REST_CONSULT, MANAGE | AUDIT, hz_rest_consents_get},
    {HZ_GET, CONSULT "/layout", HZ_REST_CONSULT, MANAGE | ADMIT, hz_rest_layout_get},
    {HZ_PUT, CONSULT "/layout", HZ_REST_CONSULT, ADMIT, hz_rest_layout_put},
    {HZ_GET, CONSULT "/broadcast", HZ_REST_CONSULT, DIRECT, hz_rest_broadcast_get},
    {HZ_PUT, CONSULT "/broadcast", HZ_REST_CONSULT, DIRECT, hz_rest_broadcast_put},
    {HZ_DELETE, CONSULT "/broadcast", HZ_REST_CONSULT, DIRECT, hz_rest_broadcast_delete},
    {HZ_GET, CONSULT "/broadcast/watch", HZ_REST_CONSULT, WATCH, hz_rest_broadcast_watch},
    {HZ_GET, CONSULT "/broadcast/events", HZ_REST_CONSULT, DIRECT | AUDIT, hz_rest_broadcast_events},
    {HZ_PUT, CONSULT "/broadcast/masks", HZ_REST_CONSULT, DIRECT, hz_rest_masks_put},
    {HZ_GET, CONSULT "/broadcast/targets", HZ_REST_CONSULT, MANAGE | DIRECT, hz_rest_targets_get},
    {HZ_POST, CONSULT "/broadcast/targets", HZ_REST_CONSULT, MANAGE | DIRECT, hz_rest_targets_post},
    {HZ_PATCH, CONSULT "/broadcast/targets/{tid}", HZ_REST_CONSULT, MANAGE | DIRECT, hz_rest_target_patch},
    {HZ_DELETE, CONSULT "/broadcast/targets/{tid}", HZ_REST_CONSULT, MANAGE | DIRECT, hz_rest_target_delete},
    {HZ_GET, "/profiles", HZ_REST_TOKEN, MANAGE | DIRECT, hz_rest_profiles_get},
    {HZ_PUT, "/profiles/{id}", HZ_REST_TOKEN, MANAGE, hz_rest_profile_put},
    {HZ_DELETE, "/profiles/{id}", HZ_REST_TOKEN, MANAGE, hz_rest_profile_delete},
    {HZ_GET, CONSULT "/table", HZ_REST_CONSULT, HZ_GRANT_SUBSCRIBE, hz_rest_table_get},
    {HZ_GET, CONSULT "/pacs", HZ_REST_CONSULT, HZ_GRANT_IMAGE, hz_rest_pacs_get},
    {HZ_GET, CONSULT "/studies", HZ_REST_CONSULT, HZ_GRANT_IMAGE, hz_rest_studies_search},
    {HZ_GET, CONSULT "/studies/{path}", HZ_REST_CONSULT, HZ_GRANT_SUBSCRIBE, hz_rest_studies_get},
    {HZ_PUT, CONSULT "/studies/{path}", HZ_REST_CONSULT, HZ_GRANT_IMAGE, hz_rest_studies_put},
    {HZ_PUT, CONSULT "/uploads/{uid}", HZ_REST_CONSULT, HZ_GRANT_IMAGE, hz_rest_upload_put},
    {HZ_GET, CONSULT "/uploads/{uid}", HZ_REST_CONSULT, HZ_GRANT_IMAGE, hz_rest_upload_get},
    {HZ_GET, CONSULT "/broadcast/feed", HZ_REST_CONSULT, WATCH, hz_rest_audience_feed},
    {HZ_GET, CONSULT "/broadcast/messages", HZ_REST_CONSULT, DIRECT | AUDIT, hz_rest_audience_messages},
    {HZ_DELETE, CONSULT "/broadcast/messages", HZ_REST_TOKEN, MANAGE, hz_rest_audience_delete},
    {HZ_POST, CONSULT "/broadcast/messages", HZ_REST_CONSULT, WATCH, hz_rest_audience_post},
    {HZ_GET, CONSULT "/broadcast/poster", HZ_REST_CONSULT, WATCH, hz_rest_audience_poster_get},
    {HZ_PUT, CONSULT "/broadcast/poster", HZ_REST_CONSULT, DIRECT, hz_rest_audience_poster_put},
    {HZ_DELETE, CONSULT "/broadcast/poster", HZ_REST_CONSULT, DIRECT, hz_rest_audience_poster_delete},
    {HZ_GET, CONSULT "/sources", HZ_REST_CONSULT, MANAGE | DIRECT, hz_rest_sources_get},
    {HZ_POST, CONSULT "/sources", HZ_REST_CONSULT, MANAGE, hz_rest_sources_post},
    {HZ_GET, CONSULT "/sources/{sid}", HZ_REST_CONSULT, MANAGE | DIRECT, hz_rest_source_get},
    {HZ_PATCH, CONSULT "/sources/{sid}", HZ_REST_CONSULT, MANAGE, hz_rest_source_patch},
    {HZ_DELETE, CONSULT "/sources/{sid}", HZ_REST_CONSULT, MANAGE, hz_rest_source_delete},
    {HZ_GET, CONSULT "/sources/{sid}/thumbnail", HZ_REST_CONSULT, MANAGE | DIRECT, hz_rest_source_thumbnail},
    {HZ_GET, CONSULT "/links", HZ_REST_CONSULT, MANAGE, hz_rest_links_get},
    {HZ_POST, CONSULT "/links", HZ_REST_CONSULT, MANAGE, hz_rest_links_post},
    {HZ_DELETE, CONSULT "/links/{lid}", HZ_REST_CONSULT, MANAGE, hz_rest_link_delete},
    {HZ_GET, "/recordings", HZ_REST_TOKEN, RECORD | AUDIT, hz_rest_recordings_get},
    {HZ_GET, ONE_RECORD, HZ_REST_TOKEN, RECORD | AUDIT, hz_rest_recording_one},
    {HZ_GET, ONE_RECORD "/manifest", HZ_REST_TOKEN, RECORD | AUDIT, hz_rest_recording_manifest},
    {HZ_GET, ONE_RECORD "/timeline", HZ_REST_TOKEN, RECORD | AUDIT, hz_rest_recording_timeline},
    {HZ_GET, ONE_RECORD "/certificate", HZ_REST_TOKEN, RECORD | AUDIT, hz_rest_recording_certificate},
    {HZ_GET, ONE_RECORD "/views", HZ_REST_TOKEN, RECORD | AUDIT, hz_rest_views_get},
    {HZ_POST, ONE_RECORD "/views", HZ_REST_TOKEN, RECORD | AUDIT, hz_rest_views_post},
    {HZ_PUT, ONE_RECORD "/views/{view}", HZ_REST_TOKEN, RECORD | AUDIT, hz_rest_view_put},
    {HZ_GET, ONE_RECORD "/files/{path}", HZ_REST_PUBLIC, 0, hz_rest_recording_file}, // a pass, or a token
    {HZ_GET, "/archive", HZ_REST_TOKEN, MANAGE, hz_rest_archive_get},
    {HZ_GET, "/links/{code}", HZ_REST_PUBLIC, 0, hz_rest_link_info},
    {HZ_POST, "/links/{code}/redeem", HZ_REST_PUBLIC, 0, hz_rest_link_redeem},
    {HZ_GET, NULL, HZ_REST_PUBLIC, 0, NULL},
};

void hz_rest_problem(struct hz_rest_call *call, int status, const char *detail, const char *field)
{
	hz_problem_answer(call->res, status, detail, field);
}

void hz_rest_error(struct hz_rest_call *call, int err)
{
	switch (err) {
	case -ENOENT:
		hz_rest_problem(call, 404, NULL, NULL);
		break;
	case -EEXIST:
		hz_rest_problem(call, 409, "this id is taken", "/id");
		break;
	case -ESTALE:
		hz_rest_problem(call, 409, "the consult is closed", NULL);
		break;
	case -ENOSPC:
		hz_rest_problem(call, 503, "a limit is reached", NULL);
		break;
	case -EBUSY:
	case -EROFS:
		hz_rest_problem(call, 503, "not now: try again", NULL);
		break;
	default:
		hz_warn("rest.failed", "err=%d", -err);
		hz_rest_problem(call, 500, NULL, NULL);
	}
}

bool hz_rest_own(const struct hz_rest_call *call, const char *consult)
{
	return !call->claims.consult[0] || strcmp(call->claims.consult, consult) == 0;
}

// The Host header is the client's word: only what a host may look like gets into a link.
static bool host_like(const char *host)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]";
	return host && host[0] && strlen(host) < 200 && strspn(host, allowed) == strlen(host);
}

void hz_rest_base_url(const struct hz_rest_call *call, char *ret, size_t bytes)
{
	const char *host = call->req->header[HZ_H_HOST];
	if (call->rest->public_url[0])
		snprintf(ret, bytes, "%s", call->rest->public_url);
	else
		snprintf(ret, bytes, "%s://%s", call->req->is_tls ? "https" : "http",
		         host_like(host) ? host : "localhost");
}

// --- routing

// Fills the arguments. A segment never spans a '/', but for {path}, which is all the rest.
static bool match(const char *pattern, const char *path, struct hz_rest_call *call)
{
	unsigned args = 0;
	while (*pattern && *path) {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		if (strcmp(pattern, "{path}") == 0) {
			call->tail = path;
			return true;
		}
		size_t n = strcspn(path, "/");
		if (n == 0 || n >= HZ_ID_TEXT_BYTES || args == 2)
			return false;
		memcpy(call->arg[args], path, n);
		call->arg[args++][n] = '\0';
		path += n;
		pattern = strchr(pattern, '}') + 1;
	}
	return !*pattern && !*path;
}

bool hz_rest_token(struct hz_rest_call *call, uint32_t grant)
{
	const char *token = hz_request_bearer(call->req);
	if (!token || hz_token_verify(call->brain, token, &call->claims)) {
		hz_response_header(call->res, "WWW-Authenticate", "Bearer");
		hz_rest_problem(call, 401, NULL, NULL);
		return false;
	}
	int err = hz_token_check(call->brain, &call->claims, call->claims.consult);
	if (err && err != -EACCES) {
		hz_rest_error(call, err);
		return false;
	}
	if (err || (grant && !(call->claims.grants & grant))) {
		hz_rest_problem(call, 403, NULL, NULL);
		return false;
	}
	return true;
}

static bool authorised(struct hz_rest_call *call, const struct hz_rest_route *route)
{
	if (route->access == HZ_REST_PUBLIC)
		return true;
	if (!hz_rest_token(call, route->grant))
		return false;
	if (route->access == HZ_REST_CONSULT && !hz_rest_own(call, call->arg[0])) {
		hz_rest_problem(call, 403, NULL, NULL);
		return false;
	}
	return true;
}

// Finds the consult of the path. A closed one may still be read (GET of itself, its links).
static bool find_consult(struct hz_rest_call *call, const struct hz_rest_route *route)
{
	if (route->access != HZ_REST_CONSULT)
		return true;
	int err = hz_consult_get(call->brain, call->arg[0], &call->consult);
	if (!err || (err == -ESTALE && route->method == HZ_GET))
		return true;
	hz_rest_error(call, err);
	return false;
}

static void answer(struct hz_rest_call *call, const struct hz_rest_route *route)
{
	struct hz_idempotency once;
	if (!authorised(call, route))
		return;
	if (route->method != HZ_POST || route->access == HZ_REST_PUBLIC) {
		if (find_consult(call, route))
			route->run(call);
		return;
	}
	if (hz_idempotency_begin(&once, call))
		return; // answered from memory, or refused
	if (find_consult(call, route))
		route->run(call);
	hz_idempotency_end(&once, call);
}

static void refuse_method(struct hz_rest_call *call, const char *path)
{
	char allow[64] = "";
	for (const struct hz_rest_route *route = hz_rest_routes; route->path; route++) {
		if (!match(route->path, path, call))
			continue;
		size_t n = strlen(allow);
		snprintf(allow + n, sizeof(allow) - n, "%s%s", n ? ", " : "", hz_method_name(route->method));
	}
	if (allow[0]) {
		hz_response_header(call->res, "Allow", allow);
		if (call->req->method == HZ_OPTIONS)
			hz_response_status(call->res, 204);
		else
			hz_rest_problem(call, 405, NULL, NULL);
		return;
	}
	hz_rest_problem(call, 404, NULL, NULL);
}

int hz_rest_admit(struct hz_rest *rest, const struct hz_request *req, void (*run)(struct hz_rest_call *call),
                  uint64_t *ret_asker)
{
	size_t prefix = strlen(HZ_API_PREFIX);
	struct hz_rest_call call = {.rest = rest, .brain = rest->brain, .req = req};
	const struct hz_rest_route *route = hz_rest_routes;
	if (strncmp(req->path, HZ_API_PREFIX "/", prefix + 1) != 0)
		return 413;
	while (route->path && (route->run != run || route->method != req->method ||
	                       !match(route->path, req->path + prefix, &call)))
		route++;
	if (!route->path)
		return 413;
	call.res = hz_response_new();
	if (!call.res)
		return 503;
	hz_persist_flush(rest->brain);
	int status = authorised(&call, route) && find_consult(&call, route) && hz_rest_inside(&call)
	                 ? 0
	                 : hz_response_get_status(call.res);
	if (!status)
		*ret_asker = hz_rest_asker(&call);
	hz_response_free(call.res);
	hz_wipe(&call.claims, sizeof(call.claims));
	return status;
}

bool hz_rest_handle(struct hz_rest *rest, const struct hz_request *req, struct hz_response *res)
{
	size_t prefix = strlen(HZ_API_PREFIX);
	struct hz_rest_call call = {.rest = rest, .brain = rest->brain, .req = req, .res = res};
	if (strncmp(req->path, HZ_API_PREFIX, prefix) != 0 || (req->path[prefix] && req->path[prefix] != '/'))
		return false;
	const char *path = req->path + prefix;
	const struct hz_rest_route *route = hz_rest_routes;
	hz_persist_flush(
	    rest->brain); // a refusal rolls back: what waits for the end of the turn must not go with it
	while (route->path && (route->method != req->method || !match(route->path, path, &call)))
		route++;
	if (route->path)
		answer(&call, route);
	else
		refuse_method(&call, path);
	hz_persist_flush(rest->brain);
	hz_wipe(&call.claims, sizeof(call.claims));
	return true;
}

void hz_rest_openapi(struct hz_rest_call *call)
{
	hz_response_static(call->res, "application/json", hz_openapi_json, hz_openapi_json_bytes);
}
