#include "gateway/control/admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/secret.h"
#include "gateway/control/keys.h"
#include "gateway/session/links.h"
#include "gateway/store/consults.h"

static int wrong(char *error, const char *what, const char *rule)
{
	snprintf(error, HZ_ADMIN_ERROR_BYTES, "%s: %s", what, rule);
	return -EINVAL;
}

static int check_who(const char *consult, enum hz_role role, const char *name, char *error)
{
	if (role == HZ_ROLE_NONE)
		return wrong(error, "role",
		             "patient, companion, interpreter, clinic, expert, theatre, observer, student, "
		             "auditor, admin, director or viewer");
	if (consult && consult[0] ? !hz_id_valid(consult) : !hz_role_may_lack_consult(role))
		return wrong(error, "consult", "1 to 64 of A-Z a-z 0-9 . _ -");
	if (name && name[0] && !hz_name_valid(name))
		return wrong(error, "name", "1 to 80 characters without control characters");
	return 0;
}

int hz_admin_token(const struct hz_config *config, const struct hz_admin_token_spec *spec,
                   char error[HZ_ADMIN_ERROR_BYTES], char ret_token[HZ_ADMIN_TOKEN_BYTES])
{
	struct hz_claims claims = {.role = spec->role ? hz_role_parse(spec->role) : HZ_ROLE_NONE};
	struct hz_jwt_keys *keys = NULL;
	char *token = NULL;
	int err = check_who(spec->consult, claims.role, spec->name, error);
	if (!err && spec->id && spec->id[0] && !hz_id_valid(spec->id))
		err = wrong(error, "id", "1 to 64 of A-Z a-z 0-9 . _ -");
	if (err)
		return err;
	if (spec->id && spec->id[0]) {
		snprintf(claims.sub, sizeof(claims.sub), "%s", spec->id);
	} else {
		claims.sub[0] = 'p';
		hz_random_text(claims.sub + 1, 16);
	}
	snprintf(claims.name, sizeof(claims.name), "%s",
	         spec->name && spec->name[0] ? spec->name : claims.sub);
	snprintf(claims.consult, sizeof(claims.consult), "%s", spec->consult ? spec->consult : "");
	claims.grants = hz_role_grants(claims.role) | (spec->create ? HZ_GRANT_CREATE : 0);
	claims.once = spec->once;
	claims.consent = spec->consent;
	if (claims.once)
		hz_random_text(claims.jti, 22);
	err = hz_token_keys_load(config, error, &keys);
	if (err)
		return err;
	err = hz_jwt_sign(keys, &claims, hz_wall_us() / 1000000, spec->ttl_s ? spec->ttl_s : 3600, &token);
	hz_jwt_keys_free(keys);
	if (err == -ENOKEY)
		snprintf(error, HZ_ADMIN_ERROR_BYTES, "tokens.keys: none is configured: add one");
	else if (err)
		snprintf(error, HZ_ADMIN_ERROR_BYTES, "ttl: 1 second to 366 days");
	if (!err && strlen(token) >= HZ_ADMIN_TOKEN_BYTES) {
		snprintf(error, HZ_ADMIN_ERROR_BYTES, "token: longer than %d bytes: choose a shorter name",
		         HZ_ADMIN_TOKEN_BYTES);
		err = -EMSGSIZE;
	}
	if (!err)
		snprintf(ret_token, HZ_ADMIN_TOKEN_BYTES, "%s", token);
	if (token)
		hz_wipe(token, strlen(token));
	free(token);
	return err;
}

static bool is_closed(void *arg, const struct hz_consult_row *row)
{
	*(bool *)arg = row->closed;
	return false;
}

// Opens it when it is new; the caller commits.
static int need_consult(struct hz_store *store, const char *id, const char *title, char *error)
{
	bool closed = false;
	const struct hz_consult_row row = {
	    .id = id,
	    .title = title && title[0] ? title : id,
	    .created_ms = hz_wall_us() / 1000,
	};
	if (!hz_name_valid(row.title))
		return wrong(error, "title", "1 to 80 characters without control characters");
	int err = hz_store_consult_get(store, id, is_closed, &closed);
	if (err == -ENOENT)
		return hz_store_consult_put(store, &row);
	if (!err && closed)
		return wrong(error, "consult", "it was closed; choose another id");
	return err;
}

static void base_url(const struct hz_config *config, char *ret, size_t bytes)
{
	const char *given = config->links.public_url;
	if (given && given[0])
		snprintf(ret, bytes, "%.*s", (int)(strlen(given) - (given[strlen(given) - 1] == '/')), given);
	else if (config->https.port)
		snprintf(ret, bytes, "https://localhost:%u", config->https.port);
	else
		snprintf(ret, bytes, "http://127.0.0.1:%u", config->http.port);
}

static int open_store(const struct hz_config *config, char *error, struct hz_store **ret)
{
	return hz_store_open(config->data.dir, error, ret);
}

// Commits, or rolls back and says why.
static int finish(struct hz_store *store, int err, char *error)
{
	if (err)
		hz_store_rollback(store);
	else
		err = hz_store_commit(store);
	if (err && !error[0])
		snprintf(error, HZ_ADMIN_ERROR_BYTES, "store: %s (%s): try again, or check data.dir",
		         strerror(-err), hz_store_message(store));
	hz_store_close(store);
	return err;
}

int hz_admin_link(const struct hz_config *config, const struct hz_admin_link_spec *spec,
                  char error[HZ_ADMIN_ERROR_BYTES], char ret_url[HZ_ADMIN_URL_BYTES])
{
	struct hz_link_made made;
	struct hz_store *store = NULL;
	char base[256];
	bool console = !spec->consult || !spec->consult[0];
	const struct hz_link_wish wish = {
	    .consult = console ? "" : spec->consult,
	    .role = spec->role,
	    .name = spec->name && spec->name[0] ? spec->name : spec->role,
	    .ttl_s = spec->ttl_s ? spec->ttl_s : HZ_LINK_TTL_S,
	    .single_use = !spec->reusable,
	};
	error[0] = '\0';
	int err = check_who(spec->consult, spec->role ? hz_role_parse(spec->role) : HZ_ROLE_NONE, spec->name,
	                    error);
	if (!err && (wish.ttl_s < HZ_LINK_TTL_MIN_S || wish.ttl_s > HZ_LINK_TTL_MAX_S))
		err = wrong(error, "ttl", "60 seconds to 365 days");
	if (!err)
		err = open_store(config, error, &store);
	if (err)
		return err;
	if (!console)
		err = need_consult(store, spec->consult, spec->title, error);
	if (!err)
		err = hz_link_make(store, &wish, hz_wall_us() / 1000, &made);
	err = finish(store, err, error);
	if (err)
		return err;
	base_url(config, base, sizeof(base));
	snprintf(ret_url, HZ_ADMIN_URL_BYTES, "%s/j/%s", base, made.code);
	hz_wipe(&made, sizeof(made));
	return 0;
}

int hz_admin_consult(const struct hz_config *config, const char *id, const char *title,
                     char error[HZ_ADMIN_ERROR_BYTES])
{
	struct hz_store *store = NULL;
	error[0] = '\0';
	if (!hz_id_valid(id))
		return wrong(error, "consult", "1 to 64 of A-Z a-z 0-9 . _ -");
	int err = open_store(config, error, &store);
	if (err)
		return err;
	return finish(store, need_consult(store, id, title, error), error);
}
