// Between the files of the table.
#ifndef HZ_GATEWAY_SESSION_TABLE_READING_INTERNAL_H
#define HZ_GATEWAY_SESSION_TABLE_READING_INTERNAL_H

#include "gateway/session/table/reading.h"

// Fills an empty one from the store. *ret_found. -errno of the store, -ENOMEM.
int hz_reading_load(struct hz_brain *brain, struct hz_reading *reading, bool *ret_found);
// One of the words of the schema, for good; "one" for anything else.
const char *hz_reading_layout(const char *word);
// Takes over json (with n). -ENOSPC: all places are used; -ENOMEM. What was there under this id is freed.
int hz_reading_place(struct hz_reading *reading, const char *id, json_t *json, uint8_t due);
struct hz_reading_object *hz_reading_find(const struct hz_reading *reading, const char *id);
void hz_reading_take_away(struct hz_reading *reading, struct hz_reading_object *object);
// As JSON in messages and in the store.
size_t hz_reading_size(const json_t *json);
// The parts that are due for `what`, and not due any more where `taken`; objects up to `bytes`. Sets *ret_more when some
// are left. Members as in the push table.patch, without base and version. NULL: out of memory.
json_t *hz_reading_part(struct hz_reading *reading, uint8_t what, size_t bytes, bool *ret_more);
// Is anything due?
bool hz_reading_is_due(const struct hz_reading *reading, uint8_t what);

#endif
