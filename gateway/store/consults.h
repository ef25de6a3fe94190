// Consults in the store. Errors as in store.h. Strings given out are valid during the callback only.
#ifndef HZ_GATEWAY_STORE_CONSULTS_H
#define HZ_GATEWAY_STORE_CONSULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/store/store.h"

struct hz_consult_row {
	const char *id, *title;
	bool closed;
	int64_t created_ms, closed_ms;
	uint8_t record;     // enum hz_record_wish of gateway/session/model.h
	const char *layout; // as gateway/session/composed/layout.h writes it; NULL: ""
};

// Insert or update by id.
int hz_store_consult_put(struct hz_store *store, const struct hz_consult_row *row);

typedef bool hz_consult_row_cb(void *arg, const struct hz_consult_row *row); // false: stop

// -ENOENT: there is none.
int hz_store_consult_get(struct hz_store *store, const char *id, hz_consult_row_cb *cb, void *arg);

// Newest first, those after `after` (an id; NULL: from the start), at most limit rows.
int hz_store_consult_list(struct hz_store *store, const char *after, unsigned limit, hz_consult_row_cb *cb,
                          void *arg);

// Open consults only, any order.
int hz_store_consult_open(struct hz_store *store, hz_consult_row_cb *cb, void *arg);

#endif
