// The broadcasts of consults, and what was done to them: durable as the records are. Errors as in store.h.
#ifndef HZ_GATEWAY_STORE_BROADCASTS_H
#define HZ_GATEWAY_STORE_BROADCASTS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/store/event_row.h"
#include "gateway/store/store.h"

#define HZ_STORE_BROADCAST_EVENTS 10000 // of one consult, cuts and resumes counted apart; the oldest go first

// json: as gateway/session/broadcast/broadcast.c made it; NULL: there is none any more.
int hz_store_broadcast_put(struct hz_store *store, const char *consult, const char *json);
typedef bool hz_broadcast_row_cb(void *arg, const char *consult, const char *json); // false: stop
int hz_store_broadcast_all(struct hz_store *store, hz_broadcast_row_cb *cb, void *arg);

int hz_store_broadcast_event_add(struct hz_store *store, const struct hz_event_row *row);
// Oldest first, behind seq `after` (0: from the beginning), at most `limit`.
int hz_store_broadcast_event_list(struct hz_store *store, const char *consult, int64_t after, unsigned limit,
                                  hz_event_row_cb *cb, void *arg);

#endif
