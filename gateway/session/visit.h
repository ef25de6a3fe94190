// What happens to a visit's network and presence, for its durable log (gateway/store/visit.h, GET
// /consults/{id}/events): ids and numbers only. A participant logs at most one event a second on average, 60 at once
// (counted beyond that), and a consult keeps its newest HZ_STORE_VISIT_KEEP. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_VISIT_H
#define HZ_GATEWAY_SESSION_VISIT_H

#include <jansson.h>

#include "gateway/session/model.h"

// type and members of detail as in schema `event` of rest.json; takes over detail (NULL: none). Written with the turn's
// other runtime state; without a store, or with a sick one, it is dropped.
void hz_visit_log(struct hz_brain *brain, struct hz_participant *p, const char *type, json_t *detail);

#endif
