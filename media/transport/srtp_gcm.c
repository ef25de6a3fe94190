// AES-128-GCM for libsrtp (RFC 7714) over media/transport/gcm.h: libsrtp hands over IV, additional data and payload one after
// the other; they are kept until the payload comes, which then takes one call.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "media/transport/gcm.h"
#include "media/transport/srtp_internal.h"

#define KEY_BYTES  HZ_GCM_KEY_BYTES
#define SALT_BYTES 12 // libsrtp hands key and salt together
#define SHORT_TAG                                                                                            \
	8 // of libsrtp's own test, which a type must pass to take its place; no SRTP profile of ours has it
#define JOINED 12 // additional data of SRTCP comes in two parts: the header's 8 bytes, the index' 4

struct gcm {
	struct hz_gcm *key;
	uint8_t iv[HZ_GCM_IV_BYTES];
	uint8_t tag[HZ_GCM_TAG_BYTES]; // of what was encrypted last
	uint8_t joined[JOINED];
	const uint8_t *aad; // libsrtp's, until the payload comes; or `joined`
	uint32_t aad_bytes;
	uint32_t tag_bytes;
	srtp_cipher_t cipher; // what libsrtp holds
};

static srtp_err_status_t gcm_alloc(srtp_cipher_pointer_t *ret, int key_bytes, int tag_bytes)
{
	if (key_bytes != KEY_BYTES + SALT_BYTES || (tag_bytes != HZ_GCM_TAG_BYTES && tag_bytes != SHORT_TAG))
		return srtp_err_status_bad_param;
	struct gcm *gcm = calloc(1, sizeof(*gcm));
	if (!gcm)
		return srtp_err_status_alloc_fail;
	gcm->tag_bytes = (uint32_t)tag_bytes;
	gcm->cipher.type = &hz_srtp_gcm_type;
	gcm->cipher.state = gcm;
	gcm->cipher.key_len = key_bytes;
	gcm->cipher.algorithm = SRTP_AES_GCM_128;
	*ret = &gcm->cipher;
	return srtp_err_status_ok;
}

static srtp_err_status_t gcm_dealloc(srtp_cipher_pointer_t cipher)
{
	struct gcm *gcm = cipher->state;
	hz_gcm_free(gcm->key);
	hz_wipe(gcm, sizeof(*gcm));
	free(gcm);
	return srtp_err_status_ok;
}

static srtp_err_status_t gcm_init(void *state, const uint8_t *key)
{
	struct gcm *gcm = state;
	hz_gcm_free(gcm->key);
	gcm->key = NULL;
	return hz_gcm_new(key, &gcm->key) ? srtp_err_status_init_fail : srtp_err_status_ok;
}

static srtp_err_status_t gcm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
	struct gcm *gcm = state;
	memcpy(gcm->iv, iv, HZ_GCM_IV_BYTES);
	gcm->aad_bytes = 0;
	return srtp_err_status_ok;
}

static srtp_err_status_t gcm_set_aad(void *state, const uint8_t *aad, uint32_t bytes)
{
	struct gcm *gcm = state;
	if (gcm->aad_bytes == 0) {
		gcm->aad = aad;
		gcm->aad_bytes = bytes;
		return srtp_err_status_ok;
	}
	if (gcm->aad == gcm->joined ||
	    gcm->aad_bytes + bytes > JOINED) // SRTCP that is not encrypted: nobody sends it
		return srtp_err_status_algo_fail;
	memcpy(gcm->joined, gcm->aad, gcm->aad_bytes);
	memcpy(gcm->joined + gcm->aad_bytes, aad, bytes);
	gcm->aad = gcm->joined;
	gcm->aad_bytes += bytes;
	return srtp_err_status_ok;
}

static srtp_err_status_t gcm_encrypt(void *state, uint8_t *buf, unsigned *bytes)
{
	struct gcm *gcm = state;
	struct hz_gcm_text text = {gcm->iv, gcm->aad, gcm->aad_bytes,  buf,
	                           *bytes,  gcm->tag, HZ_GCM_TAG_BYTES};
	return hz_gcm_seal(gcm->key, &text) ? srtp_err_status_cipher_fail : srtp_err_status_ok;
}

static srtp_err_status_t gcm_get_tag(void *state, uint8_t *tag, uint32_t *ret_bytes)
{
	const struct gcm *gcm = state;
	memcpy(tag, gcm->tag, gcm->tag_bytes);
	*ret_bytes = gcm->tag_bytes;
	return srtp_err_status_ok;
}

// buf: ciphertext and tag; *bytes becomes the length of the plaintext.
static srtp_err_status_t gcm_decrypt(void *state, uint8_t *buf, unsigned *bytes)
{
	struct gcm *gcm = state;
	if (*bytes < gcm->tag_bytes)
		return srtp_err_status_bad_param;
	size_t payload = *bytes - gcm->tag_bytes;
	struct hz_gcm_text text = {gcm->iv, gcm->aad,      gcm->aad_bytes, buf,
	                           payload, buf + payload, gcm->tag_bytes};
	int err = hz_gcm_open(gcm->key, &text);
	if (err)
		return err == -EACCES ? srtp_err_status_auth_fail : srtp_err_status_cipher_fail;
	*bytes -= gcm->tag_bytes;
	return srtp_err_status_ok;
}

// The GCM specification's test case 4 (McGrew and Viega), which libsrtp runs before it takes the type.
static const uint8_t test_key[KEY_BYTES + SALT_BYTES] = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
                                                         0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
static uint8_t test_iv[HZ_GCM_IV_BYTES] = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
                                           0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
static const uint8_t test_plain[60] = {
    0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26,
    0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31,
    0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49,
    0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39};
static const uint8_t test_aad[20] = {0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
                                     0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2};
static const uint8_t test_sealed[76] = {
    0x42, 0x83, 0x1e, 0xc2, 0x21, 0x77, 0x74, 0x24, 0x4b, 0x72, 0x21, 0xb7, 0x84, 0xd0, 0xd4, 0x9c,
    0xe3, 0xaa, 0x21, 0x2f, 0x2c, 0x02, 0xa4, 0xe0, 0x35, 0xc1, 0x7e, 0x23, 0x29, 0xac, 0xa1, 0x2e,
    0x21, 0xd5, 0x14, 0xb2, 0x54, 0x66, 0x93, 0x1c, 0x7d, 0x8f, 0x6a, 0x5a, 0xac, 0x84, 0xaa, 0x05,
    0x1b, 0xa3, 0x0b, 0x39, 0x6a, 0x0a, 0xac, 0x97, 0x3d, 0x58, 0xe0, 0x91, 0x5b, 0xc9, 0x4f, 0xbc,
    0x32, 0x21, 0xa5, 0xdb, 0x94, 0xfa, 0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47};
static const srtp_cipher_test_case_t test_case = {
    sizeof(test_key), test_key,         test_iv,  sizeof(test_plain), test_plain, sizeof(test_sealed),
    test_sealed,      sizeof(test_aad), test_aad, HZ_GCM_TAG_BYTES,   NULL};

const srtp_cipher_type_t hz_srtp_gcm_type = {gcm_alloc,   gcm_dealloc,     gcm_init,
                                             gcm_set_aad, gcm_encrypt,     gcm_decrypt,
                                             gcm_set_iv,  gcm_get_tag,     "AES-128-GCM by OpenSSL",
                                             &test_case,  SRTP_AES_GCM_128};
