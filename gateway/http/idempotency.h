// Idempotency-Key on POST (draft-ietf-httpapi-idempotency-key-header): the same key and request again within 24 h get the
// same answer and do nothing; the same key with another request is refused. Answers hold link codes, which are kept
// hashed elsewhere: they are stored encrypted under the client's key, of which only a hash is stored. Thread: control's.
#ifndef HZ_GATEWAY_HTTP_IDEMPOTENCY_H
#define HZ_GATEWAY_HTTP_IDEMPOTENCY_H

#include "gateway/http/rest.h"

struct hz_idempotency {
	bool active;
	uint8_t key_hash[HZ_STORE_HASH_BYTES], request_hash[HZ_STORE_HASH_BYTES];
	uint8_t secret[HZ_STORE_HASH_BYTES]; // of the answer
};

// true: the response is already there (replayed, or a problem).
bool hz_idempotency_begin(struct hz_idempotency *once, struct hz_rest_call *call);

// Keeps the answer when it is final (below 500), durable on return.
void hz_idempotency_end(struct hz_idempotency *once, struct hz_rest_call *call);

#endif
