// /links/{code}: what a link is, and turning it into a token. The code is the only authority; the browser that redeemed
// a link once is known by its cookie and stays the same participant.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/consult.h"
#include "gateway/session/links.h"
#include "gateway/session/persist.h"
#include "gateway/session/record/record.h"
#include "gateway/http/rest.h"
#include "signaling/auth/digest.h"
#include "signaling/protocol/problem.h"

#define COOKIE_CHARS    32
#define TOKEN_TTL_MAX_S 43200 // a session outlives its token; who comes back later redeems again
#define TOKEN_TTL_MIN_S 60

struct link { // a copy of the row
	char id[HZ_ID_TEXT_BYTES], consult[HZ_ID_TEXT_BYTES], role[32], name[HZ_NAME_TEXT_BYTES];
	char state[16];
	int64_t expires_ms;
	int64_t now_ms;
};

static bool on_row(void *arg, const struct hz_link_row *row)
{
	struct link *link = arg;
	snprintf(link->id, sizeof(link->id), "%s", row->id);
	snprintf(link->consult, sizeof(link->consult), "%s", row->consult);
	snprintf(link->role, sizeof(link->role), "%s", row->role);
	snprintf(link->name, sizeof(link->name), "%s", row->name);
	snprintf(link->state, sizeof(link->state), "%s", hz_link_state(row, link->now_ms));
	link->expires_ms = row->expires_ms;
	return false;
}

static bool find(struct hz_rest_call *call, struct link *link)
{
	uint8_t hash[HZ_STORE_HASH_BYTES];
	int err = -ENOENT;
	link->now_ms = call->brain->wall_ms;
	if (strlen(call->arg[0]) == HZ_LINK_CODE_CHARS) {
		hz_sha256(call->arg[0], HZ_LINK_CODE_CHARS, hash);
		err = hz_store_link_by_code(call->brain->store, hash, on_row, link);
	}
	if (!err)
		return true;
	call->brain->count.links_refused += err == -ENOENT;
	hz_rest_error(call, err);
	return false;
}

// Whether the page should ask for consent to being recorded.
static const char *ask(const struct hz_brain *brain, const struct hz_consult *consult)
{
	if (consult && consult->record)
		return "on";
	return consult && hz_record_wish_of(brain, consult) != HZ_RECORD_OFF ? "asked" : "off";
}

// A consult's title may say whom it is about: that is nothing for viewers of its broadcast.
static const char *title_for(const struct hz_consult *consult, const char *role)
{
	if (!consult)
		return "";
	if (hz_role_parse(role) != HZ_ROLE_VIEWER)
		return consult->title;
	return consult->broadcast ? consult->broadcast->title : "";
}

static void refuse(struct hz_rest_call *call, int status, const char *detail)
{
	call->brain->count.links_refused++;
	hz_rest_problem(call, status, detail, NULL);
}

static void cookie_name(const struct link *link, char *ret, size_t bytes)
{
	snprintf(ret, bytes, "hz_l_%s", link->id);
}

// Who this browser was when it redeemed this link before. -ENOENT: it did not; -EPERM: removed since.
static int known(struct hz_rest_call *call, const struct link *link, char ret_participant[HZ_ID_TEXT_BYTES])
{
	char name[HZ_ID_TEXT_BYTES + 8], value[COOKIE_CHARS + 1];
	uint8_t hash[HZ_STORE_HASH_BYTES];
	cookie_name(link, name, sizeof(name));
	if (hz_request_cookie(call->req, name, value, sizeof(value)))
		return -ENOENT;
	hz_sha256(value, strlen(value), hash);
	hz_wipe(value, sizeof(value));
	return hz_store_link_redeemed(call->brain->store, link->id, hash, ret_participant);
}

void hz_rest_link_info(struct hz_rest_call *call)
{
	struct link link;
	struct hz_consult *consult = NULL;
	char participant[HZ_ID_TEXT_BYTES];
	if (!find(call, &link))
		return;
	if (link.consult[0])
		(void)hz_consult_get(call->brain, link.consult, &consult); // closed: shown as expired
	bool over = link.consult[0] && !consult && strcmp(link.state, "open") == 0;
	// What the consult is called now, and whether it is recorded, is for those who can still come in.
	if (strcmp(link.state, "open") != 0 &&
	    (strcmp(link.state, "used") != 0 || known(call, &link, participant)))
		consult = NULL;
	hz_json_answer(call->res,
	               json_pack("{s:s, s:s, s:s, s:s, s:s}", "consult_title", title_for(consult, link.role),
	                         "role", link.role, "name", link.name, "state", over ? "expired" : link.state,
	                         "record", ask(call->brain, consult)));
}

