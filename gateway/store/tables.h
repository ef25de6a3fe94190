// What lies on the tables of consults (gateway/session/table/reading.h): durable as the records are. Errors as in store.h.
#ifndef HZ_GATEWAY_STORE_TABLES_H
#define HZ_GATEWAY_STORE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/store/store.h"

typedef bool hz_table_cb(void *arg, const char *json); // false: stop

int hz_store_table_put(struct hz_store *store, const char *consult, const char *json);
int hz_store_table_get(struct hz_store *store, const char *consult, hz_table_cb *cb, void *arg);
// One drawing; json NULL: it is gone.
int hz_store_table_object_put(struct hz_store *store, const char *consult, int64_t n, const char *json);
int hz_store_table_objects(struct hz_store *store, const char *consult, hz_table_cb *cb, void *arg); // by n
int hz_store_table_del(struct hz_store *store, const char *consult); // all of a consult

#endif
