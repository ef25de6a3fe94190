// From the sender reports of a publisher to the gateway's clock, so that the gateway's own sender reports keep audio
// and video of one peer in lip sync (RFC 3550 6.4.1). Two plain structs of fixed layout, no pointers, may live in the
// worker's arena: one per peer (its clock) and one per received stream (its timestamps). Times are now_us, a
// monotonic clock that survives a worker's restart. Thread: its worker's.
#ifndef HZ_MEDIA_RTP_CLOCKMAP_H
#define HZ_MEDIA_RTP_CLOCKMAP_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

// Gateway time minus the peer's NTP time: the smallest seen over the last 30 to 60 s, because queueing only adds.
struct hz_clock_peer {
	int64_t offset_us;       // in use
	int64_t window_min_us;   // of the running 30 s
	int64_t previous_min_us; // of the 30 s before; INT64_MAX none
	int64_t window_start_us;
	uint32_t valid;
	uint16_t epoch; // counted up when the peer's clock was set
	uint16_t reserved;
};
static_assert(sizeof(struct hz_clock_peer) == 40, "arena layout");

struct hz_clockmap {
	int64_t ref_us; // peer NTP time in us if from_sr, else gateway time
	uint32_t ref_ts;
	uint32_t clock_hz;
	uint8_t from_sr;
	uint8_t valid;
	uint16_t epoch; // of the peer, when ref_us was taken
	uint32_t reserved;
};
static_assert(sizeof(struct hz_clockmap) == 24, "arena layout");

void hz_clock_peer_init(struct hz_clock_peer *peer);
void hz_clockmap_init(struct hz_clockmap *map, uint32_t clock_hz); // clock_hz > 0

// A sender report of one of the peer's streams: updates both. A peer whose clock steps by more than 5 s begins anew:
// its other streams have no mapping until their next report. ntp 0 (no clock) is ignored.
void hz_clockmap_on_sr(struct hz_clockmap *map, struct hz_clock_peer *peer, uint64_t ntp, uint32_t rtp_ts,
                       int64_t now_us);

// A packet arrived: a stand-in mapping until the first sender report, by the earliest arrival.
void hz_clockmap_on_packet(struct hz_clockmap *map, uint32_t rtp_ts, int64_t now_us);

// The stream's RTP timestamp at gateway time at_us (for an SR written at that moment). -ENODATA: nothing known yet.
int hz_clockmap_rtp_at(const struct hz_clockmap *map, const struct hz_clock_peer *peer, int64_t at_us,
                       uint32_t *ret_ts);

// The gateway time at which the sample rtp_ts was taken (plus the shortest way here). -ENODATA.
int hz_clockmap_us_at(const struct hz_clockmap *map, const struct hz_clock_peer *peer, uint32_t rtp_ts,
                      int64_t *ret_us);

#endif
