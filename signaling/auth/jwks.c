// JSON Web Key Sets (RFC 7517, RFC 7518 section 6): the public keys of an OpenID Connect issuer.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "signaling/auth/base64url.h"
#include "signaling/auth/jwt_internal.h"

#define MAX_FILE_BYTES   (1024 * 1024)
#define MAX_NUMBER_BYTES 1024 // 8192 bits
#define MIN_RSA_BITS     2048
#define P256_BYTES       32

// A base64url member of at most MAX_NUMBER_BYTES; false when absent or malformed.
static bool get_number(const json_t *jwk, const char *member, uint8_t ret[MAX_NUMBER_BYTES + 3],
                       size_t *ret_bytes)
{
	const json_t *value = json_object_get(jwk, member);
	size_t chars = json_string_length(value);

	return json_is_string(value) && chars && chars <= HZ_BASE64URL_CHARS(MAX_NUMBER_BYTES) &&
	       hz_base64url_decode(json_string_value(value), chars, ret, ret_bytes);
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *builder)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params && context && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *rsa_key(const json_t *jwk)
{
	uint8_t n_data[MAX_NUMBER_BYTES + 3], e_data[MAX_NUMBER_BYTES + 3];
	size_t n_bytes, e_bytes;
	OSSL_PARAM_BLD *builder = NULL;
	BIGNUM *n = NULL, *e = NULL;
	EVP_PKEY *key = NULL;

	if (!get_number(jwk, "n", n_data, &n_bytes) || !get_number(jwk, "e", e_data, &e_bytes) || e_bytes > 4)
		return NULL;
	n = BN_bin2bn(n_data, (int)n_bytes, NULL);
	e = BN_bin2bn(e_data, (int)e_bytes, NULL);
	builder = OSSL_PARAM_BLD_new();
	if (n && e && builder && BN_num_bits(n) >= MIN_RSA_BITS && BN_is_odd(n) && BN_is_odd(e) &&
	    !BN_is_one(e) && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
		key = make_key("RSA", builder);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	BN_free(e);
	return key;
}

// Is it a point of the curve?
static bool point_ok(EVP_PKEY *key)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	bool ok = context && EVP_PKEY_public_check(context) == 1;

	EVP_PKEY_CTX_free(context);
	return ok;
}

static EVP_PKEY *ec_key(const json_t *jwk)
{
	uint8_t x[MAX_NUMBER_BYTES + 3], y[MAX_NUMBER_BYTES + 3], point[1 + 2 * P256_BYTES];
	size_t x_bytes, y_bytes;
	OSSL_PARAM_BLD *builder;
	EVP_PKEY *key = NULL;

	if (!get_number(jwk, "x", x, &x_bytes) || !get_number(jwk, "y", y, &y_bytes) ||
	    x_bytes != P256_BYTES || y_bytes != P256_BYTES)
		return NULL;
	point[0] = 4; // uncompressed
	memcpy(point + 1, x, P256_BYTES);
	memcpy(point + 1 + P256_BYTES, y, P256_BYTES);
	builder = OSSL_PARAM_BLD_new();
	if (builder &&
	    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point))
		key = make_key("EC", builder);
	OSSL_PARAM_BLD_free(builder);
	if (key && !point_ok(key)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static bool member_is(const json_t *jwk, const char *member, const char *wanted, bool or_absent)
{
	const json_t *value = json_object_get(jwk, member);

	if (!value)
		return or_absent;
	return json_is_string(value) && strcmp(json_string_value(value), wanted) == 0;
}

// 0 with *ret_used false: a key that is not for us.
static int read_jwk(const json_t *jwk, struct hz_jwt_key *ret, bool *ret_used)
{
	const char *kid = json_string_value(json_object_get(jwk, "kid"));
	bool rsa, ec;

	*ret_used = false;
	if (!json_is_object(jwk))
		return -EINVAL;
	rsa = member_is(jwk, "kty", "RSA", false) && member_is(jwk, "alg", "RS256", true);
	ec = member_is(jwk, "kty", "EC", false) && member_is(jwk, "crv", "P-256", false) &&
	     member_is(jwk, "alg", "ES256", true);
	if ((!rsa && !ec) || !member_is(jwk, "use", "sig", true))
		return 0;
	if (!kid || !hz_jwt_kid_valid(kid))
		return -EINVAL;
	ret->pkey = rsa ? rsa_key(jwk) : ec_key(jwk);
	if (!ret->pkey)
		return -EINVAL;
	ret->algorithm = rsa ? HZ_JWT_RS256 : HZ_JWT_ES256;
	memcpy(ret->kid, kid, strlen(kid) + 1);
	*ret_used = true;
	return 0;
}

static int add_jwk(struct hz_jwt_keys *keys, const json_t *jwk, const char *issuer, const char *audience)
{
	struct hz_jwt_key key = {0};
	bool used;
	int err = read_jwk(jwk, &key, &used);

	if (err || !used)
		return err;
	if (hz_jwt_key_find(keys, key.kid))
		err = -EEXIST;
	else if (keys->count == HZ_JWT_MAX_KEYS)
		err = -ENOSPC;
	if (!err) {
		key.issuer = strdup(issuer);
		key.audience = audience && *audience ? strdup(audience) : NULL;
		if (!key.issuer || (audience && *audience && !key.audience))
			err = -ENOMEM;
	}
	if (err)
		hz_jwt_key_done(&key);
	else
		keys->key[keys->count++] = key;
	return err;
}

int hz_jwt_keys_add_jwks(struct hz_jwt_keys *keys, const char *json, size_t bytes, const char *issuer,
                         const char *audience)
{
	json_t *root, *list, *jwk;
	unsigned before = keys->count;
	size_t i;
	int err = 0;

	if (!issuer || !*issuer || bytes > MAX_FILE_BYTES)
		return -EINVAL;
	root = json_loadb(json, bytes, JSON_REJECT_DUPLICATES, NULL);
	list = json_object_get(root, "keys");
	if (!json_is_array(list))
		err = -EINVAL;
	json_array_foreach(list, i, jwk) if (!err) err = add_jwk(keys, jwk, issuer, audience);
	if (!err && keys->count == before)
		err = -EINVAL;
	while (err && keys->count > before)
		hz_jwt_key_done(&keys->key[--keys->count]);
	json_decref(root);
	ERR_clear_error();
	return err;
}

int hz_jwt_keys_load_jwks(struct hz_jwt_keys *keys, const char *path, const char *issuer,
                          const char *audience)
{
	char *text = NULL;
	ssize_t got = 0;
	size_t bytes = 0;
	int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	text = malloc(MAX_FILE_BYTES + 1);
	if (!text)
		err = -ENOMEM;
	while (!err && bytes <= MAX_FILE_BYTES &&
	       (got = read(fd, text + bytes, MAX_FILE_BYTES + 1 - bytes)) > 0)
		bytes += (size_t)got;
	if (!err && got < 0)
		err = -errno;
	if (!err)
		err = hz_jwt_keys_add_jwks(keys, text, bytes, issuer, audience);
	free(text);
	close(fd);
	return err;
}
