// The estimate itself: up by a share of itself while nothing is known of the limit, up by about a packet a round trip
// near it, down to what arrived when a queue builds up. Pure. Thread: any.
#ifndef HZ_MEDIA_CC_AIMD_H
#define HZ_MEDIA_CC_AIMD_H

#include <stdint.h>

#include "media/cc/trend.h"

struct hz_aimd {
	double bps;
	double link_bps,
	    link_dev; // mean and deviation (a share) of what arrived when the link was full; 0 unknown
	int64_t at_us, lowered_us;
};

struct hz_aimd_in {
	enum hz_cc_usage usage;
	uint32_t arrived_bps; // with what the path loses by itself; 0: not known
	uint32_t sent_bps;    // of the same time
	double
	    unproven_bps; // where no probe can be sent: so far the estimate may grow by waiting; 0: probes tell
	uint32_t rtt_us, queue_us;
	int64_t now_us;
};

void hz_aimd_init(struct hz_aimd *a, double bps);
void hz_aimd_update(struct hz_aimd *a, const struct hz_aimd_in *in);
void hz_aimd_set(struct hz_aimd *a, double bps);                      // a probe's result, a return
void hz_aimd_lower(struct hz_aimd *a, double factor, int64_t now_us); // loss

#endif
