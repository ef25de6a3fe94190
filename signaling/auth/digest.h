// SHA-256 (FIPS 180-4), for secrets that are kept hashed: link codes, cookies, resume keys. Thread: any.
#ifndef HZ_SIGNALING_AUTH_DIGEST_H
#define HZ_SIGNALING_AUTH_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define HZ_SHA256_BYTES 32

void hz_sha256(const void *data, size_t bytes, uint8_t ret[HZ_SHA256_BYTES]);

#endif
