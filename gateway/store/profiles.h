// Device profiles: durable as the broadcasts are. Errors as in store.h.
#ifndef HZ_GATEWAY_STORE_PROFILES_H
#define HZ_GATEWAY_STORE_PROFILES_H

#include <stdbool.h>

#include "gateway/store/store.h"

#define HZ_STORE_PROFILES 200 // more are not kept

// json: as gateway/session/broadcast/profiles.c made it; NULL: there is none any more. -ENOSPC: HZ_STORE_PROFILES are there (or the disk is full).
int hz_store_profile_put(struct hz_store *store, const char *id, const char *json);
typedef bool hz_profile_row_cb(void *arg, const char *id, const char *json); // false: stop
// In the order of their ids; id NULL: all of them, else this one.
int hz_store_profile_all(struct hz_store *store, const char *id, hz_profile_row_cb *cb, void *arg);

#endif
