// Inside gateway/session: broadcast.c has the programme, broadcast_json.c how it is told and kept, broadcast_masks.c what is painted over.
#ifndef HZ_GATEWAY_SESSION_BROADCAST_BROADCAST_INTERNAL_H
#define HZ_GATEWAY_SESSION_BROADCAST_BROADCAST_INTERNAL_H

#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/broadcast/profiles.h"

bool hz_broadcast_same(const struct hz_broadcast_source *a, const struct hz_broadcast_source *b);
bool hz_broadcast_allowed(const struct hz_broadcast *b, const struct hz_broadcast_source *source);
bool hz_broadcast_showable(const struct hz_broadcast *b,
                           const struct hz_broadcast_source *source); // and painted over where it must be
json_t *hz_broadcast_source_json(const struct hz_broadcast_source *source);
int hz_broadcast_source_parse(const json_t *json, struct hz_broadcast_source *ret); // -EINVAL
json_t *hz_broadcast_definition(
    const struct hz_broadcast *b); // what both the store and directors know; NULL: out of memory
json_t *hz_broadcast_row(const struct hz_broadcast *b); // what the store alone knows, too
int hz_broadcast_definition_load(const char *text,
                                 struct hz_broadcast *ret); // of the store. -EINVAL, -ENOMEM
// Writes it and the line of its audit trail. b NULL: there is none any more. Durable on return; takes over detail.
int hz_broadcast_note(struct hz_brain *brain, const struct hz_consult *consult, const struct hz_broadcast *b,
                      const char *by, const char *type, json_t *detail);
void hz_broadcast_changed(struct hz_brain *brain, struct hz_consult *consult);
// May it be put on the air? 0, -EACCES, -EPERM, -EEXIST, -ENOTSUP.
int hz_broadcast_may_air(const struct hz_brain *brain, const struct hz_broadcast *b,
                         const struct hz_programme *what);
// What is on the air may still be there.
bool hz_air_good(const struct hz_broadcast *b);
struct hz_programme hz_air_of(const struct hz_broadcast *b);
void hz_air_set(struct hz_broadcast *b, const struct hz_programme *what); // NULL: nothing
// Members layout and beside of an object; both absent: alone. -EINVAL.
int hz_beside_parse(const json_t *json, struct hz_beside *ret);
int hz_beside_json(const struct hz_beside *beside,
                   json_t *to);                             // adds them where something is beside it. -ENOMEM
json_t *hz_programme_json(const struct hz_programme *what); // the first source, and those

// The workers' answers to what was said until now are waited for (broadcast_confirm.c).
void hz_broadcast_ask(struct hz_brain *brain, struct hz_broadcast *b);

// --- masks: broadcast_masks.c

// A fresh version.
void hz_masks_number(struct hz_broadcast *b, struct hz_masks *m);
// The profile's regions instead of those that m has of it. True: they are others.
bool hz_masks_adopt(struct hz_masks *m, const struct hz_profile *profile);

// --- broadcast_kept.c

// What the next broadcast of the consult must know: *ret owned, NULL: nothing. -ENOMEM.
int hz_masks_keep(const struct hz_broadcast *b, struct hz_broadcast **ret);
// fresh is the next one. -errno of the store.
int hz_masks_restore(struct hz_brain *brain, const struct hz_broadcast *kept, struct hz_broadcast *fresh);
// hz_masks_adopt() with its profile, if there is one. -errno of the store.
int hz_masks_adopt_current(struct hz_brain *brain, struct hz_masks *m, bool *ret_changed);

#endif
