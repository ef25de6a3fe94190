#include "recorder/record/sign.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/hex.h"
#include "gateway/base/secret.h"
#include "recorder/record/files.h"

#define KEY_BYTES 8192
#define SM2_ID    "1234567812345678"

struct hz_sign_key {
	EVP_PKEY *pkey;
	bool sm2;
};

static int wrap(EVP_PKEY *pkey, struct hz_sign_key **ret)
{
	char group[32] = "";
	struct hz_sign_key *key = calloc(1, sizeof(*key));
	bool sm2 = pkey && EVP_PKEY_is_a(pkey, "SM2");
	if (pkey && !sm2)
		(void)EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
		                                     NULL);
	bool good = sm2 || strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0;
	ERR_clear_error();
	if (!key || !good) {
		EVP_PKEY_free(pkey);
		free(key);
		return good ? -ENOMEM : -EBADMSG;
	}
	key->pkey = pkey;
	key->sm2 = sm2;
	*ret = key;
	return 0;
}

static int write_pem(const char *path, EVP_PKEY *pkey, bool private)
{
	char *text;
	BIO *bio = BIO_new(BIO_s_mem());
	int good = bio ? private ? PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)
	                         : PEM_write_bio_PUBKEY(bio, pkey)
	               : 0;
	long bytes = good ? BIO_get_mem_data(bio, &text) : 0;
	int err = bytes > 0 ? hz_document_write(path, text, (size_t)bytes, private ? 0600 : 0644) : -ENOMEM;
	if (bytes > 0)
		hz_wipe(text, (size_t)bytes);
	BIO_free(bio);
	return err;
}

// public.pem last: where it is, the key is whole.
static int make_key(const char *store, bool sm2, struct hz_sign_key **ret)
{
	char path[4096];
	EVP_PKEY *pkey =
	    sm2 ? EVP_PKEY_Q_keygen(NULL, NULL, "SM2") : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	if (!pkey)
		return sm2 ? -ENOTSUP : -ENOMEM;
	snprintf(path, sizeof(path), "%s/signing", store);
	int err = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
	snprintf(path, sizeof(path), "%s/signing/key.pem", store);
	if (!err)
		err = write_pem(path, pkey, true);
	snprintf(path, sizeof(path), "%s/signing/public.pem", store);
	if (!err)
		err = write_pem(path, pkey, false);
	if (err) {
		EVP_PKEY_free(pkey);
		return err;
	}
	return wrap(pkey, ret);
}

static int no_password(char *buf, int size, int writing, void *arg)
{
	return 0;
}

int hz_sign_key_open(const char *store, bool sm2, struct hz_sign_key **ret)
{
	char path[4096], *text;
	size_t bytes;
	snprintf(path, sizeof(path), "%s/signing/key.pem", store);
	int err = hz_document_read(path, KEY_BYTES, &text, &bytes);
	if (err == -ENOENT)
		return make_key(store, sm2, ret);
	if (err)
		return err;
	BIO *bio = BIO_new_mem_buf(text, (int)bytes);
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	BIO_free(bio);
	hz_wipe(text, bytes);
	free(text);
	struct stat st;
	snprintf(path, sizeof(path), "%s/signing/public.pem", store);
	if (pkey && stat(path, &st) < 0)
		(void)write_pem(path, pkey, false);
	return wrap(pkey, ret);
}

int hz_sign_key_public(const char *pem, struct hz_sign_key **ret)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)strlen(pem));
	EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL) : NULL;
	BIO_free(bio);
	return wrap(pkey, ret);
}

void hz_sign_key_free(struct hz_sign_key *key)
{
	if (key)
		EVP_PKEY_free(key->pkey);
	free(key);
}

// The public point, 04 | X | Y.
static bool point_of(const EVP_PKEY *pkey, uint8_t ret[65])
{
	size_t n = 0;
	return EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, ret, 65, &n) && n == 65 &&
	       ret[0] == 4;
}

