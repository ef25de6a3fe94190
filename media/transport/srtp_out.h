// Outgoing SRTP of one peer with AEAD_AES_128_GCM (RFC 7714), straight over media/transport/gcm.h. libsrtp stays in charge of everything else (SRTCP, what is received, AES-CM).
// Why: docs/decisions/005-srtp-out.md. Used by srtp.c only. No I/O, no clock. Thread: one per object.
#ifndef HZ_MEDIA_TRANSPORT_SRTP_OUT_H
#define HZ_MEDIA_TRANSPORT_SRTP_OUT_H

#include <stddef.h>
#include <stdint.h>

struct hz_srtp_out;

// Session key and salt are derived from the master ones (RFC 3711 section 4.3, key derivation rate 0).
// 0; -ENOMEM; -EIO OpenSSL refused.
int hz_srtp_out_new(const uint8_t master_key[16], const uint8_t master_salt[14], uint32_t max_ssrcs,
                    struct hz_srtp_out **ret);
void hz_srtp_out_free(struct hz_srtp_out *out); // wipes; NULL allowed

// In place: `header` bytes of buf stay readable, the rest is encrypted, 16 bytes of tag follow; *len grows by them.
// The roll-over counter follows from the newest index, as on the other side. 0; -EALREADY this index was used before or
// may have been: nothing was changed; -ENOSPC too many SSRCs; -ENOMEM; -ENOKEY index above 2^48; -EIO.
int hz_srtp_out_protect(struct hz_srtp_out *out, uint8_t *buf, size_t header, size_t *len);

// The newest index that may have been used; everything at or below is refused from now on.
// 0; -EEXIST the SSRC is there already; -ENOSPC; -ENOMEM.
int hz_srtp_out_restore(struct hz_srtp_out *out, uint32_t ssrc, uint64_t index);

// Fetches what the next protect() will touch into the cache; the object itself should be there already.
void hz_srtp_out_prefetch(const struct hz_srtp_out *out);

void hz_srtp_out_remove(struct hz_srtp_out *out, uint32_t ssrc); // unknown: nothing

#endif
