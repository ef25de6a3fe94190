// SHA-256 (FIPS 180-4), for secrets that are kept hashed: link codes, cookies, resume keys; and HMAC with it (RFC 2104), for what
// we give out and want to know again. Thread: any.
#ifndef HZ_SIGNALING_AUTH_DIGEST_H
#define HZ_SIGNALING_AUTH_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define HZ_SHA256_BYTES 32

void hz_sha256(const void *data, size_t bytes, uint8_t ret[HZ_SHA256_BYTES]);
void hz_hmac_sha256(const uint8_t key[HZ_SHA256_BYTES], const void *data, size_t bytes,
                    uint8_t ret[HZ_SHA256_BYTES]);

#endif
