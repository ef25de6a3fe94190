// One direction of an emulated link: a byte-bounded queue before a bottleneck of some rate, then loss, delay and
// jitter. Pure: packets and `now_us` in, packets and a deadline out; all randomness comes from the seed.
//
//   push → [outage? loses] → queue (tail drop) → bottleneck (rate) → [outage? loss?] → delay line → pop
//
// A lost packet has used its time on the bottleneck, as on a radio link. Configuration may change at any time: what
// waits in the queue is served at the new rate, what is in the delay line keeps its arrival time.
// Bounded: at most HZ_WIRE_PACKETS packets are inside; one more is dropped and counted. Not thread-safe.
#ifndef TESTS_NET_LINK_WIRE_H
#define TESTS_NET_LINK_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_WIRE_PACKETS      4096
#define HZ_WIRE_PACKET_BYTES 2048
#define HZ_WIRE_OUTAGES      8

struct hz_wire_config {
	uint64_t rate_bps;    // 0: no bottleneck
	uint32_t queue_bytes; // waiting before the bottleneck, without the packet being sent
	uint32_t delay_us;    // one way
	uint32_t jitter_us;   // uniformly 0 to this, added to the delay
	uint32_t loss_ppm;    // of a million packets
	uint32_t
	    burst_permille; // mean number of packets lost together, in thousandths; at most 1000: independent
	bool reorder;       // jitter may put a packet before an earlier one
};

struct hz_wire_counters {
	uint64_t in_packets, in_bytes;   // pushed
	uint64_t out_packets, out_bytes; // popped
	uint64_t lost;                   // by the loss process
	uint64_t tail_dropped;           // queue full
	uint64_t outage_dropped;
	uint64_t oversized; // longer than HZ_WIRE_PACKET_BYTES
	uint32_t queued_bytes_max;
};

struct hz_wire;

// -ENOMEM. The owner frees.
int hz_wire_new(uint64_t seed, struct hz_wire **ret_wire);
void hz_wire_free(struct hz_wire *wire);

void hz_wire_configure(struct hz_wire *wire, const struct hz_wire_config *config, int64_t now_us);
const struct hz_wire_config *hz_wire_config(const struct hz_wire *wire);

// From `from_us` until `until_us` nothing passes. -ENOSPC when HZ_WIRE_OUTAGES are still to come or going on.
int hz_wire_outage(struct hz_wire *wire, int64_t from_us, int64_t until_us, int64_t now_us);

// Copies a packet in. False when it was dropped at once.
bool hz_wire_push(struct hz_wire *wire, const uint8_t *packet, size_t bytes, int64_t now_us);

// The next packet that has arrived, in `ret_packet` until the next call on this wire; its length, 0 when there is none.
size_t hz_wire_pop(struct hz_wire *wire, int64_t now_us, const uint8_t **ret_packet);

// When to call hz_wire_pop() next; INT64_MAX when nothing is inside.
int64_t hz_wire_deadline(const struct hz_wire *wire);

const struct hz_wire_counters *hz_wire_counters(const struct hz_wire *wire);
void hz_wire_reset_counters(struct hz_wire *wire);

#endif
