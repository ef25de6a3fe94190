#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/hmac.h>

#include "gateway/base/secret.h"
#include "signaling/auth/base64url.h"
#include "signaling/auth/jwt_internal.h"

#define JTI_CHARS 22 // 131 bits
#define MAC_BYTES 32

static const struct hz_jwt_key *signing_key(const struct hz_jwt_keys *keys)
{
	for (unsigned i = 0; i < keys->count; i++)
		if (keys->key[i].algorithm == HZ_JWT_HS256)
			return &keys->key[i];
	return NULL;
}

static json_t *grants_array(uint32_t grants)
{
	json_t *list = json_array();

	for (unsigned i = 0; list && i < HZ_GRANT_COUNT; i++)
		if (grants & 1u << i)
			json_array_append_new(list, json_string(hz_grant_name(1u << i)));
	return list;
}

// Empty texts are left out.
static void set_text(json_t *payload, const char *claim, const char *text)
{
	if (*text)
		json_object_set_new(payload, claim, json_string(text));
}

static json_t *make_payload(const struct hz_claims *claims, int64_t now_s, int64_t ttl_s)
{
	json_t *payload = json_object();
	char jti[JTI_CHARS + 1];

	if (!payload)
		return NULL;
	hz_random_text(jti, JTI_CHARS);
	set_text(payload, "sub", claims->sub);
	set_text(payload, "name", claims->name);
	set_text(payload, "consult", claims->consult);
	set_text(payload, "link", claims->link);
	set_text(payload, "jti", claims->jti[0] ? claims->jti : jti);
	set_text(payload, "role", hz_role_name(claims->role));
	json_object_set_new(payload, "iat", json_integer(now_s));
	json_object_set_new(payload, "exp", json_integer(now_s + ttl_s));
	if (claims->once)
		json_object_set_new(payload, "once", json_true());
	if (claims->rest)
		json_object_set_new(payload, "rest", json_true());
	if (claims->consent)
		json_object_set_new(payload, "consent", json_true());
	if (claims->record != HZ_RECORD_UNSAID)
		json_object_set_new(payload, "record", json_string(hz_record_wish_name(claims->record)));
	if (claims->grants != hz_role_grants(claims->role))
		json_object_set_new(payload, "grants", grants_array(claims->grants));
	return payload;
}

// Appends the base64url of a JSON value to *text; false: no memory or longer than a token may be.
static bool append_json(const json_t *json, char *text)
{
	char *plain = json_dumps(json, JSON_COMPACT);
	size_t bytes = plain ? strlen(plain) : 0, used = strlen(text);
	bool fits =
	    plain && used + HZ_BASE64URL_CHARS(bytes) + HZ_BASE64URL_CHARS(MAC_BYTES) + 2 < HZ_JWT_MAX_BYTES;

	if (fits)
		hz_base64url_encode(plain, bytes, text + used);
	if (plain)
		hz_wipe(plain, bytes);
	free(plain);
	return fits;
}

static int write_token(const struct hz_jwt_key *key, const json_t *payload, char *text)
{
	json_t *header = json_pack("{s:s, s:s, s:s}", "alg", "HS256", "kid", key->kid, "typ", "JWT");
	uint8_t mac[MAC_BYTES];
	bool ok = header && append_json(header, text);
	size_t bytes;

	json_decref(header);
	if (ok) {
		memcpy(text + strlen(text), ".", 2); // append_json() left room
		ok = append_json(payload, text);
	}
	bytes = strlen(text);
	if (!ok ||
	    !HMAC(EVP_sha256(), key->secret, (int)key->secret_bytes, (const uint8_t *)text, bytes, mac, NULL))
		return -ENOMEM;
	text[bytes] = '.';
	hz_base64url_encode(mac, sizeof mac, text + bytes + 1);
	hz_wipe(mac, sizeof mac);
	return 0;
}

// What we write must read back the same, so that no token of ours is refused or means something else: jansson leaves
// out what it cannot write, such as a name that is not UTF-8.
static bool reads_back(const struct hz_jwt_key *key, const json_t *payload, const struct hz_claims *claims,
                       int64_t now_s)
{
	struct hz_claims back;

	return hz_jwt_read_claims(payload, key, now_s, &back) == HZ_JWT_OK && back.grants == claims->grants &&
	       back.role == claims->role && back.once == claims->once && back.rest == claims->rest &&
	       back.consent == claims->consent && back.record == claims->record &&
	       strcmp(back.sub, claims->sub) == 0 && strcmp(back.consult, claims->consult) == 0 &&
	       strcmp(back.link, claims->link) == 0 &&
	       (!claims->name[0] || strcmp(back.name, claims->name) == 0) &&
	       (!claims->jti[0] || strcmp(back.jti, claims->jti) == 0);
}

int hz_jwt_sign(const struct hz_jwt_keys *keys, const struct hz_claims *claims, int64_t now_s, int64_t ttl_s,
                char **ret)
{
	const struct hz_jwt_key *key = signing_key(keys);
	json_t *payload;
	char *text;
	int err;

	if (!key)
		return -ENOKEY;
	if (now_s < 0 || ttl_s < 1 || ttl_s > HZ_JWT_MAX_TTL_S)
		return -EINVAL;
	payload = make_payload(claims, now_s, ttl_s);
	text = calloc(1, HZ_JWT_MAX_BYTES + 1);
	err = payload && text ? 0 : -ENOMEM;
	if (!err && !reads_back(key, payload, claims, now_s))
		err = -EINVAL;
	if (!err)
		err = write_token(key, payload, text);
	json_decref(payload);
	if (err) {
		free(text);
		return err;
	}
	*ret = text;
	return 0;
}
