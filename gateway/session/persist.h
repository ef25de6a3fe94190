// Runtime state to the store and back (gateway/store): what lets control go on after kill -9. Media objects are written
// as they change, participants once a turn; all of a turn is one transaction. When the store fails, the consults go on
// in memory (brain->store_sick, /readyz says no) and everything is written anew once it works again.
#ifndef HZ_GATEWAY_SESSION_PERSIST_H
#define HZ_GATEWAY_SESSION_PERSIST_H

#include "gateway/session/model.h"

void hz_persist_peer(struct hz_brain *brain, const struct hz_peer *peer);
void hz_persist_track(struct hz_brain *brain, const struct hz_track *track);
void hz_persist_slot(struct hz_brain *brain, const struct hz_slot *slot);
void hz_persist_forget(struct hz_brain *brain, unsigned worker, uint8_t kind, hz_id id);

// Written by the next flush.
void hz_persist_participant(struct hz_brain *brain, struct hz_participant *p);
// It is about to be freed: its last row (status HZ_STATUS_LEFT or _REMOVED), no session any more.
void hz_persist_gone(struct hz_brain *brain, struct hz_participant *p, uint8_t status);

// Makes all of it durable. Called before answers leave. A failure sets store_sick.
void hz_persist_flush(struct hz_brain *brain);

// 0 and durable, or -errno and nothing of this transaction is: for records (links, removals) whose caller must know.
int hz_persist_commit(struct hz_brain *brain);
// Ends what such a caller has written since hz_persist_flush(): with err it is rolled back, and err returned; else as commit.
int hz_persist_end(struct hz_brain *brain, int err);

// Writes all sessions and media objects anew; clears store_sick when that worked.
void hz_persist_rewrite(struct hz_brain *brain);

// At the start: open consults, sessions, media objects. Sessions are away from now on. -errno of the store; rows that
// make no sense are left out and counted in *ret_skipped.
int hz_persist_load(struct hz_brain *brain, unsigned *ret_skipped);

#endif
