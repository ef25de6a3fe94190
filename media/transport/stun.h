// STUN binding requests and responses of ICE (RFC 8489, RFC 8445), over libnice's stun library.
// Both directions keep no state: each call uses a StunAgent of its own, so neither floods nor years of
// requests fill anything. No I/O, no clock, no allocation. Thread: any.
//
// libnice compares MESSAGE-INTEGRITY with memcmp, which is not constant time. What could leak is how many leading
// bytes of a fresh HMAC-SHA1 agree, to somebody who tells nanoseconds apart across a network, and byte after byte
// would win one forged binding request, never the password. We accept that.
#ifndef HZ_MEDIA_TRANSPORT_STUN_H
#define HZ_MEDIA_TRANSPORT_STUN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"

#define HZ_STUN_MAX_BYTES 576 // longest message we build
#define HZ_STUN_ID_BYTES  12

enum hz_stun_kind {
	HZ_STUN_REQUEST = 1, // binding request
	HZ_STUN_INDICATION,  // binding indication: a keepalive, nothing to answer
	HZ_STUN_RESPONSE,    // success or error response
};

struct hz_stun_peek {
	uint8_t kind; // enum hz_stun_kind
	uint8_t id[HZ_STUN_ID_BYTES];
	char local_ufrag[HZ_UFRAG_BYTES];  // requests only: ours, the first half of USERNAME
	char remote_ufrag[HZ_UFRAG_BYTES]; // requests only: theirs
};

// A cheap look without authentication. Ufrags are ice-chars only (letters, digits, + and /), 4 to 32 of them.
// 0; -EBADMSG not a well-formed STUN binding message; -EINVAL a request without a usable USERNAME.
int hz_stun_peek(const uint8_t *data, size_t bytes, struct hz_stun_peek *ret);

struct hz_stun_reply {
	bool use_candidate; // the request nominates this path
	bool controlling;   // the request carried ICE-CONTROLLING
	uint32_t priority;  // PRIORITY of the request
	uint16_t error;     // 0, or the code of the error response
	uint16_t bytes;     // of data; 0: nothing to send
	uint8_t data[HZ_STUN_MAX_BYTES];
};

// Authenticates a binding request with MESSAGE-INTEGRITY and `local_pwd` and builds the answer for its source
// (IPv4-mapped addresses go out as IPv4).
//   0        accepted: the path works; reply.data is the success response, with the fields above from the
//   request -EACCES  not authenticated: reply.data is an unsigned 401 (wrong password) or 400
//   (MESSAGE-INTEGRITY or USERNAME
//	      missing). The worker sends neither: an ICE peer cannot use them and they would answer a forged
//source.
//   -EPROTO  authenticated but refused: reply.data is a signed 400 (no PRIORITY), 420 (unknown
//   comprehension-required
//	      attribute) or 487 (ICE-CONTROLLED: we are ICE-lite, always controlled). Send it, change nothing
//else
//   -EBADMSG not a binding request, or malformed, or a wrong or missing FINGERPRINT; reply.bytes is 0
int hz_stun_answer(const uint8_t *request, size_t bytes, const char *local_pwd,
                   const struct sockaddr_in6 *source, struct hz_stun_reply *ret);

// A connectivity or consent check to send (the controlling, full-ICE side: test peer and load generator).
struct hz_stun_check {
	const char *remote_ufrag, *local_ufrag; // USERNAME is remote:local
	const char *remote_pwd;
	uint32_t priority;
	uint64_t tie_breaker;
	bool use_candidate;
	uint8_t id[HZ_STUN_ID_BYTES]; // random, chosen by the caller, who keeps it to match the response
};

// 0; -EINVAL ufrag or password missing or too long; -ENOBUFS cap too small.
int hz_stun_request(const struct hz_stun_check *check, uint8_t *buf, size_t cap, size_t *ret_bytes);

struct hz_stun_result {
	uint16_t error;             // code of an error response, else 0
	struct sockaddr_in6 mapped; // XOR-MAPPED-ADDRESS, IPv4 as mapped; zero with an error
};

// Checks a response to the request with that id and password.
// 0 success; -EPROTO an error response (authenticated, or an unsigned 400/401), ret->error is set;
// -ENOENT another id; -EACCES bad MESSAGE-INTEGRITY; -EBADMSG not a response or malformed.
int hz_stun_response(const uint8_t *data, size_t bytes, const uint8_t id[HZ_STUN_ID_BYTES],
                     const char *remote_pwd, struct hz_stun_result *ret);

#endif
