// A bounded hash map from short texts or numbers to pointers: open addressing, SipHash with a random key (so
// that outsiders who choose ids cannot make it slow). Does not own the values. Thread: one.
#ifndef HZ_BASE_MAP_H
#define HZ_BASE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define HZ_MAP_KEY_BYTES 128 // longer keys are refused

struct hz_map;

// At most max_entries; memory grows with use. -EINVAL for 0, -ENOMEM.
int hz_map_new(uint32_t max_entries, struct hz_map **ret);
void hz_map_free(struct hz_map *map);

// Adds or replaces. 0, -ENOSPC when full, -EINVAL for an empty or too long key or a NULL value, -ENOMEM.
int hz_map_set(struct hz_map *map, const char *key, void *value);
void *hz_map_get(const struct hz_map *map, const char *key); // NULL: not there
void *hz_map_del(struct hz_map *map, const char *key);       // returns what was there

// The same with a number as key; texts and numbers do not collide.
int hz_map_set_u64(struct hz_map *map, uint64_t key, void *value);
void *hz_map_get_u64(const struct hz_map *map, uint64_t key);
void *hz_map_del_u64(struct hz_map *map, uint64_t key);

uint32_t hz_map_count(const struct hz_map *map);

// Walks all entries in no order: start with *at = 0; NULL at the end. Nothing may be set or deleted
// meanwhile.
void *hz_map_next(const struct hz_map *map, uint32_t *at);

#endif
