#include "signaling/auth/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

void hz_sha256(const void *data, size_t bytes, uint8_t ret[HZ_SHA256_BYTES])
{
	// Fails only when OpenSSL itself is broken or out of memory; a wrong hash must never pass for one.
	if (!EVP_Digest(data, bytes, ret, NULL, EVP_sha256(), NULL))
		abort();
}

void hz_hmac_sha256(const uint8_t key[HZ_SHA256_BYTES], const void *data, size_t bytes,
                    uint8_t ret[HZ_SHA256_BYTES])
{
	if (!HMAC(EVP_sha256(), key, HZ_SHA256_BYTES, data, bytes, ret, NULL))
		abort();
}
