// Deadlines of a fixed number of things (peers, sessions), one each, in a binary heap. Reads no clock.
// Bounded by the capacity given; allocates only in new. Thread: one.
#ifndef HZ_BASE_TIMERS_H
#define HZ_BASE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

struct hz_timers;

// For the ids 0 .. capacity-1. *ret is the caller's: hz_timers_free(). -EINVAL for capacity 0, -ENOMEM.
int hz_timers_new(uint32_t capacity, struct hz_timers **ret);
void hz_timers_free(struct hz_timers *timers);

// Sets or moves the deadline of id; ids outside the capacity are ignored.
void hz_timers_set(struct hz_timers *timers, uint32_t id, int64_t deadline_us);
void hz_timers_cancel(struct hz_timers *timers, uint32_t id);

// The deadline of id, INT64_MAX when none is set.
int64_t hz_timers_get(const struct hz_timers *timers, uint32_t id);

// The earliest deadline, INT64_MAX when there is none.
int64_t hz_timers_next(const struct hz_timers *timers);

// Takes one that is due out of the heap, earliest first: true and *ret_id.
bool hz_timers_pop(struct hz_timers *timers, int64_t now_us, uint32_t *ret_id);

#endif
