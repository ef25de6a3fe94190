// The packets of one stream (a layer's SSRC) put back in order: extended sequence numbers over wraps and restarts,
// duplicates out, late ones in place, gaps known. Timestamps are extended to 64 bits the same way.
//
// A packet that is missing is waited for, by the clock of arrivals, for `window_us`. Bounded: HZ_ORDER_SLOTS numbers and
// HZ_ORDER_BYTES behind the first missing one; beyond that the gap is given up. The
// first packets are held for 200 ms: one from before the first may come behind it. Thread: one.
#ifndef HZ_RECORDER_FINALIZE_ORDER_H
#define HZ_RECORDER_FINALIZE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/rtp/packet.h"

#define HZ_ORDER_SLOTS     4096
#define HZ_ORDER_BYTES     (16u << 20)
#define HZ_ORDER_WINDOW_US 2000000

struct hz_order_packet {
	int64_t seq;      // extended; only ever goes up
	int64_t ts;       // extended
	int64_t at_us;    // arrival
	uint32_t missing; // packets that never came, right before this one
	bool restart;     // the numbers began anew here: what is missing is not known
	bool marker;
	uint8_t pt;
	const uint8_t *payload; // without padding; valid during the call
	size_t bytes;           // 0: nothing but padding
};

struct hz_order_stats {
	uint64_t packets; // handed on
	uint64_t lost, duplicates, late, restarts;
};

struct hz_order;
typedef void hz_order_cb(void *arg, const struct hz_order_packet *packet);

int hz_order_new(int64_t window_us, hz_order_cb *cb, void *arg, struct hz_order **ret); // -ENOMEM
void hz_order_free(struct hz_order *order); // what waits is dropped. NULL allowed

// Arrivals in their order; the packet is copied if it must wait. 0; -ENOMEM.
int hz_order_put(struct hz_order *order, const struct hz_rtp_packet *packet, int64_t at_us);
void hz_order_flush(struct hz_order *order); // the end: hands on what waits
void hz_order_stats(const struct hz_order *order, struct hz_order_stats *ret);

#endif
