// Bits a second over the last half second, in steps of 50 ms. Pure. Thread: any.
#ifndef HZ_MEDIA_CC_RATE_H
#define HZ_MEDIA_CC_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_CC_RATE_STEPS   10
#define HZ_CC_RATE_STEP_US 50000

struct hz_cc_rate {    // zero: nothing yet
	int64_t step;  // number of the newest step
	int64_t first; // of the oldest one that counts
	uint32_t bytes[HZ_CC_RATE_STEPS];
	uint8_t started;
};

// Times may go back by less than the window; older ones are left out, a leap ahead begins anew.
void hz_cc_rate_add(struct hz_cc_rate *r, size_t bytes, int64_t at_us);

// Over the whole steps before the newest one; 0: less than 150 ms are known.
uint32_t hz_cc_rate_bps(const struct hz_cc_rate *r);

#endif
