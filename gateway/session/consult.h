// Consults: opening, finding, closing. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_CONSULT_H
#define HZ_GATEWAY_SESSION_CONSULT_H

#include "gateway/session/model.h"

// The open consult with this id, from memory or from the store (the command line makes consults too). -ENOENT; -ESTALE
// it was closed; -ENOSPC too many are open; -errno of the store.
int hz_consult_get(struct hz_brain *brain, const char *id, struct hz_consult **ret);

// A new one, durable on return. -EEXIST the id is taken (also by a closed one); -ENOSPC; -EBUSY while draining; -errno of
// the store.
int hz_consult_create(struct hz_brain *brain, const char *id, const char *title, struct hz_consult **ret);

// Into memory only (loading). -ENOSPC, -ENOMEM.
int hz_consult_place(struct hz_brain *brain, const char *id, const char *title, int64_t created_ms,
                     struct hz_consult **ret);

int hz_consult_retitle(struct hz_brain *brain, struct hz_consult *consult, const char *title);

// Whether it is recorded by itself from now on; a record that runs goes on. Durable on return. -errno of the store.
int hz_consult_set_wish(struct hz_brain *brain, struct hz_consult *consult, enum hz_record_wish wish);

// Of its composed picture. Durable on return. -errno of the store: nothing was changed.
int hz_consult_set_layout(struct hz_brain *brain, struct hz_consult *consult, const struct hz_layout *layout);

// Ends it for everybody (`end {closed}`), durable on return; frees consult. -errno of the store: nothing was changed.
int hz_consult_close(struct hz_brain *brain, struct hz_consult *consult);

struct hz_consult *hz_consult_by_number(struct hz_brain *brain, uint32_t number);

// Consults with somebody in them.
unsigned hz_consults_busy(struct hz_brain *brain);

// Frees memory only (at the end of the process).
void hz_consult_free_memory(struct hz_consult *consult);

#endif
