// AES-128-GCM with a 96-bit nonce and a 128-bit tag: one call seals or opens a packet. Intel's IPsec library where the build has it
// (x86-64: vector AES, and none of the call overhead that makes up half of a packet's price with EVP), else OpenSSL's EVP
// with a kept context. Which and why: docs/decisions/005-srtp-out.md. No I/O. Thread: one per object.
#ifndef HZ_MEDIA_TRANSPORT_GCM_H
#define HZ_MEDIA_TRANSPORT_GCM_H

#include <stddef.h>
#include <stdint.h>

#define HZ_GCM_KEY_BYTES 16
#define HZ_GCM_IV_BYTES  12
#define HZ_GCM_TAG_BYTES 16

struct hz_gcm;

// Once per process, before all else and after it. Without init, or where the CPU has no AES instructions, EVP serves.
void hz_gcm_init(void);
void hz_gcm_done(void);
const char *hz_gcm_name(void); // of what serves: for benchmarks

// 0; -ENOMEM; -EIO OpenSSL refused.
int hz_gcm_new(const uint8_t key[HZ_GCM_KEY_BYTES], struct hz_gcm **ret);
void hz_gcm_free(struct hz_gcm *gcm); // wipes; NULL allowed

void hz_gcm_prefetch(const struct hz_gcm *gcm); // its key into the cache

// Encrypts `bytes` in place and writes the tag. The caller never uses an iv twice. 0; -EIO.
struct hz_gcm_text {
	const uint8_t *iv, *aad;
	size_t aad_bytes;
	uint8_t *data;
	size_t bytes;
	uint8_t *tag;
	size_t tag_bytes; // seal: HZ_GCM_TAG_BYTES; open: what came, 8 to 16
};
int hz_gcm_seal(struct hz_gcm *gcm, const struct hz_gcm_text *text);

// Decrypts `bytes` in place if the tag is right, compared in constant time. 0; -EACCES not authentic: what is
// in place now must not be used; -EIO.
int hz_gcm_open(struct hz_gcm *gcm, const struct hz_gcm_text *text);

#endif
