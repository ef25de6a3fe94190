// Who took part in which record and who looked at it afterwards (huizhen.db: survives power loss). Errors as in store.h;
// strings given out are valid during the callback only.
#ifndef HZ_GATEWAY_STORE_VIEWINGS_H
#define HZ_GATEWAY_STORE_VIEWINGS_H

#include "gateway/store/records.h"

// --- records, found by who may see them

// participant was in the room while it was recorded. May be repeated.
int hz_store_record_person_add(struct hz_store *store, const char *record, const char *participant);
int hz_store_record_person(struct hz_store *store, const char *record, const char *participant, bool *ret);

int hz_store_record_get(struct hz_store *store, const char *id, hz_record_row_cb *cb, void *arg); // -ENOENT

struct hz_record_filter {
	const char *consult; // NULL: of any
	const char *person;  // NULL: whoever took part
	const char *after;   // id of the last one of the page before; NULL: from the newest on
	unsigned limit;
};
// Newest first.
int hz_store_record_page(struct hz_store *store, const struct hz_record_filter *filter, hz_record_row_cb *cb,
                         void *arg);

// --- viewings: a log, never changed but for `handed`

struct hz_viewing_row {
	int64_t seq, time_ms;
	const char *record, *consult;
	const char *view;        // its session
	const char *what;        // "open", or what was fetched first in this session
	const char *participant; // sub of the token
	const char *name, *role, *address;
};
typedef bool hz_viewing_row_cb(void *arg, const struct hz_viewing_row *row); // false: stop

// -EEXIST: this view has that already.
int hz_store_viewing_add(struct hz_store *store, const struct hz_viewing_row *row, int64_t *ret_seq);
// The "open" of a view. -ENOENT.
int hz_store_viewing_open(struct hz_store *store, const char *record, const char *view, hz_viewing_row_cb *cb,
                          void *arg);
// Does the view have that? false also when it is unknown.
int hz_store_viewing_has(struct hz_store *store, const char *record, const char *view, const char *what,
                         bool *ret);
// Oldest first, behind seq `after`, at most `limit`.
int hz_store_viewing_list(struct hz_store *store, const char *record, int64_t after, unsigned limit,
                          hz_viewing_row_cb *cb, void *arg);
// Those that do not lie in their record's folder yet, oldest first, at most `limit`.
int hz_store_viewing_unhanded(struct hz_store *store, unsigned limit, hz_viewing_row_cb *cb, void *arg);
int hz_store_viewing_handed(struct hz_store *store, int64_t seq);

#endif
