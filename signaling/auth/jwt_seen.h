// Tokens that were verified already, word for word: who loads a series says the same one some hundred times a minute. Bounded: 64 of at
// most 1,000 bytes, one in the place of another; they end with their time, when the clock goes back, and with the keys they
// belong to. What was taken back (links, removals, single use) is no matter of the signature: it is looked up each time. Wiped.
// Thread: one.
#ifndef HZ_SIGNALING_AUTH_JWT_SEEN_H
#define HZ_SIGNALING_AUTH_JWT_SEEN_H

#include "signaling/auth/jwt.h"

// As hz_jwt_verify(), of the same keys.
enum hz_jwt_result hz_jwt_verify_again(struct hz_jwt_keys *keys, const char *token, size_t bytes,
                                       int64_t now_s, struct hz_claims *ret);

#endif
