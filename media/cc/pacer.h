// A peer's sending budget: audio and repairs always go and are charged, video waits its turn when the link is narrow.
// It keeps no packets: the router queues references into the publisher's history. Off (the usual case, far from the
// limit) it costs one test of a byte. Pure. Thread: its worker's.
#ifndef HZ_MEDIA_CC_PACER_H
#define HZ_MEDIA_CC_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_PACER_BURST_US 40000 // of its rate may go at once, but at least one packet
#define HZ_PACER_DEBT_US  500000

struct hz_pacer {
	uint8_t on;
	uint32_t bps;
	int64_t budget_bytes; // negative: owed by what could not wait
	int64_t at_us;
};

// target_bps: hz_cc_target_bps(); sending_bps: what goes out at present. On when the target is not far above it.
void hz_pacer_set(struct hz_pacer *p, uint32_t target_bps, uint32_t sending_bps, int64_t now_us);
bool hz_pacer_may(struct hz_pacer *p, int64_t now_us); // a video packet, now?
void hz_pacer_spend(struct hz_pacer *p, size_t wire_bytes);

#endif
