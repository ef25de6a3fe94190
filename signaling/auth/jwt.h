// Join tokens: JSON Web Tokens (RFC 7519) in compact JWS (RFC 7515). HS256 with a configured key found by
// `kid`; RS256 and ES256 with the keys of an OpenID Connect issuer's JWKS (RFC 7517). Following RFC 8725: the
// algorithm belongs to the key, not to the token.
//
// Does no I/O but hz_jwt_keys_load_jwks() and reads no clock. Thread: verify and sign may be called from any
// thread once the keys are complete.
#ifndef HZ_SIGNALING_AUTH_JWT_H
#define HZ_SIGNALING_AUTH_JWT_H

#include <stddef.h>
#include <stdint.h>

#include "signaling/auth/names.h"
#include "signaling/auth/roles.h"
#include "signaling/auth/wish.h"

#define HZ_JWT_MAX_BYTES        8192
#define HZ_JWT_MAX_KEYS         64
#define HZ_JWT_MIN_SECRET_BYTES 32
#define HZ_JWT_MAX_SECRET_BYTES 1024
#define HZ_JWT_LEEWAY_S         30            // for nbf and iat in the future; none for exp
#define HZ_JWT_MAX_TTL_S        (366 * 86400) // of tokens that we sign

struct hz_jwt_keys; // opaque

struct hz_jwt_keys *hz_jwt_keys_new(void);       // NULL: no memory
void hz_jwt_keys_free(struct hz_jwt_keys *keys); // wipes; NULL is allowed

// Adds an HS256 key; the first one signs. Copies. -EINVAL (kid empty or over 64 bytes, secret length),
// -EEXIST (kid known), -ENOSPC.
int hz_jwt_keys_add_secret(struct hz_jwt_keys *keys, const char *kid, const void *secret, size_t bytes);

// Adds the RSA (2048 bits and more) and P-256 signature keys of a JWKS document; their tokens must carry this
// `iss` and, when audience is not NULL or "", this `aud`. Keys of other types or uses are skipped. All or
// nothing. -EINVAL (malformed, no usable key, weak RSA key, key without kid), -EEXIST, -ENOSPC, -ENOMEM.
int hz_jwt_keys_add_jwks(struct hz_jwt_keys *keys, const char *json, size_t bytes, const char *issuer,
                         const char *audience);

// The same from a file of at most 1 MiB; also -errno of reading it.
int hz_jwt_keys_load_jwks(struct hz_jwt_keys *keys, const char *path, const char *issuer,
                          const char *audience);

struct hz_claims {
	char sub[HZ_ID_TEXT_BYTES];     // participant id
	char name[HZ_NAME_TEXT_BYTES];  // the sub when the token has no name
	char consult[HZ_ID_TEXT_BYTES]; // "" only where hz_role_may_lack_consult()
	char jti[HZ_ID_TEXT_BYTES];     // "" when absent; always there with `once`
	char link[HZ_ID_TEXT_BYTES];    // id of the link it came from; "" when none
	enum hz_role role;
	uint32_t
	    grants; // HZ_GRANT_*: (role's grants & token's `grants`) plus `create` where the token lists it
	int64_t exp_s; // seconds since 1970
	int64_t iat_s; // when it was issued; 0 when it does not say
	bool once;     // valid for one join: the caller remembers jti until exp_s
	bool rest;     // valid for requests only: opens no session, by WebSocket, WHIP or WHEP
	bool needs_admission;
	bool consent;               // the issuer vouches that the participant consented to being recorded
	enum hz_record_wish record; // of the consult that it opens; HZ_RECORD_UNSAID when it does not say
};

// For metrics only: to the client every failure looks the same.
enum hz_jwt_result {
	HZ_JWT_OK = 0,
	HZ_JWT_MALFORMED,   // not three base64url parts of JSON, too long, duplicate keys, `crit`
	HZ_JWT_ALGORITHM,   // alg none, unknown, or not that of the key
	HZ_JWT_UNKNOWN_KEY, // no kid, or not one of ours
	HZ_JWT_BAD_SIGNATURE,
	HZ_JWT_EXPIRED,
	HZ_JWT_NOT_YET, // nbf or iat in the future
	HZ_JWT_ISSUER,  // iss or aud
	HZ_JWT_CLAIMS,  // a claim missing or of the wrong form
	HZ_JWT_RESULT_COUNT,
};
const char *hz_jwt_result_name(enum hz_jwt_result result); // "expired", for metric labels

// *ret is written only on HZ_JWT_OK. token needs no NUL.
enum hz_jwt_result hz_jwt_verify(const struct hz_jwt_keys *keys, const char *token, size_t bytes,
                                 int64_t now_s, struct hz_claims *ret);

// Signs with the first HS256 key: exp = now_s + ttl_s; claims->exp_s and needs_admission are not read; an
// empty jti gets a random one; `grants` is written when it differs from the role's. *ret: free() it, after
// hz_wipe(). -ENOKEY without a secret, -EINVAL (claims that verify would refuse, ttl
// outside 1..HZ_JWT_MAX_TTL_S), -ENOMEM.
int hz_jwt_sign(const struct hz_jwt_keys *keys, const struct hz_claims *claims, int64_t now_s, int64_t ttl_s,
                char **ret);

#endif
