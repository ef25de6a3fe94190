// AES-128 integer counter mode for libsrtp (RFC 3711 section 4.1.1) by OpenSSL's EVP. libsrtp derives all session
// keys with this type too, so that with it in place NSS is never started after hz_srtp_init().
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "gateway/base/secret.h"
#include "media/transport/srtp_internal.h"

#define KEY_BYTES   16
#define SALT_BYTES  14
#define BLOCK_BYTES 16

struct icm {
	EVP_CIPHER_CTX *evp;
	uint8_t salt[BLOCK_BYTES]; // the last two bytes, zero, are the block counter's
	srtp_cipher_t cipher;
};

static srtp_err_status_t icm_alloc(srtp_cipher_pointer_t *ret, int key_bytes, int tag_bytes)
{
	if (key_bytes != KEY_BYTES + SALT_BYTES)
		return srtp_err_status_bad_param;
	struct icm *icm = calloc(1, sizeof(*icm));
	if (!icm)
		return srtp_err_status_alloc_fail;
	icm->evp = EVP_CIPHER_CTX_new();
	if (!icm->evp) {
		free(icm);
		return srtp_err_status_alloc_fail;
	}
	icm->cipher.type = &hz_srtp_icm_type;
	icm->cipher.state = icm;
	icm->cipher.key_len = key_bytes;
	icm->cipher.algorithm = SRTP_AES_ICM_128;
	*ret = &icm->cipher;
	return srtp_err_status_ok;
}

static srtp_err_status_t icm_dealloc(srtp_cipher_pointer_t cipher)
{
	struct icm *icm = cipher->state;
	EVP_CIPHER_CTX_free(icm->evp);
	hz_wipe(icm, sizeof(*icm));
	free(icm);
	return srtp_err_status_ok;
}

static srtp_err_status_t icm_init(void *state, const uint8_t *key_and_salt)
{
	struct icm *icm = state;
	memcpy(icm->salt, key_and_salt + KEY_BYTES, SALT_BYTES);
	icm->salt[14] = icm->salt[15] = 0;
	if (EVP_EncryptInit_ex(icm->evp, EVP_aes_128_ctr(), NULL, key_and_salt, icm->salt) != 1)
		return srtp_err_status_init_fail;
	return srtp_err_status_ok;
}

static srtp_err_status_t icm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
	struct icm *icm = state;
	uint8_t counter[BLOCK_BYTES];
	for (int i = 0; i < BLOCK_BYTES; i++)
		counter[i] = iv[i] ^ icm->salt[i];
	if (EVP_EncryptInit_ex(icm->evp, NULL, NULL, NULL, counter) != 1)
		return srtp_err_status_init_fail;
	return srtp_err_status_ok;
}

static srtp_err_status_t icm_crypt(void *state, uint8_t *buf, unsigned *bytes)
{
	struct icm *icm = state;
	int n = 0;
	if (*bytes > 0 && EVP_EncryptUpdate(icm->evp, buf, &n, buf, (int)*bytes) != 1)
		return srtp_err_status_cipher_fail;
	return srtp_err_status_ok;
}

// RFC 3711 appendix B.2: key stream over zeros.
static const uint8_t test_key[KEY_BYTES + SALT_BYTES] = {
    0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f,
    0x3c, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd};
static uint8_t test_iv[BLOCK_BYTES];
static const uint8_t test_plain[32];
static const uint8_t test_stream[32] = {0xe0, 0x3e, 0xad, 0x09, 0x35, 0xc9, 0x5e, 0x80, 0xe1, 0x66, 0xb1,
                                        0x6d, 0xd9, 0x2b, 0x4e, 0xb4, 0xd2, 0x35, 0x13, 0x16, 0x2b, 0x02,
                                        0xd0, 0xf7, 0x2a, 0x43, 0xa2, 0xfe, 0x4a, 0x5f, 0x97, 0xab};
static const srtp_cipher_test_case_t test_case = {sizeof(test_key),
                                                  test_key,
                                                  test_iv,
                                                  sizeof(test_plain),
                                                  test_plain,
                                                  sizeof(test_stream),
                                                  test_stream,
                                                  0,
                                                  NULL,
                                                  0,
                                                  NULL};

const srtp_cipher_type_t hz_srtp_icm_type = {icm_alloc,
                                             icm_dealloc,
                                             icm_init,
                                             NULL,
                                             icm_crypt,
                                             icm_crypt,
                                             icm_set_iv,
                                             NULL,
                                             "AES-128-ICM by OpenSSL",
                                             &test_case,
                                             SRTP_AES_ICM_128};
