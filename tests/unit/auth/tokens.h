// Making good and bad tokens for the tests.
#ifndef HZ_TESTS_AUTH_TOKENS_H
#define HZ_TESTS_AUTH_TOKENS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "signaling/auth/base64url.h"
#include "signaling/auth/jwt.h"

#define NOW    1700000000
#define SECRET "0123456789abcdef0123456789abcdef"
#define HEADER "{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}"
#define CLAIMS                                                                                               \
	"{\"sub\":\"p1\",\"name\":\"Wang\",\"consult\":\"c1\",\"role\":\"clinic\",\"exp\":1700000060,"       \
	"\"jti\":\"j1\"}"
#define ISSUER   "https://issuer.example"
#define AUDIENCE "huizhen"

static inline char *encode(const void *data, size_t bytes)
{
	char *text = malloc(HZ_BASE64URL_CHARS(bytes) + 1);

	hz_base64url_encode(data, bytes, text);
	return text;
}

// base64url(header) "." base64url(payload); free() it.
static inline char *signing_input(const char *header, const char *payload)
{
	char *a = encode(header, strlen(header)), *b = encode(payload, strlen(payload));
	char *out = malloc(strlen(a) + strlen(b) + 2);

	sprintf(out, "%s.%s", a, b);
	free(a);
	free(b);
	return out;
}

static inline char *with_signature(char *input, const void *signature, size_t bytes)
{
	char *s = encode(signature, bytes);
	char *out = malloc(strlen(input) + strlen(s) + 2);

	sprintf(out, "%s.%s", input, s);
	free(input);
	free(s);
	return out;
}

static inline char *hs256(const char *header, const char *payload, const void *secret, size_t secret_bytes)
{
	char *input = signing_input(header, payload);
	unsigned char mac[32];

	assert_non_null(
	    HMAC(EVP_sha256(), secret, (int)secret_bytes, (unsigned char *)input, strlen(input), mac, NULL));
	return with_signature(input, mac, sizeof mac);
}

// RS256, or ES256 with r and s side by side.
static inline char *signed_by(EVP_PKEY *key, const char *header, const char *payload)
{
	char *input = signing_input(header, payload);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char der[512], raw[64];
	const unsigned char *p = der;
	size_t bytes = sizeof der;
	ECDSA_SIG *pair;

	assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(context, der, &bytes, (unsigned char *)input, strlen(input)), 1);
	EVP_MD_CTX_free(context);
	if (EVP_PKEY_is_a(key, "RSA"))
		return with_signature(input, der, bytes);
	pair = d2i_ECDSA_SIG(NULL, &p, (long)bytes);
	BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32);
	ECDSA_SIG_free(pair);
	return with_signature(input, raw, sizeof raw);
}

static inline char *number_member(EVP_PKEY *key, const char *param)
{
	BIGNUM *number = NULL;
	unsigned char data[1024];
	int bytes;
	char *text;

	assert_int_equal(EVP_PKEY_get_bn_param(key, param, &number), 1);
	bytes = BN_bn2binpad(number, data, EVP_PKEY_is_a(key, "EC") ? 32 : BN_num_bytes(number));
	text = encode(data, (size_t)bytes);
	BN_free(number);
	return text;
}

// One JWK; extra is appended inside the object, like ",\"use\":\"sig\"". free() it.
static inline char *jwk(EVP_PKEY *key, const char *kid, const char *extra)
{
	bool rsa = EVP_PKEY_is_a(key, "RSA");
	char *a = number_member(key, rsa ? OSSL_PKEY_PARAM_RSA_N : OSSL_PKEY_PARAM_EC_PUB_X);
	char *b = number_member(key, rsa ? OSSL_PKEY_PARAM_RSA_E : OSSL_PKEY_PARAM_EC_PUB_Y);
	char *out = malloc(strlen(a) + strlen(b) + strlen(kid) + strlen(extra) + 128);

	if (rsa)
		sprintf(out, "{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%s\",\"e\":\"%s\"%s}", kid, a, b,
		        extra);
	else
		sprintf(out, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"%s}",
		        kid, a, b, extra);
	free(a);
	free(b);
	return out;
}

static inline enum hz_jwt_result verify(const struct hz_jwt_keys *keys, const char *token,
                                        struct hz_claims *claims)
{
	size_t bytes = strlen(token);
	char *copy = malloc(bytes ? bytes : 1); // without NUL, so that ASan sees a read beyond
	enum hz_jwt_result result;

	memcpy(copy, token, bytes);
	result = hz_jwt_verify(keys, copy, bytes, NOW, claims);
	free(copy);
	return result;
}

#endif
