// DTLS 1.2 associations that agree on SRTP keys (RFC 6347, RFC 5764, RFC 8827), over OpenSSL.
// Bytes and now_us in; datagrams out through a callback, each at most HZ_DTLS_MTU bytes, valid during the
// call only. Thread: one per object. A context may not be used from two threads at once.
//
// One exception to "reads no clock": OpenSSL's retransmission timer reads gettimeofday() itself.
// hz_dtls_deadline_us() translates it into the caller's clock; the 30 s limit of the handshake is in now_us.
// There is no HelloVerifyRequest: feed only datagrams from an address that ICE has authenticated.
// The peer's identity is the fingerprint of its certificate, told by SDP; certificates are otherwise not
// judged.
#ifndef HZ_MEDIA_TRANSPORT_DTLS_H
#define HZ_MEDIA_TRANSPORT_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"
#include "media/transport/identity.h"
#include "media/transport/srtp.h"

#define HZ_DTLS_MTU           1200
#define HZ_DTLS_HANDSHAKE_US  30000000 // then it fails with HZ_DTLS_TIMEOUT
#define HZ_DTLS_MAX_DATAGRAMS 1024     // taken during one handshake; a peer that sends more fails it

enum hz_dtls_state {
	HZ_DTLS_HANDSHAKING = 0,
	HZ_DTLS_CONNECTED,
	HZ_DTLS_FAILED, // hz_dtls_failure() says why
	HZ_DTLS_CLOSED, // close_notify received or sent
};

enum hz_dtls_failure {
	HZ_DTLS_OK = 0,
	HZ_DTLS_ALERT,       // the peer sent a fatal alert
	HZ_DTLS_FINGERPRINT, // its certificate is not the expected one
	HZ_DTLS_NO_CERT,     // it showed none
	HZ_DTLS_NO_SRTP,     // no SRTP profile in common
	HZ_DTLS_TIMEOUT,     // not finished within HZ_DTLS_HANDSHAKE_US
	HZ_DTLS_PROTOCOL,    // anything else: malformed messages, no cipher in common, too many datagrams
};

struct hz_dtls_ctx; // certificate and settings of all associations
struct hz_dtls;     // one association

// The identity is only read; it may be freed afterwards. 0; -ENOMEM; -EIO OpenSSL refused.
int hz_dtls_ctx_new(const struct hz_identity *identity, struct hz_dtls_ctx **ret);
void hz_dtls_ctx_free(struct hz_dtls_ctx *ctx); // after all its associations; NULL allowed

struct hz_dtls_options {
	bool is_client;
	const uint8_t *fingerprint; // expected SHA-256 of the peer's certificate, copied; NULL: take any
	void (*output)(void *user, const uint8_t *datagram,
	               size_t bytes); // must not call back into this object
	void *user;
};

// Sends nothing yet. 0; -ENOMEM; -EINVAL.
int hz_dtls_new(struct hz_dtls_ctx *ctx, const struct hz_dtls_options *options, int64_t now_us,
                struct hz_dtls **ret);
void hz_dtls_free(struct hz_dtls *dtls); // sends nothing; wipes; NULL allowed

// A client sends its first flight; on a server, or called twice, nothing.
void hz_dtls_start(struct hz_dtls *dtls, int64_t now_us);

// One received datagram. Malformed ones are dropped and change nothing. Look at the state afterwards.
// 0 taken; -EBADMSG dropped (count it); -EPIPE the association is failed or closed.
int hz_dtls_feed(struct hz_dtls *dtls, const uint8_t *datagram, size_t bytes, int64_t now_us);

// When hz_dtls_handle_timeout() wants to be called: absolute, in the clock of now_us; INT64_MAX: never.
int64_t hz_dtls_deadline_us(const struct hz_dtls *dtls, int64_t now_us);

// Retransmits a flight that is due, or fails the handshake after its limit; early calls do nothing.
void hz_dtls_handle_timeout(struct hz_dtls *dtls, int64_t now_us);

enum hz_dtls_state hz_dtls_state(const struct hz_dtls *dtls);
enum hz_dtls_failure hz_dtls_failure(const struct hz_dtls *dtls);

// SHA-256 of the peer's certificate. 0; -EAGAIN not connected.
int hz_dtls_peer_fingerprint(const struct hz_dtls *dtls, uint8_t ret[HZ_FINGERPRINT_BYTES]);

// SRTP keys (RFC 5764 section 4.2), as seen from this side. Wipe them after use. 0; -EAGAIN not connected;
// -EIO.
int hz_dtls_export(const struct hz_dtls *dtls, struct hz_srtp_keys *ret);

// Gives back what the association needs no more (45 of 46 KB) when the other side has proved that it finished, too: from
// then on it understands alerts and nothing else, repeats no flight, exports no keys and sends no close_notify. Again:
// nothing. 0; -EAGAIN not connected; -ENOTSUP its cipher is not the usual AES_128_GCM_SHA256: it stays; -EIO.
int hz_dtls_rest(struct hz_dtls *dtls);
bool hz_dtls_resting(const struct hz_dtls *dtls);

// Sends close_notify if connected (not at rest); the state becomes closed.
void hz_dtls_close(struct hz_dtls *dtls);

#endif
