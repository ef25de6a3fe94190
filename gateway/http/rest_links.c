// /consults/{id}/links: making, listing and revoking join links.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/links.h"
#include "gateway/session/persist.h"
#include "gateway/http/rest.h"
#include "signaling/protocol/problem.h"

struct page {
	json_t *items;
	int64_t now_ms;
	unsigned limit;
	char last[HZ_LINK_ID_BYTES];
	bool more;
};

static bool on_row(void *arg, const struct hz_link_row *row)
{
	struct page *page = arg;
	if (json_array_size(page->items) == page->limit) {
		page->more = true;
		return false;
	}
	json_array_append_new(
	    page->items,
	    json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:I}", "id", row->id, "role", row->role, "name",
	              row->name, "state", hz_link_state(row, page->now_ms), "single_use", row->single_use,
	              "created_ms", (json_int_t)row->created_ms, "expires_ms", (json_int_t)row->expires_ms));
	snprintf(page->last, sizeof(page->last), "%s", row->id);
	return true;
}

void hz_rest_links_get(struct hz_rest_call *call)
{
	struct page page = {.now_ms = call->brain->wall_ms};
	char cursor[HZ_ID_TEXT_BYTES];
	if (!hz_rest_page(call, &page.limit, cursor))
		return;
	page.items = json_array();
	int err = hz_store_link_list(call->brain->store, call->arg[0], cursor[0] ? cursor : NULL,
	                             page.limit + 1, on_row, &page);
	if (err) {
		json_decref(page.items);
		hz_rest_error(call, err);
		return;
	}
	hz_rest_list(call, page.items, page.more ? page.last : NULL);
}

#define POWERS                                                                                               \
	(HZ_GRANT_ADMIT | HZ_GRANT_RECORD | HZ_GRANT_IMAGE | HZ_GRANT_CREATE | HZ_GRANT_MANAGE |             \
	 HZ_GRANT_DIRECT)

// A host may invite whoever takes part in a consult, but not raise somebody above itself, nor get back through a link
// what its own token's `grants` took away.
static bool may_invite(const struct hz_rest_call *call, enum hz_role role)
{
	if (hz_role_grants(role) & POWERS & ~call->claims.grants)
		return false;
	if (role == HZ_ROLE_ADMIN || role == HZ_ROLE_AUDITOR)
		return call->claims.role == HZ_ROLE_ADMIN;
	return true;
}

static int make(struct hz_rest_call *call, const json_t *body, struct hz_link_made *ret)
{
	const json_t *ttl = json_object_get(body, "ttl_s"), *single = json_object_get(body, "single_use");
	const struct hz_link_wish wish = {
	    .consult = call->arg[0],
	    .role = json_string_value(json_object_get(body, "role")),
	    .name = json_string_value(json_object_get(body, "name")),
	    .ttl_s = ttl ? json_integer_value(ttl) : HZ_LINK_TTL_S,
	    .single_use = single ? json_is_true(single) : true,
	};
	unsigned count = 0;
	int err = hz_store_link_count(call->brain->store, call->arg[0], &count);
	if (!err && count >= HZ_LINKS_PER_CONSULT)
		err = -ENOSPC;
	if (!err)
		err = hz_link_make(call->brain->store, &wish, call->brain->wall_ms, ret);
	if (err) {
		hz_store_rollback(call->brain->store);
		return err;
	}
	return hz_persist_commit(call->brain);
}

void hz_rest_links_post(struct hz_rest_call *call)
{
	struct hz_link_made made;
	char base[256], url[400], location[200];
	json_t *body = NULL;
	if (hz_problem_body(call->req, "link.create", call->res, &body))
		return;
	if (!may_invite(call, hz_role_parse(json_string_value(json_object_get(body, "role"))))) {
		hz_rest_problem(call, 403, "this role may not be invited by yours", "/role");
		goto out;
	}
	if (!hz_name_valid(json_string_value(json_object_get(body, "name")))) { // tokens could not carry it
		hz_rest_problem(call, 422, "1 to 80 characters that can be seen", "/name");
		goto out;
	}
	int err = make(call, body, &made);
	if (err) {
		hz_rest_error(call, err);
		goto out;
	}
	hz_rest_base_url(call, base, sizeof(base));
	snprintf(url, sizeof(url), "%s/j/%s", base, made.code);
	snprintf(location, sizeof(location), HZ_API_PREFIX "/consults/%s/links/%s", call->arg[0], made.id);
	hz_response_status(call->res, 201);
	hz_response_header(call->res, "Location", location);
	hz_json_answer(call->res, json_pack("{s:s, s:s, s:s, s:I}", "id", made.id, "code", made.code, "url",
	                                    url, "expires_ms", (json_int_t)made.expires_ms));
	hz_wipe(&made, sizeof(made));
	hz_wipe(url, sizeof(url));
out:
	json_decref(body);
}

void hz_rest_link_delete(struct hz_rest_call *call)
{
	int err = hz_store_link_revoke(call->brain->store, call->arg[0], call->arg[1], call->brain->wall_ms);
	if (err)
		hz_store_rollback(call->brain->store);
	else
		err = hz_persist_commit(call->brain);
	if (err)
		hz_rest_error(call, err);
	else
		hz_response_status(call->res, 204);
}
