// Participants, their sessions and removals in the store. Errors as in store.h; strings given out are valid during
// the callback only.
#ifndef HZ_GATEWAY_STORE_PARTICIPANTS_H
#define HZ_GATEWAY_STORE_PARTICIPANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/store/store.h"

enum hz_participant_status {
	HZ_STATUS_LOBBY = 1,
	HZ_STATUS_ADMITTED = 2,
	HZ_STATUS_REMOVED = 4,
	HZ_STATUS_LEFT = 5,
};

struct hz_participant_row {
	const char *consult, *id, *name, *role;
	uint8_t status;                           // enum hz_participant_status
	int64_t arrival_ms, admitted_ms, left_ms; // 0: not
	const char *admitted_by;                  // participant id; "" : nobody, the role needs no admission
};

typedef void hz_participant_row_cb(void *arg, const struct hz_participant_row *row);

int hz_store_participant_put(struct hz_store *store, const struct hz_participant_row *row);
// cb is called once. -ENOENT: there is none, and it is not.
int hz_store_participant_get(struct hz_store *store, const char *consult, const char *id,
                             hz_participant_row_cb *cb, void *arg);

// A session: what a participant needs to go on after its socket or control was lost.
struct hz_session_row {
	const char *consult, *participant;
	uint8_t key_hash[HZ_STORE_HASH_BYTES]; // of the resume key
	int64_t expires_ms;                    // 0: connected
	const char *state;                     // JSON, gateway/session/persist.c
};
typedef bool hz_session_row_cb(void *arg, const struct hz_session_row *row);
int hz_store_session_put(struct hz_store *store, const struct hz_session_row *row);
int hz_store_session_del(struct hz_store *store, const char *consult, const char *participant);
int hz_store_session_all(struct hz_store *store, hz_session_row_cb *cb, void *arg);

// Removal: tokens of this participant issued at or before at_ms get in no more; browsers that redeemed a link as it
// may not redeem again. Written to disk with records.
int hz_store_removed_put(struct hz_store *store, const char *consult, const char *participant, int64_t at_ms);
// *ret_at_ms: when it was removed last, 0: never.
int hz_store_removed_get(struct hz_store *store, const char *consult, const char *participant,
                         int64_t *ret_at_ms);

#endif
