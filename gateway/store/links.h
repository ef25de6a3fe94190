// Join links and used tokens in the store. Errors as in store.h; strings given out are valid during the callback.
#ifndef HZ_GATEWAY_STORE_LINKS_H
#define HZ_GATEWAY_STORE_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/store/store.h"

#define HZ_LINK_REDEMPTIONS_MAX 500 // kept of one link that may be used more than once

struct hz_link_row {
	const char *id, *consult, *role, *name;
	uint8_t code_hash[HZ_STORE_HASH_BYTES];
	bool single_use;
	int64_t created_ms, expires_ms, revoked_ms, redeemed_ms; // revoked, redeemed: 0: not
};
typedef bool hz_link_row_cb(void *arg, const struct hz_link_row *row); // false: stop

int hz_store_link_put(struct hz_store *store, const struct hz_link_row *row); // -EEXIST: id or code taken
int hz_store_link_by_code(struct hz_store *store, const uint8_t code_hash[HZ_STORE_HASH_BYTES],
                          hz_link_row_cb *cb, void *arg); // -ENOENT
// Newest first, those after `after` (an id; NULL: from the start).
int hz_store_link_list(struct hz_store *store, const char *consult, const char *after, unsigned limit,
                       hz_link_row_cb *cb, void *arg);
int hz_store_link_count(struct hz_store *store, const char *consult, unsigned *ret);
int hz_store_link_revoke(struct hz_store *store, const char *consult, const char *id,
                         int64_t now_ms); // -ENOENT

// *ret: it was revoked. A link that is not known (any more) was not.
int hz_store_link_revoked(struct hz_store *store, const char *id, bool *ret);

// The link that a participant came by; "": none.
int hz_store_link_of(struct hz_store *store, const char *consult, const char *participant,
                     char ret_link[HZ_STORE_ID_BYTES]);

// Uses a link up for a browser: writes its cookie's hash and participant id and marks the link redeemed. -EEXIST when
// a single-use link was redeemed before, -ENOSPC when a reusable one has HZ_LINK_REDEMPTIONS_MAX.
int hz_store_link_redeem(struct hz_store *store, const char *id,
                         const uint8_t cookie_hash[HZ_STORE_HASH_BYTES], const char *participant,
                         int64_t now_ms);
// Participants of a link of this consult whom nothing but their redemption tells of: never let in, not in the lobby, not removed.
// Oldest first; *ret_count of them.
int hz_store_link_unseen(struct hz_store *store, const char *id, const char *consult,
                         char ret[HZ_LINK_REDEMPTIONS_MAX][HZ_STORE_ID_BYTES], unsigned *ret_count);
// Forgets a redemption: its browser is nobody's any more, its participant's tokens stay as they are.
int hz_store_link_forget(struct hz_store *store, const char *id, const char *participant);
// Who this browser is. -ENOENT: it never redeemed the link; -EPERM: its participant was removed since.
int hz_store_link_redeemed(struct hz_store *store, const char *id,
                           const uint8_t cookie_hash[HZ_STORE_HASH_BYTES],
                           char ret_participant[HZ_STORE_ID_BYTES]);

// Marks a single-use token as used until it expires. -EEXIST: it was used before.
int hz_store_token_use(struct hz_store *store, const uint8_t jti_hash[HZ_STORE_HASH_BYTES], int64_t exp_ms);

int hz_store_token_used(struct hz_store *store, const uint8_t jti_hash[HZ_STORE_HASH_BYTES], bool *ret);

// Answers of POSTs with an Idempotency-Key, kept for 24 h, at most HZ_IDEMPOTENCY_MAX (the oldest go first).
#define HZ_IDEMPOTENCY_MAX 10000
typedef void hz_idempotency_cb(void *arg, const uint8_t *request_hash, unsigned status, const char *body);
int hz_store_idempotency_get(struct hz_store *store, const uint8_t key_hash[HZ_STORE_HASH_BYTES],
                             hz_idempotency_cb *cb, void *arg); // -ENOENT
struct hz_idempotency_row {
	uint8_t key_hash[HZ_STORE_HASH_BYTES], request_hash[HZ_STORE_HASH_BYTES];
	unsigned status;
	const char *body;
	int64_t at_ms;
};
int hz_store_idempotency_put(struct hz_store *store, const struct hz_idempotency_row *row);

#endif
