// The keys and the claims parser. For this folder only.
#ifndef HZ_SIGNALING_AUTH_JWT_INTERNAL_H
#define HZ_SIGNALING_AUTH_JWT_INTERNAL_H

#include <jansson.h>
#include <openssl/evp.h>

#include "signaling/auth/jwt.h"

#define HZ_JWT_KID_BYTES 65 // with NUL

enum hz_jwt_algorithm { HZ_JWT_HS256, HZ_JWT_RS256, HZ_JWT_ES256 };

struct hz_jwt_key {
	char kid[HZ_JWT_KID_BYTES];
	enum hz_jwt_algorithm algorithm; // the only one that its tokens may name
	uint8_t *secret;                 // HS256, owned
	size_t secret_bytes;
	EVP_PKEY *pkey; // RS256, ES256, owned
	char *issuer;   // of JWKS keys, owned; NULL for secrets
	char *audience; // owned; NULL: any
};

struct hz_jwt_seen;                              // jwt_seen.h
void hz_jwt_seen_free(struct hz_jwt_seen *seen); // wipes; NULL is allowed

struct hz_jwt_keys {
	struct hz_jwt_seen *seen; // owned; NULL: none yet
	unsigned count;
	struct hz_jwt_key key[HZ_JWT_MAX_KEYS];
};

void hz_jwt_key_done(struct hz_jwt_key *key);

// NULL when unknown.
const struct hz_jwt_key *hz_jwt_key_find(const struct hz_jwt_keys *keys, const char *kid);

// Printable ASCII, 1 to 64 characters.
bool hz_jwt_kid_valid(const char *kid);

// The claims of a token whose signature is good.
enum hz_jwt_result hz_jwt_read_claims(const json_t *payload, const struct hz_jwt_key *key, int64_t now_s,
                                      struct hz_claims *ret);

#endif
