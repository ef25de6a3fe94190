// The theatre sources of consults: durable as the broadcasts are. Their addresses may carry passwords: the data folder is the
// gateway's own. Errors as in store.h.
#ifndef HZ_GATEWAY_STORE_SOURCES_H
#define HZ_GATEWAY_STORE_SOURCES_H

#include <stdbool.h>

#include "gateway/store/store.h"

// json: as gateway/session/theatre.c made it; NULL: there is none any more.
int hz_store_source_put(struct hz_store *store, const char *consult, const char *id, const char *json);
int hz_store_source_forget(struct hz_store *store, const char *consult); // all of a consult
typedef bool hz_source_row_cb(void *arg, const char *consult, const char *id,
                              const char *json); // false: stop
int hz_store_source_all(struct hz_store *store, hz_source_row_cb *cb, void *arg);

#endif
