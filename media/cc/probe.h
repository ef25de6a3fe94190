// Short bursts above the estimate that show what is free: after the start, and while more could be used than the
// estimate allows. A success asks for the next at once, a failure waits longer. Pure. Thread: any.
#ifndef HZ_MEDIA_CC_PROBE_H
#define HZ_MEDIA_CC_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_PROBE_US      20000 // length of a cluster
#define HZ_PROBE_PACKETS 6u    // at least
#define HZ_PROBE_GAP_US  700000
#define HZ_PROBE_MAX_US  1500000
#define HZ_PROBE_WAIT_US 2000000 // for feedback; then it has failed

enum hz_probe_phase { HZ_PROBE_IDLE = 0, HZ_PROBE_SENDING, HZ_PROBE_WAITING };

struct hz_probe {
	uint8_t phase;
	uint32_t bps;   // of the running cluster
	uint32_t total; // bytes it takes
	uint32_t sent_bytes, sent_packets;
	uint32_t last_sent_bytes; // in the newest instant
	int64_t first_sent_us, last_sent_us;
	// What else went out between its packets took its time on the link: until now, and until the newest of its own.
	uint32_t aside_bytes, beside_bytes;
	uint32_t got_packets, reported;
	// Of all that was reported behind the first one of its packets that arrived: until now, and until the last one that did.
	uint32_t span_bytes, got_bytes;
	int64_t first_got_us, last_got_us;
	int64_t next_us, gap_us;
	uint32_t clusters;
	uint16_t failures;
};

void hz_probe_init(struct hz_probe *p, int64_t now_us);
void hz_probe_soon(struct hz_probe *p, int64_t now_us); // the next one at once

// Begins a cluster of that rate if its time has come.
void hz_probe_begin(struct hz_probe *p, uint32_t bps, int64_t now_us);
// Bytes to send now; 0: none. ret_packet: a good size for each.
size_t hz_probe_due(const struct hz_probe *p, int64_t now_us, size_t *ret_packet);
void hz_probe_sent(struct hz_probe *p, size_t bytes, int64_t now_us);
void hz_probe_reported(struct hz_probe *p, size_t bytes, bool arrived, int64_t arrival_us);
// Packets that are none of it, in the order of sending.
void hz_probe_beside_sent(struct hz_probe *p, size_t bytes);
void hz_probe_beside_reported(struct hz_probe *p, size_t bytes, bool arrived);

// The rate the finished cluster shows; 0: not finished, or it shows nothing. *ret_full: it is the link's, more was sent.
uint32_t hz_probe_result(const struct hz_probe *p, bool *ret_full);
// How the caller judged it.
void hz_probe_done(struct hz_probe *p, bool success, int64_t now_us);

#endif
