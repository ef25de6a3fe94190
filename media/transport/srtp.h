// SRTP and SRTCP of one peer (RFC 3711, RFC 7714), over libsrtp2 with OpenSSL's AES and SHA-1 underneath.
// Packets are protected and unprotected in place. No I/O, no clock; memory is taken for a new SSRC only.
// Thread: one per object; init and done once per process, before and after all else.
//
// After a crash. A worker goes on with the keys from its arena: hz_srtp_new(), then hz_srtp_restore_tx() with
// the newest index that may have been used, and hz_srtp_restore_rx() with the last roll-over counter, per
// SSRC. The index of outgoing SRTCP cannot be restored in libsrtp: a new object starts at 0 again for every
// sender SSRC. Nonces would repeat, so each incarnation of a worker uses a fresh random RTCP sender SSRC,
// which must be the *first* SSRC of each compound packet (an RR of that SSRC first, then SR, SDES and
// feedback): SRTCP takes its nonce from that SSRC alone. Incoming SRTCP has no such problem: the index is in
// the packet; only the replay window is forgotten, which means that RTCP captured before the crash could be
// played back once. Incoming SRTP: the replay window is forgotten as well; the roll-over counter bounds the
// replay to one cycle.
#ifndef HZ_MEDIA_TRANSPORT_SRTP_H
#define HZ_MEDIA_TRANSPORT_SRTP_H

#include <stddef.h>
#include <stdint.h>

enum hz_srtp_profile { // RFC 5764 and RFC 7714 numbers
	HZ_SRTP_AES_CM_128_HMAC_SHA1_80 = 1,
	HZ_SRTP_AEAD_AES_128_GCM = 7,
};

#define HZ_SRTP_TRAILER_BYTES                                                                                \
	24 // room to leave behind a packet for protect and protect_rtcp (tag, SRTCP index)
#define HZ_SRTP_MAX_RX_SSRCS 64   // of one peer; more are refused
#define HZ_SRTP_MAX_TX_SSRCS 512  // of one peer
#define HZ_SRTP_WINDOW       1024 // replay window, packets

// Plain data, lives in the worker's arena. GCM salts are the first 12 bytes, the rest zero.
struct hz_srtp_keys {
	uint8_t profile;                         // enum hz_srtp_profile
	uint8_t local_key[16], local_salt[14];   // of what we send
	uint8_t remote_key[16], remote_salt[14]; // of what the peer sends
};

// 0; -EIO libsrtp or OpenSSL refused. done() may be called only when every object is freed. Counted: a second init()
// before done() costs nothing, so a worker that waits for its arena has the 20 ms of self-tests behind it.
int hz_srtp_init(void);
void hz_srtp_done(void);

struct hz_srtp;

// keys are copied. 0; -EINVAL unknown profile; -ENOMEM.
int hz_srtp_new(const struct hz_srtp_keys *keys, struct hz_srtp **ret);
void hz_srtp_free(struct hz_srtp *srtp); // wipes; NULL allowed

// In place; *len bytes in, *len bytes out, at most cap. 0;
// -EINVAL not an RTP or RTCP packet, or cap < *len + HZ_SRTP_TRAILER_BYTES; -EALREADY the index was used
// before (a repeated sequence number is never protected twice) or is too old; -ENOSPC too many SSRCs; -ENOKEY
// key used up (2^48 packets); -EIO.
int hz_srtp_protect(struct hz_srtp *srtp, uint8_t *buf, size_t *len, size_t cap);
int hz_srtp_protect_rtcp(struct hz_srtp *srtp, uint8_t *buf, size_t *len, size_t cap);

// Fetches what the next protect() will touch into the cache, in two steps, each some hundred ns before the next: step 1
// the object, step 2 what it points to.
void hz_srtp_prefetch(const struct hz_srtp *srtp, unsigned step);

// In place. 0; -EACCES authentication failed; -EALREADY replayed, or older than the window; -EINVAL not a
// packet; -ENOSPC more than HZ_SRTP_MAX_RX_SSRCS (an SSRC is counted once a packet of it was authentic;
// remove_rx frees it).
int hz_srtp_unprotect(struct hz_srtp *srtp, uint8_t *buf, size_t *len);
int hz_srtp_unprotect_rtcp(struct hz_srtp *srtp, uint8_t *buf, size_t *len);

// Before the first packet of this SSRC: (roc, seq) is the newest index that may have been used; the next
// packet must have a later one and gets the right roll-over counter (seq wrapping from here on counts roc
// up). 0; -EEXIST the SSRC has sent already; -ENOSPC; -ENOMEM.
int hz_srtp_restore_tx(struct hz_srtp *srtp, uint32_t ssrc, uint32_t roc, uint16_t seq);

// Before the first packet of this SSRC: roc as hz_srtp_rx_roc() last told, and the newest sequence number
// received under it, so that a roll-over during the outage is noticed. 0; -EEXIST; -ENOSPC; -ENOMEM.
int hz_srtp_restore_rx(struct hz_srtp *srtp, uint32_t ssrc, uint32_t roc, uint16_t seq);

// The roll-over counter of the newest packet received. 0; -ENOENT nothing received from it.
int hz_srtp_rx_roc(struct hz_srtp *srtp, uint32_t ssrc, uint32_t *ret_roc);

// When a stream goes. Forgets its index: a tx SSRC must not be used again with these keys. Unknown SSRC:
// nothing.
void hz_srtp_remove_tx(struct hz_srtp *srtp, uint32_t ssrc);
void hz_srtp_remove_rx(struct hz_srtp *srtp, uint32_t ssrc);

#endif