char *hz_sign_canonical(const void *json)
{
	return json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

static char *base64url(const void *data, size_t bytes)
{
	char *text = malloc(4 * ((bytes + 2) / 3) + 1);
	if (text)
		hz_base64(data, bytes, 1, text);
	return text;
}

static char *header_of(const struct hz_sign_key *key)
{
	uint8_t point[65], digest[32];
	char x[48], y[48], thumb[256], hash[65], kid[48];
	if (!point_of(key->pkey, point))
		return NULL;
	hz_base64(point + 1, 32, 1, x);
	hz_base64(point + 33, 32, 1, y);
	snprintf(thumb, sizeof(thumb), "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
	         key->sm2 ? "SM2" : "P-256", x, y);
	hz_hash_hex(thumb, strlen(thumb), hash);
	(void)hz_hex_bytes(hash, digest, sizeof(digest));
	hz_base64(digest, sizeof(digest), 1, kid);
	json_t *header =
	    json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "alg", key->sm2 ? "SM2SM3" : "ES256", "kid", kid,
	              "jwk", "kty", "EC", "crv", key->sm2 ? "SM2" : "P-256", "x", x, "y", y);
	char *text = header ? hz_sign_canonical(header) : NULL;
	char *coded = text ? base64url(text, strlen(text)) : NULL;
	free(text);
	json_decref(header);
	return coded;
}

static char *joined(const char *a, const char *b)
{
	char *text = malloc(strlen(a) + strlen(b) + 2);
	if (text)
		sprintf(text, "%s.%s", a, b);
	return text;
}

static EVP_MD_CTX *digest_context(const struct hz_sign_key *key, bool signing)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	const EVP_MD *md = key->sm2 ? EVP_sm3() : EVP_sha256();
	int good = ctx && (signing ? EVP_DigestSignInit(ctx, &pctx, md, NULL, key->pkey)
	                           : EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key->pkey)) == 1;
	if (good && key->sm2)
		good = EVP_PKEY_CTX_set1_id(pctx, SM2_ID, strlen(SM2_ID)) == 1;
	if (good)
		return ctx;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return NULL;
}

// DER to r | s and back (RFC 7518 section 3.4).
static bool raw_of(const uint8_t *der, size_t bytes, uint8_t ret[64])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)bytes);
	bool good = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, 32) == 32 &&
	            BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + 32, 32) == 32;
	ECDSA_SIG_free(sig);
	return good;
}

static int der_of(const uint8_t raw[64], uint8_t **ret)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
	int n = -1;
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
		*ret = NULL;
		n = i2d_ECDSA_SIG(sig, ret);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return n;
}

int hz_sign(const struct hz_sign_key *key, const char *payload64, char **ret_protected, char **ret_signature)
{
	uint8_t der[256], raw[64];
	size_t bytes = sizeof(der);
	char *header = header_of(key), *input = header ? joined(header, payload64) : NULL, *signature = NULL;
	EVP_MD_CTX *ctx = input ? digest_context(key, true) : NULL;
	if (ctx && EVP_DigestSign(ctx, der, &bytes, (const uint8_t *)input, strlen(input)) == 1 &&
	    raw_of(der, bytes, raw))
		signature = base64url(raw, sizeof(raw));
	EVP_MD_CTX_free(ctx);
	free(input);
	if (!signature) {
		free(header);
		return -EIO;
	}
	*ret_protected = header;
	*ret_signature = signature;
	return 0;
}

