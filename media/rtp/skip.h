// Numbers that are left out of a stream, so that those that remain follow one another without gaps: the place of an
// incoming (extended) number among the kept ones, also for late packets and, backwards, for retransmissions.
// A window of HZ_SKIP_WINDOW numbers behind the newest is remembered; what was never seen counts as kept, so that it
// has a place if it still comes. Plain data, no pointers, 152 bytes. Thread: its worker's.
#ifndef HZ_MEDIA_RTP_SKIP_H
#define HZ_MEDIA_RTP_SKIP_H

#include <stdbool.h>
#include <stdint.h>

#define HZ_SKIP_WINDOW 1024

struct hz_skip {
	int64_t top;                            // newest number decided on
	int64_t bottom;                         // first number that has a place
	uint64_t total;                         // left out, up to top
	uint64_t left_out[HZ_SKIP_WINDOW / 64]; // bit (number % window)
};

// Numbers from `first` on have a place; `total` were left out before.
void hz_skip_begin(struct hz_skip *s, int64_t first, uint64_t total);

// Decides on a number above top; those between are kept.
void hz_skip_put(struct hz_skip *s, int64_t number, bool left_out);

// How many under `number` were left out. -1: too old to be known.
int64_t hz_skip_before(const struct hz_skip *s, int64_t number);
bool hz_skip_is_out(const struct hz_skip *s, int64_t number); // false for those not decided on

// The kept number with `back` kept ones above it up to top (0: the newest kept one). -1: too old to be known.
int64_t hz_skip_find(const struct hz_skip *s, uint64_t back);

#endif
