// The DTLS identity of an installation: a self-signed ECDSA P-256 certificate and its key, as PEM in a sealed
// memfd that the supervisor makes once and every process inherits. Remote peers know it by its SHA-256
// fingerprint (RFC 8122).
#ifndef HZ_MEDIA_TRANSPORT_IDENTITY_H
#define HZ_MEDIA_TRANSPORT_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "media/api.h"

#define HZ_FINGERPRINT_TEXT_BYTES 96 // "AB:CD:...": 32 * 3 - 1 characters and a NUL

struct hz_identity;

// Makes a new one in a memfd (close-on-exec, sealed against every change), owned by the caller.
// 0; -errno; -EIO when OpenSSL fails.
int hz_identity_generate(int *ret_fd);

// Reads fd from its start without moving its offset; fd stays the caller's. The key is wiped by free.
// 0; -EINVAL no certificate or key in it, or they do not belong together; -EFBIG; -errno.
int hz_identity_load(int fd, struct hz_identity **ret);
void hz_identity_free(struct hz_identity *identity); // NULL allowed

// SHA-256 of the certificate, as bytes, and as the upper-case colon hex of an SDP a=fingerprint line.
void hz_identity_fingerprint(const struct hz_identity *identity, uint8_t ret[HZ_FINGERPRINT_BYTES]);
void hz_identity_fingerprint_text(const struct hz_identity *identity, char ret[HZ_FINGERPRINT_TEXT_BYTES]);

// Colon hex, either case, exactly 32 bytes, to bytes. 0; -EINVAL.
int hz_fingerprint_parse(const char *text, uint8_t ret[HZ_FINGERPRINT_BYTES]);

#endif
