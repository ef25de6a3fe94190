#include "media/transport/gcm.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "gateway/base/secret.h"

#ifdef HZ_IPSEC_MB
#include <intel-ipsec-mb.h>

static IMB_MGR *manager; // NULL: EVP serves

void hz_gcm_init(void)
{
	if (manager)
		return;
	manager = alloc_mb_mgr(0);
	if (!manager)
		return;
	init_mb_mgr_auto(manager, NULL);
	if (imb_get_errno(manager) == 0 && (manager->features & IMB_FEATURE_AESNI))
		return;
	free_mb_mgr(manager);
	manager = NULL;
}

void hz_gcm_done(void)
{
	if (manager)
		free_mb_mgr(manager);
	manager = NULL;
}

struct hz_gcm {
	struct gcm_key_data key;
	EVP_CIPHER_CTX *evp; // NULL: `key` is good
};

static bool set_key(struct hz_gcm *gcm, const uint8_t *key)
{
	if (manager)
		IMB_AES128_GCM_PRE(manager, key, &gcm->key);
	return manager != NULL;
}

static void seal_fast(struct hz_gcm *gcm, const struct hz_gcm_text *t)
{
	struct gcm_context_data scratch;
	IMB_AES128_GCM_ENC(manager, &gcm->key, &scratch, t->data, t->data, t->bytes, t->iv, t->aad,
	                   t->aad_bytes, t->tag, HZ_GCM_TAG_BYTES);
}

static int open_fast(struct hz_gcm *gcm, const struct hz_gcm_text *t)
{
	struct gcm_context_data scratch;
	uint8_t tag[HZ_GCM_TAG_BYTES];
	IMB_AES128_GCM_DEC(manager, &gcm->key, &scratch, t->data, t->data, t->bytes, t->iv, t->aad,
	                   t->aad_bytes, tag, t->tag_bytes);
	return hz_equal(tag, t->tag, t->tag_bytes) ? 0 : -EACCES;
}

const char *hz_gcm_name(void)
{
	return manager ? "ipsec-mb" : "openssl";
}

#else

struct hz_gcm {
	EVP_CIPHER_CTX *evp;
};

void hz_gcm_init(void)
{
}

void hz_gcm_done(void)
{
}

static bool set_key(struct hz_gcm *gcm, const uint8_t *key)
{
	return false;
}

static void seal_fast(struct hz_gcm *gcm, const struct hz_gcm_text *t)
{
}

static int open_fast(struct hz_gcm *gcm, const struct hz_gcm_text *t)
{
	return -EIO;
}

const char *hz_gcm_name(void)
{
	return "openssl";
}
#endif

int hz_gcm_new(const uint8_t key[HZ_GCM_KEY_BYTES], struct hz_gcm **ret)
{
	struct hz_gcm *gcm = aligned_alloc(64, (sizeof(*gcm) + 63) / 64 * 64);
	if (!gcm)
		return -ENOMEM;
	memset(gcm, 0, sizeof(*gcm));
	if (!set_key(gcm, key)) {
		gcm->evp = EVP_CIPHER_CTX_new();
		if (!gcm->evp || EVP_EncryptInit_ex(gcm->evp, EVP_aes_128_gcm(), NULL, key, NULL) != 1) {
			int err = gcm->evp ? -EIO : -ENOMEM;
			hz_gcm_free(gcm);
			return err;
		}
	}
	*ret = gcm;
	return 0;
}

void hz_gcm_free(struct hz_gcm *gcm)
{
	if (!gcm)
		return;
	EVP_CIPHER_CTX_free(gcm->evp); // clears the key schedule
	hz_wipe(gcm, sizeof(*gcm));
	free(gcm);
}

void hz_gcm_prefetch(const struct hz_gcm *gcm)
{
	for (size_t at = 0; at < sizeof(*gcm); at += 64)
		__builtin_prefetch((const uint8_t *)gcm + at);
}

static int seal_evp(EVP_CIPHER_CTX *evp, const struct hz_gcm_text *t)
{
	uint8_t none[1];
	OSSL_PARAM tag[2] = {
	    OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, t->tag, HZ_GCM_TAG_BYTES),
	    OSSL_PARAM_construct_end()};
	int n = 0;
	bool ok = EVP_EncryptInit_ex(evp, NULL, NULL, NULL, t->iv) == 1 &&
	          EVP_EncryptUpdate(evp, NULL, &n, t->aad, (int)t->aad_bytes) == 1 &&
	          (t->bytes == 0 || EVP_EncryptUpdate(evp, t->data, &n, t->data, (int)t->bytes) == 1) &&
	          EVP_EncryptFinal_ex(evp, none, &n) == 1 && EVP_CIPHER_CTX_get_params(evp, tag) == 1;
	return ok ? 0 : -EIO;
}

int hz_gcm_seal(struct hz_gcm *gcm, const struct hz_gcm_text *text)
{
	if (gcm->evp)
		return seal_evp(gcm->evp, text);
	seal_fast(gcm, text);
	return 0;
}

static int open_evp(EVP_CIPHER_CTX *evp, const struct hz_gcm_text *t)
{
	uint8_t none[1];
	int n = 0;
	bool ok = EVP_DecryptInit_ex(evp, NULL, NULL, NULL, t->iv) == 1 &&
	          EVP_DecryptUpdate(evp, NULL, &n, t->aad, (int)t->aad_bytes) == 1 &&
	          EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_SET_TAG, (int)t->tag_bytes, t->tag) == 1 &&
	          (t->bytes == 0 || EVP_DecryptUpdate(evp, t->data, &n, t->data, (int)t->bytes) == 1);
	if (!ok)
		return -EIO;
	return EVP_DecryptFinal_ex(evp, none, &n) == 1 ? 0 : -EACCES;
}

int hz_gcm_open(struct hz_gcm *gcm, const struct hz_gcm_text *text)
{
	return gcm->evp ? open_evp(gcm->evp, text) : open_fast(gcm, text);
}
