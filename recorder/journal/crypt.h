// AES-256-GCM with a kept key, and SHA-256, by OpenSSL's EVP. Thread: one an object.
#ifndef HZ_RECORDER_JOURNAL_CRYPT_H
#define HZ_RECORDER_JOURNAL_CRYPT_H

#include <stddef.h>
#include <stdint.h>

#define HZ_GCM256_KEY_BYTES   32
#define HZ_GCM256_NONCE_BYTES 12
#define HZ_GCM256_TAG_BYTES   16
#define HZ_SHA256_HASH_BYTES  32

struct hz_cipher;
struct hz_hasher;

struct hz_sealing {
	const uint8_t *nonce, *aad;
	size_t aad_bytes;
	uint8_t *data; // in place
	size_t bytes;
	uint8_t *tag;
};

int hz_cipher_new(const uint8_t key[HZ_GCM256_KEY_BYTES], struct hz_cipher **ret); // -ENOMEM, -EIO
void hz_cipher_free(struct hz_cipher *cipher);                                     // wipes; NULL allowed
int hz_cipher_seal(struct hz_cipher *cipher, const struct hz_sealing *s);          // -EIO
int hz_cipher_open(struct hz_cipher *cipher, const struct hz_sealing *s); // -EBADMSG not authentic, -EIO

int hz_hasher_new(struct hz_hasher **ret);
void hz_hasher_free(struct hz_hasher *hasher); // NULL allowed
// SHA-256 over `before` (a hash; NULL: nothing) and the data. Cannot fail: OpenSSL without memory ends the process, because
// a wrong hash must never pass for one.
void hz_hash(struct hz_hasher *hasher, const uint8_t *before, const void *data, size_t bytes,
             uint8_t ret[HZ_SHA256_HASH_BYTES]);

#endif
