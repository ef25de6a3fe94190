// Between audience.c (the list, settings, life), audience_say.c (what comes in and what is decided) and nobody else.
#ifndef HZ_GATEWAY_SESSION_BROADCAST_AUDIENCE_INTERNAL_H
#define HZ_GATEWAY_SESSION_BROADCAST_AUDIENCE_INTERNAL_H

#include "gateway/session/broadcast/audience.h"
#include "gateway/store/audience.h"

// The newest one. NULL: out of memory. There must be room (make_room).
struct hz_audience_message *hz_audience_add_message(struct hz_audience *a,
                                                    const struct hz_audience_message_row *row);
void hz_audience_change_message(struct hz_audience *a, struct hz_audience_message *m, uint8_t state);
void hz_audience_forget_message(struct hz_audience *a, struct hz_audience_message *m);
// What has to go for one more; NULL: there is room. The oldest that waits, else the oldest.
struct hz_audience_message *hz_audience_victim(struct hz_audience *a, uint8_t kind);
void hz_audience_make_room(struct hz_audience *a, uint8_t kind); // forgets it
void hz_audience_free_senders(struct hz_audience *a);
// audience_legs.c
void hz_audience_sweep_watchers(struct hz_brain *brain, struct hz_consult *consult);
void hz_audience_free_watchers(struct hz_audience *a);

// Into the audit trail of the broadcast; takes over detail.
int hz_audience_audit(struct hz_brain *brain, const char *consult, const char *by, const char *type,
                      json_t *detail);
// Ends what was written: err 0 makes it durable, else nothing of it is.
int hz_audience_commit(struct hz_brain *brain, int err);

#endif
