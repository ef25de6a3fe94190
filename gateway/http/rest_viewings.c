// /recordings/{id}/views: opening a viewing, going on with it, and the list of them.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "gateway/http/rest_replay.h"
#include "signaling/auth/base64url.h"
#include "signaling/protocol/problem.h"

// --- viewers

// A token by itself is a viewing, too: everything that is fetched with it, once each.
static void viewer_of_token(const struct hz_claims *claims, struct hz_rest_viewer *ret)
{
	char text[256], sum[HZ_BASE64URL_CHARS(HZ_SHA256_BYTES) + 1];
	uint8_t hash[HZ_SHA256_BYTES];
	int n = snprintf(text, sizeof(text), "%s\n%s\n%s\n%lld", claims->sub, claims->consult, claims->jti,
	                 (long long)claims->iat_s);
	hz_sha256(text, (size_t)n, hash);
	hz_base64url_encode(hash, sizeof(hash), sum);
	memset(ret, 0, sizeof(*ret));
	ret->role = claims->role;
	snprintf(ret->view, sizeof(ret->view), "t-%.20s", sum);
	snprintf(ret->participant, sizeof(ret->participant), "%s", claims->sub);
	snprintf(ret->name, sizeof(ret->name), "%s", claims->name);
}

static bool on_open(void *arg, const struct hz_viewing_row *row)
{
	struct hz_rest_viewer *viewer = arg;
	viewer->role = hz_role_parse(row->role);
	snprintf(viewer->view, sizeof(viewer->view), "%s", row->view);
	snprintf(viewer->participant, sizeof(viewer->participant), "%s", row->participant);
	snprintf(viewer->name, sizeof(viewer->name), "%s", row->name);
	return false;
}

// The viewing of the request's pass. -EACCES: it has none that is good here.
static int viewer_of_pass(const struct hz_rest_call *call, struct hz_rest_viewer *ret)
{
	char pass[HZ_PASS_BYTES], view[HZ_PASS_VIEW_CHARS + 1];
	const struct hz_replay *replay = call->brain->replay;
	memset(ret, 0, sizeof(*ret));
	if (!replay || hz_request_cookie(call->req, HZ_PASS_COOKIE, pass, sizeof(pass)))
		return -EACCES;
	int err = hz_pass_check(replay->key, call->arg[0], pass, call->brain->wall_ms / 1000, view);
	hz_wipe(pass, sizeof(pass));
	if (!err)
		err = hz_store_viewing_open(call->brain->store, call->arg[0], view, on_open, ret);
	return err == -ENOENT ? -EACCES : err;
}

bool hz_rest_viewer(struct hz_rest_call *call, struct hz_replay_record *ret_record,
                    struct hz_rest_viewer *ret)
{
	int err = hz_request_bearer(call->req) ? -EACCES : viewer_of_pass(call, ret);
	if (!err)
		err = hz_replay_get(call->brain, call->arg[0], ret_record);
	if (!err)
		return true;
	if (err != -EACCES) {
		hz_rest_error(call, err);
		return false;
	}
	if (!hz_rest_token(call, HZ_GRANT_RECORD | HZ_GRANT_AUDIT) || !hz_rest_replay_enter(call, ret_record))
		return false;
	viewer_of_token(&call->claims, ret);
	return true;
}

int hz_rest_viewer_note(struct hz_rest_call *call, const struct hz_replay_record *record,
                        const struct hz_rest_viewer *viewer, const char *what)
{
	const struct hz_viewing_row row = {
	    .time_ms = call->brain->wall_ms,
	    .record = record->id,
	    .consult = record->consult,
	    .view = viewer->view,
	    .what = what,
	    .participant = viewer->participant,
	    .name = viewer->name,
	    .role = hz_role_name(viewer->role),
	    .address = call->req->address,
	};
	return hz_replay_note(call->brain, record, &row);
}

