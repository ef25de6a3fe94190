#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>

#include "gateway/base/secret.h"
#include "signaling/auth/base64url.h"
#include "signaling/auth/jwt_internal.h"

#define ES256_BYTES 64 // r and s (RFC 7518 section 3.4)

struct part {
	const char *text;
	size_t chars;
};

const char *hz_jwt_result_name(enum hz_jwt_result result)
{
	static const char *const names[HZ_JWT_RESULT_COUNT] = {
	    "ok",      "malformed", "algorithm", "unknown_key", "bad_signature",
	    "expired", "not_yet",   "issuer",    "claims",
	};

	return (unsigned)result < HZ_JWT_RESULT_COUNT ? names[result] : "unknown";
}

// Exactly three parts, none empty.
static bool split(const char *token, size_t bytes, struct part part[3])
{
	for (int i = 0; i < 3; i++) {
		const char *dot = memchr(token, '.', bytes);
		size_t chars = dot ? (size_t)(dot - token) : bytes;

		if (!chars || (i < 2) != (dot != NULL))
			return false;
		part[i] = (struct part){token, chars};
		token += chars + 1;
		bytes -= dot ? chars + 1 : chars;
	}
	return true;
}

// A part as a JSON object. Plain text over HZ_JWT_MAX_BYTES cannot occur. json_decref() it; NULL: malformed.
static json_t *decode_object(const struct part *part)
{
	uint8_t text[HZ_BASE64URL_BYTES(HZ_JWT_MAX_BYTES)];
	size_t bytes;
	json_t *json;

	if (!hz_base64url_decode(part->text, part->chars, text, &bytes))
		return NULL;
	json = json_loadb((const char *)text, bytes, JSON_REJECT_DUPLICATES, NULL);
	if (json && !json_is_object(json)) {
		json_decref(json);
		json = NULL;
	}
	hz_wipe(text, sizeof text);
	return json;
}

// The algorithm belongs to the key: the header may only repeat it. `jwk`, `jku`, `x5c`, `x5u` are never looked at.
static enum hz_jwt_result choose_key(const struct hz_jwt_keys *keys, const json_t *header,
                                     const struct hz_jwt_key **ret)
{
	static const char *const names[] = {
	    [HZ_JWT_HS256] = "HS256", [HZ_JWT_RS256] = "RS256", [HZ_JWT_ES256] = "ES256"};
	const char *alg = json_string_value(json_object_get(header, "alg"));
	const json_t *kid = json_object_get(header, "kid"), *typ = json_object_get(header, "typ");
	bool known = false;

	if (json_object_get(header, "crit") || !alg)
		return HZ_JWT_MALFORMED;
	if (typ && (!json_is_string(typ) || (strcasecmp(json_string_value(typ), "JWT") != 0 &&
	                                     strcasecmp(json_string_value(typ), "at+jwt") != 0)))
		return HZ_JWT_MALFORMED;
	for (int i = 0; i < 3; i++)
		known |= strcmp(alg, names[i]) == 0;
	if (!known)
		return HZ_JWT_ALGORITHM;
	*ret = json_is_string(kid) ? hz_jwt_key_find(keys, json_string_value(kid)) : NULL;
	if (!*ret)
		return HZ_JWT_UNKNOWN_KEY;
	return strcmp(alg, names[(*ret)->algorithm]) == 0 ? HZ_JWT_OK : HZ_JWT_ALGORITHM;
}

static bool verify_hmac(const struct hz_jwt_key *key, const char *text, size_t bytes,
                        const uint8_t *signature, size_t signature_bytes)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned mac_bytes = 0;
	bool ok = HMAC(EVP_sha256(), key->secret, (int)key->secret_bytes, (const uint8_t *)text, bytes, mac,
	               &mac_bytes) != NULL;

	ok = ok && signature_bytes == mac_bytes && hz_equal(mac, signature, mac_bytes);
	hz_wipe(mac, sizeof mac);
	return ok;
}

static bool verify_digest(EVP_PKEY *pkey, const char *text, size_t bytes, const uint8_t *signature,
                          size_t signature_bytes)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pkey) == 1 &&
	          EVP_DigestVerify(context, signature, signature_bytes, (const uint8_t *)text, bytes) == 1;

	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return ok;
}

// JOSE writes r and s side by side; OpenSSL wants DER.
static bool verify_ecdsa(EVP_PKEY *pkey, const char *text, size_t bytes, const uint8_t *signature,
                         size_t signature_bytes)
{
	ECDSA_SIG *pair;
	BIGNUM *r, *s;
	uint8_t *der = NULL;
	int der_bytes = 0;
	bool ok;

	if (signature_bytes != ES256_BYTES)
		return false;
	pair = ECDSA_SIG_new();
	r = BN_bin2bn(signature, ES256_BYTES / 2, NULL);
	s = BN_bin2bn(signature + ES256_BYTES / 2, ES256_BYTES / 2, NULL);
	if (pair && r && s && ECDSA_SIG_set0(pair, r, s)) {
		r = s = NULL; // pair has them now
		der_bytes = i2d_ECDSA_SIG(pair, &der);
	}
	ok = der_bytes > 0 && verify_digest(pkey, text, bytes, der, (size_t)der_bytes);
	OPENSSL_free(der);
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	return ok;
}

static bool verify_signature(const struct hz_jwt_key *key, const struct part part[3])
{
	uint8_t signature[HZ_BASE64URL_BYTES(HZ_JWT_MAX_BYTES)];
	const char *text = part[0].text;
	size_t bytes = part[0].chars + 1 + part[1].chars, signature_bytes;

	if (!hz_base64url_decode(part[2].text, part[2].chars, signature, &signature_bytes))
		return false;
	switch (key->algorithm) {
	case HZ_JWT_HS256:
		return verify_hmac(key, text, bytes, signature, signature_bytes);
	case HZ_JWT_RS256:
		return verify_digest(key->pkey, text, bytes, signature, signature_bytes);
	case HZ_JWT_ES256:
		return verify_ecdsa(key->pkey, text, bytes, signature, signature_bytes);
	}
	return false;
}

enum hz_jwt_result hz_jwt_verify(const struct hz_jwt_keys *keys, const char *token, size_t bytes,
                                 int64_t now_s, struct hz_claims *ret)
{
	const struct hz_jwt_key *key = NULL;
	struct part part[3];
	json_t *header = NULL, *payload = NULL;
	enum hz_jwt_result result = HZ_JWT_MALFORMED;

	if (bytes > HZ_JWT_MAX_BYTES || !split(token, bytes, part))
		return result;
	header = decode_object(&part[0]);
	if (header)
		result = choose_key(keys, header, &key);
	if (header && result == HZ_JWT_OK)
		result = verify_signature(key, part) ? HZ_JWT_OK : HZ_JWT_BAD_SIGNATURE;
	if (header && result == HZ_JWT_OK) {
		payload = decode_object(&part[1]); // nothing is read of it before the signature is good
		result = payload ? hz_jwt_read_claims(payload, key, now_s, ret) : HZ_JWT_MALFORMED;
	}
	json_decref(header);
	json_decref(payload);
	return result;
}