static int key_of_jwk(const json_t *jwk, struct hz_sign_key **ret)
{
	const char *x = json_string_value(json_object_get(jwk, "x")),
	           *y = json_string_value(json_object_get(jwk, "y"));
	const char *crv = json_string_value(json_object_get(jwk, "crv"));
	uint8_t point[1 + 64 + 8] = {4};
	size_t nx = 0, ny = 0;
	if (!x || !y || !crv || strlen(x) != 43 || strlen(y) != 43 || hz_base64url_bytes(x, point + 1, &nx) ||
	    hz_base64url_bytes(y, point + 33, &ny) || nx != 32 || ny != 32)
		return -EBADMSG;
	bool sm2 = strcmp(crv, "SM2") == 0;
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, sm2 ? "SM2" : "EC", NULL);
	char group[8];
	snprintf(group, sizeof(group), "%s", sm2 ? "SM2" : "P-256");
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
	                       OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 65),
	                       OSSL_PARAM_construct_end()};
	if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	return wrap(pkey, ret);
}

static int header_read(const char *header64, json_t **ret)
{
	size_t bytes, most = strlen(header64);
	uint8_t *text = most <= KEY_BYTES ? malloc(most + 4) : NULL;
	int err = text ? hz_base64url_bytes(header64, text, &bytes) : -EBADMSG;
	*ret = err ? NULL : json_loadb((char *)text, bytes, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	return json_is_object(*ret) && !json_object_get(*ret, "crit") ? 0 : -EBADMSG;
}

static int check_with(const struct hz_sign_key *key, const json_t *header, const char *input,
                      const char *signature64)
{
	uint8_t raw[64 + 8], *der = NULL;
	size_t bytes = 0;
	const char *alg = json_string_value(json_object_get(header, "alg"));
	if (!alg || strcmp(alg, key->sm2 ? "SM2SM3" : "ES256") != 0)
		return -EKEYREJECTED;
	if (strlen(signature64) != 86 || hz_base64url_bytes(signature64, raw, &bytes) || bytes != 64)
		return -EKEYREJECTED;
	int n = der_of(raw, &der), good = 0;
	EVP_MD_CTX *ctx = n > 0 ? digest_context(key, false) : NULL;
	if (ctx)
		good = EVP_DigestVerify(ctx, der, (size_t)n, (const uint8_t *)input, strlen(input)) == 1;
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	ERR_clear_error();
	return good ? 0 : -EKEYREJECTED;
}

int hz_sign_check(const struct hz_sign_key *key, const char *header64, const char *payload64,
                  const char *signature64)
{
	json_t *header = NULL;
	struct hz_sign_key *inside = NULL;
	char *input = NULL;
	int err = header_read(header64, &header);
	if (!err && !key)
		err = key_of_jwk(json_object_get(header, "jwk"), &inside);
	if (!err && !(input = joined(header64, payload64)))
		err = -ENOMEM;
	if (!err)
		err = check_with(key ? key : inside, header, input, signature64);
	free(input);
	hz_sign_key_free(inside);
	json_decref(header);
	return err;
}

int hz_sign_compact(const struct hz_sign_key *key, const void *payload, size_t bytes, char **ret)
{
	char *payload64 = base64url(payload, bytes), *header = NULL, *signature = NULL, *front = NULL;
	int err = payload64 ? hz_sign(key, payload64, &header, &signature) : -ENOMEM;
	if (!err)
		front = joined(header, payload64);
	char *all = front ? joined(front, signature) : NULL;
	free(payload64);
	free(header);
	free(signature);
	free(front);
	if (!err && !all)
		err = -ENOMEM;
	if (!err)
		*ret = all;
	return err;
}

int hz_sign_compact_check(const struct hz_sign_key *key, const char *compact, char **ret_payload)
{
	char *copy = strdup(compact), *rest = copy;
	const char *header = copy ? strsep(&rest, ".") : NULL, *payload = rest ? strsep(&rest, ".") : NULL,
	           *signature = rest;
	size_t bytes = 0;
	int err = signature ? hz_sign_check(key, header, payload, signature) : -EBADMSG;
	uint8_t *text = err ? NULL : malloc(strlen(payload) + 4);
	if (!err)
		err = text ? hz_base64url_bytes(payload, text, &bytes) : -ENOMEM;
	free(copy);
	if (err) {
		free(text);
		return err;
	}
	text[bytes] = '\0';
	*ret_payload = (char *)text;
	return 0;
}
