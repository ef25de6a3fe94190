#include "recorder/journal/crypt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <openssl/evp.h>

struct hz_cipher {
	EVP_CIPHER_CTX *ctx; // keyed once: an operation only sets the nonce
};

struct hz_hasher {
	EVP_MD *md; // fetched once: OpenSSL 3 looks it up in every call else
	EVP_MD_CTX *ctx;
};

int hz_cipher_new(const uint8_t key[HZ_GCM256_KEY_BYTES], struct hz_cipher **ret)
{
	struct hz_cipher *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->ctx = EVP_CIPHER_CTX_new();
	if (!c->ctx || EVP_EncryptInit_ex(c->ctx, EVP_aes_256_gcm(), NULL, key, NULL) != 1) {
		int err = c->ctx ? -EIO : -ENOMEM;
		hz_cipher_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

void hz_cipher_free(struct hz_cipher *cipher)
{
	if (!cipher)
		return;
	EVP_CIPHER_CTX_free(cipher->ctx); // clears the key schedule
	free(cipher);
}

int hz_cipher_seal(struct hz_cipher *cipher, const struct hz_sealing *s)
{
	EVP_CIPHER_CTX *ctx = cipher->ctx;
	uint8_t none[1];
	int n = 0;
	bool ok = EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, s->nonce) == 1 &&
	          EVP_EncryptUpdate(ctx, NULL, &n, s->aad, (int)s->aad_bytes) == 1 &&
	          (s->bytes == 0 || EVP_EncryptUpdate(ctx, s->data, &n, s->data, (int)s->bytes) == 1) &&
	          EVP_EncryptFinal_ex(ctx, none, &n) == 1 &&
	          EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, HZ_GCM256_TAG_BYTES, s->tag) == 1;
	return ok ? 0 : -EIO;
}

int hz_cipher_open(struct hz_cipher *cipher, const struct hz_sealing *s)
{
	EVP_CIPHER_CTX *ctx = cipher->ctx;
	uint8_t none[1];
	int n = 0;
	bool ok = EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, s->nonce) == 1 &&
	          EVP_DecryptUpdate(ctx, NULL, &n, s->aad, (int)s->aad_bytes) == 1 &&
	          EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, HZ_GCM256_TAG_BYTES, s->tag) == 1 &&
	          (s->bytes == 0 || EVP_DecryptUpdate(ctx, s->data, &n, s->data, (int)s->bytes) == 1);
	if (!ok)
		return -EIO;
	return EVP_DecryptFinal_ex(ctx, none, &n) == 1 ? 0 : -EBADMSG;
}

int hz_hasher_new(struct hz_hasher **ret)
{
	struct hz_hasher *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	if (!h->md || !h->ctx || EVP_DigestInit_ex2(h->ctx, h->md, NULL) != 1) {
		hz_hasher_free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

void hz_hasher_free(struct hz_hasher *hasher)
{
	if (!hasher)
		return;
	EVP_MD_CTX_free(hasher->ctx);
	EVP_MD_free(hasher->md);
	free(hasher);
}

void hz_hash(struct hz_hasher *hasher, const uint8_t *before, const void *data, size_t bytes,
             uint8_t ret[HZ_SHA256_HASH_BYTES])
{
	EVP_MD_CTX *ctx = hasher->ctx;
	if (EVP_DigestInit_ex2(ctx, NULL, NULL) != 1 ||
	    (before && EVP_DigestUpdate(ctx, before, HZ_SHA256_HASH_BYTES) != 1) ||
	    EVP_DigestUpdate(ctx, data, bytes) != 1 || EVP_DigestFinal_ex(ctx, ret, NULL) != 1)
		abort();
}
