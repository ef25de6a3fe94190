#include "signaling/auth/jwt_seen.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "signaling/auth/jwt_internal.h"

#define PLACES      64
#define TOKEN_BYTES 1000

struct seen {
	size_t bytes; // 0: none
	int64_t at_s;
	char token[TOKEN_BYTES];
	struct hz_claims claims;
};

struct hz_jwt_seen {
	struct seen place[PLACES];
};

// By the end of its signature, which nobody knows who has not the token; all of it is compared.
static struct seen *place_of(struct hz_jwt_seen *seen, const char *token, size_t bytes)
{
	const unsigned char *end = (const unsigned char *)token + bytes;
	return &seen->place[(end[-2] * 7u + end[-3]) % PLACES];
}

static void forget(struct seen *s)
{
	hz_wipe(s, sizeof(*s));
}

void hz_jwt_seen_free(struct hz_jwt_seen *seen)
{
	if (seen)
		hz_wipe(seen, sizeof(*seen));
	free(seen);
}

enum hz_jwt_result hz_jwt_verify_again(struct hz_jwt_keys *keys, const char *token, size_t bytes,
                                       int64_t now_s, struct hz_claims *ret)
{
	if (!keys->seen)
		keys->seen = calloc(1, sizeof(*keys->seen));
	if (!keys->seen || bytes < 3 || bytes > TOKEN_BYTES)
		return hz_jwt_verify(keys, token, bytes, now_s, ret);
	struct seen *s = place_of(keys->seen, token, bytes);
	if (s->bytes && (s->claims.exp_s <= now_s || s->at_s > now_s))
		forget(s);
	if (s->bytes == bytes && hz_equal(s->token, token, bytes)) {
		*ret = s->claims;
		return HZ_JWT_OK;
	}
	enum hz_jwt_result result = hz_jwt_verify(keys, token, bytes, now_s, ret);
	if (result == HZ_JWT_OK) {
		forget(s);
		memcpy(s->token, token, bytes);
		s->claims = *ret;
		s->at_s = now_s;
		s->bytes = bytes;
	}
	return result;
}