int hz_rest_viewing_note(struct hz_rest_call *call, const struct hz_replay_record *record, const char *what)
{
	struct hz_rest_viewer viewer;
	int err = viewer_of_pass(call, &viewer);
	if (!err && strcmp(viewer.participant, call->claims.sub) == 0)
		return 0; // the page: its opening was written down
	if (err && err != -EACCES)
		return err;
	viewer_of_token(&call->claims, &viewer);
	return hz_rest_viewer_note(call, record, &viewer, what);
}

// --- opening

static void answer_pass(struct hz_rest_call *call, const char *view)
{
	char pass[HZ_PASS_BYTES], cookie[300];
	int64_t expires_s = call->brain->wall_ms / 1000 + HZ_PASS_TTL_S;
	if (expires_s > call->claims.exp_s)
		expires_s = call->claims.exp_s;
	hz_pass_make(call->brain->replay->key, call->arg[0], view, expires_s, pass);
	snprintf(cookie, sizeof(cookie),
	         HZ_PASS_COOKIE "=%s; Path=" HZ_API_PREFIX "/recordings/%s; Max-Age=%d; HttpOnly;"
	                        " SameSite=Strict%s",
	         pass, call->arg[0], HZ_PASS_TTL_S, call->req->is_tls ? "; Secure" : "");
	hz_response_header(call->res, "Set-Cookie", cookie);
	hz_json_answer(call->res,
	               json_pack("{s:s, s:I}", "id", view, "expires_ms", (json_int_t)(expires_s * 1000)));
	hz_wipe(pass, sizeof(pass));
	hz_wipe(cookie, sizeof(cookie));
}

void hz_rest_views_post(struct hz_rest_call *call)
{
	struct hz_replay_record record;
	struct hz_rest_viewer viewer;
	if (!hz_rest_replay_enter(call, &record))
		return;
	viewer_of_token(&call->claims, &viewer);
	hz_random_text(viewer.view, HZ_PASS_VIEW_CHARS);
	int err = hz_rest_viewer_note(call, &record, &viewer, "open");
	if (err) {
		hz_rest_error(call, err);
		return;
	}
	hz_response_status(call->res, 201);
	answer_pass(call, viewer.view);
}

void hz_rest_view_put(struct hz_rest_call *call)
{
	struct hz_replay_record record;
	struct hz_rest_viewer viewer = {.role = HZ_ROLE_NONE};
	if (!hz_rest_replay_enter(call, &record))
		return;
	int err = hz_store_viewing_open(call->brain->store, record.id, call->arg[1], on_open, &viewer);
	if (!err && strcmp(viewer.participant, call->claims.sub) != 0)
		err = -ENOENT;
	if (err)
		hz_rest_error(call, err);
	else
		answer_pass(call, viewer.view);
}

// --- the list

static bool on_viewing(void *arg, const struct hz_viewing_row *row)
{
	struct hz_rest_rows *rows = arg;
	const char *id = hz_rest_rows_next(rows, row->seq);
	if (!id)
		return false;
	json_array_append_new(rows->items,
	                      json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "id", id, "time_ms",
	                                (json_int_t)row->time_ms, "view", row->view, "what", row->what,
	                                "participant", row->participant, "name", row->name, "role", row->role,
	                                "address", row->address));
	return true;
}

void hz_rest_views_get(struct hz_rest_call *call)
{
	struct hz_rest_rows rows;
	struct hz_replay_record record;
	if (!hz_rest_replay_enter(call, &record))
		return;
	if (hz_replay_scope(&call->claims) != HZ_REPLAY_ALL) { // who looked is for auditors
		hz_rest_problem(call, 403, NULL, NULL);
		return;
	}
	if (!hz_rest_rows_begin(call, &rows))
		return;
	int err = hz_store_viewing_list(call->brain->store, record.id, rows.after, rows.limit + 1, on_viewing,
	                                &rows);
	hz_rest_rows_end(call, &rows, err, NULL);
}
