// HMAC-SHA1 for libsrtp (RFC 3711 section 4.2.1). The two key blocks are hashed once a key; a packet starts from
// copies of their states. EVP would take memory for each such copy, hence OpenSSL's plain SHA1_ functions, which
// use the same SHA instructions and which OpenSSL 3 calls deprecated without having something in their place.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "gateway/base/secret.h"
#include "media/transport/srtp_internal.h"

#define BLOCK_BYTES SHA_CBLOCK

struct hmac {
	SHA_CTX inner, outer; // after the key's block
	SHA_CTX now;
	srtp_auth_t auth;
};

static srtp_err_status_t hmac_alloc(srtp_auth_pointer_t *ret, int key_bytes, int tag_bytes)
{
	if (key_bytes < 0 || key_bytes > BLOCK_BYTES || tag_bytes < 0 || tag_bytes > SHA_DIGEST_LENGTH)
		return srtp_err_status_bad_param;
	struct hmac *hmac = calloc(1, sizeof(*hmac));
	if (!hmac)
		return srtp_err_status_alloc_fail;
	hmac->auth.type = &hz_srtp_hmac_type;
	hmac->auth.state = hmac;
	hmac->auth.key_len = key_bytes;
	hmac->auth.out_len = tag_bytes;
	*ret = &hmac->auth;
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_dealloc(srtp_auth_pointer_t auth)
{
	struct hmac *hmac = auth->state;
	hz_wipe(hmac, sizeof(*hmac));
	free(hmac);
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_init(void *state, const uint8_t *key, int key_bytes)
{
	struct hmac *hmac = state;
	uint8_t inner[BLOCK_BYTES], outer[BLOCK_BYTES];
	if (key_bytes < 0 || key_bytes > BLOCK_BYTES)
		return srtp_err_status_bad_param;
	for (int i = 0; i < BLOCK_BYTES; i++) {
		uint8_t k = i < key_bytes ? key[i] : 0;
		inner[i] = k ^ 0x36;
		outer[i] = k ^ 0x5c;
	}
	SHA1_Init(&hmac->inner);
	SHA1_Update(&hmac->inner, inner, sizeof(inner));
	SHA1_Init(&hmac->outer);
	SHA1_Update(&hmac->outer, outer, sizeof(outer));
	hmac->now = hmac->inner;
	hz_wipe(inner, sizeof(inner));
	hz_wipe(outer, sizeof(outer));
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_start(void *state)
{
	struct hmac *hmac = state;
	hmac->now = hmac->inner;
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_update(void *state, const uint8_t *buf, int bytes)
{
	struct hmac *hmac = state;
	if (bytes < 0)
		return srtp_err_status_bad_param;
	SHA1_Update(&hmac->now, buf, (size_t)bytes);
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_compute(void *state, const uint8_t *buf, int bytes, int tag_bytes, uint8_t *tag)
{
	struct hmac *hmac = state;
	uint8_t digest[SHA_DIGEST_LENGTH];
	if (bytes < 0 || tag_bytes < 0 || tag_bytes > SHA_DIGEST_LENGTH)
		return srtp_err_status_bad_param;
	SHA1_Update(&hmac->now, buf, (size_t)bytes);
	SHA1_Final(digest, &hmac->now);
	hmac->now = hmac->outer;
	SHA1_Update(&hmac->now, digest, sizeof(digest));
	SHA1_Final(digest, &hmac->now);
	memcpy(tag, digest, (size_t)tag_bytes);
	return srtp_err_status_ok;
}

// RFC 2202 test case 1.
static const uint8_t test_key[20] = {11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
                                     11, 11, 11, 11, 11, 11, 11, 11, 11, 11};
static const uint8_t test_data[8] = {'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'};
static const uint8_t test_tag[20] = {0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b,
                                     0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00};
static const srtp_auth_test_case_t test_case = {
    sizeof(test_key), test_key, sizeof(test_data), test_data, sizeof(test_tag), test_tag, NULL};

const srtp_auth_type_t hz_srtp_hmac_type = {
    hmac_alloc, hmac_dealloc,           hmac_init,  hmac_compute,  hmac_update,
    hmac_start, "HMAC-SHA1 by OpenSSL", &test_case, SRTP_HMAC_SHA1};