static void set_cookie(struct hz_rest_call *call, const struct link *link, const char *value)
{
	char name[HZ_ID_TEXT_BYTES + 8], cookie[300];
	int64_t age_s = (link->expires_ms - call->brain->wall_ms) / 1000;
	cookie_name(link, name, sizeof(name));
	snprintf(cookie, sizeof(cookie),
	         "%s=%s; Path=" HZ_API_PREFIX "/links; Max-Age=%lld; HttpOnly; SameSite=Strict%s", name,
	         value, (long long)age_s, call->req->is_tls ? "; Secure" : "");
	hz_response_header(call->res, "Set-Cookie", cookie);
	hz_wipe(cookie, sizeof(cookie));
}

// First use by this browser: a new participant, a new cookie. Durable on return.
static int use_up(struct hz_rest_call *call, const struct link *link, char ret_participant[HZ_ID_TEXT_BYTES])
{
	char value[COOKIE_CHARS + 1], id[18] = "p";
	uint8_t hash[HZ_STORE_HASH_BYTES];
	hz_random_text(value, COOKIE_CHARS);
	hz_random_text(id + 1, 16);
	hz_sha256(value, COOKIE_CHARS, hash);
	struct hz_brain *brain = call->brain;
	int err = hz_store_link_redeem(brain->store, link->id, hash, id, brain->wall_ms);
	if (err == -ENOSPC) { // whoever has the code and throws cookies away does not keep others out
		err = hz_link_make_room(brain, link->id, link->consult);
		if (!err)
			err = hz_store_link_redeem(brain->store, link->id, hash, id, brain->wall_ms);
	}
	if (err)
		hz_store_rollback(call->brain->store);
	else
		err = hz_persist_commit(call->brain);
	if (!err) {
		snprintf(ret_participant, HZ_ID_TEXT_BYTES, "%s", id);
		set_cookie(call, link, value);
	}
	hz_wipe(value, sizeof(value));
	return err;
}

static void answer_token(struct hz_rest_call *call, const struct link *link, const char *participant)
{
	struct hz_claims claims = {.role = hz_role_parse(link->role)};
	char *token = NULL;
	int64_t ttl_s = (link->expires_ms - call->brain->wall_ms) / 1000;
	ttl_s = ttl_s > TOKEN_TTL_MAX_S ? TOKEN_TTL_MAX_S : ttl_s < TOKEN_TTL_MIN_S ? TOKEN_TTL_MIN_S : ttl_s;
	snprintf(claims.sub, sizeof(claims.sub), "%s", participant);
	snprintf(claims.name, sizeof(claims.name), "%s", link->name);
	snprintf(claims.consult, sizeof(claims.consult), "%s", link->consult);
	snprintf(claims.link, sizeof(claims.link), "%s", link->id);
	claims.grants = hz_role_grants(claims.role);
	int err = hz_jwt_sign(call->brain->keys, &claims, call->brain->wall_ms / 1000, ttl_s, &token);
	if (err) {
		hz_rest_error(call, err);
		return;
	}
	call->brain->count.links_redeemed++;
	json_t *json = json_pack("{s:s, s:s?, s:s, s:s, s:s}", "token", token, "consult",
	                         link->consult[0] ? link->consult : NULL, "role", link->role, "name",
	                         link->name, "participant", participant);
	hz_json_answer(call->res, json);
	hz_wipe(token, strlen(token));
	free(token);
}

void hz_rest_link_redeem(struct hz_rest_call *call)
{
	struct link link;
	struct hz_consult *consult = NULL;
	char participant[HZ_ID_TEXT_BYTES];
	if (!find(call, &link))
		return;
	if (strcmp(link.state, "revoked") == 0 || strcmp(link.state, "expired") == 0) {
		refuse(call, 410, "this link is no longer valid");
		return;
	}
	int err = link.consult[0] ? hz_consult_get(call->brain, link.consult, &consult) : 0;
	if (err == -ENOENT || err == -ESTALE) {
		refuse(call, 410, "the consult is over");
		return;
	}
	if (!err)
		err = known(call, &link, participant);
	if (err == -ENOENT)
		err = use_up(call, &link, participant);
	if (err == -EPERM)
		refuse(call, 403, NULL);
	else if (err == -EEXIST)
		refuse(call, 409, "this link was used already");
	else if (err)
		hz_rest_error(call, err);
	else
		answer_token(call, &link, participant);
}
