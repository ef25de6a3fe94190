#include <string.h>

#include "signaling/auth/jwt_internal.h"

#define MAX_TIME_S       ((int64_t)1 << 53)
#define MAX_TOKEN_GRANTS 32

enum presence { OPTIONAL, REQUIRED };

// A NumericDate (RFC 7519 section 2): integer or fraction, from 1970 on. Absent and optional: *ret stays.
static bool get_time(const json_t *payload, const char *claim, enum presence presence, int64_t *ret)
{
	const json_t *value = json_object_get(payload, claim);

	if (!value)
		return presence == OPTIONAL;
	if (json_is_integer(value)) {
		if (json_integer_value(value) < 0 || json_integer_value(value) > MAX_TIME_S)
			return false;
		*ret = json_integer_value(value);
		return true;
	}
	if (!json_is_real(value) ||
	    !(json_real_value(value) >= 0 && json_real_value(value) <= (double)MAX_TIME_S))
		return false;
	*ret = (int64_t)json_real_value(value);
	return true;
}

// A string that `valid` accepts, into a buffer that is long enough for all it accepts.
static bool get_text(const json_t *payload, const char *claim, enum presence presence,
                     bool (*valid)(const char *), char *ret)
{
	const json_t *value = json_object_get(payload, claim);

	if (!value)
		return presence == OPTIONAL;
	if (!json_is_string(value) || !valid(json_string_value(value)))
		return false;
	memcpy(ret, json_string_value(value), json_string_length(value) + 1);
	return true;
}

// `grants` takes away from what the role has; only `create` may be added.
static bool get_grants(const json_t *payload, enum hz_role role, uint32_t *ret)
{
	const json_t *list = json_object_get(payload, "grants"), *item;
	uint32_t listed = 0;
	size_t i;

	*ret = hz_role_grants(role);
	if (!list)
		return true;
	if (!json_is_array(list) || json_array_size(list) > MAX_TOKEN_GRANTS)
		return false;
	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item))
			return false;
		listed |= hz_grant_parse(json_string_value(item)); // unknown ones give nothing
	}
	*ret = (*ret & listed) | (listed & HZ_GRANT_CREATE);
	return true;
}

static bool audience_ok(const json_t *aud, const char *wanted)
{
	const json_t *item;
	size_t i;

	if (json_is_string(aud))
		return strcmp(json_string_value(aud), wanted) == 0;
	if (!json_is_array(aud))
		return false;
	json_array_foreach(aud, i, item) if (json_is_string(item) &&
	                                     strcmp(json_string_value(item), wanted) == 0) return true;
	return false;
}

static bool issuer_ok(const json_t *payload, const struct hz_jwt_key *key)
{
	const char *issuer = json_string_value(json_object_get(payload, "iss"));

	if (key->issuer && (!issuer || strcmp(issuer, key->issuer) != 0))
		return false;
	return !key->audience || audience_ok(json_object_get(payload, "aud"), key->audience);
}

static enum hz_jwt_result check_times(const json_t *payload, int64_t now_s, int64_t *ret_exp_s)
{
	int64_t nbf_s = 0, iat_s = 0;

	if (!get_time(payload, "exp", REQUIRED, ret_exp_s) || !get_time(payload, "nbf", OPTIONAL, &nbf_s) ||
	    !get_time(payload, "iat", OPTIONAL, &iat_s))
		return HZ_JWT_CLAIMS;
	if (*ret_exp_s <= now_s)
		return HZ_JWT_EXPIRED;
	if (nbf_s > now_s + HZ_JWT_LEEWAY_S || iat_s > now_s + HZ_JWT_LEEWAY_S)
		return HZ_JWT_NOT_YET;
	return HZ_JWT_OK;
}

static bool get_wish(const json_t *payload, enum hz_record_wish *ret)
{
	const json_t *value = json_object_get(payload, "record");

	*ret = hz_record_wish_parse(json_string_value(value));
	return !value || *ret != HZ_RECORD_UNSAID;
}

static bool read_who(const json_t *payload, struct hz_claims *c)
{
	const json_t *once = json_object_get(payload, "once"), *rest = json_object_get(payload, "rest");
	const char *role = json_string_value(json_object_get(payload, "role"));

	if (!get_text(payload, "sub", REQUIRED, hz_id_valid, c->sub) ||
	    !get_text(payload, "name", OPTIONAL, hz_name_valid, c->name) ||
	    !get_text(payload, "consult", OPTIONAL, hz_id_valid, c->consult) ||
	    !get_text(payload, "jti", OPTIONAL, hz_jwt_kid_valid, c->jti) ||
	    !get_text(payload, "link", OPTIONAL, hz_id_valid, c->link))
		return false;
	c->role = role ? hz_role_parse(role) : HZ_ROLE_NONE;
	const json_t *consent = json_object_get(payload, "consent");
	if (c->role == HZ_ROLE_NONE || (once && !json_is_boolean(once)) || (rest && !json_is_boolean(rest)) ||
	    (consent && !json_is_boolean(consent)) || !get_wish(payload, &c->record))
		return false;
	c->once = json_is_true(once);
	c->rest = json_is_true(rest);
	c->consent = json_is_true(consent);
	if (c->once && !c->jti[0])
		return false;
	if (!c->consult[0] && !hz_role_may_lack_consult(c->role))
		return false;
	if (!c->name[0])
		memcpy(c->name, c->sub, sizeof c->sub);
	c->needs_admission = hz_role_waits_in_lobby(c->role);
	return get_grants(payload, c->role, &c->grants);
}

enum hz_jwt_result hz_jwt_read_claims(const json_t *payload, const struct hz_jwt_key *key, int64_t now_s,
                                      struct hz_claims *ret)
{
	struct hz_claims claims = {0};
	enum hz_jwt_result result = check_times(payload, now_s, &claims.exp_s);

	if (result != HZ_JWT_OK)
		return result;
	if (!issuer_ok(payload, key))
		return HZ_JWT_ISSUER;
	if (!get_time(payload, "iat", OPTIONAL, &claims.iat_s) || !read_who(payload, &claims))
		return HZ_JWT_CLAIMS;
	*ret = claims;
	return HZ_JWT_OK;
}
