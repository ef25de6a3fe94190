// The log of a visit: what happened to the network and the presence of its participants, consult by consult. Ids only,
// never names or content. Errors as in store.h.
#ifndef HZ_GATEWAY_STORE_VISIT_H
#define HZ_GATEWAY_STORE_VISIT_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/store/event_row.h"
#include "gateway/store/store.h"

#define HZ_STORE_VISIT_KEEP 5000 // of one consult; the oldest go first

// detail: gateway/session/visit.c. seq counts up from 1 in each consult.
int hz_store_visit_add(struct hz_store *store, const struct hz_event_row *row);
// Oldest first, behind seq `after` (0: from the beginning), at most `limit`.
int hz_store_visit_list(struct hz_store *store, const char *consult, int64_t after, unsigned limit,
                        hz_event_row_cb *cb, void *arg);

#endif
