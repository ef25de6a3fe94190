// What we tell a publisher that speaks goog-remb but not transport-wide feedback: how much it may send
// (draft-alvestrand-rmcat-remb). Kept simple: from loss and the rate that arrives, once a second. It never allows much
// more than what arrived without loss, so a publisher climbs in steps; a queue that grows without loss is not seen
// (such clients, Firefox before 2021 and encoders, have no better to offer; all others use transport-wide feedback).
// Plain data, no pointers, no clock. Thread: its worker's.
#ifndef HZ_MEDIA_RTP_REMB_H
#define HZ_MEDIA_RTP_REMB_H

#include <stdint.h>

#define HZ_REMB_MIN_BPS   50000u
#define HZ_REMB_MAX_BPS   20000000u
#define HZ_REMB_START_BPS 500000u

struct hz_remb {                // zero: nothing said yet
	int64_t at_us;          // of the last step
	uint64_t bytes;         // received until then, all streams
	int64_t expected, lost; // packets until then
	uint32_t bps;           // told last; 0 nothing yet
	uint32_t back_bps;      // hz_remb_fall()
};

struct hz_remb_in { // totals since the peer came; those of a stream that ended may be missing
	uint64_t bytes;
	int64_t expected, lost;
};

// A step; at least half a second after the one before, else nothing changes. Returns what to tell; 0: nothing yet.
uint32_t hz_remb_step(struct hz_remb *r, const struct hz_remb_in *in, int64_t now_us);

// Rates by loss alone, once a second, of whoever is told and of whoever tells us. More than half was lost: that was an outage
// rather than a limit, and three quarters of the rate before it are worth coming back to, with some loss, too: on a radio link
// there is always some. Any other fall halves what there is to come back to. *back_bps: zero at the beginning.
uint32_t hz_remb_fall(uint32_t *back_bps, uint32_t bps, uint32_t permille);
// permille: at most 100.
uint32_t hz_remb_rise(uint32_t back_bps, uint32_t bps, uint32_t permille);

#endif
