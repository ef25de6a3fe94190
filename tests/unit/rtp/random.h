// A small deterministic generator (xorshift64*), so that a failing property test fails again.
#ifndef HZ_TESTS_UNIT_RTP_RANDOM_H
#define HZ_TESTS_UNIT_RTP_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_test_random {
	uint64_t state; // not 0
};

static inline uint32_t random_next(struct hz_test_random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return (uint32_t)(r->state * 2685821657736338717ull >> 32);
}

static inline uint32_t random_below(struct hz_test_random *r, uint32_t n)
{
	return random_next(r) % n;
}

static inline bool random_percent(struct hz_test_random *r, uint32_t percent)
{
	return random_below(r, 100) < percent;
}

static inline void random_fill(struct hz_test_random *r, uint8_t *buf, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buf[i] = (uint8_t)random_next(r);
}

#endif
