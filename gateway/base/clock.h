// The two clocks. Protocol code never calls these: it is handed `now_us`.
#ifndef HZ_BASE_CLOCK_H
#define HZ_BASE_CLOCK_H

#include <stdint.h>

// CLOCK_MONOTONIC in microseconds: the same for every process of this boot, so it may be stored in an arena.
int64_t hz_now_us(void);

// Wall clock (CLOCK_REALTIME) in microseconds since 1970.
int64_t hz_wall_us(void);

#endif
